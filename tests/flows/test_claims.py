"""Many people who claim one lead at once, over HTTP, on a real server: one wins, the others are told who it was."""

import json
import threading
import time
from collections import Counter
from http.client import HTTPConnection

import pytest

from leads.tokens import hash_token
from owners.models import User
from owners.roles import Role, give_role
from routing.models import ApiToken
from tests.builders import make_owner, make_pool, make_source, make_team, publish_pool_rule
from tests.flows.server import FULL, database, serving

pytestmark = pytest.mark.server
PEOPLE = 100 if FULL else 40
AT_ONCE = 50 if FULL else 20


def seed_reps(count):
    """A pool of so many reps, each with a user and a token; all are away, so that its leads go to review."""
    team = make_team("sales")
    reps = [make_owner(f"rep{number}", team) for number in range(count)]
    for rep in reps:
        rep.user = User.objects.create(username=rep.key)
        give_role(rep.user, Role.REP)
        rep.save()
        ApiToken.objects.create(name=rep.key, scope="write", user=rep.user, token_hash=hash_token(rep.key))
    publish_pool_rule(reps[0], make_pool("everybody", reps, team=team))
    for rep in reps:  # after the publish, which refuses a pool where nobody takes leads
        rep.accepts_leads = False
        rep.save()
    make_source("web", reps[0])
    return [rep.pk for rep in reps]


def claims(server, item, count):
    """(status, body, seconds) of each rep's claim, all started together."""
    together, answers = threading.Barrier(AT_ONCE), [None] * count

    def work(first):
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        together.wait()
        for number in range(first, count, AT_ONCE):
            began = time.monotonic()
            headers = {"Authorization": f"Bearer rep{number}", "Content-Type": "application/json"}
            connection.request("POST", f"/api/v1/review/{item}/claim", "{}", headers)
            response = connection.getresponse()
            answers[number] = (response.status, json.loads(response.read()), time.monotonic() - began)
        connection.close()

    threads = [threading.Thread(target=work, args=(first,)) for first in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_many_people_claim_one_lead_and_one_gets_it():
    with database(seed_reps, PEOPLE) as db, serving(db) as server:
        assert server.post({"email": "ada@analytical.example"}).status == 201
        item = db.value("SELECT id FROM routing_reviewitem WHERE reason = 'no_valid_owner' AND state = 'open'")
        answers = claims(server, item, PEOPLE)
        assert Counter(status for status, _, _ in answers) == {200: 1, 409: PEOPLE - 1}
        winner = next(number for number, (status, _, _) in enumerate(answers) if status == 200)
        assert {(body["code"], body["detail"].split(" from ")[0]) for status, body, _ in answers if status == 409} == {
            ("taken", f"Somebody was faster: Claimed by Rep{winner}")
        }
        owner = db.seeded[winner]
        assert db.rows("SELECT state, owner_id FROM leads_lead") == [("assigned", owner)]
        assert db.rows("SELECT owner_id, open_leads FROM routing_ownerload WHERE open_leads > 0") == [(owner, 1)]
        charged = "SELECT m.owner_id, l.kind FROM routing_ledgerentry l JOIN owners_poolmember m ON m.id = l.member_id"
        assert db.rows(f"{charged} WHERE l.kind <> 'join'") == [(owner, "claim")]
        assert db.rows("SELECT origin FROM routing_decision ORDER BY id") == [("routing",), ("claim",)]
        slowest = max(seconds for _, _, seconds in answers)
        print(f"{PEOPLE} claims, {AT_ONCE} at once: 1 × 200, {PEOPLE - 1} × 409, slowest {slowest * 1000:.0f} ms")
