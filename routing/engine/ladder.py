"""A clock's kind in, the rungs of its ladder out: what is done at which share of the budget. Knows no time.

SPEC.md section 11: the owner is reminded, at the end of the budget the team lead is told and the lead moves on,
and the ladder ends with a named person. Every rung is climbed once.
"""

from datetime import datetime, timedelta
from typing import NamedTuple


class Rung(NamedTuple):
    """`share`: percent of the budget. `action`: remind, move or breach."""

    share: int
    action: str


LADDERS: dict[str, tuple[Rung, ...]] = {
    "accepted": (Rung(100, "breach"),),
    "first_touch": (Rung(80, "remind"), Rung(100, "breach")),
    "no_activity": (Rung(50, "remind"), Rung(100, "move")),
}


def next_rung(kind: str, climbed: int) -> Rung | None:
    """The first rung above the share that was climbed last (0: none yet); None at the top."""
    return next((rung for rung in LADDERS.get(kind, ()) if rung.share > climbed), None)


def hint(kind: str, started_at: datetime, budget: int) -> datetime | None:
    """When to look at a new clock for the first time: its first rung by real time.

    Working time never passes faster than real time, so the hint is never late; who looks works out the truth.
    """
    rung = next_rung(kind, 0)
    return started_at + timedelta(seconds=budget * rung.share / 100) if rung else None
