"""Counters and a clock that never jumps in, how long nothing has moved out. Pure: no database, no hidden clock.

The machine's clock may be set forwards or backwards while everything is well, and while everything is dead.
So whoever watches for long counts the seconds in which it saw a counter stand still, and uses an instant in a
row only to begin with.
"""

from datetime import datetime
from typing import Any

MOST_KEPT = 1000
"""Counters that `Ages` remembers: each start of a worker brings a few."""


class Patience:
    """For how many watched seconds an answer has been owed.

    A gap between two looks counts as `longest_gap` at most: who slept itself (a suspended machine, a stopped
    process) cannot say that the other did nothing.
    """

    def __init__(self, longest_gap: float = 5.0) -> None:
        self._longest_gap = longest_gap
        self._looked_at: float | None = None
        self._count: int | None = None
        self.waited = 0.0

    def look(self, count: int, owed: bool, monotonic: float) -> float:
        """Take in the counter of answers and whether one is owed; the seconds waited for it so far."""
        gap = 0.0 if self._looked_at is None else min(monotonic - self._looked_at, self._longest_gap)
        self._looked_at = monotonic
        if count != self._count or not owed:
            self._count, self.waited = count, 0.0
        else:
            self.waited += gap
        return self.waited

    def forget(self) -> None:
        """Begin anew: nothing could be seen, or what was watched is another."""
        self._looked_at, self._count, self.waited = None, None, 0.0


class Ages:
    """How long ago each of several counters moved last, as one process saw it."""

    def __init__(self) -> None:
        self._seen: dict[Any, tuple[int, float, float]] = {}

    def age(self, key: Any, count: int, at: datetime | None, now: datetime, monotonic: float) -> float:
        """Seconds since the counter moved. `at`, the instant it is said to have moved at, counts at the first
        look only; one that lies ahead says nothing, and counts as just now."""
        seen = self._seen.get(key)
        if seen is None:
            age = max(0.0, (now - at).total_seconds()) if at else 0.0
        elif seen[0] != count:
            age = 0.0
        else:
            return monotonic - seen[1] + seen[2]
        self._seen[key] = (count, monotonic, age)
        if len(self._seen) > MOST_KEPT:
            del self._seen[next(iter(self._seen))]
        return age
