"""Rows as plain tuples in, all of them written with one statement (PostgreSQL) or one a table (SQLite).

The hot tables only. Columns and their types are read from the models. Because there is one writer at a time,
the look-up has said what is new and ids are known beforehand, so nothing needs RETURNING and all writes are
independent of each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connection, models

from leads.sql import cursor
from routing.engine.text import canonical

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Target:
    """A table's columns in the order of its tuples.

    `upsert`: the key column on whose conflict the other columns are overwritten. `skip`: a row that some
    unique constraint already holds is passed over. `update`: rows are changed by their first column, not
    inserted. `same`: columns that have one value in all rows, which are in no tuple.
    """

    model: type[models.Model]
    fields: tuple[str, ...]
    upsert: str = ""
    skip: bool = False
    update: bool = False
    same: tuple[tuple[str, str | int], ...] = ()

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    def columns(self) -> list[models.Field]:
        return [self.model._meta.get_field(name) for name in self.fields]


def all_fields(model: type[models.Model], *, auto_id: bool) -> tuple[str, ...]:
    """Every concrete field of the model in order, without an id that the database gives."""
    return tuple(field.name for field in model._meta.concrete_fields if not (auto_id and field.primary_key))


def write(rows: Sequence[tuple[Target, list[Row]]]) -> None:
    """Write all rows. `rows` names every target of the batch, empty ones too, so that the statement stays one."""
    if connection.vendor == "postgresql":
        _write_postgres(rows)
    else:
        _write_sqlite(rows)


def _write_postgres(rows: Sequence[tuple[Target, list[Row]]]) -> None:
    sql = _postgres_sql(tuple(target for target, _ in rows))
    documents = [canonical([dict(zip(_names(target), line, strict=True)) for line in lines]) for target, lines in rows]
    with cursor() as cur:
        cur.execute(sql, documents)


@lru_cache(maxsize=16)
def _postgres_sql(targets: tuple[Target, ...]) -> str:
    """One statement: a CTE per target, each over one JSON document of arrays."""
    parts = [f"w{number} AS ({_postgres_part(target)})" for number, target in enumerate(targets)]
    return f"WITH {', '.join(parts)} SELECT 1"


@lru_cache(maxsize=64)
def _names(target: Target) -> tuple[str, ...]:
    """The column names: keys in the document, which is read in one pass (unlike access by position)."""
    return tuple(column.column for column in target.columns())


def _postgres_part(target: Target) -> str:
    columns = target.columns()
    names = ", ".join(_names(target))
    typed = ", ".join(f"{column.column} {column.db_type(connection)}" for column in columns)
    source = f"json_to_recordset(%s::json) AS t({typed})"
    if target.update:
        key, *rest = columns
        sets = ", ".join(f"{column.column} = t.{column.column}" for column in rest)
        return f"UPDATE {target.table} u SET {sets} FROM {source} WHERE u.{key.column} = t.{key.column}"
    more, values = _same(target)
    into = f"INSERT INTO {target.table} ({names}{more})"
    return f"{into} SELECT {names}{values} FROM {source}{_on_conflict(target)}"


def _same(target: Target) -> tuple[str, str]:
    """Names and values of the columns that have one value; they come from the program, never from a row."""
    columns = [target.model._meta.get_field(name).column for name, _ in target.same]
    values = [str(value) if isinstance(value, int) else f"'{value}'" for _, value in target.same]
    return "".join(f", {column}" for column in columns), "".join(f", {value}" for value in values)


def _on_conflict(target: Target) -> str:
    if target.skip:
        return " ON CONFLICT DO NOTHING"
    if not target.upsert:
        return ""
    key = target.model._meta.get_field(target.upsert).column
    sets = ", ".join(f"{c.column} = excluded.{c.column}" for c in target.columns() if c.column != key)
    return f" ON CONFLICT ({key}) DO UPDATE SET {sets}"


def _write_sqlite(rows: Sequence[tuple[Target, list[Row]]]) -> None:
    adapt = lru_cache(connection.ops.adapt_datetimefield_value)  # most rows of a batch carry its one instant
    with connection.cursor() as cur:
        for target, lines in rows:
            if lines:
                values = [list(line) for line in lines]
                for place in _instants(target):
                    for line in values:
                        if type(line[place]) is datetime:
                            line[place] = adapt(line[place])
                if target.update:
                    values = [[*rest, key] for key, *rest in values]
                cur.executemany(_sqlite_sql(target), values)


@lru_cache(maxsize=64)
def _instants(target: Target) -> tuple[int, ...]:
    """The places of the columns that hold instants."""
    return tuple(n for n, column in enumerate(target.columns()) if isinstance(column, models.DateTimeField))


@lru_cache(maxsize=64)
def _sqlite_sql(target: Target) -> str:
    names = _names(target)
    if target.update:
        key, *rest = names
        return f"UPDATE {target.table} SET {', '.join(f'{name} = %s' for name in rest)} WHERE {key} = %s"
    holes = ", ".join(["%s"] * len(names))
    more, values = _same(target)
    return f"INSERT INTO {target.table} ({', '.join(names)}{more}) VALUES ({holes}{values}){_on_conflict(target)}"
