"""A country, its region and years in, public holidays out; those that a person accepts, as special days of a calendar.

The library that knows them is loaded when somebody asks, never by routing, and its answer is copied into rows: what
counts is what a person accepted, not which version of the library is installed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from owners.models import Calendar, SpecialDay
from owners.writer import writing

FIRST_YEAR, LAST_YEAR = 2000, 2100


class NoHolidays(ValueError):
    """A country, a region or a year of which no holidays are known; the text says so in a sentence."""


@dataclass(frozen=True, slots=True)
class Holiday:
    """`there`: the calendar has a special day on that date already, of this name."""

    day: date
    name: str
    there: str = ""


def check_place(country: str, region: str) -> None:
    """Raises NoHolidays with a sentence when holidays of there are not known."""
    import holidays  # 30 ms that only people wait for who ask

    regions = holidays.list_supported_countries(include_aliases=True).get(country)
    if regions is None:
        raise NoHolidays(f"No holidays are known of a country “{country}”. Use its ISO 3166-1 code, such as DE.")
    if region and region not in regions:
        known = f"There are {', '.join(regions)}" if regions else "It has no regions with holidays of their own"
        raise NoHolidays(f"No holidays are known of a region “{region}” of {country}. {known}.")


def holidays_of(country: str, region: str, years: Iterable[int]) -> list[Holiday]:
    """Sorted by date; several names of one date in one. Raises NoHolidays."""
    import holidays

    check_place(country, region)
    asked = list(years)
    if not all(FIRST_YEAR <= year <= LAST_YEAR for year in asked):
        raise NoHolidays(f"Holidays are known from {FIRST_YEAR} to {LAST_YEAR}.")
    found = holidays.country_holidays(country, subdiv=region or None, years=asked, language="en_US")
    return [Holiday(day, name[:120]) for day, name in sorted(found.items()) if day.year in asked]


def proposed(calendar: Calendar, years: Iterable[int]) -> list[Holiday]:
    """The holidays of its place, each with what the calendar has on that date already. Raises NoHolidays."""
    there: dict[date, str] = {}
    for day, name in calendar.special_days.values_list("day", "name"):
        there.setdefault(day, name)
    found = holidays_of(calendar.holiday_country, calendar.holiday_region, years)
    return [Holiday(each.day, each.name, there.get(each.day, "")) for each in found]


def accept(calendar: Calendar, chosen: Iterable[date], by: Any) -> list[SpecialDay]:
    """Make the chosen days closed ones of the calendar, as accepted by the user `by`; the rows that were made.

    Days that are no holiday of its place, and dates that the calendar has already, are left out. Raises NoHolidays.
    """
    wanted = set(chosen)
    with writing():
        found = proposed(calendar, sorted({day.year for day in wanted}))
        rows = [
            SpecialDay(calendar=calendar, day=each.day, name=each.name, proposed=True, recorded_by=by)
            for each in found
            if each.day in wanted and not each.there
        ]
        return SpecialDay.objects.bulk_create(rows)
