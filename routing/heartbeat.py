"""Workers and their heartbeats in, the rows that say so out. Judges nothing; runs nothing but the question.

A heartbeat goes through the queue: the supervisor queues `routing.tasks.beat` for its own cluster, and the
task counts it in the worker's row. What came through is therefore proof that tasks are taken, run and ended.
"""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db.models import F
from django_q.conf import Conf
from django_q.tasks import async_task

from routing.broker import HOST, forget_line, line_of, waits_untaken
from routing.lease import short_transaction
from routing.models import WorkerHeartbeat

GONE = timedelta(days=1)
"""A row that nobody wrote for so long is that of a host that does not come back."""


def worker_name(pid: int | None = None) -> str:
    """Host and process: the name that a background process signs with."""
    return f"{HOST}:{pid or os.getpid()}"


def register(now: datetime) -> None:
    """The worker that this process is, anew, with no heartbeat yet."""
    fresh: dict[str, Any] = {
        "host": HOST, "pid": os.getpid(), "cluster_pid": None, "started_at": now, "reported_at": now,
        "reports": 0, "beats": 0, "beat_at": None, "renewals": 0, "renewed_at": None, "parts": {},
    }  # fmt: skip
    with short_transaction():
        WorkerHeartbeat.objects.update_or_create(name=worker_name(), defaults=fresh)


def retire() -> None:
    """This worker ends as it should: it has no row any more, and nobody misses it."""
    with short_transaction():
        WorkerHeartbeat.objects.filter(name=worker_name()).delete()


def ask(cluster_pid: int) -> None:
    """Queue a heartbeat for the cluster, unless one waits untaken."""
    if Conf.ORM and waits_untaken(line_of(cluster_pid)):
        return
    line = {"cluster": line_of(cluster_pid)} if Conf.ORM else {}
    with short_transaction():
        async_task("routing.tasks.beat", worker_name(), save=False, **line)


def beat(name: str, now: datetime) -> None:
    """Count a heartbeat of the worker: something came through its queue."""
    with short_transaction():
        WorkerHeartbeat.objects.filter(name=name).update(beats=F("beats") + 1, beat_at=now)


def beat_here(now: datetime) -> None:
    """The same from within a task that takes its time, for the worker whose cluster this process belongs to."""
    with short_transaction():
        WorkerHeartbeat.objects.filter(host=HOST, cluster_pid=os.getpgid(0)).update(beats=F("beats") + 1, beat_at=now)


def beats() -> int | None:
    """The heartbeats counted for this worker; None without a row."""
    return WorkerHeartbeat.objects.filter(name=worker_name()).values_list("beats", flat=True).first()


def report(now: datetime, parts: Mapping[str, Any], **fields: Any) -> bool:
    """Write what the worker knows of itself; whether its row is there."""
    with short_transaction():
        own = WorkerHeartbeat.objects.filter(name=worker_name())
        return bool(own.update(reported_at=now, reports=F("reports") + 1, parts=dict(parts), **fields))


def gone(now: datetime) -> list[WorkerHeartbeat]:
    """The rows of workers that are gone: of this host those that do not run, of others those silent for a day."""
    others = WorkerHeartbeat.objects.exclude(name=worker_name())
    return [row for row in others if not (_runs_here(row) if row.host == HOST else row.reported_at > now - GONE)]


def _runs_here(row: WorkerHeartbeat) -> bool:
    return is_running(row.pid, "worker")


def left_running(rows: Iterable[WorkerHeartbeat]) -> list[int]:
    """The clusters that such workers left on this host, as process groups.

    A worker that was killed cannot end its cluster. A cluster that is well ends itself then, a wedged one never.
    """
    clusters = [row.cluster_pid for row in rows if row.host == HOST and row.cluster_pid]
    return [pid for pid in clusters if is_running(pid, "qcluster")]


def forget(rows: Iterable[WorkerHeartbeat]) -> None:
    """Those workers are gone for good, and with them what was asked of their clusters."""
    for row in rows:
        if row.cluster_pid:
            forget_line(row.cluster_pid)
        row.delete()


def is_running(pid: int, word: str) -> bool:
    """Whether the process lives and has `word` in its command. Without /proc: whether any of that number lives."""
    if Path("/proc/self").exists():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        return bool(words) and word.encode() in words  # one that ended and was not yet waited for has none
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
