"""Pools and owners in, their turns and loads out, read with one statement; leaves alone who is next."""

import json
from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from leads.sql import execute
from routing.engine.people import People
from routing.engine.rotation import Turn, fraction
from routing.engine.values import NO_LOAD, Load, Numbers
from routing.rows import local_day

SQL = """
SELECT 'turn', r.member_id, r.v, r.last, CASE WHEN r.away THEN 1 ELSE 0 END, '', 0, '', 0
  FROM routing_rotationstate r JOIN owners_poolmember m ON m.id = r.member_id WHERE m.pool_id {in_pools}
UNION ALL
SELECT 'load', owner_id, '', open_leads, 0, CAST(day AS text), day_count, CAST(week AS text), week_count
  FROM routing_ownerload WHERE owner_id {in_owners}
"""


def read_numbers(pools: Iterable[int], owners: Iterable[int], people: People, now: datetime) -> Numbers:
    """Turns of all members of the pools, loads of the owners; a count of an earlier day or week is nought."""
    owners = sorted(owners)
    lists = [sorted(pools), owners]
    if connection.vendor == "postgresql":
        rows = execute(SQL.format(in_pools="= ANY(%s)", in_owners="= ANY(%s)"), lists)
    else:
        listed = "IN (SELECT value FROM json_each(%s))"
        rows = execute(SQL.format(in_pools=listed, in_owners=listed), [json.dumps(ids) for ids in lists])
    numbers = Numbers(loads=dict.fromkeys(owners, NO_LOAD), pools_read=set(lists[0]))
    for kind, id, v, count, away, day, day_count, week, week_count in rows:
        if kind == "turn":
            numbers.turns[id] = Turn(fraction(v), count, bool(away))
        elif id in people.owners:
            today, monday = local_day(people.owners[id].zone, now)
            in_day = day_count if day == today.isoformat() else 0
            in_week = week_count if week == monday.isoformat() else 0
            numbers.loads[id] = Load(count, in_day, in_week)
    return numbers
