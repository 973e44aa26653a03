"""The queue: a person and their filters in, the open review items that they see out, as a table or a file."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import django_filters
import django_tables2
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from owners.roles import Act, may
from owners.scopes import owner_of
from routing.models import ReviewItem
from routing.next_rung import next_rungs
from routing.pages.lists import MOST_EXPORTED, chip, csv_file, searched
from routing.pages.timing import timed
from routing.queue import Wish, hands, offered
from routing.scopes import visible_review_items

PAGE = 50


class QueueFilter(django_filters.FilterSet):
    """The filters of the address; each stands as a chip above the list."""

    reason = django_filters.ChoiceFilter(choices=ReviewItem.Reason.choices)
    source = django_filters.CharFilter(field_name="source__key")
    mine = django_filters.BooleanFilter(method="of_mine")
    overdue = django_filters.BooleanFilter(method="of_overdue")
    intent = django_filters.BooleanFilter(method="of_intent")
    q = django_filters.CharFilter(method="of_words")

    class Meta:
        model = ReviewItem
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, user: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.now = now

    def of_mine(self, rows: QuerySet, name: str, value: bool) -> QuerySet:
        return rows.filter(owner=owner_of(self.user)) if value else rows

    def of_overdue(self, rows: QuerySet, name: str, value: bool) -> QuerySet:
        return rows.filter(due_at__lte=self.now) if value else rows

    def of_intent(self, rows: QuerySet, name: str, value: bool) -> QuerySet:
        return rows.filter(lead__high_intent=True) if value else rows

    def of_words(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        for word in searched(value):
            rows = rows.filter(
                Q(lead__name__icontains=word) | Q(lead__email__icontains=word) | Q(lead__phone__icontains=word)
                | Q(lead__company__name__icontains=word) | Q(lead__company__domain__icontains=word)
                | Q(detail__icontains=word) | Q(source__name__icontains=word)
            )  # fmt: skip
        return rows


class QueueTable(django_tables2.Table):
    """Sorting, pages and heads; the rows are drawn by the template."""

    buyer = django_tables2.Column(orderable=False, empty_values=())
    why = django_tables2.Column(verbose_name="Why it is here", order_by="reason")
    source = django_tables2.Column(order_by="source__name")
    value = django_tables2.Column(order_by="-intent")
    age = django_tables2.Column(order_by="opened_at")
    named = django_tables2.Column(order_by="owner__name")
    due = django_tables2.Column(order_by="due_at")


@never_cache
@login_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Open items within the reader's scope, high intent first, then what is due first."""
    now = timezone.now()
    rows, filters = _found(request, now)
    table = QueueTable(rows)
    django_tables2.RequestConfig(request, paginate={"per_page": PAGE, "silent": True}).configure(table)
    then = next_rungs(row.record for row in table.page.object_list)
    for row in table.page.object_list:
        item = timed(row.record, now)
        item.then = then.get(item.pk)
        item.offered = offered(request.user, item)
        item.can_claim = Wish.CLAIM in item.offered
    context = {
        "table": table, "total": table.paginator.count, "chips": list(_chips(request, filters)), "now": now,
        "hands": hands(request.user, now), "filtered": any(filters.form[name].data for name in filters.form.fields),
        "query": filters.form["q"].data or "", "address": request.get_full_path(),
        "kept": [(n, v) for n, v in request.GET.items() if n in filters.filters and n != "q"],
        "export": request.GET.urlencode(),
    }  # fmt: skip
    return render(request, "pages/queue.html", context)


@never_cache
@login_required
@require_safe
def queue_hands(request: HttpRequest) -> HttpResponse:
    """What other people did a moment ago, as a part of the page: asked for every few seconds."""
    _may_see(request)
    return render(request, "pages/queue_hands.html", {"hands": hands(request.user, timezone.now())})


@never_cache
@login_required
@require_safe
def queue_export(request: HttpRequest) -> StreamingHttpResponse:
    """The same items as a file for spreadsheets, in which no cell is a formula."""
    rows, _ = _found(request, timezone.now())
    return csv_file("queue", _lines(rows[:MOST_EXPORTED]))


def _may_see(request: HttpRequest) -> None:
    if not may(request.user, Act.SEE_LEADS):
        raise PermissionDenied


def _found(request: HttpRequest, now: datetime) -> tuple[QuerySet, QueueFilter]:
    _may_see(request)
    rows = (
        visible_review_items(request.user)
        .filter(state=ReviewItem.State.OPEN)
        .select_related("lead__company", "owner", "source", "pool")
        .annotate(intent=Coalesce(F("lead__high_intent"), False))
        .order_by("-intent", "due_at", "pk")
    )
    filters = QueueFilter(request.GET, rows, user=request.user, now=now)
    return filters.qs, filters


def _chips(request: HttpRequest, filters: QueueFilter) -> Iterable[dict[str, Any]]:
    """(word, count, address, chosen) of each chip; a chosen one leads to the list without it."""
    for name, word in (("mine", "Named to me"), ("overdue", "Overdue"), ("intent", "High intent")):
        yield {"group": "", **chip(request, name, "true", word)}
    items = visible_review_items(request.user).filter(state=ReviewItem.State.OPEN).order_by()
    labels = dict(ReviewItem.Reason.choices)
    for reason, count in items.values_list("reason").annotate(found=Count("pk")).order_by("-found", "reason"):
        yield {"group": "Reason", "count": count, **chip(request, "reason", reason, labels.get(reason, reason))}
    sources = items.values_list("source__key", "source__name").annotate(found=Count("pk"))
    for key, source, count in sources.order_by("-found", "source__name")[:20]:
        yield {"group": "Source", "count": count, **chip(request, "source", key, source)}


HEAD = ("item", "lead", "buyer", "email", "phone", "company", "reason", "detail", "source", "lead type", "high intent",
        "score", "named", "opened", "due")  # fmt: skip


def _lines(rows: QuerySet) -> Iterator[tuple[Any, ...]]:
    yield HEAD
    for item in rows.iterator(chunk_size=500):
        lead = item.lead
        company = lead.company if lead else None
        yield (
            item.pk, item.lead_id or "", lead.name if lead else "", lead.email if lead else "",
            lead.phone if lead else "", (company.name or company.domain) if company else "",
            item.why, item.detail, item.source.name, lead.lead_type if lead else "",
            "yes" if lead and lead.high_intent else "no", lead.lead_score if lead else "", item.owner.name,
            item.opened_at.isoformat(), item.due_at.isoformat(),
        )  # fmt: skip
