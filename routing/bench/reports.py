"""A number of inquiries in; how long the SLA report takes over 30, 90 and 365 days of them out, beside a floor.

The rows that reports read are made here, a year of them, evenly; their blocks are built by the program. Yesterday and
the day a week ago are stale, as they are while people work. The floor is what plain SQL takes for the totals of the
same period alone, without tables, trend and comparison, in the same run.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from datetime import time as time_of_day
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, Sum
from django.utils import timezone

from leads.sql import execute
from owners.models import Owner, Team
from routing.bench.data import Say
from routing.models import ReportArrival, ReportBlock, ReportSpan, ReportState
from routing.reporting.blocks import during
from routing.reporting.keeping import keep_up
from routing.reporting.measures import SHARES
from routing.reporting.report import sla_report
from routing.reporting.values import Filters, Period, Scope, micros

DAYS = (30, 90, 365)
TYPES = ("demo", "quote", "trial", "contact", "webinar", "content")
PATHS = ("territory_owner", "segment_owner", "round_robin_pool", "manual_review", "account_owner")
SOURCES = 8
MEDIAN = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY wait) FROM routing_reportarrival
 WHERE high AND wait >= 0 AND at >= %s AND at < %s
"""
COLUMNS = (
    "id, lead, at, new, high, lead_type, source, path, team, rep, owner, wait, within, unworked_60, owned_1,"
    " inactive_30, exceptions, duplicates, accepted, booked, reassigned, reassigned_touched, first_right, breached,"
    " late, unanswered"
)


def run(leads: int, repeats: int, say: Say) -> dict[str, Any]:
    """Milliseconds, `cpu` those of this process alone; `ratio_DAYS`: the report beside the floor. The manager has 20
    of 400 people."""
    now = timezone.now()
    zone = ZoneInfo("UTC")
    figures: dict[str, Any] = {"inquiries": _ensure(leads, now, say)}
    figures["blocks"] = ReportBlock.objects.count()
    ReportSpan.objects.filter(start__in=[(now - timedelta(days=n)).date() for n in (1, 7)], grain=1).update(stale=True)
    everything, people = Scope(), frozenset(Owner.objects.order_by("id").values_list("id", flat=True)[:20])
    asked: dict[str, Callable[[int], Any]] = {
        "report": lambda days: _report(everything, Filters(), days, now, zone),
        "page": lambda days: _report(everything, Filters(), days, _midnight(now, zone), zone),
        "manager": lambda days: _report(Scope(people), Filters(), days, now, zone),
        "one_source": lambda days: _report(everything, Filters(sources=frozenset([1])), days, now, zone),
        "floor": lambda days: _floor(now - timedelta(days=days), now),
    }
    for days in DAYS:
        took: dict[str, list[float]] = {name: [] for name in asked}
        busy: list[float] = []
        for _ in range(repeats + 1):  # the first one warms up
            for name, ask in asked.items():
                began, worked = time.perf_counter(), time.process_time()
                ask(days)
                took[name].append(1000 * (time.perf_counter() - began))
                if name == "report":
                    busy.append(1000 * (time.process_time() - worked))
        for name, runs in took.items():
            figures[f"{name}_{days}_ms"] = round(median(runs[1:]), 1)
        figures[f"report_{days}_cpu_ms"] = round(median(busy[1:]), 1)
        figures[f"ratio_{days}"] = round(figures[f"report_{days}_ms"] / max(0.1, figures[f"floor_{days}_ms"]), 3)
        said = ", ".join(f"{name} {figures[f'{name}_{days}_ms']} ms" for name in ("report", "page", "floor"))
        say(f"{days} days: {said}")
    return figures


def _midnight(now: datetime, zone: ZoneInfo) -> datetime:
    """The end of today: the page asks for whole days, so that no parts of days are counted row by row."""
    return datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time_of_day.min, zone)


def _report(scope: Scope, filters: Filters, days: int, now: datetime, zone: ZoneInfo) -> Any:
    return sla_report(scope, Period(now - timedelta(days=days), now, zone), filters, now)


def _floor(since: datetime, until: datetime) -> None:
    """Counts of every measure, and the median over high-intent leads, straight from the rows."""
    rows = ReportArrival.objects.filter(during(since, until))
    rows.aggregate(**{f"{one.key}_{n.__name__}": n(one.key) for one in SHARES for n in (Count, Sum)})
    if connection.vendor == "postgresql":
        execute(MEDIAN, [micros(since), micros(until)])
    else:
        known = rows.filter(high=True, wait__gte=0).order_by("wait").values_list("wait", flat=True)
        size = known.count()
        list(known[size // 2 : size // 2 + 1])


def _ensure(leads: int, now: datetime, say: Say) -> int:
    """A year of inquiries and their blocks, unless they are there."""
    stored = ReportArrival.objects.count()
    if stored < leads:
        say(f"storing {leads:,} inquiries")
        for model in (ReportArrival, ReportBlock, ReportSpan, ReportState):
            model.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute(_rows(leads, now))
            cursor.execute("ANALYZE")
        say("building blocks")
    ReportState.objects.filter(pk=1).update(looked_at=None)
    began, built = time.perf_counter(), -1
    while built != (built := ReportSpan.objects.filter(stale=False).count()):
        keep_up(timezone.now, seconds=60)
        ReportState.objects.filter(pk=1).update(looked_at=None)
    say(f"built in {time.perf_counter() - began:.0f} s")
    if connection.vendor == "postgresql":
        execute("ANALYZE routing_reportblock")
    return ReportArrival.objects.count()


def _rows(leads: int, now: datetime) -> str:
    """`i` runs over the inquiries, oldest first; `h` is a mixed number of each."""
    first, team = Owner.objects.order_by("id")[0].pk, Team.objects.order_by("id")[0].pk
    step = max(1, 365 * 86_400 // leads)
    at = f"{micros(now)} - CAST({leads} - i AS bigint) * {step * 1_000_000}"
    counted = f"SELECT 1 AS i UNION ALL SELECT i + 1 FROM s WHERE i < {leads}"
    series = f"generate_series(1, {leads}) AS s(i)"
    if connection.vendor == "sqlite":
        series = f"(WITH RECURSIVE s AS ({counted}) SELECT i FROM s)"

    def one_of(values: tuple[str, ...], by: int) -> str:
        cases = " ".join(f"WHEN {place} THEN '{value}'" for place, value in enumerate(values))
        return f"CASE (h / {by}) % {len(values)} {cases} END"

    def share(percent: int, by: int) -> str:
        return f"CASE WHEN (h / {by}) % 100 < {percent} THEN 1 ELSE 0 END"

    wait = "CASE WHEN h % 100 < 8 THEN -1 ELSE 20 + ((h % 1009) * ((h / 7) % 997) * ((h / 11) % 991)) / 100000 END"
    values = (
        f"i, i, {at}, i % 25 <> 0, h % 2 = 0, {one_of(TYPES, 2)}, 1 + (h / 13) % {SOURCES}, {one_of(PATHS, 17)},"
        f" {team} + (h / 19) % 4, {first} + (h / 23) % 400, {first} + (h / 23) % 400, {wait}, {share(80, 29)},"
        f" {share(20, 31)}, {share(96, 37)}, {share(9, 41)}, {share(4, 43)}, {share(4, 47)}, {share(85, 53)},"
        f" {share(12, 59)}, {share(6, 61)}, {share(2, 67)}, {share(93, 71)}, {share(10, 73)},"
        f" CASE WHEN (h / 73) % 100 < 9 THEN CAST(60 + (h % 7919) AS text) ELSE '' END, (h / 73) % 100 / 99"
    )
    mixed = f"SELECT i, (CAST(i AS bigint) * 2654435761) % 4294967291 AS h FROM {series}"
    return f"INSERT INTO routing_reportarrival ({COLUMNS}) SELECT {values} FROM ({mixed}) AS m"
