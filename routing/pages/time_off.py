"""What an owner asks about their time off in, the page again with a sentence about what happened out."""

from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from owners.away import cover_at, end_absence, pause, plan_absence, resume, take_leads
from owners.models import Owner
from routing.pages import my
from routing.pages.away_form import AwayForm
from routing.pages.reader import no_owner, reading_owner, said, zone_of
from routing.pages.time_off_card import pause_ends

STAY = "Those that you have stay yours."


@never_cache
@login_required
@require_POST
def away(request: HttpRequest) -> HttpResponse:
    """Plan one's own time off."""
    owner, now = reading_owner(request), timezone.now()
    if owner is None:
        return no_owner(request)
    with timezone.override(zone_of(owner)):
        form = AwayForm(request.POST, now=now)
        if form.is_valid():
            given = form.cleaned_data
            row = plan_absence(
                owner, given["starts_at"], given["ends_at"], given["reason"], given["kind"], request.user
            )
            told = f"You are away from {said(row.starts_at)} to {said(row.ends_at)}."
            messages.success(request, told + _cover_told(owner, row.starts_at))
            return redirect("pages:my")
    return my.page(request, owner, form)


def _cover_told(owner: Owner, at: datetime) -> str:
    cover = cover_at(owner, at)
    return f" {cover} is asked instead." if cover else ""


@never_cache
@login_required
@require_POST
def away_cancel(request: HttpRequest, absence: int) -> HttpResponse:
    """Take back an own absence, or end the one that runs."""
    owner = reading_owner(request)
    done = end_absence(absence, owner, timezone.now()) if owner else ""
    if not done:
        raise Http404
    told = "Your time off is cancelled." if done == "cancelled" else "Your time off ended now: you get leads again."
    messages.success(request, told)
    return redirect("pages:my")


@never_cache
@login_required
@require_POST
def taking(request: HttpRequest) -> HttpResponse:
    """Pause for a while or until further notice, or take leads again."""
    owner, now = reading_owner(request), timezone.now()
    if owner is None:
        return no_owner(request)
    asked = request.POST.get("accepts")
    with timezone.override(zone_of(owner)):
        if asked == "yes":
            resume(owner, now)
            messages.success(request, "You get leads again.")
        elif asked in (ends := pause_ends(owner, now)):
            row = pause(owner, ends[asked], request.user, now)
            told = f"You get no new leads until {said(row.ends_at)}; then they come again by themselves. {STAY}"
            messages.success(request, told + _cover_told(owner, now))
        else:
            take_leads(owner, False)
            messages.success(request, f"You get no new leads until you take them again. {STAY}")
    return redirect("pages:my")
