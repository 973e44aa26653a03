"""People who act and sweepers that escalate in the same instant, in processes of their own: of two exactly one is
first, and each rung is climbed once however many sweepers there are."""

import time

import pytest
from django.db import connection

from leads.models import Lead
from owners.models import Owner
from routing import touch
from routing.escalation import sweep
from routing.moving import by_user
from routing.replay import verify
from tests.builders import NOW
from tests.flows.server import FULL, database
from tests.once import on_sqlite_only
from tests.routing.ladders import MINUTE, by, make_company, owned

pytestmark = [pytest.mark.server, on_sqlite_only]  # with threads on PostgreSQL: tests/routing/test_escalation_races.py
RACES = 1000 if FULL else 60
STEP = 1 if connection.vendor == "sqlite" else 4
"""Clocks that a sweeper takes at a time."""
PEOPLE, SWEEPERS = (4, 4) if FULL else (2, 2)
END = NOW + 30 * MINUTE


def seed_silence(count):
    """So many leads of Elena that nobody acted on for half an hour less an instant."""
    people = make_company()
    by(people.elena)
    owned(count)
    while sweep(END - MINUTE).rungs:
        pass


def touch_all(place, of, starts):
    """One of so many people who call their share of the buyers, in the instant at which the time is over."""
    elena = by_user(Owner.objects.get(key="elena").user)
    leads = list(Lead.objects.order_by("pk").values_list("pk", flat=True))[place::of]
    if place % 2:
        leads.reverse()  # from the other end than the sweepers, so that neither side wins nearly all
    _wait(starts)
    for lead in leads:
        touch.record(lead, "call", elena, END)


def sweep_all(step, starts):
    """One of several sweepers, so many clocks at a time, so that they meet often; until nothing is due."""
    Owner.objects.exists()  # connected before it starts
    _wait(starts)
    while sweep(END, limit=step).rungs:
        pass


def verify_all():
    decisions, wrong = verify()
    return [decisions, len(wrong)]


def _wait(starts):
    time.sleep(max(0.0, starts - time.time()))


def finish(processes):
    for process in processes:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0, out


def test_of_acts_and_several_sweepers_exactly_one_is_first_and_each_rung_is_climbed_once():
    with database(seed_silence, RACES) as db:
        starts = time.time() + 4
        people = [db.start(touch_all, place, PEOPLE, starts) for place in range(PEOPLE)]
        finish([*people, *(db.start(sweep_all, STEP, starts) for _ in range(SWEEPERS))])
        ends = db.rows(
            "SELECT o.key, c.state, c.answered_at IS NOT NULL, c.ended_at = c.due_at"
            " FROM routing_slaclock c JOIN leads_lead l ON l.id = c.lead_id JOIN owners_owner o ON o.id = l.owner_id"
            " JOIN owners_owner was ON was.id = c.owner_id WHERE c.kind = 'no_activity' AND was.key = 'elena'"
        )
        moved = sum(1 for owner, *_ in ends if owner == "marco")
        print(f"\nof {RACES} races the sweep won {moved}")
        assert len(ends) == RACES
        assert set(ends) <= {("elena", "met", 0, 1), ("marco", "breached", 1, 1)}
        assert db.value("SELECT COUNT(*) FROM routing_decision WHERE origin = 'escalate'") == moved
        ended = "SELECT COUNT(*) FROM routing_escalation e JOIN routing_slaclock c ON c.id = e.clock_id"
        assert db.value(f"{ended} WHERE e.rung = 100 AND c.kind = 'no_activity'") == moved
        rungs = db.rows("SELECT clock_id, rung, COUNT(*) FROM routing_escalation GROUP BY clock_id, rung")
        assert {count for *_, count in rungs} == {1}
        assert db.value("SELECT COUNT(*) FROM routing_slaclock WHERE state = 'running'") == 0
        assert db.run(verify_all) == [RACES + moved, 0]
