"""The database's numbers in, the text that Prometheus reads out. Every number is a gauge read from rows.

Several processes answer the same address, so nothing is counted in a process. What costs a walk through many
rows is read once in a while; what tells lateness, each time.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from django.db import connection
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from leads.sql import execute
from routing.health import State, worker_state
from routing.models import Decision

KEPT_SECONDS = 15.0

_lock = threading.Lock()
_kept: tuple[float, bytes] | None = None


def text(now: datetime) -> bytes:
    """Prometheus' text format, at most 15 seconds old. Raises `DatabaseError`."""
    global _kept
    with _lock:
        if _kept is None or time.monotonic() - _kept[0] > KEPT_SECONDS:
            _kept = (time.monotonic(), render(now))
        return _kept[1]


def render(now: datetime) -> bytes:
    """The same, read now."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(now))
    return generate_latest(registry)


class _Numbers(Collector):
    def __init__(self, now: datetime) -> None:
        self._now = now

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from _counts(self._now)
        yield from _decisions()
        yield from _lateness(worker_state(self._now))


# Conditions are written like those of the partial indexes, values included, so that SQLite uses them.
COUNTS_SQL = """
SELECT
  (SELECT COUNT(*) FROM leads_rawevent),
  (SELECT COUNT(*) FROM leads_rawevent WHERE state = 0),
  (SELECT COUNT(*) FROM routing_decision),
  (SELECT COUNT(*) FROM routing_reviewitem WHERE state = 'open'),
  (SELECT COUNT(*) FROM routing_reviewitem WHERE state = 'open' AND due_at < %s),
  (SELECT COUNT(*) FROM routing_delivery WHERE state IN ('owed', 'sending')),
  (SELECT COUNT(*) FROM routing_delivery WHERE state = 'dead'),
  (SELECT COUNT(*) FROM routing_slaclock WHERE state = 'running'),
  (SELECT COUNT(*) FROM routing_slaclock WHERE state = 'running' AND due_at < %s)
"""
COUNTS = (
    ("revroute_events_stored", "Events in the inbox, whatever their state."),
    ("revroute_events_waiting", "Events without a conclusion."),
    ("revroute_decisions", "Events that were routed: decisions ever made."),
    ("revroute_review_open", "Open items in manual review."),
    ("revroute_review_overdue", "Of these, past their due time."),
    ("revroute_deliveries_owed", "Alerts and notices that are to be sent."),
    ("revroute_deliveries_dead", "Alerts and notices that were given up."),
    ("revroute_clocks_running", "Promises that run."),
    ("revroute_clocks_overdue", "Of these, past their due time."),
)
NEWEST = 1000


def _counts(now: datetime) -> Iterator[Metric]:
    instant = connection.ops.adapt_datetimefield_value(now)
    [row] = execute(COUNTS_SQL, [instant, instant])
    for (name, words), number in zip(COUNTS, row, strict=True):
        yield GaugeMetricFamily(name, words, number)


def _decisions() -> Iterator[Metric]:
    """The newest only: there is no index by status, and what was decided long ago says little of today."""
    counts = Counter(Decision.objects.order_by("-pk").values_list("status", flat=True)[:NEWEST])
    words = f"The newest {NEWEST} decisions by status."
    yield _by("revroute_newest_decisions", words, "status", counts, Decision.Status.values)


def _lateness(state: State) -> Iterator[Metric]:
    yield GaugeMetricFamily("revroute_worker_late", "1 when background work is late.", float(state.is_late))
    yield GaugeMetricFamily("revroute_workers", "Workers that have a row.", len(state.workers))
    yield GaugeMetricFamily("revroute_tasks_given_up", "Queued tasks set aside after several tries.", state.given_up)
    renewals = sum(worker.renewals for worker in state.workers)
    yield GaugeMetricFamily("revroute_queue_renewals", "Renewals of the queue by the workers that run.", renewals)
    ages = {name: age for name, age in state.work._asdict().items() if age is not None}
    yield _by("revroute_oldest_seconds", "Age of the oldest of each kind; absent: none.", "kind", ages, ages)
    if state.beat is not None:
        yield GaugeMetricFamily("revroute_heartbeat_age_seconds", "Since the last heartbeat.", state.beat)
    parts = state.parts()
    yield _by("revroute_part_age_seconds", "Since each part of the tick last ran.", "part", parts, parts)


def _by(name: str, words: str, label: str, numbers: Mapping[str, float], values: Iterable[str]) -> Metric:
    """One number for each value of the label, 0 where there is none."""
    family = GaugeMetricFamily(name, words, labels=[label])
    for value in values:
        family.add_metric([value], numbers.get(value, 0))
    return family
