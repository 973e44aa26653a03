"""The instant in; who answers for open review items kept present, and told once when the time is over, out.

An item whose named person has left or is inactive gets one who is there, whether it was reminded of or not; its
history says so. An item without a decision (a payload that could not be read) has nothing a message could be about;
it stands among what is overdue on the screens.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from leads.models import Note
from owners.models import Owner
from routing.lease import locked, short_transaction
from routing.messages import OVERDUE
from routing.models import Delivery, ReviewItem
from routing.review import stand_ins

# SQLite uses the partial indexes `review_not_reminded` and `review_due` only for conditions written like their own.
WAITING = RawSQL(
    "routing_reviewitem.state = 'open' AND routing_reviewitem.reminded_at IS NULL", (), output_field=BooleanField()
)
OPEN = RawSQL("routing_reviewitem.state = 'open'", (), output_field=BooleanField())
MAX_DETAIL = 300


def remind(now: datetime, limit: int = 100) -> int:
    """Owe the messages of at most `limit` items, the longest overdue first; how many items there were."""
    due = ReviewItem.objects.filter(WAITING, due_at__lte=now).order_by("due_at", "id")
    if not due.exists():  # a read, so that an idle tick never waits for writers
        return 0
    with short_transaction():
        items = _taken(due, limit)
        _name_those_who_are_there(items, now)
        ReviewItem.objects.filter(id__in=[item.pk for item in items]).update(reminded_at=now)
        _owe(items, now)
    return len(items)


def hand_on(now: datetime, limit: int = 100) -> int:
    """Name somebody present for at most `limit` open items of people who are not, and owe them the message that the
    former person had; how many items changed hands.
    """
    left = ReviewItem.objects.filter(OPEN, owner__in=Owner.objects.exclude(state=Owner.State.ACTIVE))
    left = left.order_by("due_at", "id")
    if not left.exists():
        return 0
    with short_transaction():
        changed = _name_those_who_are_there(_taken(left, limit), now)
        _owe(changed, now)
    return len(changed)


def _taken(rows: QuerySet[ReviewItem], limit: int) -> list[ReviewItem]:
    """The first of them, locked, and read after that."""
    ids = list(locked(rows).values_list("id", flat=True)[:limit])
    found = ReviewItem.objects.filter(id__in=ids).select_related("owner", "lead", "source", "decision__team")
    return list(found.order_by("due_at", "id"))


def _name_those_who_are_there(items: Sequence[ReviewItem], now: datetime) -> list[ReviewItem]:
    """The items that got another person; one update for each of these, and a line in each item's history."""
    left = [item for item in items if item.owner.state != Owner.State.ACTIVE]
    found = stand_ins(left) if left else {}
    people = Owner.objects.in_bulk(set(found.values())) if found else {}
    changed: dict[int, list[ReviewItem]] = defaultdict(list)
    for item in left:
        if item.pk in found:
            changed[found[item.pk]].append(item)
    for owner, theirs in changed.items():
        ReviewItem.objects.filter(id__in=[item.pk for item in theirs]).update(owner=owner)
        _note(theirs, people[owner], now)
        for item in theirs:
            item.owner = people[owner]
    return [item for theirs in changed.values() for item in theirs]


def _note(items: Sequence[ReviewItem], new: Owner, now: datetime) -> None:
    """On the lead; an item without one says it in its detail. Call while `item.owner` is still the former person."""
    notes = []
    for item in items:
        before = f"before it was {item.owner.name}, who is {item.owner.get_state_display()}."
        if item.lead_id is not None:
            about = item.get_reason_display()
            text = f"RevRoute named {new.name} for the review item “{about}”; {before}"
            notes.append(Note(lead_id=item.lead_id, text=text, created_at=now))
        else:
            told = f" RevRoute named {new.name}; {before}"[:MAX_DETAIL]
            detail = item.detail[: MAX_DETAIL - len(told)].rstrip() + told
            ReviewItem.objects.filter(pk=item.pk).update(detail=detail.strip())
    Note.objects.bulk_create(notes)


def _owe(items: Sequence[ReviewItem], now: datetime) -> None:
    """What the named person is told of each item: that it is theirs, or that its time is over. Nobody twice."""
    rows = (row for item in items for row in _messages(item, now))
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)


def _messages(item: ReviewItem, now: datetime) -> list[Delivery]:
    if item.decision_id is None or (item.lead and item.lead.is_test):
        return []
    occasion = OVERDUE if item.due_at <= now else ""
    return [
        Delivery(
            decision_id=item.decision_id, owner_id=item.owner_id, kind=Delivery.Kind.REVIEW, channel=channel,
            state=Delivery.State.OWED, next_try_at=now, created_at=now, occasion=occasion,
        )
        for channel in item.owner.alert_channels or Delivery.PERSONAL
    ]  # fmt: skip
