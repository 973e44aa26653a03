"""Rules that change while leads come in: each decision belongs to one version, and replays."""

import time
from collections import Counter
from functools import partial

import pytest
from django.utils import timezone

from routing.ahead import MANY_ROWS
from routing.models import Condition, Decision, Rule, RuleSetVersion
from routing.rulebook import copy_to_draft, publish
from tests.builders import make_owner, make_pipeline, make_pool, make_rule, make_source, make_team, make_version
from tests.flows.sender import Post
from tests.flows.server import FULL, database, serving, wait_until
from tests.flows.test_concurrency import buyers, ledger_agrees
from tests.once import on_postgres_only

pytestmark = [pytest.mark.server, on_postgres_only]

PUBLISHES, LEADS = (50, 2000) if FULL else (10, 300)
RULES = MANY_ROWS + 100
DECIDED = "SELECT COUNT(*) FROM routing_decision"
LATEST = "SELECT version_id, owner_id, status FROM routing_decision ORDER BY id DESC"


def seed_two_pools():
    """Two pools without a common member, and a published version that names the first; the pools' owners."""
    team = make_team("sales")
    pools = []
    for name in ("east", "west"):
        owners = [make_owner(f"{name}{number}", team) for number in range(2)]
        pools.append(make_pool(name, owners, team=team))
    make_source("web", owners[0])
    pipeline = make_pipeline("sales", "new")
    version = make_version(owners[0])
    make_rule(version, "round_robin_pool", "pool", pool=pools[0], pipeline=pipeline, stage=pipeline.stages.get())
    publish(version, None, timezone.now())
    return {pool.pk: list(pool.owners.values_list("pk", flat=True)) for pool in pools}


def publish_again_and_again(publishes, chunk, pools, before):
    """Publish a copy of the version in force with the other pool, each time half of a chunk of leads is decided."""
    for number in range(publishes):
        while Decision.objects.count() < before + number * chunk + chunk // 2:
            time.sleep(0.002)
        draft = copy_to_draft(RuleSetVersion.objects.get(state="published"))
        draft.purpose = f"publish {number}"
        draft.save(update_fields=["purpose"])
        draft.rules.update(pool_id=pools[(number + 1) % 2])
        publish(draft, None, timezone.now())


@pytest.fixture(scope="module")
def running():
    """One program for both tests: starting it takes longer than either of them."""
    with database(seed_many_rules, RULES) as db, serving(db) as server:
        yield server


def test_each_decision_made_while_rules_are_published_belongs_to_one_version_and_replays(running):
    posts, chunk, db = buyers(LEADS), LEADS // PUBLISHES, running.database
    members = {int(pool): owners for pool, owners in db.seeded["members"].items()}
    before = _count(db)
    publisher = db.start(publish_again_and_again, PUBLISHES, chunk, list(members), db.value(DECIDED))
    for number in range(PUBLISHES):  # each publish falls into a chunk of leads
        answers = running.send(posts[number * chunk : (number + 1) * chunk], connections=16)
        assert {answer.status for answer in answers} <= {201, 202}
        wait_until(partial(_more_versions, db, before + number), 30, "the publish of this chunk")
    assert publisher.wait(30) == 0
    db.settle(120)
    assert _count(db) == before + PUBLISHES
    assert db.value("SELECT COUNT(*) FROM routing_rulesetversion WHERE state = 'published'") == 1
    decided = db.rows(f"SELECT version_id, owner_id, status FROM ({LATEST} LIMIT {LEADS}) AS latest")
    assert {status for _, _, status in decided} == {"assigned"}
    pool_of = dict(db.rows("SELECT version_id, pool_id FROM routing_rule"))
    assert all(owner in members[pool_of[version]] for version, owner, _ in decided)
    assert len({version for version, _, _ in decided}) >= PUBLISHES
    ledger_agrees(db)
    _replays(db)


# --- many rules at once --------------------------------------------------------------------------------


def seed_many_rules(count):
    """The two pools, and beside what is in force a draft of so many rules, each of a campaign, that name the second."""
    pools = seed_two_pools()
    west, live = list(pools)[1], Rule.objects.get()
    draft = make_version(live.version.owner)
    rules = [
        Rule(
            version=draft, step="campaign_source_owner", position=number, name=f"Campaign {number}", target="pool",
            pool_id=west, pipeline=live.pipeline, stage=live.stage,
        )
        for number in range(count)
    ]  # fmt: skip
    Rule.objects.bulk_create(rules, batch_size=500)
    Condition.objects.bulk_create(
        [Condition(rule=rule, field="campaign", operator="is", value=rule.name.lower()) for rule in rules],
        batch_size=500,
    )
    return {"members": pools, "draft": draft.pk}


def publish_one(version):
    publish(RuleSetVersion.objects.get(pk=version), None, timezone.now())


def test_leads_that_come_while_many_rules_are_published_are_all_decided_by_one_version(running):
    db, sent, statuses = running.database, 0, Counter()
    members = {int(pool): owners for pool, owners in db.seeded["members"].items()}
    draft = db.seeded["draft"]
    old = db.value("SELECT id FROM routing_rulesetversion WHERE state = 'published'")
    publisher, last = db.start(publish_one, draft), False
    while not last:
        last = publisher.poll() is not None  # then once more, by the new rules
        chunk = [
            Post({"email": f"b{number}@firm{number}.example", "campaign": f"campaign {number % RULES}"})
            for number in range(sent, sent + 8)
        ]
        statuses.update(answer.status for answer in running.send(chunk, connections=4))
        sent += len(chunk)
        time.sleep(0.05)
    assert publisher.returncode == 0
    db.settle(30)
    decided = db.rows(f"SELECT version_id, owner_id, status FROM ({LATEST} LIMIT {sent}) AS latest")
    pool_of = dict(db.rows("SELECT version_id, pool_id FROM routing_rule"))
    assert (set(statuses) <= {201, 202}, len(decided)) == (True, sent)
    assert {status for _, _, status in decided} == {"assigned"}
    assert {version for version, _, _ in decided} == {old, draft}
    assert all(owner in members[pool_of[version]] for version, owner, _ in decided)
    assert db.value("SELECT COUNT(*) FROM leads_rawevent WHERE state = 0") == 0
    _replays(db)
    print(f"\n{RULES} rules were published amid {sent} leads, answered {dict(statuses)}")


def _replays(db):
    decided = db.value(DECIDED)
    replayed = db.manage("replay", "--verify")
    assert (replayed.returncode, replayed.stdout) == (0, f"{decided} decisions decided again, 0 differences.\n")


def _count(db):
    return db.value("SELECT COUNT(*) FROM routing_rulesetversion WHERE state <> 'draft'")


def _more_versions(db, count):
    return _count(db) > count
