"""One's absences as a calendar: a secret address that others subscribe to, and a calendar file brought in."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from leads.clean import clean_text
from owners import absence_file, feed
from owners.ical import MOST_BYTES, Entry, NotACalendar, Read, read_calendar
from owners.models import Owner
from routing.pages.reader import no_owner, reading_owner, zone_of

SALT = "absences.from.a.file"
PREVIEW_SECONDS = 3600
LONG = timedelta(hours=4)
"""Shorter entries are offered, but not ticked: they may be meetings."""


@never_cache
@require_safe
def absences(request: HttpRequest) -> HttpResponse:
    """The feed. Who knows the secret needs no sign-in; a wrong one is an address that is not there."""
    owner = feed.owner_of(request.GET.get("token", "")[:200])
    if owner is None:
        raise Http404
    answer = HttpResponse(feed.feed_of(owner, timezone.now()), content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'inline; filename="absences.ics"'
    answer["X-Robots-Tag"] = "noindex"
    return answer


@never_cache
@login_required
@require_POST
def feed_make(request: HttpRequest) -> HttpResponse:
    """A fresh address, shown in this answer and never again."""
    owner = reading_owner(request)
    if owner is None:
        return no_owner(request)
    again = bool(owner.feed_hash)
    address = request.build_absolute_uri(f"{reverse('pages:my-absences')}?token={feed.make_address(owner)}")
    return render(request, "pages/my_feed.html", {"address": address, "again": again, "help_topic": "calendars"})


@never_cache
@login_required
@require_POST
def feed_revoke(request: HttpRequest) -> HttpResponse:
    """The address opens nothing any more."""
    owner = reading_owner(request)
    if owner is None:
        return no_owner(request)
    feed.revoke(owner)
    messages.success(request, "The address of your absences is closed: whoever subscribed to it sees nothing new.")
    return redirect("pages:my")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def bring_in(request: HttpRequest) -> HttpResponse:
    """GET asks for a file; POST with one shows what it would do; POST with what was ticked does it."""
    owner = reading_owner(request)
    if owner is None:
        return no_owner(request)
    if request.method != "POST":
        return _ask(request)
    if "shown" in request.POST:
        return _apply(request, owner)
    file = request.FILES.get("file")
    if file is None:
        return _ask(request, "Choose the file that your calendar exported, a name that ends in .ics.")
    if file.size > MOST_BYTES:
        return _ask(request, f"The file has {file.size:,} bytes; {MOST_BYTES:,} are read at most. Export fewer months.")
    try:
        found = read_calendar(file.read(), zone_of(owner), timezone.now())
    except NotACalendar as refused:
        return _ask(request, str(refused))
    return _preview(request, owner, found)


def _ask(request: HttpRequest, error: str = "") -> HttpResponse:
    context = {"error": error, "most": MOST_BYTES // 1000, "help_topic": "calendars"}
    return render(request, "pages/my_import.html", context, status=422 if error else 200)


def _preview(request: HttpRequest, owner: Owner, found: Read) -> HttpResponse:
    steps = absence_file.plan(owner, found.entries)
    entries = [step.entry for step in steps]
    rows = [(step, entry.ends_at - entry.starts_at >= LONG) for step, entry in zip(steps, entries, strict=True)]
    context = {
        "rows": rows, "refused": found.refused, "shown": _pack(owner, entries), "zone": str(zone_of(owner)),
        "open": any(step.what != "there" for step in steps), "help_topic": "calendars",
    }  # fmt: skip
    with timezone.override(zone_of(owner)):
        return render(request, "pages/my_import_preview.html", context)


def _apply(request: HttpRequest, owner: Owner) -> HttpResponse:
    entries = _unpack(owner, request.POST["shown"])
    if entries is None:
        return _ask(request, "The preview is older than an hour or was changed. Choose the file again.")
    ticked = {int(text) for text in request.POST.getlist("take") if text.isascii() and text.isdigit() and len(text) < 5}
    keep = request.POST.get("titles") == "yes"
    chosen = [
        entry if keep else replace(entry, title="") for place, entry in enumerate(entries) if place in ticked
    ]  # fmt: skip
    done = absence_file.bring_in(owner, chosen, request.user)
    told = [f"{done[what]} {word}" for what, word in (("add", "added"), ("move", "moved"), ("there", "there already"))
            if done[what]]  # fmt: skip
    if told:
        messages.success(request, f"Absences from your calendar: {', '.join(told)}.")
    else:
        messages.warning(request, "Nothing was ticked, so nothing was added.")
    return redirect("pages:my")


def _pack(owner: Owner, entries: list[Entry]) -> str:
    """The entries as the form carries them: signed, for this owner alone."""
    rows = [[each.uid, each.starts_at.isoformat(), each.ends_at.isoformat(), each.title] for each in entries]
    return signing.dumps([owner.pk, rows], salt=SALT, compress=True)


def _unpack(owner: Owner, shown: str) -> list[Entry] | None:
    """None where it is too old, somebody else's, or no such text."""
    try:
        whose, rows = signing.loads(shown, salt=SALT, max_age=PREVIEW_SECONDS)
    except signing.BadSignature:
        return None
    return [_entry(row) for row in rows] if whose == owner.pk else None


def _entry(row: list[Any]) -> Entry:
    uid, starts_at, ends_at, title = row
    return Entry(uid, datetime.fromisoformat(starts_at), datetime.fromisoformat(ends_at), clean_text(title, 120))
