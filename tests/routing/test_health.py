"""Whether background work is on time: the verdict, its sentences, the doors that tell it, and what they hide."""

import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from leads.models import RawEvent
from routing import checks, health, metrics
from routing.api import health as doors
from routing.broker import given_up_key
from routing.health import banner, remember, worker_state
from routing.models import Delivery, WorkerHeartbeat
from routing.pulse import Ages
from tests.builders import NOW, make_owner, make_source
from tests.routing import delivery_rows
from tests.routing.batches import buyers, waiting

pytestmark = pytest.mark.django_db

FINE = {"routing": 1, "plan": 1, "delivery": 1}


@pytest.fixture(autouse=True)
def forget():
    yield
    remember(None)
    metrics._kept = None
    health._ages.__init__()


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def make_worker(beat=3, report=3, started=500, parts=FINE, name="host:1"):
    return WorkerHeartbeat.objects.create(
        name=name, host="host", pid=1, started_at=ago(started), reported_at=ago(report), reports=9,
        beats=0 if beat is None else 7, beat_at=None if beat is None else ago(beat),
        parts={part: {"times": 5, "at": ago(age).isoformat()} for part, age in parts.items()},
    )  # fmt: skip


def state(now=NOW, ages=None, second=0.0):
    return worker_state(now, lambda: second, ages or Ages())


def sentences():
    return state().sentences


@contextmanager
def watched():
    """The statements of the block, those of our own cursors among them."""
    seen = []

    def watch(execute, sql, *more):
        seen.append(sql)
        return execute(sql, *more)

    with connection.execute_wrapper(watch):
        yield seen


# The verdict ---------------------------------------------------------------------------------------------------


def test_on_time_with_a_worker_that_beats_and_nothing_that_waits():
    make_worker()
    seen = state()
    assert (seen.verdict, seen.sentences, seen.beat) == ("ok", [], 3)
    assert seen.parts() == FINE


@pytest.mark.parametrize(
    ("worker", "sentence"),
    [
        ({"report": 300}, "The background worker has not been heard of for 5 minutes. Start it again."),
        ({"beat": 61}, "Nothing has come through the background queue for 61 seconds; it is being renewed."),
        ({"beat": None}, "Nothing has come through the background queue for 8 minutes; it is being renewed."),
        (
            {"parts": {**FINE, "delivery": 7300}},
            "The delivery part of the background worker has stood still for 2 hours.",
        ),
    ],
)
def test_late_is_said_in_a_sentence(worker, sentence):
    make_worker(**worker)
    assert sentences() == [sentence]


def test_no_worker_at_all_is_late_and_one_that_has_just_begun_is_not():
    assert sentences() == ["No background worker is running; start one with manage.py worker."]
    make_worker(beat=None, started=4, parts={})
    assert sentences() == []


def test_another_worker_that_works_is_enough():
    make_worker(report=5000, beat=5000)
    make_worker(name="other:1")
    assert sentences() == []


def test_work_that_waits_too_long_is_late_whatever_the_worker_says():
    make_worker()
    source = make_source("web", make_owner("elena"))
    waiting(source, *buyers(2))
    waiting(source, *buyers(1, first=5), intent_class=2)
    for seconds, expected in (
        (59, []),
        (200, ["The oldest lead has waited 3 minutes for its decision."]),
        (
            7200,
            [
                "The oldest lead has waited 2 hours for its decision.",
                "The oldest imported lead has waited 2 hours for its decision.",
            ],
        ),
    ):
        RawEvent.objects.update(received_at=ago(seconds))
        assert sentences() == expected


def test_alerts_and_crm_writes_count_from_when_they_could_have_been_done():
    make_worker()
    decision = delivery_rows.make_decision()
    delivery_rows.make_delivery(decision, created_at=ago(4000), next_try_at=ago(-60))
    assert (sentences(), state().work.alert_undelivered) == ([], 4000)
    Delivery.objects.update(next_try_at=ago(90))
    delivery_rows.make_action(decision, next_try_at=ago(180))
    assert sentences() == [
        "The oldest alert should have gone out 90 seconds ago.",
        "The oldest CRM write or first task should have been done 3 minutes ago.",
    ]


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)])
def test_a_clock_that_jumps_is_no_alarm_and_no_all_clear(jump):
    ages, row = Ages(), make_worker()
    assert state(NOW, ages, 0).verdict == "ok"
    moved = NOW + jump
    row.beats, row.reports, row.beat_at, row.reported_at = 8, 10, moved, moved
    row.parts = {part: {"times": 6, "at": moved.isoformat()} for part in FINE}
    row.save()
    assert state(moved, ages, 10).verdict == "ok"
    assert state(moved + timedelta(seconds=90), ages, 100).verdict == "late"
    assert state(moved - jump, ages, 100).verdict == "late"


def test_verdict_costs_three_statements():
    make_worker(), make_worker(name="other:1")
    with watched() as seen:
        state()
    assert len(seen) == 3


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's plan depends on how many rows there are")
def test_no_part_of_it_walks_through_a_table_that_grows():
    plans = []
    with connection.cursor() as cursor:
        for sql in (health.WORK_SQL, metrics.COUNTS_SQL.replace("%s", "'2026-01-01'")):
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plans += [row[3] for row in cursor.fetchall() if "SCAN" in row[3]]
    assert [plan for plan in plans if "USING" not in plan] == ["SCAN CONSTANT ROW"] * 2


# The banner ------------------------------------------------------------------------------------------------------


def test_banner_says_what_this_process_saw_last_and_costs_no_query():
    later = health._began + 100
    assert banner(lambda: later) == ""
    remember(state(), lambda: later)
    with CaptureQueriesContext(connection) as seen:
        assert banner(lambda: later).startswith("Background work is late. No background worker is running;")
        assert "the watch over it stands still" in banner(lambda: later + 200)
        assert banner(lambda: health._began + 5) == "", "the worker beside it may still be starting"
    assert len(seen) == 0
    make_worker()
    remember(state(), lambda: later)
    assert banner(lambda: later) == ""


# The doors -------------------------------------------------------------------------------------------------------


def get(path, address="127.0.0.1", **headers):
    return Client(headers=headers, REMOTE_ADDR=address).get(path)


def test_alive_asks_nothing_of_the_database_and_needs_no_known_host(django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = get("/healthz", host="10.1.2.3:8000")
    assert (answer.status_code, answer.json(), answer.cookies) == (200, {"status": "ok"}, {})


def test_ready_when_all_tables_are_there(monkeypatch):
    monkeypatch.setattr(doors, "_migrated", False)
    assert get("/readyz").status_code == 200
    monkeypatch.setattr(doors, "_migrated", False)
    monkeypatch.setattr(doors.MigrationExecutor, "migration_plan", lambda *_: ["one"])
    answer = get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "Tables are missing. Run: manage.py migrate")


def test_worker_door_tells_the_verdict_to_all_and_numbers_to_this_machine():
    late = get("/healthz/worker")
    assert (late.status_code, late.json()["problems"]) == (503, sentences())
    row = make_worker(started=1)
    WorkerHeartbeat.objects.update(
        started_at=doors.timezone.now(), reported_at=doors.timezone.now(), beats=0, beat_at=None, parts={}
    )
    well = get("/healthz/worker")
    assert (well.status_code, well.json()["workers"][0]["name"]) == (200, row.name)
    assert get("/healthz/worker", "203.0.113.9").json() == {"status": "ok"}
    assert get("/healthz/worker", x_forwarded_for="203.0.113.9").json() == {"status": "ok"}


def test_metrics_are_for_this_machine_and_for_the_token(settings):
    OrmQ.objects.create(key=given_up_key(), payload="x")
    assert [get("/metrics", *who).status_code for who in ((), ("203.0.113.9",))] == [200, 401]
    settings.METRICS_TOKEN = "a-token"
    answers = [get("/metrics", "203.0.113.9", authorization=f"Bearer {token}") for token in ("a-token", "wrong", "")]
    assert [answer.status_code for answer in answers] == [200, 401, 401]
    text = answers[0].content.decode()
    assert "revroute_worker_late 1.0\n" in text
    assert "revroute_tasks_given_up 1.0\n" in text
    assert all(
        re.fullmatch(r'(#.*|revroute_[a-z_]+(\{[a-z]+="[a-z_]+"\})? [0-9.e+-]+|)', line) for line in text.split("\n")
    )
    assert get("/metrics", "203.0.113.9", authorization="Bearer a-token").content == answers[0].content, "kept 15 s"


def test_metrics_cost_five_statements():
    with watched() as seen:
        metrics.render(NOW)
    assert len(seen) == 5


# The queue's settings --------------------------------------------------------------------------------------------


def test_settings_of_the_queue_are_safe_and_unsafe_ones_are_named(settings):
    assert checks.queue_is_safe() == []
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "retry": 60, "catch_up": True, "bulk": 10, "max_attempts": 0}
    assert [error.msg.split()[1] for error in checks.queue_is_safe()] == ["retry", "max_attempts", "catch_up", "bulk"]
    settings.Q_CLUSTER = {"orm": "default"}
    assert len(checks.queue_is_safe()) == 6
