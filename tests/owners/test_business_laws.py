"""Laws of working time over random hours, zones, absences and instants."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from owners.business_time import ALWAYS, Hours, HoursError
from tests.owners.test_business_time import SUN, minutes, utc

ZONES = [
    "UTC",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
]
instants = st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1), timezones=st.just(UTC))
some_block = st.tuples(st.integers(0, 6), st.integers(0, 1439), st.integers(0, 1440)).filter(lambda b: b[1] != b[2])
days_apart = st.lists(some_block, min_size=1, max_size=6)
absences = st.lists(st.tuples(instants, st.timedeltas(minutes(1), timedelta(days=20))), max_size=3)


@st.composite
def some_hours(draw: st.DrawFn) -> Hours:
    away = [(start, start + length) for start, length in draw(absences)]
    try:
        return Hours(draw(st.sampled_from(ZONES)), draw(days_apart), away)
    except HoursError as error:
        assume(error.code != "overlapping_blocks")
        raise


def open_by_the_wall(hours: Hours, at: datetime) -> bool:
    """The definition itself: the wall clock lies in a block, the instant in no absence."""
    wall = at.astimezone(ZoneInfo(hours.zone))
    if any(start <= at < end for start, end in hours.absences):
        return False
    today, clock = wall.weekday(), wall.hour * 60 + wall.minute
    for weekday, start, end in hours.weekly:
        if end > start:
            if today == weekday and start <= clock < end:
                return True
        elif (today == weekday and clock >= start) or (today == (weekday + 1) % 7 and clock < end):
            return True
    return False


@settings(max_examples=150, deadline=None)
@given(some_hours(), st.lists(instants, min_size=1, max_size=10))
@example(Hours("Australia/Lord_Howe", [(SUN, 90, 150)]), [utc("2026-04-04 15:10"), utc("2026-10-03 15:29")])
def test_is_open_follows_the_wall_clock(hours: Hours, ats: list[datetime]) -> None:
    assert [hours.is_open(at) for at in ats] == [open_by_the_wall(hours, at) for at in ats]


@settings(max_examples=20, deadline=None)
@given(some_hours(), instants)
def test_elapsed_counts_the_open_minutes(hours: Hours, start: datetime) -> None:
    whole = [
        (begin.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0) + minutes(1))
        for begin, end in hours.absences
    ]
    hours = Hours(hours.zone, hours.weekly, whole)
    start = start.replace(second=0, microsecond=0)
    counted = sum(open_by_the_wall(hours, start + minutes(minute)) for minute in range(1440))
    assert hours.elapsed(start, start + minutes(1440)) == minutes(counted)


@settings(max_examples=100, deadline=None)
@given(some_hours(), instants, instants, instants)
def test_elapsed_is_additive(hours: Hours, a: datetime, b: datetime, c: datetime) -> None:
    assert hours.elapsed(a, b) + hours.elapsed(b, c) == hours.elapsed(a, c)
    assert timedelta(0) <= hours.elapsed(min(a, b), max(a, b)) <= abs(b - a)


@settings(max_examples=150, deadline=None)
@given(some_hours(), instants, st.timedeltas(timedelta(microseconds=1), timedelta(hours=60)))
def test_add_gives_the_first_instant_at_which_the_budget_has_elapsed(
    hours: Hours, start: datetime, budget: timedelta
) -> None:
    try:
        due = hours.add(start, budget)
    except HoursError as error:  # a minute a week, say, and 60 hours to work
        if error.code != "no_open_time":
            raise
        assert hours.elapsed(start, start + timedelta(weeks=521)) < budget
        return
    moment = timedelta(microseconds=1)
    assert hours.elapsed(start, due) == budget
    assert hours.elapsed(start, due - moment) == budget - moment


@settings(max_examples=100, deadline=None)
@given(some_hours(), instants)
def test_next_open_is_open_and_nothing_before_it(hours: Hours, at: datetime) -> None:
    opening = hours.next_open(at)
    assert opening is not None
    assert hours.is_open(opening)
    assert opening >= at
    assert hours.elapsed(at, opening) == timedelta(0)


@given(instants, st.timedeltas(timedelta(0), timedelta(days=30)))
def test_always_is_real_time(start: datetime, duration: timedelta) -> None:
    assert ALWAYS.add(start, duration) == start + duration
    assert ALWAYS.elapsed(start, start + duration) == duration
