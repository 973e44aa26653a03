"""Stored events of this web process in, their results out; one request at a time leads and routes for all.

Whoever finds no leader leads: takes the writer lock, carries one batch that holds its own event and all that
wait, hands the results to the requests of this process that wait for them, and names the next leader in the
same breath. Nobody polls, nobody waits for the lock to learn that the work is done, and nobody leads for
others for ever: a leader leaves with the batch that held its own event.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import DatabaseError

from routing import pipeline
from routing.pipeline import Result
from routing.prepare import Prepared
from routing.waiting import done_of

logger = logging.getLogger(__name__)

EARLY_KEPT = 200
"""Results kept for requests that stored their event but do not wait for it yet; others read their row."""


@dataclass(slots=True, eq=False)
class _Waiter:
    """A request that waits: woken with its result, or to lead."""

    prepared: Prepared | None
    event: int
    wake: threading.Event = field(default_factory=threading.Event)
    result: Result | None = None
    leads: bool = False


class Combiner:
    """The waiting requests of one process. `route` as `pipeline.route`."""

    def __init__(self, route: Callable[..., list[Result]] = pipeline.route) -> None:
        self._route = route
        self._mutex = threading.Lock()
        self._waiting: dict[int, _Waiter] = {}
        self._line: deque[_Waiter] = deque()
        self._early: dict[int, Result] = {}
        self._leading = False

    def submit(self, event: int, prepared: Prepared | None, seconds: float) -> Result | None:
        """Have a stored event routed; its result, or None when it was not done within `seconds`.

        None is no failure: the event is stored, and another leader or the worker carries it on.
        """
        waiter = _Waiter(prepared, event)
        with self._mutex:
            if early := self._early.pop(event, None):
                return early
            self._waiting[event] = waiter
            if self._leading:
                self._line.append(waiter)
            else:
                self._leading = waiter.leads = True
        if not waiter.leads and not waiter.wake.wait(seconds):
            self._give_up(waiter)
        if waiter.leads:
            self._lead(waiter)
        return waiter.result

    def _give_up(self, waiter: _Waiter) -> None:
        """Stop waiting. Who was named leader in this very moment stays one, and leads after all."""
        with self._mutex:
            if not waiter.leads:
                self._waiting.pop(waiter.event, None)

    def _lead(self, waiter: _Waiter) -> None:
        """Carry the batch with the own event, hand out results, pass the lead on whatever happened."""
        results: list[Result] = []
        elsewhere: set[int] = set()
        try:
            results = self._route(own=waiter.event, ready=self._ready())
            elsewhere = self._done_elsewhere({event_of(result) for result in results})
        except DatabaseError as error:
            logger.warning("Routing has to wait: %s", type(error).__name__)
        finally:
            self._hand_over(waiter, results, elsewhere)

    def _ready(self) -> dict[int, Prepared]:
        with self._mutex:
            return {id: waiter.prepared for id, waiter in self._waiting.items() if waiter.prepared}

    def _done_elsewhere(self, here: set[int]) -> set[int]:
        """Events of waiting requests that another process carried: their requests need not wait for a turn."""
        with self._mutex:
            left = [id for id in self._waiting if id not in here]
        return done_of(left) if left else set()

    def _hand_over(self, leader: _Waiter, results: list[Result], elsewhere: set[int]) -> None:
        """Wake those who are served and name the next leader, in one section, so that none is overlooked."""
        with self._mutex:
            for result in results:
                self._serve(event_of(result), result)
            for event in elsewhere:
                self._serve(event, None)
            self._waiting.pop(leader.event, None)
            self._leading = False
            while self._line:
                waiter = self._line.popleft()
                if waiter.event in self._waiting:
                    self._leading = waiter.leads = True
                    waiter.wake.set()
                    break

    def _serve(self, event: int, result: Result | None) -> None:
        """Wake the request that waits for the event. One that is still on its way finds the result when it comes."""
        served = self._waiting.pop(event, None)
        if served is not None:
            served.result = result
            served.wake.set()
        elif result is not None:
            self._early[event] = result
            if len(self._early) > EARLY_KEPT:
                del self._early[next(iter(self._early))]


def event_of(result: Result) -> int:
    return result.event if isinstance(result, pipeline.Failed) else result.event.id


combiner = Combiner()
