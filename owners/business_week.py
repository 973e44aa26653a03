"""Weekly blocks, breaks and dated days come in; what they open goes out, in UTC; absences are left to `business_time`.

Wall clocks are reckoned with in two forms. What comes back every week is minutes since Monday 00:00. What has a
date is a datetime that shows the clock's face: it says UTC only so that it can be compared and shifted. Either
becomes instants once the zone's offset is known, and a week is cut where that offset changes.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

Block = tuple[int, int, int]
"""(weekday, Monday 0 to Sunday 6; start minute, 0 to 1439; end minute, 0 to 1440). An end before the start lies on
the next day; a block that ends where it starts is refused, since it could mean nothing or a whole day."""

Day = tuple[date, tuple[tuple[int, int], ...]]
"""(date, blocks of start and end minute as in `Block`): what is open on that one date, instead of the weekly hours."""

Span = tuple[datetime, datetime]
"""(first instant in it, first instant after it), both in UTC."""

Pattern = tuple[tuple[timedelta, timedelta], ...]
"""Sorted, apart, and within the week: (first, first after), counted from Monday 00:00 on the wall clock."""

Stretch = tuple[datetime, datetime, timedelta]
"""(start, end, offset): from `start` up to `end` in UTC, the wall clock is UTC plus `offset`."""

T = TypeVar("T", int, datetime)

DAY_MINUTES = 1440
WEEK_MINUTES = 7 * DAY_MINUTES
WEEK = timedelta(days=7)
DAY = timedelta(days=1)
ZERO = timedelta(0)
SECOND = timedelta(seconds=1)
FIRST_DAY = date(1900, 1, 1).toordinal()
LAST_DAY = date(9990, 1, 1).toordinal()


class HoursError(ValueError):
    """Hours that cannot be, or a question without an answer; `code` is stable.

    Codes: `unknown_zone`, `bad_block`, `overlapping_blocks`, `bad_break`, `repeated_day`, `no_open_minute` (no
    weekly block, or none that breaks leave anything of), `bad_absence`, `bad_pause`, `naive_time`,
    `negative_duration`, `no_open_time` (the budget is not used up within the horizon), `out_of_range` (before
    the year 1900 or after 9990).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SpecialDays(NamedTuple):
    """Dated days on the wall clock; each list sorted, its spans apart."""

    holidays: Sequence[Span] = ()
    """Dates without any block, 00:00 to 24:00."""
    others: Sequence[Span] = ()
    """Dates with blocks of their own, 00:00 to 24:00."""
    dates: Sequence[Span] = ()
    """Both: where the weekly hours do not hold."""
    opens: Sequence[Span] = ()
    """The blocks; one that crosses midnight ends there if the next date is a special day, too."""
    weeks: frozenset[int] = frozenset()
    """Numbers of the UTC weeks that may need a look at the lists above."""

    def put_over(self, laid: list[Span], stretch: Stretch) -> list[Span]:
        """The weekly hours `laid` onto a stretch, with the special days in place of their dates."""
        return joined([*without(laid, lay_dated(self.dates, stretch)), *lay_dated(self.opens, stretch)])


NO_DAYS = SpecialDays()


# --- reading


@lru_cache(maxsize=1024)  # teams share their hours, and everybody's are read again at each change of one
def read_week(weekly: tuple[Block, ...], breaks: tuple[Block, ...]) -> tuple[Pattern, Pattern]:
    """What the blocks less the breaks open, and what the breaks took from the blocks.

    Blocks that touch are one; breaks may touch, overlap, and lie outside all blocks. Raises `HoursError`:
    `bad_block`, `bad_break`, `overlapping_blocks`, `no_open_minute`.
    """
    spans = _minutes_of_week(weekly, "bad_block", "block of working time")
    if not spans:
        raise HoursError("no_open_minute", "Working hours need at least one block.")
    if any(begin < end for (_, end), (begin, _) in pairwise(spans)):
        raise HoursError("overlapping_blocks", "Two blocks of working time overlap.")
    blocks = joined(spans)
    if not breaks:
        return _pattern(blocks), ()
    open_ = without(blocks, joined(_minutes_of_week(breaks, "bad_break", "break")))
    if not open_:
        raise HoursError("no_open_minute", "The breaks leave nothing of the working hours.")
    return _pattern(open_), _pattern(without(blocks, open_))


def _minutes_of_week(blocks: Iterable[Block], code: str, what: str) -> list[tuple[int, int]]:
    """Sorted (start, end) since Monday 00:00; what Sunday night has in Monday stands there."""
    spans = []
    for weekday, start, end in blocks:
        if not 0 <= weekday <= 6 or (length := _length(start, end)) is None:
            raise HoursError(code, f"Not a {what}: {(weekday, start, end)}.")
        begin = weekday * DAY_MINUTES + start
        spans.append((begin, min(begin + length, WEEK_MINUTES)))
        if begin + length > WEEK_MINUTES:
            spans.append((0, begin + length - WEEK_MINUTES))
    return sorted(spans)


def _length(start: int, end: int) -> int | None:
    """Minutes from start to end, over midnight if it must be; None where that is no block."""
    if not (0 <= start < DAY_MINUTES and 0 <= end <= DAY_MINUTES) or start == end:
        return None
    return end - start if end > start else end - start + DAY_MINUTES


def _pattern(spans: Iterable[tuple[int, int]]) -> Pattern:
    return tuple((timedelta(minutes=begin), timedelta(minutes=end)) for begin, end in spans)


def read_days(days: Sequence[Day]) -> SpecialDays:
    """`days`, sorted by date, on the wall clock.

    Raises `HoursError`: `repeated_day`, `bad_block`, `overlapping_blocks`, `out_of_range`.
    """
    starts = [_midnight(day) for day, _ in days]
    if len(set(starts)) < len(starts):
        raise HoursError("repeated_day", "Two special days have the same date.")
    special = set(starts)
    opens: list[Span] = []
    for begin, (_, blocks) in zip(starts, days, strict=True):
        midnight = begin + DAY
        limit = midnight if midnight in special else midnight + DAY
        opens += [(start, min(end, limit)) for start, end in _blocks_of_day(begin, blocks)]
    whole = [(begin, begin + DAY) for begin in starts]
    return SpecialDays(
        holidays=joined([span for span, (_, blocks) in zip(whole, days, strict=True) if not blocks]),
        others=joined([span for span, (_, blocks) in zip(whole, days, strict=True) if blocks]),
        dates=joined(whole),
        opens=joined(opens),
        # No zone is a day from UTC, and a block ends on the next date at the latest.
        weeks=frozenset(week_number(begin + DAY * shift) for begin in starts for shift in (-1, 2)),
    )


def _midnight(day: date) -> datetime:
    if not FIRST_DAY < day.toordinal() < LAST_DAY:
        raise HoursError("out_of_range", f"The special day {day} is too far away.")
    return datetime.combine(day, time.min, UTC)


def _blocks_of_day(begin: datetime, blocks: tuple[tuple[int, int], ...]) -> list[Span]:
    spans: list[Span] = []
    for start, end in blocks:
        length = _length(start, end)
        if length is None:
            raise HoursError("bad_block", f"Not a block of {begin:%Y-%m-%d}: {(start, end)}.")
        opening = begin + timedelta(minutes=start)
        if spans and opening < spans[-1][1]:
            raise HoursError("overlapping_blocks", f"Two blocks of {begin:%Y-%m-%d} overlap.")
        spans.append((opening, opening + timedelta(minutes=length)))
    return spans


# --- laying onto UTC


def week_number(at: datetime) -> int:
    """Weeks since Monday 0001-01-01, of an instant in UTC or of a wall clock."""
    return (at.toordinal() - 1) // 7


def week_begin(number: int) -> datetime:
    """Monday 00:00. Raises `HoursError`: `out_of_range`."""
    ordinal = number * 7 + 1
    if not FIRST_DAY <= ordinal <= LAST_DAY:
        raise HoursError("out_of_range", "The instant is too far away to reckon working time for.")
    return datetime.fromordinal(ordinal).replace(tzinfo=UTC)


@lru_cache(maxsize=8192)  # ten years of a dozen zones, shared by everybody who works there
def stretches_of_week(zone: ZoneInfo, number: int) -> tuple[Stretch, ...]:
    """A UTC week, cut where the zone's offset changes.

    The offset is read once a day; zones do not change it and change it back within one. The instant of a
    change is found by halving, to the second, the zone database's own grain. Raises `HoursError`: `out_of_range`.
    """
    start = week_begin(number)
    days = [start + DAY * day for day in range(8)]
    offsets = [_offset(zone, day) for day in days]
    stretches = []
    for (low, high), (old, new) in zip(pairwise(days), pairwise(offsets), strict=True):
        if old == new:
            continue
        while high - low > SECOND:
            middle = low + (high - low) // SECOND // 2 * SECOND
            if _offset(zone, middle) == old:
                low = middle
            else:
                high = middle
        stretches.append((start, high, old))
        start = high
    if start < days[-1]:
        stretches.append((start, days[-1], offsets[-1]))
    return tuple(stretches)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or ZERO


def lay_pattern(pattern: Pattern, stretch: Stretch) -> list[Span]:
    """What the pattern opens in a stretch, sorted."""
    start, end, offset = stretch
    monday = week_begin(week_number(start + offset)) - offset
    spans = []
    while monday < end:
        for begin, stop in pattern:
            first, last = monday + begin, monday + stop
            if last > start and first < end:
                spans.append((first if first > start else start, last if last < end else end))
        monday += WEEK
    return spans


def lay_dated(spans: Sequence[Span], stretch: Stretch) -> list[Span]:
    """The spans of a wall clock, sorted and apart, that a stretch shows, as instants."""
    start, end, offset = stretch
    first = bisect_right(spans, start + offset, key=_end)
    last = bisect_right(spans, end + offset, lo=first, key=_start)
    laid = [(max(begin - offset, start), min(stop - offset, end)) for begin, stop in spans[first:last]]
    return [span for span in laid if span[0] < span[1]]


# --- spans


def _start(span: Span) -> datetime:
    return span[0]


def _end(span: Span) -> datetime:
    return span[1]


def joined(spans: Iterable[tuple[T, T]]) -> list[tuple[T, T]]:
    """Sorted spans, those that touch or overlap made one."""
    whole: list[tuple[T, T]] = []
    for start, end in sorted(spans):
        if whole and start <= whole[-1][1]:
            if end > whole[-1][1]:
                whole[-1] = (whole[-1][0], end)
        else:
            whole.append((start, end))
    return whole


def without(spans: list[tuple[T, T]], gone: Sequence[tuple[T, T]]) -> list[tuple[T, T]]:
    """`spans` less `gone`; both sorted and apart."""
    if not gone or not spans:
        return spans
    left: list[tuple[T, T]] = []
    first, count = bisect_right(gone, spans[0][0], key=lambda span: span[1]), len(gone)
    for start, end in spans:
        while first < count and gone[first][1] <= start:
            first += 1
        place = first
        while place < count and gone[place][0] < end:
            if start < gone[place][0]:
                left.append((start, gone[place][0]))
            start = gone[place][1]
            place += 1
        if start < end:
            left.append((start, end))
    return left
