"""The lists of a file that say when somebody works in, rows of them out, or what is wrong with them.

Hours, breaks and special days of one owner or calendar are read together, because only together they are a week.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from django.db import models

from owners.business_time import ALWAYS, Block, Hours, HoursError
from owners.models import SpecialDay, WeeklyHours

TIMES = ("hours", "breaks", "special_days")
Row = Mapping[str, Any]
Ends = tuple[int, int]


class Wrong(ValueError):
    """`what`: the list that cannot be; the text says why in a sentence."""

    def __init__(self, what: str, sentence: str) -> None:
        super().__init__(sentence)
        self.what = what


class Times(NamedTuple):
    work: list[Block]
    breaks: list[Block]
    days: list[tuple[Row, date, Ends | None]]

    def rows(self, what: str, whose: Mapping[str, int]) -> list[models.Model]:
        """Fresh rows of one list; `whose`: owner_id or calendar_id."""
        if what == "special_days":
            return [
                SpecialDay(
                    day=day, name=row["name"], proposed=row["proposed"], start_minute=ends[0] if ends else None,
                    end_minute=ends[1] if ends else None, **whose,
                )
                for row, day, ends in self.days
            ]  # fmt: skip
        kind, blocks = ("work", self.work) if what == "hours" else ("break", self.breaks)
        return [
            WeeklyHours(kind=kind, weekday=weekday, start_minute=start, end_minute=end, **whose)
            for weekday, start, end in blocks
        ]


def read_times(row: Row, is_calendar: bool) -> Times:
    """The three lists of a row that has them all. Raises Wrong."""
    work, breaks = _blocks(row, "hours"), _blocks(row, "breaks")
    days = [_day(given) for given in row["special_days"]]
    if is_calendar and not work:
        raise Wrong("hours", "a calendar needs at least one open hour")
    if breaks and not work:
        raise Wrong("breaks", "there are no hours that a break could interrupt")
    if len({block[:2] for block in breaks}) < len(breaks):
        raise Wrong("breaks", "two breaks of one day begin at once")
    _check("hours", work or ALWAYS.weekly)
    _check("breaks", work or ALWAYS.weekly, breaks)
    by_day = defaultdict(list)
    for _, day, ends in days:
        by_day[day].append(ends)
    for day, found in by_day.items():
        if None in found and len(found) > 1:
            raise Wrong("special_days", f"{day} is closed, and there is another row for it")
    spans = [(day, tuple(ends for ends in found if ends)) for day, found in by_day.items()]
    _check("special_days", ALWAYS.weekly, (), spans)
    return Times(work, breaks, days)


def _check(what: str, work: Any, breaks: Any = (), days: Any = ()) -> None:
    try:
        Hours("UTC", work, (), breaks, days)
    except HoursError as error:
        raise Wrong(what, str(error).rstrip(".")) from None


def _blocks(row: Row, what: str) -> list[Block]:
    return [(given["weekday"], *_ends(what, given["from"], given["to"])) for given in row[what]]


def _ends(what: str, start: str, end: str) -> Ends:
    minutes = minutes_of(start), minutes_of(end)
    if None in minutes or minutes[0] == 1440 or minutes[0] == minutes[1]:
        raise Wrong(what, f"“{start}” to “{end}” are no hours; write two times such as 09:00, up to 24:00")
    return minutes  # type: ignore[return-value]


def _day(given: Row) -> tuple[Row, date, Ends | None]:
    try:
        day = date.fromisoformat(given["day"])
    except ValueError:
        raise Wrong("special_days", f"“{given['day']}” is no date; write it as 2026-12-25") from None
    if given["from"] is None and given["to"] is None:
        return given, day, None
    return given, day, _ends("special_days", given["from"] or "", given["to"] or "")


def minutes_of(text: str) -> int | None:
    """09:00 is 540; None for what is no time from 00:00 to 24:00."""
    hour, _, minute = text.partition(":")
    if not (len(hour) == len(minute) == 2 and (hour + minute).isascii() and (hour + minute).isdigit()):
        return None
    total = int(hour) * 60 + int(minute)
    return total if int(minute) < 60 and total <= 1440 else None
