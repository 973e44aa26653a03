"""The SLA report in; what its tiles, tables and trend show out: words, tones, places in small drawings, and addresses
of the leads behind each number.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import django_tables2
from django.http import HttpRequest
from django.urls import reverse

from routing.pages.chart import figures_chart, percent, said, samples_chart, target_said
from routing.pages.sla_filter import Asked
from routing.pages.timing import lasting
from routing.reporting.choices import LABELS
from routing.reporting.measures import BY_KEY
from routing.reporting.values import DIMENSIONS, Breaches, Figure, Key, Measure, Period, Point, Row, SlaReport

SPEED = ("touch_high", "touch", "within", "owned_1", "inactive_30", "unworked_60", "breached")
"""How quickly leads were worked."""
CARE = ("exceptions", "duplicates", "accepted", "booked", "first_right", "reassigned", "reassigned_touched")
"""How well they were routed."""
COLUMNS = {
    "touch_high": "Median first touch, high intent", "within": "Within SLA target", "inactive_30": "Quiet for 30 min",
    "owned_1": "Owner in 1 min", "accepted": "Accepted", "booked": "Meeting booked", "first_right": "First right",
    "breached": "With a breach",
}  # fmt: skip
"""What a table has room for, under short names; the files have every measure."""
CHARTS = ("touch_high", "inactive_30", "owned_1", "within", "breached")
Narrow = Mapping[str, str] | None
WIDTH = 240
"""Of the drawing of a tile."""


@dataclass(frozen=True, order=True)
class Cell:
    """A number of a table. `rank`: by what it is sorted; `href`: of its leads; `tone`: good, bad, few or none."""

    rank: tuple[bool, float]
    value: str = field(compare=False)
    sample: str = field(compare=False)
    tone: str = field(compare=False)
    href: str = field(compare=False)
    label: str = field(compare=False)


@dataclass(frozen=True)
class Bar:
    """Where value and target end in the drawing of a tile, `anchor` and `x` of the target's words."""

    width: float
    aim: float
    words: str
    x: float
    anchor: str


@dataclass(frozen=True)
class Tile:
    """`before`: (value, sample); `change`: “3 min less, better” and its tone; `links`: (words, address)."""

    key: str
    label: str
    value: str
    tone: str
    sample: str
    bar: Bar | None = None
    before: tuple[str, str] | None = None
    change: tuple[str, str] = ("", "")
    links: tuple[tuple[str, str], ...] = ()
    note: str = ""


class SlaTable(django_tables2.Table):
    """Sorting and heads of one table; the cells are drawn by the template."""

    name = django_tables2.Column(order_by="name")
    sample = django_tables2.Column(verbose_name="Leads", attrs={"th": {"class": "number"}})

    class Meta:
        sequence = ("name", "sample", "...")


def tables(request: HttpRequest, report: SlaReport, asked: Asked, words: Mapping[str, Mapping[Key, str]]) -> list[Any]:
    """A sortable table for each dimension, with its title and the words of its first column."""
    found = []
    for name in DIMENSIONS:
        rows = [_record(row, name, words[name].get(row.key), asked) for row in report.by[name] if _says(row)]
        columns = [(key, _column(label)) for key, label in COLUMNS.items()]
        table = SlaTable(rows, prefix=f"{name}-", extra_columns=columns)
        django_tables2.RequestConfig(request, paginate=False).configure(table)
        found.append({"key": name, "title": f"By {LABELS[name].lower()}", "head": LABELS[name], "table": table})
    return found


def _says(row: Row) -> bool:
    """Whether it has any number: inquiries that joined other leads have a row in the files alone."""
    return bool(row.sample) or any(row.figures[key].base for key in COLUMNS)


def _record(row: Row, dimension: str, word: str | None, asked: Asked) -> dict[str, Any]:
    """What a table sorts and shows of a row; one that no address names leads nowhere."""
    narrow = {dimension: word} if word else None
    cells = {key: cell(row.figures[key], row.label, asked, narrow) for key in COLUMNS}
    return {
        "name": row.label, "sample": _count(row.sample, row.label, asked, narrow), **cells,
        "cells": list(cells.values()),
    }  # fmt: skip


def _column(label: str) -> Any:
    return django_tables2.Column(verbose_name=label, attrs={"th": {"class": "number"}})


def _count(count: int, of: str, asked: Asked, narrow: Narrow, part: Period | None = None) -> Cell:
    href = _leads(asked, part, measure="sample", **narrow) if count and narrow is not None else ""
    return Cell((False, count), f"{count:,}", "", "", href, f"New leads, {of}: {count:,}")


def cell(figure: Figure, of: str, asked: Asked, narrow: Narrow, part: Period | None = None) -> Cell:
    """One number of a row or a point; it leads to the leads that it counts. `narrow`: filters of the address beside
    those that were asked for; None where it can have no address.
    """
    known = figure.base > 0
    count = f"{figure.count:,} of {figure.base:,}" if figure.measure.unit == "share" else f"{figure.base:,}"
    href = _leads(asked, part, measure=figure.measure.key, **narrow) if figure.count and narrow is not None else ""
    return Cell(
        (not known, inf if figure.value is None else figure.value), said(figure), count if known else "",
        tone(figure), href, f"{figure.measure.label}, {of}: {said(figure)}",
    )  # fmt: skip


def _leads(asked: Asked, part: Period | None = None, **also: str) -> str:
    return f"{reverse('pages:sla-leads')}?{asked.address(part, **also)}"


def tone(figure: Figure) -> str:
    """good, bad, few where there are too few leads to judge, or empty."""
    if not figure.base:
        return ""
    if figure.is_small:
        return "few"
    return {True: "good", False: "bad", None: ""}[figure.on_target]


# --- tiles ------------------------------------------------------------------------------------------------


def tiles(report: SlaReport, asked: Asked) -> list[tuple[str, list[Tile]]]:
    """The numbers of the whole period in two groups."""
    speed = [_tile(report.figures[key], report.before[key], asked) for key in SPEED]
    care = [_tile(report.figures[key], report.before[key], asked) for key in CARE]
    return [
        ("How quickly leads were worked", [*speed, _breach_tile(report.breaches, report.breaches_before, asked)]),
        ("How well they were routed", [_sample_tile(report, asked), *care]),
    ]


def _tile(figure: Figure, before: Figure, asked: Asked) -> Tile:
    measure = figure.measure
    links = []
    rest = figure.base - figure.count - figure.unrouted
    if figure.count:
        words = f"the {figure.count:,} judged" if measure.unit == "seconds" else f"the {figure.count:,} counted"
        links.append((words, _leads(asked, measure=measure.key)))
    if rest > 0:
        links.append((f"the other {rest:,}", _leads(asked, measure=measure.key, others="1")))
    count = f"{figure.base:,} {measure.of}"
    sample = count if measure.unit == "seconds" else f"{figure.count:,} of {count}"
    notes = [f"may be off by {percent(figure.error)}"] if figure.error else []
    if figure.unrouted:
        notes.append(f"{figure.unrouted:,} of them not routed yet")
    if figure.value is None and figure.base:
        notes.append("half of them or more have no touch")
    return Tile(
        measure.key, measure.label, said(figure), tone(figure), sample, _bar(figure),
        (said(before), _of_before(before)) if before.base else None, change(figure, before), tuple(links),
        "; ".join(notes),
    )  # fmt: skip


def _of_before(before: Figure) -> str:
    if before.measure.unit == "seconds":
        return f"{before.base:,} leads"
    return f"{before.count:,} of {before.base:,}"


def _bar(figure: Figure) -> Bar | None:
    """The value against its target; None without a target or a value."""
    aim = figure.measure.target
    if aim is None or not figure.base:
        return None
    value = inf if figure.value is None else figure.value
    whole = 1.0 if aim > 0.5 and figure.measure.unit == "share" else max(2 * aim, min(value, 4 * aim))
    place = round(WIDTH * aim / whole, 1)
    words = f"target {target_said(figure.measure)}"
    near_end = place > WIDTH / 2
    return Bar(
        round(WIDTH * min(1.0, value / whole), 1), place, words, place + (-4 if near_end else 4),
        "end" if near_end else "start",
    )  # fmt: skip


def change(figure: Figure, before: Figure) -> tuple[str, str]:
    """How much more or less than before, in words, and whether that is better: good, bad or empty."""
    if figure.value is None or before.value is None:
        return "", ""
    more = figure.value - before.value
    size = _size(figure.measure, abs(more))
    if not size:
        return "as before", ""
    better = (more < 0) == figure.measure.low
    words = f"{size} {'more' if more > 0 else 'less'}"
    if figure.is_small or before.is_small:
        return words, ""
    return f"{words}, {'better' if better else 'worse'}", "good" if better else "bad"


def _size(measure: Measure, size: float) -> str:
    """“3 min”, “1.2 points”; empty where it is too small to be told."""
    if measure.unit == "seconds":
        return lasting(size) if size >= 1 else ""
    points = f"{100 * size:.1f}".removesuffix(".0")
    return "" if points == "0" else f"{points} point{'' if points == '1' else 's'}"


def _sample_tile(report: SlaReport, asked: Asked) -> Tile:
    more = report.sample - report.before_sample
    links = (("all of them", _leads(asked, measure="sample")),)
    return Tile(
        "sample", "New leads", f"{report.sample:,}", "", "leads that arrived in the period, each once",
        before=(f"{report.before_sample:,}", ""),
        change=(f"{abs(more):,} {'more' if more > 0 else 'fewer'}" if more else "as before", ""),
        links=links if report.sample else (),
    )  # fmt: skip


def _breach_tile(now: Breaches, before: Breaches, asked: Asked) -> Tile:
    late = "none of them answered" if now.count else "no promise ran out"
    if now.median is not None and now.p90 is not None:
        late = f"half of the late answers came within {lasting(now.median)}, nine in ten within {lasting(now.p90)}"
    return Tile(
        "breaches", "Broken promises", f"{now.count:,}", "", f"{now.unanswered:,} still unanswered",
        before=(f"{before.count:,}", f"{before.unanswered:,} unanswered"),
        links=(("all of them", f"{reverse('pages:sla-breaches')}?{asked.address()}"),) if now.count else (), note=late,
    )  # fmt: skip


# --- sentence, trend, definitions -------------------------------------------------------------------------


def sentence(report: SlaReport, asked: Asked) -> str:
    """“Median first touch 9 min, target 15 min; 4 % untouched after 30 min, target 10 %; 320 leads, …”."""
    touch, quiet = report.figures["touch_high"], report.figures["inactive_30"]
    parts = []
    if touch.base:
        value = said(touch) if touch.value is not None else "longer than any, as half of them have none"
        parts.append(f"median first touch of high-intent leads {value}, target {target_said(touch.measure)}")
    if quiet.base:
        parts.append(f"{said(quiet)} untouched after 30 min, target {target_said(quiet.measure)}")
    parts.append(f"{report.sample:,} lead{'' if report.sample == 1 else 's'}, {asked.words}")
    told = "; ".join(parts)
    return f"{told[0].upper()}{told[1:]}."


def point_names(report: SlaReport) -> list[str]:
    """“Tue 3 Nov”, or “2 – 8 Nov” of weeks."""
    names = []
    for point in report.trend:
        first, last = point.part.dates[0], point.part.dates[-1]
        names.append(f"{first:%a %-d %b}" if report.grain == "day" else f"{first:%-d %b} – {last:%-d %b}")
    return names


def trend(report: SlaReport, asked: Asked) -> dict[str, Any]:
    """The charts, and the same as rows, the newest first."""
    names, daily = point_names(report), report.grain == "day"
    charts = [figures_chart(key, report.trend, names, daily) for key in CHARTS]
    rows = [_point(point, name, asked) for point, name in zip(report.trend, names, strict=True)]
    return {
        "charts": [samples_chart(report.trend, names), *charts], "points": rows[::-1],
        "heads": [BY_KEY[key].label for key in CHARTS],
    }  # fmt: skip


def _point(point: Point, name: str, asked: Asked) -> dict[str, Any]:
    return {
        "name": name,
        "sample": _count(point.sample, name, asked, {}, point.part),
        "cells": [cell(point.figures[key], name, asked, {}, point.part) for key in CHARTS],
    }


def definitions(report: SlaReport) -> Iterable[dict[str, Any]]:
    """Each measure with what it is of, when it is judged, its target and its sample."""
    keys: Sequence[str] = (*SPEED, *CARE)
    for key in keys:
        figure = report.figures[key]
        bound = "at most" if figure.measure.low else "at least"
        yield {
            "measure": figure.measure, "base": figure.base,
            "target": f"{bound} {target_said(figure.measure)}" if figure.measure.target is not None else "",
        }  # fmt: skip
