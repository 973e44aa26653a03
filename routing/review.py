"""Things that need a person in, open review items with a named owner and a due time out; decides no lead."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from owners.models import Owner
from owners.writer import sqlite_turn
from routing.models import Decision, ReviewItem
from routing.prepare import SourceInfo

DUE = timedelta(minutes=60)


def note_unreadable(event: int, source: SourceInfo, detail: str, now: datetime) -> None:
    """One open item per source counts what it sent that cannot be read."""
    found = {"reason": ReviewItem.Reason.UNREADABLE_PAYLOAD, "lead": None}
    _open_or_count(found, Q(source=source.id), event, detail[:300], source, now)


def note_conflict(first: int, second: int, source: SourceInfo, now: datetime) -> None:
    """A submission came again with another body: the first decision stands, both bodies are kept.

    One open item per lead counts them, whichever source they came from; while the first is undecided, one per
    submission.
    """
    lead = Decision.objects.filter(event=first).values_list("lead", flat=True).first()
    story = f"Event {first} came again with another content, "
    found = {"reason": ReviewItem.Reason.WEBHOOK_RETRY_CONFLICT, "lead_id": lead}
    among = Q() if lead else Q(source=source.id, detail__startswith=story)
    _open_or_count(found, among, second, f"{story}as event {second}.", source, now)


def answerable(owner: int) -> int:
    """The person who answers: the owner named, or whoever is active and came first when they have left."""
    active = Owner.objects.filter(state=Owner.State.ACTIVE).order_by("id").values_list("id", flat=True)
    return owner if active.filter(pk=owner).exists() else (active.first() or owner)


def _open_or_count(found: dict, among: Q, event: int, detail: str, source: SourceInfo, now: datetime) -> None:
    """Count it on the open item (the one `among` those found), else open one; of two at once one counts."""
    with sqlite_turn():
        for last in (False, False, True):
            if _count(found, among, event, detail, now):
                return
            try:
                with transaction.atomic():
                    ReviewItem.objects.create(
                        **found, detail=detail, owner_id=answerable(source.owner), source_id=source.id, event_id=event,
                        opened_at=now, last_at=now, due_at=now + DUE,
                    )  # fmt: skip
                return
            except IntegrityError:
                if last:
                    raise


def _count(found: dict, among: Q, event: int, detail: str, now: datetime) -> int:
    return ReviewItem.objects.filter(among, state=ReviewItem.State.OPEN, **found).update(
        occurrences=F("occurrences") + 1, last_at=now, event=event, detail=detail
    )
