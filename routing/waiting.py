"""The waiting events and what to decide them by, read with one statement inside the writer transaction."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection
from django.utils.dateparse import parse_datetime

from leads.sql import execute


class Event(NamedTuple):
    """A stored event as `routing.prepare.prepare` wants it."""

    id: int
    source: int
    received_at: datetime
    body: bytes
    content_type: str


class Waiting(NamedTuple):
    """`events`: the own one first, the others by intent class, then age. The rest says what to decide by."""

    events: list[Event]
    stamp: int
    version: int | None
    answerable: int


COLUMNS = "id, source_id, received_at, body, content_type"
SQL = f"""
SELECT e.{COLUMNS.replace(", ", ", e.")},
  (SELECT number FROM owners_configstamp WHERE id = 1),
  (SELECT id FROM routing_rulesetversion WHERE state = 'published'),
  (SELECT MIN(id) FROM owners_owner WHERE state = 'active')
FROM (
  SELECT 0 AS place, intent_class, {COLUMNS} FROM leads_rawevent WHERE state = 0 AND id = {{own}}
  UNION ALL
  SELECT * FROM (SELECT 1 AS place, intent_class, {COLUMNS} FROM leads_rawevent WHERE state = 0
    ORDER BY intent_class, id LIMIT {{limit}}) first_ones
) e ORDER BY e.place, e.intent_class, e.id
"""


def take(own: int | None, limit: int, *, only: bool = False) -> Waiting:
    """The event `own` (if it still waits) and the first others, `limit` in all; `only`: none but the own."""
    sql = SQL.format(own="%s", limit="%s")
    rows = execute(sql, [own if own is not None else -1, 0 if only else limit])
    events = {row[0]: Event(row[0], row[1], instant(row[2]), bytes(row[3]), row[4]) for row in reversed(rows)}
    ordered = [events[id] for id in dict.fromkeys(row[0] for row in rows)][:limit]
    if not rows:
        return Waiting([], 0, None, 0)
    stamp, version, answerable = rows[0][5:]
    return Waiting(ordered, stamp or 0, version, answerable or 0)


def first_waiting(limit: int) -> list[int]:
    """The ids of those that are taken next, in order. A read, outside the writer transaction."""
    sql = "SELECT id FROM leads_rawevent WHERE state = 0 ORDER BY intent_class, id LIMIT %s"
    return [id for (id,) in execute(sql, [limit])]


def done_of(ids: Iterable[int]) -> set[int]:
    """Those of the events that wait no longer."""
    holes = list(ids)
    if connection.vendor == "postgresql":
        rows = execute("SELECT id FROM leads_rawevent WHERE id = ANY(%s) AND state <> 0", [holes])
    else:
        rows = execute(
            "SELECT id FROM leads_rawevent WHERE id IN (SELECT value FROM json_each(%s)) AND state <> 0",
            [json.dumps(holes)],
        )
    return {row[0] for row in rows}


def instant(value: datetime | str) -> datetime:
    """A stored instant as a statement of ours reads it: SQLite hands out naive UTC, as a datetime or as text."""
    if connection.vendor == "postgresql":
        return value  # type: ignore[return-value]
    parsed = parse_datetime(value) if isinstance(value, str) else value
    return parsed.replace(tzinfo=UTC)
