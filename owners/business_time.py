"""Hours, absences and instants come in; due times, working time and its segments go out; rows are left alone.

The one definition everything follows. An instant is open when the wall clock of the zone, at that instant, lies in
what its date has open, and the instant lies in no absence and no pause. A date that is a special day has its own
blocks and nothing else; every other date has the weekly blocks less the breaks, and what a special day before it
has open past midnight. So a wall-clock hour that daylight saving skips does not exist, and one that it repeats
counts each time it passes. Every span is half-open: open at its first instant, closed at its last.

How it is computed: per UTC week (Monday 00:00 to Monday 00:00) the open spans are worked out once, as sorted
UTC intervals, and kept in a bounded cache on the `Hours` object. All questions are then a bisection in such
a list, or a sum over whole weeks; nothing steps through minutes. A week in which the clocks do not change and
nothing special happens is as long as any other such, so that a year ahead is mostly added up unseen.

`Hours._spans` is the only place that says what is open in a week; `owners.business_week` has the wall clock.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from owners.business_week import (
    DAY_MINUTES,
    NO_DAYS,
    ZERO,
    Block,
    Day,
    HoursError,
    Pattern,
    Span,
    SpecialDays,
    joined,
    lay_dated,
    lay_pattern,
    read_days,
    read_week,
    stretches_of_week,
    week_number,
    without,
)

__all__ = ["ALWAYS", "Block", "Day", "Hours", "HoursError", "Segment", "Span"]

HORIZON_WEEKS = 522
"""Ten years: how far `next_open` and `add` look ahead before they say that there is no such instant."""
CACHED_WEEKS = 640
"""Above the horizon, so that one long search does not empty the cache it is filling."""


class Segment(NamedTuple):
    """A stretch of time, half-open and in UTC, that is working time throughout, or is not for one reason.

    `why` is empty where it is `counted`; otherwise, and in this order where several hold: `absence`, `pause`,
    `holiday` (a special day without blocks), `day` (a special day, outside its blocks), `break`, `closed`.
    """

    start: datetime
    end: datetime
    counted: bool
    why: str


class _Week(NamedTuple):
    """The open spans of one UTC week, sorted and apart; `total` is their sum."""

    starts: list[datetime]
    ends: list[datetime]
    total: timedelta


@dataclass(frozen=True, slots=True)
class Hours:
    """When somebody works: built once, asked often; equal when everything it was built from is equal.

    `zone` is an IANA name. `weekly` holds blocks in any order, several a day allowed; blocks that touch are
    one, blocks that overlap are refused, and so is a week without any. `absences` and `pauses` are (start, end)
    pairs of aware datetimes, half-open, in any order; they may overlap. `breaks` are taken out of the weekly
    blocks, wherever they meet one; they may overlap. Each of `days` replaces what the week has open on its date,
    00:00 to 24:00, breaks included: the evening before ends at that midnight, and the next date begins as the
    week says. No blocks: closed. A block of a day that crosses midnight reaches into the next date, unless that
    is a special day itself. Raises `HoursError`.

    Every datetime that goes in must be aware (`naive_time`); every one that comes out is in UTC.
    """

    zone: str
    weekly: Sequence[Block]
    absences: Sequence[Span] = ()
    breaks: Sequence[Block] = ()
    days: Sequence[Day] = ()
    pauses: Sequence[Span] = ()
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _pattern: Pattern = field(init=False, repr=False, compare=False)
    _broken: Pattern = field(init=False, repr=False, compare=False)
    _ordinary: timedelta = field(init=False, repr=False, compare=False)
    _special: SpecialDays = field(init=False, repr=False, compare=False)
    _away: Sequence[Span] = field(init=False, repr=False, compare=False)
    _weeks: dict[int, _Week] = field(init=False, repr=False, compare=False)
    _totals: dict[int, timedelta] = field(init=False, repr=False, compare=False)
    _asked: tuple[datetime | None, bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "weekly", _sorted_blocks(self.weekly))
        put(self, "absences", _sorted_spans(self.absences, "bad_absence", "An absence"))
        put(self, "breaks", _sorted_blocks(self.breaks))
        put(self, "days", tuple(sorted((day, tuple(sorted(map(tuple, blocks)))) for day, blocks in self.days)))
        put(self, "pauses", _sorted_spans(self.pauses, "bad_pause", "A pause"))
        put(self, "_zone", _load_zone(self.zone))
        pattern, broken = read_week(self.weekly, self.breaks)
        put(self, "_pattern", pattern)
        put(self, "_broken", broken)
        put(self, "_ordinary", sum((end - begin for begin, end in pattern), ZERO))
        put(self, "_special", read_days(self.days) if self.days else NO_DAYS)
        put(self, "_away", joined([*self.absences, *self.pauses]))
        put(self, "_weeks", {})
        put(self, "_totals", {})
        put(self, "_asked", (None, False))

    def is_open(self, at: datetime) -> bool:
        """Whether `at` is working time."""
        asked = self._asked
        if asked[0] is at:  # a batch asks for everybody, many times, with its one instant
            return asked[1]
        instant = _utc(at)
        week = self._week(week_number(instant))
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
        number = week_number(at)
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
        first, last = week_number(start), week_number(end)
        total = self._worked(last, end) - self._worked(first, start)
        for number in range(first, last):
            total += self._total(number)
        return total

    def segments(self, start: datetime, end: datetime) -> list[Segment]:
        """[start, end) in maximal stretches of working time and of none, in order; empty when it is empty.

        Those counted add up to `elapsed(start, end)`, exactly. Raises `HoursError`: `negative_duration` when
        `end` is the earlier one.
        """
        start, end = _utc(start), _utc(end)
        if end < start:
            raise HoursError("negative_duration", f"The time to cut into segments ends ({end}) before it starts.")
        if start == end:
            return []
        opened = joined((begin, min(stop, end)) for begin, stop in self._spans_from(start, end))
        found = [Segment(begin, stop, True, "") for begin, stop in opened]
        closed = without([(start, end)], opened)
        for why, spans in self._reasons(start, end):
            rest = without(closed, spans)
            found += [Segment(begin, stop, False, why) for begin, stop in without(closed, rest)]
            closed = rest
        return sorted(found)

    def clock_changes(self, start: datetime, end: datetime) -> list[tuple[datetime, timedelta]]:
        """The instants after `start` and up to `end` at which the clocks of the zone change, and by how much."""
        start, end = _utc(start), _utc(end)
        weeks = range(week_number(start), week_number(end) + 1)
        stretches = [stretch for number in weeks for stretch in stretches_of_week(self._zone, number)]
        return [
            (begin, offset - before)
            for (_, _, before), (begin, _, offset) in pairwise(stretches)
            if offset != before and start < begin <= end
        ]

    def _reasons(self, start: datetime, end: datetime) -> Iterator[tuple[str, Sequence[Span]]]:
        """Why time between the two may not count: spans of each reason, what outranks others first."""
        yield "absence", joined(self.absences)
        yield "pause", joined(self.pauses)
        weeks = range(week_number(start), week_number(end) + 1)
        stretches = [stretch for number in weeks for stretch in stretches_of_week(self._zone, number)]
        for why, dates in (("holiday", self._special.holidays), ("day", self._special.others)):
            yield why, joined(span for stretch in stretches for span in lay_dated(dates, stretch))
        yield "break", joined(span for stretch in stretches for span in lay_pattern(self._broken, stretch))
        yield "closed", [(start, end)]

    def _add_from_week(self, number: int, left: timedelta, horizon: int) -> datetime:
        """`left` more of working time, counted from the beginning of week `number`."""
        while number <= horizon:
            total = self._total(number)
            if left <= total:
                week = self._week(number)
                for begin, end in zip(week.starts, week.ends, strict=True):
                    if left <= end - begin:
                        return begin + left
                    left -= end - begin
            left -= total
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

    def _spans_from(self, at: datetime, until: datetime | None = None) -> Iterator[Span]:
        """The open spans from `at` on, cut at `at` and at the ends of UTC weeks; those that begin before `until`,
        or up to the horizon."""
        first = week_number(at)
        last = week_number(until) if until else first + HORIZON_WEEKS
        for number in range(first, last + 1):
            week = self._week(number)
            for place in range(bisect_right(week.ends, at), len(week.ends)):
                if until and week.starts[place] >= until:
                    return
                yield max(at, week.starts[place]), week.ends[place]

    def _total(self, number: int) -> timedelta:
        """The working time of a UTC week; that of an ordinary one is known without working out its spans."""
        total = self._totals.get(number)
        if total is None:
            total = self._ordinary if self._is_ordinary(number) else self._week(number).total
            if len(self._totals) >= CACHED_WEEKS:
                self._totals.clear()
            self._totals[number] = total
        return total

    def _is_ordinary(self, number: int) -> bool:
        """Whether a UTC week has one offset, no special day, no absence and no pause."""
        stretches = stretches_of_week(self._zone, number)
        if len(stretches) > 1 or number in self._special.weeks:
            return False
        start, end, _offset = stretches[0]
        first = bisect_right(self._away, start, key=lambda span: span[1])
        return first == len(self._away) or self._away[first][0] >= end

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
        """What is open in a UTC week: the pattern with special days over it, less absences and pauses."""
        spans: list[Span] = []
        for stretch in stretches_of_week(self._zone, number):
            laid = lay_pattern(self._pattern, stretch)
            spans += self._special.put_over(laid, stretch) if number in self._special.weeks else laid
        return without(joined(spans), self._away)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is UTC:
        return at
    if at.utcoffset() is None:
        raise HoursError("naive_time", "A datetime without a time zone was given.")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise HoursError("out_of_range", "The instant is outside the calendar.") from error


def _load_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown, malformed, a folder of the zone database
        raise HoursError("unknown_zone", f"There is no time zone {name!r}.") from error


def _sorted_blocks(blocks: Sequence[Block]) -> tuple[Block, ...]:
    return tuple(sorted((day, start, end) for day, start, end in blocks))


def _sorted_spans(spans: Sequence[Span], code: str, what: str) -> tuple[Span, ...]:
    found = tuple(sorted((_utc(start), _utc(end)) for start, end in spans))
    for start, end in found:
        if end <= start:
            raise HoursError(code, f"{what} must end after it starts.")
    return found


ALWAYS = Hours("UTC", [(weekday, 0, DAY_MINUTES) for weekday in range(7)])
"""Around the clock: real time."""
