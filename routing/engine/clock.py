"""An act and a clock in; whether the one stops the other, and how the clock ended, out. Reads no rows, no time.

SPEC.md section 11: only a human act stops a clock. `STOPS` is the visible table of act × clock.
"""

from datetime import datetime
from typing import Literal

EVERY_OWNER_CLOCK = frozenset({"accepted", "first_touch", "no_activity"})

STOPS: dict[str, frozenset[str]] = {
    "accept": frozenset({"accepted"}),
    "call": EVERY_OWNER_CLOCK,
    "email": EVERY_OWNER_CLOCK,
    "message": EVERY_OWNER_CLOCK,
    "meeting": EVERY_OWNER_CLOCK,
    "view": frozenset(),
    "note": frozenset(),
    "import": frozenset(),
    "automatic": frozenset(),
}
"""What a person did → the clocks that it stops. Looking, noting, importing and automatic mail stop nothing."""


def is_touch(act: str) -> bool:
    """Whether the buyer heard from a person."""
    return STOPS.get(act) == EVERY_OWNER_CLOCK


def verdict(due_at: datetime, recorded_at: datetime) -> Literal["met", "breached"]:
    """How a running clock ends with an act recorded at that instant. At the due instant itself it is still met."""
    return "met" if recorded_at <= due_at else "breached"
