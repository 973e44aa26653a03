"""Ids of leads and the instant in, an `Arrival` for each inquiry of theirs out: what reports count, worked out from the
facts, decisions and clocks; changes nothing. Five statements and what the people take, whatever the number.

Each measure's field is 1 (counted), 0 (not) or None (not asked of this one, or too early to judge). `ripe_at` says
when something that is None for being too early can be judged.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import QuerySet

from owners.business_time import ALWAYS, Hours, HoursError
from routing.current import people_now
from routing.engine.people import People
from routing.models import Decision, Fact, SlaClock
from routing.reporting.measures import AT_ONCE, ENDS, FAULTS, QUIET, RIGHT, TARGET, UNWORKED
from routing.reporting.values import micros

Kind = Fact.Kind
FOR_SALES = frozenset({"assigned", "review", "held"})
EXCEPTIONAL = frozenset({"fallback", "exception"})
UNTOUCHED = -1


class Arrival(NamedTuple):
    """One inquiry. `id`: its event's; `at`: when it came, in microseconds since 1970. `wait`: seconds of working time
    to the first touch, UNTOUCHED, or None where it is too early or asked of none. `rep`: the first owner, `owner`: the
    present one. `late`: seconds between due and answered of each clock that ran out and was answered; `unanswered`:
    how many were not."""

    id: int
    lead: int
    at: int
    new: bool
    high: bool
    lead_type: str
    source: int
    path: str
    team: int | None
    rep: int | None
    owner: int | None
    wait: int | None
    within: int | None
    unworked_60: int | None
    owned_1: int | None
    inactive_30: int | None
    exceptions: int | None
    duplicates: int | None
    accepted: int | None
    booked: int | None
    reassigned: int | None
    reassigned_touched: int | None
    first_right: int | None
    breached: int | None
    late: tuple[int, ...]
    unanswered: int
    ripe_at: datetime | None


class Happened(NamedTuple):
    """A fact, in the order of its columns."""

    kind: str
    at: datetime
    decision: int | None
    owner: int | None
    detail: str
    working: int | None


class Clock(NamedTuple):
    """A promise of a lead."""

    decision: int | None
    kind: str
    due: datetime
    state: str
    answered: datetime | None


def arrivals_of(leads: Iterable[int] | QuerySet, now: datetime) -> Iterator[Arrival]:
    """Every inquiry that became one of the leads or joined it, by id; none of test leads, which have no facts."""
    chosen = leads if isinstance(leads, QuerySet) else list(leads)
    happened, clocks, teams = _by_lead(_facts(chosen)), _by_lead(_clocks(chosen)), _by_lead(_owning(chosen))
    people = people_now()
    for row in _arrived(chosen):
        lead = row[1]
        story = _Story(row, happened.get(lead, ()), clocks.get(lead, ()), teams.get(lead, ()), people, now)
        yield story.arrival()


def _facts(leads: Any) -> Iterator[tuple[int, Happened]]:
    rows = Fact.objects.filter(lead__in=leads).exclude(kind__in=(Kind.ARRIVED, Kind.DECIDED)).order_by("id")
    columns = ("lead_id", "kind", "at", "decision_id", "owner_id", "detail", "working_seconds")
    for lead, *rest in rows.values_list(*columns).iterator(chunk_size=5_000):
        yield lead, Happened(*rest)


def _clocks(leads: Any) -> Iterator[tuple[int, Clock]]:
    rows = SlaClock.objects.filter(lead__in=leads).order_by("id")
    columns = ("lead_id", "decision_id", "kind", "due_at", "state", "answered_at")
    for lead, *rest in rows.values_list(*columns).iterator(chunk_size=5_000):
        yield lead, Clock(*rest)


def _owning(leads: Any) -> Iterator[tuple[int, tuple[int, int | None]]]:
    """Decisions that gave a lead to somebody, with the team for which."""
    rows = Decision.objects.filter(lead__in=leads, status=Decision.Status.ASSIGNED).order_by("id")
    for lead, *rest in rows.values_list("lead_id", "id", "team_id").iterator(chunk_size=5_000):
        yield lead, tuple(rest)


def _arrived(leads: Any) -> Iterator[tuple]:
    rows = Fact.objects.filter(kind=Kind.ARRIVED, lead__in=leads, lead__is_test=False).order_by("decision_id")
    columns = (
        "decision_id", "lead_id", "at", "detail", "decision__route_flag", "decision__hierarchy_step",
        "decision__event__source_id", "decision__lead_type", "decision__high_intent", "lead__lead_type",
        "lead__high_intent", "lead__owner_id",
    )  # fmt: skip
    yield from rows.values_list(*columns).iterator(chunk_size=5_000)


def _by_lead(rows: Iterable[tuple[int, Any]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for lead, row in rows:
        found.setdefault(lead, []).append(row)
    return found


class _Story:
    """One inquiry with what is known of its lead."""

    def __init__(
        self, row: tuple, facts: Sequence[Happened], clocks: Sequence[Clock], owning: Sequence[tuple], people: People,
        now: datetime,
    ) -> None:  # fmt: skip
        (self.id, self.lead, self.at, self.status, self.flag, self.path, self.source, seen_type, seen_high,
         lead_type, high, self.owner) = row  # fmt: skip
        self.new = self.status != "appended"
        # A lead that was mended and routed again is of the type that it was found to be.
        self.lead_type, self.high = (lead_type, high) if self.new else (seen_type, seen_high)
        self.facts, self.clocks, self.people, self.now = facts, clocks, people, now
        self.sales = self.status in FOR_SALES
        self.owned = next((fact for fact in facts if fact.kind == Kind.OWNED), None)
        self.touched = next((fact for fact in facts if fact.kind == Kind.TOUCHED), None)
        self.team = owning[0][1] if owning else None
        self.later: list[datetime] = []

    def arrival(self) -> Arrival:
        valid = self.status != "rejected"
        mine = self.sales
        broken = [clock for clock in self.clocks if clock.state == "breached"] if mine else []
        moves = [fact for fact in self.facts if fact.kind == Kind.REASSIGNED and fact.detail not in ENDS]
        had = mine and self.owned is not None
        return Arrival(
            self.id, self.lead, micros(self.at), self.new and valid, bool(self.high), self.lead_type, self.source,
            self.path, self.team, self.owned.owner if self.owned else None, self.owner,
            wait=self._wait() if mine else None,
            within=self._within() if mine else None,
            unworked_60=self._without(self.touched, UNWORKED) if mine else None,
            owned_1=self._owned_1() if mine else None,
            inactive_30=self._without(self.touched, QUIET) if mine else None,
            exceptions=int(self.flag in EXCEPTIONAL or self.status == "review") if valid else None,
            duplicates=int(not self.new) if valid else None,
            accepted=self._accepted() if had else None,
            booked=int(any(fact.kind == Kind.BOOKED for fact in self.facts)) if mine else None,
            reassigned=int(bool(moves)) if had else None,
            reassigned_touched=int(any(self._is_after_touch(fact) for fact in moves)) if had else None,
            first_right=self._first_right(moves) if had else None,
            breached=int(bool(broken)) if mine else None,
            late=tuple(int((c.answered - c.due).total_seconds()) for c in broken if c.answered is not None),
            unanswered=sum(clock.answered is None for clock in broken),
            ripe_at=min(self.later, default=None),
        )  # fmt: skip

    def _has_come(self, at: datetime) -> bool:
        """Whether the instant has come; if not, it is when to look again."""
        if at > self.now:
            self.later.append(at)
        return at <= self.now

    def _without(self, fact: Happened | None, wait: timedelta) -> int | None:
        """1: nothing of the kind happened in time. Judged for all leads after the same time, whatever they did."""
        if not self._has_come(self.at + wait):
            return None
        return int(fact is None or fact.at > self.at + wait)

    def _owned_1(self) -> int | None:
        late = self._without(self.owned, AT_ONCE)
        return None if late is None else 1 - late

    def _wait(self) -> int | None:
        owner = self.owner if self.owner is not None else self.owned.owner if self.owned else None
        try:
            judged = self._hours(owner).add(self.at, TARGET)
        except HoursError:  # who never works again
            judged = self.at + TARGET
        if not self._has_come(judged):
            return None
        if self.touched is None:
            return UNTOUCHED
        if self.touched.working is not None:
            return self.touched.working
        return int(self._hours(self.touched.owner).elapsed(self.at, self.touched.at).total_seconds())

    def _hours(self, owner: int | None) -> Hours:
        person = self.people.owners.get(owner) if owner is not None else None
        return person.hours if person and person.hours else ALWAYS

    def _due(self, *kinds: str, decision: int | None = None) -> datetime | None:
        """When the first promise of the first of these kinds that there is ran or runs out."""
        for kind in kinds:
            for clock in self.clocks:
                if clock.kind == kind and decision in (None, clock.decision):
                    return clock.due
        return None

    def _within(self) -> int | None:
        due = self._due("first_touch")
        if due is None or not self._has_come(due):
            return None
        return int(self.touched is not None and self.touched.at <= due)

    def _accepted(self) -> int | None:
        """Whether the first owner did, unless the lead was taken from them before they had to answer."""
        first = self.owned
        due = self._due("accepted", "first_touch", decision=first.decision)
        if due is None or not self._has_come(due):
            return None
        in_time = [fact for fact in self.facts if fact.at <= due]
        said = {fact.kind for fact in in_time if fact.owner == first.owner}
        if Kind.DECLINED in said:
            return 0
        if Kind.ACCEPTED in said:
            return 1
        return None if any(fact.kind in (Kind.REASSIGNED, Kind.CLOSED) for fact in in_time) else 0

    def _is_after_touch(self, move: Happened) -> bool:
        return self.touched is not None and self.touched.at <= move.at

    def _first_right(self, moves: Sequence[Happened]) -> int | None:
        end = self.owned.at + RIGHT
        if not self._has_come(end):
            return None
        wrong = (fact for fact in moves if fact.at <= end and fact.detail not in FAULTS)
        return int(next(wrong, None) is None)
