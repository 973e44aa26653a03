"""Questions of load balancers, supervisors and monitoring in, short answers out. No session, no user, no cookie.

    /healthz          the process answers; asks nothing of the database
    /readyz           the database is there and has all tables: 200, else 503
    /healthz/worker   background work is on time: 200, else 503; with numbers for those who may see them
    /metrics          Prometheus' text, for those who may see it

Numbers are for this machine itself, and for whoever sends METRICS_TOKEN as a bearer token. None of them is
about a person.
"""

import secrets
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from routing import metrics
from routing.health import State, worker_state

PROXIED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")
"""Headers of a proxy: then the near address is its own, and says nothing of who asks."""
_migrated = False


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """`/healthz`."""
    return _answer({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """`/readyz`."""
    try:
        if not _is_migrated():
            return _answer({"status": "unavailable", "reason": "Tables are missing. Run: manage.py migrate"}, 503)
    except DatabaseError:
        return _without_database()
    return _answer({"status": "ok"})


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """`/healthz/worker`."""
    try:
        state = worker_state(timezone.now())
    except DatabaseError:
        return _without_database()
    status = 503 if state.is_late else 200
    return _answer(_document(state) if _may_see(request) else {"status": state.verdict}, status)


@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """`/metrics`."""
    if not _may_see(request):
        document = {"status": "forbidden", "reason": "Send METRICS_TOKEN as a bearer token, or ask from this machine."}
        return _answer(document, 401, {"WWW-Authenticate": "Bearer"})
    try:
        return HttpResponse(metrics.text(timezone.now()), content_type=CONTENT_TYPE_LATEST, headers=NOT_KEPT)
    except DatabaseError:
        return _without_database()


PATHS = {"/healthz": alive, "/readyz": ready, "/healthz/worker": worker, "/metrics": numbers}
"""For the middleware, which answers them before anything else does."""
NOT_KEPT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def _answer(document: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    response = JsonResponse(document, status=status, headers={**NOT_KEPT, **(headers or {})})
    response._has_been_logged = True  # a probe that asks every few seconds must not fill the log
    return response


def _without_database() -> HttpResponse:
    connection.close()  # the next request gets a fresh one
    return _answer({"status": "unavailable", "reason": "The database cannot be reached."}, 503)


def _is_migrated() -> bool:
    """Whether no migration is missing. Once it was so, a look at the database is enough: code does not change
    under a running process."""
    global _migrated
    if _migrated:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True
    executor = MigrationExecutor(connection)
    _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def _may_see(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return secrets.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    near = request.META.get("REMOTE_ADDR", "") in ("127.0.0.1", "::1")
    return near and not any(header in request.headers for header in PROXIED)


def _document(state: State) -> dict[str, Any]:
    """All that is known, ages in seconds; null: there is none."""
    return {
        "status": state.verdict,
        "problems": state.sentences,
        "oldest_seconds": {name: _rounded(age) for name, age in state.work._asdict().items()},
        "heartbeat_seconds": _rounded(state.beat),
        "parts_seconds": {name: _rounded(age) for name, age in state.parts().items()},
        "tasks_given_up": state.given_up,
        "workers": [
            {
                "name": worker.name,
                "heartbeat_seconds": _rounded(worker.beat),
                "report_seconds": _rounded(worker.report),
                "renewals": worker.renewals,
            }
            for worker in state.workers
        ],
    }


def _rounded(age: float | None) -> float | None:
    return None if age is None else round(age, 1)
