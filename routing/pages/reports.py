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
from routing.reports import BY_KEY, MEASURES, Number, Overview, arrived, leads_behind, overview

PAGE = 50
SAID = (
    ("owned_1", "owned within a minute"),
    ("untouched_30", "untouched after 30 minutes"),
    ("demos_unworked_60", "of the demo requests unworked after an hour"),
)
"""What the sentence says of the period, in its order."""
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
        context |= {"period": period, "found": found, "earlier": earlier, "sentence": sentence(found, period)}
        context |= {"tiles": [_tile(number, earlier) for number in found.numbers.values()], **_trend(found, period)}
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
    return csv_file("reports", _number_lines(found, earlier, period))


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
    return _refused(form) if leads is None else csv_file(measure, _lead_lines(leads[:MOST_EXPORTED]))


def sentence(found: Overview, period: Period) -> str:
    """“320 leads, 90 demo requests, 25 Oct – 23 Nov 2026, Europe/Berlin: 97 % owned within a minute, …”."""
    head = f"{found.leads:,} lead{'' if found.leads == 1 else 's'}, {found.demos:,} demo request"
    head += f"{'' if found.demos == 1 else 's'}, {period.words}, {period.zone}"
    told = [f"{percent(found.numbers[key].share)} {words}" for key, words in SAID if found.numbers[key].base]
    return f"{head}: {', '.join(told)}." if told else f"{head}."


def _may_see(request: HttpRequest, *also: Act) -> None:
    if not all(may(request.user, act) for act in (Act.SEE_REPORTS, *also)):
        raise PermissionDenied


def _numbers(request: HttpRequest, period: Period, now: datetime) -> tuple[Overview, Overview | None]:
    leads = reported_leads(request.user)
    found = overview(leads, period.since, period.until, period.zone, now)
    earlier = overview(leads, *period.earlier, period.zone, now) if period.earlier else None
    return found, earlier


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
    aim = "" if measure.target is None else f"{'at most' if measure.low else 'at least'} {percent(measure.target)}"
    word = {True: "on target", False: "off target", None: ""}[number.on_target]
    tone = {True: "good", False: "bad", None: ""}[number.on_target]
    return {
        "number": number, "measure": measure, "share": percent(number.share), "aim": aim, "word": word, "tone": tone,
        "before": before, "before_share": percent(before.share) if before else "", "others": number.base - number.count,
        "change": _change(number, before),
    }  # fmt: skip


def _change(number: Number, before: Number | None) -> str:
    """“better” or “worse” than before; empty where they cannot be compared or are the same."""
    if before is None or before.share is None or number.share is None or before.share == number.share:
        return ""
    return "better" if (number.share < before.share) == number.measure.low else "worse"


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


def _number_lines(found: Overview, earlier: Overview | None, period: Period) -> Iterator[Iterable[Any]]:
    yield NUMBER_HEAD
    for name, part in (("period", found), ("before", earlier)):
        if part is None:
            continue
        ends = (part.since.astimezone(period.zone).isoformat(), part.until.astimezone(period.zone).isoformat())
        yield (name, *ends, period.zone, "Leads", part.leads, "", "", "", "", "New leads that arrived.")
        yield (name, *ends, period.zone, "Demo requests", part.demos, part.leads, "", "", "", "Demo requests of them.")
        for number in part.numbers.values():
            yield (name, *ends, period.zone, *_cells(number))
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


def _lead_lines(leads: QuerySet[Lead]) -> Iterator[Iterable[Any]]:
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
