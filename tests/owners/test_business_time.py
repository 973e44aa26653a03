"""Working time by hand-computed cases, and what is refused."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from owners.business_time import ALWAYS, Block, Hours, HoursError, Span

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
EVERY_DAY = range(7)
H = 60
NINE_TO_FIVE = [(day, 9 * H, 17 * H) for day in range(5)]
WITH_LUNCH = [(day, 9 * H, 12 * H) for day in range(5)] + [(day, 13 * H, 17 * H) for day in range(5)]
NIGHT_SHIFT = [(day, 22 * H, 6 * H) for day in range(5)]
SUNDAY_NIGHT = [(SUN, 22 * H, 2 * H)]
UNTIL_MIDNIGHT = [(day, 16 * H, 24 * H) for day in EVERY_DAY]


def utc(text: str) -> datetime:
    """`2026-11-23 09:00` as an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


# 2026-11-23 is a Monday; New York is then at UTC-5, London at UTC.
LONDON = Hours("Europe/London", NINE_TO_FIVE)
LUNCH = Hours("Europe/London", WITH_LUNCH)
NIGHT = Hours("Europe/London", NIGHT_SHIFT)
ROUND = Hours("Europe/London", SUNDAY_NIGHT)
LATE = Hours("Europe/London", UNTIL_MIDNIGHT)
AWAY = Hours("Europe/London", NINE_TO_FIVE, [(utc("2026-11-24 10:00"), utc("2026-11-25 11:00"))])


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        (LONDON, "2026-11-23 08:59:59.999999", False),
        (LONDON, "2026-11-23 09:00", True),
        (LONDON, "2026-11-23 16:59:59.999999", True),
        (LONDON, "2026-11-23 17:00", False),
        (LONDON, "2026-11-28 12:00", False),
        (Hours("America/New_York", NINE_TO_FIVE), "2026-11-23 13:59", False),
        (Hours("America/New_York", NINE_TO_FIVE), "2026-11-23 14:00", True),
        (LUNCH, "2026-11-23 12:30", False),
        (NIGHT, "2026-11-24 05:59", True),
        (NIGHT, "2026-11-24 06:00", False),
        (NIGHT, "2026-11-28 05:59", True),
        (NIGHT, "2026-11-23 05:59", False),
        (ROUND, "2026-11-23 01:59", True),
        (LATE, "2026-11-23 23:59:59", True),
        (LATE, "2026-11-24 00:00", False),
        (AWAY, "2026-11-24 09:59", True),
        (AWAY, "2026-11-24 10:00", False),
        (AWAY, "2026-11-25 11:00", True),
        (ALWAYS, "2026-11-28 03:14", True),
    ],
)
def test_is_open_at(hours: Hours, at: str, expected: bool) -> None:
    assert hours.is_open(utc(at)) is expected


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        (LONDON, "2026-11-23 10:30", "2026-11-23 10:30"),
        (LONDON, "2026-11-23 17:00", "2026-11-24 09:00"),
        (LONDON, "2026-11-27 17:00", "2026-11-30 09:00"),
        (LUNCH, "2026-11-23 12:00", "2026-11-23 13:00"),
        (NIGHT, "2026-11-28 06:00", "2026-11-30 22:00"),
        (ROUND, "2026-11-23 02:00", "2026-11-29 22:00"),
        (AWAY, "2026-11-24 10:00", "2026-11-25 11:00"),
        (ALWAYS, "2026-11-28 03:14", "2026-11-28 03:14"),
    ],
)
def test_next_open_after(hours: Hours, at: str, expected: str) -> None:
    assert hours.next_open(utc(at)) == utc(expected)


@pytest.mark.parametrize(
    ("hours", "start", "duration", "expected"),
    [
        (LONDON, "2026-11-23 10:00", 15, "2026-11-23 10:15"),
        (LONDON, "2026-11-23 16:50", 10, "2026-11-23 17:00"),
        (LONDON, "2026-11-23 16:50", 11, "2026-11-24 09:01"),
        (LONDON, "2026-11-27 16:50", 15, "2026-11-30 09:05"),
        (LONDON, "2026-11-28 12:00", 5, "2026-11-30 09:05"),
        (LONDON, "2026-11-28 12:00", 0, "2026-11-28 12:00"),
        (LONDON, "2026-11-23 09:00", 40 * H, "2026-11-27 17:00"),
        (LONDON, "2026-11-23 09:00", 40 * H + 1, "2026-11-30 09:01"),
        (LONDON, "2026-11-23 09:00", 52 * 40 * H, "2027-11-19 17:00"),
        (LUNCH, "2026-11-23 11:50", 10, "2026-11-23 12:00"),
        (LUNCH, "2026-11-23 11:50", 15, "2026-11-23 13:05"),
        (NIGHT, "2026-11-23 23:50", 30, "2026-11-24 00:20"),
        (ROUND, "2026-11-29 23:00", 3 * H, "2026-11-30 02:00"),
        (LATE, "2026-11-23 23:50", 10, "2026-11-24 00:00"),
        (LATE, "2026-11-23 23:50", 15, "2026-11-24 16:05"),
        (AWAY, "2026-11-24 09:50", 15, "2026-11-25 11:05"),
        (ALWAYS, "2026-11-28 23:50", 15, "2026-11-29 00:05"),
    ],
)
def test_add_is_due_at(hours: Hours, start: str, duration: int, expected: str) -> None:
    due = hours.add(utc(start), minutes(duration))
    assert (due, due.tzinfo) == (utc(expected), UTC)


@pytest.mark.parametrize(
    ("hours", "start", "end", "expected"),
    [
        (LONDON, "2026-11-23 08:00", "2026-11-23 09:30", 30),
        (LONDON, "2026-11-23 00:00", "2026-11-30 00:00", 40 * H),
        (LONDON, "2026-11-27 16:00", "2026-11-30 10:00", 2 * H),
        (LONDON, "2026-11-23 09:30", "2026-11-23 08:00", -30),
        (LUNCH, "2026-11-23 11:30", "2026-11-23 13:30", H),
        (NIGHT, "2026-11-23 12:00", "2026-11-24 12:00", 8 * H),
        (AWAY, "2026-11-24 00:00", "2026-11-26 00:00", 7 * H),
        (ALWAYS, "2026-11-23 00:00", "2027-11-23 00:00", 365 * 24 * H),
    ],
)
def test_elapsed_between(hours: Hours, start: str, end: str, expected: int) -> None:
    assert hours.elapsed(utc(start), utc(end)) == minutes(expected)


# Clocks change: New York 2026-03-08 02:00 -> 03:00 (07:00 UTC), 2026-11-01 02:00 -> 01:00 (06:00 UTC);
# London 2026-03-29 01:00 -> 02:00, 2026-10-25 02:00 -> 01:00 (both 01:00 UTC);
# Lord Howe, by half an hour, 2026-10-04 02:00 -> 02:30 (2026-10-03 15:30 UTC) and
# 2026-04-05 02:00 -> 01:30 (2026-04-04 15:00 UTC).
@pytest.mark.parametrize(
    ("zone", "block", "day", "opens", "closes", "worked"),
    [
        ("America/New_York", (SUN, 0, 4 * H), "2026-03-08", "03-08 05:00", "03-08 08:00", 3 * H),
        ("America/New_York", (SUN, 2 * H, 3 * H), "2026-03-08", None, None, 0),
        ("America/New_York", (SUN, 2 * H + 30, 5 * H), "2026-03-08", "03-08 07:00", "03-08 09:00", 2 * H),
        ("America/New_York", (SUN, 0, 4 * H), "2026-11-01", "11-01 04:00", "11-01 09:00", 5 * H),
        ("America/New_York", (SUN, H, 2 * H), "2026-11-01", "11-01 05:00", "11-01 07:00", 2 * H),
        ("America/New_York", (SAT, 22 * H, 6 * H), "2026-10-31", "11-01 02:00", "11-01 11:00", 9 * H),
        ("Europe/London", (SUN, 0, 24 * H), "2026-03-29", "03-29 00:00", "03-29 23:00", 23 * H),
        ("Europe/London", (SUN, 0, 24 * H), "2026-10-25", "10-24 23:00", "10-26 00:00", 25 * H),
        ("Australia/Lord_Howe", (SUN, H, 4 * H), "2026-10-04", "10-03 14:30", "10-03 17:00", 150),
        ("Australia/Lord_Howe", (SUN, H, 4 * H), "2026-04-05", "04-04 14:00", "04-04 17:30", 210),
    ],
)
def test_day_on_which_the_clocks_change(
    zone: str, block: Block, day: str, opens: str | None, closes: str | None, worked: int
) -> None:
    hours = Hours(zone, [block])
    noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=ZoneInfo(zone))
    start, end = noon - timedelta(days=1), noon + timedelta(days=1)
    assert hours.elapsed(start, end) == minutes(worked)
    if opens and closes:
        assert hours.next_open(start) == utc(f"2026-{opens}")
        assert hours.add(start, minutes(worked)) == utc(f"2026-{closes}")


def test_block_that_ends_inside_a_repeated_hour_is_open_on_both_passes() -> None:
    hours = Hours("America/New_York", [(SUN, 0, 90)])
    passes = [
        utc("2026-11-01 05:29"),
        utc("2026-11-01 05:30"),
        utc("2026-11-01 06:00"),
        utc("2026-11-01 06:30"),
    ]
    assert [hours.is_open(at) for at in passes] == [True, False, True, False]


# --- edges


def test_answers_do_not_depend_on_the_zone_of_the_question() -> None:
    at = utc("2026-11-27 16:50")
    asked = at.astimezone(timezone(timedelta(hours=9)))
    assert LONDON.add(asked, minutes(15)) == utc("2026-11-30 09:05")
    assert LONDON.add(asked, minutes(15)).tzinfo is UTC
    opening = LONDON.next_open(asked)
    assert opening == at
    assert opening.tzinfo is UTC


def test_breaks_that_leave_nothing_are_refused_and_those_outside_the_hours_take_nothing() -> None:
    with pytest.raises(HoursError) as refusal:
        Hours("UTC", [(MON, 540, 720)], breaks=[(MON, 500, 600), (MON, 590, 720)])
    assert refusal.value.code == "no_open_minute"
    early = Hours("UTC", [(MON, 540, 720)], breaks=[(MON, 500, 540), (SUN, 1400, 500), (MON, 720, 800)])
    assert early.elapsed(utc("2026-11-23 00:00"), utc("2026-11-30 00:00")) == minutes(180)


def test_hours_are_equal_when_zone_blocks_and_absences_are() -> None:
    again = Hours("Europe/London", list(reversed(WITH_LUNCH)))
    again.is_open(utc("2026-11-23 09:00"))
    assert (again, hash(again)) == (LUNCH, hash(LUNCH))
    assert again != LONDON


def test_an_absence_without_end_gives_no_opening_and_refuses_a_due_time() -> None:
    left = Hours("Europe/London", NINE_TO_FIVE, [(utc("2026-11-23 00:00"), utc("9999-12-31 00:00"))])
    assert left.next_open(utc("2026-11-23 09:00")) is None
    with pytest.raises(HoursError) as refusal:
        left.add(utc("2026-11-23 09:00"), minutes(1))
    assert refusal.value.code == "no_open_time"


def test_the_cache_of_weeks_is_bounded() -> None:
    hours = Hours("UTC", NINE_TO_FIVE)
    assert hours.elapsed(utc("2026-01-05 00:00"), utc("2066-01-04 00:00")) == timedelta(hours=40 * 2087)
    assert len(hours._weeks) <= 640


NOBODY: Sequence[Block] = ()


@pytest.mark.parametrize(
    ("zone", "weekly", "away", "code"),
    [
        ("Europe/Atlantis", NINE_TO_FIVE, (), "unknown_zone"),
        ("", NINE_TO_FIVE, (), "unknown_zone"),
        ("../etc/passwd", NINE_TO_FIVE, (), "unknown_zone"),
        ("America", NINE_TO_FIVE, (), "unknown_zone"),
        ("nul\0", NINE_TO_FIVE, (), "unknown_zone"),
        ("UTC", NOBODY, (), "no_open_minute"),
        ("UTC", [(7, 0, 60)], (), "bad_block"),
        ("UTC", [(MON, 1440, 60)], (), "bad_block"),
        ("UTC", [(MON, 0, 1441)], (), "bad_block"),
        ("UTC", [(MON, -1, 60)], (), "bad_block"),
        ("UTC", [(MON, 540, 540)], (), "bad_block"),
        ("UTC", [(MON, 540, 720), (MON, 719, 800)], (), "overlapping_blocks"),
        ("UTC", [(MON, 540, 720), (MON, 540, 720)], (), "overlapping_blocks"),
        ("UTC", [(MON, 0, 1440), (MON, 600, 660), (MON, 700, 720)], (), "overlapping_blocks"),
        ("UTC", [(SUN, 22 * H, 2 * H), (MON, H, 3 * H)], (), "overlapping_blocks"),
        ("UTC", NINE_TO_FIVE, [(utc("2026-11-23 09:00"), utc("2026-11-23 09:00"))], "bad_absence"),
        ("UTC", NINE_TO_FIVE, [(datetime(2026, 11, 23), datetime(2026, 11, 24))], "naive_time"),
    ],
)
def test_hours_that_cannot_be_are_refused(zone: str, weekly: Sequence[Block], away: Sequence[Span], code: str) -> None:
    with pytest.raises(HoursError) as refusal:
        Hours(zone, weekly, away)
    assert refusal.value.code == code


def test_blocks_that_touch_are_one() -> None:
    touching = Hours("UTC", [(MON, 540, 720), (MON, 720, 800), (TUE, 600, 1440), (WED, 0, 600)])
    assert touching.elapsed(utc("2026-11-23 00:00"), utc("2026-11-30 00:00")) == minutes(260 + 1440)
    assert touching.next_open(utc("2026-11-25 09:59")) == utc("2026-11-25 09:59")
    assert not touching.is_open(utc("2026-11-25 10:00"))


@pytest.mark.parametrize("question", ["is_open", "next_open"])
def test_questions_without_an_answer_are_refused(question: str) -> None:
    codes = []
    for at in (
        datetime(2026, 11, 23),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=5))),
    ):
        with pytest.raises(HoursError) as refusal:
            getattr(LONDON, question)(at)
        codes.append(refusal.value.code)
    assert codes == ["naive_time", "out_of_range", "out_of_range", "out_of_range"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"breaks": [(MON, 720, 720)]}, "bad_break"),
        ({"breaks": [(7, 720, 780)]}, "bad_break"),
        ({"pauses": [(utc("2026-11-23 09:00"), utc("2026-11-23 09:00"))]}, "bad_pause"),
        ({"days": [(date(2026, 12, 25), ()), (date(2026, 12, 25), ((540, 600),))]}, "repeated_day"),
        ({"days": [(date(2026, 12, 24), ((540, 540),))]}, "bad_block"),
        ({"days": [(date(2026, 12, 24), ((540, 720), (700, 800)))]}, "overlapping_blocks"),
        ({"days": [(date(2026, 12, 24), ((1320, 360), (1380, 1440)))]}, "overlapping_blocks"),
        ({"days": [(date.max, ())]}, "out_of_range"),
    ],
)
def test_breaks_days_and_pauses_that_cannot_be_are_refused(given: dict[str, Any], code: str) -> None:
    with pytest.raises(HoursError) as refusal:
        Hours("UTC", NINE_TO_FIVE, **given)
    assert refusal.value.code == code


def test_time_that_ends_before_it_starts_has_no_segments() -> None:
    assert LONDON.segments(utc("2026-11-23 09:00"), utc("2026-11-23 09:00")) == []
    with pytest.raises(HoursError) as refusal:
        LONDON.segments(utc("2026-11-23 09:00"), utc("2026-11-23 08:59"))
    assert refusal.value.code == "negative_duration"


def test_a_negative_budget_is_refused() -> None:
    with pytest.raises(HoursError) as refusal:
        LONDON.add(utc("2026-11-23 09:00"), minutes(-1))
    assert refusal.value.code == "negative_duration"


def test_the_hand_computed_dates_are_the_weekdays_they_are_taken_for() -> None:
    assert date(2026, 11, 23).weekday() == MON
    assert {date(2026, 3, 8).weekday(), date(2026, 11, 1).weekday(), date(2026, 10, 4).weekday()} == {SUN}
