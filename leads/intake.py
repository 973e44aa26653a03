"""A body that was posted in, a committed raw event out, or the event it repeats; decides nothing about the lead.

Step 1 of a lead's way. What makes a submission itself is one conditional write on `IdempotencyKey`: whoever
inserts the key, or takes over an expired one, owns the submission; everybody else is a repeat.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from leads.clean import clean_text
from leads.ids import new_id
from leads.models import IdempotencyKey, RawEvent
from leads.sql import execute
from owners.writer import sqlite_turn

WINDOW = timedelta(minutes=10)
"""How long equal bodies of a sender that names neither key nor submission count as one."""

MAX_KEY = 200
KEPT_HEADERS = {
    "HTTP_USER_AGENT": "user-agent",
    "HTTP_REFERER": "referer",
    "HTTP_X_REQUEST_ID": "x-request-id",
    "HTTP_X_FORWARDED_FOR": "x-forwarded-for",
    "HTTP_WEBHOOK_ID": "webhook-id",
    "HTTP_WEBHOOK_TIMESTAMP": "webhook-timestamp",
}
"""WSGI name → header; never one that carries credentials."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A post that was understood well enough to be kept. `digest`: SHA-256 of the canonical body."""

    source: int
    body: bytes
    content_type: str
    headers: str
    digest: str
    received_at: datetime
    correlation_id: str
    intent_class: int
    submission_id: str = ""
    idempotency_key: str = ""

    def keys(self) -> list[tuple[str, datetime | None]]:
        """The names of this submission with their expiry: the sender's own, else the body within the window."""
        keys: list[tuple[str, datetime | None]] = []
        if self.idempotency_key:
            keys.append((f"key:{self.idempotency_key}", None))
        if self.submission_id:
            keys.append((f"sub:{self.submission_id}", None))
        return keys or [(f"body:{self.digest}", self.received_at + WINDOW)]


class Stored(NamedTuple):
    """`event`: the new event's id, or the first one's. `repeat`: what recognised it: key, sub, body, or ''."""

    event: int
    repeat: str = ""
    same_body: bool = True


class Taken(Exception):
    """A key of the submission belongs to another event; rolls back what was written before it."""


def kept_headers(environ: Mapping[str, object]) -> str:
    """The headers worth keeping of a WSGI environment, as JSON."""
    given = {name: environ[key] for key, name in KEPT_HEADERS.items() if key in environ}
    return json.dumps({name: clean_text(str(value), 500) for name, value in given.items()})


def store(incoming: Incoming, also: Callable[[], None] | None = None) -> Stored:
    """Commit the event, unless it repeats one. Must run outside any transaction, or it does not commit.

    `also` runs in the same transaction when the event is new. Raises django.db.DatabaseError when the database
    cannot be had; then nothing was stored.
    """
    keys = incoming.keys()
    if connection.vendor == "postgresql" and len(keys) == 1 and also is None:
        event = _store_at_once(incoming, *keys[0])
        return Stored(event) if event else _first(incoming, keys, also)
    try:
        with sqlite_turn(), transaction.atomic():
            stored = Stored(_store_stepwise(incoming, keys))
            if also is not None:
                also()
            return stored
    except Taken:
        return _first(incoming, keys, also)


EVENT_COLUMNS = (
    "source_id, state, intent_class, received_at, content_type, headers, body, body_digest, submission_id,"
    " idempotency_key, correlation_id, attempts, error"
)
CLAIM = """
INSERT INTO leads_idempotencykey (source_id, key, event_id, expires_at) {values}
ON CONFLICT (source_id, key) DO UPDATE SET event_id = excluded.event_id, expires_at = excluded.expires_at
WHERE leads_idempotencykey.expires_at <= %s
RETURNING event_id
"""
AT_ONCE = f"""
WITH fresh AS (SELECT nextval('leads_rawevent_id_seq') AS id),
claimed AS ({CLAIM.format(values="SELECT %s, %s, id, %s::timestamptz FROM fresh")})
INSERT INTO leads_rawevent (id, {EVENT_COLUMNS})
SELECT event_id, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s FROM claimed RETURNING id
"""


def _event_values(incoming: Incoming, state: int = RawEvent.State.WAITING, error: str = "") -> list:
    return [
        incoming.source, int(state), incoming.intent_class, incoming.received_at, incoming.content_type[:200],
        incoming.headers, incoming.body, incoming.digest, incoming.submission_id[:MAX_KEY],
        incoming.idempotency_key[:MAX_KEY], incoming.correlation_id, 0, error,
    ]  # fmt: skip


def _store_at_once(incoming: Incoming, key: str, expires_at: datetime | None) -> int | None:
    """One statement: claim the key and insert the event, or neither."""
    values = [incoming.source, key, expires_at, incoming.received_at, *_event_values(incoming)]
    rows = execute(AT_ONCE, values)
    return rows[0][0] if rows else None


def _store_stepwise(incoming: Incoming, keys: list[tuple[str, datetime | None]]) -> int:
    """The same in several statements: SQLite, and submissions with two names. Raises Taken."""
    id = new_id()
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        for key, expires_at in keys:
            cursor.execute(
                CLAIM.format(values="VALUES (%s, %s, %s, %s)"),
                [incoming.source, key, id, adapt(expires_at), adapt(incoming.received_at)],
            )
            if cursor.fetchone() is None:
                raise Taken(key)
        _insert_event(cursor, id, _event_values(incoming))
    return id


def _insert_event(cursor, id: int, values: list) -> None:
    values = [connection.ops.adapt_datetimefield_value(v) if isinstance(v, datetime) else v for v in values]
    holes = ", ".join(["%s"] * (len(values) + 1))
    cursor.execute(f"INSERT INTO leads_rawevent (id, {EVENT_COLUMNS}) VALUES ({holes})", [id, *values])


def _first(incoming: Incoming, keys: list[tuple[str, datetime | None]], also: Callable[[], None] | None) -> Stored:
    """The event that holds the submission's name; an explicit key goes before the payload's own id."""
    held = {
        key: (event, digest)
        for key, event, digest in IdempotencyKey.objects.filter(
            source=incoming.source, key__in=[key for key, _ in keys]
        ).values_list("key", "event", "event__body_digest")
    }
    for key, _ in keys:
        if key in held:
            event, digest = held[key]
            return Stored(event, key.partition(":")[0], digest == incoming.digest)
    # The event that held the key is gone (pruned) between two statements: ask again.
    return store(incoming, also)


def keep(incoming: Incoming, state: int, error: str) -> int:
    """Keep a body that is not to be routed: one that could not be read, or a second one of a submission."""
    with sqlite_turn(), transaction.atomic(), connection.cursor() as cursor:
        id = new_id()
        _insert_event(cursor, id, _event_values(incoming, state, error))
    return id
