"""The instant in; leads on hold given out where somebody of their pool is there again, and leads that nobody claimed
passed on, out.

Both are acts like any other: decided by the same `decide`, written through the one door, each with its reason.

On hold: high intent first, then by intent class, then the oldest. A lead for which there is still nobody stays as it
is, without a new decision. That new leads do not overtake, `routing.engine.placing` sees to.

To be claimed: when the time is over, the next pool is asked, in the end the named person gets it.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from owners.writer import writing
from routing.current import in_force, people_now
from routing.engine.eligibility import Ask, absence
from routing.engine.people import People, PoolOf
from routing.engine.values import Case
from routing.lease import budget
from routing.models import OwnerLoad, ReviewItem
from routing.moved import RELEASED
from routing.moving import REVROUTE, Asked, Standing, ask, decide_acts, standing

logger = logging.getLogger(__name__)

BATCH = 100
UNCLAIMED = "unclaimed"
"""Cause of the act that passes on a lead that nobody claimed."""
# SQLite uses the partial indexes only for conditions that are written like their own.
FOR_A_POOL = RawSQL(
    "routing_reviewitem.state = 'open' AND routing_reviewitem.pool_id IS NOT NULL", (), output_field=BooleanField()
)
Reason = ReviewItem.Reason


def tend(now: datetime) -> int:
    """Pass on what nobody claimed in time, then give out what is on hold; how many leads moved."""
    if not ReviewItem.objects.filter(FOR_A_POOL).exists():  # a read, so that an idle tick never waits for writers
        return 0
    return _pass_on(now) + _release(now)


# --- on hold ----------------------------------------------------------------------------------------------


def _release(now: datetime) -> int:
    held = ReviewItem.objects.filter(FOR_A_POOL, reason=Reason.ON_HOLD)
    pools = _with_somebody(held.order_by().values_list("pool", flat=True).distinct(), people_now(), now)
    moved, has_time = 0, budget()
    while pools and has_time():
        with writing():
            done, looked = _give_out(held.filter(pool__in=pools), now)
        moved += done
        if done == 0 or looked < BATCH:
            break
    return moved


def _with_somebody(pools: Iterable[int], people: People, now: datetime) -> list[int]:
    """Those of which a member is there now and has room in the person's caps on open leads: all others wait."""
    known = [people.pools[id] for id in pools if id in people.pools]
    there = {pool.id: _there(pool, people, now) for pool in known}
    owners = {owner for ids in there.values() for owner in ids}
    loads = dict(OwnerLoad.objects.filter(owner__in=owners).values_list("owner", "open_leads")) if owners else {}
    room = {id for id in owners if _has_room(people.owners[id].cap_open, loads.get(id, 0))}
    return [id for id, ids in there.items() if room.intersection(ids)]


def _has_room(cap: int | None, held: int) -> bool:
    return cap is None or held < cap


def _there(pool: PoolOf, people: People, now: datetime) -> list[int]:
    asked = Ask(now=now, source_key="", keeps_hours=pool.keeps_hours)
    persons = (people.owners.get(member.owner) for member in pool.members)
    return [one.id for one in persons if one and one.state == "active" and one.accepts and not absence(one, asked)]


def _give_out(items: QuerySet[ReviewItem], now: datetime) -> tuple[int, int]:
    """Of the first leads those for whom there is somebody; how many moved, and how many were looked at."""
    first = items.order_by("-lead__high_intent", "event__intent_class", "lead")[:BATCH]
    leads = list(first.values_list("lead", flat=True))
    at = standing(leads)
    asked = [_asked_again(at[lead], now) for lead in leads if lead in at]
    if not asked:
        return 0, 0
    decided = decide_acts(asked, REVROUTE, in_force())
    placed = [one for one in decided.settled if one.decision.outcome.status != "held"]
    if placed:
        decided._replace(settled=placed).write(now)
    return len(placed), len(asked)


def _asked_again(at: Standing, now: datetime) -> Asked:
    """The rules decide once more; whoever had the lead before is not asked again."""
    case: Case = ask(at, "again", REVROUTE, "somebody of the pool it waited for may be there", now, cause=RELEASED)
    return Asked(at, replace(case, tried=at.had))


# --- to be claimed ----------------------------------------------------------------------------------------


def _pass_on(now: datetime) -> int:
    due = ReviewItem.objects.filter(FOR_A_POOL, reason=Reason.WAITING_TO_BE_CLAIMED, due_at__lte=now)
    moved, has_time = 0, budget()
    while has_time() and due.exists():
        with writing():
            rows = list(due.order_by("due_at", "id").values_list("lead", "pool")[:BATCH])
            at = standing([lead for lead, _ in rows])
            asked = [_asked_next(at[lead], pool, now) for lead, pool in rows if lead in at]
            if not asked:
                break
            decide_acts(asked, REVROUTE, in_force()).write(now)
        moved += len(asked)
    return moved


def _asked_next(at: Standing, pool: int, now: datetime) -> Asked:
    why = "nobody claimed it in time"
    case = ask(at, "escalate", REVROUTE, why, now, cause=UNCLAIMED, pool=pool)
    return Asked(at, replace(case, tried=at.had))
