"""The SLA report: a person, a period and filters in; the numbers they may see, and the leads and broken promises behind
each, as pages and files out.
"""

import zoneinfo
from collections.abc import Iterable
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
from owners.roles import Act, may
from routing.pages.chart import percent
from routing.pages.lists import MOST_EXPORTED, csv_file
from routing.pages.reports import lead_lines
from routing.pages.sla_files import TABLES, breach_lines
from routing.pages.sla_filter import DAYS, Asked, SlaFilter, asked_of, told
from routing.pages.sla_tables import definitions, sentence, tables, tiles, trend
from routing.pages.timing import lasting
from routing.reporting.choices import words_of
from routing.reporting.measures import BY_KEY
from routing.reporting.report import breaches, leads_of, sla_report

PAGE = 50
LATEST = 10


@never_cache
@login_required
@require_safe
def sla(request: HttpRequest) -> HttpResponse:
    """The whole report."""
    found, asked = _asked(request)
    context: dict[str, Any] = {
        "form": found.form, "usual": DAYS, "help_topic": "sla-report", "rows": may(request.user, Act.SEE_LEADS),
        "zones": sorted(zoneinfo.available_timezones()), "chosen": found.chosen,
    }  # fmt: skip
    if asked is None:
        return render(request, "pages/sla.html", context, status=400)
    report = sla_report(asked.scope, asked.period, asked.filters, asked.now)
    context |= {
        "asked": asked, "query": asked.address(), "report": report, "sentence": sentence(report, asked),
        "now": asked.now, "usual": [(days, asked.usual(days)) for days in DAYS],
        "unfiltered": asked.address(**dict.fromkeys(asked.chosen, "")), "error": percent(report.stated_error),
    }  # fmt: skip
    if not report.sample and not any(figure.base for figure in report.figures.values()):
        return render(request, "pages/sla.html", context | {"empty": True})
    context |= trend(report, asked) | {
        "groups": tiles(report, asked), "definitions": definitions(report),
        "tables": tables(request, report, asked, words_of(report.by, asked.choices)),
    }  # fmt: skip
    if context["rows"] and report.breaches.count:
        context["breaches"] = _late(_breaches(asked)[:LATEST], asked)
    with timezone.override(asked.period.zone):
        return render(request, "pages/sla.html", context)


@never_cache
@login_required
@require_safe
def sla_export(request: HttpRequest) -> HttpResponse:
    """One table of it as a file; `table` is one of TABLES."""
    found, asked = _asked(request)
    name = request.GET.get("table", "measures")
    if name not in TABLES:
        raise Http404
    if asked is None:
        return _refused(found)
    report = sla_report(asked.scope, asked.period, asked.filters, asked.now)
    return csv_file(f"sla-{name.replace('_', '-')}", TABLES[name](report))


@never_cache
@login_required
@require_safe
def sla_leads(request: HttpRequest) -> HttpResponse:
    """The leads that a number counts, or with `others` those of its base that it does not."""
    found, asked = _asked(request, Act.SEE_LEADS)
    measure, others = _measure(request)
    context = {"measure": BY_KEY.get(measure), "key": measure, "others": others, "form": found.form,
               "help_topic": "sla-report"}  # fmt: skip
    if asked is None:
        return render(request, "pages/sla_leads.html", context, status=400)
    page = Paginator(_leads(asked, measure, others), PAGE).get_page(request.GET.get("page"))
    also = {"others": "1"} if others else {}
    context |= {"asked": asked, "page": page, "query": asked.address(),
                "export": asked.address(measure=measure, **also)}  # fmt: skip
    with timezone.override(asked.period.zone):
        return render(request, "pages/sla_leads.html", context)


@never_cache
@login_required
@require_safe
def sla_leads_export(request: HttpRequest) -> HttpResponse:
    """The same leads as a file."""
    found, asked = _asked(request, Act.SEE_LEADS)
    measure, others = _measure(request)
    if asked is None:
        return _refused(found)
    return csv_file(f"sla-{measure.replace('_', '-')}", lead_lines(_leads(asked, measure, others)[:MOST_EXPORTED]))


@never_cache
@login_required
@require_safe
def sla_breaches(request: HttpRequest) -> HttpResponse:
    """Every promise that was broken, with how late it was answered."""
    found, asked = _asked(request, Act.SEE_LEADS)
    context: dict[str, Any] = {"form": found.form, "help_topic": "sla-report"}
    if asked is None:
        return render(request, "pages/sla_breaches.html", context, status=400)
    page = Paginator(_breaches(asked), PAGE).get_page(request.GET.get("page"))
    context |= {"asked": asked, "page": page, "query": asked.address(), "now": asked.now,
                "breaches": _late(page.object_list, asked)}  # fmt: skip
    with timezone.override(asked.period.zone):
        return render(request, "pages/sla_breaches.html", context)


@never_cache
@login_required
@require_safe
def sla_breaches_export(request: HttpRequest) -> HttpResponse:
    """The same as a file."""
    found, asked = _asked(request, Act.SEE_LEADS)
    if asked is None:
        return _refused(found)
    return csv_file("sla-breaches", breach_lines(_breaches(asked)[:MOST_EXPORTED]))


def _asked(request: HttpRequest, *also: Act) -> tuple[SlaFilter, Asked | None]:
    if not all(may(request.user, act) for act in (Act.SEE_REPORTS, *also)):
        raise PermissionDenied
    found = SlaFilter(request.GET, request.user, timezone.now())
    return found, asked_of(found)


def _measure(request: HttpRequest) -> tuple[str, bool]:
    measure = request.GET.get("measure", "sample")
    if measure != "sample" and measure not in BY_KEY:
        raise Http404
    shares = measure != "sample" and BY_KEY[measure].unit == "share"
    return measure, shares and request.GET.get("others") == "1"


def _leads(asked: Asked, measure: str, others: bool) -> QuerySet[Lead]:
    found = leads_of(asked.scope, measure, asked.period, asked.filters, asked.now, others)
    return found.select_related("company", "source", "owner").order_by("-received_at", "-pk")


def _breaches(asked: Asked) -> QuerySet[Any]:
    return breaches(asked.scope, asked.period, asked.filters, asked.now)


def _late(rows: Iterable[Any], asked: Asked) -> list[Any]:
    """Each with `late_said` where it was answered, `waits_said` where it still waits."""
    clocks = list(rows)
    for clock in clocks:
        if clock.late is None:
            clock.waits_said = lasting((asked.now - clock.due_at).total_seconds())
        else:
            clock.late_said = lasting(clock.late.total_seconds())
    return clocks


def _refused(found: SlaFilter) -> HttpResponse:
    return HttpResponse(told(found.form.errors), content_type="text/plain; charset=utf-8", status=400)
