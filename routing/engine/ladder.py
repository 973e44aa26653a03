"""A clock in; the rungs of its ladder and the instant of each out: what is done at which part of the budget.

SPEC.md section 11: the owner is reminded, at the end of the budget the team lead is told and the lead moves on,
and the ladder ends with a named person. Every rung is climbed once. Ladders are data: `Ladder.content` is the
canonical text of one, which a clock keeps as its terms. Knows no rows and no present.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from owners.business_time import ALWAYS, Hours, HoursError, Span
from routing.engine.text import canonical

END = 100
"""The share at which a budget is used up."""
OF_ITEMS = frozenset({"review", "held", "claim"})


class Rung(NamedTuple):
    """Due at `percent` of the budget, or `minutes` after the start, counted like the budget; one of them is 0.

    What is done: the owner is reminded, the team lead told, the lead moved (cover, member, pool, queue or named;
    `pool`: to which), given at least a `priority`, an address told by `webhook`.
    """

    percent: int = 0
    minutes: int = 0
    remind: bool = False
    tell_lead: bool = False
    move: str = ""
    pool: int | None = None
    priority: int = 0
    webhook: str = ""

    @property
    def key(self) -> int:
        """Tells the rungs of a ladder apart: percent, or minutes below zero."""
        return self.percent or -self.minutes

    def seconds(self, budget: int) -> int:
        """After how many counted seconds of a budget of so many it is due."""
        return self.minutes * 60 or -(-budget * self.percent // END)  # rounded up: never early


class Ladder(NamedTuple):
    """`rungs` in any order. `named`: the owner id of whoever answers in the end; None where the lead of the team does,
    or whoever answers for the rules. `terms`: the digest of its content; empty for a built-in one."""

    rungs: tuple[Rung, ...]
    named: int | None = None
    name: str = ""
    terms: str = ""

    def in_order(self, budget: int) -> tuple[Rung, ...]:
        """The rungs as they are climbed; the end of the budget is always one, because a breach is noted there."""
        ends = any(rung.seconds(budget) == budget for rung in self.rungs)
        rungs = self.rungs if ends else (*self.rungs, Rung(END))
        return tuple(sorted(rungs, key=lambda rung: (rung.seconds(budget), rung.key)))

    @property
    def moves(self) -> int:
        """How many of its rungs move the lead."""
        return sum(1 for rung in self.rungs if rung.move)


NO_LADDER = Ladder(())

BUILT_IN: dict[str, Ladder] = {
    "accepted": Ladder((Rung(END, remind=True, tell_lead=True),)),
    "first_touch": Ladder((Rung(80, remind=True), Rung(END, remind=True, tell_lead=True))),
    "no_activity": Ladder((Rung(50, remind=True), Rung(END, tell_lead=True, move="cover"))),
    "assigned": Ladder(()),
    "review": Ladder((Rung(END, remind=True), Rung(2 * END, tell_lead=True, move="named"))),
    "held": Ladder((Rung(END, remind=True), Rung(2 * END, tell_lead=True, move="named"))),
    "claim": Ladder((Rung(END, remind=True), Rung(2 * END, tell_lead=True, move="named"))),
    "crm": Ladder((Rung(END, tell_lead=True),)),
}
"""What holds where a policy names no ladder."""


def content_of(name: str, named: int, rungs: tuple[Rung, ...]) -> str:
    """The canonical text of a ladder: equal ladders give equal text."""
    return canonical({"name": name, "named": named, "rungs": sorted(list(rung) for rung in rungs)})


def terms_of(content: str) -> str:
    """What names a content: the first 16 hex digits of its SHA-256."""
    return sha256(content.encode()).hexdigest()[:16]


def read_ladder(content: str) -> Ladder:
    """A ladder back from its canonical text."""
    value: Mapping[str, Any] = json.loads(content)
    rungs = tuple(Rung(*rung) for rung in value["rungs"])
    return Ladder(rungs, value["named"], value["name"], terms_of(content))


def hint(ladder: Ladder, started_at: datetime, budget: int) -> datetime:
    """When to look at a new clock for the first time: its first rung by real time.

    Working time never passes faster than real time, so the hint is never late; who looks works out the truth.
    """
    return started_at + timedelta(seconds=ladder.in_order(budget)[0].seconds(budget))


def rung_at(rung: Rung, started_at: datetime, due_at: datetime, budget: int, hours: Hours | None) -> datetime:
    """The instant of a rung. That of the end of the budget is `due_at`, promised when the clock started; none before
    it comes later, none after it earlier.

    `budget` in seconds; `hours`: the working time that the clock counts, None where nights count too.
    """
    seconds = rung.seconds(budget)
    if seconds == budget:
        return due_at
    if seconds < budget:
        return min(after(started_at, seconds, hours), due_at)
    return after(due_at, seconds - budget, hours)


def counted(hours: Hours | None, pauses: Sequence[Span], started_at: datetime) -> Hours | None:
    """What a clock counts while the buyer is waited for: `hours` (None: all time) less the pauses.

    A pause holds for the clocks that ran when it was set. One that started later, with a new inquiry of the buyer,
    counts through it: the buyer is not waited for any more.
    """
    binding = tuple(span for span in pauses if span[0] >= started_at)
    if not binding:
        return hours
    hours = hours or ALWAYS
    return replace(hours, pauses=(*hours.pauses, *binding))


def after(start: datetime, seconds: int, hours: Hours | None) -> datetime:
    """When so many counted seconds have passed; of real time, less the pauses, where the hours give none."""
    part = timedelta(seconds=seconds)
    if hours is None:
        return start + part
    try:
        return hours.add(start, part)
    except HoursError:
        return replace(ALWAYS, pauses=hours.pauses).add(start, part)
