"""A real worker whose queue is wedged, stopped or emptied of its processes works again without a hand.

The long form waits out the limits of every day, three times over; the short one sets them to seconds.
"""

import os
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db.models import F
from django.utils import timezone
from django_q.conf import Conf
from django_q.tasks import async_task

from routing.broker import line_of
from routing.lease import short_transaction
from routing.models import WorkerHeartbeat
from routing.processes import Group
from routing.supervisor import Limits, Supervisor
from routing.worker import Ticking
from tests.flows.sender import Post
from tests.flows.server import FULL, _parent, _read, database, serving, wait_until
from tests.flows.test_concurrency import seed_pool
from tests.once import on_postgres_only

pytestmark = pytest.mark.server

QUICK = Limits(look=0.1, lock=0.3, ask=0.2, report=0.2, stuck=1.0, start=30, part=60, grace=0.5)


def run_quick_worker():
    """`manage.py worker`, but with little patience."""
    group = Group(5)
    group.stop_on_signals()
    ticking = Ticking(timezone.now, 0.25, group.stopping)
    try:
        Supervisor(group, ticking, [sys.executable, "manage.py", "qcluster"], timezone.now, QUICK).run()
    finally:
        group.stopping.set()
        group.stop()


@contextmanager
def quick_worker(db):
    process = db.start(run_quick_worker)
    try:
        wait_until(lambda: beats(db) > 0, 30, "a first heartbeat")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()


def beats(db):
    return sum(count for (count,) in db.rows("SELECT beats FROM routing_workerheartbeat"))


def answers_anew(db, old):
    """Whether there is one worker, and heartbeats come through another cluster than the old one."""
    rows = db.rows("SELECT cluster_pid, beats FROM routing_workerheartbeat")
    return len(rows) == 1 and rows[0][0] != old[0] and rows[0][1] > 0


def renewals(db):
    return sum(count for (count,) in db.rows("SELECT renewals FROM routing_workerheartbeat"))


def cluster(db):
    """The processes of the queue's cluster, oldest first: its first, the sentinel, then worker, monitor, pusher."""
    leader = db.value("SELECT cluster_pid FROM routing_workerheartbeat")
    found = [int(name) for name in os.listdir("/proc") if name.isdigit() and "qcluster" in _read(int(name), "cmdline")]
    return [leader, *sorted(pid for pid in found if pid != leader and os.getpgid(pid) == leader)]


def kill_idle_workers(db, pause=0.6):
    """SIGKILL for the process that waits for a task, and so holds the queue's lock, until nothing comes through for
    `pause` seconds, which is longer than a heartbeat is asked for."""
    for _ in range(10):
        sentinel = cluster(db)[1]
        os.kill(next(pid for pid in cluster(db) if _parent(pid) == sentinel), signal.SIGKILL)
        before = beats(db)
        time.sleep(pause)
        if beats(db) == before:
            return
    raise AssertionError("the queue does not wedge")


def stop_all(db):
    for pid in cluster(db):
        os.kill(pid, signal.SIGSTOP)


def wedge(db):
    """The same with the limits of every day."""
    kill_idle_workers(db, 12)


def hold_lock(sign):
    """A task that writes, and is at it for long."""
    with short_transaction():
        WorkerHeartbeat.objects.update(reports=F("reports") + 1)
        Path(sign).touch()
        time.sleep(120)


def queue_hold(sign, cluster_pid):
    line = {"cluster": line_of(cluster_pid)} if Conf.ORM else {}
    async_task("tests.flows.test_stalls.hold_lock", sign, save=False, **line)


def stop_all_while_writing(db):
    """All processes of the cluster are stopped while one of them keeps the database locked."""
    sign = db.home / "holds"
    db.run(queue_hold, str(sign), cluster(db)[0])
    wait_until(sign.exists, 30, "the task holds the lock")
    stop_all(db)


def recover(db, harm, notice, work):
    """Do harm; (seconds until it was noticed, seconds until a heartbeat came through again)."""
    began, before = time.monotonic(), renewals(db)
    harm(db)
    wait_until(lambda: renewals(db) > before, notice, "the stall is noticed")
    noticed, seen = time.monotonic() - began, beats(db)
    wait_until(lambda: beats(db) > seen, work, "work comes through the queue again")
    return noticed, time.monotonic() - began


def test_a_wedged_queue_and_one_stopped_while_it_keeps_the_database_locked_are_renewed():
    harms = (kill_idle_workers, stop_all_while_writing)
    with database() as db, quick_worker(db) as process:
        for harm in harms:
            old = cluster(db)
            recover(db, harm, 20, 30)
            assert not set(old) & set(cluster(db))
        assert renewals(db) == len(harms)
        process.terminate()
        assert process.wait(20) == 0
        assert db.rows("SELECT name FROM routing_workerheartbeat") == []


ASYNC = {"prefer": "respond-async"}


@on_postgres_only
def test_a_hundred_queued_leads_are_all_routed_after_the_secret_key_was_rotated():
    """What was queued under the old key can no longer be read; the rows are the truth, and the tick finds them."""
    with database(seed_pool, [1]) as db:
        with serving(db, "--no-worker", SECRET_KEY="the-old-key") as server:
            posts = [Post({"email": f"b{n}@firm{n}.example"}, **ASYNC) for n in range(100)]
            assert {answer.status for answer in server.send(posts, connections=8)} == {202}
            server.stop()
        assert db.value("SELECT COUNT(*) FROM leads_rawevent WHERE state = 0") == 100
        assert db.value("SELECT COUNT(*) FROM django_q_ormq WHERE key = 'revroute'") >= 1
        with serving(db, SECRET_KEY="the-new-key", SECRET_KEY_FALLBACKS="the-old-key") as server:
            wait_until(lambda: beats(db) > 0, 30, "heartbeats come through the queue")
            db.settle()
            assert server.post({"email": "one-more@firm.example"}, **ASYNC).status == 202
            db.settle()
        assert db.value("SELECT COUNT(*) FROM leads_lead WHERE state = 'assigned'") == 101
        assert db.value("SELECT COUNT(*) FROM routing_delivery WHERE state = 'sent'") > 0


@pytest.mark.full
@pytest.mark.skipif(not FULL, reason="takes half a minute")
@pytest.mark.parametrize("harm", [wedge, stop_all_while_writing])  # so that it does not end by itself
def test_a_killed_worker_is_started_again_and_nothing_of_the_old_one_runs_on(harm):
    with database() as db, serving(db) as server:
        wait_until(lambda: beats(db) > 0, 30, "a first heartbeat")
        old = cluster(db)
        harm(db)
        os.kill(server.child("worker"), signal.SIGKILL)
        wait_until(lambda: "The worker process ended with status -9 and is started again." in server.tail(), 5, "said")
        wait_until(lambda: answers_anew(db, old), 30, "another heartbeat")
        assert not [pid for pid in old if pid in server.processes()]


@pytest.mark.full
@pytest.mark.skipif(not FULL, reason="takes six minutes")
@pytest.mark.parametrize("harm", [wedge, stop_all, stop_all_while_writing])
def test_three_stalls_are_noticed_within_60_s_and_over_within_120_s_without_a_hand(harm):
    with database(seed_pool, [1]) as db, serving(db) as server:
        wait_until(lambda: beats(db) > 0, 30, "a first heartbeat")
        for run in range(3):
            noticed, works = recover(db, harm, 60, 120)
            print(f"{harm.__name__}, run {run + 1}: noticed after {noticed:.1f} s, working after {works:.1f} s")
            answer = server.post({"email": f"ada-{run}@analytical.example"}, prefer="respond-async")
            assert answer.status == 202
            db.settle()
            time.sleep(15)
