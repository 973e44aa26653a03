"""Each of the nine steps decided by rules in the database, over HTTP; order and rules are data."""

import json

import pytest
from django.test import Client

from leads.models import Lead
from routing.models import Decision, ReviewItem, RuleSetVersion
from routing.replay import verify
from routing.rulebook import copy_to_draft, publish
from tests.builders import (
    NOW,
    TOKEN,
    make_company,
    make_contact,
    make_deal,
    make_owner,
    make_pipeline,
    make_pool,
    make_rule,
    make_source,
    make_team,
    make_territory,
    make_version,
)  # fmt: skip

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = [
    "reject_invalid_or_spam", "existing_customer_owner", "open_deal_owner", "critical_severity_founder_review",
    "territory_owner", "service_line_owner", "campaign_source_owner", "round_robin_pool", "manual_review",
]  # fmt: skip


def post(payload, source="web", **headers):
    return Client().post(
        f"/api/v1/intake/{source}", json.dumps(payload), content_type="application/json",
        headers={"Authorization": f"Bearer {TOKEN}", **headers},
    )  # fmt: skip


def decided(payload, **headers):
    """The routing decision of a posted lead."""
    answer = post(payload, **headers)
    assert answer.status_code == 201, answer.content
    return answer.json()["decision"]["routing_decision"]


@pytest.fixture
def sales():
    """A company with one rule for every step."""
    team = make_team("sales")
    people = {key: make_owner(key, team) for key in ("ana", "ben", "cleo", "dora", "emil", "fay", "gus", "hana")}
    make_source("web", people["hana"])
    make_territory("europe", people["dora"], ["DE"])
    make_company("customer.example", owner=people["ana"], is_customer=True)
    deal = make_deal(make_pipeline("sales", "new"), contact=make_contact("deal@buyer.example"), owner=people["ben"])
    version = make_version(people["hana"])
    make_rule(version, STEPS[0], "reject", ("company_name", "contains", "test inc"))
    make_rule(version, STEPS[1], "customer_owner")
    make_rule(version, STEPS[2], "deal_owner")
    make_rule(version, STEPS[3], "review", ("urgency", "is", "critical"), owner=people["cleo"])
    make_rule(version, STEPS[4], "territory_owner")
    make_rule(version, STEPS[5], "owner", ("service_requested", "is", "repair"), owner=people["emil"])
    make_rule(version, STEPS[6], "owner", ("campaign", "is", "spring"), owner=people["fay"])
    make_rule(version, STEPS[7], "pool", ("lead_type", "is", "contact"), pool=make_pool("inbound", [people["gus"]]))
    make_rule(version, STEPS[8], "review", owner=people["hana"], review_reason="unclear_product_fit")
    publish(version, None, NOW)
    people["deal"] = deal
    yield people
    assert verify().differences == []


# What each step alone would decide, from the payload that asks for it and for everything after it.
EVERYTHING = {"campaign": "spring", "service_requested": "repair", "country": "DE", "urgency": "critical"}
ASKED = {
    STEPS[0]: ({"email": "x@customer.example", "company_name": "Test Inc", **EVERYTHING}, "rejected", None),
    STEPS[1]: ({"email": "x@customer.example", **EVERYTHING}, "assigned", "ana"),
    STEPS[2]: ({"email": "deal@buyer.example", **EVERYTHING}, "assigned", "ben"),
    STEPS[3]: ({"email": "x@new.example", **EVERYTHING}, "review", None),
    STEPS[4]: ({"email": "x@new.example", **EVERYTHING, "urgency": "high"}, "assigned", "dora"),
    STEPS[5]: ({"email": "x@new.example", "campaign": "spring", "service_requested": "repair"}, "assigned", "emil"),
    STEPS[6]: ({"email": "x@new.example", "campaign": "spring"}, "assigned", "fay"),
    STEPS[7]: ({"email": "x@new.example"}, "assigned", "gus"),
    STEPS[8]: ({"email": "x@new.example", "lead_type": "webinar"}, "review", None),
}


@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_decided_by_its_rule_in_the_database(sales, step):
    payload, status, owner = ASKED[step]
    found = decided(payload)
    assert (found["hierarchy_step"], found["routing_status"]) == (step, status)
    assert found["target_owner_id"] == (sales[owner].pk if owner else None)
    lead = Lead.objects.get()
    assert (lead.state, lead.owner_id) == (status, found["target_owner_id"])
    assert lead.reason == found["routing_reason"]
    item = ReviewItem.objects.first()
    assert (item is not None) == (status == "review")
    if item:
        assert item.owner == sales["cleo" if step == STEPS[3] else "hana"]
        assert item.due_at > item.opened_at


def test_the_document_traces_every_step_up_to_the_one_that_decided(sales):
    document = post(ASKED[STEPS[5]][0]).json()["decision"]
    rows = {step["step"]: step["rules"] for step in document["routing_trace"]["steps"]}
    assert list(rows) == STEPS[:6]
    assert [row["result"] for row in rows[STEPS[3]]] == ["no_match"]
    assert rows[STEPS[3]][0]["conditions"][0][0]["saw"] is None
    assert rows[STEPS[3]][0]["conditions"][0][0]["result"] == "unknown"
    assert [row["result"] for row in rows[STEPS[4]]] == ["not_applicable"]
    assert rows[STEPS[5]][0]["result"] == "target"


@pytest.mark.parametrize("first", STEPS[1:8])
def test_reordering_the_steps_changes_the_decision_without_code(sales, first):
    draft = copy_to_draft(RuleSetVersion.objects.get(state="published"))
    draft.step_order = [first, *(step for step in STEPS if step != first)]
    draft.purpose = f"{first} goes first"
    draft.save()
    publish(draft, None, NOW)
    sales["deal"].contact.company = make_company("buyer.example", owner=sales["ana"])
    sales["deal"].contact.save()
    answer = post({"email": "deal@buyer.example", **EVERYTHING}).json()["decision"]
    assert answer["routing_decision"]["hierarchy_step"] == first
    assert answer["routing_decision"]["ruleset_version"] == draft.pk
    assert answer["routing_hierarchy"] == draft.step_order


@pytest.mark.parametrize("step", STEPS)
def test_one_more_rule_in_a_step_changes_the_decision_without_code(sales, step):
    draft = copy_to_draft(RuleSetVersion.objects.get(state="published"))
    draft.purpose = "a rule for one buyer"
    draft.save()
    vip = make_owner("vip")
    rule = make_rule(draft, step, "owner", ("email", "is", "x@new.example"), owner=vip, position=0, name="one buyer")
    draft.rules.filter(step=step).exclude(pk=rule.pk).update(position=9)
    publish(draft, None, NOW)
    payload = {"email": "x@new.example"} | ({"lead_type": "webinar"} if step == STEPS[8] else {})
    found = decided(payload)
    assert (found["hierarchy_step"], found["target_owner_id"]) == (step, vip.pk)


def test_a_draft_decides_nothing_and_editing_a_published_versions_rows_neither(sales):
    published = RuleSetVersion.objects.get(state="published")
    draft = copy_to_draft(published)
    make_rule(draft, STEPS[0], "reject", position=0)
    published.rules.filter(step=STEPS[7]).delete()
    assert decided({"email": "x@new.example"})["target_owner_id"] == sales["gus"].pk


def test_without_any_published_version_every_lead_is_in_review_with_a_named_owner():
    hana = make_owner("hana")
    make_source("web", hana)
    found = decided({"email": "x@new.example"})
    assert (found["routing_status"], found["ruleset_version"]) == ("review", None)
    item = ReviewItem.objects.get()
    assert (item.owner, item.reason, item.lead.state) == (hana, "unresolved", "review")
    assert decided({"email": "spam@mailinator.com"})["routing_status"] == "rejected"
    assert verify().differences == []


def test_nothing_published_and_the_sources_person_gone_still_names_somebody_and_replays():
    hana = make_owner("hana")
    make_source("web", hana)
    hana.state = "departed"
    hana.save()
    ida = make_owner("ida")
    assert decided({"email": "x@new.example"})["reviewer_id"] == ida.pk
    assert ReviewItem.objects.get().owner == ida
    assert verify() == (1, [])


def test_a_claim_that_the_crm_does_not_confirm_is_noted_in_the_document(sales):
    document = post({"email": "x@new.example", "existing_customer": True, "open_deal_exists": "yes"}).json()["decision"]
    assert document["routing_trace"]["notes"] == [
        "The payload says existing customer; the CRM does not know them as one.",
        "The payload says there is an open deal; the CRM has none.",
    ]
    assert document["routing_decision"]["hierarchy_step"] == "round_robin_pool"


def test_the_decision_read_later_is_the_one_that_was_answered(sales):
    first = post({"email": "x@new.example", "submission_id": "s1"}).json()["decision"]
    later = post({"email": "x@new.example", "submission_id": "s1"}).json()["decision"]
    plans = [[(row["action"], row["state"]) for row in found.pop("crm_execution_plan")] for found in (first, later)]
    assert plans[0] == plans[1]
    assert first == later
    assert Decision.objects.count() == 1
