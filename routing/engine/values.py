"""The values that a decision is made from and consists of. Nothing is computed here.

All are JSON-able or have a JSON form, because a decision keeps what it saw.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from routing.engine.found import ON_HOLD
from routing.engine.ladder import NO_LADDER, Ladder
from routing.engine.people import PoolOf
from routing.engine.rotation import Rotation, Selection, Turn


class Load(NamedTuple):
    """What an owner carries: open leads, and new leads of their own calendar day and week."""

    open: int
    day: int
    week: int


NO_LOAD = Load(0, 0, 0)


class Waiting(NamedTuple):
    """How many leads are on hold for a pool, and how many of them have high intent."""

    all: int
    high: int


class Former(NamedTuple):
    """How a lead counted before an act. `owner`, `member`: who had it as an open one, as a person and by a turn in
    a pool. `opens`: whether it counts as open with whoever gets it now."""

    owner: int | None = None
    member: int | None = None
    opens: bool = True


NEW = Former()
"""A lead that is routed for the first time."""


@dataclass(slots=True)
class Numbers:
    """The numbers that change with every lead: turns by pool member, loads by owner and, of members who have caps,
    by member. Owned by the batch.

    `decide` only reads; `take` takes a decision over before the next one is made. `owners_moved`, `members_moved`:
    whose loads it changed.
    """

    turns: dict[int, Turn] = field(default_factory=dict)
    loads: dict[int, Load] = field(default_factory=dict)
    pools_read: set[int] = field(default_factory=set)
    member_loads: dict[int, Load] = field(default_factory=dict)
    owners_moved: set[int] = field(default_factory=set)
    members_moved: set[int] = field(default_factory=set)
    waiting: dict[int, Waiting] = field(default_factory=dict)
    """Leads on hold, by the pool that they wait for; pools without any are left out."""
    _rotations: dict[int, Rotation] = field(default_factory=dict)

    def add(self, more: "Numbers") -> None:
        """Take in numbers that were read later, of other pools and owners."""
        self.turns.update(more.turns)
        self.loads.update(more.loads)
        self.member_loads.update(more.member_loads)
        self.pools_read |= more.pools_read
        self.waiting.update(more.waiting)

    def rotation(self, pool: PoolOf) -> Rotation:
        """The rotation of the pool with all that was taken over so far."""
        if pool.id not in self._rotations:
            if pool.id not in self.pools_read:
                raise KeyError(f"the turns of pool {pool.id} were not read")
            known = {id: self.turns[id] for id in pool.standing_ids if id in self.turns}
            self._rotations[pool.id] = Rotation(pool.members, known, pool.catch_up)
        return self._rotations[pool.id]

    def take(self, decision: "Decision", former: Former = NEW) -> None:
        """Count an assigned lead and a turn. `former`: who has one lead less with it."""
        if decision.counts:
            self._count(former.owner, former.member, Load(-1, 0, 0))
        if decision.fills and decision.outcome.status == "assigned":
            member = decision.selection.member.id if decision.selection is not None else None
            self._count(decision.outcome.owner, member, Load(int(former.opens), 1, 1))
        if decision.waits is not None and decision.outcome.review_reason == ON_HOLD and decision.counts:
            before = self.waiting.get(decision.waits, Waiting(0, 0))
            high = before.high + decision.outcome.high_intent
            self.waiting[decision.waits] = Waiting(before.all + 1, high)
        if decision.selection is not None and decision.pool is not None:
            self.turns.update(decision.selection.turns)
            self._rotations[decision.pool].apply(decision.selection)

    def _count(self, owner: int | None, member: int | None, by: Load) -> None:
        """The one place where loads change with a decision: the person's, and the member's where it is kept."""
        if owner is not None:
            self.loads[owner] = _sum(self.loads.get(owner, NO_LOAD), by)
            self.owners_moved.add(owner)
        if member in self.member_loads:
            self.member_loads[member] = _sum(self.member_loads[member], by)
            self.members_moved.add(member)


def _sum(load: Load, by: Load) -> Load:
    return Load(max(load.open + by.open, 0), load.day + by.day, load.week + by.week)


class DealSeen(NamedTuple):
    """An open deal of the person or their company. `own`: of this very contact."""

    id: int
    owner: int | None
    pipeline: str
    own: bool


@dataclass(frozen=True, slots=True)
class ContactMatch:
    """Who it is. `verdict`: certain, new or ambiguous. `candidates`: (contact id, what matched), best first."""

    verdict: str = "new"
    id: int | None = None
    owner: int | None = None
    candidates: tuple[tuple[int, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class CompanyMatch:
    """Which company. `verdict`: certain, new, ambiguous or none (nothing to go by)."""

    verdict: str = "none"
    id: int | None = None
    owner: int | None = None
    customer: bool = False
    candidates: tuple[tuple[int, tuple[str, ...]], ...] = ()


class OpenLead(NamedTuple):
    """The person's open lead, which a new inquiry is appended to. `reviewer`: named while it is in review."""

    id: int
    owner: int | None
    reviewer: int | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What is wanted of a lead that stands already, and how it stands.

    `kind`: claim, assign, reassign, escalate, decline, again, nurture or reject. `by`: who wants it, as sentences
    name them; `by_owner`: their owner id. `cause`: stable code for reports. `state`: of the lead. `owner`: who has
    it now; `to`: who shall. `reviewer`: who is named if it ends in review. `pool`: whose rotation a lead taken out
    of turn is charged to. `final`: an escalation that asks nobody else. The rest is of the decision in force.
    """

    kind: str
    lead: int
    by: str
    why: str
    cause: str = ""
    by_owner: int | None = None
    state: str = ""
    owner: int | None = None
    to: int | None = None
    reviewer: int | None = None
    pool: int | None = None
    final: bool = False
    step: str = ""
    tier: str = ""
    team: int | None = None
    policy: str = ""
    pipeline: str = ""
    stage: str = ""
    sequence: str = ""
    deal: int | None = None
    high_intent: bool | None = None
    move: str = ""
    language: bool = False
    service: bool = False
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One event as the decision sees it: contract facts, problems, matches; everything but numbers, rules, people.

    `act`: what is asked about the lead that it became; None while it is being routed for the first time.
    """

    now: datetime
    source: int
    facts: Mapping[str, Any]
    validity: str
    spam: str = ""
    problems: tuple[tuple[str, ...], ...] = ()
    """What could not be read: (stable code, contract field, the value as sent)."""
    contact: ContactMatch = ContactMatch()
    company: CompanyMatch = CompanyMatch()
    deals: tuple[DealSeen, ...] = ()
    open_lead: OpenLead | None = None
    is_test: bool = False
    tried: tuple[int, ...] = ()
    act: Act | None = None


class ClockOwed(NamedTuple):
    """A clock to start with the ownership: kind, budget in seconds, due instant, whether nights count, by which
    calendar (None: its owner's hours), by which ladder."""

    kind: str
    budget: int
    due_at: datetime
    real_time: bool
    calendar: int | None = None
    ladder: Ladder = NO_LADDER

    @property
    def sealed(self) -> tuple[Any, ...]:
        """What the digest is made from: decisions from before ladders were data keep theirs."""
        told = (self.calendar, self.ladder.terms)
        return (*self[:4], *told) if any(told) else tuple(self[:4])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided. Owner, team, rule: ids; pipeline, stage, policy: keys."""

    status: str
    step: str
    reason: str
    flag: str
    lead_type: str
    high_intent: bool
    rule: int | None = None
    owner: int | None = None
    team: int | None = None
    tier: str = ""
    pipeline: str = ""
    stage: str = ""
    sequence: str = ""
    review_reason: str = ""
    review_detail: str = ""
    reviewer: int | None = None
    lead: int | None = None
    fallback_owner: int | None = None
    sla_policy: str = ""
    due_at: datetime | None = None
    channels: tuple[str, ...] = ()
    meeting_url: str = ""
    plan: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome, why, what it read, and what follows from it for numbers and clocks.

    `trace`: {"steps": […], "candidates": […], "notes": […], "then": {…}}, JSON-able.
    `snapshot` and `trace_text` are the exact texts that `digest` (SHA-256, with the outcome) was made from.
    """

    outcome: Outcome
    version: int | None
    revision: int
    trace: dict[str, Any]
    snapshot: str
    trace_text: str
    digest: str
    counts: bool = True
    """Whether it is somebody's lead: a test lead is nobody's."""
    fills: bool = True
    """Whether it fills caps: a test lead does not, nor one of a type that fills none."""
    clocks: tuple[ClockOwed, ...] = ()
    pool: int | None = None
    selection: Selection | None = None
    waits: int | None = None
    """Of a lead that is held: the pool that it waits for."""

    @property
    def row(self) -> int:
        """From 1: the row of its rule's table that decided; 0 where no table did."""
        rules = self.trace["steps"][-1]["rules"] if self.trace["steps"] else ()
        return int(rules[-1].get("row", 0)) if rules and rules[-1]["rule"] == self.outcome.rule else 0
