"""Days and filters in, the SLA report as JSON out. Changes nothing; test leads are in none of its numbers."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import NinjaAPI, Query, Router, Schema

from owners.roles import MACHINE
from routing.api.access import Scope as Needs
from routing.api.access import Token, viewer
from routing.api.problems import Problem
from routing.api.reports import Asked, days_of
from routing.reporting.choices import LABELS, Choice, Choices, choices_of, filters_of, find, words_of
from routing.reporting.report import scope_of, sla_report
from routing.reporting.values import DIMENSIONS, Figure, Figures, Period, Scope, SlaReport

router = Router(auth=Token(Needs.REPORTS), tags=["reports"])


class SlaAsked(Asked):
    """Filters are keys, and `none` for leads without a path, team or owner."""

    lead_type: str = ""
    source: str = ""
    path: str = ""
    team: str = ""
    rep: str = ""


class FigureOut(Schema):
    """`value`: a share between 0 and 1, or seconds; null where nothing was judged, or where a median is longer than
    any. `on_target`: null without a target or with too few leads. `error`: by how much of itself `value` may be off."""

    key: str
    value: float | None
    count: int
    base: int
    few: bool
    on_target: bool | None
    error: float


class MeasureOut(Schema):
    """`low`: the value should stay at or below the target, else reach it. `judged`: when a lead is, in words."""

    key: str
    label: str
    definition: str
    of: str
    judged: str
    unit: str
    low: bool
    target: float | None


class RowOut(Schema):
    key: str | None
    name: str
    leads: int
    figures: list[FigureOut]


class PointOut(Schema):
    first: date
    last: date
    leads: int
    figures: list[FigureOut]


class BreachesOut(Schema):
    """`median` and `p90`: seconds from due to answered, of those that were answered."""

    count: int
    unanswered: int
    median: float | None
    p90: float | None


class BeforeOut(Schema):
    since: datetime
    until: datetime
    leads: int
    figures: list[FigureOut]
    breaches: BreachesOut


class SlaOut(Schema):
    """`stated_error`: by how much of itself a median may be off. `unrouted`: events that nobody has routed yet.
    `behind`: leads with news that are still to be counted."""

    since: datetime
    until: datetime
    tz: str
    leads: int
    measures: list[MeasureOut]
    figures: list[FigureOut]
    breaches: BreachesOut
    before: BeforeOut
    by: dict[str, list[RowOut]]
    grain: str
    trend: list[PointOut]
    stated_error: float
    unrouted: int
    behind: int


@router.get("/reports/sla", response=SlaOut)
def report_sla(request: HttpRequest, asked: Query[SlaAsked]) -> dict[str, Any]:
    """How quickly and how well the leads were worked that arrived in the days from `from` to `to`."""
    since, until, zone = days_of(asked)
    who = viewer(request)
    # A machine has no role; its token's scope is what allows it to ask.
    scope, choices = Scope() if who is MACHINE else scope_of(who), choices_of(who)
    filters = filters_of(_chosen(asked, choices, scope))
    report = sla_report(scope, Period(since, until, zone), filters, timezone.now())
    return _said(report, words_of(report.by, choices), asked.tz)


def _chosen(asked: SlaAsked, choices: Choices, scope: Scope) -> dict[str, Choice]:
    chosen = {}
    for name in DIMENSIONS:
        if word := getattr(asked, name):
            found = find(choices, name, word, scope)
            if found is None:
                raise Problem(400, "bad_request", f"{name}: there is no {LABELS[name].lower()} “{word}”.")
            chosen[name] = found
    return chosen


def _said(report: SlaReport, words: Mapping[str, Mapping[Any, str]], tz: str) -> dict[str, Any]:
    before = report.period.before
    return {
        **_ends(report.period), "tz": tz, "leads": report.sample, "measures": _measures(report.figures),
        "figures": _figures(report.figures), "breaches": report.breaches,
        "before": {
            **_ends(before), "leads": report.before_sample, "figures": _figures(report.before),
            "breaches": report.breaches_before,
        },
        "by": {
            name: [
                {"key": words[name].get(row.key), "name": row.label, "leads": row.sample,
                 "figures": _figures(row.figures)}
                for row in report.by[name]
            ]
            for name in DIMENSIONS
        },
        "grain": report.grain,
        "trend": [
            {"first": point.part.dates[0], "last": point.part.dates[-1], "leads": point.sample,
             "figures": _figures(point.figures)}
            for point in report.trend
        ],
        "stated_error": report.stated_error, "unrouted": report.unrouted, "behind": report.behind,
    }  # fmt: skip


def _ends(period: Period) -> dict[str, datetime]:
    return {"since": period.since.astimezone(UTC), "until": period.until.astimezone(UTC)}


def _measures(figures: Figures) -> Iterable[dict[str, Any]]:
    return [
        {
            "key": key, "label": m.label, "definition": m.definition, "of": m.of, "judged": m.wait or "at once",
            "unit": m.unit, "low": m.low, "target": m.target,
        }
        for key, m in ((key, figure.measure) for key, figure in figures.items())
    ]  # fmt: skip


def _figures(figures: Figures) -> list[dict[str, Any]]:
    return [_figure(key, figure) for key, figure in figures.items()]


def _figure(key: str, figure: Figure) -> dict[str, Any]:
    return {
        "key": key, "value": figure.value, "count": figure.count, "base": figure.base, "few": figure.is_small,
        "on_target": figure.on_target, "error": figure.error,
    }  # fmt: skip


def add_to(api: NinjaAPI) -> None:
    """Hang the address into the API."""
    api.add_router("", router)
