"""Payloads in, stored and waiting events out: what a burst of senders leaves in the inbox."""

import json
from typing import Any

from leads.intake import Incoming, store
from leads.models import Source
from leads.parse import canonical_digest
from tests.builders import NOW


def waiting(source: Source, *payloads: dict[str, Any], intent_class: int = 1) -> list[int]:
    """One event each, in order, that nobody has routed yet; their ids."""
    return [_stored(source, payload, intent_class) for payload in payloads]


def buyers(count: int, first: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """So many strangers of as many companies."""
    return [{"email": f"buyer{n}@company{n}.example", **fields} for n in range(first, first + count)]


def _stored(source: Source, payload: dict[str, Any], intent_class: int) -> int:
    return store(
        Incoming(
            source=source.pk, body=json.dumps(payload).encode(), content_type="application/json", headers="{}",
            digest=canonical_digest(payload), received_at=NOW, correlation_id="c", intent_class=intent_class,
        )
    ).event  # fmt: skip
