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

from leads.models import RawEvent
from routing import delivery, plan
from routing.pipeline import drain

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Part = Callable[[Clock], int]

LEFT_AFTER = timedelta(seconds=1)
"""An event younger than this belongs to the request or task that was told of it."""


class Done(NamedTuple):
    """How many of each kind a tick did."""

    routed: int = 0
    followed_up: int = 0
    delivered: int = 0


def tick(clock: Clock) -> Done:
    """Do what is due, one part after the other. A part that fails is logged and leaves the others alone."""
    return Done(*(_safely(name, part, clock) for name, part in PARTS.items()))


def start_ticking(clock: Clock, seconds: float, stopping: threading.Event) -> list[threading.Thread]:
    """Let every part tick, `seconds` after it has ended, until `stopping` is set; the threads."""

    def loop(name: str, part: Part) -> None:
        while not stopping.wait(seconds):
            _safely(name, part, clock)
        connection.close()

    threads = [threading.Thread(target=loop, args=part, name=part[0], daemon=True) for part in PARTS.items()]
    for thread in threads:
        thread.start()
    return threads


def _route_left(clock: Clock) -> int:
    """Route what nobody took. A read first, so that an idle tick never asks for the writer lock."""
    oldest = RawEvent.objects.filter(state=RawEvent.State.WAITING, received_at__lte=clock() - LEFT_AFTER)
    return drain(clock) if oldest.exists() else 0


def _follow_up(clock: Clock) -> int:
    return plan.run_due(clock(), limit=500)


def _deliver(clock: Clock) -> int:
    return delivery.deliver_due(clock(), limit=500)


PARTS: Mapping[str, Part] = {"routing": _route_left, "plan": _follow_up, "delivery": _deliver}
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
