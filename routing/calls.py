"""Deliveries to programs in, the JSON document of each out. Sends and changes nothing.

A document says what happened by ids and stable words only: names, addresses and texts of people stay here.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import F

from routing.engine.text import canonical
from routing.messages import Claimed, lead_url
from routing.models import Escalation

EVENT = "escalation.rung"
COLUMNS = (
    "clock__decision_id", "clock__kind", "rung", "id", "action", "due_at", "fired_at", "late_seconds", "decision_id",
    "clock__lead_id", "clock__owner_id", "clock__started_at", "clock__due_at", "clock__policy_key", "to_owner",
)  # fmt: skip


def documents(rows: Sequence[Claimed]) -> dict[int, bytes]:
    """The body by delivery id, in one statement; what cannot be written is left out."""
    climbed = _climbed({row.decision for row in rows})
    found = {row.id: climbed.get((row.decision, row.occasion)) for row in rows}
    return {id: canonical(document).encode() for id, document in found.items() if document is not None}


def _climbed(decisions: set[int]) -> dict[tuple[int, str], dict[str, Any]]:
    """What was done, by decision and occasion (kind of clock and rung)."""
    rows = Escalation.objects.filter(clock__decision__in=decisions).annotate(to_owner=F("decision__owner"))
    return {
        (decision, f"{kind}:{rung}"): _document(kind, rung, *rest)
        for decision, kind, rung, *rest in rows.order_by("id").values_list(*COLUMNS)
    }


def _document(
    kind: str, rung: int, id: int, action: str, due: Any, fired: Any, late: int, decision: int | None, lead: int,
    owner: int, started: Any, ends: Any, policy: str, to_owner: int | None,
) -> dict[str, Any]:  # fmt: skip
    at = f"{rung} % of the time" if rung > 0 else f"{-rung} minutes"
    return {
        "event": EVENT, "id": id, "lead_id": lead, "lead_url": lead_url(lead), "owner_id": owner, "clock": kind,
        "policy": policy, "rung": {"percent": rung} if rung > 0 else {"minutes": -rung}, "action": action,
        "reason": f"nobody acted for {at} of {kind}" if rung > 0 else f"nobody acted for {at}: {kind}",
        "clock_started_at": started, "clock_due_at": ends, "due_at": due, "fired_at": fired, "late_seconds": late,
        "decision_id": decision, "new_owner_id": to_owner,
    }  # fmt: skip
