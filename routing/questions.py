"""An instant in, the leads that answer a question people ask of a list out; one place for pages and admin."""

from collections.abc import Callable
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from leads.models import Lead
from routing import today
from routing.models import Delivery, SlaClock

Answer = Callable[[datetime], Q]


def _has_clock(answer: Answer) -> Answer:
    """Leads with a clock that answers: other rows of theirs do not multiply them."""
    return lambda now: Q(Exists(SlaClock.objects.filter(answer(now), lead=OuterRef("pk"))))


def _alert_not_delivered(now: datetime) -> Q:
    return Q(Exists(Delivery.objects.filter(today.undelivered(now), decision__lead=OuterRef("pk"))))


UNTOUCHED = Q(state=Lead.State.ASSIGNED, touched_at__isnull=True)

LEADS: dict[str, tuple[str, Answer]] = {
    "no_owner": ("No owner", lambda now: today.NO_OWNER),
    "untouched": ("Untouched", lambda now: UNTOUCHED),
    "due": ("Due in ten minutes", _has_clock(today.due_soon)),
    "overdue": ("Overdue", _has_clock(today.overdue)),
    "undelivered": ("Alert not delivered", _alert_not_delivered),
    "at_once": ("Owned within a minute today", today.owned_at_once),
}
"""The word in the address: what the chip says, and which leads answer."""
