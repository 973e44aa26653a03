"""A rate of leads and a number of rules in; how long a publish takes, and what the leads meanwhile notice of it, out.

Two runs of the same length against the running program, one without a publish and one with several, in turns.
"""

import threading
import time
from statistics import median
from typing import Any

from django.db import connection
from django.utils import timezone

from leads.models import RawEvent
from routing.bench.company import TOKEN
from routing.bench.data import Say
from routing.bench.load import arrive
from routing.bench.rules import draft
from routing.bench.server import Server
from routing.models import Decision, RuleSetVersion
from routing.rulebook import content_of, copy_to_draft, freeze, problems_of, publish

RATE = 50
"""Leads a second: half of what the targets for form-to-owner are measured at, so that the machine is not full."""
SETTLE_SECONDS = 2


def run(stored: int, rules: int, seconds: float, repeats: int, say: Say) -> dict[str, Any]:
    """Milliseconds as the sender times them; seconds of the parts of a publish."""
    quiet, busy, published = [], [], []
    with Server(worker=True) as server:
        arrive(server.url, TOKEN, stored, RATE, 3)  # warm
        for repeat in range(repeats):
            quiet.append(_arriving(server.url, stored, seconds, None, published))
            busy.append(_arriving(server.url, stored, seconds, rules, published))
            say(f"repeat {repeat + 1}: without {quiet[-1]}, with a publish {busy[-1]}, which took {published[-1]} s")
    names = ("p50_ms", "p99_ms", "max_ms")
    return {
        "rules": rules, "rate": RATE, "publish_s": round(median(published), 2),
        "without": {name: round(median(row[name] for row in quiet), 1) for name in names},
        "with": {name: round(median(row[name] for row in busy), 1) for name in names},
        "not_answered_201": sum(row["failed"] for row in (*quiet, *busy)),
        "left_waiting": RawEvent.objects.filter(state=RawEvent.State.WAITING).count(),
        "decided_by_the_new": Decision.objects.filter(version=_in_force()).count(), "parts": _parts(rules),
    }  # fmt: skip


def _in_force() -> int:
    return RuleSetVersion.objects.values_list("id", flat=True).get(state=RuleSetVersion.State.PUBLISHED)


def _arriving(url: str, stored: int, seconds: float, rules: int | None, published: list[float]) -> dict[str, Any]:
    version = draft(rules) if rules else None
    thread = threading.Thread(target=_publish, args=(version, seconds / 4, published)) if version else None
    if thread:
        thread.start()
    seen = arrive(url, TOKEN, stored, RATE, seconds)
    if thread:
        thread.join()
    time.sleep(SETTLE_SECONDS)
    answered = sum(seen["statuses"].values())
    return {
        "p50_ms": round(seen["p50_ms"], 1), "p99_ms": round(seen["p99_ms"], 1), "max_ms": round(seen["max_ms"], 1),
        "failed": answered - seen["statuses"].get("201", 0) + seen["errors"],
    }  # fmt: skip


def _publish(version: RuleSetVersion, after: float, published: list[float]) -> None:
    time.sleep(after)
    begun = time.perf_counter()
    publish(version, None, timezone.now())
    published.append(round(time.perf_counter() - begun, 2))
    connection.close()


def _parts(rules: int) -> dict[str, float]:
    """Seconds that each part of the way from one version to the next takes by itself."""
    spent = {}

    def timed(name: str, act: Any) -> Any:
        begun = time.perf_counter()
        result = act()
        spent[name] = round(time.perf_counter() - begun, 3)
        return result

    live = RuleSetVersion.objects.get(state=RuleSetVersion.State.PUBLISHED)
    copy = timed("copy_s", lambda: copy_to_draft(live))
    content = timed("freeze_s", lambda: freeze(copy))
    timed("check_s", lambda: list(problems_of(copy, content)))
    timed("read_content_s", lambda: len(content_of(live)))
    copy.delete()
    return spent
