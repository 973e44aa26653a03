"""A pool's key in; who is next and why, with everybody's numbers, as JSON out. Changes nothing."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, NinjaAPI, Router, Schema

from owners.scopes import visible_pools
from routing.adding_up import differences
from routing.api.access import Token, viewer
from routing.api.problems import Problem
from routing.line_up import Place, line_ups

router = Router(auth=Token(), tags=["read"])

PoolKey = Annotated[str, Field(pattern=r"^[-\w]{1,80}$")]
MOST_DAYS = 400


class CapOut(Schema):
    what: str
    taken: int
    limit: int
    left: int


class PlaceOut(Schema):
    """`place`: 1 is next; null for whoever could take nothing now, and `why_not` says why. `v`: exact, such as 7/3."""

    place: int | None
    member_id: int
    owner_id: int
    name: str
    weight: int
    v: str | None
    turns_ahead: float | None
    caps_left: list[CapOut]
    why_not: str
    away_until: datetime | None
    received: int
    entitled: float


class QueueOut(Schema):
    pool: str
    name: str
    method: str
    next_owner_id: int | None
    because: str
    checked_at: datetime
    counted_since: datetime
    ledger_adds_up: bool
    members: list[PlaceOut]


@router.get("/pools/{key}/queue", response=QueueOut)
def queue(request: HttpRequest, key: PoolKey, days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 30) -> dict[str, Any]:
    """Who is next in the pool and why. `received` and `entitled` are counted over the last `days`."""
    row = visible_pools(viewer(request)).filter(key=key).values("pk", "method").first()
    if row is None:
        raise Problem(404, "not_found", f"There is no pool “{key}”.")
    now = timezone.now()
    since = now - timedelta(days=days)
    line_up = line_ups([row["pk"]], now, since)[row["pk"]]
    return {
        "pool": line_up.pool.key, "name": line_up.pool.name, "method": row["method"],
        "next_owner_id": line_up.next.owner if line_up.next else None, "because": line_up.because,
        "checked_at": now, "counted_since": since, "ledger_adds_up": not differences(row["pk"]),
        "members": [_place(place) for place in line_up.places],
    }  # fmt: skip


def _place(place: Place) -> dict[str, Any]:
    return {
        "place": place.place, "member_id": place.member, "owner_id": place.owner, "name": place.name,
        "weight": place.weight, "v": None if place.v is None else str(place.v),
        "turns_ahead": None if place.ahead is None else float(place.ahead),
        "caps_left": [
            {"what": cap.what, "taken": cap.taken, "limit": cap.limit, "left": max(cap.room, 0)} for cap in place.caps
        ],
        "why_not": place.why, "away_until": place.until, "received": place.received, "entitled": float(place.due),
    }  # fmt: skip


def add_to(api: NinjaAPI) -> None:
    """Hang the address into the API."""
    api.add_router("", router)
