"""The instant in, everything that is due done, counts out. The background worker's tick; it loops in the command.

A tick is the net under everything that is normally done at once: events whose request was killed or gave up
waiting, follow-ups, connector writes, alerts. What is due lives in rows, so a tick may be missed or repeated.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import DatabaseError, close_old_connections, connection

from leads.models import RawEvent
from routing import delivery, plan
from routing.pipeline import drain

logger = logging.getLogger(__name__)

LEFT_AFTER = timedelta(seconds=1)
"""An event younger than this belongs to the request or task that was told of it."""


class Done(NamedTuple):
    """How many of each kind a tick did."""

    routed: int = 0
    followed_up: int = 0
    delivered: int = 0


def tick(clock: Callable[[], datetime]) -> Done:
    """Do what is due. A part that fails is logged and leaves the others alone."""
    close_old_connections()
    return Done(
        _safely("routing", lambda: _route_left(clock)),
        _safely("plan", lambda: plan.run_due(clock(), limit=500)),
        _safely("delivery", lambda: delivery.deliver_due(clock(), limit=500)),
    )


def _route_left(clock: Callable[[], datetime]) -> int:
    """Route what nobody took. A read first, so that an idle tick never asks for the writer lock."""
    oldest = RawEvent.objects.filter(state=RawEvent.State.WAITING, received_at__lte=clock() - LEFT_AFTER)
    return drain(clock) if oldest.exists() else 0


def _safely(name: str, part: Callable[[], int]) -> int:
    try:
        return part()
    except DatabaseError as error:
        logger.warning("The %s part of a tick has to wait: %s", name, type(error).__name__)
        connection.close()
    except Exception:
        logger.exception("The %s part of a tick failed", name)
    return 0
