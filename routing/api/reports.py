"""A period in, the numbers of the reports as JSON out. Changes nothing; test leads are in none of them."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, NinjaAPI, Query, Router, Schema

from leads.models import Lead
from leads.scopes import reported_leads
from owners.models import validate_zone
from owners.roles import MACHINE
from routing.api.access import Scope, Token, viewer
from routing.api.problems import Problem
from routing.reports import first_touch, overview

router = Router(auth=Token(Scope.REPORTS), tags=["reports"])
LONGEST = 400
"""Days of a period."""
OLDEST, LATEST = date(2000, 1, 1), date(9000, 1, 1)
"""What comes before the first year, or after the last, has no date."""


class Asked(Schema):
    """Whole days in `tz`, the last one included."""

    since: date = Field(alias="from")
    to: date
    tz: str = Field("UTC", max_length=64)


class NumberOut(Schema):
    key: str
    label: str
    definition: str
    count: int
    base: int
    share: float | None
    target: float | None
    on_target: bool | None


class MedianOut(Schema):
    seconds: float | None
    base: int
    on_target: bool | None


class OverviewOut(Schema):
    since: datetime
    until: datetime
    tz: str
    leads: int
    demos: int
    first_touch: MedianOut
    numbers: list[NumberOut]


@router.get("/reports/overview", response=OverviewOut)
def report_overview(request: HttpRequest, asked: Query[Asked]) -> dict[str, Any]:
    """What became of the leads that arrived in the days from `from` to `to`."""
    since, until, zone = days_of(asked)
    who = viewer(request)
    # A machine has no role; its token's scope is what allows it to ask.
    leads = Lead.objects.all() if who is MACHINE else reported_leads(who)
    now = timezone.now()
    found = overview(leads, since, until, zone, now)
    return {
        "since": since.astimezone(UTC), "until": until.astimezone(UTC), "tz": asked.tz, "leads": found.leads,
        "demos": found.demos, "first_touch": first_touch(leads, since, until, now),
        "numbers": [
            {
                "key": n.measure.key, "label": n.measure.label, "definition": n.measure.definition, "count": n.count,
                "base": n.base, "share": n.share, "target": n.measure.target, "on_target": n.on_target,
            }
            for n in found.numbers.values()
        ],
    }  # fmt: skip


def days_of(asked: Asked) -> tuple[datetime, datetime, ZoneInfo]:
    """When the days begin and end, and their zone. Raises Problem (400) for days that cannot be counted."""
    zone = _zone(asked.tz)
    if not 0 <= (asked.to - asked.since).days < LONGEST:
        raise Problem(400, "bad_request", f"`to` lies on or after `from`, and at most {LONGEST} days are counted.")
    if not OLDEST <= asked.since <= asked.to <= LATEST:
        raise Problem(400, "bad_request", f"Days lie from {OLDEST.isoformat()} to {LATEST.isoformat()}.")
    since, until = (datetime.combine(day, time.min, tzinfo=zone) for day in (asked.since, asked.to + timedelta(days=1)))
    return since, until, zone


def _zone(name: str) -> ZoneInfo:
    try:
        validate_zone(name)
    except ValidationError as error:
        raise Problem(400, "bad_request", " ".join(error.messages)) from error
    return ZoneInfo(name)


def add_to(api: NinjaAPI) -> None:
    """Hang the addresses into the API."""
    api.add_router("", router)
