"""Pools and owners in, their turns and loads out, read with one statement; leaves alone who is next."""

import json
from collections.abc import Iterable
from datetime import date, datetime

from django.db import connection

from leads.sql import execute
from routing.engine.people import People
from routing.engine.rotation import Turn, fraction
from routing.engine.values import NO_LOAD, Load, Numbers, Waiting
from routing.rows import local_day

SQL = """
SELECT 'turn', r.member_id, r.v, r.last, CASE WHEN r.away THEN 1 ELSE 0 END, '', 0, '', 0
  FROM routing_rotationstate r JOIN owners_poolmember m ON m.id = r.member_id WHERE m.pool_id {in_pools}
UNION ALL
SELECT 'load', owner_id, '', open_leads, 0, CAST(day AS text), day_count, CAST(week AS text), week_count
  FROM routing_ownerload WHERE owner_id {in_owners}
UNION ALL
SELECT 'member', member_id, '', open_leads, 0, CAST(day AS text), day_count, CAST(week AS text), week_count
  FROM routing_memberload WHERE member_id {in_members}
UNION ALL
SELECT 'waits', r.pool_id, '', COUNT(*), SUM(CASE WHEN l.high_intent THEN 1 ELSE 0 END), '', 0, '', 0
  FROM routing_reviewitem r JOIN leads_lead l ON l.id = r.lead_id
 WHERE r.state = 'open' AND r.pool_id IS NOT NULL AND r.pool_id {in_pools} AND r.reason = 'on_hold' AND NOT l.is_test
 GROUP BY r.pool_id
"""


def read_numbers(
    pools: Iterable[int], owners: Iterable[int], people: People, now: datetime, members: Iterable[int] = ()
) -> Numbers:
    """Turns of all members of the pools, loads of the owners, and of those members of the pools, and of `members`,
    who have caps; how many leads are on hold for the pools. A count of an earlier day or week is nought."""
    owners = sorted(owners)
    capped = {id for pool in pools for id in people.pools[pool].capped}.union(members) & people.capped.keys()
    lists = [sorted(pools), owners, sorted(capped), sorted(pools)]
    if connection.vendor == "postgresql":
        rows = execute(SQL.format(in_pools="= ANY(%s)", in_owners="= ANY(%s)", in_members="= ANY(%s)"), lists)
    else:
        listed = "IN (SELECT value FROM json_each(%s))"
        filled = SQL.format(in_pools=listed, in_owners=listed, in_members=listed)
        rows = execute(filled, [json.dumps(ids) for ids in lists])
    numbers = Numbers(
        loads=dict.fromkeys(owners, NO_LOAD),
        pools_read=set(lists[0]),
        member_loads=dict.fromkeys(lists[2], NO_LOAD),
    )
    for kind, id, v, count, away, day, day_count, week, week_count in rows:
        if kind == "waits":
            numbers.waiting[id] = Waiting(count, away)
        elif kind == "turn":
            numbers.turns[id] = Turn(fraction(v), count, bool(away))
        elif kind == "member":
            today = local_day(people.owners[people.capped[id]].zone, now)
            numbers.member_loads[id] = _as_of(today, count, day, day_count, week, week_count)
        elif id in people.owners:
            today = local_day(people.owners[id].zone, now)
            numbers.loads[id] = _as_of(today, count, day, day_count, week, week_count)
    return numbers


def _as_of(today: tuple[date, date], count: int, day: str, day_count: int, week: str, week_count: int) -> Load:
    in_day, in_week = (text == at.isoformat() for text, at in zip((day, week), today, strict=True))
    return Load(count, day_count if in_day else 0, week_count if in_week else 0)
