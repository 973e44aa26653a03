"""A lead in, its clocks as receipts out: what was promised, counted how, until when, and how it ended."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from leads.models import Lead
from routing.models import ReviewItem, SlaClock, SlaPolicy

MOST = 30


class Receipt(NamedTuple):
    """One clock. `tone` and `word`: how it stands; `policy`: its name; `runs`: whether it binds somebody now."""

    kind: str
    owner: str
    policy: str
    budget_seconds: int
    real_time: bool
    started_at: datetime
    due_at: datetime
    tone: str
    icon: str
    word: str
    ended_at: datetime | None
    answered_at: datetime | None
    late: timedelta | None
    runs: bool


class Due(NamedTuple):
    """What the lead waits for next: until when, counted from when, and what for, in words."""

    started_at: datetime
    due_at: datetime
    what: str


def receipts(lead: Lead) -> list[Receipt]:
    """The newest first; two statements."""
    clocks = list(SlaClock.objects.filter(lead=lead).select_related("owner").order_by("-started_at", "due_at")[:MOST])
    names = dict(SlaPolicy.objects.filter(key__in={c.policy_key for c in clocks}).values_list("key", "name"))
    return [_receipt(clock, names, lead) for clock in clocks]


def _receipt(clock: SlaClock, names: dict[str, str], lead: Lead) -> Receipt:
    tone, icon, word = _stands(clock)
    ended = clock.answered_at or clock.ended_at
    late = clock.answered_at - clock.due_at if clock.answered_at and clock.answered_at > clock.due_at else None
    kind = clock.get_kind_display()
    return Receipt(
        kind[:1].upper() + kind[1:], clock.owner.name, names.get(clock.policy_key, clock.policy_key),
        clock.budget_seconds, clock.real_time, clock.started_at, clock.due_at, tone, icon, word, ended,
        clock.answered_at, late, _binds(clock, lead),
    )  # fmt: skip


def _stands(clock: SlaClock) -> tuple[str, str, str]:
    if clock.state == SlaClock.State.RUNNING:
        return "info", "timer", "running"
    if clock.state == SlaClock.State.MET:
        return "good", "circle-check", "met"
    if clock.state == SlaClock.State.CANCELLED:
        return "", "ban", "cancelled"
    return ("warn", "alarm-clock", "answered late") if clock.answered_at else ("bad", "triangle-alert", "breached")


def _binds(clock: SlaClock, lead: Lead) -> bool:
    """Nobody has acted yet, and its owner has the lead still."""
    open_still = clock.state == SlaClock.State.RUNNING or (
        clock.state == SlaClock.State.BREACHED and clock.answered_at is None
    )
    return open_still and lead.state == Lead.State.ASSIGNED and lead.owner_id == clock.owner_id


def next_due(leads: Sequence[Lead]) -> dict[int, Due]:
    """By lead, what is due first: a clock of its owner, or its item in review. Two statements, whatever the number."""
    owners = {lead.pk: lead.owner_id for lead in leads if lead.state == Lead.State.ASSIGNED}
    waiting = [lead.pk for lead in leads if lead.state in Lead.UNPLACED]
    return {**_of_items(waiting), **_of_clocks(owners)}


def _of_clocks(owners: dict[int, int | None]) -> dict[int, Due]:
    rows = SlaClock.objects.filter(
        lead__in=list(owners), state__in=(SlaClock.State.RUNNING, SlaClock.State.BREACHED), answered_at=None
    )
    labels = dict(SlaClock.Kind.choices)
    found = rows.order_by("due_at", "id").values_list("lead_id", "owner_id", "started_at", "due_at", "kind")
    return _first(
        (lead, Due(start, due, labels[kind])) for lead, owner, start, due, kind in found if owners[lead] == owner
    )


def _of_items(leads: list[int]) -> dict[int, Due]:
    rows = ReviewItem.objects.filter(lead__in=leads, state=ReviewItem.State.OPEN).order_by("due_at", "id")
    return _first(
        (lead, Due(start, due, "review")) for lead, start, due in rows.values_list("lead_id", "opened_at", "due_at")
    )


def _first(found: Iterable[tuple[int, Due]]) -> dict[int, Due]:
    first: dict[int, Due] = {}
    for lead, due in found:
        first.setdefault(lead, due)
    return first
