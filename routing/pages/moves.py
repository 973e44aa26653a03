"""Moves of many leads in; how far each is, what it did or would do, and its next step out."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from leads.models import Lead, Source
from owners.models import Owner, Pool, Team, Territory
from owners.roles import Act, may
from routing import bulk, rerouting
from routing.hanging import hanging, in_words
from routing.models import BulkMove, BulkMoveLead, Fact
from routing.moving import by_user
from routing.pages.lists import csv_file
from routing.refused import Refused
from routing.scopes import visible_moves

PAGE = 50
RECENT = 50
LOOKS = {
    "looking": ("info", "hourglass"), "ready": ("accent", "eye"), "running": ("info", "refresh-cw"),
    "finished": ("good", "check"), "dropped": ("", "x"),
}  # fmt: skip
LINE_LOOKS = {"waiting": ("", "hourglass"), "moved": ("good", "check"), "failed": ("bad", "circle-alert")}
NAMED = {"territory": Territory, "owner": Owner, "pool": Pool, "team": Team, "source": Source}


@never_cache
@login_required
@require_safe
def moves(request: HttpRequest) -> HttpResponse:
    """The latest moves, those under way first."""
    _may_see(request)
    rows = list(_rows(request).order_by("finished_at", "-id")[:RECENT])
    rows.sort(key=lambda row: (row.state not in BulkMove.UNDER_WAY, -row.pk))
    for row in rows:
        _draw(row)
    return render(request, "pages/moves.html", {"moves": rows, "now": timezone.now(), "help_topic": "moves"})


@never_cache
@login_required
@require_safe
def move(request: HttpRequest, move: int) -> HttpResponse:
    """How far a move is; of leads that are routed again also each lead that would change, or did."""
    _may_see(request)
    row = _draw(get_object_or_404(_rows(request), pk=move))
    lines = _lines_of(row)
    page = Paginator(lines, PAGE).get_page(request.GET.get("page"))
    for line in page:
        line.tone, line.icon = LINE_LOOKS.get(line.state, ("warn", "minus"))
        line.whom = line.to.name if line.to else WOULD.get(line.would, line.would)
    context = {
        "move": row, "page": page, "now": timezone.now(), "choice": _choice(row), "help_topic": "moves",
        "stopped": _stopped(row), **_counts(row),
        "who": _who(row), "most": rerouting.MOST,
        "left": in_words(hanging(row.owner_id)) if row.owner_id and row.state == BulkMove.State.FINISHED else "",
    }  # fmt: skip
    return render(request, "pages/move.html", context)


WOULD = {"review": "manual review", "held": "on hold", "nurture": "nurture", "rejected": "rejected"}


@login_required
@require_POST
def run(request: HttpRequest, move: int) -> HttpResponse:
    """Confirm a preview with a reason, and go on as far as a request goes."""
    return _act(request, move, lambda: _run(request, move))


def _run(request: HttpRequest, move: int) -> str:
    rerouting.run(move, by_user(request.user), request.POST.get("why", ""), timezone.now())
    bulk.begin(move, timezone.now)
    return "The leads are on their way."


@login_required
@require_POST
def drop(request: HttpRequest, move: int) -> HttpResponse:
    """Put a preview aside, or stop a run where it is."""
    return _act(request, move, lambda: _drop(move))


def _drop(move: int) -> str:
    rerouting.drop(move, timezone.now())
    return "Dropped. Leads that moved before stay where they are now; all others were not touched."


def _act(request: HttpRequest, move: int, do: Any) -> HttpResponse:
    _may_see(request)
    get_object_or_404(visible_moves(request.user), pk=move)
    try:
        said = do()
    except Refused as refused:
        messages.error(request, refused.sentence)
    else:
        messages.success(request, said)
    return redirect("pages:move", move=move)


@never_cache
@login_required
@require_safe
def export(request: HttpRequest, move: int) -> StreamingHttpResponse:
    """The leads of a move as a file for spreadsheets, in which no cell is a formula."""
    _may_see(request)
    row = get_object_or_404(visible_moves(request.user), pk=move)
    return csv_file(f"move-{row.pk}", _csv(_lines_of(row)))


def _csv(lines: QuerySet) -> Iterator[Iterable[Any]]:
    yield ("lead", "buyer", "owner before", "owner by the rules", "status by the rules", "what became of it", "reason")
    for line in lines.iterator(chunk_size=500):
        yield (
            line.lead_id, str(line.lead), line.before.name if line.before else "", line.to.name if line.to else "",
            line.would, line.get_state_display(), line.reason,
        )  # fmt: skip


def _may_see(request: HttpRequest) -> None:
    if not may(request.user, Act.REASSIGN_ANY):
        raise PermissionDenied


def _rows(request: HttpRequest) -> QuerySet[BulkMove]:
    return visible_moves(request.user).select_related("owner", "leads_to", "heir", "actor")


def _lines_of(row: BulkMove) -> QuerySet[BulkMoveLead]:
    return row.leads.select_related("lead", "before", "to").order_by("lead_id")


def _draw(row: Any) -> Any:
    row.tone, row.icon = LOOKS[row.state]
    row.under_way = row.state in BulkMove.UNDER_WAY
    row.share = 100 * row.done // row.total if row.total else (0 if row.under_way else 100)
    row.differences = row.total if row.started_at else None
    return row


def _counts(row: BulkMove) -> dict[str, Any]:
    """How many leads are in which state, in words; of a preview how many would move (`would`), and how many would if
    nobody had worked on them (`stay`)."""
    labels = dict(BulkMoveLead.State.choices)
    counts = dict(row.leads.order_by().values_list("state").annotate(found=Count("pk")).order_by("-found"))
    would = counts.get(BulkMoveLead.State.WAITING, 0)
    states = [(found, labels[state]) for state, found in counts.items()]
    return {"states": states, "would": would, "stay": sum(counts.values()) - would}


def _who(row: BulkMove) -> list[tuple[int, str, str]]:
    """How many leads would go, or went, from whom to whom; the most first. Clocks that move change no owner."""
    if row.kind == BulkMove.Kind.RETIME:
        return []
    if row.kind == BulkMove.Kind.LEAVER:
        # By the facts, which are found by their instant: decisions are not.
        moved = Fact.objects.filter(kind=Fact.Kind.REASSIGNED, at__gte=row.started_at, owner=row.owner)
        if row.finished_at:
            moved = moved.filter(at__lte=row.finished_at)
        pairs = moved.order_by().values_list("owner__name", "decision__owner__name", "decision__status")
    else:
        pairs = row.leads.exclude(state=BulkMoveLead.State.TOUCHED).order_by()
        pairs = pairs.values_list("before__name", "to__name", "would")
    pairs = pairs.annotate(found=Count("pk"))
    return [
        (found, before or "nobody", to or WOULD.get(would, would or "nobody"))
        for before, to, would, found in pairs.order_by("-found")[:12]
    ]


def _stopped(row: BulkMove) -> bool:
    """Whether a move of clocks ended before all that it was about were looked at."""
    return row.kind == BulkMove.Kind.RETIME and row.state == BulkMove.State.FINISHED and row.done < row.total


def _choice(row: BulkMove) -> list[tuple[str, str]]:
    """The filters, in words."""
    said: list[tuple[str, str]] = []
    if row.kind == BulkMove.Kind.RETIME:
        return said
    for name, value in row.choice.items():
        if name in NAMED:
            found = NAMED[name]._default_manager.filter(pk=value).first()
            said.append((name.capitalize(), str(found) if found else "deleted meanwhile"))
        elif name == "versions":
            said.append(("Decided by", f"version {', '.join(map(str, value))}"))
        elif name == "state":
            said.append(("State", Lead.State(value).label))
        else:
            said.append(("Age", f"came within {value} day{'' if value == 1 else 's'}"))
    return said
