"""Rows of an owner or a calendar and an instant in; which week holds for them, and it in plain words, out.

What outranks what is the rule by which routing compiles people (`routing.engine.people`): own blocks, else those of
the own calendar, else of the first team that has one; a test holds the two together. Changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from owners.business_time import ALWAYS, Block, Hours, HoursError
from owners.models import Calendar, Owner, SpecialDay, Team, WeeklyHours

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
UNREADABLE = "These hours cannot be read (blocks overlap, breaks leave nothing, or the zone is unknown): no leads come."


@dataclass(frozen=True, slots=True)
class Week:
    """What holds before absences. `days`: blocks by date, none: closed; `names`: of the dates; `origin`: in words."""

    zone: str
    work: tuple[Block, ...]
    breaks: tuple[Block, ...]
    days: dict[date, tuple[tuple[int, int], ...]]
    names: dict[date, str]
    origin: str

    def hours(self, absences: Iterable[tuple[datetime, datetime]] = ()) -> Hours:
        """Working time; without blocks it is any time. Raises HoursError."""
        days = tuple(sorted(self.days.items()))
        return Hours(self.zone, self.work or ALWAYS.weekly, tuple(absences), self.breaks, days)


def week_of(owner: Owner) -> Week:
    """The week that routing reads for an owner; at most six queries."""
    own, calendar = _blocks(owner.hours.all()), calendar_of(owner)
    work, breaks = own
    origin, zone = "their own hours", owner.time_zone
    days, names = _days(calendar.special_days.all() if calendar else ())
    if not work:
        work, breaks = _blocks(calendar.hours.all()) if calendar else ((), ())
        zone = (calendar.time_zone if calendar else "") or owner.time_zone
        origin = f"from {calendar}" if work else "no hours are set"
    own_days, own_names = _days(owner.special_days.all())
    return Week(zone, work, breaks if work else (), days | own_days, names | own_names, origin)


def calendar_of(owner: Owner) -> Calendar | None:
    """Their own calendar, else that of the first of their teams with one."""
    if owner.calendar_id:
        return owner.calendar
    team = Team.objects.filter(owners=owner, calendar__isnull=False).select_related("calendar").order_by("pk").first()
    return team.calendar if team else None


def week_of_calendar(calendar: Calendar) -> Week:
    """As it is for somebody in UTC where the calendar leaves the zone to each person."""
    work, breaks = _blocks(calendar.hours.all())
    days, names = _days(calendar.special_days.all())
    return Week(calendar.time_zone or "UTC", work, breaks, days, names, "")


def hours_of(owner: Owner) -> Hours:
    """Working time with absences. Raises HoursError."""
    return week_of(owner).hours(owner.absences.values_list("starts_at", "ends_at"))


def _blocks(rows: Iterable[WeeklyHours]) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
    """Work blocks and breaks."""
    work, breaks = [], []
    for row in rows:
        (work if row.kind == WeeklyHours.Kind.WORK else breaks).append((row.weekday, row.start_minute, row.end_minute))
    return tuple(sorted(work)), tuple(sorted(breaks))


def _days(rows: Iterable[SpecialDay]) -> tuple[dict[date, tuple[tuple[int, int], ...]], dict[date, str]]:
    days: dict[date, tuple[tuple[int, int], ...]] = {}
    names: dict[date, str] = {}
    for row in rows:
        block = () if row.start_minute is None or row.end_minute is None else ((row.start_minute, row.end_minute),)
        days[row.day] = tuple(sorted((*days.get(row.day, ()), *block)))
        names.setdefault(row.day, row.name)
    return days, names


# --- in words


def in_words(week: Week, now: datetime) -> str:
    """“Mon–Fri 09:00–17:30, break 12:30–13:15, Europe/Berlin, from Berlin office; next special day: …”."""
    said = [week_in_words(week.work, week.breaks), week.zone, *([week.origin] if week.origin else [])]
    return ", ".join(said) + _next_special(week, now) + "."


def now_in_words(week: Week, absences: Iterable[tuple[datetime, datetime]], now: datetime) -> str:
    """Whether it is working time, until or from when, in the zone of the hours."""
    spans = [(start, end) for start, end in absences if end > now]
    try:
        hours = week.hours(spans)
        if hours.is_open(now):
            return f"Open now{_until(week, hours, now)}."
        opens = hours.next_open(now)
    except HoursError:
        return UNREADABLE
    away = max((end for start, end in spans if start <= now), default=None)
    why = f"Away until {_at(week.zone, away)}" if away else "Closed now"
    return f"{why}; the next working hour begins {_at(week.zone, opens)}." if opens else f"{why}."


def _until(week: Week, hours: Hours, now: datetime) -> str:
    segment = hours.segments(now, now + timedelta(days=8))[0]
    return f" until {_at(week.zone, segment.end)}" if segment.end < now + timedelta(days=8) else ""


def _at(zone: str, at: datetime) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%a %-d %b %Y, %H:%M %Z}"


def week_in_words(work: Iterable[Block], breaks: Iterable[Block]) -> str:
    """Days in a row that are alike are said together."""
    blocks = [_of_day(work, day) for day in range(7)]
    if not any(blocks):
        return "every hour of the week"
    pauses = [_of_day(breaks, day) if blocks[day] else () for day in range(7)]
    said = []
    for (block, pause), group in groupby(range(7), key=lambda day: (blocks[day], pauses[day])):
        days = list(group)
        if block:
            name = DAY_NAMES[days[0]] + (f"–{DAY_NAMES[days[-1]]}" if len(days) > 1 else "")
            said.append(f"{name} {_times(block)}" + (f", break {_times(pause)}" if pause else ""))
    return "; ".join(said)


def _of_day(blocks: Iterable[Block], day: int) -> tuple[tuple[int, int], ...]:
    return tuple(sorted((start, end) for weekday, start, end in blocks if weekday == day))


def _times(blocks: Iterable[tuple[int, int]]) -> str:
    return " and ".join(f"{clock(start)}–{clock(end)}" for start, end in blocks)


def clock(minute: int) -> str:
    """540 is 09:00, 1440 is 24:00."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _next_special(week: Week, now: datetime) -> str:
    try:
        today = now.astimezone(ZoneInfo(week.zone)).date()
    except (KeyError, ValueError, OSError):
        return ""
    day = min((day for day in week.days if day >= today), default=None)
    if day is None:
        return ""
    what = _times(week.days[day]) if week.days[day] else "closed"
    which = "today" if day == today else f"next special day {day:%a %-d %b %Y}"
    return f"; {which}: {week.names[day]}, {what}"
