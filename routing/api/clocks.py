"""A lead's id in, its SLA receipts as JSON out: every clock, how its time was counted, its pauses. Changes nothing."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import NinjaAPI, Router, Schema

from routing.api.access import Token, seen_lead
from routing.api.read import Id
from routing.models import SlaPause
from routing.receipts import Receipt, receipts

router = Router(auth=Token(), tags=["read"])


class SegmentOut(Schema):
    """`why` it does not count: absence, pause, holiday, day (other hours on that date), break or closed."""

    start: datetime
    end: datetime
    seconds: float
    counted: bool
    why: str


class ChangeOut(Schema):
    """The zone's clocks went forward (seconds above zero) or back."""

    at: datetime
    shift_seconds: float


class LateOut(Schema):
    """In real time, and in the time that the clock counts."""

    raw_seconds: float
    working_seconds: float


class RungOut(Schema):
    """`rung`: percent of the budget, or minutes after the start below zero. `fired_at`: null while it is to come."""

    rung: int
    what: str
    due_at: datetime
    fired_at: datetime | None
    late_seconds: int
    note: str


class ClockOut(Schema):
    """`state`: running, met, breached, breached_answered or cancelled. Segments run up to `segments_until`: the due
    time of a clock that runs or was breached, where the counted ones add up to the budget; else when it ended."""

    id: int
    kind: str
    state: str
    owner_id: int
    owner: str
    policy: str
    budget_seconds: int
    real_time: bool
    counted_by: str
    time_zone: str
    started_at: datetime
    due_at: datetime
    ended_at: datetime | None
    answered_at: datetime | None
    late: LateOut | None
    raw_seconds: float
    working_seconds: float
    adds_up: bool
    segments: list[SegmentOut]
    segments_until: datetime
    clock_changes: list[ChangeOut]
    rungs: list[RungOut]


class PauseOut(Schema):
    starts_at: datetime
    ends_at: datetime
    reason: str
    set_by: str | None
    ended_by: str | None


class ClocksOut(Schema):
    lead_id: int
    clocks: list[ClockOut]
    pauses: list[PauseOut]


@router.get("/leads/{lead_id}/clocks", response=ClocksOut)
def clocks(request: HttpRequest, lead_id: Id) -> dict[str, Any]:
    """The newest 30 clocks of a lead as receipts, and when its buyer was waited for."""
    lead = seen_lead(request, lead_id)
    paused = SlaPause.objects.filter(lead=lead).select_related("set_by", "ended_by")
    return {
        "lead_id": lead.pk,
        "clocks": [_clock(receipt) for receipt in receipts(lead, timezone.now())],
        "pauses": [
            {
                "starts_at": row.starts_at, "ends_at": row.ends_at, "reason": row.reason,
                "set_by": row.set_by and row.set_by.get_username(),
                "ended_by": row.ended_by and row.ended_by.get_username(),
            }
            for row in paused
        ],
    }  # fmt: skip


def _clock(receipt: Receipt) -> dict[str, Any]:
    counting = receipt.counting
    return {
        "id": receipt.id,
        "kind": receipt.code,
        "state": receipt.standing,
        "owner_id": receipt.owner_id,
        "owner": receipt.owner,
        "policy": receipt.policy,
        "budget_seconds": receipt.budget_seconds,
        "real_time": receipt.real_time,
        "counted_by": receipt.by,
        "time_zone": receipt.zone,
        "started_at": receipt.started_at,
        "due_at": receipt.due_at,
        "ended_at": receipt.ended_at,
        "answered_at": receipt.answered_at,
        "late": receipt.late
        and {"raw_seconds": _s(receipt.late.raw), "working_seconds": _s(receipt.late.working)},
        "raw_seconds": _s(counting.raw),
        "working_seconds": _s(counting.working),
        "adds_up": receipt.adds_up,
        "segments": [
            {"start": one.start, "end": one.end, "seconds": _s(one.end - one.start), "counted": one.counted,
             "why": one.why}
            for one in counting.segments
        ],
        "segments_until": counting.told_until,
        "clock_changes": [{"at": at, "shift_seconds": _s(shift)} for at, shift in counting.changes],
        "rungs": [
            {"rung": one.key, "what": one.what, "due_at": one.due_at, "fired_at": one.fired_at,
             "late_seconds": one.late_seconds, "note": one.note}
            for one in receipt.rungs
        ],
    }  # fmt: skip


def _s(length: timedelta) -> float:
    return length.total_seconds()


def add_to(api: NinjaAPI) -> None:
    """Hang the address into the API."""
    api.add_router("", router)
