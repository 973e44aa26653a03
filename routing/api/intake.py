"""A posted lead in; stored, then decided within the wait, or on its way, out. Routes nothing itself.

The event is committed first; then this request leads or waits (routing.combine). Whatever fails after the
store is not the sender's problem: the answer is then 202, and the event is routed by another leader or the worker.
"""

import logging
import re
import secrets
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import timezone

from leads.flatten import Found, flatten
from leads.intake import MAX_KEY, Incoming, Stored, keep, kept_headers, store
from leads.models import RawEvent, Source
from leads.normalise import submission_id
from leads.parse import Unreadable, canonical_digest, parse_body
from leads.tokens import hash_token
from routing.api.problems import Problem
from routing.combine import combiner
from routing.document import Story, document, stories, story_of
from routing.engine.text import canonical
from routing.pipeline import Failed, Result
from routing.prepare import Prepared, SourceInfo, normalised, source_by_key
from routing.review import note_conflict, note_unreadable
from routing.steps import step
from routing.tasks import wake_router

logger = logging.getLogger(__name__)
T = TypeVar("T")

DEFAULT_WAIT = 1.0
LONGEST_WAIT = 30.0
INCOMPLETE = "The connection ended before the body did."
PRINTABLE = re.compile(r"[\x21-\x7e]{1,200}")


def intake(request: HttpRequest, source_key: str) -> HttpResponse:
    """`POST /api/v1/intake/{source_key}`."""
    try:
        return _intake(request, source_key)
    except Problem as problem:
        return problem.response()
    except DatabaseError:
        logger.exception("A posted lead could not be stored")
        return Problem(503, "storage_unavailable", headers={"Retry-After": "5"}).response()


def _intake(request: HttpRequest, source_key: str) -> HttpResponse:
    if request.method != "POST":
        raise Problem(405, "method_not_allowed", headers={"Allow": "POST"})
    source = _again_when_cut_off(lambda: _authenticated(request, source_key))
    body = _body(request)
    received_at = timezone.now()
    wait = _wait(request)
    with step("store_raw_event"):
        try:
            if not source.active:
                raise Unreadable("source_inactive", "This source is switched off; what it sends is kept for a person.")
            key = _idempotency_key(request)
            payload = parse_body(body, request.headers.get("Content-Type", ""))
        except Unreadable as error:
            return _unreadable(request, source, body, received_at, error)
        found = flatten(payload, source.mapping)
        incoming = _incoming(request, source, body, canonical_digest(payload), found, key, received_at)
        stored = _stored(incoming, wait)
    if stored.repeat:
        return _repeated(source, incoming, stored)
    if not wait:
        return _accepted(stored.event)
    try:
        return _routed(source, incoming, stored.event, found, wait)
    except Exception:  # what fails after the store is not the sender's problem
        logger.exception("Event %s is stored; its answer failed", stored.event)
        return _accepted(stored.event)


def _authenticated(request: HttpRequest, source_key: str) -> SourceInfo:
    source = source_by_key(source_key)
    if source is None:
        raise Problem(404, "unknown_source")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        token = request.GET.get("token", "")
    given = hash_token(token.strip())
    if not token or not any(secrets.compare_digest(given, known) for known in source.token_hashes):
        raise Problem(401, "unauthorised", headers={"WWW-Authenticate": "Bearer"})
    _limit(source)
    return source


_recent: dict[int, deque[float]] = {}
_counting = threading.Lock()


def _limit(source: SourceInfo) -> None:
    """At most `rate_limit` posts in any 60 seconds, counted in this web process."""
    if not source.rate_limit:
        return
    now = time.monotonic()
    with _counting:
        posts = _recent.setdefault(source.id, deque())
        while posts and posts[0] <= now - 60:
            posts.popleft()
        if len(posts) >= source.rate_limit:
            seconds = max(1, round(posts[0] + 60 - now))
            raise Problem(429, "too_many_requests", headers={"Retry-After": str(seconds)})
        posts.append(now)


def _body(request: HttpRequest) -> bytes:
    """The body's bytes; one byte more than allowed is read at most."""
    limit = settings.MAX_BODY_BYTES
    too_large = Problem(413, "body_too_large", f"At most {limit} bytes are taken.")
    try:
        length = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        length = 0
    if length > limit:
        raise too_large
    try:
        body = _stream(request).read(limit + 1)
    except UnreadablePostError as error:
        raise Problem(400, "body_incomplete", INCOMPLETE) from error
    if len(body) > limit:
        raise too_large
    if len(body) < length:  # half a form is another lead, and its retry would be a second one
        raise Problem(400, "body_incomplete", INCOMPLETE)
    return body


def _stream(request: HttpRequest) -> Any:
    """Where the body is read. Django takes a request without Content-Length for an empty one, but a chunked
    body has none; the server says when its stream ends by itself."""
    if not request.META.get("CONTENT_LENGTH") and request.META.get("wsgi.input_terminated"):
        return request.META["wsgi.input"]
    return request


def _idempotency_key(request: HttpRequest) -> str:
    """The sender's own key. One that cannot be used makes the post unreadable: it is kept, and refused."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if key and not PRINTABLE.fullmatch(key):
        raise Unreadable("bad_idempotency_key", f"Use 1 to {MAX_KEY} visible ASCII characters.")
    return key


def _wait(request: HttpRequest) -> float:
    """Seconds to wait for the decision; 0 for `Prefer: respond-async`. What cannot be read is ignored (RFC 7240)."""
    wait = DEFAULT_WAIT
    for preference in request.headers.get("Prefer", "").lower().split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip() == "respond-async":
            return 0.0
        if name.strip() == "wait":
            try:
                wait = min(max(float(value.strip(' "')), 0.0), LONGEST_WAIT)
            except ValueError:
                continue
    return wait if wait == wait else DEFAULT_WAIT


def _incoming(
    request: HttpRequest, source: SourceInfo, body: bytes, digest: str, found: Found, key: str, received_at: datetime
) -> Incoming:
    return Incoming(
        source=source.id,
        body=body,
        content_type=request.headers.get("Content-Type", "")[:200],
        headers=kept_headers(request.META),
        digest=digest,
        received_at=received_at,
        correlation_id=_correlation(request),
        intent_class=_intent_class(source),
        submission_id=submission_id(found),
        idempotency_key=key,
    )


def _correlation(request: HttpRequest) -> str:
    given = request.headers.get("X-Correlation-ID", "")
    return given if PRINTABLE.fullmatch(given) and len(given) <= 64 else uuid.uuid4().hex


def _intent_class(source: SourceInfo) -> int:
    """Stored at intake from the source and its default lead type: live before import, high intent before content."""
    if source.kind == Source.Kind.IMPORT:
        return RawEvent.IntentClass.IMPORT
    return RawEvent.IntentClass.LIVE_HIGH if source.high_intent else RawEvent.IntentClass.LIVE


def _stored(incoming: Incoming, wait: float) -> Stored:
    """Store; where nobody waits for the event, with a task queued in the same transaction."""
    return _again_when_cut_off(lambda: store(incoming, also=None if wait else wake_router))


def _again_when_cut_off(call: Callable[[], T]) -> T:
    """Once more over a new connection: after a restart of the database every kept connection is dead, and the
    first post on each would be refused. Storing twice is harmless, because of the keys."""
    try:
        return call()
    except (OperationalError, InterfaceError):
        connection.close()
        return call()


def _unreadable(
    request: HttpRequest, source: SourceInfo, body: bytes, received_at: datetime, error: Unreadable
) -> HttpResponse:
    """Keep what came, tell a person, refuse it."""
    incoming = Incoming(
        source=source.id, body=body, content_type=request.headers.get("Content-Type", "")[:200],
        headers=kept_headers(request.META),
        digest=sha256(body).hexdigest(), received_at=received_at, correlation_id=_correlation(request),
        intent_class=_intent_class(source),
    )  # fmt: skip
    event = keep(incoming, RawEvent.State.UNREADABLE, error.code)
    note_unreadable(event, source, f"{error.code}: {error.detail}", received_at)
    raise Problem(403 if error.code == "source_inactive" else 400, error.code, error.detail, event_id=event)


def _repeated(source: SourceInfo, incoming: Incoming, stored: Stored) -> HttpResponse:
    """The first result stands. Another body under an explicit key is refused; a redelivery's is kept and reviewed."""
    if stored.repeat == "key" and not stored.same_body:
        keep(incoming, RawEvent.State.DONE, "another body under a used Idempotency-Key")
        raise Problem(422, "idempotency_key_reused", event_id=stored.event)
    if not stored.same_body:
        second = keep(incoming, RawEvent.State.DONE, "another body of a known submission")
        note_conflict(stored.event, second, source, incoming.received_at)
    story = stories([stored.event]).get(stored.event)
    if story is None:
        return _accepted(stored.event, duplicate=True)
    return _decided(story, 200, duplicate=True)


def _routed(source: SourceInfo, incoming: Incoming, event: int, found: Found, wait: float) -> HttpResponse:
    """Lead or wait; then tell what became of it."""
    until = time.monotonic() + wait
    try:
        prepared = Prepared(event, source.id, incoming.received_at, normalised(found, source))
    except Exception:  # the leader tries again, and sets the event aside when it fails too
        logger.exception("Event %s could not be prepared", event)
        prepared = None
    result = combiner.submit(event, prepared, until - time.monotonic())
    story = _story(source, incoming, event, result)
    return _decided(story, 201) if story else _accepted(event)


def _story(source: SourceInfo, incoming: Incoming, event: int, result: Result | None) -> Story | None:
    """What was decided here, or by another process; None while it is under way or was set aside."""
    if isinstance(result, Failed):
        return None
    if result is None:
        return stories([event]).get(event)
    return story_of(
        result, source_key=source.key, source_system=source.system, submission_id=incoming.submission_id,
        correlation_id=incoming.correlation_id,
    )  # fmt: skip


def _decided(story: Story, status: int, **members: object) -> HttpResponse:
    row = story.decision
    body = {"event_id": row["event"], "status": "routed", "status_url": status_url(row["event"]), **members}
    text = canonical({**body, "lead_id": row["lead"], "decision": document(story)})
    return HttpResponse(text, status=status, content_type="application/json")


def _accepted(event: int, **members: object) -> HttpResponse:
    body = {"event_id": event, "status": "accepted", "status_url": status_url(event), **members}
    return JsonResponse(body, status=202)


def status_url(event: int) -> str:
    return f"{settings.BASE_URL}/api/v1/events/{event}"
