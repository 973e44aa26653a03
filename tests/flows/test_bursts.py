"""Bursts of leads that stop dead: nobody comes after them to find what was left, and nothing is left."""

import pytest

from tests.flows.sender import Post
from tests.flows.server import FULL, database, serving, wait_until
from tests.flows.test_concurrency import ledger_agrees, seed_pool
from tests.once import on_postgres_only

pytestmark = [pytest.mark.server, on_postgres_only]

BURSTS = 50 if FULL else 6
DEFAULT_WAIT = 1.0
CONNECTIONS = (16, 24, 32)
POSTS_EACH = (20, 40, 60) if FULL else (10,)
UNAWAITED_EACH = (5, 10) if FULL else (5,)
"""Posts of each connection that nobody waits for: storing alone is faster than routing, and two seconds are short."""


def bursts(posts_each):
    """(connections, posts) of each burst: every size in turn, all posts different people."""
    for number in range(BURSTS):
        connections = CONNECTIONS[number % len(CONNECTIONS)]
        count = connections * posts_each[number % len(posts_each)]
        yield connections, [{"email": f"b{number}n{buyer}@firm{buyer % 97}.example"} for buyer in range(count)]


def waiting(db):
    return {event for (event,) in db.rows("SELECT id FROM leads_rawevent WHERE state = 0")}


def nothing_lost(db, events):
    """Every answered event has its decision, and the leads were shared fairly."""
    assert {event for (event,) in db.rows("SELECT event_id FROM routing_decision")} == events
    assert db.value("SELECT COUNT(*) FROM leads_lead") == len(events)
    ledger_agrees(db)


def test_no_event_whose_wait_had_not_expired_is_left_without_the_worker():
    events, decided = set(), 0
    with database(seed_pool, [1, 1, 2]) as db:
        with serving(db, "--no-worker") as server:
            for connections, payloads in bursts(POSTS_EACH):
                answers = server.send([Post(payload) for payload in payloads], connections)
                assert {answer.status for answer in answers} <= {201, 202}
                expired = {
                    answer.event for answer in answers if answer.status == 202 and answer.seconds >= DEFAULT_WAIT
                }
                assert waiting(db) <= expired
                assert {answer.event for answer in answers if answer.status == 202} == expired
                events |= {answer.event for answer in answers}
                decided += sum(answer.status == 201 for answer in answers)
            assert decided >= 0.9 * len(events)  # waiting so long is the exception, or this shows nothing
        assert db.manage("drain").returncode == 0
        nothing_lost(db, events)


def test_no_event_that_nobody_waited_for_is_left_two_seconds_later():
    events = set()
    with database(seed_pool, [1, 1, 2]) as db:
        with serving(db) as server:
            for connections, payloads in bursts(UNAWAITED_EACH):
                answers = server.send([Post(payload, prefer="respond-async") for payload in payloads], connections)
                assert {answer.status for answer in answers} == {202}
                wait_until(lambda: waiting(db) == set(), 2, "nothing waits")
                events |= {answer.event for answer in answers}
        nothing_lost(db, events)
