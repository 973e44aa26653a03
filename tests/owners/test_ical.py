"""Calendar files as people and strangers make them: zones, days, repetitions; and what is refused, in time."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from owners.ical import MOST_BYTES, MOST_ENTRIES, NotACalendar, read_calendar

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def calendar(*entries, before=""):
    events = [f"BEGIN:VEVENT\r\n{entry}\r\nEND:VEVENT" for entry in entries]
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", *filter(None, [before]), *events, "END:VCALENDAR", ""]
    ).encode()


def read(*entries, **more):
    return read_calendar(calendar(*entries, **more), BERLIN, NOW)


def times(*entries, **more):
    found = read(*entries, **more)
    assert found.refused == []
    return [(f"{each.starts_at:%Y-%m-%d %H:%M}", f"{each.ends_at:%Y-%m-%d %H:%M}") for each in found.entries]


def why(*entries):
    found = read(*entries)
    assert found.entries == []
    return [each.why for each in found.refused]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("UID:1\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227", ("2026-12-23 23:00", "2026-12-26 23:00")),
        ("UID:1\nDTSTART;VALUE=DATE:20261224", ("2026-12-23 23:00", "2026-12-24 23:00")),
        ("UID:1\nDTSTART:20261224T090000Z\nDTEND:20261224T170000Z", ("2026-12-24 09:00", "2026-12-24 17:00")),
        ("UID:1\nDTSTART:20261224T090000\nDURATION:P1DT8H", ("2026-12-24 08:00", "2026-12-25 16:00")),
        (
            "UID:1\nDTSTART;TZID=America/New_York:20261224T090000\nDTEND;TZID=Europe/Berlin:20261224T200000",
            ("2026-12-24 14:00", "2026-12-24 19:00"),
        ),
        (
            "UID:1\nDTSTART;TZID=W. Europe Standard Time:20261224T090000\nDURATION:PT1H",
            ("2026-12-24 08:00", "2026-12-24 09:00"),
        ),
        # All of a day on which the clocks change is 25 hours; from noon to noon over it, a day and an hour.
        ("UID:1\nDTSTART;VALUE=DATE:20271031", ("2027-10-30 22:00", "2027-10-31 23:00")),
        (
            "UID:1\nDTSTART;TZID=Europe/Berlin:20271030T120000\nDTEND;TZID=Europe/Berlin:20271031T120000",
            ("2027-10-30 10:00", "2027-10-31 11:00"),
        ),
    ],
)
def test_days_zones_and_floating_times_become_instants(entry, expected):
    assert times(entry.replace("\n", "\r\n")) == [expected]


def test_plain_repetitions_keep_the_wall_clock_leave_out_exceptions_and_follow_what_was_moved():
    weekly = (
        "UID:r\r\nDTSTART;TZID=Europe/Berlin:20270318T140000\r\nDTEND;TZID=Europe/Berlin:20270318T180000\r\n"
        "RRULE:FREQ=WEEKLY;COUNT=4;BYDAY=TH\r\nEXDATE;TZID=Europe/Berlin:20270401T140000"
    )
    moved = (
        "UID:r\r\nRECURRENCE-ID;TZID=Europe/Berlin:20270408T140000\r\nDTSTART;TZID=Europe/Berlin:20270409T080000\r\n"
        "DTEND;TZID=Europe/Berlin:20270409T120000"
    )
    assert times(weekly, moved) == [
        ("2027-03-18 13:00", "2027-03-18 17:00"),  # winter
        ("2027-03-25 13:00", "2027-03-25 17:00"),
        ("2027-04-09 06:00", "2027-04-09 10:00"),
    ]
    yearly = "UID:y\r\nDTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY"
    assert times(yearly) == [("2027-04-30 22:00", "2027-05-01 22:00")]
    never = "UID:n\r\nDTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3"
    assert why(never) == ["None of its times lies in the next 400 days."]


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("UID:1\nDTSTART:20261224T090000Z\nDTEND:20261224T090000Z", "It does not end after it starts."),
        ("UID:1\nDTSTART:20261120T090000Z\nDTEND:20261121T090000Z", "It is over."),
        ("UID:1\nDTSTART:20261224T090000Z", "It has no end."),
        ("UID:1\nSUMMARY:x", "It has no beginning."),
        ("UID:1\nSTATUS:CANCELLED\nDTSTART;VALUE=DATE:20261224", "It was cancelled there."),
        ("UID:1\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20300101", "It is longer than two years."),
        (
            "UID:1\nDTSTART;VALUE=DATE:20261224\nDTEND:20261225T000000Z",
            "Its beginning is a day and its end a time, or the other way round.",
        ),
        (
            "UID:1\nDTSTART:20261224T090000\nDTEND:20261225T000000Z",
            "One of its two times has a zone and the other has none.",
        ),
        (
            "UID:1\nDTSTART;TZID=Mars/Base:20261224T090000\nDURATION:PT1H",
            "Its time zone “Mars/Base” is not known. Use a name such as Europe/Berlin.",
        ),
        ("UID:1\nDTSTART;VALUE=DATE:99990101", "Its DTSTART is in the year 9999."),
        (
            "UID:1\nDTSTART:20261224T090000Z\nDURATION:PT1H\nRRULE:FREQ=SECONDLY",
            "It repeats by a rule that is not read here. Enter its times by hand.",
        ),
        (
            "UID:1\nDTSTART:20261224T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;INTERVAL=0",
            "It repeats by a number that is not read here.",
        ),
        (
            "UID:1\nDTSTART:20261224T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY",
            "It repeats more than 120 times in the next 400 days.",
        ),
        (
            "UID:1\nDTSTART:19800101T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY",
            "It repeats since more than ten years ago. Enter its times by hand.",
        ),
        ("UID:1\nDTSTART:20261299T090000Z\nDURATION:PT1H", "Its times cannot be read."),
    ],
)
def test_an_entry_that_can_be_no_absence_is_refused_with_its_reason(entry, sentence):
    assert why(entry.replace("\n", "\r\n")) == [sentence]


def test_good_entries_are_offered_beside_bad_ones_which_name_their_line_and_title():
    good = "UID:1\r\nSUMMARY:Holiday\\, at last\r\nDTSTART;VALUE=DATE:20261224"
    found = read(good, "UID:2\r\nSUMMARY:Broken\r\nDTSTART:20261224T090000Z")
    assert [(each.uid, each.title) for each in found.entries] == [("1", "Holiday, at last")]
    assert [(each.line, each.title, each.why) for each in found.refused] == [(8, "Broken", "It has no end.")]
    long = read(f"UID:{'x' * 300}\r\nDTSTART;VALUE=DATE:20261224").entries[0].uid
    assert long.startswith("sha256-")
    assert read(f"UID:{'x' * 300}\r\nDTSTART;VALUE=DATE:20261224").entries[0].uid == long


BOMB_ZONE = (
    "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\n"
    "TZOFFSETTO:+0200\r\nRRULE:FREQ=SECONDLY\r\nEND:STANDARD\r\nEND:VTIMEZONE"
)
DAY = "UID:1\r\nDTSTART;VALUE=DATE:20261224"


@pytest.mark.parametrize("zone", [BOMB_ZONE, BOMB_ZONE.replace("TIMEZONE", "TIME\r\n ZONE"), BOMB_ZONE.lower()])
def test_a_zone_of_the_files_own_is_never_written_out(zone):
    began = time.process_time()
    assert times(DAY, before=zone) == [("2026-12-23 23:00", "2026-12-24 23:00")]
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "This is no calendar file"),
        (b"PK\x03\x04", "This is no calendar file"),
        (b'{"absences": []}', "This is no calendar file"),
        (b"BEGIN:VCALENDAR\r\nhello\r\n\xff\xfe", "The file begins like a calendar but cannot be read as one"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:X\r\n" * 50_000, "The file has more than 4,000 parts"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:X\r\n" * 3_000, "The file holds no entry"),
        (b"BEGIN:VCALENDAR\r\n" + b"x" * MOST_BYTES, "The file has 512,017 bytes; 512,000 are read at most"),
        (calendar(*[DAY] * (MOST_ENTRIES + 1)), "The file has 501 entries; 500 are read at most"),
        (calendar(DAY, before=BOMB_ZONE.replace("BEGIN:VT", "BEGIN;X=1:VT")), "The file has a time zone that is"),
    ],
)
def test_a_file_of_another_kind_or_size_is_refused_at_once(data, sentence):
    began = time.process_time()
    with pytest.raises(NotACalendar, match=sentence):
        read_calendar(data, BERLIN, NOW)
    assert time.process_time() - began < 5


def test_the_largest_file_is_read_in_time():
    rules = [f"UID:{n}\r\nDTSTART:20170101T090000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY" for n in range(MOST_ENTRIES)]
    began = time.process_time()
    found = read(*rules)
    assert time.process_time() - began < 10
    assert {each.why for each in found.refused} == {
        "It repeats more than 120 times in the next 400 days.", "More than 50 repeated entries are in the file.",
    }  # fmt: skip
