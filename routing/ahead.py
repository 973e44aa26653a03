"""A draft that is about to be published in; every process that routes has it compiled before it is in force, out.

Whoever publishes stores the content with the draft. Each routing process looks once a second, says that it has seen it,
compiles it outside of any lock, and says that it is ready. The publisher waits for those that have said anything, and
for nobody for ever: a process that is not ready compiles when it decides, as it does after a start.
"""

import gc
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from leads.sql import execute
from routing.current import held_ahead, hold_ahead, let_go, people_now, rules_of
from routing.lease import short_transaction
from routing.models import RuleSetContent, RuleSetVersion, RulesReady

logger = logging.getLogger(__name__)

MANY_ROWS = 2000
"""Rules and rows of tables; fewer are compiled in less time than a lead is worth waiting for."""
NOTICE_SECONDS, LONGEST_NOTICE = 2.5, 20.0
"""So long the processes have to say that they have seen it; so long nobody waits."""
LOOK_SECONDS = 0.1
WORK_SECONDS, SHORT_REST, LONG_REST = 0.001, 0.001, 0.002
LOOK_CALLS = 64
"""The time is looked at once in so many calls."""
KEEP = (
    "INSERT INTO routing_rulesetcontent (version_id, content) VALUES (%s, %s)"
    " ON CONFLICT (version_id) DO UPDATE SET content = excluded.content"
)
DRAFTS = RuleSetVersion.objects.filter(state=RuleSetVersion.State.DRAFT).exclude(digest="")


_routes = False
"""Whether leads are routed in this process: then it gets ready."""
_gave_up: dict[int, str] = {}
"""Digest by version of what this process could not compile, so that it says so once."""
_lowering = threading.Lock()
_lowered: list[tuple[float, bool]] = []
"""For each thread that is within, what the first of them found."""


@contextmanager
def lowered(somebody_waits: bool = False) -> Iterator[None]:
    """Compute for long in this thread, and let the others of the process go first.

    In a process that routes it rests after each millisecond of work, less while somebody waits for it: a request waits
    for the interpreter anew after each of its statements, so that beside a thread that never pauses it takes many times
    as long. And nobody looks for garbage among ten thousand new rules, which holds everybody up for a tenth of a
    second; how often threads take turns and whether garbage is looked for are the process's own, so of several threads
    within the first one sets them and the last one sets them back. A profiler that runs is left alone: nobody rests.
    """
    usual = _enter()
    rests = _routes and sys.getprofile() is None
    if rests:
        sys.setprofile(_resting(SHORT_REST if somebody_waits else LONG_REST))
    try:
        yield
    finally:
        if rests:
            sys.setprofile(None)
        _leave(usual)


def _enter() -> tuple[float, bool]:
    with _lowering:
        usual = _lowered[0] if _lowered else (sys.getswitchinterval(), gc.isenabled())
        if not _lowered:
            sys.setswitchinterval(usual[0] / 10)
            gc.disable()
        _lowered.append(usual)
    return usual


def _leave(usual: tuple[float, bool]) -> None:
    with _lowering:
        _lowered.pop()
        if not _lowered:
            sys.setswitchinterval(usual[0])
            if usual[1]:
                gc.enable()


def _resting(rest: float) -> Callable[[FrameType, str, object], None]:
    """What the interpreter calls at each call and return of this thread: whatever is computed needs to know nothing."""
    since, seen = time.perf_counter(), 0

    def called(frame: FrameType, event: str, found: object) -> None:
        nonlocal since, seen
        seen += 1
        if seen % LOOK_CALLS == 0 and time.perf_counter() - since > WORK_SECONDS:
            time.sleep(rest)
            since = time.perf_counter()

    return called


def give_notice(version: int, edition: int, digest: str, content: dict[str, Any]) -> None:
    """Store what will be in force, and wait until the routing processes have compiled it."""
    text = json.dumps(content)  # megabytes, so it is made before the lock
    draft = RuleSetVersion.objects.filter(pk=version, state=RuleSetVersion.State.DRAFT, edition=edition)
    with short_transaction():
        if draft.update(digest=digest):
            keep_content(version, text)
    began = time.monotonic()
    while (waited := time.monotonic() - began) < LONGEST_NOTICE:
        time.sleep(LOOK_SECONDS)
        if waited >= NOTICE_SECONDS and not RulesReady.objects.filter(digest=digest, ready_at=None).exists():
            break


def keep_content(version: int, text: str) -> None:
    """Store what was frozen of a version, as JSON. In the transaction that writes its digest."""
    execute(KEEP, [version, text])


def get_ready() -> int:
    """Compile what is about to be published, and hold what came in force as any other; how many were compiled.

    Called once a second by each process that routes, outside of any lock; two statements while there is nothing to do.
    """
    global _routes
    _routes = True
    held = held_ahead()
    count = 0
    for version, digest in DRAFTS.values_list("id", "digest"):
        if digest not in (held.get(version), _gave_up.get(version)):
            count += _compile_ahead(version, digest)
    if held:
        _settle(list(held))
    return count


def compile_live() -> None:
    """Have what is in force compiled in this process: who publishes from a thread that would get ready could not."""
    live = RuleSetVersion.objects.filter(state=RuleSetVersion.State.PUBLISHED).values_list("id", flat=True).first()
    if live is not None:
        with lowered():
            rules_of(live, people_now().lists)


def _compile_ahead(version: int, digest: str) -> bool:
    """Hold a draft compiled. One that cannot be is said once and holds nobody up: neither who publishes it nor the
    leads and the drafts that wait for this process."""
    _say(version, digest)
    try:
        with lowered():
            content = RuleSetContent.objects.filter(pk=version).values_list("content", flat=True).first()
            if content is not None:  # else it was edited since, and its publish refused
                hold_ahead(version, digest, content)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("Draft %s could not be compiled ahead", version)
        _gave_up[version] = digest
        content = None
    if content is not None:
        gc.freeze()  # they stay, so they are never looked through again
    _say(version, digest, ready=True)
    return content is not None


def _say(version: int, digest: str, *, ready: bool = False) -> None:
    now, me = timezone.now(), f"{socket.gethostname()[:40]}:{os.getpid()}"
    mine = RulesReady.objects.filter(version=version, digest=digest, process=me)
    with short_transaction():
        if ready:
            mine.update(ready_at=now)
        elif not mine.exists():
            RulesReady.objects.create(version_id=version, digest=digest, process=me, seen_at=now)


def _settle(versions: list[int]) -> None:
    """What is no draft any more is compiled for good, and nobody waits for anybody any longer."""
    states = dict(RuleSetVersion.objects.filter(pk__in=versions).values_list("id", "state"))
    over = [version for version in versions if states.get(version) != RuleSetVersion.State.DRAFT]
    for version in over:
        if states.get(version) == RuleSetVersion.State.PUBLISHED:
            rules_of(version, people_now().lists)
    let_go(over)
    if over and RulesReady.objects.filter(version__in=over).exists():
        with short_transaction():
            RulesReady.objects.filter(version__in=over).delete()
