"""A statement and its parameters in, rows out, through the project's connection; leaves alone what is asked.

For the few hot statements. On PostgreSQL parameters are bound by the server, so that the statement is
prepared once per connection (`prepare_threshold`) and long JSON documents are not quoted in Python.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL


def cursor():
    """A cursor that counts in query logs and execute wrappers like any other of Django's."""
    if connection.vendor != "postgresql":
        return connection.cursor()
    from django.db.backends.postgresql.base import ServerBindingCursor

    connection.ensure_connection()
    return connection.make_cursor(ServerBindingCursor(connection.connection))


def execute(sql: str, params: Sequence[Any] = ()) -> list[tuple]:
    """All rows of one statement; an empty list for one that returns none."""
    with cursor() as cur:
        cur.execute(sql, params)
        return cur.fetchall() if cur.description else []


@contextmanager
def joined_by_hash() -> Iterator[None]:
    """Within a transaction: join rows that the same transaction has just stored. PostgreSQL has counted none of them
    yet, takes them for one, and would look through all of them for each."""
    if connection.vendor != "postgresql":
        yield
        return
    execute("SET LOCAL enable_nestloop = off")
    yield
    execute("RESET enable_nestloop")


def among(column: str, ids: Iterable[int]) -> RawSQL:
    """The condition that `column` (table and name) is one of many ids, as one parameter: a thousand of them take longer
    to be written into a statement than to be looked up."""
    listed = list(ids)
    if connection.vendor == "postgresql":
        return RawSQL(f"{column} = ANY(%s::bigint[])", (listed,), output_field=BooleanField())
    chosen = f"{column} IN (SELECT value FROM json_each(%s))"
    return RawSQL(chosen, (json.dumps(listed),), output_field=BooleanField())
