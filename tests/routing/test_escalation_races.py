"""People who act and sweepers that escalate in the same instant: of two exactly one is first, each rung once."""

import random
import threading

import pytest
from django.db import connection

from leads.models import Lead
from routing import pausing, touch
from routing.escalation import sweep
from routing.models import Decision, Escalation, SlaClock
from routing.moving import By
from routing.replay import verify
from tests.builders import NOW
from tests.flows.server import FULL
from tests.routing.ladders import MINUTE, by, make_company, owned

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
END = NOW + 30 * MINUTE
RACES = 200 if FULL else 40


@pytest.fixture(autouse=True)
def several_connections():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's test database is in memory and has one connection")


def at_once(*jobs):
    """Every job in a thread of its own, all let go together; what they returned, in order. None may fail."""
    barrier = threading.Barrier(len(jobs))
    done, failed = [None] * len(jobs), []

    def run(place, job):
        barrier.wait()
        try:
            done[place] = job()
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=args) for args in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    return done


def touches(leads: list[Lead], who: By):
    def job():
        for lead in random.Random(7).sample(leads, len(leads)):
            touch.record(lead.pk, "call", who, END)

    return job


def sweeps():
    while sweep(END, limit=3).rungs:
        pass


def test_of_a_touch_and_an_escalation_exactly_one_is_first():
    people = make_company()
    elena = by(people.elena)
    leads = owned(RACES)
    sweep(NOW + 15 * MINUTE)
    at_once(touches(leads[::2], elena), touches(leads[1::2], elena), sweeps)
    first = SlaClock.objects.filter(kind="no_activity", owner=people.elena).order_by("lead")
    ends = list(first.values_list("lead__owner__key", "state", "answered_at"))
    assert set(ends) <= {("elena", "met", None), ("marco", "breached", END)}
    moved = len([owner for owner, *_ in ends if owner == "marco"])
    print(f"\nof {RACES} races the sweep won {moved}")
    assert Escalation.objects.filter(rung=100, clock__kind="no_activity").count() == moved
    assert Decision.objects.filter(origin="escalate").count() == moved
    assert not SlaClock.objects.filter(state="running").exists()  # a late touch answers the new owner's, too
    assert verify() == (RACES + moved, [])


def test_of_a_pause_and_a_rung_exactly_one_is_first():
    people = make_company()
    elena = by(people.elena)
    leads = owned(RACES)
    end, until = NOW + 15 * MINUTE, NOW + 60 * MINUTE

    def waits():
        for lead in random.Random(7).sample(leads, len(leads)):
            pausing.pause(lead.pk, elena, until, "asked us to", end - MINUTE)

    def reminds():
        while sweep(end, limit=3).rungs:
            pass

    at_once(waits, reminds)
    ends = SlaClock.objects.filter(kind="first_touch").values_list(
        "state", "due_at", "ended_at", "lead__pauses__reason"
    )
    assert set(ends) <= {("running", until + MINUTE, None, "asked us to"), ("breached", end, end, "asked us to")}
    breached = len([state for state, *_ in ends if state == "breached"])
    print(f"\nof {RACES} races the sweep won {breached}")
    assert Escalation.objects.filter(rung=100).count() == breached
    sweep(until + MINUTE)
    assert Escalation.objects.filter(rung=100).count() == RACES


def test_four_sweepers_at_once_climb_each_rung_once():
    make_company()
    owned(60)
    swept = at_once(*[lambda: sweep(END, limit=50) for _ in range(4)])
    swept.append(sweep(END))
    assert Escalation.objects.count() == sum(one.rungs for one in swept) == 240
    assert Decision.objects.filter(origin="escalate").count() == 60
    assert verify() == (120, [])
