"""My leads: a signed-in person in; what they own, sorted by what is due, their turn and their time off out."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from leads.models import Activity
from leads.scopes import visible_leads
from owners.models import Owner
from routing import acts, touch
from routing.desk import Desk, Work, desk_of, finish_task, had, read_alerts
from routing.moving import by_user
from routing.pages.away_form import AwayForm
from routing.pages.reader import reading_owner, zone_of
from routing.pages.time_off_card import card
from routing.pages.timing import spent, tone
from routing.refused import Refused
from routing.turns import standings

LOGGED = (Activity.Kind.CALL, Activity.Kind.EMAIL, Activity.Kind.MESSAGE, Activity.Kind.MEETING)


@never_cache
@login_required
@require_safe
def my(request: HttpRequest) -> HttpResponse:
    """Everything that somebody who works on leads has to see of their own."""
    owner = reading_owner(request)
    if owner is None:
        return render(request, "pages/my_nobody.html", {"help_topic": "my-leads"})
    return page(request, owner)


def page(request: HttpRequest, owner: Owner, form: AwayForm | None = None) -> HttpResponse:
    """The page, with what was typed about time off where it has to be corrected."""
    now, zone = timezone.now(), zone_of(owner)
    with timezone.override(zone):
        desk = desk_of(owner.pk, now, zone)
        rows = [(group, [_row(work, now) for work in group.work]) for group in desk.groups]
        context = {
            "owner": owner, "now": now, "zone": str(zone), "desk": desk, "groups": rows, "first": _first(rows),
            "kinds": [(kind.value, kind.label) for kind in LOGGED], "turns": standings(owner.pk, now),
            "form": form or AwayForm(now=now), "help_topic": "my-leads", **card(owner, request.user, now),
            "newest": desk.alerts[0].pk if desk.alerts else 0, "lede": _lede(desk, now),
        }  # fmt: skip
        return render(request, "pages/my.html", context, status=422 if form else 200)


@never_cache
@login_required
@require_POST
def work(request: HttpRequest, lead_id: int, wish: str) -> HttpResponse:
    """Accept, decline or log, and back to the list with what happened in a sentence."""
    owner, now = reading_owner(request), timezone.now()
    lead = visible_leads(request.user).filter(pk=lead_id).first()
    if lead is None and not (owner and had(owner.pk, lead_id)):
        raise Http404
    if lead is None or owner is None or lead.owner_id != owner.pk:
        messages.error(request, "This lead is not yours any more, so nothing was changed.")
        return redirect("pages:my")
    try:
        messages.success(request, _do(request, str(lead), lead_id, wish, now))
    except Refused as refused:
        messages.error(request, f"{lead}: {refused.sentence}")
    return redirect("pages:my")


def _do(request: HttpRequest, name: str, lead: int, wish: str, now: datetime) -> str:
    by, post = by_user(request.user), request.POST
    if wish == "accept":
        return f"You accepted {name}." if touch.accept(lead, by, now) else f"You had accepted {name} already."
    if wish == "decline":
        return f"You declined {name}. {acts.decline(lead, by, post.get('why', ''), now).sentence}"
    activity = touch.record(lead, post.get("kind", ""), by, now, outcome=post.get("outcome", ""))
    return f"Logged on {name}: {activity.get_kind_display()}{f', {activity.outcome}' if activity.outcome else ''}."


@never_cache
@login_required
@require_POST
def task_done(request: HttpRequest, task: int) -> HttpResponse:
    """An own task is done."""
    owner = reading_owner(request)
    found = finish_task(task, owner.pk, timezone.now()) if owner else None
    if found is None:
        raise Http404
    if found.done_at is None:
        messages.error(request, f"“{found.text}” was dropped when its lead went to somebody else.")
    else:
        messages.success(request, f"Done: {found.text}")
    return redirect("pages:my")


@never_cache
@login_required
@require_POST
def alerts_read(request: HttpRequest) -> HttpResponse:
    """One alert, or all that were on the page, were read."""
    owner = reading_owner(request)
    newest, only = _number(request.POST.get("newest")), _number(request.POST.get("only"))
    read = read_alerts(owner.pk, timezone.now(), newest or 0, only) if owner else 0
    messages.success(request, f"{read} alert{'' if read == 1 else 's'} marked as read.")
    return redirect("pages:my")


def _row(work: Work, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {"lead": work.lead, "promise": work.promise, "due_at": work.due_at}
    if work.due_at and work.started_at:
        row |= {"tone": tone(work.due_at, now), "spent": spent(work.started_at, work.due_at, now)}
        row["overdue"] = work.due_at <= now
    return row


def _first(rows: list[tuple[Any, list[dict[str, Any]]]]) -> dict[str, Any] | None:
    """What has to be done first, for the foot of a phone's screen."""
    return next((row for _, group in rows for row in group if row["due_at"]), None)


def _lede(desk: Desk, now: datetime) -> str:
    due = [work for group in desk.groups for work in group.work if work.due_at]
    late = sum(work.due_at <= now for work in due)  # type: ignore[operator]
    if not desk.leads:
        return "No lead waits for you."
    open_leads = f"{desk.leads} open lead{'' if desk.leads == 1 else 's'}"
    if late:
        return f"{open_leads}, of which {late} {'is' if late == 1 else 'are'} overdue. Begin at the top."
    return f"{open_leads}, nothing is overdue. What is due first stands at the top."


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
