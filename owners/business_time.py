"""Weekly hours, absences and instants come in; due times and working time go out; rows are left alone.

The one definition everything follows: an instant is open when the wall clock of the zone, at that instant,
lies in a weekly block, and the instant lies in no absence. So a wall-clock hour that daylight saving skips
does not exist, and one that it repeats counts each time it passes. Every span is half-open: open at its
first instant, closed at its last.

How it is computed: per UTC week (Monday 00:00 to Monday 00:00) the open spans are worked out once, as sorted
UTC intervals, and kept in a bounded cache on the `Hours` object. All questions are then a bisection in such
a list, or a sum over whole weeks; nothing steps through minutes.

Holidays, overrides of single days, breaks and pauses belong into `Hours._spans`, the only place that says
what is open in a week.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

Block = tuple[int, int, int]
"""(weekday, Monday 0 to Sunday 6; start minute, 0 to 1439; end minute, 0 to 1440). An end that is not after
the start lies on the next day."""

Span = tuple[datetime, datetime]
"""(first open instant, first closed instant), both in UTC."""

DAY_MINUTES = 1440
WEEK_MINUTES = 7 * DAY_MINUTES
WEEK = timedelta(days=7)
DAY = timedelta(days=1)
ZERO = timedelta(0)
SECOND = timedelta(seconds=1)
HORIZON_WEEKS = 522
"""Ten years: how far `next_open` and `add` look ahead before they say that there is no such instant."""
CACHED_WEEKS = 640
"""Above the horizon, so that one long search does not empty the cache it is filling."""
FIRST_DAY = datetime(1900, 1, 1, tzinfo=UTC).toordinal()
LAST_DAY = datetime(9990, 1, 1, tzinfo=UTC).toordinal()


class HoursError(ValueError):
    """Hours that cannot be, or a question without an answer; `code` is stable.

    Codes: `unknown_zone`, `bad_block`, `overlapping_blocks`, `no_open_minute`, `bad_absence`, `naive_time`,
    `negative_duration`, `no_open_time` (the budget is not used up within the horizon), `out_of_range` (an
    instant before the year 1900 or after 9990).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Week(NamedTuple):
    """The open spans of one UTC week, sorted and apart; `total` is their sum."""

    starts: list[datetime]
    ends: list[datetime]
    total: timedelta


@dataclass(frozen=True, slots=True)
class Hours:
    """When somebody works: built once, asked often; equal when zone, blocks and absences are equal.

    `zone` is an IANA name. `weekly` holds blocks in any order, several a day allowed; blocks that touch are
    one, blocks that overlap are refused, and so is a week without any. `absences` are (start, end) pairs of
    aware datetimes, half-open, in any order; they may overlap. Raises `HoursError`.

    Every datetime that goes in must be aware (`naive_time`); every one that comes out is in UTC.
    """

    zone: str
    weekly: Sequence[Block]
    absences: Sequence[Span] = ()
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _pattern: tuple[tuple[timedelta, timedelta], ...] = field(init=False, repr=False, compare=False)
    _away: tuple[Span, ...] = field(init=False, repr=False, compare=False)
    _weeks: dict[int, _Week] = field(init=False, repr=False, compare=False)
    _asked: tuple[datetime | None, bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "weekly", tuple(sorted((day, start, end) for day, start, end in self.weekly)))
        put(self, "absences", tuple(sorted((_utc(start), _utc(end)) for start, end in self.absences)))
        put(self, "_zone", _load_zone(self.zone))
        put(self, "_pattern", _weekly_pattern(self.weekly))
        put(self, "_away", _joined_absences(self.absences))
        put(self, "_weeks", {})
        put(self, "_asked", (None, False))

    def is_open(self, at: datetime) -> bool:
        """Whether `at` is working time."""
        asked = self._asked
        if asked[0] is at:  # a batch asks for everybody, many times, with its one instant
            return asked[1]
        instant = _utc(at)
        week = self._week(_week_number(instant))
        place = bisect_right(week.starts, instant) - 1
        found = place >= 0 and instant < week.ends[place]
        object.__setattr__(self, "_asked", (at, found))
        return found

    def next_open(self, at: datetime) -> datetime | None:
        """The first open instant at or after `at`; None when there is none within `HORIZON_WEEKS`."""
        at = _utc(at)
        for start, _end in self._spans_from(at):
            return start
        return None

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """The first instant at which `duration` of working time has passed since `start`.

        A budget that ends at closing time is therefore due at closing time, not at the next opening, and a
        budget of nothing is due at once. Raises `HoursError`: `negative_duration`, `no_open_time`.
        """
        at = _utc(start)
        if duration < ZERO:
            raise HoursError("negative_duration", f"A duration cannot be negative: {duration}.")
        if not duration:
            return at
        number = _week_number(at)
        week = self._week(number)
        left = duration
        for place in range(bisect_right(week.ends, at), len(week.ends)):
            begin = max(at, week.starts[place])
            room = week.ends[place] - begin
            if left <= room:
                return begin + left
            left -= room
        return self._add_from_week(number + 1, left, number + HORIZON_WEEKS)

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """The working time from `start` to `end`; negative when `end` is the earlier one.

        Additive for any three instants: elapsed(a, b) + elapsed(b, c) == elapsed(a, c).
        """
        start, end = _utc(start), _utc(end)
        if end < start:
            return -self.elapsed(end, start)
        first, last = _week_number(start), _week_number(end)
        total = self._worked(last, end) - self._worked(first, start)
        for number in range(first, last):
            total += self._week(number).total
        return total

    def _add_from_week(self, number: int, left: timedelta, horizon: int) -> datetime:
        """`left` more of working time, counted from the beginning of week `number`."""
        while number <= horizon:
            week = self._week(number)
            if left <= week.total:
                for begin, end in zip(week.starts, week.ends, strict=True):
                    if left <= end - begin:
                        return begin + left
                    left -= end - begin
            left -= week.total
            number += 1
        raise HoursError("no_open_time", "The working time is not reached within ten years.")

    def _worked(self, number: int, until: datetime) -> timedelta:
        """The working time from the beginning of week `number` to `until`, which lies in it."""
        week = self._week(number)
        whole = bisect_right(week.ends, until)
        total = sum((week.ends[place] - week.starts[place] for place in range(whole)), ZERO)
        if whole < len(week.starts) and week.starts[whole] < until:
            total += until - week.starts[whole]
        return total

    def _spans_from(self, at: datetime) -> Iterator[Span]:
        """The open spans from `at` on, cut at `at` and at the ends of UTC weeks, up to the horizon."""
        first = _week_number(at)
        for number in range(first, first + HORIZON_WEEKS + 1):
            week = self._week(number)
            for place in range(bisect_right(week.ends, at), len(week.ends)):
                yield max(at, week.starts[place]), week.ends[place]

    def _week(self, number: int) -> _Week:
        week = self._weeks.get(number)
        if week is None:
            spans = self._spans(number)
            week = _Week(
                [start for start, _ in spans],
                [end for _, end in spans],
                sum((end - start for start, end in spans), ZERO),
            )
            if len(self._weeks) >= CACHED_WEEKS:
                self._weeks.clear()
            self._weeks[number] = week
        return week

    def _spans(self, number: int) -> list[Span]:
        """What is open in a UTC week: the pattern over each stretch of constant offset, less absences."""
        begin = _week_begin(number)
        spans = [
            span
            for start, end in _constant_offsets(self._zone, begin)
            for span in _lay_pattern(self._pattern, start, end, start.astimezone(self._zone).utcoffset() or ZERO)
        ]
        return _without(_joined(spans), self._away)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is UTC:
        return at
    if at.utcoffset() is None:
        raise HoursError("naive_time", "A datetime without a time zone was given.")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise HoursError("out_of_range", "The instant is outside the calendar.") from error


def _week_number(at: datetime) -> int:
    """Weeks since Monday 0001-01-01, of an instant in UTC."""
    return (at.toordinal() - 1) // 7


def _week_begin(number: int) -> datetime:
    ordinal = number * 7 + 1
    if not FIRST_DAY <= ordinal <= LAST_DAY:
        raise HoursError("out_of_range", "The instant is too far away to reckon working time for.")
    return datetime.fromordinal(ordinal).replace(tzinfo=UTC)


def _load_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown, malformed, a folder of the zone database
        raise HoursError("unknown_zone", f"There is no time zone {name!r}.") from error


def _weekly_pattern(weekly: Sequence[Block]) -> tuple[tuple[timedelta, timedelta], ...]:
    """Blocks as sorted offsets from Monday 00:00 wall clock, within one week, touching ones joined."""
    spans: list[tuple[int, int]] = []
    for weekday, start, end in weekly:
        if not (0 <= weekday <= 6 and 0 <= start < DAY_MINUTES and 0 <= end <= DAY_MINUTES):
            raise HoursError("bad_block", f"Not a block of working time: {(weekday, start, end)}.")
        begin = weekday * DAY_MINUTES + start
        length = end - start if end > start else end - start + DAY_MINUTES
        spans.append((begin, min(begin + length, WEEK_MINUTES)))
        if begin + length > WEEK_MINUTES:  # Sunday night reaches into Monday
            spans.append((0, begin + length - WEEK_MINUTES))
    if not spans:
        raise HoursError("no_open_minute", "Working hours need at least one block.")
    spans.sort()
    joined = [spans[0]]
    for before, (begin, end) in pairwise(spans):
        if begin < before[1]:
            raise HoursError("overlapping_blocks", "Two blocks of working time overlap.")
        if begin == joined[-1][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return tuple((timedelta(minutes=begin), timedelta(minutes=end)) for begin, end in joined)


def _joined_absences(absences: Sequence[Span]) -> tuple[Span, ...]:
    for start, end in absences:
        if end <= start:
            raise HoursError("bad_absence", "An absence must end after it starts.")
    return tuple(_joined(absences))


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Sorted spans, those that touch or overlap made one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _without(spans: list[Span], away: tuple[Span, ...]) -> list[Span]:
    """`spans` less `away`; both sorted and apart."""
    if not away or not spans:
        return spans
    left: list[Span] = []
    first = bisect_right(away, spans[0][0], key=lambda span: span[1])
    for start, end in spans:
        for gone, back in away[first:]:
            if gone >= end:
                break
            if back <= start:
                continue
            if start < gone:
                left.append((start, gone))
            start = back
        if start < end:
            left.append((start, end))
    return left


def _constant_offsets(zone: ZoneInfo, begin: datetime) -> Iterator[Span]:
    """The UTC week from `begin`, cut where the zone's offset changes.

    The offset is read once a day; zones do not change it and change it back within one. The instant of a
    change is found by halving, to the second, the zone database's own grain.
    """
    start = begin
    days = [begin + DAY * day for day in range(8)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    for (low, high), (old, new) in zip(pairwise(days), pairwise(offsets), strict=True):
        if old == new:
            continue
        while high - low > SECOND:
            middle = low + (high - low) // SECOND // 2 * SECOND
            if middle.astimezone(zone).utcoffset() == old:
                low = middle
            else:
                high = middle
        yield start, high
        start = high
    if start < days[-1]:
        yield start, days[-1]


def _lay_pattern(
    pattern: tuple[tuple[timedelta, timedelta], ...], start: datetime, end: datetime, offset: timedelta
) -> Iterator[Span]:
    """The pattern's spans between `start` and `end`, while the wall clock is UTC plus `offset`."""
    wall = start + offset
    monday = _week_begin(_week_number(wall)) - offset
    while monday < end:
        for begin, stop in pattern:
            first, last = max(monday + begin, start), min(monday + stop, end)
            if first < last:
                yield first, last
        monday += WEEK


ALWAYS = Hours("UTC", [(weekday, 0, DAY_MINUTES) for weekday in range(7)])
"""Around the clock: real time."""
