"""The instant in; every rung of the ladder that is due climbed once, its messages owed and silent leads moved, out.

Sends nothing: messages are only owed here (routing.delivery sends them), and a lead moves through the one door.

1. A clock's `next_rung_at` is a hint. A tick reads which hints have come; when none has, that is all it does.
2. In one transaction the leads that may move are locked, then the clocks, each only if it is still as read: of a touch
   and an escalation exactly one is first, and the other sees it. A batch is 500 clocks, or as many as move at most
   100 leads; only one that may move a lead takes the writer lock.
3. The truth is worked out again (routing.rungs). What is not due yet gets its instant as its new hint. What is due is
   climbed, oldest first. The end of a clock is the `due_at` that was promised when it started: hours that are changed
   later move its reminders only, and whoever goes away in the middle of one loses the lead to their cover.
4. Rows of the rungs, breached clocks, facts, messages owed (routing.told) and moves (routing.rung_moves) commit
   together.

A rung says how late it was. After downtime every due rung is climbed once. A clock climbs the ladder that it was
started with. One that fails is set aside for an hour, and the others go on.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from leads.models import Lead
from leads.sql import among
from owners.writer import writing
from routing import rung_moves, told
from routing.current import forget, in_force
from routing.lease import budget, short_transaction
from routing.models import Decision, Escalation, Fact, SlaClock
from routing.pipeline import EVERYBODYS
from routing.rungs import COLUMNS, GLANCED_AT, Climb, Clock, Standing, may_move, plan
from routing.targets import FACTS
from routing.write import Target, write

logger = logging.getLogger(__name__)

BATCH = 500
MOVES = 100
"""Leads that a batch moves at most, so that routing never waits for the writer lock for long."""
AGAIN = timedelta(hours=1)
"""When to look again at a clock whose escalation failed: the mistake is in its rows or in the code."""
HINTS = Target(SlaClock, ("id", "next_rung_at"), update=True)
BREACHES = Target(SlaClock, ("id", "next_rung_at", "state", "ended_at"), update=True)
# SQLite uses the partial index `clock_next_rung` only for a condition that is written like the index's own.
TO_CLIMB = RawSQL("routing_slaclock.next_rung_at IS NOT NULL", (), output_field=BooleanField())
OF_LEADS = Q(item=None, action=None)
"""Clocks of leads. Those of review items and CRM writes are climbed by `routing.item_rungs`."""

Action = Escalation.Action


class Swept(NamedTuple):
    """How many rungs of each kind were climbed. `told`: that did not remind the owner, yet told somebody or gave a
    priority; `queued`: that put the lead into a queue."""

    reminded: int = 0
    breached: int = 0
    moved: int = 0
    reviewed: int = 0
    told: int = 0
    queued: int = 0

    @property
    def rungs(self) -> int:
        """All of them."""
        return sum(self)


def sweep(now: datetime, limit: int = 1000) -> Swept:
    """Climb the rungs that are due, those of about `limit` clocks at most. Begins no new batch after 20 seconds.

    Raises OperationalError when the database cannot be had; then everything waits as before.
    """
    has_time = budget()
    swept: Counter[str] = Counter()
    looked = 0
    while looked < limit and has_time():
        due = _read(now, min(BATCH, limit - looked))
        if not due:
            break
        counts = _batch(due, now)
        looked += max(1, counts.pop("clocks", 0))
        swept += counts
    return Swept(*(swept[action] for action in COUNTED))


COUNTED = (Action.REMIND, Action.BREACH, Action.MOVE, Action.REVIEW, Action.TELL, Action.QUEUE)
"""In the order of `Swept`."""


def keep_up(clock: Callable[[], datetime]) -> int:
    """Climb what is due, each batch by the present; how many rungs. What becomes due with the last batch, the next tick
    finds. Goes on for 20 seconds at most."""
    has_time = budget()
    rungs, more = 0, True
    while more and has_time():
        now = clock()
        due = _read(now, BATCH)
        if due is None:
            break
        counts = _batch(due, now)
        counts.pop("clocks")
        rungs += counts.total()
        more = due.partial
    return rungs


def _due(now: datetime) -> QuerySet[SlaClock]:
    return SlaClock.objects.filter(TO_CLIMB, OF_LEADS, next_rung_at__lte=now).order_by("next_rung_at", "id")


class Due(NamedTuple):
    """Clocks whose hints have come, by hint. `partial`: whether more are due than these; `moving`: leads that may be
    changed."""

    clocks: list[int]
    partial: bool
    moving: frozenset[int]


def _read(now: datetime, size: int) -> Due | None:
    """What to climb next: one read. None: nothing is due."""
    rows = list(_due(now).values_list(*GLANCED_AT)[:size])
    if not rows:
        return None
    taken: list[int] = []
    moving: set[int] = set()
    for id, lead, *of in rows:
        if may_move(*of, now):
            if len(moving) == MOVES and lead not in moving:
                break
            moving.add(lead)
        taken.append(id)
    return Due(taken, len(taken) == size or len(taken) < len(rows), frozenset(moving))


def _batch(due: Due, now: datetime) -> Counter[str]:
    """One batch; where it fails as a whole, its halves, so that a bad clock holds up no other. It stays due, and is
    tried again in an hour."""
    try:
        with writing() if due.moving else short_transaction():
            return _climb(due, now)
    except EVERYBODYS:
        forget()
        raise
    except Exception as error:
        forget()
        ids = due.clocks
        if len(ids) > 1:
            logger.warning("A batch of clocks failed (%s); its halves are tried apart", type(error).__name__)
            half = len(ids) // 2
            return _batch(due._replace(clocks=ids[:half]), now) + _batch(due._replace(clocks=ids[half:]), now)
        logger.exception("Clock %s cannot be escalated now; it is tried again in an hour", ids[0])
        SlaClock.objects.filter(pk=ids[0], next_rung_at__isnull=False).update(next_rung_at=now + AGAIN)
        return Counter(clocks=1)


def _climb(due: Due, now: datetime) -> Counter[str]:
    """One batch inside a transaction: how many rungs by action, and under `clocks` how many were read."""
    leads = _lock(due.moving)
    rows = _due(now).filter(among("routing_slaclock.id", due.clocks)).select_for_update(no_key=True)
    clocks = [Clock(*row) for row in rows.values_list(*COLUMNS)]
    if not clocks:
        return Counter(clocks=len(due.clocks))
    config = in_force()
    # Whatever is left unread is due no earlier than the last hint: beyond that, order is not known yet.
    found = plan(clocks, leads, config.people, clocks[-1].hint if due.partial else now)
    write(_clock_rows(clocks, found.climbs, found.hints))
    raise_priority(found.climbs)
    settled = rung_moves.move(found.moving, config, now) if found.moving else []
    write(told.rows_of(found.climbs, _teams(found.climbs), settled, config, now))
    return Counter(climb.action for climb in found.climbs) + Counter(clocks=len(clocks))


def _lock(ids: Iterable[int]) -> dict[int, Standing]:
    """Leads as they stand, locked, lowest first. Whoever changes a lead and its clocks takes the lead first, as
    `routing.touch` does, so that no two wait for each other."""
    if not ids:
        return {}
    rows = Lead.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return {id: Standing(*rest) for id, *rest in rows.values_list("pk", "state", "owner_id", "touched_at")}


def _clock_rows(clocks: Sequence[Clock], climbs: Iterable[Climb], hints: Mapping[int, datetime | None]) -> list:
    """Clocks whose budget is used up are breached, at the instant at which it was; the others get their new hints."""
    ended = [climb.clock for climb in climbs if climb.ends and climb.clock.state == SlaClock.State.RUNNING]
    breached = {clock.id for clock in ended}
    breaches = [(clock.id, hints.get(clock.id, clock.hint), SlaClock.State.BREACHED, clock.due_at) for clock in ended]
    facts = [
        (clock.lead, Fact.Kind.BREACHED, clock.due_at, clock.decision, clock.owner, None, clock.kind) for clock in ended
    ]
    looks = [(id, at) for id, at in hints.items() if id not in breached]
    return [(HINTS, looks), (BREACHES, breaches), (FACTS, facts)]


def raise_priority(climbs: Iterable[Climb]) -> None:
    """The leads get the priority of the rung, unless they have a higher one; a statement for each priority."""
    for priority in sorted({climb.rung.priority for climb in climbs if climb.rung.priority}):
        ids = {climb.clock.lead for climb in climbs if climb.rung.priority == priority}
        Lead.objects.filter(pk__in=ids, priority__lt=priority).update(priority=priority)


def _teams(climbs: Iterable[Climb]) -> dict[int, int | None]:
    """The teams of the decisions about which a team lead is told."""
    ids = {climb.clock.decision for climb in climbs if climb.rung.tell_lead}
    decisions = Decision.objects.filter(among("routing_decision.id", ids)).order_by()
    return dict(decisions.values_list("id", "team_id")) if ids else {}
