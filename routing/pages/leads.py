"""The list of leads: a person and their filters in, the leads that they see out, as a table or a file."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import django_filters
import django_tables2
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from leads.models import Lead, LeadType
from leads.scopes import visible_leads, visible_sources
from owners.roles import Act, may
from owners.scopes import visible_owners
from routing.pages.lists import MOST_EXPORTED, chip, csv_file, searched
from routing.pages.timing import spent, tone
from routing.questions import LEADS
from routing.receipts import next_due

PAGE = 50
PHONE = re.compile(r"[+\d][\d\s()/.-]{5,}")
NOBODY = "none"
SELECTS = ("state", "owner", "source", "type", "priority")
QUESTIONS = ("no_owner", "untouched", "due", "overdue", "undelivered")
STATE_LOOKS = {
    Lead.State.ASSIGNED: ("good", "user-check"),
    Lead.State.REVIEW: ("warn", "eye"),
    Lead.State.HELD: ("info", "pause"),
    Lead.State.NURTURE: ("info", "hourglass"),
    Lead.State.REJECTED: ("bad", "ban"),
    Lead.State.CLOSED: ("", "archive"),
}


class LeadFilter(django_filters.FilterSet):
    """The filters of the address. A value that is none of the choices filters nothing."""

    state = django_filters.ChoiceFilter(choices=Lead.State.choices, empty_label="Any state")
    owner = django_filters.ChoiceFilter(method="of_owner", empty_label="Anybody", label="Owner")
    source = django_filters.ChoiceFilter(field_name="source__key", empty_label="Any source", label="Source")
    type = django_filters.ChoiceFilter(field_name="lead_type", empty_label="Any type", label="Type")
    priority = django_filters.ChoiceFilter(choices=Lead.Priority.choices, empty_label="Any priority", label="Priority")
    intent = django_filters.BooleanFilter(method="of_intent")
    show = django_filters.ChoiceFilter(method="of_question", choices=[(key, LEADS[key][0]) for key in LEADS])
    q = django_filters.CharFilter(method="of_words")

    class Meta:
        model = Lead
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, user: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        owners = visible_owners(user).order_by("name").values_list("pk", "name")
        choose = {
            "owner": [(NOBODY, "Nobody"), *((str(pk), name) for pk, name in owners)],
            "source": list(visible_sources(user).order_by("name").values_list("key", "name")),
            "type": list(LeadType.objects.order_by("name").values_list("key", "name")),
        }
        for name, choices in choose.items():
            self.filters[name].extra["choices"] = choices

    def of_owner(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        return rows.filter(owner__isnull=True) if value == NOBODY else rows.filter(owner=value)

    def of_intent(self, rows: QuerySet, name: str, value: bool) -> QuerySet:
        return rows.filter(high_intent=True) if value else rows

    def of_question(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        return rows.filter(LEADS[value][1](self.now))

    def of_words(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """Every word stands in name, e-mail, phone or company, or is the id; a phone number may have spaces in it."""
        if PHONE.fullmatch(value.strip()):
            return rows.filter(phone__contains=re.sub(r"\D", "", value).lstrip("0"))
        for word in searched(value):
            rows = rows.filter(
                Q(name__icontains=word) | Q(email__icontains=word) | Q(phone__icontains=word)
                | Q(company__name__icontains=word) | Q(company__domain__icontains=word)
                | (Q(pk=int(word)) if word.isdecimal() and len(word) < 19 else Q())
            )  # fmt: skip
        return rows


class LeadTable(django_tables2.Table):
    """Sorting, pages and heads; the rows are drawn by the template."""

    buyer = django_tables2.Column(order_by=("name", "email"))
    state = django_tables2.Column()
    owner = django_tables2.Column(order_by="owner__name")
    type = django_tables2.Column(order_by=("lead_type", "-lead_score"))
    source = django_tables2.Column(order_by="source__name")
    arrived = django_tables2.Column(order_by="received_at")
    due = django_tables2.Column(orderable=False, verbose_name="Next due")


@never_cache
@login_required
@require_safe
def leads(request: HttpRequest) -> HttpResponse:
    """Leads within the reader's scope, the newest first."""
    now = timezone.now()
    rows, filters = _found(request, now)
    table = LeadTable(rows)
    django_tables2.RequestConfig(request, paginate={"per_page": PAGE, "silent": True}).configure(table)
    form = filters.form
    _draw([row.record for row in table.page.object_list], dict(form.fields["type"].choices), now)
    picked = [name for name in SELECTS if form[name].data]
    context = {
        "table": table, "total": table.paginator.count, "chips": list(_chips(request)), "now": now, "form": form,
        "selects": [form[name] for name in SELECTS], "picked": len(picked),
        "filtered": any(form[name].data for name in form.fields), "query": form["q"].data or "",
        "kept": [(name, request.GET[name]) for name in ("show", "intent") if request.GET.get(name)],
        "export": request.GET.urlencode(), "help_topic": "lead",
    }  # fmt: skip
    return render(request, "pages/leads.html", context)


@never_cache
@login_required
@require_safe
def leads_export(request: HttpRequest) -> StreamingHttpResponse:
    """The same leads as a file for spreadsheets, in which no cell is a formula."""
    rows, _ = _found(request, timezone.now())
    return csv_file("leads", _lines(rows[:MOST_EXPORTED]))


def _found(request: HttpRequest, now: datetime) -> tuple[QuerySet, LeadFilter]:
    if not may(request.user, Act.SEE_LEADS):
        raise PermissionDenied
    rows = visible_leads(request.user).select_related("owner", "source", "company").order_by("-pk")
    filters = LeadFilter(request.GET, rows, user=request.user, now=now)
    return filters.qs, filters


def _draw(rows: list[Any], types: dict[str, str], now: datetime) -> None:
    """Give each lead of a page what its row shows besides its columns."""
    due = next_due(rows)
    for lead in rows:
        lead.looks = dict(zip(("tone", "icon"), STATE_LOOKS[lead.state], strict=True))
        lead.type_name = types.get(lead.lead_type, lead.lead_type.replace("_", " "))
        lead.next = due_now(due.get(lead.pk), now)


def due_now(due: Any, now: datetime) -> dict[str, Any] | None:
    """What a countdown shows; None where nothing is due."""
    if due is None:
        return None
    gone = spent(due.started_at, due.due_at, now)
    return {
        "due_at": due.due_at, "what": due.what, "spent": gone, "tone": tone(due.due_at, now),
        "overdue": due.due_at <= now,
    }  # fmt: skip


def _chips(request: HttpRequest) -> Iterable[dict[str, Any]]:
    for key in QUESTIONS:
        yield chip(request, "show", key, LEADS[key][0])
    shown = request.GET.get("show")
    if shown in LEADS and shown not in QUESTIONS:
        yield chip(request, "show", shown, LEADS[shown][0])
    yield chip(request, "intent", "true", "High intent")


HEAD = ("lead", "buyer", "email", "phone", "company", "domain", "country", "state", "owner", "source", "lead type",
        "high intent", "priority", "score", "arrived", "owned", "accepted", "first touch", "reason",
        "test")  # fmt: skip


def _lines(rows: QuerySet) -> Iterator[tuple[Any, ...]]:
    yield HEAD
    for lead in rows.iterator(chunk_size=500):
        company = lead.company
        yield (
            lead.pk, lead.name, lead.email, lead.phone, company.name if company else "",
            company.domain if company else "", lead.country, lead.get_state_display(),
            lead.owner.name if lead.owner else "", lead.source.name, lead.lead_type,
            "yes" if lead.high_intent else "no", lead.get_priority_display(), lead.lead_score,
            lead.received_at.isoformat(),
            *(at.isoformat() if at else "" for at in (lead.owned_at, lead.accepted_at, lead.touched_at)),
            lead.reason, "yes" if lead.is_test else "no",
        )  # fmt: skip
