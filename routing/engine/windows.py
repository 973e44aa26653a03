"""When a rule holds: two instants and hours of the week come in, yes or no for an instant goes out.

All borders are half-open: a window holds from its beginning on and before its end. Hours of the week are read on
the wall clock of the version's zone, so that they keep their hours over a change of clocks; hours that pass
midnight belong to the weekday that they begin on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

DAY = 24 * 60
"""Minutes; as the end of a window it is midnight, the end of the day."""


@dataclass(frozen=True, slots=True)
class Window:
    """`starts_at`, `ends_at`: aware instants, None for no border. `weekdays`: 0 is Monday, empty for every day.
    `from_minute`, `until_minute`: minutes of the day, both or neither; a later beginning than end passes midnight."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    weekdays: frozenset[int] = frozenset()
    from_minute: int | None = None
    until_minute: int | None = None
    zone: tzinfo = UTC

    def holds(self, now: datetime) -> bool:
        """Whether the aware instant lies in the window."""
        if self.starts_at is not None and now < self.starts_at:
            return False
        if self.ends_at is not None and now >= self.ends_at:
            return False
        return self._in_week(now) if self.weekdays or self.from_minute is not None else True

    def _in_week(self, now: datetime) -> bool:
        local = now.astimezone(self.zone)
        today, minute = local.weekday(), local.hour * 60 + local.minute
        start, end = self.from_minute, self.until_minute
        if start is None or end is None:
            return self._on(today)
        if start < end:
            return self._on(today) and start <= minute < end
        return (self._on(today) and minute >= start) or (self._on((today - 1) % 7) and minute < end)

    def _on(self, weekday: int) -> bool:
        return not self.weekdays or weekday in self.weekdays


ALWAYS = Window()
