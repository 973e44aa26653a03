"""A batch costs the same number of statements, however many events, rules and members there are."""

from contextlib import contextmanager

import pytest
from django.db import connection

from leads.models import Lead
from owners.models import Owner, PoolMember
from routing.models import Condition, Rule
from routing.pipeline import route
from routing.replay import verify
from routing.rulebook import publish
from tests.builders import (
    NOW,
    make_company,
    make_contact,
    make_owner,
    make_pipeline,
    make_pool,
    make_rule,
    make_source,
    make_version,
)  # fmt: skip
from tests.routing.batches import buyers, waiting

pytestmark = pytest.mark.django_db(transaction=True)

POSTGRES_ROUND_TRIPS = 8
SQLITE_EXECUTIONS = 20


@contextmanager
def counted():
    """The statements of the block, BEGIN and COMMIT among them: Django sends neither of them on PostgreSQL, and
    on SQLite only BEGIN, through what it lets others watch."""
    seen = []

    def watch(execute, sql, params, many, context):
        if not sql.startswith("BEGIN"):
            seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield seen
    seen += ["BEGIN", "COMMIT"]


def most():
    return POSTGRES_ROUND_TRIPS if connection.vendor == "postgresql" else SQLITE_EXECUTIONS


def build(rules=10, members=5, tag="small"):
    """A source whose leads meet `rules` rules; the last leads to a pool of `members`, with deal and sequence."""
    elena = make_owner(f"elena-{tag}")
    source = make_source(f"web-{tag}", elena)
    owners = Owner.objects.bulk_create([Owner(key=f"{tag}-{n}", name=f"M {n}") for n in range(members)])
    pool = make_pool(f"inbound-{tag}", [])
    PoolMember.objects.bulk_create([PoolMember(pool=pool, owner=owner, position=n) for n, owner in enumerate(owners)])
    pipeline = make_pipeline(f"sales-{tag}", "new")
    version = make_version(elena)
    made = Rule.objects.bulk_create(
        Rule(version=version, step="campaign_source_owner", position=n, name=f"r{n}", target="owner", owner=owners[0])
        for n in range(rules - 1)
    )
    Condition.objects.bulk_create(
        Condition(rule=rule, field="campaign", operator="is", value=f"c{n}") for n, rule in enumerate(made)
    )
    stage = pipeline.stages.get()
    make_rule(version, "round_robin_pool", "pool", pool=pool, pipeline=pipeline, stage=stage, sequence="s")
    publish(version, None, NOW)
    waiting(source, {"email": f"first@{tag}.example"})
    route(clock=lambda: NOW)  # compiles rules and people, and stores the revision
    return source


def statements(source, payloads):
    waiting(source, *payloads)
    with counted() as seen:
        results = route(clock=lambda: NOW)
    assert len(results) == len(payloads)
    return len(seen)


def test_one_ten_and_a_hundred_events_cost_the_same():
    source = build()
    costs = [statements(source, buyers(count, first)) for first, count in ((0, 1), (1, 10), (11, 100))]
    assert costs == [costs[0]] * 3
    assert costs[0] <= most()
    assert Lead.objects.filter(state="assigned").count() == 112


@pytest.mark.parametrize(("rules", "members"), [(1000, 5), (10, 500), (1000, 500)])
def test_a_thousand_rules_and_five_hundred_members_cost_the_same_as_a_few(rules, members):
    small = statements(build(), buyers(10))
    large = statements(build(rules, members, "large"), buyers(10, first=500))
    assert large == small <= most()


def test_a_batch_of_every_kind_stays_within_the_bound():
    source = build()
    dora = make_owner("dora")
    customer = make_company("customer.example", owner=dora, is_customer=True)
    make_contact("known@customer.example", company=customer)
    make_contact("two@two.example"), make_contact("two@two.example")
    pool = make_pool("everybody", [dora, make_owner("emil")])
    version = make_version(dora)
    make_rule(version, "existing_customer_owner", "customer_owner")
    make_rule(version, "round_robin_pool", "pool", pool=pool, sequence="s")
    publish(version, None, NOW)
    waiting(source, {"email": "warm@up.example"})
    route(clock=lambda: NOW)
    kinds = [
        {"email": "new@customer.example"}, {"email": "known@customer.example"}, {"email": "two@two.example"},
        {"email": "spam@mailinator.com"}, {"phone": "12"}, {"first_name": "Nobody"}, {"email": "x@gmail.com"},
        {"email": "test@new.example", "is_test": True},
    ]  # fmt: skip
    assert statements(source, [*kinds, *buyers(40)]) <= most()
    assert set(Lead.objects.values_list("state", flat=True)) == {"assigned", "review", "nurture", "rejected"}
    assert verify().differences == []


def test_twins_cost_nothing_extra():
    source = build()
    alone = statements(source, buyers(50))
    twins = buyers(25, first=50) + buyers(25, first=50, message="again")
    assert statements(source, twins) == alone
    assert Lead.objects.count() == 76


def test_nothing_waiting_costs_one_look():
    build()
    with counted() as seen:
        assert route(clock=lambda: NOW) == []
    assert len(seen) <= 4
