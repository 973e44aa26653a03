"""SIGKILL of the real process before and after each of the ten steps, then nothing but a restart: the same rows.

Also: a web process that dies under load loses nothing, and `manage.py serve` ends as it should.
"""

import os
import re
import signal
import threading
import time
from functools import cache
from http.client import HTTPException

import pytest

from routing import pipeline
from routing.steps import CRASH_POINTS, STEPS
from tests.builders import (
    make_company,
    make_contact,
    make_owner,
    make_pipeline,
    make_pool,
    make_source,
    make_team,
    publish_pool_rule,
)
from tests.flows.sender import Post
from tests.flows.server import FULL, ON_POSTGRES, database, launch, serving, wait_until
from tests.flows.test_concurrency import buyers, ledger_agrees, seed_pool
from tests.once import on_postgres_only, on_sqlite_only

pytestmark = pytest.mark.server

# The crash points ----------------------------------------------------------------------------------------------

BOTH = ["in_app", "email"]
EMAIL = ["email"]
"""In-app alerts are given first, so only an owner who wants none lets the process die between mail and mark."""
CRASHES = [(point, BOTH) for point in CRASH_POINTS] + [
    ("before:alert_owner", EMAIL),
    ("after:alert_owner", EMAIL),
]
REDUCED = [
    ("before:store_raw_event", BOTH),
    ("after:store_raw_event", BOTH),
    ("before:decide", BOTH),
    ("after:write_reason", BOTH),
    ("after:start_follow_up", BOTH),
    ("after:alert_owner", EMAIL),
]

BUYER = {"email": "ada@acme.example", "first_name": "Ada", "company_domain": "acme.example", "lead_score": 80}
FIRST = Post(BUYER, key="first")
SECOND = Post({**BUYER, "service_requested": "crm_workflow_repair"}, key="second")

DUMP = {
    "leads_rawevent": "id, state, intent_class, body_digest, idempotency_key, attempts, error",
    "leads_idempotencykey": "key, event_id",
    "leads_contact": "id, email, phone, first_name, company_id, owner_id",
    "leads_company": "id, domain, is_customer, owner_id",
    "leads_deal": "id, name, contact_id, company_id, pipeline_id, stage_id, owner_id, state",
    "leads_lead": "id, state, contact_id, company_id, deal_id, owner_id, lead_type, high_intent, lead_score, reason",
    "leads_note": "lead_id, deal_id, text",
    "leads_task": "decision_id, step, lead_id, owner_id, sequence, text",
    "routing_configrevision": "digest",
    "routing_decision": (
        "id, event_id, lead_id, version_id, status, hierarchy_step, rule_id, owner_id, team_id, tier,"
        " pipeline_key, stage_key, sequence, review_reason, reason, route_flag, lead_type, sla_policy"
    ),
    "routing_planaction": "decision_id, position, action, connector, state, error",
    "routing_delivery": "decision_id, owner_id, kind, channel, state, error",
    "routing_slaclock": "lead_id, owner_id, kind, policy_key, budget_seconds, state",
    "routing_ledgerentry": "member_id, decision_id, kind, amount, v_before, v_after",
    "routing_rotationstate": "member_id, v, last, away",
    "routing_ownerload": "owner_id, open_leads, day_count, week_count",
    "routing_reviewitem": "reason, state, owner_id, event_id, lead_id, occurrences",
}


def seed_story(channels):
    """A pool of two, and Ada's company, which is known."""
    team = make_team("sales")
    owners = [make_owner(key, team, alert_channels=channels) for key in ("elena", "marco")]
    make_source("web", owners[0])
    make_contact("grace@acme.example", company=make_company("acme.example", name="Acme"))
    pipeline = make_pipeline("sales", "new")
    pool = make_pool("everybody", owners, [1, 2], team=team)
    publish_pool_rule(owners[0], pool, pipeline=pipeline, stage=pipeline.stages.get(), sequence="speed_to_lead")


def dump(db):
    """Every business table without instants and without ids that a rolled-back insert may have used up."""
    return {table: sorted(db.rows(f"SELECT {columns} FROM {table}"), key=repr) for table, columns in DUMP.items()}


def letters(db):
    """(decision, kind, recipient) of every mail, by what its Message-ID names: ids of deliveries are used up too."""
    owed = {
        f"<delivery-{id}@localhost>": rest
        for id, *rest in db.rows("SELECT id, decision_id, kind FROM routing_delivery")
    }
    return sorted((*owed[message_id], recipient) for message_id, recipient in db.mails())


def finish(db, server):
    """What a story ends with: the same submission again, and a second inquiry of the same buyer."""
    db.settle(100)
    again = server.post(FIRST.payload, key=FIRST.key)
    assert (again.status, again.body["duplicate"]) == (200, True)
    second = server.post(SECOND.payload, key=SECOND.key)
    assert second.body["decision"]["routing_decision"]["routing_status"] == "appended"
    db.settle()


@cache
def without_a_crash(*channels):
    """The rows and mails of the story when nothing happens to it."""
    with database(seed_story, channels) as db:
        with serving(db, workers=1) as server:
            assert server.post(FIRST.payload, key=FIRST.key).status == 201
            finish(db, server)
        return dump(db), letters(db)


PROGRESS = """
SELECT (SELECT COUNT(*) FROM leads_rawevent), (SELECT COUNT(*) FROM leads_rawevent WHERE state = 0),
       (SELECT COUNT(*) FROM leads_lead), (SELECT COUNT(*) FROM leads_task),
       (SELECT COUNT(*) FROM routing_delivery WHERE state IN ('sending', 'sent'))
"""


def progress_at(point, channels):
    """(events, of them waiting, leads, tasks, deliveries begun) that are committed when the process dies there."""
    side, _, step = point.partition(":")
    if step == "store_raw_event" and side == "before":
        return (0, 0, 0, 0, 0)
    if STEPS.index(step) <= STEPS.index("write_reason"):
        return (1, 1, 0, 0, 0)
    if step == "start_follow_up":
        return (1, 0, 1, 0, 0)
    return (1, 0, 1, 1, 1 if channels == EMAIL else 0)


def die(db, point):
    """Post the lead to a program that kills itself at `point`, wait for that, end what is left; whether it answered."""
    with serving(db, workers=1, CRASH_AT=point) as server:
        [web] = server.web_processes()
        try:
            answered = server.post(FIRST.payload, key=FIRST.key).status == 201
        except (OSError, HTTPException):
            answered = False
        if answered:  # then it is the worker's step; serve says so and starts another, which may die there, too
            wait_until(lambda: "worker process ended with status -9" in server.tail(), 30, f"the worker dies {point}")
        else:
            wait_until(lambda: web not in server.web_processes(), 10, f"the web process dies {point}")
        server.kill()
    return answered


@pytest.mark.parametrize(
    ("point", "channels"),
    CRASHES if FULL else REDUCED[ON_POSTGRES::2],  # half of them on each database
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_a_kill_and_a_restart_leave_the_same_rows_as_no_kill(point, channels):
    rows, sent = without_a_crash(*channels)
    with database(seed_story, channels) as db:
        answered = die(db, point)
        assert db.rows(PROGRESS) == [progress_at(point, channels)]
        assert answered == (STEPS.index(point.partition(":")[2]) >= STEPS.index("start_follow_up"))
        sent_before = letters(db)
        if not FULL:  # a minute later, without waiting for it: the lease of what was being sent runs out
            db.execute("UPDATE routing_delivery SET next_try_at = attempted_at WHERE state = 'sending'")
        with serving(db, workers=1) as server:
            if point == "before:store_raw_event":  # the sender had no answer, and nothing was stored
                assert server.post(FIRST.payload, key=FIRST.key).status == 201
            finish(db, server)
        assert dump(db) == rows
        twice = sent[:1] if (point, channels) == ("after:alert_owner", EMAIL) else []
        assert sent_before == twice
        assert letters(db) == sorted(sent + twice)
        assert len({message_id for message_id, _ in db.mails()}) == len(sent)


def test_crash_points_surround_the_steps_that_the_pipeline_names():
    named = re.findall(r"^    ([a-z_]+(?:, [a-z_]+)*) {2,}|^    (normalise, validate) ", pipeline.__doc__, re.M)
    steps = [name for line in named for names in line if names for name in names.split(", ")]
    assert tuple(steps) == STEPS
    assert len(STEPS) == 10
    assert list(CRASH_POINTS) == [f"{side}:{step}" for step in STEPS for side in ("before", "after")]
    assert {point for point, _ in CRASHES} == set(CRASH_POINTS)


# A web process dies under load -----------------------------------------------------------------------------------


@on_postgres_only
def test_a_web_process_killed_under_load_loses_nothing_and_routes_nothing_twice():
    posts = [Post(post.payload, key=f"load-{number}") for number, post in enumerate(buyers(2000 if FULL else 500))]
    with database(seed_pool, [1, 1, 1]) as db:
        with serving(db) as server:
            processes = server.web_processes()
            assert len(processes) == (2 if ON_POSTGRES else 1)
            killer = threading.Thread(target=_kill_amid, args=(db, processes[0], len(posts) // 4))
            killer.start()
            answers = server.send(posts, connections=16, insist=True)
            killer.join()
            assert processes[0] not in server.web_processes()
            wait_until(lambda: len(server.web_processes()) == len(processes), 20, "another web process")
            db.settle(60)
        assert {answer.status for answer in answers} <= {200, 201, 202}
        assert len({answer.event for answer in answers}) == len(posts)
        events = {event for (event,) in db.rows("SELECT id FROM leads_rawevent")}
        assert events == {answer.event for answer in answers}
        assert sorted(event for (event,) in db.rows("SELECT event_id FROM routing_decision")) == sorted(events)
        assert db.value("SELECT COUNT(*) FROM leads_lead WHERE state = 'assigned'") == len(posts)
        assert db.value("SELECT COUNT(*) FROM leads_deal") == len(posts)
        ledger_agrees(db)


def _kill_amid(db, process, leads):
    """SIGKILL for a web process as soon as so many leads were routed."""
    wait_until(lambda: db.value("SELECT COUNT(*) FROM leads_lead") >= leads, 60, "the load is under way")
    os.kill(process, signal.SIGKILL)


# The command -----------------------------------------------------------------------------------------------------


@on_sqlite_only
def test_serve_stops_web_and_worker_on_sigterm_with_status_0():
    with database(seed_pool, [1]) as db, serving(db) as server:
        assert server.send(buyers(1), connections=1)[0].status == 201
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 8
        assert server.processes() == []
        assert server.tail().endswith("Stopped.\n")


@on_sqlite_only
def test_serve_refuses_a_port_that_is_taken():
    with database(seed_pool, [1]) as db, serving(db, "--no-worker") as first:
        began = first.processes()
        second = launch(db, port=first.port)
        try:
            assert second.process.wait(20) == 1
            assert second.tail().splitlines()[-1] == (
                f"CommandError: Cannot listen on 127.0.0.1, port {first.port}: Address already in use."
            )
            assert first.processes() == began
            assert first.post({}, source="nobody").status == 404
        finally:
            second.process.kill()
            second.process.wait()


@on_sqlite_only
def test_serve_stops_everything_when_the_web_server_is_killed():
    with database() as db, serving(db) as server:
        os.kill(server.child("web"), signal.SIGKILL)
        assert server.process.wait(20) == 1
        assert "The web process ended with status -9; everything was stopped." in server.tail()
        wait_until(lambda: server.processes() == [], 10, "its children are gone")


@on_sqlite_only
def test_serve_survives_a_kill_of_its_queue_and_leaves_nothing_running_when_killed_itself():
    with database(seed_pool, [1]) as db, serving(db) as server:
        queue = server.child("qcluster")
        os.kill(queue, signal.SIGKILL)
        wait_until(lambda: server.child("qcluster") not in (None, queue), 20, "another queue")
        answer = server.post({"email": "ada@analytical.example"}, prefer="respond-async")
        assert answer.status == 202
        db.settle()
        assert db.value("SELECT COUNT(*) FROM leads_lead") == 1
        os.kill(server.process.pid, signal.SIGKILL)
        wait_until(lambda: server.processes() == [], 20, "its children are gone")
