"""Many senders at once against the running program: one lead each, fair shares, caps kept, no twin twice."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate

import pytest

from owners.models import PoolMember
from routing.rulebook import publish
from tests.builders import (
    NOW,
    make_owner,
    make_pipeline,
    make_pool,
    make_rule,
    make_source,
    make_team,
    make_version,
    publish_pool_rule,
)
from tests.flows.sender import Post
from tests.flows.server import Server, database, serving

pytestmark = pytest.mark.server

LEDGER = """
SELECT m.owner_id, l.kind, l.amount, l.v_before, l.v_after
  FROM routing_ledgerentry l JOIN owners_poolmember m ON m.id = l.member_id ORDER BY l.id
"""


# Who is there ------------------------------------------------------------------------------------------------


def seed_pool(weights):
    """A source `web` whose leads all go to one pool, with a deal; the owners' ids in the order of the weights."""
    owners, pool, deal = _make_pool("web", weights)
    publish_pool_rule(owners[0], pool, **deal)
    return [owner.pk for owner in owners]


def _make_pool(source, weights, cap=None, cap_here=None):
    """The owners, their pool and what else a rule has to say, for a source of their own.

    `cap`: of each owner's open leads; `cap_here`: of those from this pool.
    """
    team = make_team(f"{source}-sales")
    owners = [make_owner(f"{source}-rep{number}", team, cap_open=cap) for number in range(len(weights))]
    make_source(source, owners[0])
    pipeline = make_pipeline(f"{source}-sales", "new")
    pool = make_pool(f"{source}-everybody", owners, weights, team=team)
    PoolMember.objects.filter(pool=pool).update(cap_open=cap_here)
    return owners, pool, {"pipeline": pipeline, "stage": pipeline.stages.get(), "sequence": "speed_to_lead"}


POOLS = {
    "identical": ([1, 1],),
    "twins": ([1, 1, 1],),
    "even": ([1, 1, 1, 1],),
    "weighted": ([1, 2, 3],),
    "owners-capped": ([1, 1, 1, 1], 5, None),
    "places-capped": ([1, 1, 1, 1], 9, 5),
}
"""One for each test of this module, by the source that leads to it: weights, and caps as in `_make_pool`."""


def seed_pools():
    """The owners' ids of each pool, in the order of the weights."""
    made = {source: _make_pool(source, *rest) for source, rest in POOLS.items()}
    version = make_version(made["identical"][0][0])
    for source, (_, pool, deal) in made.items():
        make_rule(version, "round_robin_pool", "pool", ("source", "is", source), pool=pool, **deal)
    publish(version, None, NOW)
    return {source: [owner.pk for owner in owners] for source, (owners, _, _) in made.items()}


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """One program for all tests of this module: starting it takes longer than most of them."""
    with database(seed_pools) as db, serving(db) as server:
        yield server


class Since:
    """What one test did to the database of the running program: the rows that were not there when it began."""

    TABLES = (
        "leads_rawevent", "leads_lead", "leads_deal", "leads_contact", "leads_task",
        "routing_decision", "routing_delivery", "routing_reviewitem",
    )  # fmt: skip

    def __init__(self, db):
        self.db = db
        self._last = {table: db.value(f"SELECT COALESCE(MAX(id), 0) FROM {table}") for table in self.TABLES}
        self._mails = set(db.mails())

    def new(self, table):
        """The new rows as a table of a statement."""
        return f"(SELECT * FROM {table} WHERE id > {self._last[table]})"

    def counts(self, *tables):
        return [self.db.value(f"SELECT COUNT(*) FROM {self.new(table)} t") for table in tables]

    def mails(self):
        return set(self.db.mails()) - self._mails


def buyers(count, source="web"):
    return [Post({"email": f"{source}{number}@{source}{number}.example"}, source=source) for number in range(count)]


# One submission, many times ----------------------------------------------------------------------------------

SOURCE = "identical"
STYLES = {
    "key": Post({"email": "ada@analytical.example"}, key="form-4711", source=SOURCE),
    "submission": Post({"email": "grace@cobol.example", "submission_id": "sub-4711"}, source=SOURCE),
    "body": Post({"email": "joan@eniac.example", "message": "neither key nor submission"}, source=SOURCE),
}


def test_200_identical_posts_50_at_a_time_make_one_lead(running):
    db, since = running.database, Since(running.database)
    answers = {style: running.send([post] * 200, connections=50) for style, post in STYLES.items()}
    db.settle()
    for of_style in answers.values():
        statuses = [answer.status for answer in of_style]
        assert set(statuses) <= {200, 201, 202}
        assert statuses.count(201) <= 1
        assert len({answer.event for answer in of_style}) == 1
    assert len({of_style[0].event for of_style in answers.values()}) == 3
    tables = ["leads_rawevent", "leads_lead", "routing_decision", "leads_deal", "leads_contact", "leads_task"]
    assert since.counts(*tables) == [3] * len(tables)
    told = db.rows(
        f"SELECT kind, channel, state, COUNT(*) FROM {since.new('routing_delivery')} t GROUP BY kind, channel, state"
    )
    assert sorted(told) == [("assignment", "email", "sent", 3), ("assignment", "in_app", "sent", 3)]
    assert len(since.mails()) == 3


def test_twins_make_one_lead_with_one_owner_and_one_appended_inquiry(running):
    pairs = 30
    posts = [
        Post({"email": f"twin{pair}@twins{pair}.example", "submission_id": f"{form}-{pair}"}, source="twins")
        for pair in range(pairs)
        for form in ("demo", "pricing")
    ]
    db, since = running.database, Since(running.database)
    for pair in range(pairs):  # both of a pair at the same instant, over two connections
        answers = running.send(posts[2 * pair : 2 * pair + 2], connections=2)
        assert {answer.status for answer in answers} <= {201, 202}
    db.settle()
    assert since.counts("leads_lead", "leads_contact", "leads_deal") == [pairs] * 3
    by_lead = {}
    for lead, status in db.rows(f"SELECT lead_id, status FROM {since.new('routing_decision')} t"):
        by_lead.setdefault(lead, []).append(status)
    assert [sorted(statuses) for statuses in by_lead.values()] == [["appended", "assigned"]] * pairs
    told = db.rows(
        f"SELECT d.lead_id, v.kind, v.channel, COUNT(*) FROM {since.new('routing_delivery')} v"
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


def turns(db, owners):
    """These owners in the order in which their pool gave them leads."""
    return [owner for owner, kind, *_ in db.rows(LEDGER) if kind == "charge" and owner in owners]


def test_400_leads_from_20_clients_into_a_pool_of_4_are_shared_to_the_lead(running):
    db, since = running.database, Since(running.database)
    owners = db.seeded["even"]
    answers = running.send(buyers(400, "even"), connections=20)
    db.settle(60)
    assert {answer.status for answer in answers} <= {201, 202}
    assert since.counts("leads_lead", "routing_decision", "leads_deal") == [400, 400, 400]
    order = turns(db, owners)
    assert len(order) == 400
    for seen in accumulate([[owner] for owner in order]):
        shares = [seen.count(owner) for owner in owners]
        assert max(shares) - min(shares) <= 1
    owned = db.rows(f"SELECT owner_id, COUNT(*) FROM {since.new('leads_lead')} t GROUP BY owner_id ORDER BY owner_id")
    assert owned == [(owner, 100) for owner in sorted(owners)]
    ledger_agrees(db)


def test_weighted_shares_are_exact_at_every_whole_multiple_of_the_total_weight(running):
    [weights] = POOLS["weighted"]
    db = running.database
    owners = db.seeded["weighted"]
    answers = running.send(buyers(240, "weighted"), connections=20)
    db.settle(60)
    assert {answer.status for answer in answers} <= {201, 202}
    order = turns(db, owners)
    assert len(order) == 240
    for multiple in range(1, 240 // sum(weights) + 1):
        first = order[: multiple * sum(weights)]
        assert [first.count(owner) for owner in owners] == [multiple * weight for weight in weights]
    ledger_agrees(db)


@pytest.mark.parametrize("source", ["owners-capped", "places-capped"])
def test_a_cap_of_5_open_leads_is_never_exceeded(running, source):
    db, since = running.database, Since(running.database)
    owners = db.seeded[source]
    these = f"({', '.join(map(str, owners))})"
    answers = running.send(buyers(40, source), connections=20)
    db.settle()
    assert {answer.status for answer in answers} <= {201, 202}
    leads = since.new("leads_lead")
    states = db.rows(f"SELECT state, COUNT(*) FROM {leads} t GROUP BY state ORDER BY state")
    assert states == [("assigned", 20), ("review", 20)]
    # No lead is ever closed here, so what each owns in the end is the most that they ever owned.
    owned = db.rows(f"SELECT owner_id, COUNT(*) FROM {leads} t WHERE state = 'assigned' GROUP BY owner_id")
    assert dict(owned) == dict.fromkeys(owners, 5)
    loads = db.rows(f"SELECT owner_id, open_leads, day_count FROM routing_ownerload WHERE owner_id IN {these}")
    assert sorted(loads) == [(owner, 5, 5) for owner in sorted(owners)]
    places = db.rows(
        "SELECT l.open_leads, l.day_count FROM routing_memberload l"
        f" JOIN owners_poolmember m ON m.id = l.member_id WHERE m.owner_id IN {these}"
    )
    assert places == ([(5, 5)] * 4 if source == "places-capped" else [])
    items = since.new("routing_reviewitem")
    assert db.rows(f"SELECT reason, state, COUNT(*) FROM {items} t GROUP BY reason, state") == [
        ("no_valid_owner", "open", 20)
    ]
    ledger_agrees(db)
