"""A number of leads in, that many waiting events stored and, where asked, the statements that route them counted."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from leads.models import RawEvent, Source
from leads.parse import canonical_digest
from routing import pipeline, prepare
from routing.bench.load import lead_payload


def store_waiting(count: int, stored: int, hot: bool = False) -> None:
    """Store so many new events in bulk, as an import would; nobody is told of them."""
    source, now, chance = Source.objects.values_list("id", flat=True).get(), timezone.now(), random.Random()
    events = []
    for _ in range(count):
        payload = lead_payload(chance, stored, hot)
        events.append(
            RawEvent(
                source_id=source,
                received_at=now,
                content_type="application/json",
                headers="{}",
                body=json.dumps(payload).encode(),
                body_digest=canonical_digest(payload),
                submission_id=payload["submission_id"],
                correlation_id=uuid4().hex,
            )
        )
    RawEvent.objects.bulk_create(events, batch_size=1000)


def statements_per_batch(size: int, stored: int) -> int:
    """Statements of one batch of `size` leads in a warm process, BEGIN and COMMIT left out."""
    store_waiting(1, stored)
    pipeline.drain()  # compiles what is in force now
    store_waiting(size, stored)
    _read_the_source()
    with counting() as count:
        results = pipeline.route(limit=size)
    if len(results) != size:
        raise RuntimeError(f"{len(results)} of {size} events were routed; something else routes on this database")
    return count()


def _read_the_source() -> None:
    """Read it now: it is kept for a second or so, and would be read anew inside a batch in which that runs out."""
    prepare.forget_sources()
    prepare.source_by_id(Source.objects.values_list("id", flat=True).get())


@contextmanager
def counting() -> Iterator[Callable[[], int]]:
    """Count what is executed on the connection inside the block."""
    seen = 0

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        nonlocal seen
        seen += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield lambda: seen
