"""An act and a clock in; what the one does to the other, and how the clock ended, out. Reads no rows, no time.

SPEC.md section 11: only a human act stops a clock. `ACTS` is the table of act × clock: what stops clocks reads it, the
help page shows it, and a test asks every cell of it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

OWNERS_CLOCKS = frozenset({"accepted", "first_touch", "no_activity"})
"""Promises of whoever owns the lead."""
ITEMS_CLOCKS = frozenset({"review", "held", "claim"})
"""Promises of whoever answers for a lead that nobody owns yet."""
CLOCKS = ("accepted", "first_touch", "no_activity", "assigned", "review", "held", "claim", "crm")
PLACED = ITEMS_CLOCKS | {"assigned"}
NONE: frozenset[str] = frozenset()
UNWRITTEN = frozenset({"crm"})
"""A CRM write that is not confirmed is dropped when the lead moves: the next decision has writes of its own."""
UNOWNED = OWNERS_CLOCKS | UNWRITTEN | {"assigned"}
"""What nobody is held to any more, once a lead has no owner and shall have none."""


class Effect(NamedTuple):
    """What an act does. `stops`: the clocks that it answers; `cancels`: those whose promise ends with the owner's work,
    neither met nor breached; `label`: the act in words."""

    label: str
    stops: frozenset[str] = NONE
    cancels: frozenset[str] = NONE


ACTS: Mapping[str, Effect] = {
    "accept": Effect("The owner accepts it", frozenset({"accepted"})),
    "call": Effect("Somebody calls", OWNERS_CLOCKS),
    "email": Effect("Somebody writes an e-mail", OWNERS_CLOCKS),
    "message": Effect("Somebody sends a message", OWNERS_CLOCKS),
    "meeting": Effect("Somebody meets the buyer", OWNERS_CLOCKS),
    "booking": Effect("A meeting is booked, by somebody here or by the buyer", OWNERS_CLOCKS),
    "view": Effect("Somebody looks at it"),
    "note": Effect("A note is written"),
    "import": Effect("It is imported"),
    "automatic": Effect("Automatic mail goes out"),
    "program": Effect("A program logs a call, mail or message and names nobody"),
    "pause": Effect("The buyer is waited for (the time is not counted)"),
    "assign": Effect("It is given to somebody, by the rules or by hand", PLACED, UNWRITTEN),
    "claim": Effect("Somebody claims it", PLACED, UNWRITTEN),
    "reassign": Effect("It goes to another owner, by hand or by the ladder", NONE, OWNERS_CLOCKS | UNWRITTEN),
    "nurture": Effect("It goes to nurture or is rejected, for a reason", ITEMS_CLOCKS, UNOWNED),
    "close": Effect("Its owner closes it", NONE, OWNERS_CLOCKS),
    "confirm": Effect("The CRM confirms what it was sent", frozenset({"crm"})),
}
"""Every act that clocks could care about."""

STOPS: Mapping[str, frozenset[str]] = {act: effect.stops for act, effect in ACTS.items()}

NEEDS_NOBODY = frozenset({"booking"})
"""Touches that count although no one of ours is named: the buyer is the person who acts."""


def is_touch(act: str) -> bool:
    """Whether the buyer heard from a person."""
    return STOPS.get(act) == OWNERS_CLOCKS


def as_counted(kind: str, by_person: bool) -> str:
    """The act that an activity of a kind is: a touch that a program logs and that names nobody is none."""
    return kind if by_person or kind in NEEDS_NOBODY or not is_touch(kind) else "program"


def verdict(due_at: datetime, recorded_at: datetime) -> Literal["met", "breached"]:
    """How a running clock ends with an act recorded at that instant. At the due instant itself it is still met."""
    return "met" if recorded_at <= due_at else "breached"
