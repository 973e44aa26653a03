"""The instant in; who answers for open review items kept present, out. Climbs no rungs (`routing.item_rungs` does).

An item whose named person has left or is inactive gets one who is there; its clock goes with it, and its history says
so. An item without a decision (a payload that could not be read) has nothing a message could be about; it stands among
what is overdue on the screens.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from leads.models import Note
from owners.models import Owner
from routing.lease import locked, short_transaction
from routing.messages import OVERDUE
from routing.models import Delivery, ReviewItem, SlaClock
from routing.review import stand_ins

# SQLite uses the partial index `review_due` only for a condition that is written like its own.
OPEN = RawSQL("routing_reviewitem.state = 'open'", (), output_field=BooleanField())
MAX_DETAIL = 300


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
    """The items that got another person."""
    found = stand_ins(items) if items else {}
    why = {item.pk: f"who is {item.owner.get_state_display()}" for item in items}
    return give(items, found, why, now)


def give(items: Sequence[ReviewItem], to: Mapping[int, int], why: Mapping[int, str], now: datetime) -> list[ReviewItem]:
    """Name other people (owner ids by item), whose clocks they then are; the items that got one, as they are now.

    `why`: by item, said of the former person in the item's history. An update for each new person, and one for theirs.
    """
    people = Owner.objects.in_bulk(set(to.values())) if to else {}
    changed: dict[int, list[ReviewItem]] = defaultdict(list)
    for item in items:
        if item.pk in to:
            changed[to[item.pk]].append(item)
    for owner, theirs in changed.items():
        ids = [item.pk for item in theirs]
        ReviewItem.objects.filter(id__in=ids).update(owner=owner)
        SlaClock.objects.filter(item__in=ids).update(owner=owner)
        _note(theirs, people[owner], why, now)
        for item in theirs:
            item.owner = people[owner]
    return [item for theirs in changed.values() for item in theirs]


def _note(items: Sequence[ReviewItem], new: Owner, why: Mapping[int, str], now: datetime) -> None:
    """On the lead; an item without one says it in its detail. Call while `item.owner` is still the former person."""
    notes = []
    for item in items:
        before = f"before it was {item.owner.name}, {why[item.pk]}."
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
    rows = (row for item in items for row in messages(item, OVERDUE if item.due_at <= now else "", now))
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)


def messages(item: ReviewItem, occasion: str, now: datetime) -> list[Delivery]:
    """Owed to the named person; none about a test lead, or where nothing was decided that they could be about."""
    if item.decision_id is None or (item.lead and item.lead.is_test):
        return []
    return [
        Delivery(
            decision_id=item.decision_id, owner_id=item.owner_id, kind=Delivery.Kind.REVIEW, channel=channel,
            state=Delivery.State.OWED, next_try_at=now, created_at=now, occasion=occasion,
        )
        for channel in item.owner.alert_channels or Delivery.PERSONAL
    ]  # fmt: skip
