"""The instant in; leads on hold given out where somebody of their pool is there again, and leads that nobody claimed
passed on, out.

Both are acts like any other: decided by the same `decide`, written through the one door, each with its reason.

On hold: high intent first, then by intent class, then the oldest. A lead for which there is still nobody stays as it
is, without a new decision. That new leads do not overtake, `routing.engine.pooling` sees to. A pass looks at all of
them in batches, so that one whom nobody can take keeps back no other. The next ticks look at those only that came
since, until somebody else is free, the configuration changes, or five minutes are over: rules may begin to hold.

To be claimed: when the time is over, the next pool is asked, in the end the named person gets it.

A lead that cannot be decided is set aside for an hour, and the others go on.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import BooleanField, Max, QuerySet
from django.db.models.expressions import RawSQL

from owners.models import ConfigStamp
from owners.writer import writing
from routing.current import forget, in_force, people_now
from routing.engine.eligibility import Ask, Seat, check
from routing.engine.people import People, PoolOf
from routing.engine.values import Case, Numbers
from routing.lease import budget
from routing.models import ReviewItem, RuleSetVersion
from routing.moved import RELEASED
from routing.moving import REVROUTE, Asked, Standing, ask, decide_acts, standing
from routing.numbers import read_numbers
from routing.pipeline import EVERYBODYS

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

ANEW = timedelta(minutes=5)
Free = frozenset[tuple[int, int]]
"""(pool, owner) of everybody who could take a lead of the pool now."""


class Pass(NamedTuple):
    """What held at the end of a pass over all leads on hold. `newest`: the latest item that it looked at."""

    config: tuple[int | None, int | None]
    free: Free
    newest: int
    at: datetime


_last: Pass | None = None


def _release(now: datetime) -> int:
    global _last
    held = ReviewItem.objects.filter(FOR_A_POOL, reason=Reason.ON_HOLD)
    config, people = _config(), people_now()
    free = _free(held, people, now)
    known = _last if _last and _last.config == config and _last.at <= now < _last.at + ANEW else None
    # Another configuration may lead a lead elsewhere, so that its own pool need not have anybody.
    due = held if _last is None or _last.config != config else held.filter(pool__in={pool for pool, _ in free})
    if known and free <= known.free:
        due = due.filter(id__gt=known.newest)
        if known.free != free:
            _last = known._replace(free=free)
    rows = list(due.order_by("-lead__high_intent", "event__intent_class", "lead").values_list("id", "lead"))
    if not rows:
        return 0
    moved, done = _in_batches([lead for _, lead in rows], lambda leads: _give_out(held, leads, now), now)
    newest = max(known.newest if known else 0, *(id for id, _ in rows))
    _last = Pass(config, _free(held, people, now), newest, known.at if known else now) if done else None
    return moved


def _config() -> tuple[int | None, int | None]:
    stamp = ConfigStamp.objects.filter(pk=1).values_list("number", flat=True).first()
    return stamp, RuleSetVersion.objects.filter(state=RuleSetVersion.State.PUBLISHED).aggregate(id=Max("id"))["id"]


def _free(held: QuerySet[ReviewItem], people: People, now: datetime) -> Free:
    """Who is there and has room, in the pools that leads wait for; two statements."""
    ids = held.order_by().values_list("pool", flat=True).distinct()
    pools = [people.pools[id] for id in ids if id in people.pools]
    owners = {member.owner for pool in pools for member in pool.members}
    numbers = read_numbers([pool.id for pool in pools], owners, people, now)
    return frozenset((pool.id, owner) for pool in pools for owner in _there(pool, people, numbers, now))


def _there(pool: PoolOf, people: People, numbers: Numbers, now: datetime) -> Iterable[int]:
    asked = Ask(now=now, source_key="", keeps_hours=pool.keeps_hours)
    for member in pool.members:
        person, load, terms = people.owners.get(member.owner), numbers.loads[member.owner], pool.terms.get(member.id)
        capped = terms is not None and member.id in people.capped
        seat = Seat(pool.name, terms, numbers.member_loads[member.id]) if terms and capped else None
        if check(person, asked, load, seat, terms).available:
            yield member.owner


def _give_out(held: QuerySet[ReviewItem], leads: Sequence[int], now: datetime) -> int:
    """Of these leads those for whom there is somebody; how many moved."""
    waiting = set(held.filter(lead__in=leads).values_list("lead", flat=True))
    at = standing([lead for lead in leads if lead in waiting])
    asked = [_asked_again(at[lead], now) for lead in leads if lead in at]
    if not asked:
        return 0
    decided = decide_acts(asked, REVROUTE, in_force())
    placed = [one for one in decided.settled if one.decision.outcome.status != "held"]
    if placed:
        decided._replace(settled=placed).write(now)
    return len(placed)


def _asked_again(at: Standing, now: datetime) -> Asked:
    """The rules decide once more; whoever had the lead before is not asked again."""
    case: Case = ask(at, "again", REVROUTE, "somebody of the pool it waited for may be there", now, cause=RELEASED)
    return Asked(at, replace(case, tried=at.had))


# --- to be claimed ----------------------------------------------------------------------------------------


def _pass_on(now: datetime) -> int:
    due = ReviewItem.objects.filter(FOR_A_POOL, reason=Reason.WAITING_TO_BE_CLAIMED, due_at__lte=now)
    leads = list(due.order_by("due_at", "id").values_list("lead", flat=True))
    return _in_batches(leads, lambda some: _ask_next(due, some, now), now)[0]


def _ask_next(due: QuerySet[ReviewItem], leads: Sequence[int], now: datetime) -> int:
    pools = dict(due.filter(lead__in=leads).values_list("lead", "pool"))
    at = standing([lead for lead in leads if lead in pools])
    asked = [_asked_next(at[lead], pools[lead], now) for lead in leads if lead in at]
    if asked:
        decide_acts(asked, REVROUTE, in_force()).write(now)
    return len(asked)


def _asked_next(at: Standing, pool: int, now: datetime) -> Asked:
    why = "nobody claimed it in time"
    case = ask(at, "escalate", REVROUTE, why, now, cause=UNCLAIMED, pool=pool)
    return Asked(at, replace(case, tried=at.had))


# --- both -------------------------------------------------------------------------------------------------

AGAIN = timedelta(hours=1)
_aside: dict[int, datetime] = {}
"""Until when a lead is left out that could not be decided."""


def forget_passes() -> None:
    """Look at everything again: for tests, whose databases give the same ids again."""
    global _last
    _last = None
    _aside.clear()


def _in_batches(leads: Sequence[int], act: Callable[[Sequence[int]], int], now: datetime) -> tuple[int, bool]:
    """How many moved, and whether all were looked at. A batch that fails as a whole is tried one by one."""
    left = [lead for lead in leads if _aside.get(lead, now) <= now]
    moved, has_time = 0, budget()
    for start in range(0, len(left), BATCH):
        if start and not has_time():
            return moved, False
        batch = left[start : start + BATCH]
        try:
            with writing():
                moved += act(batch)
        except EVERYBODYS:
            forget()
            raise
        except Exception as error:
            forget()
            logger.warning("A batch of waiting leads failed (%s); they are tried one by one", type(error).__name__)
            moved += _singly(batch, act, now)
    return moved, True


def _singly(leads: Sequence[int], act: Callable[[Sequence[int]], int], now: datetime) -> int:
    moved = 0
    for lead in leads:
        try:
            with writing():
                moved += act([lead])
        except EVERYBODYS:
            forget()
            raise
        except Exception:
            forget()
            logger.exception("Lead %s that waits cannot be decided now; it is tried again in an hour", lead)
            _aside[lead] = now + AGAIN
    return moved
