"""The state of background work in; the banner, and an e-mail to operators once per incident, out.

It runs in the web processes and touches no queue: a worker that is dead cannot say so. Several processes and
hosts watch; one conditional update decides which of them writes the mail.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import DatabaseError, close_old_connections, connection
from django.db.models import Q
from django.utils import timezone

from owners.models import User
from routing import health
from routing.health import State
from routing.lease import short_transaction
from routing.models import WorkerIncident

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
LATE_LOOKS = 5
WELL_LOOKS = 12
"""So often in a row before an incident begins, and before it has ended: no mail for a hiccup, and none to and fro."""
TELL_AGAIN = timedelta(minutes=1)
"""Whoever set about telling and did not say that it did is taken to have failed."""


class Watch:
    """The looks of one web process."""

    def __init__(self) -> None:
        self._late = self._well = 0

    def look(self, now: datetime, monotonic: Callable[[], float] = time.monotonic) -> State:
        """One look: keep it for the banner, begin or end the incident, tell. Raises `DatabaseError`."""
        state = health.worker_state(now, monotonic)
        health.remember(state, monotonic)
        self._late, self._well = (self._late + 1, 0) if state.is_late else (0, self._well + 1)
        if self._late >= LATE_LOOKS:
            _begin(now)
            _tell(state, now)
        elif self._well >= WELL_LOOKS:
            _end(now)
        return state


def start_watching(seconds: float = LOOK_SECONDS) -> threading.Thread:
    """Watch from a thread of this process for as long as it lives."""

    def loop() -> None:
        watch = Watch()
        while True:
            time.sleep(seconds)
            close_old_connections()
            try:
                watch.look(timezone.now())
            except DatabaseError as error:
                logger.warning("Background work cannot be watched: %s", type(error).__name__)
                connection.close()
            except Exception:  # whatever it is, the watch goes on
                logger.exception("A look at the background work failed")

    thread = threading.Thread(target=loop, name="watch", daemon=True)
    thread.start()
    return thread


def operators() -> list[str]:
    """Whom to tell: OPERATOR_EMAILS, or else the active superusers who have an address."""
    if settings.OPERATOR_EMAILS:
        return list(settings.OPERATOR_EMAILS)
    users = User.objects.filter(is_superuser=True, is_active=True).exclude(email="").order_by("email")
    return list(users.values_list("email", flat=True).distinct())


def _begin(now: datetime) -> None:
    """An incident, unless there is one. The read comes first: a long incident is not written at every look."""
    since = WorkerIncident.objects.filter(pk=1).values_list("since", flat=True)
    if not since.exists():
        with short_transaction():
            WorkerIncident.objects.bulk_create([WorkerIncident(pk=1)], ignore_conflicts=True)
    if since.first() is None:
        with short_transaction():
            WorkerIncident.objects.filter(pk=1, since=None).update(since=now)


def _tell(state: State, now: datetime) -> None:
    """Write the mail if nobody has, and nobody is about to; one that could not be sent is tried again."""
    unclaimed = Q(claimed_at=None) | Q(claimed_at__lt=now - TELL_AGAIN) | Q(claimed_at__gt=now + TELL_AGAIN)
    open_untold = WorkerIncident.objects.filter(unclaimed, pk=1, since__isnull=False, told_at=None)
    if not open_untold.exists():
        return
    with short_transaction():
        if not open_untold.update(claimed_at=now):
            return
    logger.error("Background work is late: %s", " ".join(state.sentences))
    if tell_operators("RevRoute: background work is late", [*state.sentences, *WHAT_TO_DO]):
        with short_transaction():
            WorkerIncident.objects.filter(pk=1, since__isnull=False, claimed_at=now).update(told_at=now)


def _end(now: datetime) -> None:
    """The incident is over; who ends it says so to those who were told of it."""
    incident = WorkerIncident.objects.filter(pk=1, since__isnull=False).first()
    if incident is None:
        return
    with short_transaction():
        ended = WorkerIncident.objects.filter(pk=1, since=incident.since).update(
            since=None, claimed_at=None, told_at=None
        )
    if not ended:
        return
    logger.warning("Background work is on time again")
    if incident.told_at:
        lasted = health.spoken(max(0.0, (now - incident.since).total_seconds()))
        tell_operators(
            "RevRoute: background work is on time again", [f"It was late for about {lasted}. Nothing was lost."]
        )


WHAT_TO_DO = (
    "Posted leads are stored and still get an owner at once; alerts, first tasks and escalations wait.",
    "See whether `manage.py worker` or `manage.py serve` runs, and what it wrote last. Starting again loses nothing.",
)


def tell_operators(subject: str, sentences: list[str]) -> bool:
    """Straight to the mail server; whether it took it."""
    recipients = operators()
    if not recipients:
        logger.error("Nobody can be told by e-mail: set OPERATOR_EMAILS, or give a superuser an address")
        return True
    body = "\n".join([*sentences, "", settings.BASE_URL])
    headers = {"Auto-Submitted": "auto-generated"}  # RFC 3834
    try:
        EmailMessage(subject, body, to=recipients, headers=headers).send()
    except Exception as error:  # whatever the mail server does, the watch goes on
        logger.error("Operators could not be told by e-mail: %s", type(error).__name__)
        return False
    return True
