"""Rows of a span in, the blocks that they add up to out; and which blocks together cover a number of days.

A day is built from its rows, a longer span from the shorter ones. Spans are aligned: weeks begin on Mondays, and
longer ones are made of whole weeks, so that few blocks cover any period.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Min, Q

from routing.lease import short_transaction
from routing.models import ReportArrival, ReportBlock, ReportSpan, ReportState
from routing.reporting.arrivals import Arrival
from routing.reporting.packing import pack_tables, unpack_tables
from routing.reporting.tally import Tally, counts_of
from routing.reporting.values import DIMENSIONS, instant, micros, midnight

Span = tuple[int, date]
"""Grain in days, first day."""
Cells = dict[tuple[str, str], "Block"]

GRAINS = ReportSpan.GRAINS
PART_OF = {7: 1, 28: 7, 84: 28}
ALL = ("all", "")
DAY = timedelta(days=1)
AGAIN = {1: timedelta(minutes=1), 7: timedelta(minutes=5), 28: timedelta(minutes=5), 84: timedelta(minutes=5)}
"""How long a stale span is left as it is: until then its days are counted from their rows."""
FIELDS = Arrival._fields
AS_KEY = [(name, FIELDS.index(name)) for name in DIMENSIONS]
OWNER = FIELDS.index("owner")


class Block:
    """What arrivals with something in common add up to: together, and by each dimension and key."""

    __slots__ = ("tables", "total")

    def __init__(self) -> None:
        self.total = Tally()
        self.tables: dict[tuple[str, str], Tally] = {}

    def cell(self, name: str, key: str) -> Tally:
        """The tally of one row of a table."""
        found = self.tables.get((name, key))
        if found is None:
            found = self.tables[name, key] = Tally()
        return found

    def unpack(self, tables: Any) -> None:
        """Add the packed tables of another block."""
        for name, key, data in unpack_tables(tables):
            self.cell(name, key).unpack(data)

    def packed(self, exact: bool) -> bytes:
        by: dict[str, dict[str, bytes]] = {name: {} for name in DIMENSIONS}
        for (name, key), counted in self.tables.items():
            by[name][key] = counted.packed(exact)
        return pack_tables(by)


def start_of(day: date, grain: int) -> date:
    """The first day of its span."""
    return day - timedelta(days=(day.toordinal() - 1) % grain)


def cover(first: date, end: date, valid: set[Span], longest: int) -> tuple[list[Span], list[date]]:
    """The fewest valid spans for the days from `first` to before `end`, and the days that none covers."""
    spans: list[Span] = []
    loose: list[date] = []
    day = first
    while day < end:
        for grain in GRAINS:
            fits = grain <= longest and day + grain * DAY <= end
            if fits and start_of(day, grain) == day and (grain, day) in valid:
                spans.append((grain, day))
                day += grain * DAY
                break
        else:
            loose.append(day)
            day += DAY
    return spans, loose


def stored(rows: Q) -> Iterator[Arrival]:
    """Rows of the cache as they were read out of the facts, without when they have to be looked at again."""
    found = ReportArrival.objects.filter(rows).order_by().values_list(*FIELDS[:-1])
    late = FIELDS.index("late")
    try:
        sql, params = found.query.sql_with_params()
    except EmptyResultSet:  # nobody's leads, say
        return
    # Past Django's converters, which cost as much as all the rest: there are whole numbers and texts alone.
    with connection.cursor() as read:
        read.execute(sql, params)
        while some := read.fetchmany(5_000):
            for row in some:
                said = row[late]
                yield Arrival(*row[:late], tuple(map(int, said.split())) if said else (), *row[late + 1 :], None)


def during(since: datetime, until: datetime) -> Q:
    """The condition of rows of what arrived from `since` to before `until`."""
    return Q(at__gte=micros(since), at__lt=micros(until))


def text(key: Any) -> str:
    """A key as blocks have it."""
    return "" if key is None else str(key)


def build(state: ReportState, now: datetime, has_time: Callable[[], bool], taken: Callable[..., int]) -> bool:
    """Build spans that are missing or stale, days before what consists of them and the newest first, until there is no
    time left; whether any was. `taken` claims the right to write, as in routing.reporting.keeping."""
    zone = ZoneInfo(state.zone or "UTC")
    bounds = ReportArrival.objects.aggregate(first=Min("at"))
    if bounds["first"] is None:
        return False
    first, today = (at.astimezone(zone).date() for at in (instant(bounds["first"]), now))
    known = {
        (grain, start): (stale, at)
        for grain, start, stale, at in ReportSpan.objects.values_list("grain", "start", "stale", "built_at")
    }
    done = False
    for grain in reversed(GRAINS):
        for start in _wanted(grain, first, today, known, now):
            if not has_time():
                return done
            blocks = _of_day(start, zone) if grain == 1 else _of_parts(grain, start)
            state.number = _write(state, grain, start, blocks, now, taken)
            known[grain, start] = (False, now)
            done = True
    return done


def _wanted(grain: int, first: date, today: date, known: dict, now: datetime) -> Iterator[date]:
    """Spans to build, the newest first: over by now, their parts valid, and missing or stale for long enough."""
    start = start_of(today, grain) - (grain * DAY)
    while start + (grain - 1) * DAY >= first:
        stale, built_at = known.get((grain, start), (True, None))
        due = stale and (built_at is None or not built_at <= now < built_at + AGAIN[grain])
        if due and (grain == 1 or all(known.get(part, (True,))[0] is False for part in _parts(grain, start))):
            yield start
        start -= grain * DAY


def _parts(grain: int, start: date) -> list[Span]:
    part = PART_OF[grain]
    return [(part, start + n * DAY) for n in range(0, grain, part)]


def _of_day(day: date, zone: ZoneInfo) -> Cells:
    blocks: Cells = {}
    for arrival in stored(during(midnight(day, zone), midnight(day + DAY, zone))):
        count(arrival, blocks)
    return blocks


def count(arrival: Arrival, blocks: Cells) -> None:
    """Count one arrival in every block that it belongs to."""
    counts = counts_of(arrival)
    keys = [(name, text(arrival[place])) for name, place in AS_KEY]
    for kind in (ALL, ("owner", text(arrival[OWNER])), *keys[:-1]):  # a rep's own leads are few: rows will do
        block = blocks.get(kind)
        if block is None:
            block = blocks[kind] = Block()
        block.total.add(arrival, counts)
        for name, key in keys:
            block.cell(name, key).add(arrival, counts)


def _of_parts(grain: int, start: date) -> Cells:
    blocks: Cells = {}
    part = PART_OF[grain]
    rows = ReportBlock.objects.filter(grain=part, start__gte=start, start__lt=start + grain * DAY).order_by()
    for kind, key, total, tables in rows.values_list("kind", "key", "total", "tables").iterator(chunk_size=500):
        block = blocks.setdefault((kind, key), Block())
        block.total.unpack(memoryview(total))
        block.unpack(tables)
    return blocks


def _write(state: ReportState, grain: int, start: date, blocks: Cells, now: datetime, taken: Callable[..., int]) -> int:
    exact = grain == 1
    rows = [
        ReportBlock(
            kind=kind, key=key, grain=grain, start=start, total=block.total.packed(exact), tables=block.packed(exact)
        )
        for (kind, key), block in blocks.items()
    ]  # fmt: skip
    with short_transaction():
        number = taken(state)
        ReportBlock.objects.filter(grain=grain, start=start).delete()
        ReportBlock.objects.bulk_create(rows, batch_size=200)
        ReportSpan.objects.update_or_create(
            grain=grain, start=start, defaults={"stale": False, "built_at": now}
        )  # fmt: skip
    return number


def spans_between(first: date, end: date) -> Iterable[Span]:
    """Valid spans that lie between the two."""
    return (
        ReportSpan.objects.filter(start__gte=first, start__lt=end, stale=False).order_by().values_list("grain", "start")
    )
