"""Waiting events in, routed ones out, batch by batch, in a background process that an event may kill.

An event that raises is set aside by the pipeline. One that kills its process (a crash in C code, memory) leaves
nothing to catch, waits as before, and would kill whoever takes it next, for ever. So a background process writes
down which events it begins (`BatchUnderWay`, one small commit for up to a hundred events, none on the way of a
posted lead). Who finds such a batch of a process that is gone carries its events one by one, each attempt
committed before the work; after three deaths an event goes to review.
"""

import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import DatabaseError, connection
from django.db.models import F

from leads.models import RawEvent
from routing import pipeline
from routing.execute import set_aside
from routing.heartbeat import HOST, is_running, worker_name
from routing.lease import short_transaction
from routing.models import BatchUnderWay
from routing.pipeline import BATCH, Failed
from routing.waiting import first_waiting

logger = logging.getLogger(__name__)

MAX_DEATHS = 3
LOST_AFTER = timedelta(minutes=5)
"""A batch of another host that is this old belongs to nobody: its transaction ended long ago."""

Clock = Callable[[], datetime]


class ProcessDied(Exception):
    """What an event is set aside with whose routing killed the process."""


def route_waiting(clock: Clock, has_time: Callable[[], bool], tell: Callable[[], None] = lambda: None) -> int:
    """Route until nothing waits or the time is up; how many events. `tell` is called after each batch.

    Raises `DatabaseError` when the database cannot be had; then everything waits as before.
    """
    count = _carry_suspects(clock, has_time)
    holds = False
    try:
        while has_time() and (ids := first_waiting(BATCH)):
            holds = _announce(ids, clock(), holds)
            results = pipeline.route(limit=BATCH, clock=clock)
            if not results:
                break
            count += len(results)
            tell()
    finally:
        if holds:
            _withdraw()
    return count


def _announce(ids: list[int], now: datetime, holds: bool) -> bool:
    """Commit which events are begun, before they are taken."""
    with short_transaction():
        if holds:
            BatchUnderWay.objects.filter(holder=worker_name()).update(events=ids, begun_at=now)
        else:
            BatchUnderWay.objects.create(holder=worker_name(), events=ids, begun_at=now)
    return True


def _withdraw() -> None:
    """What was begun has ended. A row that cannot be removed now only makes its events be tried one by one."""
    with contextlib.suppress(DatabaseError), short_transaction():
        BatchUnderWay.objects.filter(holder=worker_name()).delete()


def _carry_suspects(clock: Clock, has_time: Callable[[], bool]) -> int:
    """The events of batches whose process is gone, one by one."""
    count = 0
    for batch in sorted(BatchUnderWay.objects.all(), key=lambda batch: batch.holder != worker_name()):
        if not (has_time() and _is_abandoned(batch, clock()) and _claim(batch, clock())):
            continue
        logger.warning("%s died while it routed %s events; they are tried one by one", batch.holder, len(batch.events))
        for id in batch.events:
            count += _try_alone(id, clock)
        _withdraw()
    return count


def _is_abandoned(batch: BatchUnderWay, now: datetime) -> bool:
    """Whether its process is gone. One with this process's own name is of a predecessor with the same number."""
    host, _, pid = batch.holder.rpartition(":")
    if batch.holder == worker_name() or (host == HOST and not is_running(int(pid), "")):
        return True
    return abs(now - batch.begun_at) > LOST_AFTER


def _claim(batch: BatchUnderWay, now: datetime) -> bool:
    """Take the batch over, unless another process was faster."""
    as_read = BatchUnderWay.objects.filter(pk=batch.pk, holder=batch.holder, begun_at=batch.begun_at)
    with short_transaction():
        return bool(as_read.update(holder=worker_name(), begun_at=now))


def _try_alone(id: int, clock: Clock) -> int:
    """Route one suspect, if it still waits; 1 if it was dealt with. A death leaves its attempt counted."""
    waiting = RawEvent.objects.filter(pk=id, state=RawEvent.State.WAITING)
    deaths = waiting.values_list("attempts", flat=True).first()
    if deaths is None:
        return 0
    if deaths >= MAX_DEATHS:
        logger.error("Event %s ended its process %s times and is set aside", id, deaths)
        set_aside(id, ProcessDied(), clock())
        return 1
    with short_transaction():
        waiting.update(attempts=F("attempts") + 1)
    try:
        results = pipeline.route(own=id, limit=1, clock=clock)
    except DatabaseError:
        connection.close()
        _uncount(id)
        raise
    if not any(isinstance(result, Failed) for result in results):
        _uncount(id)
    return len(results)


def _uncount(id: int) -> None:
    with contextlib.suppress(DatabaseError), short_transaction():
        RawEvent.objects.filter(pk=id, attempts__gt=0).update(attempts=F("attempts") - 1)
