"""An instant in, what the doctor looks at out, read once in a fixed number of queries; judges nothing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max, Min, OuterRef, Q, QuerySet, Subquery

from leads.models import Lead, RawEvent, Source
from owners.areas import Area
from owners.models import Owner, TerritoryArea, User
from owners.roles import Role
from routing.current import people_now
from routing.engine.people import People, Person
from routing.health import State, worker_state
from routing.loads import Drift, drift
from routing.models import (
    BulkMove,
    ClockState,
    Delivery,
    PlanAction,
    ReviewItem,
    Rule,
    RuleReview,
    RuleSetVersion,
    SlaClock,
)
from routing.rule_reviews import due_review

RECENT = timedelta(days=7)
NEWEST = 20_000
"""How many of the newest rows are looked through where no index finds the ones that failed."""
LONG_OVERDUE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Seen:
    """The configuration as routing compiles it, and what routing does not read but people rely on."""

    now: datetime
    people: People
    ranges: Mapping[Area, str]
    """Postal ranges, with the name of their territory."""
    emails: Mapping[int, str]
    published: Mapping[str, Any] | None
    in_drafts: tuple[tuple[int, str, int], ...]
    """(draft, name of an owner who is not active, number of rules that name them)."""
    refused: tuple[tuple[int, str], ...]
    """(draft, why) of scheduled publishes that did not happen."""
    review: RuleReview | None
    """The look at the rules in force that is owed."""
    sources: tuple[Mapping[str, Any], ...]
    reps_without_owner: tuple[str, ...]
    background: State
    counts: Mapping[str, Any]
    drift: tuple[Drift, ...] = ()

    def active(self, owner: int | None) -> bool:
        person = self.person(owner)
        return person is not None and person.state == "active"

    def person(self, owner: int | None) -> Person | None:
        return None if owner is None else self.people.owners.get(owner)

    def name(self, owner: int | None) -> str:
        person = self.person(owner)
        return person.name if person else "somebody who no longer exists"

    def state(self, owner: int | None) -> str:
        """What keeps an owner from taking anything, in words; empty for an active one."""
        person = self.person(owner)
        if person is None:
            return "no longer exists"
        return {"active": "", "inactive": "is inactive", "departed": "has left"}[person.state]


def look(now: datetime, thorough: bool = False) -> Seen:
    """Read it all: the configuration's queries and a dozen more."""
    return Seen(
        now=now,
        people=people_now(),
        ranges=_ranges(),
        emails=dict(Owner.objects.values_list("id", "email")),
        published=RuleSetVersion.objects.filter(state=RuleSetVersion.State.PUBLISHED)
        .values("id", "owner_id", content=F("frozen__content"))
        .first(),
        in_drafts=_in_drafts(),
        refused=tuple(
            RuleSetVersion.objects.filter(state=RuleSetVersion.State.DRAFT)
            .exclude(publish_refused="")
            .order_by("id")
            .values_list("id", "publish_refused")
        ),
        review=due_review(now),
        sources=_sources(),
        reps_without_owner=tuple(
            User.objects.filter(groups__name=Role.REP, is_active=True, owner__isnull=True)
            .order_by("username")
            .values_list("username", flat=True)
        ),
        background=worker_state(now),
        counts=_counts(now),
        drift=tuple(drift()) if thorough else (),
    )


def _ranges() -> dict[Area, str]:
    rows = TerritoryArea.objects.exclude(postal_from="").order_by("id")
    return {Area(*area): territory for *area, territory in rows.values_list(*Area._fields, "territory__name")}


def _in_drafts() -> tuple[tuple[int, str, int], ...]:
    """Owners who are not active, in the enabled rules of drafts."""
    gone = ~Q(owner__state=Owner.State.ACTIVE) & Q(owner__isnull=False)
    gone_fallback = ~Q(fallback_owner__state=Owner.State.ACTIVE) & Q(fallback_owner__isnull=False)
    rows = (
        Rule.objects.filter(gone | gone_fallback, version__state=RuleSetVersion.State.DRAFT, enabled=True)
        .order_by("version_id", "id")
        .values_list(
            "version_id", "owner__name", "owner__state", "fallback_owner__name", "fallback_owner__state"
        )
    )  # fmt: skip
    counts: dict[tuple[int, str], int] = defaultdict(int)
    for version, *named in rows:
        left = {name for name, state in (named[:2], named[2:]) if name and state != Owner.State.ACTIVE}
        for name in sorted(left):
            counts[version, name] += 1
    return tuple((version, name, count) for (version, name), count in counts.items())


def _sources() -> tuple[Mapping[str, Any], ...]:
    """Every source with when its latest event came."""
    latest = RawEvent.objects.filter(source=OuterRef("pk")).order_by("-id").values("received_at")[:1]
    rows = Source.objects.order_by("name", "id").annotate(latest=Subquery(latest))
    return tuple(rows.values("id", "name", "kind", "active", "owner_id", "token_hash", "latest"))


def _counts(now: datetime) -> dict[str, Any]:
    overdue = SlaClock.objects.filter(state=SlaClock.State.RUNNING, due_at__lt=now - LONG_OVERDUE)
    open_items = ReviewItem.objects.filter(state=ReviewItem.State.OPEN)
    return {
        "stranded": tuple(_stranded()),
        "standing_moves": tuple(_standing_moves(now)),
        "dead_deliveries": _newest(Delivery, state=Delivery.State.DEAD, created_at__gte=now - RECENT),
        "dead_actions": _newest(
            PlanAction, state__in=(PlanAction.State.DEAD, PlanAction.State.STOPPED),
            decision__decided_at__gte=now - RECENT,
        ),
        "overdue": overdue.aggregate(count=Count("id"), since=Min("due_at")),
        "unreadable": list(
            open_items.filter(reason=ReviewItem.Reason.UNREADABLE_PAYLOAD, lead__isnull=True)
            .order_by("source__name")
            .values("source__name", "occurrences", "id")
        ),
        "review": open_items.aggregate(
            ownerless=Count("id", filter=~Q(owner__state=Owner.State.ACTIVE)),
            late=Count("id", filter=Q(due_at__lt=now)),
            clockless=Count("id", filter=Q(clock=ClockState.OWED, opened_at__lt=now - timedelta(minutes=1))),
        ),
    }  # fmt: skip


def _stranded() -> QuerySet:
    """(owner id, name, state, open leads) of those who are not there and still have some. Whose move is under way is
    no problem."""
    moving = BulkMove.objects.filter(kind=BulkMove.Kind.LEAVER, state=BulkMove.State.RUNNING).values("owner")
    rows = Lead.objects.filter(state=Lead.State.ASSIGNED, owner__in=Owner.objects.exclude(state=Owner.State.ACTIVE))
    counted = rows.exclude(owner__in=moving).order_by().values("owner").annotate(found=Count("pk"))
    return counted.order_by("-found", "owner").values_list("owner", "owner__name", "owner__state", "found")


def _standing_moves(now: datetime) -> Iterator[str]:
    """Moves of many leads that began long ago and are not over, in words."""
    rows = BulkMove.objects.filter(state__in=BulkMove.UNDER_WAY, created_at__lt=now - LONG_OVERDUE)
    for row in rows.filter(Q(started_at=None) | Q(started_at__lt=now - LONG_OVERDUE)).select_related("owner"):
        yield f"{row} ({row.done} of {row.total} leads)"


def _newest(model: type, **which: Any) -> int:
    """How many of the model's newest rows are of that kind."""
    newest = model.objects.aggregate(newest=Max("id"))["newest"] or 0
    return model.objects.filter(pk__gt=newest - NEWEST, **which).count()
