"""The bytes of an iCalendar file (RFC 5545) in; its entries as absences could have them, and each refusal with its
line, out. Reads no rows and writes none.

A file comes from anywhere: it is bounded before it is parsed, its own time zones (which may hold any rule) are cut
out unread, and of repeated entries only plain rules are written out, within a window.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from hashlib import sha256
from itertools import islice
from typing import Any

MOST_BYTES = 512_000
MOST_ENTRIES = 500
MOST_PARTS = 4_000
"""Entries with their reminders, and whatever else begins in a file."""
MOST_REPEATED = 50
MOST_TIMES = 120
"""Of one repeated entry."""
AHEAD = timedelta(days=400)
"""How far repeated entries are written out."""
OLDEST = timedelta(days=3660)
"""A repeated entry that began earlier is refused: its times would be counted through from there."""
LONGEST = timedelta(days=2 * 366)
PLAIN_RULE = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST", "BYMONTH", "BYMONTHDAY"}
FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_FOLD = re.compile(rb"\r?\n[ \t]")
_BEGIN = re.compile(rb"^BEGIN:VEVENT\s*$", re.IGNORECASE)


class NotACalendar(ValueError):
    """The file as a whole cannot be read; the text says why in a sentence."""


class _Refused(ValueError):
    """One entry cannot be an absence; the text says why in a sentence."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Half-open and in UTC. `uid`: of the entry in its calendar, 255 characters at most."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    title: str


@dataclass(frozen=True, slots=True)
class Refusal:
    line: int
    """Of the file, where the entry begins; 0 where that is not known."""
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Read:
    entries: list[Entry] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def read_calendar(data: bytes, zone: tzinfo, now: datetime) -> Read:
    """What a file holds. `zone`: of all-day entries and of times without one. Raises NotACalendar."""
    events, lines = _events(data)
    found = Read()
    replaced = {key for event in events if (key := _replaces(event, zone))}
    repeated = 0
    for event, line in zip(events, lines, strict=True):
        title = " ".join(str(event.get("SUMMARY", "")).split())[:120]
        repeated += "RRULE" in event
        try:
            if repeated > MOST_REPEATED and "RRULE" in event:
                raise _Refused(f"More than {MOST_REPEATED} repeated entries are in the file.")
            entries = [entry for entry in _read(event, title, zone, now) if _key(entry) not in replaced]
        except _Refused as refused:
            found.refused.append(Refusal(line, title, str(refused)))
        except (ValueError, TypeError, OverflowError, AttributeError, KeyError):
            found.refused.append(Refusal(line, title, "Its times cannot be read."))
        else:
            found.entries.extend(entries)
    _bound(len(found.entries))
    return found


def _events(data: bytes) -> tuple[list[Any], list[int]]:
    """The entries of a bounded file, each with its line."""
    if len(data) > MOST_BYTES:
        raise NotACalendar(f"The file has {len(data):,} bytes; {MOST_BYTES:,} are read at most. Export fewer months.")
    if data.lstrip(b"\xef\xbb\xbf \r\n\t")[:15].upper() != b"BEGIN:VCALENDAR":
        raise NotACalendar("This is no calendar file: it has to begin with BEGIN:VCALENDAR. Export it as .ics.")
    lines = [number for number, line in enumerate(data.split(b"\n"), 1) if _BEGIN.match(line)]
    _bound(len(lines))
    if data.upper().count(b"BEGIN") > MOST_PARTS:
        raise NotACalendar(f"The file has more than {MOST_PARTS:,} parts. Export fewer months.")
    import icalendar  # 100 ms that only people wait for who bring a file

    readable = _without_zones(data)
    try:
        calendars = icalendar.Calendar.from_ical(readable, multiple=True)
        events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, RecursionError, OverflowError):
        raise NotACalendar("The file begins like a calendar but cannot be read as one. Export it again.") from None
    if not events:
        raise NotACalendar("The file holds no entry (VEVENT), so there is nothing to bring in.")
    _bound(len(events))
    return events, lines if len(lines) == len(events) else [0] * len(events)


def _bound(count: int) -> None:
    if count > MOST_ENTRIES:
        raise NotACalendar(f"The file has {count:,} entries; {MOST_ENTRIES} are read at most. Export fewer months.")


def _without_zones(data: bytes) -> bytes:
    """The unfolded lines less the file's own time zones: reading one would write out its rules, whatever they are."""
    kept, within = [], False
    for line in _FOLD.sub(b"", data).splitlines():
        word = line.strip().upper()
        within = within or word == b"BEGIN:VTIMEZONE"
        if not within:
            if word.startswith(b"BEGIN") and b"VTIMEZONE" in word:
                raise NotACalendar("The file has a time zone that is written in a way that no calendar writes.")
            kept.append(line)
        within = within and word != b"END:VTIMEZONE"
    return b"\r\n".join(kept) + b"\r\n"


def _read(event: Any, title: str, zone: tzinfo, now: datetime) -> list[Entry]:
    """Raises _Refused."""
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        raise _Refused("It was cancelled there.")
    start, duration = _start_and_length(event)
    if duration <= timedelta(0):
        raise _Refused("It does not end after it starts.")
    if duration > LONGEST:
        raise _Refused("It is longer than two years.")
    uid = _uid(event)
    if "RDATE" in event:
        raise _Refused("It repeats on dates of its own (RDATE). Enter them by hand.")
    if "RRULE" not in event:
        begins = _instant(start, zone)
        ends = _instant(start + duration, zone) if _is_day(start) else begins + duration
        if ends <= now:
            raise _Refused("It is over.")
        return [Entry(uid, begins, ends, title)]
    found = []
    for at in _times(event, start, now):
        begins = _instant(at, zone)
        ends = _instant(at + duration, zone) if _is_day(at) else begins + duration
        if ends > now:
            found.append(Entry(uid, begins, ends, title))
    if not found:
        raise _Refused(f"None of its times lies in the next {AHEAD.days} days.")
    if len(found) > MOST_TIMES:
        raise _Refused(f"It repeats more than {MOST_TIMES} times in the next {AHEAD.days} days.")
    return found


def _start_and_length(event: Any) -> tuple[Any, timedelta]:
    """A date or a datetime as the entry has it, and how long it lasts."""
    start = _moment(event, "DTSTART")
    if start is None:
        raise _Refused("It has no beginning.")
    end = _moment(event, "DTEND")
    if end is not None:
        if _is_day(start) != _is_day(end):
            raise _Refused("Its beginning is a day and its end a time, or the other way round.")
        if not _is_day(start) and (start.tzinfo is None) != (end.tzinfo is None):
            raise _Refused("One of its two times has a zone and the other has none.")
        return start, _apart(start, end)
    if "DURATION" in event:
        return start, event["DURATION"].dt
    if _is_day(start):
        return start, timedelta(days=1)
    raise _Refused("It has no end.")


def _apart(start: Any, end: Any) -> timedelta:
    if _is_day(start) or start.tzinfo is None:
        return end - start
    return end.astimezone(UTC) - start.astimezone(UTC)


def _moment(event: Any, name: str) -> Any:
    value = event.get(name)
    if value is None:
        return None
    if isinstance(value, list):
        raise _Refused(f"It has {name} twice.")
    at, tzid = value.dt, value.params.get("TZID")
    if not isinstance(at, date):
        raise _Refused(f"Its {name} is no time.")
    if isinstance(at, datetime) and tzid and at.tzinfo is None:
        raise _Refused(f"Its time zone “{str(tzid)[:40]}” is not known. Use a name such as Europe/Berlin.")
    if not 1970 <= at.year <= 2200:
        raise _Refused(f"Its {name} is in the year {at.year}.")
    return at


def _is_day(at: Any) -> bool:
    return not isinstance(at, datetime)


def _instant(at: Any, zone: tzinfo) -> datetime:
    """All-day entries begin at midnight of the zone, and so do times that float count in it."""
    if _is_day(at):
        at = datetime.combine(at, time.min)
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _uid(event: Any) -> str:
    """As it is there; shortened or made up from the entry, so that the same one gives the same text."""
    given = str(event.get("UID", "")).strip()
    if given and len(given) <= 255 and given.isprintable():
        return given
    what = given or f"{event.get('DTSTART').to_ical()!r} {event.get('SUMMARY', '')}"
    return f"sha256-{sha256(what.encode(errors='replace')).hexdigest()}"


def _key(entry: Entry) -> tuple[str, datetime]:
    return entry.uid, entry.starts_at


def _replaces(event: Any, zone: tzinfo) -> tuple[str, datetime] | None:
    """The time of a repeated entry that this one stands for: it is elsewhere, or cancelled."""
    try:
        at = _moment(event, "RECURRENCE-ID")
        return None if at is None else (_uid(event), _instant(at, zone))
    except (ValueError, TypeError, OverflowError, AttributeError):
        return None


def _times(event: Any, start: Any, now: datetime) -> Iterator[Any]:
    """When a plainly repeated entry takes place, by the wall clock of its zone; a date or a datetime each."""
    rule = event["RRULE"]
    if isinstance(rule, list):
        raise _Refused("It repeats by several rules at once. Enter them by hand.")
    frequency = "".join(map(str, rule.get("FREQ", []))).upper()
    if frequency not in FREQUENCIES or rule.keys() - PLAIN_RULE:
        raise _Refused("It repeats by a rule that is not read here. Enter its times by hand.")
    if not all(1 <= int(number) <= 1000 for name in ("INTERVAL", "COUNT") for number in rule.get(name, ())):
        raise _Refused("It repeats by a number that is not read here.")
    zone = None if _is_day(start) else start.tzinfo
    wall = datetime.combine(start, time.min) if _is_day(start) else start.replace(tzinfo=None)
    window = now.astimezone(zone or UTC).replace(tzinfo=None) + AHEAD
    if window - AHEAD - wall > OLDEST:
        raise _Refused("It repeats since more than ten years ago. Enter its times by hand.")
    skipped = set(_exceptions(event, zone))
    for at in _walk(rule, frequency, wall, _until(rule, zone, window)):
        if at not in skipped:
            yield at.date() if _is_day(start) else at.replace(tzinfo=zone)


def _until(rule: Any, zone: tzinfo | None, window: datetime) -> datetime:
    """The last wall-clock time that counts: a rule without an end would never stop."""
    ends = [window]
    for until in rule.get("UNTIL", ()):
        if _is_day(until):
            ends.append(datetime.combine(until, time.max))
        else:
            ends.append((until.astimezone(zone) if until.tzinfo and zone else until).replace(tzinfo=None))
    return min(ends)


def _walk(rule: Any, frequency: str, wall: datetime, until: datetime) -> Iterable[datetime]:
    from dateutil import rrule

    given = {name: rule[name] for name in rule if name in PLAIN_RULE - {"UNTIL", "FREQ", "COUNT"}}
    text = ";".join([f"FREQ={frequency}", *(f"{name}={_joined(values)}" for name, values in given.items())])
    if until < wall:
        return ()
    # Always with an end: a rule that never fits would be tried up to the year 9999.
    every = rrule.rrulestr(f"{text};UNTIL={until:%Y%m%dT%H%M%S}", dtstart=wall)
    return islice(every, int(rule["COUNT"][0]) if "COUNT" in rule else None)


def _joined(values: Any) -> str:
    return ",".join(str(value) for value in (values if isinstance(values, list) else [values]))


def _exceptions(event: Any, zone: tzinfo | None) -> Iterator[datetime]:
    """Wall-clock times that are left out."""
    given = event.get("EXDATE", [])
    for dates in given if isinstance(given, list) else [given]:
        for each in dates.dts:
            at = each.dt
            if _is_day(at):
                yield datetime.combine(at, time.min)
            else:
                yield (at.astimezone(zone) if at.tzinfo and zone else at).replace(tzinfo=None)
