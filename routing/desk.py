"""An owner and now in, what they have to do out: leads by what is due, tasks, unread alerts; all of it in five queries.

Marks a task as done and alerts as read. Who owns what, and which clocks run, is changed elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from django.db.models import F, Min, OuterRef, Q, QuerySet, Subquery

from leads.models import Lead, Task
from routing.models import Decision, Delivery, SlaClock
from routing.today import PROMISES, UNANSWERED

WITHIN_THE_HOUR = timedelta(hours=1)
MOST_LEADS = 200
MOST_TASKS = 50
MOST_ALERTS = 5
OF_OWNER = Q(kind__in=SlaClock.OF_OWNER)


@dataclass(frozen=True)
class Work:
    """A lead of one's own. `promise`: what has to happen until `due_at`, counted from `started_at`; empty and None
    where no clock waits for an answer.
    """

    lead: Lead
    promise: str = ""
    started_at: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True)
class Group:
    """Leads of one's own that are due in the same span: those of higher priority first, then the least time left."""

    key: str
    label: str
    work: tuple[Work, ...]


@dataclass(frozen=True)
class Desk:
    """`hidden`: leads beyond MOST_LEADS, those of lower priority that are due last."""

    groups: tuple[Group, ...]
    leads: int
    hidden: int
    tasks: tuple[Task, ...]
    alerts: tuple[Delivery, ...]
    unread: int


def desk_of(owner: int, now: datetime, zone: tzinfo) -> Desk:
    """What `owner` (an id) works on at `now`; `zone` says when their day ends."""
    mine = leads_of(owner)
    due = SlaClock.objects.filter(UNANSWERED, OF_OWNER, owner=owner, lead=OuterRef("pk")).order_by().values("lead")
    rows = mine.annotate(due=Subquery(due.annotate(first=Min("due_at")).values("first")))
    shown = list(
        rows.select_related("company").order_by("-priority", F("due").asc(nulls_last=True), "-pk")[:MOST_LEADS]
    )
    total = mine.count()
    unread = unread_alerts(owner)
    alerts = tuple(unread.select_related("decision__lead")[:MOST_ALERTS])
    tasks = Task.objects.filter(owner=owner, done_at=None, dropped_at=None).select_related("lead__company")
    return Desk(
        groups=_groups(_with_clocks(shown, owner), now, zone), leads=total, hidden=total - len(shown),
        tasks=tuple(tasks.order_by("due_at", "pk")[:MOST_TASKS]), alerts=alerts, unread=unread.count(),
    )  # fmt: skip


def leads_of(owner: int) -> QuerySet[Lead]:
    """The leads that `owner` works on."""
    return Lead.objects.filter(owner=owner, state=Lead.State.ASSIGNED)


def had(owner: int, lead: int) -> bool:
    """Whether the lead was once this owner's: they may be told that it is not any more."""
    return lead < 2**63 and Decision.objects.filter(lead=lead, owner=owner).exists()


def unread_alerts(owner: int) -> QuerySet[Delivery]:
    """What was told to `owner` in the app and not read yet, the newest first."""
    return Delivery.objects.filter(
        owner=owner, channel=Delivery.Channel.IN_APP, state=Delivery.State.SENT, read_at=None
    ).order_by("-pk")


def finish_task(task: int, owner: int, now: datetime) -> Task | None:
    """Mark an own task as done; None when it is none of theirs. Doing it twice keeps the first time."""
    mine = Task.objects.filter(pk=task, owner=owner)
    mine.filter(done_at=None, dropped_at=None).update(done_at=now)
    return mine.first()


def read_alerts(owner: int, now: datetime, newest: int, only: int | None = None) -> int:
    """Mark alerts as read, up to the id `newest` that was on the page, or the one `only`; how many there were."""
    rows = unread_alerts(owner)
    return (rows.filter(pk__lte=newest) if only is None else rows.filter(pk=only)).order_by().update(read_at=now)


def _with_clocks(leads: list[Lead], owner: int) -> list[Work]:
    clocks = SlaClock.objects.filter(UNANSWERED, OF_OWNER, owner=owner, lead__in=[lead.pk for lead in leads])
    first: dict[int, SlaClock] = {}
    for clock in clocks.order_by("due_at", "pk"):
        first.setdefault(clock.lead_id, clock)
    return [
        Work(lead, PROMISES[SlaClock.Kind(clock.kind)], clock.started_at, clock.due_at)
        if (clock := first.get(lead.pk))
        else Work(lead)
        for lead in leads
    ]


def _groups(work: Iterable[Work], now: datetime, zone: tzinfo) -> tuple[Group, ...]:
    tomorrow = (now.astimezone(zone) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    parts: dict[str, list[Work]] = {"now": [], "today": [], "later": []}
    for row in work:
        if row.due_at is None:
            parts["later"].append(row)
        elif row.due_at <= now + WITHIN_THE_HOUR:
            parts["now"].append(row)
        else:
            parts["today" if row.due_at < tomorrow else "later"].append(row)
    labels = {"now": "Now", "today": "Today", "later": "Later"}
    return tuple(Group(key, labels[key], tuple(rows)) for key, rows in parts.items())
