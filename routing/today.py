"""Now and a user's scope in, what waits for a person today out, in a fixed number of queries; changes nothing.

The conditions by which rows are counted stand here once, so that a tile and the list it links to show the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone

from leads.models import Lead
from leads.scopes import visible_leads
from routing.models import Delivery, Fact, ReviewItem, SlaClock
from routing.next_rung import NextRung, next_rungs
from routing.reports import FOR_SALES
from routing.scopes import visible_clocks, visible_review_items

SOON = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)
LATE_ALERT = timedelta(minutes=1)
PROMISES = {
    SlaClock.Kind.ACCEPTED: "not accepted yet",
    SlaClock.Kind.FIRST_TOUCH: "no first touch yet",
    SlaClock.Kind.NO_ACTIVITY: "no activity yet",
    SlaClock.Kind.CRM: "not confirmed by the CRM yet",
}
SHOWN = 12
"""Rows of “needs a person”; the tiles link to all of them."""

OPEN_ITEM = Q(state=ReviewItem.State.OPEN)
FOR_A_POOL = OPEN_ITEM & Q(reason__in=ReviewItem.WAITS)
"""Leads on hold or to be claimed: they wait for people, and not for a decision."""
IN_REVIEW = OPEN_ITEM & ~Q(reason__in=ReviewItem.WAITS)
UNANSWERED = Q(state=SlaClock.State.RUNNING) | Q(state=SlaClock.State.BREACHED, answered_at__isnull=True)
IN_FORCE = Q(lead__state=Lead.State.ASSIGNED, lead__owner=F("owner"), kind__in=list(PROMISES))
"""A clock of somebody who owns the lead still, or of its CRM write: those of former owners bind nobody."""

WAITING = UNANSWERED & IN_FORCE & Q(kind=SlaClock.Kind.FIRST_TOUCH)
NO_OWNER = Q(owner__isnull=True, state__in=Lead.OPEN)


def overdue(now: datetime) -> Q:
    """Clocks that ran out, and nobody has acted yet."""
    return UNANSWERED & IN_FORCE & Q(due_at__lte=now)


def due_soon(now: datetime) -> Q:
    """Clocks that run out within ten minutes."""
    return Q(state=SlaClock.State.RUNNING, due_at__gt=now, due_at__lte=now + SOON) & IN_FORCE


def undelivered(now: datetime) -> Q:
    """Messages that were given up, or that should have gone out a minute ago. One that waits for its receiver's
    working hours is neither."""
    states = (Delivery.State.OWED, Delivery.State.SENDING)
    late = Q(state__in=states, created_at__lte=now - LATE_ALERT) & ~Q(attempts=0, next_try_at__gt=now)
    return Q(state=Delivery.State.DEAD) | late


def owned_at_once(now: datetime) -> Q:
    """Leads that came today and had an owner within a minute."""
    return Q(Exists(_arrived(_midnight(now)).filter(lead=OuterRef("pk")).filter(_OWNED_AT_ONCE)))


_OWNED_AT_ONCE = Exists(
    Fact.objects.filter(lead=OuterRef("lead"), kind=Fact.Kind.OWNED, at__lte=OuterRef("at") + MINUTE)
)


def _arrived(since: datetime) -> Any:
    return Fact.objects.filter(kind=Fact.Kind.ARRIVED, at__gte=since)


def _midnight(now: datetime) -> datetime:
    """When today began where the company is."""
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Tile:
    """A number, what it means, yesterday beside it; `list` and `show` name the list with exactly these rows."""

    label: str
    icon: str
    number: str
    note: str
    tone: str
    list: str
    show: str


@dataclass(frozen=True)
class Waiting:
    """Something that needs a person: whose, why, until when. `item`: a review item, else a clock."""

    due_at: datetime
    what: str
    who: str
    lead: int | None
    item: int | None
    clock: int | None
    late: bool
    then: NextRung | None = None


@dataclass(frozen=True)
class Today:
    tiles: list[Tile]
    waiting: list[Waiting]


def today(user: Any, now: datetime) -> Today:
    """What the Today page shows to `user` at the aware instant `now`."""
    clocks = visible_clocks(user).aggregate(
        waiting=Count("pk", filter=WAITING),
        overdue=Count("pk", filter=overdue(now)),
    )
    begin = _midnight(now)
    yesterday = Q(opened_at__gte=begin - timedelta(days=1), opened_at__lt=begin) & ~Q(reason__in=ReviewItem.WAITS)
    items = visible_review_items(user).aggregate(
        review=Count("pk", filter=IN_REVIEW),
        waits=Count("pk", filter=FOR_A_POOL),
        yesterday=Count("pk", filter=yesterday),
    )
    return Today(_tiles(clocks, items, _facts(user, begin)), _needs_a_person(user, now))


def _facts(user: Any, begin: datetime) -> dict[str, int]:
    """What came and what ran out since yesterday began; test leads never count."""
    leads = visible_leads(user).filter(is_test=False).order_by().values("pk")
    rows = Fact.objects.filter(
        kind__in=(Fact.Kind.ARRIVED, Fact.Kind.BREACHED), at__gte=begin - timedelta(days=1), lead__in=leads
    )
    new, came = Q(at__gte=begin), Q(kind=Fact.Kind.ARRIVED)
    return rows.annotate(quick=_OWNED_AT_ONCE).aggregate(
        came=Count("pk", filter=came & new),
        came_before=Count("pk", filter=came & ~new),
        for_sales=Count("pk", filter=came & FOR_SALES & new),
        for_sales_before=Count("pk", filter=came & FOR_SALES & ~new),
        at_once=Count("pk", filter=came & new & Q(quick=True)),
        at_once_before=Count("pk", filter=came & ~new & Q(quick=True)),
        breached_before=Count("pk", filter=Q(kind=Fact.Kind.BREACHED) & ~new),
    )


def _tiles(clocks: dict[str, int], items: dict[str, int], facts: dict[str, int]) -> list[Tile]:
    at_once = _share(facts["at_once"], facts["for_sales"])
    share = _share(facts["at_once_before"], facts["for_sales_before"])
    before = f"{share} yesterday" if facts["for_sales_before"] else "none yesterday"
    waits = f"; {items['waits']:,} more wait{'' if items['waits'] > 1 else 's'} for a pool" if items["waits"] else ""
    return [
        Tile(
            "Waiting for a first touch", "clock", f"{clocks['waiting']:,}",
            f"{facts['came']:,} came today, {facts['came_before']:,} yesterday",
            "", "routing_slaclock", "waiting",
        ),
        Tile(
            "In review", "inbox", f"{items['review']:,}", f"{items['yesterday']:,} came yesterday{waits}",
            "warn" if items["review"] else "", "routing_reviewitem", "review",
        ),
        Tile(
            "Overdue", "alarm-clock", f"{clocks['overdue']:,}", f"{facts['breached_before']:,} ran out yesterday",
            "bad" if clocks["overdue"] else "", "routing_slaclock", "overdue",
        ),
        Tile(
            "Owned within a minute", "zap", at_once,
            f"{facts['at_once']:,} of {facts['for_sales']:,} for sales today; {before}",
            "", "leads_lead", "at_once",
        ),
    ]  # fmt: skip


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def _needs_a_person(user: Any, now: datetime) -> list[Waiting]:
    """Open review items, and clocks that ran out or soon will; the one with the least time left first, a lead once."""
    items = visible_review_items(user).filter(OPEN_ITEM).select_related("lead", "owner", "source", "pool")
    clocks = visible_clocks(user).filter(overdue(now) | due_soon(now)).select_related("lead", "owner")
    found = [
        *_items(items.order_by("due_at")[:SHOWN], now),
        *_clocks(clocks.order_by("due_at")[: SHOWN * len(SlaClock.Kind)], now),
    ]
    first: dict[Any, Waiting] = {}
    for row in sorted(found, key=lambda row: row.due_at):
        first.setdefault(row.lead or f"item {row.item}", row)
    return list(first.values())[:SHOWN]


def _items(rows: Any, now: datetime) -> Iterator[Waiting]:
    rows = list(rows)
    then = next_rungs(rows)
    for row in rows:
        whom = str(row.lead) if row.lead else row.source.name
        what = f"{whom}: {row.why}"
        yield Waiting(row.due_at, what, row.owner.name, row.lead_id, row.pk, None, row.due_at <= now, then.get(row.pk))


def _clocks(rows: Any, now: datetime) -> Iterator[Waiting]:
    for row in rows:
        what = f"{row.lead}: {PROMISES[row.kind]}"
        yield Waiting(row.due_at, what, row.owner.name, row.lead_id, None, row.pk, row.due_at <= now)
