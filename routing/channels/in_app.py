"""Deliveries that are due in; the same deliveries, readable in the app, out. Touches no other channel's.

There is nothing to send: a row that is marked sent stands in its owner's list.
"""

from datetime import datetime

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from routing.alerted import note_alerted
from routing.lease import locked
from routing.models import Delivery


def deliver(due: QuerySet[Delivery], now: datetime, limit: int) -> int:
    """Mark at most `limit` of `due` sent and return how many: four statements, inside a transaction."""
    ids = list(locked(due).values_list("id", flat=True)[:limit])
    sent = Delivery.objects.filter(id__in=ids).update(
        state=Delivery.State.SENT,
        attempts=F("attempts") + 1,
        attempted_at=Coalesce("attempted_at", now),
        sent_at=now,
        next_try_at=None,
        error="",
    )
    note_alerted(ids, now)
    return sent
