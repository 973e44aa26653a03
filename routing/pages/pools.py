"""The pools a reader sees, and one of them, in; who is next and why, shares, the ledger and its sum, out.

RevOps adjusts a member here by hand. Whoever takes turns in a pool sees the whole line-up, and their own entries.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from leads.scopes import visible_leads
from owners.models import Pool
from owners.roles import Act, may
from owners.scopes import visible_pools
from routing.adding_up import differences
from routing.ledger import MOST_TURNS, adjust
from routing.line_up import MOST_COUNTED, LineUp, Place, line_ups
from routing.models import LedgerEntry
from routing.moving import by_user
from routing.pages.lists import MOST_EXPORTED, chip, csv_file
from routing.refused import Refused
from routing.scopes import visible_ledger

PAGE = 25
USUAL, WINDOWS = 30, (7, 30, 90)


@never_cache
@login_required
@require_safe
def pools(request: HttpRequest) -> HttpResponse:
    """Every pool within the reader's scope, with who is next."""
    now = timezone.now()
    rows = list(_seen(request).select_related("team").order_by("name"))
    found = line_ups([row.pk for row in rows], now)
    shown = [{"pool": row, "line_up": found.get(row.pk)} for row in rows]
    return render(request, "pages/pools.html", {"rows": shown, "now": now, "help_topic": "pools"})


@never_cache
@login_required
@require_safe
def pool(request: HttpRequest, key: str) -> HttpResponse:
    """One pool: the line-up, what everybody got beside what they were due, the ledger and whether it adds up."""
    row, now = _pool(request, key), timezone.now()
    days = _days(request)
    since = now - timedelta(days=days)
    line_up = line_ups([row.pk], now, since)[row.pk]
    entries = _entries(request, row)
    page = Paginator(entries, PAGE).get_page(request.GET.get("page"))
    names = {place.member: place.name for place in line_up.places}
    context = {
        "pool": row, "now": now, "line_up": line_up, "rows": [_row(place) for place in line_up.places],
        "shares": _shares(line_up), "days": days, "since": since, "most": MOST_COUNTED, "page": page,
        "seen_leads": _seen_leads(request, page), "most_turns": MOST_TURNS, "help_topic": "pools",
        "wrong": [(names.get(one.member, f"member {one.member}"), one) for one in differences(row.pk)],
        "chips": [chip(request, "days", str(n), f"{n} days") | {"chosen": n == days} for n in WINDOWS],
        "adjusts": may(request.user, Act.EDIT_PEOPLE),
        "edits": request.user.is_staff and request.user.has_perm("owners.view_pool"),
    }  # fmt: skip
    return render(request, "pages/pool.html", context)


@never_cache
@login_required
@require_safe
def ledger_export(request: HttpRequest, key: str) -> StreamingHttpResponse:
    """The entries that the reader sees, the newest first, as a file in which no cell is a formula."""
    row = _pool(request, key)
    return csv_file(f"ledger-{row.key}", _lines(_entries(request, row)[:MOST_EXPORTED]))


@never_cache
@login_required
@require_POST
def pool_adjust(request: HttpRequest, key: str) -> HttpResponse:
    """Move a member by turns, with a reason."""
    row = _pool(request, key)
    if not may(request.user, Act.EDIT_PEOPLE):
        raise PermissionDenied
    post = request.POST
    member = row.members.filter(pk=_number(post.get("member", ""))).first()
    turns = _turns(post.get("turns", ""))
    if member is None:
        messages.error(request, "Choose a member from the list: whoever was named is not there.")
    elif turns is None:
        messages.error(request, f"Give the turns as a number such as 1, -1 or 0.5, at most {MOST_TURNS}.")
    else:
        try:
            told = adjust(member.pk, turns, by_user(request.user), post.get("why", ""), timezone.now())
            messages.success(request, told)
        except Refused as refused:
            messages.error(request, refused.sentence)
    return redirect("pages:pool", key=row.key)


def _seen(request: HttpRequest) -> QuerySet[Pool]:
    if not may(request.user, Act.SEE_LEADS):
        raise PermissionDenied
    return visible_pools(request.user)


def _pool(request: HttpRequest, key: str) -> Pool:
    row = _seen(request).select_related("team").filter(key=key).first()
    if row is None:
        raise Http404
    return row


def _entries(request: HttpRequest, row: Pool) -> QuerySet[LedgerEntry]:
    entries = visible_ledger(request.user).filter(member__in=list(row.members.values_list("pk", flat=True)))
    related = entries.select_related("member__owner", "decision__lead", "actor__owner").order_by("-id")
    return related.defer("decision__snapshot", "decision__trace")


def _seen_leads(request: HttpRequest, page: Any) -> set[int]:
    """Of the leads on the page, those that the reader may open."""
    ids = [entry.decision.lead_id for entry in page if entry.decision]
    return set(visible_leads(request.user).filter(pk__in=ids).values_list("pk", flat=True))


def _row(place: Place) -> dict[str, Any]:
    return {
        "place": place, "v": spoken(place.v), "ahead": spoken(place.ahead),
        "caps": [(f"{max(cap.room, 0)} of {cap.limit}", *cap.what.partition(" (")[::2]) for cap in place.caps],
    }  # fmt: skip


def _shares(line_up: LineUp) -> list[dict[str, Any]]:
    """Two bars for each member, as parts of the longest one, and their numbers."""
    longest = max([1.0, *(float(max(place.due, place.received)) for place in line_up.places)])
    by_name = sorted(line_up.places, key=lambda place: place.name)
    return [
        {
            "place": place, "due": spoken(place.due), "gap": signed(place.gap),
            "due_width": round(100 * float(place.due) / longest, 1),
            "received_width": round(100 * max(place.received, 0) / longest, 1),
        }
        for place in by_name
    ]  # fmt: skip


def spoken(value: Fraction | None) -> str:
    """A fraction for people: 7, 2.33; a dash for None."""
    return "–" if value is None else f"{float(value):,.2f}".rstrip("0").rstrip(".")


def signed(value: Fraction) -> str:
    """The same with its sign: +0.5, −1, 0."""
    text = spoken(abs(value))
    return text if text == "0" else f"{'+' if value > 0 else '−'}{text}"


def _days(request: HttpRequest) -> int:
    asked = _number(request.GET.get("days", ""))
    return asked if asked in WINDOWS else USUAL


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _turns(text: str) -> Fraction | None:
    """Turns as typed, with a point or a comma; None for what is no number."""
    text = text.strip().replace(",", ".").replace("−", "-")
    try:
        return Fraction(text) if len(text) <= 12 and "e" not in text.lower() else None
    except (ValueError, ZeroDivisionError):
        return None


HEAD = ("entry", "at", "member", "what", "amount", "v before", "v after", "reason", "by", "lead", "decision")


def _lines(rows: Iterable[LedgerEntry]) -> Iterator[tuple[Any, ...]]:
    yield HEAD
    for entry in rows:
        yield (
            entry.pk, _instant(entry.at), entry.member.owner.name, entry.get_kind_display(), entry.amount,
            entry.v_before, entry.v_after, entry.reason, entry.actor.get_username() if entry.actor else "",
            entry.decision.lead_id if entry.decision else "", entry.decision_id or "",
        )  # fmt: skip


def _instant(at: datetime) -> str:
    return at.isoformat()
