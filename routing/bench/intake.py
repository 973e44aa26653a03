"""A filled database in, what the running program answers and routes under load out, beside its floor.

First arrivals at random instants, which show the latency that a form sees. Then repeats of one run of the
floor and one of the program at saturation, in alternating order, so that a slow minute of the machine strikes
both. Between runs the worker may finish what it owes, so that the next run is not charged for the last one.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Max

from leads.models import Lead, RawEvent
from routing.bench.company import TOKEN
from routing.bench.floors import Floors
from routing.bench.load import arrive, percentile, saturate
from routing.bench.server import Server
from routing.bench.statements import statements_per_batch
from routing.models import Decision, Delivery, PlanAction

CONNECTIONS = {"postgresql": 32, "sqlite": 16}
FLOOR = {"postgresql": "func", "sqlite": "full"}
FLOOR_CLIENTS = 4
RATES = (20, 100)
WARM_SECONDS, WARM_RATE = 3.0, 40
IN_FLIGHT_SECONDS = 1.0
"""What was posted and not answered when the traffic stopped has so long before it counts as left."""
LONGEST_CATCH_UP = 60.0
Say = Callable[[str], None]


class Mark(NamedTuple):
    """A place in the series of ids; what comes behind it belongs to the run."""

    event: int

    @classmethod
    def now(cls) -> "Mark":
        return cls(RawEvent.objects.aggregate(last=Max("id"))["last"] or 0)


def run(stored: int, seconds: float, repeats: int, floors: Floors | None, worker: bool, say: Say) -> dict[str, Any]:
    """The figures, medians over the repeats; `ratio`: routed leads a second over those of the floor."""
    connections = CONNECTIONS[connection.vendor]
    statements = {str(size): statements_per_batch(size, stored) for size in (1, 100)}
    rows: list[dict[str, Any]] = []
    arrivals: dict[int, list[dict[str, Any]]] = {rate: [] for rate in RATES}
    with Server(worker) as server:
        say("warming up")
        arrive(server.url, TOKEN, stored, WARM_RATE, min(WARM_SECONDS, seconds))
        for _ in range(repeats):
            for rate in RATES:
                arrivals[rate].append(_arriving(server.url, stored, rate, seconds, worker))
                say(f"{rate}/s: {arrivals[rate][-1]}")
        for repeat in range(repeats):
            rows.append(_saturated(server.url, stored, seconds, connections, floors, repeat, worker))
            say(f"repeat {repeat + 1}: {rows[-1]}")
    result: dict[str, Any] = {"connections": connections, "worker": worker, **_medians(rows)}
    if floors:
        result["floor"] = FLOOR[connection.vendor]
        result["ratios"] = [row["ratio"] for row in rows]
    result["statements_per_batch"] = statements
    result["arrivals"] = {str(rate): _medians(found) for rate, found in arrivals.items()}
    return result


def _saturated(
    url: str, stored: int, seconds: float, connections: int, floors: Floors | None, repeat: int, worker: bool
) -> dict[str, Any]:
    """One repeat: floor and program, every other time the other way round."""
    if floors is None:
        return _program(url, stored, seconds, connections, worker)
    variant = FLOOR[connection.vendor]
    if repeat % 2:
        row = _program(url, stored, seconds, connections, worker)
        floor = floors.rate(variant, FLOOR_CLIENTS, seconds)
    else:
        floor = floors.rate(variant, FLOOR_CLIENTS, seconds)
        row = _program(url, stored, seconds, connections, worker)
    ratio = round(row["routed_per_s"] / floor, 3)
    return {**row, "floor_per_s": round(floor, 1), "ratio": ratio}


def _program(url: str, stored: int, seconds: float, connections: int, worker: bool) -> dict[str, Any]:
    mark = Mark.now()
    seen = saturate(url, TOKEN, stored, connections, seconds)
    decided = Decision.objects.filter(event_id__gt=mark.event)
    routed, batches = decided.count(), decided.values("decided_at").distinct().count()
    time.sleep(IN_FLIGHT_SECONDS)
    waiting = RawEvent.objects.filter(state=RawEvent.State.WAITING).count()
    owed = _owed()
    return {
        "answered_201_per_s": round(seen["statuses"].get("201", 0) / seen["seconds"], 1),
        "routed_per_s": round(routed / seen["seconds"], 1),
        **_answers(seen),
        "left_waiting": waiting,
        "mean_batch": round(routed / batches, 1) if batches else 0.0,
        "owed_by_worker": owed,
        "worker_caught_up_s": _catch_up() if worker else 0.0,
    }


def _owed() -> int:
    """Follow-ups and alerts that the worker has yet to do; without one they only grow."""
    unsent = [Delivery.State.BLOCKED, Delivery.State.OWED, Delivery.State.SENDING]
    actions = PlanAction.objects.filter(state=PlanAction.State.PENDING).count()
    return actions + Delivery.objects.filter(state__in=unsent).count()


def _catch_up() -> float:
    """Wait until the worker owes nothing, a minute at most; the seconds that it took."""
    begun = time.monotonic()
    while _owed() and time.monotonic() - begun < LONGEST_CATCH_UP:
        time.sleep(0.5)
    return round(time.monotonic() - begun, 1)


def _arriving(url: str, stored: int, rate: int, seconds: float, worker: bool) -> dict[str, Any]:
    """Answers as the sender times them; from arrival to the owner as the rows say it."""
    mark = Mark.now()
    seen = arrive(url, TOKEN, stored, rate, seconds)
    instants = Lead.objects.filter(id__gt=mark.event, owned_at__isnull=False).values_list("received_at", "owned_at")
    if worker:
        _catch_up()
    owned = [(owned_at - received_at).total_seconds() * 1000 for received_at, owned_at in instants]
    return {
        **_answers(seen),
        "owned_p50_ms": round(percentile(owned, 0.5), 1),
        "owned_p99_ms": round(percentile(owned, 0.99), 1),
        **(_alerts(mark) if worker else {}),
    }


def _alerts(mark: Mark) -> dict[str, Any]:
    """From the ownership's batch to the beginning of the tick that made the first attempt, on every channel.

    `early`: attempts before the ownership; there must be none.
    """
    rows = Delivery.objects.filter(
        decision__gt=mark.event, kind=Delivery.Kind.ASSIGNMENT, attempted_at__isnull=False
    ).values_list("created_at", "attempted_at")
    waits = [(attempted_at - created_at).total_seconds() * 1000 for created_at, attempted_at in rows]
    return {
        "alerts": len(waits),
        "alert_p50_ms": round(percentile(waits, 0.5), 1),
        "alert_p99_ms": round(percentile(waits, 0.99), 1),
        "alerts_early": sum(wait < 0 for wait in waits),
    }


def _answers(seen: dict[str, Any]) -> dict[str, Any]:
    statuses = seen["statuses"]
    asked = sum(statuses.values()) + seen["errors"]
    return {
        "share_201": round(statuses.get("201", 0) / asked, 4) if asked else 0.0,
        "p50_ms": round(seen["p50_ms"], 1),
        "p99_ms": round(seen["p99_ms"], 1),
        "unanswered": seen["errors"],
        "statuses": statuses,
    }


def _medians(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Numbers by their median; answers by status are added up."""
    result: dict[str, Any] = {}
    for name in rows[0]:
        if name == "statuses":
            seen = sorted({status for row in rows for status in row[name]})
            result[name] = {status: sum(row[name].get(status, 0) for row in rows) for status in seen}
        else:
            result[name] = round(median(row[name] for row in rows), 3)
    return result
