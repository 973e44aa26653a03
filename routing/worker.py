"""The instant in, everything that is due done, counts out. The background worker's tick; its loops run here too.

A tick is the net under everything that is normally done at once: events whose request was killed or gave up
waiting, follow-ups, connector writes, alerts. What is due lives in rows, so a tick may be missed or repeated.
Each part ticks in a thread of its own: a CRM or a mail server that takes its time delays neither routing nor
the other part.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import DatabaseError, close_old_connections, connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from leads.models import RawEvent
from owners.sign_in import forget_failures
from routing import (
    adding_up,
    background,
    bulk,
    delivery,
    escalation,
    holding,
    item_clocks,
    item_rungs,
    overdue,
    plan,
    publishing,
    rule_reviews,
)  # fmt: skip
from routing.ahead import compile_live, get_ready
from routing.lease import budget
from routing.reporting.keeping import keep_up

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Part = Callable[[Clock], int]

LEFT_AFTER = timedelta(seconds=1)
"""An event younger than this belongs to the request or task that was told of it."""


# SQLite uses the partial index of waiting events only for a condition that is written like the index's own.
WAITING = RawSQL("leads_rawevent.state = 0", (), output_field=BooleanField())


class Done(NamedTuple):
    """How many of each kind a tick did."""

    routed: int = 0
    followed_up: int = 0
    escalated: int = 0
    delivered: int = 0
    added_up: int = 0
    moved: int = 0
    reported: int = 0
    published: int = 0

    def __str__(self) -> str:
        return (
            f"{self.routed} events routed, {self.followed_up} plan actions done, {self.escalated} rungs climbed, "
            f"{self.delivered} deliveries sent, {self.moved} batches moved."
        )


class Ran(NamedTuple):
    """How often a part has run, and when it last ended."""

    times: int
    ended_at: datetime


class Ticking:
    """The threads of the parts. Each counts its runs, so that one that hangs or died is noticed."""

    def __init__(self, clock: Clock, seconds: float, stopping: threading.Event) -> None:
        self.ran = {name: Ran(0, clock()) for name in PARTS}
        self._threads = [
            threading.Thread(target=self._loop, args=(name, part, clock, seconds, stopping), name=name, daemon=True)
            for name, part in PARTS.items()
        ]
        for thread in self._threads:
            thread.start()

    def _loop(self, name: str, part: Part, clock: Clock, seconds: float, stopping: threading.Event) -> None:
        while not stopping.wait(seconds):
            _safely(name, part, clock)
            self.ran[name] = Ran(self.ran[name].times + 1, clock())
        connection.close()

    def report(self) -> dict[str, dict[str, object]]:
        """How often each part ran and when it last ended, as the worker's row keeps it."""
        return {name: {"times": ran.times, "at": ran.ended_at.isoformat()} for name, ran in self.ran.items()}

    def join(self, seconds: float) -> None:
        """Wait for the parts to end what is under way, each so long at most."""
        for thread in self._threads:
            thread.join(seconds)


def tick(clock: Clock) -> Done:
    """Do what is due, one part after the other. A part that fails is logged and leaves the others alone."""
    return Done(*(_safely(name, part, clock) for name, part in PARTS.items()))


def _route_left(clock: Clock) -> int:
    """Route what nobody took. A read first, so that an idle tick never asks for the writer lock."""
    left = RawEvent.objects.filter(WAITING, received_at__lte=clock() - LEFT_AFTER)
    return background.route_waiting(clock, budget()) if left.exists() else 0


def _follow_up(clock: Clock) -> int:
    return plan.run_due(clock(), limit=500)


def _escalate(clock: Clock) -> int:
    """What time brings about: clocks run out, reviews become late or lose their person, failures are forgotten."""
    done = escalation.keep_up(clock) + holding.tend(clock()) + overdue.hand_on(clock())
    item_clocks.keep(clock())  # after leads were given out: what is over by now needs no rung
    done += item_rungs.climb_due(clock())
    forget_failures(clock())
    return done


def _deliver(clock: Clock) -> int:
    return delivery.deliver_due(clock(), limit=500)


def _keep_rules(clock: Clock) -> int:
    """Publish what is scheduled, and see whether somebody has to look at the rules again."""
    get_ready()  # the worker routes, too
    published = publishing.publish_due(clock())
    if published:
        compile_live()  # here and not by the next lead that was left, while it holds the lock
    return published + rule_reviews.look(clock())


PARTS: Mapping[str, Part] = {
    "routing": _route_left, "plan": _follow_up, "escalation": _escalate, "delivery": _deliver,
    "ledger": adding_up.check_nightly, "moves": bulk.carry_on, "reports": keep_up,
    "rules": _keep_rules,
}  # fmt: skip
"""In the order of `Done`."""


def _safely(name: str, part: Part, clock: Clock) -> int:
    close_old_connections()
    try:
        return part(clock)
    except DatabaseError as error:
        logger.warning("The %s part of a tick has to wait: %s", name, type(error).__name__)
        connection.close()
    except Exception:
        logger.exception("The %s part of a tick failed", name)
    return 0
