"""What a clock counts and from when to when in; how that time was counted, stretch by stretch, out. Knows no rows.

Up to the end of a budget, the counted stretches add up to it, to the microsecond: both follow from the same hours.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from owners.business_time import ALWAYS, Hours, Segment, Span
from routing.engine.ladder import counted

LONGEST = timedelta(days=92)
"""Of how much of a clock the stretches are worked out one by one; the sums are of all of it."""


class Counting(NamedTuple):
    """`segments`: counted and not, each for one reason, up to `told_until`; `working` and `raw`: how much time was
    counted, and passed, in all; `changes`: when the clocks of the zone changed meanwhile, and by how much."""

    segments: tuple[Segment, ...]
    told_until: datetime
    working: timedelta
    raw: timedelta
    changes: tuple[tuple[datetime, timedelta], ...]


class Lateness(NamedTuple):
    """How much later than promised, on the clock of the wall and in the time that the promise counted."""

    raw: timedelta
    working: timedelta


def count(hours: Hours | None, pauses: Sequence[Span], started_at: datetime, until: datetime) -> Counting:
    """How the time of a clock was counted from its start. `hours` as it was promised by, None where nights count."""
    effective = counted(hours, pauses, started_at) or ALWAYS
    until = max(started_at, until)
    told = min(until, started_at + LONGEST)
    changes = effective.clock_changes(started_at, until) if hours is not None else []
    return Counting(
        tuple(effective.segments(started_at, told)), told, effective.elapsed(started_at, until), until - started_at,
        tuple(changes),
    )  # fmt: skip


def lateness(
    hours: Hours | None, pauses: Sequence[Span], started_at: datetime, due_at: datetime, at: datetime
) -> Lateness:
    """How late `at` is; nothing where it is not."""
    at = max(due_at, at)
    effective = counted(hours, pauses, started_at) or ALWAYS
    return Lateness(at - due_at, effective.elapsed(due_at, at))
