"""The instant in; a second message owed to the named person of each review item whose time is over, out. Once each.

An item whose named person has left gets one who is there. An item without a decision (a payload that could not be
read) has nothing a message could be about; it stands among what is overdue on the screens.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from routing.lease import locked, short_transaction
from routing.messages import OVERDUE
from routing.models import Delivery, ReviewItem
from routing.review import answerable

# SQLite uses the partial index `review_not_reminded` only for a condition that is written like the index's own.
WAITING = RawSQL(
    "routing_reviewitem.state = 'open' AND routing_reviewitem.reminded_at IS NULL", (), output_field=BooleanField()
)


def remind(now: datetime, limit: int = 100) -> int:
    """Owe the messages of at most `limit` items, the longest overdue first; how many items there were."""
    due = ReviewItem.objects.filter(WAITING, due_at__lte=now).order_by("due_at", "id")
    if not due.exists():  # a read, so that an idle tick never waits for writers
        return 0
    with short_transaction():
        ids = list(locked(due).values_list("id", flat=True)[:limit])
        items = list(ReviewItem.objects.filter(id__in=ids).select_related("owner", "lead").order_by("due_at", "id"))
        _name_those_who_are_there(items)
        ReviewItem.objects.filter(id__in=ids).update(reminded_at=now)
        Delivery.objects.bulk_create((row for item in items for row in _messages(item, now)), ignore_conflicts=True)
    return len(items)


def _name_those_who_are_there(items: Sequence[ReviewItem]) -> None:
    """One look and one update for each person who has left."""
    left: dict[int, list[ReviewItem]] = defaultdict(list)
    for item in items:
        if item.owner.state != item.owner.State.ACTIVE:
            left[item.owner_id].append(item)
    for owner, theirs in left.items():
        other = answerable(owner)
        ReviewItem.objects.filter(id__in=[item.pk for item in theirs]).update(owner=other)
        for item in theirs:
            item.owner_id = other


def _messages(item: ReviewItem, now: datetime) -> list[Delivery]:
    if item.decision_id is None or (item.lead and item.lead.is_test):
        return []
    return [
        Delivery(
            decision_id=item.decision_id, owner_id=item.owner_id, kind=Delivery.Kind.REVIEW, channel=channel,
            state=Delivery.State.OWED, next_try_at=now, created_at=now, occasion=OVERDUE,
        )
        for channel in item.owner.alert_channels or Delivery.Channel.values
    ]  # fmt: skip
