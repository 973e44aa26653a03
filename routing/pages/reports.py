"""The reports: a person and a period in; the numbers they may see, with trend and rows, as a page or a file out."""

import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from leads.models import Lead
from leads.scopes import reported_leads
from owners.roles import Act, may
from routing.pages.chart import counts_chart, percent, share_chart
from routing.pages.lists import MOST_EXPORTED, csv_file
from routing.pages.period import CHOICES, Period, PeriodForm
from routing.pages.timing import lasting
from routing.reports import (
    BY_KEY,
    MEASURES,
    TOUCH_TARGET,
    Measure,
    Median,
    Number,
    Overview,
    arrived,
    first_touch,
    leads_behind,
    overview,
)

PAGE = 50
SAID = (
    ("owned_1", "owned within a minute"),
    ("untouched_30", "untouched after 30 minutes"),
    ("demos_unworked_60", "of the demo requests unworked after an hour"),
)
"""What the sentence says of the period, in its order."""
MEDIAN_SAYS = (
    "From the arrival to the first call, mail, message or meeting by a person, over high-intent leads for sales, in "
    "real time. A lead without a touch counts as longer than any."
)
TOLD = "No lead arrived in this period. Choose another one, or ask whether the sources send."


@never_cache
@login_required
@require_safe
def reports(request: HttpRequest) -> HttpResponse:
    """The overview: sentence, tiles, trend, table."""
    _may_see(request)
    now = timezone.now()
    form = PeriodForm(request.GET, now)
    context: dict[str, Any] = {
        "form": form, "choices": CHOICES, "help_topic": "reports", "zones": sorted(zoneinfo.available_timezones()),
        "rows": may(request.user, Act.SEE_LEADS),
    }  # fmt: skip
    if form.is_valid():
        period = form.period()
        found, earlier = _numbers(request, period, now)
        touch, before = _medians(request, period, now)
        tiles = [_median_tile(touch, before), *(_tile(number, earlier) for number in found.numbers.values())]
        context |= {"period": period, "found": found, "earlier": earlier, "tiles": tiles, **_trend(found, period)}
        context["sentence"] = sentence(found, touch, period)
    return render(request, "pages/reports.html", context, status=200 if form.is_valid() else 400)


@never_cache
@login_required
@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """The numbers of the period, of the one it is compared with, and of each day, as a file for spreadsheets."""
    _may_see(request)
    now = timezone.now()
    form = PeriodForm(request.GET, now)
    if not form.is_valid():
        return _refused(form)
    period = form.period()
    found, earlier = _numbers(request, period, now)
    touch, before = _medians(request, period, now)
    return csv_file("reports", _number_lines([(found, touch), (earlier, before)], period))


@never_cache
@login_required
@require_safe
def rows(request: HttpRequest, measure: str) -> HttpResponse:
    """The leads that a number counts, or does not."""
    now = timezone.now()
    form = PeriodForm(request.GET, now)
    leads, words = _leads(request, measure, form, now)
    if leads is None:
        return render(request, "pages/report_rows.html", {"form": form, **words}, status=400)
    period = form.period()
    page = Paginator(leads, PAGE).get_page(request.GET.get("page"))
    context = {**words, "page": page, "period": period, "now": now, "help_topic": "reports"}
    with timezone.override(period.zone):
        return render(request, "pages/report_rows.html", context)


@never_cache
@login_required
@require_safe
def rows_export(request: HttpRequest, measure: str) -> HttpResponse:
    """The same leads as a file, in which no cell is a formula."""
    now = timezone.now()
    form = PeriodForm(request.GET, now)
    leads, _ = _leads(request, measure, form, now)
    return _refused(form) if leads is None else csv_file(measure, lead_lines(leads[:MOST_EXPORTED]))


def sentence(found: Overview, touch: Median, period: Period) -> str:
    """“320 leads, 90 demo requests, 25 Oct – 23 Nov 2026, Europe/Berlin: median first touch 9 min, …”."""
    head = f"{found.leads:,} lead{'' if found.leads == 1 else 's'}, {found.demos:,} demo request"
    head += f"{'' if found.demos == 1 else 's'}, {period.words}, {period.zone}"
    told = [f"median first touch {lasting(touch.seconds)} (target {lasting(TOUCH_TARGET)})"] if touch.seconds else []
    told += [f"{percent(found.numbers[key].share)} {words}" for key, words in SAID if found.numbers[key].base]
    return f"{head}: {', '.join(told)}." if told else f"{head}."


def _may_see(request: HttpRequest, *also: Act) -> None:
    if not all(may(request.user, act) for act in (Act.SEE_REPORTS, *also)):
        raise PermissionDenied


def _numbers(request: HttpRequest, period: Period, now: datetime) -> tuple[Overview, Overview | None]:
    leads = reported_leads(request.user)
    found = overview(leads, period.since, period.until, period.zone, now)
    earlier = overview(leads, *period.earlier, period.zone, now) if period.earlier else None
    return found, earlier


def _medians(request: HttpRequest, period: Period, now: datetime) -> tuple[Median, Median | None]:
    leads = reported_leads(request.user)
    found = first_touch(leads, period.since, period.until, now)
    return found, first_touch(leads, *period.earlier, now) if period.earlier else None


def _leads(
    request: HttpRequest, key: str, form: PeriodForm, now: datetime
) -> tuple[QuerySet[Lead] | None, dict[str, Any]]:
    """The leads behind a number and how they are called; None where the period cannot be read."""
    _may_see(request, Act.SEE_LEADS)
    measure = BY_KEY.get(key)
    if measure is None and key != "leads":
        raise Http404
    others = request.GET.get("others") == "1" and measure is not None
    words = {"measure": measure, "key": key, "others": others}
    if not form.is_valid():
        return None, words
    visible, period = reported_leads(request.user), form.period()
    if measure is None:
        found = arrived(visible, period.since, period.until)
    else:
        found = leads_behind(visible, key, period.since, period.until, now, others)
    return found.select_related("company", "source", "owner").order_by("-received_at", "-pk"), words


def _tile(number: Number, earlier: Overview | None) -> dict[str, Any]:
    measure, before = number.measure, earlier.numbers[number.measure.key] if earlier else None
    aim = "no target" if measure.target is None else f"target at {_bound(measure)} {percent(measure.target)}"
    was = f"{before.count:,} of {before.base:,}" if before else ""
    better = _better(number.share, before.share if before else None, measure.low)
    return {
        "key": measure.key, "label": measure.label, "definition": measure.definition, "wait": bool(measure.wait),
        "value": percent(number.share), "met": number.on_target, "counted": number.count,
        "sample": f"{number.count:,} of {number.base:,} {measure.of}; {aim}", "others": number.base - number.count,
        "before": before and before.base and (percent(before.share), was), "better": better,
    }  # fmt: skip


def _median_tile(touch: Median, earlier: Median | None) -> dict[str, Any]:
    better = _better(touch.seconds, earlier.seconds if earlier else None, True)
    before = earlier and earlier.base and (_median(earlier), f"{earlier.base:,} leads")
    return {
        "key": "first_touch", "label": "Median time to the first touch, high intent",
        "definition": MEDIAN_SAYS,
        "value": _median(touch), "met": touch.on_target, "before": before, "better": better, "wait": True,
        "sample": f"{touch.base:,} high-intent leads for sales; target at most {lasting(TOUCH_TARGET)}",
    }  # fmt: skip


def _median(touch: Median) -> str:
    """“9 min”; a dash without leads, “none” where half of them have no touch."""
    return "–" if not touch.base else "none" if touch.seconds is None else lasting(touch.seconds)


def _bound(measure: Measure) -> str:
    return "most" if measure.low else "least"


def _better(now: float | None, before: float | None, low: bool) -> str:
    """“better” or “worse” than before; empty where they cannot be compared or are the same."""
    if now is None or before is None or now == before:
        return ""
    return "better" if (now < before) == low else "worse"


def _trend(found: Overview, period: Period) -> Mapping[str, Any]:
    if not found.days:
        return {"told": TOLD}
    days, dates = {day.day: day for day in found.days}, period.dates()
    charts = [counts_chart(dates, days), *(share_chart(measure, dates, days) for measure in MEASURES)]
    table = [
        (day, days[day].leads, days[day].demos, [(percent(n.share), n.base) for n in days[day].numbers.values()])
        for day in reversed(dates)
        if day in days
    ]
    return {"charts": charts, "table": table, "measures": MEASURES}


# --- files ------------------------------------------------------------------------------------------------

NUMBER_HEAD = (
    "period",
    "from",
    "until",
    "zone",
    "measure",
    "count",
    "of",
    "share",
    "target",
    "on target",
    "definition",
)
LEAD_HEAD = ("lead", "buyer", "email", "phone", "company", "lead type", "high intent", "source", "owner", "state",
             "arrived", "touched", "reason")  # fmt: skip


def _number_lines(parts: Iterable[tuple[Overview | None, Median | None]], period: Period) -> Iterator[Iterable[Any]]:
    yield NUMBER_HEAD
    (found, _), _ = parts = tuple(parts)
    for name, (part, touch) in zip(("period", "before"), parts, strict=True):
        if part is None or touch is None:
            continue
        ends = (part.since.astimezone(period.zone).isoformat(), part.until.astimezone(period.zone).isoformat())
        yield (name, *ends, period.zone, "Leads", part.leads, "", "", "", "", "New leads that arrived.")
        yield (name, *ends, period.zone, "Demo requests", part.demos, part.leads, "", "", "", "Demo requests of them.")
        yield (name, *ends, period.zone, *_median_cells(touch))
        for number in part.numbers.values():
            yield (name, *ends, period.zone, *_cells(number))
    if found is None:
        return
    for day in found.days:
        ends = (day.day.isoformat(), day.day.isoformat())
        yield ("day", *ends, period.zone, "Leads", day.leads, "", "", "", "", "New leads that arrived.")
        for number in day.numbers.values():
            yield ("day", *ends, period.zone, *_cells(number))


def _cells(number: Number) -> tuple[Any, ...]:
    measure = number.measure
    share = "" if number.share is None else f"{number.share:.4f}"
    met = {True: "yes", False: "no", None: ""}[number.on_target]
    target = "" if measure.target is None else measure.target
    return measure.label, number.count, number.base, share, target, met, measure.definition


def _median_cells(touch: Median) -> tuple[Any, ...]:
    seconds = "" if touch.seconds is None else round(touch.seconds)
    met = {True: "yes", False: "no", None: ""}[touch.on_target]
    return "Seconds to the first touch, median", seconds, touch.base, "", TOUCH_TARGET, met, MEDIAN_SAYS


def lead_lines(leads: QuerySet[Lead]) -> Iterator[Iterable[Any]]:
    """A line for each lead, the head first."""
    yield LEAD_HEAD
    for lead in leads.iterator(chunk_size=500):
        yield (
            lead.pk, lead.name, lead.email, lead.phone, lead.company or "", lead.lead_type,
            "yes" if lead.high_intent else "no", lead.source.name, lead.owner or "", lead.get_state_display(),
            lead.received_at.isoformat(), lead.touched_at.isoformat() if lead.touched_at else "", lead.reason,
        )  # fmt: skip


def _refused(form: PeriodForm) -> HttpResponse:
    told = "\n".join(f"{name}: {' '.join(errors)}" for name, errors in form.errors.items())
    return HttpResponse(told, content_type="text/plain; charset=utf-8", status=400)
