"""Things that need a person in, open review items with a named owner and a due time out; decides no lead."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from owners.models import Membership, Owner
from owners.writer import sqlite_turn
from routing.models import Decision, ReviewItem, RuleSetVersion
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
    active = _active().values_list("id", flat=True)
    return owner if active.filter(pk=owner).exists() else (active.first() or owner)


def stand_ins(items: Sequence[ReviewItem]) -> dict[int, int]:
    """Who answers instead of the named person, as owner ids by item: their cover, the lead of the lead's team, of a
    team of theirs, the source's owner, whoever answers for the rules, whoever came first; the first who is active.

    Wants `owner`, `source` and `decision__team` loaded. Four statements; items for which there is nobody are left out.
    """
    leads: dict[int, list[int | None]] = defaultdict(list)
    teams = Membership.objects.filter(owner__in={item.owner_id for item in items}).order_by("id")
    for owner, lead in teams.values_list("owner_id", "team__lead_id"):
        leads[owner].append(lead)
    published = RuleSetVersion.objects.filter(state=RuleSetVersion.State.PUBLISHED)
    last = [published.values_list("owner_id", flat=True).first(), _active().values_list("id", flat=True).first()]
    lines = {item.pk: [*_line(item), *leads[item.owner_id], item.source.owner_id, *last] for item in items}
    named = {owner for line in lines.values() for owner in line if owner is not None}
    active = set(_active().filter(pk__in=named).values_list("id", flat=True))
    found = {item: next((owner for owner in line if owner in active), None) for item, line in lines.items()}
    return {item: owner for item, owner in found.items() if owner is not None}


def _line(item: ReviewItem) -> tuple[int | None, int | None]:
    team = item.decision.team if item.decision else None
    return item.owner.cover_id, team.lead_id if team else None


def _active() -> QuerySet[Owner]:
    return Owner.objects.filter(state=Owner.State.ACTIVE).order_by("id")


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
