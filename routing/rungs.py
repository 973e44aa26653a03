"""Clocks that are due in; the rungs to climb, oldest first, and when to look again, out. Writes nothing.

A clock's `next_rung_at` is a hint. Here the truth is worked out from the ladder that the clock was started with, the
rungs that it has climbed, the working time that it counts and the pauses of its lead.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from leads.models import Lead
from leads.sql import among
from owners.business_time import Hours
from routing.engine.ladder import BUILT_IN, Ladder, Rung, counted, rung_at
from routing.engine.people import People
from routing.models import Escalation
from routing.pausing import pauses_of
from routing.terms import ladders

COLUMNS = (
    "id", "lead_id", "decision_id", "owner_id", "kind", "state", "budget_seconds", "real_time", "calendar_id",
    "terms_id", "started_at", "due_at", "next_rung_at",
)  # fmt: skip


class Clock(NamedTuple):
    """A clock of a lead's owner with rungs to come as it was read, in the order of its columns."""

    id: int
    lead: int
    decision: int
    owner: int
    kind: str
    state: str
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
        return _ladder(self.terms, self.kind)

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Those of its ladder as they are climbed."""
        return _rungs(self.terms, self.kind, self.budget)

    def hours(self, people: People) -> Hours | None:
        """The working time that it counts; None where nights count too."""
        if self.real_time:
            return None
        person = people.owners.get(self.owner)
        own = person.hours if person else None
        return people.calendars.get(self.calendar, own) if self.calendar is not None else own


GLANCED_AT = ("id", "lead_id", "kind", "terms_id", "budget_seconds", "started_at")
"""What tells whether a rung may move the lead, behind which clock and lead it is."""


def may_move(kind: str, terms: str | None, budget: int, started_at: datetime, now: datetime) -> bool:
    """Whether a rung that changes the lead itself may be due: working time never passes faster than real time."""
    return (now - started_at).total_seconds() >= _first_on_lead(terms, kind, budget)


@dataclass(slots=True)
class Climb:
    """A rung that is due, and what comes of it. `at`: its instant. `found_nobody`: why a move left the lead."""

    at: datetime
    clock: Clock
    rung: Rung
    seconds: int
    action: str = ""
    decision: int | None = None
    note: str = ""
    found_nobody: str = ""

    @property
    def ends(self) -> bool:
        """Whether the budget is used up with it."""
        return self.seconds == self.clock.budget

    @property
    def is_early(self) -> bool:
        """Whether the budget is not used up yet."""
        return self.seconds < self.clock.budget


class Standing(NamedTuple):
    """A lead as it was read and locked."""

    state: str
    owner: int | None
    touched_at: datetime | None


class Plan(NamedTuple):
    """`climbs` in order; `moving`: those that move a lead, by lead; `hints`: when to look again, by clock, where that
    differs from what is written."""

    climbs: list[Climb]
    moving: dict[int, Climb]
    hints: dict[int, datetime | None]


def plan(clocks: Sequence[Clock], leads: Mapping[int, Standing], people: People, until: datetime) -> Plan:
    """What is due until then; three statements at most. `leads`: those that may move."""
    known = among("routing_escalation.clock_id", [clock.id for clock in clocks])
    climbed = set(Escalation.objects.filter(known).order_by().values_list("clock", "rung"))
    ladders(clock.terms for clock in clocks)  # all of them with one statement
    pauses = pauses_of({clock.lead for clock in clocks})
    due: list[Climb] = []
    later: dict[int, datetime | None] = {}
    for clock in clocks:
        hours = clock.hours(people)
        if clock.lead in pauses:
            hours = counted(hours, pauses[clock.lead], clock.started_at)
        later[clock.id] = _due(clock, climbed, hours, until, due)
    due.sort(key=_order)
    climbs, moving = _in_order(due, leads)
    return Plan(climbs, moving, _hints(clocks, due, climbs, later))


def _due(
    clock: Clock, climbed: set[tuple[int, int]], hours: Hours | None, until: datetime, due: list[Climb]
) -> datetime | None:
    """Add the rungs of the clock that are due to `due`; the instant of the first that is not. `hours`: as it counts."""
    for rung in clock.rungs:
        if (clock.id, rung.key) in climbed:
            continue
        at = rung_at(rung, clock.started_at, clock.due_at, clock.budget, hours)
        if at > until:
            return at
        due.append(Climb(at, clock, rung, rung.seconds(clock.budget)))
    return None


def _order(climb: Climb) -> tuple[datetime, bool, int]:
    return climb.at, bool(climb.rung.move), climb.clock.id


def _in_order(due: Iterable[Climb], leads: Mapping[int, Standing]) -> tuple[list[Climb], dict[int, Climb]]:
    """A lead that moves ends its other clocks, so their later rungs are none; where it stays after all, the next batch
    finds them."""
    climbs: list[Climb] = []
    moving: dict[int, Climb] = {}
    for climb in due:
        clock, rung = climb.clock, climb.rung
        if clock.lead in moving:
            continue
        if rung.move and is_silent(clock, leads.get(clock.lead)):
            moving[clock.lead] = climb
        climb.action = _action(climb)
        climbs.append(climb)
    return climbs, moving


def _action(climb: Climb) -> str:
    """What a rung is that moves nothing."""
    if climb.ends:
        return Escalation.Action.BREACH
    return Escalation.Action.REMIND if climb.rung.remind else Escalation.Action.TELL


def is_silent(clock: Clock, lead: Standing | None) -> bool:
    """Whether the clock's owner still has the lead and nobody touched it since."""
    mine = lead is not None and lead.state == Lead.State.ASSIGNED and lead.owner == clock.owner
    return mine and (lead.touched_at is None or lead.touched_at < clock.started_at)


def _hints(
    clocks: Sequence[Clock], due: list[Climb], climbs: list[Climb], later: dict[int, datetime | None]
) -> dict[int, datetime | None]:
    if len(climbs) != len(due):
        taken = {id(climb) for climb in climbs}
        for climb in reversed(due):
            if id(climb) not in taken:
                later[climb.clock.id] = climb.at
    return {clock.id: later[clock.id] for clock in clocks if later[clock.id] != clock.hint}


@lru_cache(maxsize=4096)
def _rungs(terms: str | None, kind: str, budget: int) -> tuple[Rung, ...]:
    return _ladder(terms, kind).in_order(budget)


@lru_cache(maxsize=4096)
def _first_on_lead(terms: str | None, kind: str, budget: int) -> float:
    """After how many seconds at least the lead itself may be changed."""
    rungs = _ladder(terms, kind).rungs
    return min((rung.seconds(budget) for rung in rungs if rung.move or rung.priority), default=float("inf"))


def _ladder(terms: str | None, kind: str) -> Ladder:
    return ladders((terms,))[terms] if terms else BUILT_IN[kind]
