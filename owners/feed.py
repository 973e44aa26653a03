"""The secret address of an owner's absences: a token made, revoked and recognised; its iCalendar file out.

The token is shown once and kept as a hash. It opens the owner's own absences, and those of the teams they lead.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from owners.models import Absence, Membership, Owner
from owners.writer import writing

BEHIND = timedelta(days=92)
"""How long ago an absence may have ended and still be in the feed."""
MOST = 2_000
PRODUCT = "-//RevRoute//Absences//EN"


def make_address(owner: Owner) -> str:
    """A fresh token; the one before opens nothing any more."""
    token = token_urlsafe(32)
    _keep(owner, _hash(token))
    return token


def revoke(owner: Owner) -> None:
    """No token opens their absences."""
    _keep(owner, "")


def _keep(owner: Owner, held: str) -> None:
    with writing():
        Owner.objects.filter(pk=owner.pk).update(feed_hash=held)


def owner_of(token: str) -> Owner | None:
    """Whose token it is; nobody's once they have left or may not sign in."""
    if not token:
        return None
    staying = Owner.objects.exclude(state=Owner.State.DEPARTED).filter(user__is_active=True)
    return staying.filter(feed_hash=_hash(token)).first()


def _hash(token: str) -> str:
    return sha256(token.encode(errors="replace")).hexdigest()


def feed_of(owner: Owner, now: datetime) -> bytes:
    """The file: their absences and those of members of teams that they lead; two queries."""
    import icalendar

    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"Absences of {owner.name}")
    members = Membership.objects.filter(team__lead=owner).values_list("owner", flat=True)
    rows = Absence.objects.filter(owner__in={owner.pk, *members}, ends_at__gt=now - BEHIND)
    for row in rows.select_related("owner").order_by("starts_at", "pk")[:MOST]:
        event = icalendar.Event()
        event.add("uid", f"absence-{row.pk}@revroute")
        event.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
        event.add("dtstart", row.starts_at.astimezone(UTC).replace(microsecond=0))
        event.add("dtend", _whole_second(row.ends_at))
        event.add("summary", f"{row.owner.name}: {row.get_kind_display()}")
        if row.owner_id == owner.pk and row.reason:
            event.add("description", row.reason)
        event.add("transp", "OPAQUE")
        calendar.add_component(event)
    return calendar.to_ical()


def _whole_second(at: datetime) -> datetime:
    """The end is later than the beginning even of an absence of less than a second."""
    whole = at.astimezone(UTC).replace(microsecond=0)
    return whole if whole == at else whole + timedelta(seconds=1)
