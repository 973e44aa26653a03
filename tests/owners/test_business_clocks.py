"""Working time where the clocks change and where dates are special: every expected instant is reckoned by hand.

Comments reckon from the wall clock to UTC: `09:00 -5 = 14:00` is nine o'clock five hours behind UTC. Each line of a
table: hours, start, minutes to work, when they are used up; instants are in UTC.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from owners.business_time import Hours
from tests.owners.test_business_time import (
    EVERY_DAY,
    FRI,
    MON,
    NIGHT_SHIFT,
    NINE_TO_FIVE,
    SAT,
    SUN,
    THU,
    TUE,
    H,
    minutes,
    utc,
)

Case = tuple[Hours, str, int, str]
ROUND_THE_CLOCK = [(day, 0, 24 * H) for day in EVERY_DAY]


def on(zone: str, *block: int) -> Hours:
    """Hours of one block a week."""
    weekday, start, end = block
    return Hours(zone, [(weekday, start, end)])


@pytest.mark.parametrize(
    ("zone", "at", "before", "after"),
    [
        ("America/New_York", "2026-03-08 07:00", "01:59 -0500", "03:00 -0400"),
        ("America/New_York", "2026-11-01 06:00", "01:59 -0400", "01:00 -0500"),
        ("Europe/London", "2026-03-29 01:00", "00:59 +0000", "02:00 +0100"),
        ("Europe/London", "2026-10-25 01:00", "01:59 +0100", "01:00 +0000"),
        ("Australia/Lord_Howe", "2026-04-04 15:00", "01:59 +1100", "01:30 +1030"),
        ("Australia/Lord_Howe", "2026-10-03 15:30", "01:59 +1030", "02:30 +1100"),
        ("America/Sao_Paulo", "2018-02-18 02:00", "23:59 -0200", "23:00 -0300"),
        ("America/Sao_Paulo", "2018-11-04 03:00", "23:59 -0300", "01:00 -0200"),
        ("Africa/Casablanca", "2026-02-15 02:00", "02:59 +0100", "02:00 +0000"),
        ("Africa/Casablanca", "2026-03-22 02:00", "01:59 +0000", "03:00 +0100"),
        ("Antarctica/Troll", "2026-03-29 01:00", "00:59 +0000", "03:00 +0200"),
        ("Antarctica/Troll", "2026-10-25 01:00", "02:59 +0200", "01:00 +0000"),
        ("Pacific/Apia", "2011-12-30 10:00", "23:59 -1000", "00:00 +1400"),
        ("Pacific/Chatham", "2026-04-04 14:00", "03:44 +1345", "02:45 +1245"),
        ("Pacific/Chatham", "2026-09-26 14:00", "02:44 +1245", "03:45 +1345"),
    ],
)
def test_the_zone_database_has_the_changes_that_are_reckoned_with(zone: str, at: str, before: str, after: str) -> None:
    walls = [instant.astimezone(ZoneInfo(zone)) for instant in (utc(at) - minutes(1), utc(at))]
    assert [f"{wall:%H:%M %z}" for wall in walls] == [before, after]


NEW_YORK, LONDON, HOWE = "America/New_York", "Europe/London", "Australia/Lord_Howe"
SAO_PAULO, CASABLANCA, TROLL = "America/Sao_Paulo", "Africa/Casablanca", "Antarctica/Troll"
APIA, CHATHAM = "Pacific/Apia", "Pacific/Chatham"

HALF_PAST_ONE = on(NEW_YORK, SUN, 0, 90)
BREAK_AT_ONE = Hours(NEW_YORK, [(SUN, 0, 3 * H)], breaks=[(SUN, 60, 90)])

HOUR_CHANGES: list[Case] = [
    # Gap inside a block. 00:00 -5 = 05:00, two hours to the change at 07:00; 03:00 -4 = 07:00 to 04:00 -4 = 08:00.
    (on(NEW_YORK, SUN, 0, 4 * H), "2026-03-08 05:00", 3 * H, "2026-03-08 08:00"),
    # Gap at the opening. 02:00 does not exist; 03:00 -4 = 07:00 to 05:00 -4 = 09:00.
    (on(NEW_YORK, SUN, 2 * H, 5 * H), "2026-03-08 00:00", 2 * H, "2026-03-08 09:00"),
    # Gap at the closing. 00:00 -5 = 05:00 to 07:00, and no minute more; the next is 15 March, 00:00 -4 = 04:00.
    (on(NEW_YORK, SUN, 0, 2 * H), "2026-03-08 00:00", 2 * H, "2026-03-08 07:00"),
    (on(NEW_YORK, SUN, 0, 2 * H), "2026-03-08 00:00", 2 * H + 1, "2026-03-15 04:01"),
    # All of the block in the gap: nothing on 8 March. On the 15th, 02:00 -4 = 06:00 to 07:00.
    (on(NEW_YORK, SUN, 2 * H, 3 * H), "2026-03-08 00:00", H, "2026-03-15 07:00"),
    # Fold inside a block. 00:00 -4 = 04:00 to 04:00 -5 = 09:00: five hours.
    (on(NEW_YORK, SUN, 0, 4 * H), "2026-11-01 04:00", 5 * H, "2026-11-01 09:00"),
    # The repeated hour, both times. 01:00 -4 = 05:00 to 06:00, 01:00 -5 = 06:00 to 07:00.
    (on(NEW_YORK, SUN, H, 2 * H), "2026-11-01 00:00", 2 * H, "2026-11-01 07:00"),
    # Closing inside the repeated hour. 00:00 -4 = 04:00 to 01:30 -4 = 05:30: 90; 01:00 -5 = 06:00 to 06:30: 30 more.
    (HALF_PAST_ONE, "2026-11-01 04:00", 90, "2026-11-01 05:30"),
    (HALF_PAST_ONE, "2026-11-01 04:00", 91, "2026-11-01 06:01"),
    (HALF_PAST_ONE, "2026-11-01 04:00", 120, "2026-11-01 06:30"),
    # A break inside it is taken twice. 04:00 to 05:00: 60; 05:30 to 06:00: 30; 06:30 to 03:00 -5 = 08:00: 90.
    (BREAK_AT_ONE, "2026-11-01 04:00", 91, "2026-11-01 06:31"),
    (BREAK_AT_ONE, "2026-11-01 04:00", 180, "2026-11-01 08:00"),
    # Night shifts. Spring: 22:00 +0 = 22:00 to 06:00 +1 = 05:00, seven hours. Autumn: 22:00 +1 = 21:00 to
    # 06:00 +0 = 06:00, nine hours.
    (on(LONDON, SAT, 22 * H, 6 * H), "2026-03-28 12:00", 7 * H, "2026-03-29 05:00"),
    (on(LONDON, SAT, 22 * H, 6 * H), "2026-10-24 12:00", 9 * H, "2026-10-25 06:00"),
    # A holiday of 25 hours: 00:00 +1 = 24 October 23:00 to 24:00 +0 = 26 October 00:00. One hour is worked before it.
    (Hours(LONDON, ROUND_THE_CLOCK, days=[(date(2026, 10, 25), ())]), "2026-10-24 22:00", 61, "2026-10-26 00:01"),
    # Own hours 00:30 to 02:30 over the gap: 00:30 +0 = 00:30 to 01:00, 02:00 +1 = 01:00 to 01:30: one hour. Then
    # Monday 09:00 +1 = 08:00.
    (Hours(LONDON, NINE_TO_FIVE, days=[(date(2026, 3, 29), ((30, 150),))]), "2026-03-29 00:00", 60, "2026-03-29 01:30"),
    (Hours(LONDON, NINE_TO_FIVE, days=[(date(2026, 3, 29), ((30, 150),))]), "2026-03-29 00:00", 61, "2026-03-30 08:01"),
]

OTHER_CHANGES: list[Case] = [
    # Lord Howe, gap of half an hour: 01:00 +10:30 = 14:30 to 04:00 +11 = 17:00: two and a half hours.
    (on(HOWE, SUN, H, 4 * H), "2026-10-03 12:00", 150, "2026-10-03 17:00"),
    # 02:00 to 02:30 is the gap; a week later 02:00 +11 = 15:00 to 15:30.
    (on(HOWE, SUN, 120, 150), "2026-10-03 12:00", 30, "2026-10-10 15:30"),
    # 01:30 to 02:00 twice: 01:30 +11 = 14:30 to 15:00, 01:30 +10:30 = 15:00 to 15:30.
    (on(HOWE, SUN, 90, 120), "2026-04-04 12:00", 60, "2026-04-04 15:30"),
    # Until 01:45: 01:00 +11 = 14:00 to 14:45: 45; 01:30 +10:30 = 15:00 to 15:15: 15 more.
    (on(HOWE, SUN, 60, 105), "2026-04-04 12:00", 45, "2026-04-04 14:45"),
    (on(HOWE, SUN, 60, 105), "2026-04-04 12:00", 46, "2026-04-04 15:01"),
    # São Paulo, no midnight on 4 November: 01:00 -2 = 03:00 to 08:00 -2 = 10:00: seven hours.
    (on(SAO_PAULO, SUN, 0, 8 * H), "2018-11-04 00:00", 7 * H, "2018-11-04 10:00"),
    # Over that midnight: 22:00 -3 = 01:00 to 03:00: two; 01:00 -2 = 03:00 to 02:00 -2 = 04:00: one.
    (on(SAO_PAULO, SAT, 22 * H, 2 * H), "2018-11-04 00:00", 3 * H, "2018-11-04 04:00"),
    # Up to it: 16:00 -3 = 19:00 to 24:00 -3 = 03:00, due at that closing.
    (on(SAO_PAULO, SAT, 16 * H, 24 * H), "2018-11-03 12:00", 8 * H, "2018-11-04 03:00"),
    # A holiday of 23 hours: from 03:00 to 24:00 -2 = 5 November 02:00. One hour is worked before it.
    (Hours(SAO_PAULO, ROUND_THE_CLOCK, days=[(date(2018, 11, 4), ())]), "2018-11-04 02:00", 61, "2018-11-05 02:01"),
    # The last hour of Saturday, twice: 22:00 -2 = 00:00 to 02:00, 23:00 -3 = 02:00 to 03:00: three hours.
    (on(SAO_PAULO, SAT, 22 * H, 24 * H), "2018-02-17 12:00", 3 * H, "2018-02-18 03:00"),
    # A holiday of 25 hours: 00:00 -2 = 17 February 02:00 to 24:00 -3 = 18 February 03:00.
    (Hours(SAO_PAULO, ROUND_THE_CLOCK, days=[(date(2018, 2, 17), ())]), "2018-02-17 01:00", 61, "2018-02-18 03:01"),
    # Apia has no Friday 30 December 2011: the next is 6 January, 09:00 +14 = 5 January 19:00.
    (on(APIA, FRI, 9 * H, 17 * H), "2011-12-29 12:00", 60, "2012-01-05 20:00"),
    # Thursday 22:00 -10 = 30 December 08:00, two hours to the change at 10:00; the morning after is missing. The next
    # is 5 January 22:00 +14 = 08:00.
    (on(APIA, THU, 22 * H, 6 * H), "2011-12-29 20:00", 120, "2011-12-30 10:00"),
    (on(APIA, THU, 22 * H, 6 * H), "2011-12-29 20:00", 121, "2012-01-05 08:01"),
    # Of Friday 22:00 to Saturday 02:00, Saturday's part: 00:00 +14 = 10:00 to 12:00.
    (on(APIA, FRI, 22 * H, 2 * H), "2011-12-29 12:00", 120, "2011-12-30 12:00"),
    # Thursday 16:00 -10 = 02:00 to 03:00: one hour; Monday 2 January 09:00 +14 = 1 January 19:00.
    (Hours(APIA, NINE_TO_FIVE), "2011-12-30 02:00", 120, "2012-01-01 20:00"),
    # A holiday on the missing date costs nothing.
    (Hours(APIA, ROUND_THE_CLOCK, days=[(date(2011, 12, 30), ())]), "2011-12-30 09:00", 120, "2011-12-30 11:00"),
    # Troll, gap of two hours: 00:00 +0 = 00:00 to 01:00, 03:00 +2 = 01:00 to 04:00 +2 = 02:00: two hours.
    (on(TROLL, SUN, 0, 4 * H), "2026-03-28 12:00", 2 * H, "2026-03-29 02:00"),
    # 01:00 to 03:00 is the gap; a week later 01:00 +2 = 4 April 23:00 to 03:00 +2 = 5 April 01:00.
    (on(TROLL, SUN, H, 3 * H), "2026-03-28 12:00", 2 * H, "2026-04-05 01:00"),
    # The same two hours, twice: 01:00 +2 = 24 October 23:00 to 01:00, 01:00 +0 = 01:00 to 03:00: four hours.
    (on(TROLL, SUN, H, 3 * H), "2026-10-24 12:00", 4 * H, "2026-10-25 03:00"),
    # With a break 02:00 to 02:30, taken twice: 02:00 +2 = 00:00 and 02:00 +0 = 02:00. From 00:00 +2 = 22:00 to 00:00:
    # 120; 00:30 to 02:00: 90, in all 210; 02:30 to 04:00: 90, in all 300.
    (Hours(TROLL, [(SUN, 0, 240)], breaks=[(SUN, 120, 150)]), "2026-10-24 12:00", 300, "2026-10-25 04:00"),
    (Hours(TROLL, [(SUN, 0, 240)], breaks=[(SUN, 120, 150)]), "2026-10-24 12:00", 211, "2026-10-25 02:31"),
    # Casablanca, into Ramadan: Friday 16:00 +1 = 15:00 to 16:00: one hour; Monday 09:00 +0 = 09:00.
    (Hours(CASABLANCA, NINE_TO_FIVE), "2026-02-13 15:00", 120, "2026-02-16 10:00"),
    # Out of it: Friday 16:00 +0 = 16:00 to 17:00: one hour; Monday 09:00 +1 = 08:00.
    (Hours(CASABLANCA, NINE_TO_FIVE), "2026-03-20 16:00", 120, "2026-03-23 09:00"),
    # Its fold: 02:00 +1 = 01:00 to 02:00, 02:00 +0 = 02:00 to 03:00: two hours. Its gap: 01:00 +0 = 01:00 to 02:00,
    # 03:00 +1 = 02:00 to 04:00 +1 = 03:00: two hours.
    (on(CASABLANCA, SUN, 2 * H, 3 * H), "2026-02-15 00:00", 2 * H, "2026-02-15 03:00"),
    (on(CASABLANCA, SUN, H, 4 * H), "2026-03-22 00:00", 2 * H, "2026-03-22 03:00"),
    # Chatham, gap at 02:45: 02:00 +12:45 = 13:15 to 14:00: 45; 03:45 +13:45 = 14:00 to 04:00 +13:45 = 14:15: 15.
    (on(CHATHAM, SUN, 2 * H, 4 * H), "2026-09-26 12:00", 60, "2026-09-26 14:15"),
    # Its fold: 03:00 +13:45 = 13:15 to 13:45, then 03:00 +12:45 = 14:15 to 14:45.
    (on(CHATHAM, SUN, 180, 210), "2026-04-04 13:00", 30, "2026-04-04 13:45"),
    (on(CHATHAM, SUN, 180, 210), "2026-04-04 13:00", 31, "2026-04-04 14:16"),
    # Friday 16:30 +12:45 = 03:45, half an hour to 04:15; Monday 09:00 +13:45 = 27 September 19:15.
    (Hours(CHATHAM, NINE_TO_FIVE), "2026-09-25 03:45", 60, "2026-09-27 19:45"),
]

CHRISTMAS = (date(2026, 12, 25), ())  # a Friday
LATE_EVE = (date(2026, 12, 24), ((20 * H, 2 * H),))
THANKSGIVING = Hours(NEW_YORK, NINE_TO_FIVE, days=[(date(2026, 11, 26), ())])
LUNCH = [(day, 12 * H, 13 * H) for day in range(5)]

SPECIAL: list[Case] = [
    # The shift of the evening before ends at the holiday's midnight: one hour from 23:00. The holiday's own evening
    # does not open, and Saturday begins as the week says, at 00:00.
    (Hours(LONDON, NIGHT_SHIFT, days=[CHRISTMAS]), "2026-12-24 23:00", 60, "2026-12-25 00:00"),
    (Hours(LONDON, NIGHT_SHIFT, days=[CHRISTMAS]), "2026-12-24 23:00", 61, "2026-12-26 00:01"),
    # Thursday 20:00 to Friday 02:00 instead of 09:00 to 17:00: six hours; then Friday 09:00.
    (Hours(LONDON, NINE_TO_FIVE, days=[LATE_EVE]), "2026-12-24 09:00", 6 * H, "2026-12-25 02:00"),
    (Hours(LONDON, NINE_TO_FIVE, days=[LATE_EVE]), "2026-12-24 09:00", 6 * H + 1, "2026-12-25 09:01"),
    # With a holiday on Friday it ends at midnight after four hours; then Monday 28 December 09:00.
    (Hours(LONDON, NINE_TO_FIVE, days=[LATE_EVE, CHRISTMAS]), "2026-12-24 09:00", 4 * H, "2026-12-25 00:00"),
    (Hours(LONDON, NINE_TO_FIVE, days=[LATE_EVE, CHRISTMAS]), "2026-12-24 09:00", 4 * H + 1, "2026-12-28 09:01"),
    # Wednesday 16:30 -5 = 21:30, half an hour to the closing at 22:00; after Thursday, Friday 09:00 -5 = 14:00.
    (THANKSGIVING, "2026-11-25 21:30", 30, "2026-11-25 22:00"),
    (THANKSGIVING, "2026-11-25 21:30", 31, "2026-11-27 14:01"),
    # 11:50 to 12:00: ten minutes, due as the break begins; five more after 13:00.
    (Hours(LONDON, NINE_TO_FIVE, breaks=LUNCH), "2026-11-23 11:50", 10, "2026-11-23 12:00"),
    (Hours(LONDON, NINE_TO_FIVE, breaks=LUNCH), "2026-11-23 11:50", 15, "2026-11-23 13:05"),
    # A break over midnight: 23:00 to 23:30: 30; Tuesday 00:30 to 01:00: 30.
    (Hours(LONDON, NIGHT_SHIFT, breaks=[(MON, 23 * H + 30, 30)]), "2026-11-23 23:00", 60, "2026-11-24 01:00"),
    # Two breaks that overlap are one, 11:30 to 13:00; 11:00 to 11:30: 30, then 13:00 to 13:30.
    (Hours(LONDON, NINE_TO_FIVE, breaks=[*LUNCH, (MON, 690, 740)]), "2026-11-23 11:00", 60, "2026-11-23 13:30"),
    # No break on a special day: 10:00 to 14:00 are four hours.
    (
        Hours(LONDON, NINE_TO_FIVE, breaks=LUNCH, days=[(date(2026, 11, 24), ((10 * H, 14 * H),))]),
        "2026-11-23 17:00",
        4 * H,
        "2026-11-24 14:00",
    ),
    # Paused from Monday 10:00 to Tuesday 10:00: half an hour before it, half an hour after.
    (
        Hours(LONDON, NINE_TO_FIVE, pauses=[(utc("2026-11-23 10:00"), utc("2026-11-24 10:00"))]),
        "2026-11-23 09:30",
        60,
        "2026-11-24 10:30",
    ),
    # Up to 24:00, due there; Tuesday's block begins at 16:00.
    (Hours(LONDON, [(MON, 960, 1440), (TUE, 960, 1440)]), "2026-11-23 23:50", 10, "2026-11-24 00:00"),
    (Hours(LONDON, [(MON, 960, 1440), (TUE, 960, 1440)]), "2026-11-23 23:50", 11, "2026-11-24 16:01"),
]


@pytest.mark.parametrize(("hours", "start", "worked", "due"), HOUR_CHANGES + OTHER_CHANGES + SPECIAL)
def test_budget_is_used_up_at(hours: Hours, start: str, worked: int, due: str) -> None:
    assert hours.add(utc(start), minutes(worked)) == utc(due)
    assert hours.elapsed(utc(start), utc(due)) == minutes(worked)


@pytest.mark.parametrize(
    ("hours", "at", "opens"),
    [
        (on(NEW_YORK, SUN, 150, 300), "2026-03-08 00:00", "2026-03-08 07:00"),  # 02:30 is skipped; 03:00 -4
        (HALF_PAST_ONE, "2026-11-01 05:30", "2026-11-01 06:00"),  # the second pass: 01:00 -5
        (on(SAO_PAULO, SUN, 0, 480), "2018-11-03 12:00", "2018-11-04 03:00"),  # 01:00 -2, there is no midnight
        (on(APIA, FRI, 540, 1020), "2011-12-29 12:00", "2012-01-05 19:00"),  # a week later, 09:00 +14
        (on(TROLL, SUN, 60, 180), "2026-03-28 12:00", "2026-04-04 23:00"),  # a week later, 01:00 +2
        (Hours(LONDON, NIGHT_SHIFT, days=[CHRISTMAS]), "2026-12-25 00:00", "2026-12-26 00:00"),
    ],
)
def test_next_opening_is_at(hours: Hours, at: str, opens: str) -> None:
    assert hours.next_open(utc(at)) == utc(opens)


WEEK_OF_REASONS = Hours(
    LONDON,
    NINE_TO_FIVE,
    absences=[(utc("2026-11-27 00:00"), utc("2026-11-28 00:00"))],
    breaks=LUNCH,
    days=[(date(2026, 11, 25), ()), (date(2026, 11, 26), ((10 * H, 14 * H),))],
    pauses=[(utc("2026-11-23 15:00"), utc("2026-11-23 16:00")), (utc("2026-11-27 12:00"), utc("2026-11-28 06:00"))],
)


@pytest.mark.parametrize(
    ("hours", "start", "stretches"),
    [
        (
            WEEK_OF_REASONS,
            "2026-11-23 11:00",
            [
                ("", "2026-11-23 12:00"),
                ("break", "2026-11-23 13:00"),
                ("", "2026-11-23 15:00"),
                ("pause", "2026-11-23 16:00"),
                ("", "2026-11-23 17:00"),
                ("closed", "2026-11-24 09:00"),
                ("", "2026-11-24 12:00"),
                ("break", "2026-11-24 13:00"),
                ("", "2026-11-24 17:00"),
                ("closed", "2026-11-25 00:00"),
                ("holiday", "2026-11-26 00:00"),
                ("day", "2026-11-26 10:00"),
                ("", "2026-11-26 14:00"),
                ("day", "2026-11-27 00:00"),
                ("absence", "2026-11-28 00:00"),  # outranks the pause that begins in it
                ("pause", "2026-11-28 06:00"),  # outranks the weekend
                ("closed", "2026-11-28 12:00"),
            ],
        ),
        (
            BREAK_AT_ONE,  # 01:00 to 01:30 comes at 05:00 and again at 06:00
            "2026-11-01 03:00",
            [
                ("closed", "2026-11-01 04:00"),
                ("", "2026-11-01 05:00"),
                ("break", "2026-11-01 05:30"),
                ("", "2026-11-01 06:00"),
                ("break", "2026-11-01 06:30"),
                ("", "2026-11-01 08:00"),
                ("closed", "2026-11-01 09:00"),
            ],
        ),
        (
            Hours(SAO_PAULO, ROUND_THE_CLOCK, days=[(date(2018, 2, 17), ())]),  # 25 hours in one stretch
            "2018-02-17 01:00",
            [("", "2018-02-17 02:00"), ("holiday", "2018-02-18 03:00"), ("", "2018-02-18 04:00")],
        ),
        (
            Hours(APIA, NINE_TO_FIVE),  # from Thursday 17:00 to Monday 09:00, over a Friday that never was
            "2011-12-30 02:00",
            [("", "2011-12-30 03:00"), ("closed", "2012-01-01 19:00"), ("", "2012-01-01 20:00")],
        ),
    ],
)
def test_segments_name_what_counted_and_why_not(hours: Hours, start: str, stretches: list[tuple[str, str]]) -> None:
    edges: list[datetime] = [utc(start), *(utc(end) for _, end in stretches)]
    assert hours.segments(edges[0], edges[-1]) == [
        (edges[place], edges[place + 1], not why, why) for place, (why, _) in enumerate(stretches)
    ]
