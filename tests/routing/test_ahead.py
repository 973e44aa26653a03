"""Rules compiled before they are in force: what a process sets for that while is as before when all are done."""

import gc
import sys
import threading
import time

import pytest

from routing.ahead import lowered


def test_threads_that_compile_at_the_same_time_leave_the_process_as_it_was():
    usual = sys.getswitchinterval(), gc.isenabled()
    within, overlaps, left = threading.Event(), threading.Event(), threading.Event()

    def first():
        with lowered():
            within.set()
            assert overlaps.wait(5)
        left.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert within.wait(5)
    with lowered():
        overlaps.set()
        assert left.wait(5)
        assert (sys.getswitchinterval() < usual[0], gc.isenabled()) == (True, False)
    thread.join()
    assert (sys.getswitchinterval(), gc.isenabled()) == usual


@pytest.mark.parametrize(("somebody_waits", "rest"), [(False, 0.002), (True, 0.001)])
def test_what_takes_long_where_leads_are_routed_rests_in_between(monkeypatch, somebody_waits, rest):
    rests, within = [], sys.getprofile()
    monkeypatch.setattr("routing.ahead.time.sleep", rests.append)
    monkeypatch.setattr("routing.ahead._routes", True)
    with lowered(somebody_waits):
        sorted(range(10), key=lambda number: -number)
    assert rests == []
    with lowered(somebody_waits):
        _compute_for(0.05)
    assert 5 < len(rests) <= 50
    assert set(rests) == {rest}
    assert sys.getprofile() is within


def test_nobody_rests_for_leads_that_are_routed_elsewhere(monkeypatch):
    rests = []
    monkeypatch.setattr("routing.ahead.time.sleep", rests.append)
    monkeypatch.setattr("routing.ahead._routes", False)
    with lowered():
        _compute_for(0.01)
    assert rests == []


def _compute_for(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass
