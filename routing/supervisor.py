"""The queue's cluster and the parts of the tick, kept going: whatever stands still or dies is noticed and renewed.

django-q's cluster can live and do nothing for good: a worker process that is killed takes the lock of its queue
with it. So progress is what counts, not life: a heartbeat is queued every few seconds, and a cluster that owes
one for too long is ended, with all its processes, and started anew. A part of the tick that hangs is a thread,
which nobody can end: then this process begins again as itself.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import DatabaseError, connection

from owners.writer import impatient, is_locked
from routing import heartbeat
from routing.processes import Backoff, Group, end_group
from routing.pulse import Patience
from routing.worker import Clock, Ticking

logger = logging.getLogger(__name__)

QUEUE = "queue"


class Limits(NamedTuple):
    """All in seconds. What is owed for `stuck` is noticed; a look, a question, the `grace` to end and a start come
    on top of it, and together they stay below the 60 s to notice and the 120 s to work again that are promised.
    A look waits for each lock of the database for `lock` at most. A cluster has until `start` for its first answer."""

    look: float = 1.0
    lock: float = 2.0
    ask: float = 10.0
    report: float = 5.0
    stuck: float = 40.0
    start: float = 60.0
    part: float = 120.0
    grace: float = 2.0


class Renewal(Exception):
    """This process has to begin again."""


class Supervisor:
    """Watches one cluster and one `Ticking`. `monotonic` never jumps; `clock` may."""

    def __init__(
        self,
        group: Group,
        ticking: Ticking,
        command: Sequence[str],
        clock: Clock,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._group, self._ticking, self._command = group, ticking, command
        self._clock, self._limits, self._monotonic = clock, limits, monotonic
        self._patience = Patience()
        self._parts = {name: Patience() for name in ticking.ran}
        self._backoff = Backoff()
        self._asked_at: float | None = None
        self._reported_at: float | None = None
        self._owes = False
        self._is_new = True
        self._beats = 0
        self._renewals = 0
        self._renewed_at: datetime | None = None
        self._former: list[int] = []

    def run(self) -> None:
        """Until asked to stop. Raises `Renewal` when only another process can go on."""
        self._tidy()
        self._start()
        while not self._group.stopping.wait(self._limits.look):
            self.look()
        self._group.stop()  # first: a process of it may keep locked what the farewell needs
        try:
            with impatient(self._limits.lock):
                heartbeat.retire()
        except DatabaseError:
            connection.close()

    def look(self) -> None:
        """One look at everything.

        A database that is away says nothing about the cluster. One that is locked does: a process of the cluster that
        was stopped in the middle of writing keeps the lock, and everybody waits for it, the heartbeats too.
        """
        self._restart_if_dead()
        try:
            with impatient(self._limits.lock):
                self._look_at_cluster()
                self._report()
        except DatabaseError as error:
            connection.close()
            if is_locked(error):
                outlasted = self._is_new and self._renewals
                logger.warning(
                    "%s keeps the database locked; the worker cannot say how it is",
                    "Another process than those of the cluster" if outlasted else "Somebody",
                )
                self._owes = True
            else:
                logger.warning("The worker cannot be watched: %s", type(error).__name__)
                self._forget_answers()
        self._lose_patience()
        self._look_at_parts()

    def _start(self) -> None:
        self._group.start(QUEUE, self._command)
        self._backoff.started(self._monotonic())
        self._forget_answers()
        self._reported_at, self._is_new = None, True

    def _forget_answers(self) -> None:
        """What was owed is not, any more."""
        self._patience.forget()
        self._asked_at, self._owes = None, False

    @property
    def _cluster_pid(self) -> int:
        return self._group.children[QUEUE].pid

    def _restart_if_dead(self) -> None:
        if (status := self._group.children[QUEUE].poll()) is None:
            return
        if self._backoff.may_start(self._monotonic()):
            logger.error("The queue's cluster ended with status %s and is started again", status)
            end_group(self._cluster_pid)
            self._renewed()

    def _look_at_cluster(self) -> None:
        """Ask for heartbeats, and count what came."""
        now = self._monotonic()
        beats = heartbeat.beats()
        if beats is None:  # a first start, or another database
            heartbeat.register(self._clock())
            self._reported_at = None
            beats = 0
        if beats != self._beats:
            self._owes = self._is_new = False
        self._beats = beats
        if self._asked_at is None or now - self._asked_at >= self._limits.ask:
            heartbeat.ask(self._cluster_pid)
            self._asked_at, self._owes = now, True

    def _lose_patience(self) -> None:
        limit = self._limits.start if self._is_new else self._limits.stuck
        if self._patience.look(self._beats, self._owes, self._monotonic()) > limit:
            logger.error(
                "The queue's cluster owes a heartbeat for %.0f s; its processes are ended and started anew",
                self._patience.waited,
            )
            self._group.end(QUEUE, self._limits.grace)
            self._renewed()

    def _renewed(self) -> None:
        self._former.append(self._cluster_pid)
        self._start()
        self._renewals += 1
        self._renewed_at = self._clock()
        try:
            with impatient(self._limits.lock):
                self._report()
        except DatabaseError:  # the next look that can says it
            connection.close()

    def _report(self) -> None:
        now = self._monotonic()
        if self._reported_at is None or now - self._reported_at >= self._limits.report:
            while self._former:
                heartbeat.forget_line(self._former[-1])
                self._former.pop()
            heartbeat.report(
                self._clock(), self._ticking.report(),
                cluster_pid=self._cluster_pid, renewals=self._renewals, renewed_at=self._renewed_at,
            )  # fmt: skip
            self._reported_at = now

    def _look_at_parts(self) -> None:
        now = self._monotonic()
        for name, patience in self._parts.items():
            if patience.look(self._ticking.ran[name].times, owed=True, monotonic=now) > self._limits.part:
                logger.error("The %s part stands still for %.0f s; the worker begins again", name, patience.waited)
                raise Renewal(name)

    def _tidy(self) -> None:
        """End what an earlier worker of this host left running, before anything is written: it may keep a lock."""
        try:
            with impatient(self._limits.lock):
                gone = heartbeat.gone(self._clock())
                for cluster in heartbeat.left_running(gone):
                    logger.warning("The cluster of an earlier worker still runs and is ended")
                    end_group(cluster)
                heartbeat.register(self._clock())
                heartbeat.forget(gone)
        except DatabaseError:
            connection.close()


def begin_again() -> None:
    """Replace this process by a new one of the same command: threads end, files and locks are released."""
    connection.close()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.argv])
