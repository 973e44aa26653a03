"""The instant in; every rung of the ladder that is due climbed once, its messages owed and silent leads moved, out.

Sends nothing: messages are only owed here (routing.delivery sends them), and a lead moves through the one door.

1. A clock's `next_rung_at` is a hint. A tick reads which hints have come; when none has, that is all it does.
2. In the writer transaction the leads of at most 100 such clocks are locked, then the clocks, each only if it is
   still as read: of a touch and an escalation exactly one is first, and the other sees it.
3. The truth is worked out again. What is not due yet gets its instant as its new hint. What is due is climbed,
   oldest first. The end of a clock is the `due_at` that was promised when it started: hours that are changed
   later move its reminders only, and whoever goes away in the middle of one loses the lead to their cover.
4. Rows of the rungs, breached clocks, facts, messages owed and moves commit together.

A rung says how late it was. After downtime every due rung is climbed once; a message that is untrue by then, such
as a reminder about a lead that moves in the same breath, is left out, and the rung says why. A clock climbs the
ladder that it was started with.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import BooleanField, F, QuerySet
from django.db.models.expressions import RawSQL

from leads.models import Lead
from owners.business_time import Hours
from owners.writer import writing
from routing.current import Configuration, forget, in_force
from routing.engine.ladder import BUILT_IN, Ladder, Rung, rung_at
from routing.engine.people import People
from routing.lease import budget
from routing.models import Decision, Delivery, Escalation, Fact, SlaClock
from routing.moved import lock_leads
from routing.moving import REVROUTE, Asked, Standing, ask, decide_acts, standing
from routing.pipeline import EVERYBODYS
from routing.rows import Settled
from routing.terms import ladders
from routing.write import Target, write

logger = logging.getLogger(__name__)

BATCH = 100
AGAIN = timedelta(hours=1)
"""When to look again at a clock whose escalation failed: the mistake is in its rows or in the code."""
MOVED = "moved"
"""The occasion of the message that a lead went on."""
HINTS = Target(SlaClock, ("id", "next_rung_at"), update=True)
# SQLite uses the partial index `clock_next_rung` only for a condition that is written like the index's own.
TO_CLIMB = RawSQL("routing_slaclock.next_rung_at IS NOT NULL", (), output_field=BooleanField())

Action = Escalation.Action
Kind = Delivery.Kind


class Swept(NamedTuple):
    """How many rungs of each kind were climbed."""

    reminded: int = 0
    breached: int = 0
    moved: int = 0
    reviewed: int = 0

    @property
    def rungs(self) -> int:
        """All of them."""
        return sum(self)


class Clock(NamedTuple):
    """A clock with rungs to come as it was read, in the order of its columns."""

    id: int
    lead: int
    decision: int
    owner: int
    kind: str
    budget: int
    real_time: bool
    calendar: int | None
    terms: str | None
    started_at: datetime
    due_at: datetime
    hint: datetime

    @property
    def ladder(self) -> Ladder:
        """The one it was started with."""
        return ladders((self.terms,))[self.terms] if self.terms else BUILT_IN[self.kind]

    def hours(self, people: People) -> Hours | None:
        """The working time that it counts; None where nights count too."""
        if self.real_time:
            return None
        person = people.owners.get(self.owner)
        own = person.hours if person else None
        return people.calendars.get(self.calendar, own) if self.calendar is not None else own


COLUMNS = (
    "id", "lead_id", "decision_id", "owner_id", "kind", "budget_seconds", "real_time", "calendar_id", "terms_id",
    "started_at", "due_at", "next_rung_at",
)  # fmt: skip


@dataclass(slots=True)
class Climb:
    """A rung that is due, and what comes of it. `at`: its instant."""

    at: datetime
    clock: Clock
    rung: Rung
    action: str = ""
    decision: int | None = None
    note: str = ""

    @property
    def ends(self) -> bool:
        """Whether the budget is used up with it."""
        return self.rung.seconds(self.clock.budget) == self.clock.budget


def sweep(now: datetime, limit: int = 1000) -> Swept:
    """Climb the rungs that are due, those of about `limit` clocks at most. Begins no new batch after 20 seconds.

    Raises OperationalError when the database cannot be had; then everything waits as before.
    """
    has_time = budget()
    swept: Counter[str] = Counter()
    looked = 0
    while looked < limit and has_time() and _due(now).exists():
        counts = _batch(now, min(BATCH, limit - looked))
        looked += max(1, counts.pop("clocks", 0))
        swept += counts
    return Swept(swept[Action.REMIND], swept[Action.BREACH], swept[Action.MOVE], swept[Action.REVIEW])


def _due(now: datetime) -> QuerySet[SlaClock]:
    return SlaClock.objects.filter(TO_CLIMB, next_rung_at__lte=now).order_by("next_rung_at", "id")


def _batch(now: datetime, size: int) -> Counter[str]:
    """One batch; where it fails as a whole, its clocks one by one, so that a bad one holds up no other."""
    try:
        with writing():
            return _climb_due(now, size)
    except EVERYBODYS:
        forget()
        raise
    except Exception as error:
        forget()
        logger.warning("A batch of clocks failed (%s); they are tried one by one", type(error).__name__)
        return _singly(now, size)


def _singly(now: datetime, size: int) -> Counter[str]:
    """The clocks of a batch that failed, each alone. A bad one stays due and is tried again in an hour."""
    counts: Counter[str] = Counter()
    for id in list(_due(now).values_list("id", flat=True)[:size]):
        try:
            with writing():
                counts += _climb_due(now, 1, id)
        except EVERYBODYS:
            forget()
            raise
        except Exception:
            forget()
            logger.exception("Clock %s cannot be escalated now; it is tried again in an hour", id)
            SlaClock.objects.filter(pk=id, next_rung_at__isnull=False).update(next_rung_at=now + AGAIN)
            counts["clocks"] += 1
    return counts


def _climb_due(now: datetime, size: int, only: int | None = None) -> Counter[str]:
    """One batch inside the writer transaction: how many rungs by action, and under `clocks` how many were read."""
    clocks, leads = _locked(now, size, only)
    if not clocks:
        return Counter()
    config = in_force()
    # Whatever a full batch left unread is due no earlier than its last hint: beyond that, order is not known yet.
    until = clocks[-1].hint if len(clocks) == size and only is None else now
    due, hints = _look(clocks, config.people, until)
    climbs, moving = _in_order(due, leads)
    write([(HINTS, hints)])
    _breach(climbs)
    settled = _move(moving, leads, config, now) if moving else []
    _record(climbs, settled, config, now)
    return Counter(climb.action for climb in climbs) + Counter(clocks=len(clocks))


def _locked(now: datetime, size: int, only: int | None) -> tuple[list[Clock], dict[int, Lead]]:
    """Due clocks as they are now, by hint, and their leads; both locked, leads first."""
    due = _due(now) if only is None else _due(now).filter(pk=only)
    found = list(due.values_list("id", "lead_id")[:size])
    if not found:
        return [], {}
    leads = lock_leads({lead for _, lead in found})
    rows = _due(now).filter(id__in=[id for id, _ in found]).select_for_update(no_key=True)
    return [Clock(*row) for row in rows.values_list(*COLUMNS)], leads


def _look(
    clocks: Sequence[Clock], people: People, until: datetime
) -> tuple[list[Climb], list[tuple[int, datetime | None]]]:
    """The rungs that are due until then, and (clock, new hint) where the hint was not the truth."""
    rows = Escalation.objects.filter(clock__in=[clock.id for clock in clocks]).order_by()
    climbed = set(rows.values_list("clock", "rung"))
    ladders(clock.terms for clock in clocks)  # all of them with one statement
    due: list[Climb] = []
    hints: list[tuple[int, datetime | None]] = []
    for clock in clocks:
        hours = clock.hours(people)
        next_at = None
        for rung in clock.ladder.in_order(clock.budget):
            if (clock.id, rung.key) in climbed:
                continue
            at = rung_at(rung, clock.started_at, clock.due_at, clock.budget, hours)
            if at > until:
                next_at = at
                break
            due.append(Climb(at, clock, rung))
        if next_at != clock.hint:
            hints.append((clock.id, next_at))
    return due, hints


def _in_order(due: list[Climb], leads: dict[int, Lead]) -> tuple[list[Climb], dict[int, Climb]]:
    """What is climbed, oldest first, with its action, and the climbs that move a lead, by lead.

    A lead that moves ends its other clocks, so their later rungs are none.
    """
    climbs: list[Climb] = []
    moving: dict[int, Climb] = {}
    for climb in sorted(due, key=lambda climb: (climb.at, bool(climb.rung.move), climb.clock.id)):
        clock = climb.clock
        if clock.lead in moving:
            continue
        if climb.rung.move and _is_silent(clock, leads[clock.lead]):
            moving[clock.lead] = climb
        climb.action = Action.BREACH if climb.ends else Action.REMIND
        climbs.append(climb)
    return climbs, moving


def _is_silent(clock: Clock, lead: Lead) -> bool:
    """Whether the clock's owner still has the lead and nobody touched it since."""
    mine = lead.state == Lead.State.ASSIGNED and lead.owner_id == clock.owner
    return mine and (lead.touched_at is None or lead.touched_at < clock.started_at)


def _breach(climbs: Iterable[Climb]) -> None:
    """Clocks whose budget is used up are breached, at the instant at which it was."""
    ended = [climb.clock for climb in climbs if climb.ends]
    if not ended:
        return
    SlaClock.objects.filter(id__in=[clock.id for clock in ended], state=SlaClock.State.RUNNING).update(
        state=SlaClock.State.BREACHED, ended_at=F("due_at")
    )
    Fact.objects.bulk_create(
        Fact(
            lead_id=clock.lead, kind=Fact.Kind.BREACHED, at=clock.due_at, decision_id=clock.decision,
            owner_id=clock.owner, detail=clock.kind,
        )
        for clock in ended
    )  # fmt: skip


# --- leads that move --------------------------------------------------------------------------------------


def _move(moving: dict[int, Climb], leads: dict[int, Lead], config: Configuration, now: datetime) -> list[Settled]:
    """Silent leads to whoever covers, once; into review with a named person the second time, or without one."""
    at = standing(moving)
    escalated = Decision.objects.filter(lead__in=list(moving), origin=Decision.Origin.ESCALATE)
    again = set(escalated.values_list("lead", flat=True))
    asked = [_ask(at[lead], climb.clock, lead in again, config, now) for lead, climb in moving.items() if lead in at]
    settled = decide_acts(asked, REVROUTE, config).write(now)
    for one in settled:
        climb = moving[one.lead]
        climb.action = Action.MOVE if one.decision.outcome.status == "assigned" else Action.REVIEW
        climb.decision = one.id
    return settled


def _ask(at: Standing, clock: Clock, final: bool, config: Configuration, now: datetime) -> Asked:
    time = "minutes" if clock.real_time else "minutes of working time"
    why = f"nobody acted on it for {clock.budget // 60} {time}"
    if final:
        why += ", for the second time"
    person = _manager(config, at.decision.team_id, clock.owner)
    return Asked(at, ask(at, "escalate", REVROUTE, why, now, cause=clock.kind, reviewer=person, final=final))


def _manager(config: Configuration, team: int | None, owner: int) -> int | None:
    """Who is told of the owner's silence: the lead of the lead's team, of another of theirs, or whoever answers for
    the rules; the first who is active and not the owner."""
    people = config.people
    person = people.owners.get(owner)
    teams = [people.teams.get(id) for id in (team, *(person.teams if person else ())) if id is not None]
    line = [*(team.lead for team in teams if team), config.rules.owner]
    return next((id for id in line if id is not None and id != owner and _is_active(people, id)), None)


def _is_active(people: People, owner: int) -> bool:
    person = people.owners.get(owner)
    return person is not None and person.state == "active"


# --- what is written down and owed ------------------------------------------------------------------------


def _record(climbs: list[Climb], settled: list[Settled], config: Configuration, now: datetime) -> None:
    """A row for each rung, and the messages owed to whoever shall know."""
    decisions = {climb.clock.decision for climb in climbs}
    teams = dict(Decision.objects.filter(id__in=decisions).values_list("id", "team_id")) if climbs else {}
    moved = {one.lead: one for one in settled}
    owed: list[Delivery] = []
    for climb in climbs:
        told = _told(climb, teams.get(climb.clock.decision), moved, config, now)
        owed += _messages(climb, told, config.people, now)
    Escalation.objects.bulk_create(
        Escalation(
            clock_id=climb.clock.id, rung=climb.rung.key, action=climb.action, due_at=climb.at, fired_at=now,
            late_seconds=int((now - climb.at).total_seconds()), decision_id=climb.decision, note=climb.note,
        )
        for climb in climbs
    )  # fmt: skip
    Delivery.objects.bulk_create(owed, ignore_conflicts=True)


def _told(climb: Climb, team: int | None, moved: dict[int, Settled], config: Configuration, now: datetime) -> list[int]:
    """Owner ids; where a message would be untrue or too much, the climb says why there is none."""
    clock, people = climb.clock, config.people
    manager = _manager(config, team, clock.owner)
    if climb.decision is not None:
        outcome = moved[clock.lead].decision.outcome
        informed = (outcome.owner, outcome.reviewer)  # told by the move itself
        return [manager] if manager is not None and manager not in informed else []
    if clock.lead in moved:
        climb.note = "not told: the lead moved on in the same breath"
    elif climb.action == Action.REMIND and clock.due_at <= now:
        climb.note = "not told: the time had run out already"
    else:
        told = [clock.owner, *([manager] if manager is not None and climb.action == Action.BREACH else [])]
        active = [owner for owner in told if _is_active(people, owner)]
        climb.note = "" if active else "not told: the owner is not active any more"
        return active
    return []


def _messages(climb: Climb, told: Iterable[int], people: People, now: datetime) -> list[Delivery]:
    kind = Kind.REMINDER if climb.action == Action.REMIND else Kind.ESCALATION
    # The decision that moved a lead has clocks of its own, which are not what this is about.
    occasion = MOVED if climb.decision else f"{climb.clock.kind}:{climb.rung.key}"
    return [
        Delivery(
            decision_id=climb.decision or climb.clock.decision, owner_id=owner, kind=kind, channel=channel,
            state=Delivery.State.OWED, next_try_at=now, created_at=now,
            occasion=occasion,
        )
        for owner in told
        for channel in people.owners[owner].channels or ("in_app", "email")
    ]  # fmt: skip
