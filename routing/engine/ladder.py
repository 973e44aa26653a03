"""A clock in; the rungs of its ladder and the instant of each out: what is done at which share of the budget.

SPEC.md section 11: the owner is reminded, at the end of the budget the team lead is told and the lead moves on,
and the ladder ends with a named person. Every rung is climbed once. Knows no rows and no present.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from owners.business_time import Hours, HoursError

END = 100
"""The share at which a budget is used up."""


class Rung(NamedTuple):
    """`share`: percent of the budget. `action`: remind, move or breach."""

    share: int
    action: str


LADDERS: dict[str, tuple[Rung, ...]] = {
    "accepted": (Rung(END, "breach"),),
    "first_touch": (Rung(80, "remind"), Rung(END, "breach")),
    "no_activity": (Rung(50, "remind"), Rung(END, "move")),
}


def rungs_above(kind: str, climbed: int) -> tuple[Rung, ...]:
    """The rungs above the share that was climbed last (0: none yet), lowest first."""
    return tuple(rung for rung in LADDERS.get(kind, ()) if rung.share > climbed)


def hint(kind: str, started_at: datetime, budget: int) -> datetime | None:
    """When to look at a new clock for the first time: its first rung by real time.

    Working time never passes faster than real time, so the hint is never late; who looks works out the truth.
    """
    rung = next(iter(rungs_above(kind, 0)), None)
    return started_at + _part(budget, rung.share) if rung else None


def rung_at(share: int, started_at: datetime, due_at: datetime, budget: int, hours: Hours | None) -> datetime:
    """The instant of a rung: never after `due_at`, which is the last one's, promised when the clock started.

    `budget` in seconds; `hours`: the owner's working time, None where nights count too.
    """
    if share >= END:
        return due_at
    part = _part(budget, share)
    try:
        at = hours.add(started_at, part) if hours else started_at + part
    except HoursError:
        at = started_at + part
    return min(at, due_at)


def _part(budget: int, share: int) -> timedelta:
    return timedelta(seconds=budget) * share / END
