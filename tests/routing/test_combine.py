"""One request leads for all that wait: everybody gets the result, nobody is overlooked, the lead is handed over."""

import random
import threading
import time

import pytest
from django.db import DatabaseError

from routing.combine import Combiner
from routing.pipeline import Failed


class Inbox:
    """A route over events in memory, in batches of at most `limit`; counts who leads at the same time."""

    def __init__(self, limit=100, seconds=0.0, hurt=None):
        self.limit, self.seconds, self.hurt = limit, seconds, hurt or (lambda own: None)
        self.waiting, self.routed, self.leaders, self.most = [], [], 0, 0
        self.mutex = threading.Lock()

    def store(self, event):
        with self.mutex:
            self.waiting.append(event)

    def route(self, own, ready):
        with self.mutex:
            self.leaders += 1
            self.most = max(self.most, self.leaders)
        try:
            time.sleep(self.seconds * random.random())
            self.hurt(own)
            with self.mutex:
                first = [own] if own in self.waiting else []
                batch = (first + [event for event in self.waiting if event != own])[: self.limit]
                self.waiting = [event for event in self.waiting if event not in batch]
                self.routed += batch
            return [Failed(event, f"result of {event}") for event in batch]
        finally:
            with self.mutex:
                self.leaders -= 1


class OneProcess(Combiner):
    """No database: nobody else routes."""

    def _done_elsewhere(self, here):
        return set()


def run(combiner, inbox, count, seconds, spread=0.0):
    """Store and submit `count` events from as many threads; what each got, or the exception it met."""
    got = {}

    def one(event):
        time.sleep(spread * random.random())
        inbox.store(event)
        try:
            got[event] = combiner.submit(event, None, seconds)
        except Exception as error:
            got[event] = error

    threads = [threading.Thread(target=one, args=(event,)) for event in range(1, count + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return got


def assert_at_rest(combiner):
    assert combiner._leading is False
    assert combiner._waiting == {}
    assert list(combiner._line) == []


@pytest.mark.parametrize(("limit", "seconds"), [(100, 0.0), (100, 0.01), (3, 0.002), (1, 0.001)])
def test_every_request_of_a_burst_gets_its_own_result_and_one_leads_at_a_time(limit, seconds):
    inbox = Inbox(limit, seconds)
    combiner = OneProcess(inbox.route)
    got = run(combiner, inbox, 120, seconds=20, spread=0.02)
    assert got == {event: Failed(event, f"result of {event}") for event in range(1, 121)}
    assert sorted(inbox.routed) == list(range(1, 121))
    assert inbox.most == 1
    assert_at_rest(combiner)


def test_many_short_bursts_leave_nothing_behind():
    for _ in range(40):
        inbox = Inbox(limit=4)
        combiner = OneProcess(inbox.route)
        assert len(run(combiner, inbox, 12, seconds=20)) == 12
        assert inbox.waiting == []
        assert_at_rest(combiner)


def test_a_request_whose_wait_is_over_gets_none_and_its_event_is_routed_by_others():
    started, go_on = threading.Event(), threading.Event()
    inbox = Inbox()

    def hold(own):
        started.set()
        go_on.wait(10)

    inbox.hurt = hold
    combiner = OneProcess(inbox.route)
    inbox.store(1)
    leader = threading.Thread(target=combiner.submit, args=(1, None, 10))
    leader.start()
    started.wait(10)
    inbox.store(2)
    begun = time.monotonic()
    assert combiner.submit(2, None, 0.05) is None
    assert time.monotonic() - begun < 5
    go_on.set()
    leader.join(10)
    assert sorted(inbox.routed) == [1, 2]
    assert combiner._leading is False
    assert combiner._waiting == {}


def test_waits_that_end_while_the_lead_is_handed_over_lose_nothing():
    for _ in range(15):
        inbox = Inbox(limit=1, seconds=0.004)
        combiner = OneProcess(inbox.route)
        got = run(combiner, inbox, 20, seconds=0.01, spread=0.005)
        for event, result in got.items():
            assert result in (None, Failed(event, f"result of {event}"))
        expired = {event for event, result in got.items() if result is None}
        assert set(inbox.waiting) <= expired
        assert len(inbox.routed) == len(set(inbox.routed))
        assert combiner._leading is False
        assert combiner._waiting == {}
        inbox.store(99)  # the next one leads at once
        assert combiner.submit(99, None, 1) == Failed(99, "result of 99")


@pytest.mark.parametrize("error", [DatabaseError("gone"), RuntimeError("bug")])
def test_a_leader_that_fails_hands_the_lead_over(error):
    failed = []

    def hurt(own):
        if len(failed) < 5:
            failed.append(own)
            raise error

    inbox = Inbox(limit=2, hurt=hurt)
    combiner = OneProcess(inbox.route)
    got = run(combiner, inbox, 30, seconds=20, spread=0.01)
    assert len(failed) == 5
    for event in failed:
        expected = None if isinstance(error, DatabaseError) else error
        assert got[event] in (expected, Failed(event, f"result of {event}"))
    others = set(got) - set(failed)
    assert {event: got[event] for event in others} == {event: Failed(event, f"result of {event}") for event in others}
    assert_at_rest(combiner)


def test_a_result_that_comes_before_its_request_waits_for_it():
    inbox = Inbox()
    combiner = OneProcess(inbox.route)
    inbox.store(1)
    inbox.store(2)
    assert combiner.submit(1, None, 1) == Failed(1, "result of 1")
    inbox.hurt = lambda own: pytest.fail("nothing is left to route")
    assert combiner.submit(2, None, 1) == Failed(2, "result of 2")


def test_a_request_whose_event_another_process_carried_is_woken_without_leading():
    class TwoProcesses(Combiner):
        def _done_elsewhere(self, here):
            with self._mutex:
                return {event for event in self._waiting if event not in here}

    started, go_on = threading.Event(), threading.Event()

    def route(own, ready):
        assert own == 1
        started.set()
        go_on.wait(10)
        return [Failed(1, "result of 1")]

    combiner, got = TwoProcesses(route), {}
    first = threading.Thread(target=lambda: got.update({1: combiner.submit(1, None, 10)}))
    second = threading.Thread(target=lambda: got.update({2: combiner.submit(2, None, 10)}))
    first.start()
    started.wait(10)
    second.start()
    while 2 not in combiner._waiting:
        time.sleep(0.001)
    go_on.set()
    first.join(10)
    second.join(10)
    assert got == {1: Failed(1, "result of 1"), 2: None}
    assert combiner._leading is False
