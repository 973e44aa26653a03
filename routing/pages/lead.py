"""One lead in; its page out: who it is, who has it, why, until when, everything that happened, and what can be done."""

from datetime import datetime, tzinfo
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from leads.contract import FIELDS
from leads.models import Lead, LeadType
from leads.scopes import visible_leads
from owners.models import Owner
from owners.roles import Act, may
from owners.scopes import owner_of, visible_owners
from routing.acts import OUTCOMES
from routing.document import document, stories
from routing.drawing import value_words
from routing.engine.values import Case
from routing.ledger import CREDITED
from routing.life import Life, life_of
from routing.models import Decision, ReviewItem
from routing.moving import by_user
from routing.pages.back import asked_back
from routing.pages.leads import STATE_LOOKS, due_now
from routing.pages.reader import zone_named
from routing.pages.rule_versions import may_read
from routing.pausing import LONGEST, pause_now
from routing.receipts import next_due, receipts
from routing.refused import Refused
from routing.scopes import visible_review_items
from routing.working import NOBODY, TOUCHES, Said, Work, allowed, do, lost, offered

UNFOLDED = 6
"""Decisions that are told in full; of still older ones the timeline has the reason."""


@never_cache
@login_required
@require_safe
def lead(request: HttpRequest, lead_id: int) -> HttpResponse:
    """The lead with everything that is known about it. Somebody else's by now: back to the list, and told so."""
    row = _seen(request, lead_id)
    if row is None:
        return _gone(request, lead_id)
    with timezone.override(_zone(request)):
        return render(request, "pages/lead.html", _context(request, row, timezone.now()))


@never_cache
@login_required
@require_POST
def act(request: HttpRequest, lead_id: int, work: Work) -> HttpResponse:
    """Do it and go back, with what happened in a sentence."""
    now = timezone.now()
    row = _seen(request, lead_id)
    if row is None:
        return _gone(request, lead_id)
    if work not in allowed(request.user, row):
        raise PermissionDenied
    try:
        with timezone.override(_zone(request)):
            told = do(work, lead_id, _said(request), by_user(request.user), now)
    except Refused as refused:
        messages.error(request, refused.sentence)
    else:
        messages.success(request, told)
    return redirect(_back(request, lead_id))


def _context(request: HttpRequest, row: Lead, now: datetime) -> dict[str, Any]:
    life, clocks, pause = life_of(row), receipts(row, now), pause_now(row.pk, now)
    works = offered(request.user, row, pause is not None, any(clock.waits for clock in clocks))
    items = (
        visible_review_items(request.user).filter(lead=row, state=ReviewItem.State.OPEN).select_related("owner", "pool")
    )
    told = _documents(life.decisions)
    tone, icon = STATE_LOOKS[Lead.State(row.state)]
    types = dict(LeadType.objects.filter(key=row.lead_type).values_list("key", "name"))
    return {
        "lead": row, "now": now, "state": {"tone": tone, "icon": icon}, "type": types.get(row.lead_type, row.lead_type),
        "due": due_now(next_due([row]).get(row.pk), now), "life": life, "items": items.order_by("due_at"),
        "facts": _facts(life), "receipts": clocks, "told": told[:1], "older": told[1:],
        "works": {work.value for work in works}, "owners": _owners(request, row, works), "seen": row.owner_id or NOBODY,
        "touches": [(kind.value, kind.label) for kind in TOUCHES], "outcomes": OUTCOMES, "help_topic": "lead",
        "pause": pause, "longest_pause": now + LONGEST, "rejected_as": tuple(CREDITED.items()),
        "moved_as": (("misroute", CREDITED["misroute"]),), "reads_rules": may_read(request.user),
    }  # fmt: skip


def _seen(request: HttpRequest, lead_id: int) -> Lead | None:
    if not may(request.user, Act.SEE_LEADS):
        raise PermissionDenied
    rows = visible_leads(request.user).select_related("owner", "source", "contact", "company", "company__owner")
    return rows.select_related("deal__pipeline", "deal__stage", "deal__owner").filter(pk=lead_id).first()


def _gone(request: HttpRequest, lead_id: int) -> HttpResponse:
    """A former owner is told where it is; for everybody else there is no such lead."""
    told = lost(request.user, lead_id, timezone.now())
    if told is None:
        raise Http404
    messages.info(request, told if request.method == "GET" else f"Nothing was done. {told}")
    return redirect("pages:leads")


def _said(request: HttpRequest) -> Said:
    """What the form says. Owners outside the reader's scope are nobody."""
    post = request.POST
    to = _number(post.get("to", ""))
    known = to is not None and visible_owners(request.user).filter(pk=to).exists()
    return Said(
        to=to if known else None, why=post.get("why", ""), seen=_number(post.get("seen", "")),
        kind=post.get("kind", ""), outcome=post.get("outcome", ""), cause=post.get("cause", ""),
        until=_instant(post.get("until", "")),
    )  # fmt: skip


def _instant(text: str) -> datetime | None:
    """What was typed, in the reader's zone."""
    try:
        typed = parse_datetime(text)
    except ValueError:
        return None
    return timezone.make_aware(typed) if typed and timezone.is_naive(typed) else typed


def _zone(request: HttpRequest) -> tzinfo:
    """The reader's own, if they take leads."""
    zone = Owner.objects.filter(pk=owner_of(request.user)).values_list("time_zone", flat=True).first()
    return zone_named(zone) if zone else timezone.get_current_timezone()


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _back(request: HttpRequest, lead_id: int) -> str:
    """Where the form says, if that is here; the lead, while it is seen; else the list."""
    if back := asked_back(request):
        return back
    seen = visible_leads(request.user).filter(pk=lead_id).exists()
    return reverse("pages:lead", args=[lead_id]) if seen else reverse("pages:leads")


def _documents(decisions: list[Decision]) -> list[dict[str, Any]]:
    """The newest decisions with their documents; one whose snapshot was erased stands with its reason only."""
    newest = decisions[:UNFOLDED]
    found = stories(row.pk for row in newest)
    return [{"decision": row, "document": _document(found.get(row.pk))} for row in newest]


def _document(story: Any) -> dict[str, Any] | None:
    try:
        return document(story) if story else None
    except (KeyError, TypeError, ValueError):  # erased
        return None


def _owners(request: HttpRequest, row: Lead, works: frozenset[Work]) -> list[tuple[int, str]]:
    if Work.REASSIGN not in works:
        return []
    active = visible_owners(request.user).filter(state=Owner.State.ACTIVE)
    # Whoever worked on a closed lead may get it again.
    if row.state == Lead.State.ASSIGNED:
        active = active.exclude(pk=row.owner_id)
    return list(active.order_by("name").values_list("pk", "name"))


def _facts(life: Life) -> list[dict[str, str]]:
    """The contract as the decision in force saw it: what could not be read first, with the text as it was sent."""
    if life.case is None:
        return []
    problems = _problems(life.case)
    shown = [
        {"label": field.label, "value": value_words(life.case.facts.get(name)), **problems.pop(name, {})}
        for name, field in FIELDS.items()
        if life.case.facts.get(name) not in (None, "", []) or name in problems
    ]
    rest = [{"label": name.replace("_", " ").capitalize(), "value": "", **found} for name, found in problems.items()]
    return sorted([*shown, *rest], key=lambda fact: "problem" not in fact)


def _problems(case: Case) -> dict[str, dict[str, str]]:
    return {
        field: {"problem": code.replace("_", " "), "raw": value}
        for code, field, value in ((*problem, "", "", "")[:3] for problem in case.problems)
    }
