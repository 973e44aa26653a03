"""The coverage forecast: a person, a zone and a group in; who is there hour by hour, and the gaps, as a page or a file
out."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from owners.models import Owner, Pool, Territory, validate_zone
from owners.roles import Act, Reach, may, reach_of
from owners.scopes import visible
from routing.coverage import DAYS, KINDS, Coverage, Gap, Span, Within, by_day, forecast, groups_of, span_of
from routing.current import people_now
from routing.pages.lists import csv_file
from routing.pages.period import company_zone

FEW = 2
"""So many people or fewer are marked: one who falls ill opens a gap."""
FIRST_GAPS = 30


@never_cache
@login_required
@require_safe
def coverage(request: HttpRequest) -> HttpResponse:
    """All groups with their gaps, and one of them hour by hour."""
    name, zone, error = _zone(request)
    found, span = _forecast(request, zone)
    chosen = _chosen(request, found)
    gaps = sorted(((gap, one) for one in found for gap in one.gaps), key=lambda pair: pair[0].start)
    context = {
        "zone": name, "zone_error": error, "span": span, "days": DAYS, "chosen": chosen, "help_topic": "coverage",
        "groups": [(label, [one for one in found if one.group.kind == kind]) for kind, label in KINDS.items()],
        "gaps": [_told(gap, one) for gap, one in gaps[:FIRST_GAPS]], "gap_count": len(gaps),
        "rows": _rows(span, chosen), "clock": [f"{hour:02d}" for hour in range(24)],
        "sentence": _sentence(span, len(gaps), found),
    }  # fmt: skip
    with timezone.override(zone):
        return render(request, "pages/coverage.html", context, status=400 if error else 200)


@never_cache
@login_required
@require_safe
def coverage_export(request: HttpRequest) -> HttpResponse:
    """Every hour of every group as a file for spreadsheets."""
    name, zone, error = _zone(request)
    if error:
        return HttpResponse(error, status=400, content_type="text/plain; charset=utf-8")
    found, span = _forecast(request, zone)
    return csv_file("coverage", _lines(found, span, name))


def _zone(request: HttpRequest) -> tuple[str, ZoneInfo, str]:
    """The zone asked for, as name and value; the company's with a sentence where there is no such zone."""
    usual = company_zone()
    asked = request.GET.get("tz", "").strip() or usual
    try:
        validate_zone(asked)
    except ValidationError as error:
        return usual, ZoneInfo(usual), " ".join(error.messages)
    return asked, ZoneInfo(asked), ""


def _forecast(request: HttpRequest, zone: ZoneInfo) -> tuple[list[Coverage], Span]:
    if not (may(request.user, Act.SEE_REPORTS) and may(request.user, Act.SEE_LEADS)):
        raise PermissionDenied
    now, people = timezone.now(), people_now()
    span = span_of(now, zone)
    return forecast(people, groups_of(people, _within(request)), span, now), span


def _within(request: HttpRequest) -> Within | None:
    """What the person may see; None for those who see everything."""
    if reach_of(request.user) == Reach.ALL:
        return None
    ids = (frozenset(visible(m, request.user).values_list("pk", flat=True)) for m in (Owner, Territory, Pool))
    return Within(*ids)


def _chosen(request: HttpRequest, found: list[Coverage]) -> Coverage:
    asked = request.GET.get("group", "")
    return next((one for one in found if f"{one.group.kind}:{one.group.key}" == asked), found[0])


def _rows(span: Span, chosen: Coverage) -> list[dict[str, Any]]:
    """A row for each day; a cell for each hour: (hour, people or None, tone)."""
    counts, usual = by_day(span, chosen.counts), by_day(span, chosen.usual)
    return [
        {
            "day": day,
            "cells": [(f"{hour:02d}", count, _tone(count, usual[day][hour] or 0)) for hour, count in enumerate(places)],
        }
        for day, places in counts.items()
    ]


def _tone(count: int | None, usual: int) -> str:
    """none: no such hour; closed: as always; gap: nobody where usually somebody is; few; good."""
    if count is None:
        return "none"
    if count == 0:
        return "gap" if usual else "closed"
    return "few" if count <= FEW < usual else "good"


def _told(gap: Gap, one: Coverage) -> dict[str, Any]:
    return {"gap": gap, "group": one.group, "why": ", ".join(gap.why[:3]), "more": max(0, len(gap.why) - 3)}


def _sentence(span: Span, gaps: int, found: list[Coverage]) -> str:
    first, last = span.start.astimezone(span.zone), span.hours[-1].astimezone(span.zone)
    when = f"{first:%-d %b} to {last:%-d %b %Y}, {span.zone}"
    if not any(any(one.counts) for one in found):
        return f"Nobody takes leads at any hour: {when}."
    if not gaps:
        return f"Somebody is there whenever somebody usually is: {when}."
    return f"{gaps} gap{'' if gaps == 1 else 's'}, in which nobody is there though usually somebody is: {when}."


def _lines(found: list[Coverage], span: Span, zone: str) -> Iterator[tuple[Any, ...]]:
    yield "group", "name", "hour", "zone", "people", "usually"
    for one in found:
        for hour, count, usual in zip(span.hours, one.counts, one.usual, strict=True):
            local = hour.astimezone(span.zone)
            yield one.group.kind, one.group.name, f"{local:%Y-%m-%d %H:%M}", zone, count, usual
