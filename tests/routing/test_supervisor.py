"""The supervisor's judgement under a clock of our own: who is renewed, who is left alone."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django_q.models import OrmQ

from owners.writer import NO_TURN, impatient
from routing import heartbeat
from routing.models import WorkerHeartbeat
from routing.processes import Backoff
from routing.supervisor import QUEUE, Renewal, Supervisor
from routing.worker import PARTS, Ran
from tests.builders import NOW

pytestmark = pytest.mark.django_db(transaction=True)


class Child:
    def __init__(self, pid):
        self.pid, self.status = pid, None

    def poll(self):
        return self.status


class FakeGroup:
    """Children that do nothing."""

    def __init__(self):
        self.children, self.stopping, self.ended = {}, threading.Event(), []

    def start(self, name, command, env=None):
        self.children[name] = Child(4_000_000 + len(self.ended))

    def end(self, name, grace):
        self.ended.append(self.children[name].pid)


class FakeTicking:
    def __init__(self):
        self.ran = {name: Ran(0, NOW) for name in PARTS}

    def report(self):
        return {name: {"times": ran.times, "at": ran.ended_at.isoformat()} for name, ran in self.ran.items()}


class World:
    """A supervisor, and the clocks and the cluster around it."""

    def __init__(self):
        self.now, self.seconds, self.answers, self.ticks = NOW, 1000.0, True, True
        self.group, self.ticking = FakeGroup(), FakeTicking()
        self.supervisor = Supervisor(
            self.group, self.ticking, ["qcluster"], lambda: self.now, monotonic=lambda: self.seconds
        )
        self.supervisor._tidy()
        self.supervisor._start()

    def pass_seconds(self, count):
        for _ in range(count):
            self.seconds += 1
            self.now += timedelta(seconds=1)
            if self.answers and OrmQ.objects.all().delete()[0]:
                heartbeat.beat(heartbeat.worker_name(), self.now)
            if self.ticks:
                self.ticking.ran = {name: Ran(ran.times + 1, self.now) for name, ran in self.ticking.ran.items()}
            self.supervisor.look()

    def row(self):
        return WorkerHeartbeat.objects.get()


@pytest.fixture
def world():
    return World()


def test_a_cluster_that_answers_is_asked_every_ten_seconds_and_left_alone(world):
    world.pass_seconds(121)
    row = world.row()
    assert (world.group.ended, row.renewals, row.beats) == ([], 0, 12)
    assert row.cluster_pid == 4_000_000
    assert set(row.parts) == set(PARTS)


def test_a_silent_cluster_is_noticed_within_60_s_asked_once_and_renewed(world):
    world.pass_seconds(30)
    world.answers = False
    seconds = 0
    while not world.group.ended:
        world.pass_seconds(1)
        seconds += 1
        assert OrmQ.objects.count() <= 1
    assert 40 <= seconds <= 52
    row = world.row()
    assert (row.renewals, row.cluster_pid, row.renewed_at) == (1, 4_000_001, world.now)
    world.pass_seconds(1)
    assert OrmQ.objects.get().key.endswith(":4000001"), "what was asked of the old one is forgotten"
    world.answers = True
    world.pass_seconds(60)
    assert world.group.ended == [4_000_000]


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)])
def test_a_clock_that_jumps_kills_no_healthy_cluster_and_hides_no_dead_one(world, jump):
    world.pass_seconds(20)
    world.now += jump
    world.pass_seconds(100)
    assert world.group.ended == []
    world.answers = False
    world.now += jump
    world.pass_seconds(55)
    assert world.group.ended == [4_000_000]


def test_a_supervisor_that_slept_itself_does_not_blame_the_cluster(world):
    world.pass_seconds(10)
    world.seconds += 3600
    world.pass_seconds(30)
    assert world.group.ended == []


def test_a_database_that_is_away_says_nothing_about_the_cluster(world, monkeypatch):
    world.pass_seconds(10)
    world.answers = False
    with monkeypatch.context() as away:
        away.setattr(heartbeat, "beats", lambda: (_ for _ in ()).throw(OperationalError("away")))
        world.pass_seconds(100)
    assert world.group.ended == []
    world.pass_seconds(52)
    assert world.group.ended == [4_000_000]


@pytest.mark.parametrize("said", [NO_TURN, "database is locked"])
def test_a_database_that_stays_locked_is_blamed_on_the_cluster_and_the_renewal_is_written_later(world, said):
    """Whoever keeps the lock may be a process of the cluster that was stopped in the middle of writing."""
    world.pass_seconds(30)
    with pytest.MonkeyPatch.context() as locked:
        for name in ("ask", "report", "forget_line"):
            locked.setattr(heartbeat, name, lambda *_, **__: (_ for _ in ()).throw(OperationalError(said)))
        world.answers = False
        seconds = 0
        while not world.group.ended:
            world.pass_seconds(1)
            seconds += 1
        renewed = world.now
        world.pass_seconds(20)
    assert 40 <= seconds <= 52
    assert world.group.ended == [4_000_000], "the new one has its time to start"
    assert world.row().renewals == 0
    world.answers = True
    world.pass_seconds(1)
    assert (world.row().renewals, world.row().renewed_at, world.row().cluster_pid) == (1, renewed, 4_000_001)


def test_impatience_ends_with_its_block():
    with connection.cursor() as cursor:
        asked = "PRAGMA busy_timeout" if connection.vendor == "sqlite" else "SHOW lock_timeout"
        before = cursor.execute(asked).fetchone()
        with impatient(1.5):
            assert str(cursor.execute(asked).fetchone()[0]) in ("1500", "1500ms")
        assert cursor.execute(asked).fetchone() == before


def test_a_cluster_that_keeps_ending_is_started_again_with_longer_and_longer_pauses(world):
    starts = []
    for second in range(100):
        before = world.group.children[QUEUE]
        before.status = 1
        world.pass_seconds(1)
        if world.group.children[QUEUE] is not before:
            starts.append(second)
    assert starts == [1, 3, 6, 11, 20, 37, 68, 99]


def test_a_part_that_stands_still_makes_the_worker_begin_again(world):
    world.pass_seconds(10)
    world.ticks = False
    with pytest.raises(Renewal):
        world.pass_seconds(130)


def test_backoff_begins_small_again_after_a_long_life():
    backoff = Backoff()
    pauses = []
    now = 0.0
    for lived in (1, 1, 1, 100, 1):
        backoff.started(now)
        now += lived
        ended = now
        while not backoff.may_start(now):
            now += 0.25
        pauses.append(now - ended)
    assert pauses == [0.5, 1, 2, 0.5, 1]


def test_a_worker_forgets_those_of_its_host_that_are_gone_and_hosts_silent_for_a_day():
    old = {"pid": 4_194_000, "started_at": NOW, "cluster_pid": 4_194_001}
    make = WorkerHeartbeat.objects.create
    make(name="dead", host=heartbeat.HOST, reported_at=NOW, **old)
    make(name="elsewhere", host="elsewhere", reported_at=NOW, **old)
    make(name="long gone", host="gone", reported_at=NOW - timedelta(days=2), **old)
    heartbeat.ask(4_194_001)
    gone = heartbeat.gone(NOW)
    assert sorted(row.name for row in gone) == ["dead", "long gone"]
    assert heartbeat.left_running(gone) == []
    heartbeat.forget(gone)
    assert [row.name for row in WorkerHeartbeat.objects.all()] == ["elsewhere"]
    assert not OrmQ.objects.exists()
