"""Many senders at once against the running program: one lead each, fair shares, caps kept, no twin twice."""

from fractions import Fraction
from itertools import accumulate

import pytest

from owners.models import PoolMember
from tests.builders import (
    make_owner,
    make_pipeline,
    make_pool,
    make_source,
    make_team,
    publish_pool_rule,
)
from tests.flows.sender import Post
from tests.flows.server import database, serving

pytestmark = pytest.mark.server

LEDGER = """
SELECT m.owner_id, l.kind, l.amount, l.v_before, l.v_after
  FROM routing_ledgerentry l JOIN owners_poolmember m ON m.id = l.member_id ORDER BY l.id
"""


def seed_pool(weights, cap=None, cap_here=None):
    """A source `web` whose leads all go to one pool, with a deal; the owners' ids in the order of the weights.

    `cap`: of each owner's open leads; `cap_here`: of those from this pool.
    """
    team = make_team("sales")
    owners = [make_owner(f"rep{number}", team, cap_open=cap) for number in range(len(weights))]
    make_source("web", owners[0])
    pipeline = make_pipeline("sales", "new")
    pool = make_pool("everybody", owners, weights, team=team)
    PoolMember.objects.filter(pool=pool).update(cap_open=cap_here)
    publish_pool_rule(owners[0], pool, pipeline=pipeline, stage=pipeline.stages.get(), sequence="speed_to_lead")
    return [owner.pk for owner in owners]


def counts(db, *tables):
    return [db.value(f"SELECT COUNT(*) FROM {table}") for table in tables]


def buyers(count, **fields):
    return [Post({"email": f"buyer{number}@firm{number}.example", **fields}) for number in range(count)]


# One submission, many times ----------------------------------------------------------------------------------

STYLES = {
    "key": Post({"email": "ada@analytical.example"}, key="form-4711"),
    "submission": Post({"email": "grace@cobol.example", "submission_id": "sub-4711"}),
    "body": Post({"email": "joan@eniac.example", "message": "neither key nor submission"}),
}


def test_200_identical_posts_50_at_a_time_make_one_lead():
    with database(seed_pool, [1, 1]) as db:
        with serving(db) as server:
            answers = {style: server.send([post] * 200, connections=50) for style, post in STYLES.items()}
            db.settle()
        for of_style in answers.values():
            statuses = [answer.status for answer in of_style]
            assert set(statuses) <= {200, 201, 202}
            assert statuses.count(201) <= 1
            assert len({answer.event for answer in of_style}) == 1
        assert len({of_style[0].event for of_style in answers.values()}) == 3
        tables = ["leads_rawevent", "leads_lead", "routing_decision", "leads_deal", "leads_contact", "leads_task"]
        assert counts(db, *tables) == [3] * len(tables)
        told = "SELECT kind, channel, state, COUNT(*) FROM routing_delivery GROUP BY kind, channel, state"
        assert sorted(db.rows(told)) == [("assignment", "email", "sent", 3), ("assignment", "in_app", "sent", 3)]
        assert len(db.mails()) == 3


def test_twins_make_one_lead_with_one_owner_and_one_appended_inquiry():
    pairs = 30
    posts = [
        Post({"email": f"twin{pair}@firm{pair}.example", "submission_id": f"{form}-{pair}"})
        for pair in range(pairs)
        for form in ("demo", "pricing")
    ]
    with database(seed_pool, [1, 1, 1]) as db:
        with serving(db) as server:
            for pair in range(pairs):  # both of a pair at the same instant, over two connections
                answers = server.send(posts[2 * pair : 2 * pair + 2], connections=2)
                assert {answer.status for answer in answers} <= {201, 202}
            db.settle()
        assert counts(db, "leads_lead", "leads_contact", "leads_deal") == [pairs] * 3
        by_lead = {}
        for lead, status in db.rows("SELECT lead_id, status FROM routing_decision"):
            by_lead.setdefault(lead, []).append(status)
        assert [sorted(statuses) for statuses in by_lead.values()] == [["appended", "assigned"]] * pairs
        told = db.rows(
            "SELECT d.lead_id, v.kind, v.channel, COUNT(*) FROM routing_delivery v"
            " JOIN routing_decision d ON d.id = v.decision_id GROUP BY d.lead_id, v.kind, v.channel"
        )
        assert sorted(told) == sorted(
            (lead, kind, channel, 1)
            for lead in by_lead
            for kind in ("assignment", "notice")
            for channel in ("email", "in_app")
        )


# Fairness ----------------------------------------------------------------------------------------------------


def ledger_agrees(db):
    """Every member's `v` is the sum of its ledger rows, which follow one another without a gap."""
    sums = {}
    for owner, _, amount, before, after in db.rows(LEDGER):
        assert sums.get(owner, Fraction(before)) == Fraction(before)
        assert Fraction(before) + Fraction(amount) == Fraction(after)
        sums[owner] = Fraction(after)
    rotation = db.rows(
        "SELECT m.owner_id, r.v FROM routing_rotationstate r JOIN owners_poolmember m ON m.id = r.member_id"
    )
    assert {owner: Fraction(v) for owner, v in rotation} == sums


def turns(db):
    """The owners in the order in which the pool gave them leads."""
    return [owner for owner, kind, *_ in db.rows(LEDGER) if kind == "charge"]


def test_400_leads_from_20_clients_into_a_pool_of_4_are_shared_to_the_lead():
    with database(seed_pool, [1, 1, 1, 1]) as db:
        owners = db.seeded
        with serving(db) as server:
            answers = server.send(buyers(400), connections=20)
            db.settle(60)
        assert {answer.status for answer in answers} <= {201, 202}
        assert counts(db, "leads_lead", "routing_decision", "leads_deal") == [400, 400, 400]
        order = turns(db)
        assert len(order) == 400
        for seen in accumulate([[owner] for owner in order]):
            shares = [seen.count(owner) for owner in owners]
            assert max(shares) - min(shares) <= 1
        owned = db.rows("SELECT owner_id, COUNT(*) FROM leads_lead GROUP BY owner_id ORDER BY owner_id")
        assert owned == [(owner, 100) for owner in sorted(owners)]
        ledger_agrees(db)


def test_weighted_shares_are_exact_at_every_whole_multiple_of_the_total_weight():
    weights = [1, 2, 3]
    with database(seed_pool, weights) as db:
        owners = db.seeded
        with serving(db) as server:
            answers = server.send(buyers(240), connections=20)
            db.settle(60)
        assert {answer.status for answer in answers} <= {201, 202}
        order = turns(db)
        assert len(order) == 240
        for multiple in range(1, 240 // sum(weights) + 1):
            first = order[: multiple * sum(weights)]
            assert [first.count(owner) for owner in owners] == [multiple * weight for weight in weights]
        ledger_agrees(db)


@pytest.mark.parametrize("caps", [(5, None), (9, 5)], ids=["of-owners", "of-places-in-the-pool"])
def test_a_cap_of_5_open_leads_is_never_exceeded(caps):
    with database(seed_pool, [1, 1, 1, 1], *caps) as db:
        owners = db.seeded
        with serving(db) as server:
            answers = server.send(buyers(40), connections=20)
            db.settle()
        assert {answer.status for answer in answers} <= {201, 202}
        states = db.rows("SELECT state, COUNT(*) FROM leads_lead GROUP BY state ORDER BY state")
        assert states == [("assigned", 20), ("review", 20)]
        # No lead is ever closed here, so what each owns in the end is the most that they ever owned.
        owned = db.rows("SELECT owner_id, COUNT(*) FROM leads_lead WHERE state = 'assigned' GROUP BY owner_id")
        assert dict(owned) == dict.fromkeys(owners, 5)
        loads = db.rows("SELECT owner_id, open_leads, day_count FROM routing_ownerload")
        assert sorted(loads) == [(owner, 5, 5) for owner in sorted(owners)]
        places = db.rows("SELECT open_leads, day_count FROM routing_memberload")
        assert places == ([(5, 5)] * 4 if caps[1] else [])
        items = db.rows("SELECT reason, state, COUNT(*) FROM routing_reviewitem GROUP BY reason, state")
        assert items == [("no_valid_owner", "open", 20)]
        ledger_agrees(db)
