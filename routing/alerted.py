"""Deliveries that were just sent in, the facts that their owners were alerted out. Sends nothing."""

from collections.abc import Sequence
from datetime import datetime

from routing.models import Delivery, Fact


def note_alerted(deliveries: Sequence[int], now: datetime) -> None:
    """One fact for each assignment alert among them; two statements, in the transaction that marks them sent."""
    rows = Delivery.objects.filter(
        id__in=deliveries, kind=Delivery.Kind.ASSIGNMENT, state=Delivery.State.SENT, decision__lead__is_test=False
    ).values_list("decision_id", "decision__lead_id", "owner_id", "channel")
    Fact.objects.bulk_create(
        Fact(kind=Fact.Kind.ALERTED, at=now, decision_id=decision, lead_id=lead, owner_id=owner, detail=channel)
        for decision, lead, owner, channel in rows
    )
