"""Laws of working time over random calendars, in zones and at times where the clocks do the strangest things.

The short form tries a few calendars; `make test-all` (REVROUTE_FULL=1) 110,000 of them, and new ones each time.
"""

import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from owners.business_time import ALWAYS, Day, Hours, HoursError, Segment, Span
from tests.owners.test_business_time import SUN, minutes, utc

FULL = os.environ.get("REVROUTE_FULL") == "1"
WEEK_MINUTES = 7 * 1440
MOMENT = timedelta(microseconds=1)

PLACES = [
    ("UTC", "2026-11-23 00:00"),
    ("America/New_York", "2026-03-08 07:00"),
    ("America/New_York", "2026-11-01 06:00"),
    ("Europe/London", "2026-03-29 01:00"),
    ("Europe/London", "2026-10-25 01:00"),
    ("Australia/Lord_Howe", "2026-04-04 15:00"),
    ("Australia/Lord_Howe", "2026-10-03 15:30"),
    ("America/Sao_Paulo", "2018-02-18 02:00"),
    ("America/Sao_Paulo", "2018-11-04 03:00"),
    ("Africa/Casablanca", "2026-02-15 02:00"),
    ("Africa/Casablanca", "2026-03-22 02:00"),
    ("Antarctica/Troll", "2026-03-29 01:00"),
    ("Antarctica/Troll", "2026-10-25 01:00"),
    ("Pacific/Apia", "2011-12-30 10:00"),
    ("Pacific/Chatham", "2026-04-04 14:00"),
    ("Pacific/Chatham", "2026-09-26 14:00"),
    ("Asia/Kathmandu", "2026-06-01 00:00"),
    ("Pacific/Kiritimati", "2026-06-01 00:00"),
]
"""Zones with an instant at which their clocks change, if they do."""

week_minutes = st.one_of(st.integers(0, WEEK_MINUTES - 1), st.integers(0, 167).map(lambda hour: hour * 60))
day_minutes = st.one_of(st.integers(0, 2000), st.sampled_from([0, 540, 1320, 1440, 1560]))
minutes_away = st.one_of(st.integers(-300, 300), st.integers(-14 * 1440, 14 * 1440))
lengths = st.one_of(st.integers(1, 600), st.integers(1, 9000))


def pairs(points: Iterable[int]) -> list[tuple[int, int]]:
    """Sorted points as (start, end), (start, end) and so on: apart, and none empty."""
    ordered = sorted(points)
    return list(zip(ordered[::2], ordered[1::2], strict=False))


def clock_times(start: int, end: int) -> tuple[int, int]:
    """Minutes that may go past 24:00 as the two clock times of a block."""
    return start, end if end <= 1440 else end - 1440


@st.composite
def weeks(draw: st.DrawFn, least: int) -> list[tuple[int, int, int]]:
    """Blocks in order and apart; the turn carries one over Sunday's midnight."""
    turn = draw(st.integers(0, WEEK_MINUTES - 1)) if draw(st.booleans()) else 0
    blocks = []
    for start, end in pairs(draw(st.sets(week_minutes, min_size=2 * least, max_size=10))):
        day, opens = divmod((start + turn) % WEEK_MINUTES, 1440)
        length = min(end - start, 1439)
        blocks.append((day, *clock_times(opens, opens + length)))
    return blocks


@st.composite
def dated(draw: st.DrawFn, around: date) -> list[Day]:
    days = []
    for shift in sorted(draw(st.sets(st.integers(-5, 5), max_size=4))):
        spans = [(start, min(end, start + 1439)) for start, end in pairs(draw(st.sets(day_minutes, max_size=5)))]
        blocks = tuple(clock_times(start, end) for start, end in spans if start < 1440)
        days.append((around + timedelta(days=shift), blocks))
    return days


@st.composite
def some_hours(draw: st.DrawFn) -> tuple[Hours, datetime]:
    """A calendar with whatever one can have, and an instant at which its clocks change."""
    zone, change = draw(st.sampled_from(PLACES))
    at = utc(change)

    def spans() -> list[Span]:
        found = draw(st.lists(st.tuples(minutes_away, lengths), max_size=2))
        return [(at + minutes(shift), at + minutes(shift + length)) for shift, length in found]

    weekly, breaks = draw(weeks(1)), draw(st.one_of(st.just([]), weeks(0)))
    days = draw(dated(at.date())) if draw(st.booleans()) else []
    away, paused = spans(), spans()
    try:
        return Hours(zone, weekly, away, breaks, days, paused), at
    except HoursError as error:
        if error.code != "no_open_minute":
            raise
        return Hours(zone, weekly, away, (), days, paused), at


@st.composite
def questions(draw: st.DrawFn) -> tuple[Hours, datetime, datetime, datetime]:
    """A calendar and three instants, in order."""
    hours, at = draw(some_hours())
    shifts = draw(st.tuples(minutes_away, minutes_away, st.one_of(minutes_away, st.integers(-500_000, 500_000))))
    parts = draw(st.one_of(st.just(0), st.integers(0, 59_999_999)))
    first, second, third = sorted(at + minutes(shift) for shift in shifts)
    return hours, first, second + parts * MOMENT, third + parts * MOMENT


def by_the_wall(hours: Hours, at: datetime) -> str:
    """The definition itself: why an instant does not count, read off the wall clock."""
    if any(start <= at < end for start, end in hours.absences):
        return "absence"
    if any(start <= at < end for start, end in hours.pauses):
        return "pause"
    wall = at.astimezone(ZoneInfo(hours.zone))
    today, clock = wall.date(), wall.hour * 60 + wall.minute
    special = dict(hours.days)
    if today in special:
        if any(start <= clock and (clock < end or end < start) for start, end in special[today]):
            return ""
        return "day" if special[today] else "holiday"
    evening = special.get(today - timedelta(days=1), ())
    if any(end < start and clock < end for start, end in evening):
        return ""
    if not in_week(hours.weekly, wall.weekday(), clock):
        return "closed"
    return "break" if in_week(hours.breaks, wall.weekday(), clock) else ""


def in_week(blocks: Iterable[tuple[int, int, int]], today: int, clock: int) -> bool:
    for weekday, start, end in blocks:
        if end > start:
            if today == weekday and start <= clock < end:
                return True
        elif (today == weekday and clock >= start) or (today == (weekday + 1) % 7 and clock < end):
            return True
    return False


@settings(max_examples=5_000 if FULL else 100)
@given(some_hours(), minutes_away, st.integers(60, 240))
@example((Hours("Australia/Lord_Howe", [(SUN, 90, 150)]), utc("2026-04-04 15:00")), -60, 120)
@example((Hours("Australia/Lord_Howe", [(SUN, 90, 150)]), utc("2026-10-03 15:30")), -60, 120)
def test_every_minute_is_what_the_wall_clock_says(calendar: tuple[Hours, datetime], shift: int, count: int) -> None:
    hours, change = calendar
    start = change + minutes(shift)
    ats = [start + minutes(minute) for minute in range(count)]
    reasons = [by_the_wall(hours, at) for at in ats]
    assert [hours.is_open(at) for at in ats] == [not why for why in reasons]
    assert hours.elapsed(start, start + minutes(count)) == minutes(reasons.count(""))
    segments = hours.segments(start, start + minutes(count))
    assert [why for _, _, _, why in segments] == [why for why, _ in runs(reasons)]
    assert [end - begin for begin, end, _, _ in segments] == [minutes(length) for _, length in runs(reasons)]


def runs(reasons: list[str]) -> list[tuple[str, int]]:
    """Neighbours that are equal as (value, how many)."""
    found: list[tuple[str, int]] = []
    for why in reasons:
        if found and found[-1][0] == why:
            found[-1] = (why, found[-1][1] + 1)
        else:
            found.append((why, 1))
    return found


@pytest.mark.parametrize("part", range(10 if FULL else 1))  # parts run side by side, and none looks as if it hung
@settings(max_examples=10_000 if FULL else 300)
@given(question=questions())
def test_working_time_agrees_with_itself(part: int, question: tuple[Hours, datetime, datetime, datetime]) -> None:
    hours, start, middle, end = question
    segments = hours.segments(start, end)
    elapsed = hours.elapsed(start, end)
    assert_segments_tile(segments, start, end)
    assert sum((stop - begin for begin, stop, counted, _ in segments if counted), timedelta(0)) == elapsed
    assert hours.elapsed(start, middle) + hours.elapsed(middle, end) == elapsed
    assert hours.elapsed(middle, start) + hours.elapsed(start, end) == hours.elapsed(middle, end)
    assert_add_is_first(hours, start, end, [stop for _, stop, counted, _ in segments if counted])
    assert_opening_is_first(hours, start)


def assert_segments_tile(segments: list[Segment], start: datetime, end: datetime) -> None:
    edges = [start, *(stop for _, stop, _, _ in segments)]
    assert edges == [*(begin for begin, _, _, _ in segments), end]
    assert all(before < after for before, after in pairwise(edges))
    assert all(one.why != other.why for one, other in pairwise(segments))
    assert all(counted is (why == "") for _, _, counted, why in segments)


def assert_add_is_first(hours: Hours, start: datetime, end: datetime, closings: list[datetime]) -> None:
    """`closings`: where counted time between the two ends, `end` itself included if it lies in open time."""
    elapsed = hours.elapsed(start, end)
    due = hours.add(start, elapsed)
    if not elapsed:
        assert due == start
        return
    assert due == (end if hours.is_open(end - MOMENT) else closings[-1])
    assert hours.elapsed(start, due) == elapsed
    assert hours.elapsed(start, due - MOMENT) == elapsed - MOMENT


def assert_opening_is_first(hours: Hours, at: datetime) -> None:
    opening = hours.next_open(at)
    assert opening is not None
    assert opening >= at
    assert hours.is_open(opening)
    assert hours.elapsed(at, opening) == timedelta(0)


@settings(max_examples=5_000 if FULL else 100)
@given(some_hours(), minutes_away, st.timedeltas(MOMENT, timedelta(hours=60)))
def test_a_budget_is_used_up_when_it_is_due(calendar: tuple[Hours, datetime], shift: int, budget: timedelta) -> None:
    hours, change = calendar
    start = change + minutes(shift)
    try:
        due = hours.add(start, budget)
    except HoursError as error:  # a minute a week, say, and 60 hours to work
        if error.code != "no_open_time":
            raise
        assert hours.elapsed(start, start + timedelta(weeks=521)) < budget
        return
    assert hours.elapsed(start, due) == budget
    assert hours.elapsed(start, due - MOMENT) == budget - MOMENT


@given(minutes_away, st.timedeltas(timedelta(0), timedelta(days=30)))
def test_always_is_real_time(shift: int, duration: timedelta) -> None:
    start = datetime(2026, 11, 1, 6, tzinfo=UTC) + minutes(shift)
    assert ALWAYS.add(start, duration) == start + duration
    assert ALWAYS.elapsed(start, start + duration) == duration
