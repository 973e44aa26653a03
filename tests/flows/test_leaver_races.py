"""Somebody leaves while every lead that comes in is theirs: after the commit none of them goes to them.

Real processes: a server that takes posts, its worker, and one process in which person after person leaves.
"""

import time
from itertools import pairwise

import pytest
from django.utils import timezone

from leads.models import Lead
from owners.models import Owner
from routing.leaving import Wish, leave
from routing.moving import By
from routing.rulebook import publish
from tests.builders import make_owner, make_pipeline, make_rule, make_source, make_version
from tests.flows.server import FULL, database, serving, wait_until
from tests.flows.test_concurrency import buyers
from tests.once import on_postgres_only

pytestmark = pytest.mark.server

LEAVERS = 200 if FULL else 5
CHUNK = 12


def seed_line(leavers):
    """The rule gives every lead to the first of a line of people; each hands the rule on to the next of them."""
    line = [make_owner(f"rep{number}") for number in range(leavers + 1)]
    last = make_owner("last")
    make_source("web", last)
    version, pipeline = make_version(last), make_pipeline("sales", "new")
    make_rule(version, "campaign_source_owner", "owner", owner=line[0], pipeline=pipeline, stage=pipeline.stages.get())
    publish(version, None, timezone.now())
    return [owner.pk for owner in line]


def leave_one_by_one(line):
    """Each leaves once they have two leads, in the midst of those that come; their leads go to the last one."""
    last = Owner.objects.get(key="last").pk
    for owner, heir in pairwise(line):
        while Lead.objects.filter(owner=owner).count() < 2:
            time.sleep(0.003)
        leave(owner, Wish("departed", "a race", last, heir), By(None, None, "Rita"), timezone.now)


LATE = """
SELECT COUNT(*) FROM routing_decision d JOIN routing_bulkmove m ON m.owner_id = d.owner_id
 WHERE d.decided_at >= m.started_at AND d.status IN ('assigned', 'appended')
"""


@on_postgres_only  # SQLite lets one write at a time anyway
def test_nobody_is_given_a_lead_after_the_commit_that_they_left_with():
    posted = 0
    with database(seed_line, LEAVERS) as db:
        line = db.seeded
        with serving(db) as server:
            leaving = db.start(leave_one_by_one, line)
            while leaving.poll() is None:
                answers = server.send(buyers(posted + CHUNK)[posted:], connections=4)
                assert {answer.status for answer in answers} <= {201, 202}
                posted += CHUNK
            assert leaving.returncode == 0
            db.settle(60)
            wait_until(lambda: db.value("SELECT COUNT(*) FROM routing_bulkmove WHERE finished_at IS NULL") == 0, 30,
                       "the worker ends every move")  # fmt: skip
        left = ", ".join(str(owner) for owner in line[:-1])
        assert db.value("SELECT COUNT(*) FROM owners_owner WHERE state = 'departed'") == LEAVERS
        # Whatever committed after somebody left would be theirs still: nobody takes leads from them any more.
        assert db.value(f"SELECT COUNT(*) FROM leads_lead WHERE owner_id IN ({left})") == 0
        assert db.value(LATE) == 0
        assert db.value("SELECT COUNT(*) FROM routing_decision WHERE origin = 'routing'") == posted
        assert db.value("SELECT COUNT(*) FROM leads_lead WHERE state = 'assigned' AND owner_id IS NOT NULL") == posted
        moved = db.value("SELECT SUM(moved) FROM routing_bulkmove")
        print(f"\n{LEAVERS} left during {posted} leads; {moved} leads were handed over, none came after")
        replayed = db.manage("replay", "--verify")
        assert replayed.returncode == 0, replayed.stdout
