"""One review item in, its page, payload and acts out: what came, what was decided about it, and what can be done."""

import json
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from leads.contract import FIELDS
from leads.models import Note
from leads.readable import readable
from owners.models import Owner
from owners.roles import Act, may
from owners.scopes import visible_owners
from routing import mending
from routing.document import document, stories
from routing.engine.snapshot import read_case
from routing.models import Decision, ReviewItem
from routing.moving import by_user
from routing.next_rung import next_rungs
from routing.pages.back import asked_back
from routing.pages.timing import timed
from routing.queue import TELL, Wish, allowed, offered
from routing.refused import CONFLICTS, Refused
from routing.scopes import told_review_items, visible_review_items
from routing.wishes import Asked, do


@never_cache
@login_required
@require_safe
def item(request: HttpRequest, item: int) -> HttpResponse:
    """The item with everything that is known about it. Somebody else's by now: back to the queue, and told so."""
    now = timezone.now()
    row = _seen(request, item).select_related("lead__company", "lead__owner", "event", "closed_by", "pool").first()
    if row is None:
        gone = told_review_items(request.user, now - TELL).filter(pk=item).first()
        if gone is None:
            raise Http404
        messages.info(request, f"Somebody was faster: {gone.resolution}")
        return redirect("pages:queue")
    wishes = offered(request.user, row)
    fields = _fields(row) if Wish.FIX in wishes else []
    context = {
        "item": timed(row, now), "then": next_rungs([row]).get(row.pk), "lead": row.lead, "now": now,
        "wishes": {wish.value for wish in wishes},
        "decide": wishes - {Wish.CLAIM, Wish.FIX},
        "payload": readable(bytes(row.event.body), row.event.content_type), "headers": _headers(row.event.headers),
        "told": _told(row), "history": _history(row), "changes": _changes(row), "others": _others(request, row),
        "owners": _owners(request, wishes), "fields": fields,
        "must_fix": any(field["problem"] or field["missing"] for field in fields),
    }  # fmt: skip
    return render(request, "pages/item.html", context)


@never_cache
@login_required
@require_safe
def payload(request: HttpRequest, item: int) -> HttpResponse:
    """What came, byte for byte, as a file that no browser opens by itself."""
    row = _seen(request, item).select_related("event").first()
    if row is None:
        raise Http404
    answer = HttpResponse(bytes(row.event.body), content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="event-{row.event_id}.bin"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@never_cache
@login_required
@require_POST
def act(request: HttpRequest, item: int, wish: Wish) -> HttpResponse:
    """Do it and go back, with what happened in a sentence; as JSON where that is asked for."""
    if not may(request.user, Act.SEE_LEADS):
        raise PermissionDenied
    now = timezone.now()
    row = told_review_items(request.user, now - TELL).filter(pk=item).first()
    if row is None:
        raise Http404
    if wish not in allowed(request.user, row):
        raise PermissionDenied
    try:
        done = do(wish, item, _asked(request, wish), by_user(request.user), now)
    except Refused as refused:
        if _wants_json(request):
            status = 409 if refused.code in CONFLICTS else 404 if refused.code == "gone" else 422
            return JsonResponse({"code": refused.code, "detail": refused.sentence}, status=status)
        messages.error(request, refused.sentence)
    else:
        if _wants_json(request):
            return JsonResponse({"detail": done.sentence, "lead_id": done.lead, "owner_id": done.owner})
        messages.success(request, done.sentence)
    return redirect(_back(request, item))


def _seen(request: HttpRequest, item: int) -> Any:
    if not may(request.user, Act.SEE_LEADS):
        raise PermissionDenied
    return visible_review_items(request.user).select_related("owner", "source").filter(pk=item)


def _asked(request: HttpRequest, wish: Wish) -> Asked:
    """What the form says. Owners outside the reader's scope are nobody."""
    post = request.POST
    to = post.get("to", "")
    known = to.isdecimal() and len(to) < 19 and visible_owners(request.user).filter(pk=to).exists()
    seen = post.get("seen", "")
    changes = {name: post[name] for name in FIELDS if name in post and post[name] != post.get(f"was-{name}", "")}
    return Asked(
        to=int(to) if known else None, why=post.get("why", ""), changes=changes if wish == Wish.FIX else {},
        seen=int(seen) if seen.isdecimal() and len(seen) < 19 else None,
    )  # fmt: skip


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def _back(request: HttpRequest, item: int) -> str:
    return asked_back(request) or reverse("pages:queue-item", args=[item])


def _headers(text: str) -> list[tuple[str, Any]]:
    try:
        return sorted(json.loads(text or "{}").items())
    except (ValueError, AttributeError):
        return []


def _told(row: ReviewItem) -> Any:
    """The decision document of what was attempted, if a decision was made."""
    story = stories([row.decision_id]).get(row.decision_id) if row.decision_id else None
    return document(story) if story and story.decision["snapshot"] else None


def _owners(request: HttpRequest, wishes: frozenset[Wish]) -> list[tuple[int, str]]:
    if not wishes & {Wish.ASSIGN, Wish.NAME}:
        return []
    active = visible_owners(request.user).filter(state=Owner.State.ACTIVE)
    return list(active.order_by("name").values_list("pk", "name"))


def _others(request: HttpRequest, row: ReviewItem) -> list[ReviewItem]:
    if row.lead_id is None:
        return []
    rest = visible_review_items(request.user).filter(lead=row.lead_id, state=ReviewItem.State.OPEN)
    return list(rest.exclude(pk=row.pk).order_by("due_at"))


def _fields(row: ReviewItem) -> list[dict[str, Any]]:
    """The contract as form fields: those with a problem first, then those with a value."""
    assert row.lead_id is not None
    try:
        facts = mending.facts_of(row.lead_id)
    except Refused:
        return []
    told = _told(row)
    problems = {p["field"]: p for p in told["routing_trace"]["problems"]} if told else {}
    missing = ("email", "phone") if row.reason == ReviewItem.Reason.MISSING_CONTACT_DATA else ()
    fields = [
        {
            "name": name, "label": field.label, "value": as_text(facts.get(name)), "problem": problems.get(name),
            "long": field.limit > 1000,
            "missing": name in missing,
        }
        for name, field in FIELDS.items()
    ]  # fmt: skip
    return sorted(fields, key=lambda field: (not (field["problem"] or field["missing"]), not field["value"]))


def as_text(value: Any) -> str:
    """A contract value as a sender would write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _changes(row: ReviewItem) -> list[dict[str, str]]:
    """Before and after, where a person's correction closed the item."""
    if row.lead_id is None or row.decision_id is None or row.closed_at is None:
        return []
    after = Decision.objects.filter(lead=row.lead_id, origin=Decision.Origin.AGAIN, decided_at=row.closed_at).first()
    before = Decision.objects.filter(pk=row.decision_id).first()
    if after is None or before is None:
        return []
    old, new = read_case(before.snapshot).facts, read_case(after.snapshot).facts
    return [
        {"label": field.label, "before": as_text(old.get(name)), "after": as_text(new.get(name))}
        for name, field in FIELDS.items()
        if old.get(name) != new.get(name)
    ]


def _history(row: ReviewItem) -> list[tuple[datetime, str, str]]:
    """(when, icon, sentence), the earliest first."""
    told = [(row.event.received_at, "webhook", f"Event {row.event_id} came from {row.source.name}.")]
    if row.lead_id:
        decisions = Decision.objects.filter(lead=row.lead_id).order_by("-id")
        told += [(at, "git-branch", reason) for at, reason in decisions.values_list("decided_at", "reason")[:20]]
        notes = Note.objects.filter(lead=row.lead_id, text__contains="for the review item").order_by("-id")
        told += [(at, "users", text) for at, text in notes.values_list("created_at", "text")[:20]]
    told.append((row.opened_at, "eye", f"{'Waiting' if row.reason in row.WAITS else 'In review'}: {row.why}."))
    if row.occurrences > 1:
        told.append((row.last_at, "refresh-cw", f"It came {row.occurrences} times, the last time now."))
    if row.closed_at:
        told.append((row.closed_at, "circle-check", f"Closed. {row.resolution}"))
    return sorted(told, key=lambda entry: entry[0])
