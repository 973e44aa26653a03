"""The SLA report in; its tables, trend and breaches as lines of files for spreadsheets out."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.db.models import QuerySet

from routing.models import SlaClock
from routing.reporting.measures import MEASURES
from routing.reporting.values import DIMENSIONS, Figure, Figures, Period, SlaReport

Line = Iterable[Any]
SPAN = ("from", "until", "zone")
MET = {True: "yes", False: "no", None: ""}
BREACH_HEAD = ("lead", "buyer", "promise", "policy", "owner", "due", "answered", "late seconds")


def measure_lines(report: SlaReport) -> Iterator[Line]:
    """A line for each measure of the period and of the one before."""
    yield ("period", *SPAN, "measure", "value", "unit", "count", "of", "target", "on target", "few leads", "may be off",
           "definition")  # fmt: skip
    for name, period, figures in (
        ("this", report.period, report.figures), ("before", report.period.before, report.before)
    ):  # fmt: skip
        for measure in MEASURES:
            figure = figures[measure.key]
            target = "" if measure.target is None else measure.target
            yield (
                name, *_span(period), measure.label, _value(figure), measure.unit, figure.count, figure.base, target,
                MET[figure.on_target], "yes" if figure.is_small else "no", figure.error or "", measure.definition,
            )  # fmt: skip


def row_lines(dimension: str) -> Callable[[SlaReport], Iterator[Line]]:
    """Lines of one table: value, count and base of every measure."""

    def lines(report: SlaReport) -> Iterator[Line]:
        yield (*SPAN, dimension.replace("_", " "), "leads", *_heads())
        for row in report.by[dimension]:
            yield (*_span(report.period), row.label, row.sample, *_cells(row.figures))

    return lines


def trend_lines(report: SlaReport) -> Iterator[Line]:
    """A line for each day or week."""
    yield (*SPAN, "leads", *_heads())
    for point in report.trend:
        yield (*_span(point.part), point.sample, *_cells(point.figures))


TABLES: Mapping[str, Callable[[SlaReport], Iterator[Line]]] = {
    "measures": measure_lines, "trend": trend_lines, **{name: row_lines(name) for name in DIMENSIONS}
}  # fmt: skip
"""By the word that asks for it."""


def breach_lines(rows: QuerySet[SlaClock]) -> Iterator[Line]:
    """A line for each broken promise."""
    yield BREACH_HEAD
    for clock in rows.iterator(chunk_size=500):
        late: Any = clock.late  # type: ignore[attr-defined]
        yield (
            clock.lead_id, clock.lead.name or clock.lead.email, clock.get_kind_display(), clock.policy_key,
            clock.owner.name, clock.due_at.isoformat(), clock.answered_at.isoformat() if clock.answered_at else "",
            "" if late is None else round(late.total_seconds()),
        )  # fmt: skip


def _heads() -> Iterator[str]:
    for measure in MEASURES:
        unit = ", seconds" if measure.unit == "seconds" else ""
        yield f"{measure.label}{unit}"
        yield f"{measure.label}: counted"
        yield f"{measure.label}: of"


def _cells(figures: Figures) -> Iterator[Any]:
    for measure in MEASURES:
        figure = figures[measure.key]
        yield from (_value(figure), figure.count, figure.base)


def _value(figure: Figure) -> str:
    if figure.value is None:
        return ""
    return str(round(figure.value)) if figure.measure.unit == "seconds" else f"{figure.value:.4f}"


def _span(period: Period) -> tuple[Any, ...]:
    ends = (period.since, period.until)
    return (*(at.astimezone(period.zone).isoformat() for at in ends), period.zone)
