"""Things that need a person in, open review items with a named owner and a due time out; decides no lead."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from owners.writer import sqlite_turn
from routing.models import Decision, ReviewItem
from routing.prepare import SourceInfo

DUE = timedelta(minutes=60)
EVERY = Q()


def note_unreadable(event: int, source: SourceInfo, detail: str, now: datetime) -> None:
    """One open item per source counts what it sent that cannot be read."""
    found = {"source_id": source.id, "reason": ReviewItem.Reason.UNREADABLE_PAYLOAD, "lead": None}
    _open_or_count(found, event, detail[:300], source, now)


def note_conflict(first: int, second: int, source: SourceInfo, now: datetime) -> None:
    """A submission came again with another body: the first decision stands, both bodies are kept.

    One open item per lead counts them; while the first is undecided, one per submission.
    """
    lead = Decision.objects.filter(event=first).values_list("lead", flat=True).first()
    story = f"Event {first} came again with another content, "
    found = {"source_id": source.id, "reason": ReviewItem.Reason.WEBHOOK_RETRY_CONFLICT, "lead_id": lead}
    among = EVERY if lead else Q(detail__startswith=story)
    _open_or_count(found, second, f"{story}as event {second}.", source, now, among)


def _open_or_count(found: dict, event: int, detail: str, source: SourceInfo, now: datetime, among: Q = EVERY) -> None:
    """Count it on the open item (the one `among` them), else open one; of two at once the second counts on it."""
    with sqlite_turn():
        while not _count(found, event, detail, now, among):
            try:
                with transaction.atomic():
                    ReviewItem.objects.create(
                        **found, detail=detail, owner_id=source.owner, event_id=event, opened_at=now, last_at=now,
                        due_at=now + DUE,
                    )  # fmt: skip
                return
            except IntegrityError:
                continue


def _count(found: dict, event: int, detail: str, now: datetime, among: Q) -> int:
    return ReviewItem.objects.filter(among, state=ReviewItem.State.OPEN, **found).update(
        occurrences=F("occurrences") + 1, last_at=now, event=event, detail=detail
    )
