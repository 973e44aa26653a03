"""The rows of background work in, whether it is on time and in plain sentences why not, out. Changes nothing.

A verdict is about progress, never about mere life: heartbeats that came through a queue, parts of the tick that
ended, and above all work that waits too long.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from django.utils.dateparse import parse_datetime
from django_q.models import OrmQ

from leads.sql import execute
from routing.broker import given_up_key
from routing.models import WorkerHeartbeat
from routing.pulse import Ages
from routing.waiting import instant

REPORT_LATE = 30.0
HEARTBEAT_LATE = 60.0
PART_LATE = 120.0
LEAD_LATE = 60.0
IMPORT_LATE = 900.0
"""Imports wait for their turn behind live leads; a large one takes minutes when all is well."""
ALERT_LATE = 60.0
CRM_LATE = 60.0
STARTING = 30.0
"""All in seconds. Work counts as late from when it could have been done: a retry that waits on purpose is not."""

WORK_SQL = """
SELECT
  (SELECT received_at FROM leads_rawevent WHERE state = 0 AND intent_class = 0 ORDER BY id LIMIT 1),
  (SELECT received_at FROM leads_rawevent WHERE state = 0 AND intent_class = 1 ORDER BY id LIMIT 1),
  (SELECT received_at FROM leads_rawevent WHERE state = 0 AND intent_class = 2 ORDER BY id LIMIT 1),
  (SELECT MIN(created_at) FROM routing_delivery WHERE state IN ('owed', 'sending')),
  (SELECT MIN(next_try_at) FROM routing_delivery WHERE state IN ('owed', 'sending')),
  (SELECT MIN(next_try_at) FROM routing_planaction WHERE state = 'pending'),
  (SELECT MIN(due_at) FROM routing_slaclock WHERE state = 'running')
"""


class Work(NamedTuple):
    """Ages in seconds of the oldest of each kind; None: there is none."""

    lead_waiting: float | None
    import_waiting: float | None
    alert_undelivered: float | None
    alert_overdue: float | None
    crm_write_overdue: float | None
    clock_overdue: float | None


class Worker(NamedTuple):
    """One worker as its row shows it. Ages in seconds; `beat`: None before the first heartbeat."""

    name: str
    uptime: float
    beat: float | None
    report: float
    parts: dict[str, float]
    renewals: int


class State(NamedTuple):
    """`late` with at least one sentence, or `ok` with none."""

    verdict: str
    sentences: list[str]
    work: Work
    workers: list[Worker]
    given_up: int

    @property
    def is_late(self) -> bool:
        return self.verdict == "late"

    @property
    def beat(self) -> float | None:
        """The youngest heartbeat's age in seconds."""
        return min((worker.beat for worker in self.workers if worker.beat is not None), default=None)

    def parts(self) -> dict[str, float]:
        """By part: the age of its last run, whichever worker ran it."""
        ages: dict[str, float] = {}
        for worker in self.workers:
            for part, age in worker.parts.items():
                ages[part] = min(age, ages.get(part, age))
        return ages


_ages = Ages()


def worker_state(now: datetime, monotonic: Callable[[], float] = time.monotonic, ages: Ages = _ages) -> State:
    """How background work is doing: three short queries. Raises `DatabaseError`.

    `ages` remembers what this process saw, so that a clock that jumps is no alarm and no all-clear.
    """
    work, workers = _work(now), _workers(now, monotonic(), ages)
    given_up = OrmQ.objects.filter(key=given_up_key()).count()
    sentences = [*_about_workers(workers), *_about_work(work)]
    return State("late" if sentences else "ok", sentences, work, workers, given_up)


def _work(now: datetime) -> Work:
    [row] = execute(WORK_SQL)
    high, live, imported, created, alert, action, clock = (_seconds(now, value) for value in row)
    lead = max((age for age in (high, live) if age is not None), default=None)
    return Work(lead, imported, created, *(age if age and age > 0 else None for age in (alert, action, clock)))


def _seconds(now: datetime, value: datetime | str | None) -> float | None:
    return None if value is None else (now - instant(value)).total_seconds()


def _workers(now: datetime, monotonic: float, ages: Ages) -> list[Worker]:
    return [_worker(row, now, monotonic, ages) for row in WorkerHeartbeat.objects.all()]


def _worker(row: WorkerHeartbeat, now: datetime, monotonic: float, ages: Ages) -> Worker:
    def age(what: str, count: int, at: datetime | None) -> float:
        return ages.age((row.name, row.started_at, what), count, at, now, monotonic)

    parts = {
        name: age(f"part {name}", ran["times"], parse_datetime(ran["at"])) for name, ran in sorted(row.parts.items())
    }
    beat = age("beat", row.beats, row.beat_at) if row.beats else None
    uptime = age("uptime", 0, row.started_at)
    return Worker(row.name, uptime, beat, age("report", row.reports, row.reported_at), parts, row.renewals)


def _about_workers(workers: list[Worker]) -> list[str]:
    """One that works is enough: another that went without a word is not missed then."""
    if not workers:
        return ["No background worker is running; start one with manage.py worker."]
    if any(not _faults(worker) for worker in workers):
        return []
    return _faults(min(workers, key=lambda worker: worker.report))


def _faults(worker: Worker) -> list[str]:
    if worker.report > REPORT_LATE:
        return [f"The background worker has not been heard of for {spoken(worker.report)}. Start it again."]
    silent = worker.beat if worker.beat is not None else worker.uptime
    faults = []
    if silent > HEARTBEAT_LATE:
        faults.append(f"Nothing has come through the background queue for {spoken(silent)}; it is being renewed.")
    faults += [
        f"The {part} part of the background worker has stood still for {spoken(age)}."
        for part, age in worker.parts.items()
        if age > PART_LATE
    ]
    return faults


def _about_work(work: Work) -> list[str]:
    """What waits, by how long it may."""
    found: Iterable[tuple[float | None, float, str]] = (
        (work.lead_waiting, LEAD_LATE, "The oldest lead has waited {} for its decision."),
        (work.import_waiting, IMPORT_LATE, "The oldest imported lead has waited {} for its decision."),
        (work.alert_overdue, ALERT_LATE, "The oldest alert should have gone out {} ago."),
        (work.crm_write_overdue, CRM_LATE, "The oldest CRM write or first task should have been done {} ago."),
    )
    return [sentence.format(spoken(age)) for age, limit, sentence in found if age is not None and age > limit]


def spoken(seconds: float) -> str:
    """As a person says it: 50 seconds, 3 minutes, 2 hours, 4 days."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}s"
    return f"{int(seconds)} seconds"


# --- what every screen shows ------------------------------------------------------------------------------

WATCH_LOST = 120.0
_latest: tuple[State, float] | None = None
_began = time.monotonic()


def remember(state: State | None, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Keep the latest look of this process for `banner`; None forgets it."""
    global _latest
    _latest = (state, monotonic()) if state else None


def banner(monotonic: Callable[[], float] = time.monotonic) -> str:
    """What to say on every screen, or nothing. No query: it is what this web process saw last, seconds ago.

    A process that watches nothing (a command, a test) says nothing; so does one that has only just begun, while
    the worker beside it may still be starting.
    """
    if _latest is None or monotonic() - _began < STARTING:
        return ""
    state, looked_at = _latest
    if monotonic() - looked_at > WATCH_LOST:
        return "Nobody can tell whether background work is on time: the watch over it stands still. Restart RevRoute."
    return f"Background work is late. {' '.join(state.sentences)}" if state.is_late else ""
