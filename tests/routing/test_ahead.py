"""Rules compiled before they are in force: what a process sets for that while is as before when all are done."""

import gc
import sys
import threading

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
