"""An owner's own word on when they take leads in; absences and the switch as routing reads them, saved, out.

Saved through the models, so that the configuration stamp rises and the next decision knows. Moves no lead.
"""

from datetime import datetime

from owners.models import Absence, Owner
from owners.writer import writing


def plan_absence(owner: Owner, starts_at: datetime, ends_at: datetime, reason: str) -> Absence:
    """From `starts_at` up to, not including, `ends_at`, which has to be later."""
    with writing():
        same = Absence.objects.filter(owner=owner, starts_at=starts_at, ends_at=ends_at).first()
        if same:  # a double click
            return same
        return Absence.objects.create(owner=owner, starts_at=starts_at, ends_at=ends_at, reason=reason)


def end_absence(absence: int, owner: Owner, now: datetime) -> str:
    """Take back an absence that has not begun, or end one that has: “cancelled”, “ended”, or empty when the owner
    has none of that id that is not over.
    """
    with writing():
        row = Absence.objects.filter(pk=absence, owner=owner, ends_at__gt=now).first()
        if row is None:
            return ""
        if row.starts_at >= now:
            row.delete()
            return "cancelled"
        row.ends_at = now
        row.save(update_fields=["ends_at"])
        return "ended"


def take_leads(owner: Owner, accepts: bool) -> None:
    """Whether routing may give them leads."""
    with writing():
        if Owner.objects.filter(pk=owner.pk).exclude(accepts_leads=accepts).exists():
            Owner.objects.filter(pk=owner.pk).update(accepts_leads=accepts)


def absences_to_come(owner: Owner, now: datetime) -> list[Absence]:
    """Those that are not over, the next one first."""
    return list(Absence.objects.filter(owner=owner, ends_at__gt=now).order_by("starts_at", "pk"))
