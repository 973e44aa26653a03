"""An owner's own word on when they take leads in; absences, pauses and the switch as routing reads them, saved, out.

Saved through the models, so that the configuration stamp rises and the next decision knows. Moves no lead.
"""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from owners.business_time import HoursError
from owners.models import Absence, Owner
from owners.week import Week
from owners.writer import writing

MORNING = time(9)
"""When a day begins for whoever has no hours."""


def plan_absence(
    owner: Owner, starts_at: datetime, ends_at: datetime, reason: str, kind: str = Absence.Kind.AWAY, by: Any = None
) -> Absence:
    """From `starts_at` up to, not including, `ends_at`, which has to be later. `by`: the user who enters it."""
    with writing():
        same = Absence.objects.filter(owner=owner, starts_at=starts_at, ends_at=ends_at, kind=kind).first()
        if same:  # a double click
            return same
        return Absence.objects.create(
            owner=owner, starts_at=starts_at, ends_at=ends_at, reason=reason, kind=kind, recorded_by=by
        )


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


def pause(owner: Owner, until: datetime, by: Any, now: datetime) -> Absence:
    """No leads from `now` up to `until`, which is later; the pause that runs ends then instead."""
    with writing():
        running = _pauses(owner, now).first()
        if running is None:
            return Absence.objects.create(
                owner=owner, kind=Absence.Kind.PAUSE, starts_at=now, ends_at=until, recorded_by=by
            )
        running.ends_at, running.recorded_by = until, by
        running.save(update_fields=["ends_at", "recorded_by"])
        return running


def resume(owner: Owner, now: datetime) -> None:
    """Take leads again: the switch is on and a pause that runs is over. Time off is left alone."""
    with writing():
        for row in _pauses(owner, now):
            end_absence(row.pk, owner, now)
        take_leads(owner, True)


def _pauses(owner: Owner, now: datetime) -> Any:
    return Absence.objects.filter(
        owner=owner, kind=Absence.Kind.PAUSE, starts_at__lte=now, ends_at__gt=now
    ).order_by("-ends_at")  # fmt: skip


def next_morning(week: Week, now: datetime) -> datetime:
    """When the next working day after today begins; 09:00 where there are no hours or these cannot be read."""
    zone = _zone(week.zone)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    if week.work:
        try:
            opens = week.hours().next_open(datetime.combine(tomorrow, time.min, zone))
        except HoursError:
            opens = None
        if opens is not None:
            return opens
    return datetime.combine(tomorrow, MORNING, zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def absences_to_come(owner: Owner, now: datetime) -> list[Absence]:
    """Those that are not over, the next one first."""
    rows = Absence.objects.filter(owner=owner, ends_at__gt=now).select_related("recorded_by__owner")
    return list(rows.order_by("starts_at", "pk"))


def cover_at(owner: Owner, now: datetime) -> Owner | None:
    """Who is asked instead at `now`."""
    ended = owner.cover_until is not None and owner.cover_until <= now
    return None if ended else owner.cover
