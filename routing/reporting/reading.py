"""What is asked for in; tallies of two periods, their days and their tables out, from blocks where they stand and rows
where they do not. Changes nothing.

Where the worker has not read the newest facts yet, the leads that they are about are read here, and their days are
counted from rows; so what is said is as it is at `now`, whether the worker runs or not. Only of a backlog of
thousands of leads the report waits, and says so.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from routing.models import ReportArrival, ReportBlock, ReportState
from routing.reporting.arrivals import Arrival, arrivals_of
from routing.reporting.blocks import (
    AS_KEY,
    DAY,
    GRAINS,
    Block,
    Span,
    cover,
    during,
    spans_between,
    start_of,
    stored,
    text,
)
from routing.reporting.news import news
from routing.reporting.tally import Tally, counts_of
from routing.reporting.values import DIMENSIONS, Filters, Period, Scope, instant, micros, midnight

EXACT_DAYS = 30
DAILY = 92
"""Up to so many days the trend has days, beyond it weeks."""
TRIES = 3
MOST_NEW = 5_000
"""Facts of leads that a report reads itself."""


@dataclass
class Counted:
    """What was counted of a period, of the one before, and by day or week (its first day)."""

    block: Block = field(default_factory=Block)
    before: Tally = field(default_factory=Tally)
    days: dict[date, Tally] = field(default_factory=dict)
    behind: int = 0


@dataclass(frozen=True)
class Asked:
    """Which arrivals: within the scope and the filters. `state`: how far the facts have been read."""

    scope: Scope
    filters: Filters
    fresh: tuple[Arrival, ...]
    seen: frozenset[int]
    """Leads whose stored rows are out of date; their arrivals are `fresh`."""
    behind: int
    state: ReportState

    def rows(self) -> Q:
        """The condition of stored rows, without those that are out of date."""
        found = Q()
        if self.scope.people is not None:
            found &= Q(owner__in=self.scope.people)
        for name in DIMENSIONS:
            if keys := self.filters.of(name):
                mine = Q(**{f"{name}__in": [key for key in keys if key is not None]})
                found &= mine | Q(**{f"{name}__isnull": True}) if None in keys else mine
        return found & ~Q(lead__in=self.seen) if self.seen else found

    def has(self, arrival: Arrival) -> bool:
        """Whether it is asked for, like `rows`."""
        if self.scope.people is not None and arrival.owner not in self.scope.people:
            return False
        return all(getattr(arrival, name) in keys for name in DIMENSIONS if (keys := self.filters.of(name)))

    def kinds(self) -> tuple[str, list[str]] | None:
        """Whose blocks together hold exactly what is asked for; None where no blocks do."""
        asked = [(name, self.filters.of(name)) for name in DIMENSIONS if self.filters.of(name)]
        if self.scope.people is not None:
            asked.append(("owner", self.scope.people))
        if len(asked) > 1 or self.filters.owners:
            return None
        if not asked:
            return "all", [""]
        name, keys = asked[0]
        return name, [text(key) for key in keys]


def asked(scope: Scope, filters: Filters, now: datetime) -> Asked:
    """Three statements, and those of `arrivals_of` where there is something new."""
    state = ReportState.objects.filter(pk=1).first() or ReportState()
    found = news(state, now, MOST_NEW + 1)
    if len(found.leads) > MOST_NEW:
        return Asked(scope, filters, (), frozenset(), len(found.leads), state)
    fresh = tuple(arrivals_of(found.leads, now)) if found.leads else ()
    return Asked(scope, filters, fresh, found.leads, 0, state)


def leads_where(wanted: Asked, period: Period, having: Mapping[str, Any]) -> Q:
    """The condition of leads with such an arrival; `having`: fields of an arrival, and wait__isnull."""
    found = ReportArrival.objects.filter(wanted.rows(), during(period.since, period.until), **having)
    since, until = micros(period.since), micros(period.until)
    fresh = [row.lead for row in wanted.fresh if wanted.has(row) and since <= row.at < until and _is_such(row, having)]
    return Q(pk__in=found.order_by().values("lead")) | Q(pk__in=fresh)


def _is_such(row: Arrival, having: Mapping[str, Any]) -> bool:
    return all(
        row.wait is not None if name == "wait__isnull" else getattr(row, name) == value
        for name, value in having.items()
    )


def counted_at_once(scope: Scope, filters: Filters, period: Period, now: datetime) -> Counted:
    """What is counted of the period, of one state of the cache: again if the worker wrote meanwhile, which is rare."""
    for _ in range(TRIES):
        wanted = asked(scope, filters, now)
        found = counted(wanted, period)
        if ReportState.objects.filter(pk=1).values_list("number", flat=True).first() in (wanted.state.number, None):
            break
    return found


def counted(wanted: Asked, period: Period) -> Counted:
    """Everything at once: four statements at most, whatever the number of leads."""
    found = Counted(behind=wanted.behind)
    before = period.before
    plan = _Plan(wanted, period)
    plan_before = _Plan(wanted, before)
    if plan.kinds:
        _add_blocks(found, plan, plan_before)
    loose = [*plan.ranges(), *plan_before.ranges()]
    if loose:
        rows = wanted.rows() & reduce(or_, (during(since, until) for since, until in loose))
        _add_rows(found, stored(rows), period, plan.weekly)
    since, until = micros(before.since), micros(period.until)
    fresh = (row for row in wanted.fresh if since <= row.at < until and wanted.has(row))
    _add_rows(found, fresh, period, plan.weekly)
    return found


class _Plan:
    """Which blocks a period is made of, and what is left to rows."""

    def __init__(self, wanted: Asked, period: Period) -> None:
        self.period, self.zone = period, period.zone
        dates = period.dates
        self.weekly = len(dates) > DAILY
        self.kinds = wanted.kinds() if dates and str(period.zone) == wanted.state.zone else None
        self.spans: list[Span] = []
        self.trend: list[Span] = []
        self.loose: list[date] = []
        self.first = self.end = dates[0] if dates else date.min
        if not self.kinds:
            return
        self.first = dates[0] if midnight(dates[0], self.zone) == period.since else dates[0] + DAY
        last = dates[-1] + DAY
        self.end = max(self.first, last if midnight(last, self.zone) == period.until else dates[-1])
        valid = set(spans_between(self.first, self.end)) - _over(wanted.fresh, self.zone)
        longest = GRAINS[0] if len(dates) > EXACT_DAYS + 1 else 1
        self.spans, self.loose = cover(self.first, self.end, valid, longest)
        self.trend, _ = cover(self.first, self.end, valid, 7 if self.weekly else 1)

    def ranges(self) -> Iterator[tuple[datetime, datetime]]:
        """What is to be counted from rows: parts of days at both ends, and days without a block."""
        since, until = self.period.since, self.period.until
        if not self.kinds:
            if since < until:
                yield since, until
            return
        begin, end = midnight(self.first, self.zone), midnight(self.end, self.zone)
        if since < begin:
            yield since, min(begin, until)
        if end < until and end >= begin:
            yield max(end, since), until
        for first, last in _joined(self.loose):
            yield midnight(first, self.zone), midnight(last + DAY, self.zone)


def _joined(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """Days in their order as stretches, first and last."""
    first = last = None
    for day in days:
        if last is None or day != last + DAY:
            if first is not None and last is not None:
                yield first, last
            first = day
        last = day
    if first is not None and last is not None:
        yield first, last


def _over(fresh: Iterable[Arrival], zone: Any) -> set[Span]:
    """Spans in which a row is out of date."""
    days = {instant(arrival.at).astimezone(zone).date() for arrival in fresh}
    return {(grain, start_of(day, grain)) for day in days for grain in GRAINS}


def _add_blocks(found: Counted, plan: _Plan, before: _Plan) -> None:
    kind, keys = plan.kinds or ("", [])
    mine = ReportBlock.objects.filter(kind=kind, key__in=keys).order_by()
    totals: dict[Span, Tally] = {}
    for total, tables in mine.filter(_among(plan.spans)).values_list("total", "tables"):
        found.block.total.unpack(memoryview(total))
        found.block.unpack(tables)
    wanted = {*plan.trend, *before.spans}
    for grain, start, total in mine.filter(_among(wanted)).values_list("grain", "start", "total"):
        totals.setdefault((grain, start), Tally()).unpack(memoryview(total))
    for span in before.spans:
        if span in totals:
            found.before.merge(totals[span])
    for span in plan.trend:
        if span in totals:
            found.days.setdefault(_of_trend(span[1], plan.weekly), Tally()).merge(totals[span])


def _among(spans: Iterable[Span]) -> Q:
    by: dict[int, list[date]] = {}
    for grain, start in spans:
        by.setdefault(grain, []).append(start)
    return reduce(or_, (Q(grain=grain, start__in=starts) for grain, starts in by.items()), Q(pk__in=()))


def _of_trend(day: date, weekly: bool) -> date:
    return start_of(day, 7) if weekly else day


def _add_rows(found: Counted, rows: Iterable[Arrival], period: Period, weekly: bool) -> None:
    """Count rows one by one, in what is left of blocks: a few thousand, or all of a period that blocks do not fit."""
    since, days = micros(period.since), _Days(found, period, weekly)
    tables = [(place, name, {}) for name, place in AS_KEY]
    for row in rows:
        counts = counts_of(row)
        if row.at < since:
            found.before.add(row, counts)
            continue
        tallies = [found.block.total, days.at(row.at)]
        for place, name, known in tables:
            key = row[place]
            one = known.get(key)
            if one is None:
                one = known[key] = found.block.cell(name, text(key))
            tallies.append(one)
        for one in tallies:
            one.counts += counts
        wait = row.wait
        if wait is not None and wait >= 0:
            if row.high:
                for one in tallies:
                    one.high.append(wait)
            else:
                for one in tallies:
                    one.low.append(wait)
        if row.late:
            for one in tallies:
                one.late.extend(row.late)


class _Days:
    """The tallies of the trend by instant."""

    def __init__(self, found: Counted, period: Period, weekly: bool) -> None:
        dates = period.dates
        self.starts = [micros(midnight(day, period.zone)) for day in dates]
        self.tallies = [found.days.setdefault(_of_trend(day, weekly), Tally()) for day in dates]

    def at(self, instant: int) -> Tally:
        return self.tallies[bisect_right(self.starts, instant) - 1]
