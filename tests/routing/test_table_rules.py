"""A rule that is a table, on the live path: the row is named, its pool is the one that counts, and it replays."""

from datetime import timedelta

import pytest

from owners.models import Pool
from routing import acts
from routing.document import document, stories
from routing.explain import explain
from routing.models import Decision, LedgerEntry, ReviewItem
from routing.moving import By
from routing.pipeline import drain
from routing.replay import verify
from routing.rulebook import publish
from routing.why_not import why_not
from tests.builders import NOW, make_owner, make_pool, make_rule, make_source, make_team, make_version
from tests.routing.batches import waiting

pytestmark = pytest.mark.django_db(transaction=True)

TABLE = {
    "inputs": [{"field": "country", "operator": "one_of"}, {"field": "company_size", "operator": "at_least"}],
    "outputs": ["pool", "owner", "tier"],
    "rows": [
        {"in": [["DE", "AT"], 500], "out": ["large", None, "priority"]},
        {"in": [["DE", "AT"], None], "out": ["small", None, None]},
        {"in": [["FR"], None], "out": [None, "elena", None]},
    ],
}


@pytest.fixture
def people():
    team = make_team("sales")
    named = {key: make_owner(key, team) for key in ("elena", "marco", "nadia", "sam")}
    make_pool("large", [named["marco"]])
    make_pool("small", [named["nadia"]])
    version = make_version(named["elena"])
    rule = make_rule(version, "territory_owner", "owner", owner=named["elena"], name="By size", table=TABLE)
    make_rule(version, "round_robin_pool", "owner", owner=named["sam"], name="Rest")
    publish(version, None, NOW)
    return {**named, "rule": rule, "source": make_source("web", named["elena"])}


def routed(people, **fields):
    (event,) = waiting(people["source"], {"email": "jo@buyer.example", **fields})
    drain()
    return event


def decided(lead):
    row = Decision.objects.get(pk=lead)
    return row.owner.key, row.rule_row, row.tier, row.hierarchy_step


def test_the_first_row_that_holds_decides_and_is_named_everywhere(people):
    leads = [
        routed(people, email="a@buyer.example", country="DE", company_size=900),
        routed(people, email="b@buyer.example", country="AT"),
        routed(people, email="c@buyer.example", country="FR", company_size=900),
        routed(people, email="d@buyer.example", country="US"),
    ]
    assert [decided(lead) for lead in leads] == [
        ("marco", 1, "priority", "territory_owner"),
        ("nadia", 2, "standard", "territory_owner"),
        ("elena", 3, "standard", "territory_owner"),
        ("sam", 0, "standard", "round_robin_pool"),
    ]
    steps = document(stories(leads)[leads[0]])["routing_trace"]["steps"]
    (row,) = next(step["rules"] for step in steps if step["step"] == "territory_owner")
    assert (row["rule"], row["row"], row["name"]) == (people["rule"].pk, 1, "By size, row 1")
    assert [line["field"] for line in row["conditions"][0]] == ["country", "company_size"]
    told = explain(leads[3], NOW + timedelta(minutes=1))
    assert "✗ By size: does not hold: none of the 3 rows of its table holds" in told
    verified = verify()
    assert (verified.decisions, verified.differences) == (4, [])


def test_why_not_looks_at_the_row_that_decided_and_at_the_others(people):
    lead = routed(people, country="AT")
    assert why_not(lead, people["nadia"]).code == "chosen"
    (sentence,) = [line for line in why_not(lead, people["marco"]).sentences if "row 1" in line]
    assert sentence == "Rule “By size, row 1” in step territory_owner leads to Marco and did not hold."
    (sentence,) = [line for line in why_not(lead, people["elena"]).sentences if "row 3" in line]
    assert sentence.startswith("What also leads to Elena was not asked any more: “By size, row 3” in step")


def test_a_lead_taken_out_of_turn_is_charged_to_the_pool_of_the_row(people):
    Pool.objects.filter(key="small").update(method="claim", wait_minutes=30, named_owner=people["sam"])
    lead = routed(people, country="AT")
    item = ReviewItem.objects.get(lead=lead, state="open")
    acts.claim(item.pk, By(None, people["nadia"].pk, "Nadia"), NOW + timedelta(minutes=1))
    charged = (
        LedgerEntry.objects.filter(decision__lead=lead)
        .order_by("id")
        .values_list("kind", "member__pool__key", "member__owner__key")
    )
    assert list(charged) == [("join", "small", "nadia"), ("claim", "small", "nadia")]
