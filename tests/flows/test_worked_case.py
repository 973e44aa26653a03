"""The worked case of the interface, literal strings included: a diagnostic request goes to Europe's owner."""

import json

import pytest
from django.test import Client

from leads.models import Contact, Deal, Lead, Note
from routing.models import Decision, Delivery, PlanAction, SlaClock
from routing.rulebook import publish
from tests.builders import (
    NOW,
    TOKEN,
    make_company,
    make_contact,
    make_owner,
    make_pipeline,
    make_rule,
    make_source,
    make_team,
    make_territory,
    make_version,
)

pytestmark = pytest.mark.django_db(transaction=True)

HIERARCHY = [
    "reject_invalid_or_spam",
    "existing_customer_owner",
    "open_deal_owner",
    "critical_severity_founder_review",
    "territory_owner",
    "service_line_owner",
    "campaign_source_owner",
    "round_robin_pool",
    "manual_review",
]
PLAN = [
    "update_contact_owner",
    "create_deal",
    "associate_contact_company_deal",
    "write_routing_reason_note",
    "start_follow_up_sequence",
    "send_owner_alert_after_crm_success",
]
PAYLOAD = {
    "event_type": "lead.submitted",
    "submission_id": "diag_01HYX3Q9L2",
    "email": "ops@example.com",
    "phone": "+15551234567",
    "company_domain": "example.com",
    "source": "organic_search",
    "campaign": "crm_workflow_automation_cluster",
    "service_requested": "crm_workflow_repair",
    "territory": "europe",
    "budget_range": "5000_15000",
    "urgency": "high",
    "lead_score": 91,
    "existing_customer": False,
    "consent_to_contact": True,
}


@pytest.fixture
def elena():
    team = make_team("operations_architecture")
    elena = make_owner("elena", team, cap_open=20)
    make_territory("europe", elena, ["DE", "FR"], name="Europe", team=team)
    make_source("diagnostics", elena, "diagnostic", system_name="diagnostic_intake_form")
    pipeline = make_pipeline("automation_audit", "new_qualified_diagnostic")
    company = make_company("example.com", name="Example")
    make_contact("ops@example.com", phone="+15551234567", company=company)
    version = make_version(elena)
    make_rule(version, "existing_customer_owner", "customer_owner")
    make_rule(version, "open_deal_owner", "deal_owner")
    make_rule(
        version, "territory_owner", "territory_owner", ("lead_score", "at_least", 70), tier="priority",
        pipeline=pipeline, stage=pipeline.stages.get(), sequence="speed_to_lead_priority",
    )  # fmt: skip
    publish(version, None, NOW)
    return elena


def post(payload, **headers):
    return Client().post(
        "/api/v1/intake/diagnostics",
        json.dumps(payload),
        content_type="application/json",
        headers={"Authorization": f"Bearer {TOKEN}", **headers},
    )


def test_worked_case_goes_to_the_owner_of_europe(elena):
    answer = post(PAYLOAD)
    assert answer.status_code == 201, answer.content
    document = answer.json()["decision"]
    assert document["system"] == "automated_lead_routing_crm"
    assert document["routing_hierarchy"] == HIERARCHY
    assert document["trace"]["idempotency_key"] == "lead_route:diagnostics:diag_01HYX3Q9L2:ops@example.com"
    source_event = document["source_event"]
    assert (source_event["event_type"], source_event["source_system"], source_event["source_record_id"]) == (
        "lead.submitted", "diagnostic_intake_form", "diag_01HYX3Q9L2",
    )  # fmt: skip
    decided = document["routing_decision"]
    expected = {
        "routing_status": "assigned",
        "hierarchy_step": "territory_owner",
        "routing_tier": "priority",
        "target_owner_id": elena.pk,
        "target_team": "operations_architecture",
        "target_pipeline": "automation_audit",
        "target_stage": "new_qualified_diagnostic",
        "follow_up_sequence": "speed_to_lead_priority",
        "manual_review_required": False,
        "route_flag": "ok",
    }
    assert {name: decided[name] for name in expected} == expected
    assert decided["routing_reason"] == (
        "Assigned to Elena because lead score is 91, urgency is high, the buyer asked for CRM workflow repair, "
        "budget is 5000 to 15000, territory is Europe, there is no open deal and Elena has room (0 of 20 open leads)."
    )
    plan = [(step["order"], step["action"]) for step in document["crm_execution_plan"]]
    assert plan == list(enumerate(PLAN, start=1))
    assert document["normalized_lead"]["phone"] == "+15551234567"
    assert document["normalized_lead"]["territory"] == "europe"


def test_worked_case_leaves_its_rows(elena):
    event = post(PAYLOAD).json()["event_id"]
    lead = Lead.objects.get(pk=event)
    assert (lead.owner, lead.state, lead.deal_id) == (elena, "assigned", event)
    assert Contact.objects.get().owner == elena
    deal = Deal.objects.get()
    assert (deal.pipeline.key, deal.stage.key, deal.owner) == ("automation_audit", "new_qualified_diagnostic", elena)
    assert (deal.contact_id, deal.company_id) == (lead.contact_id, lead.company_id)
    assert Note.objects.get().text == Decision.objects.get().reason
    assert sorted(SlaClock.objects.values_list("kind", flat=True)) == ["first_touch", "no_activity"]
    assert list(PlanAction.objects.values_list("action", "state")) == [("start_follow_up_sequence", "pending")]
    assert sorted(Delivery.objects.values_list("kind", "channel", "state")) == [
        ("assignment", "email", "blocked"),
        ("assignment", "in_app", "blocked"),
    ]


def test_the_same_submission_again_gives_the_first_result(elena):
    first = post(PAYLOAD).json()
    again = post(PAYLOAD)
    assert again.status_code == 200
    body = again.json()
    assert (body["duplicate"], body["event_id"]) == (True, first["event_id"])
    assert body["decision"]["routing_decision"] == first["decision"]["routing_decision"]
    assert (Lead.objects.count(), Decision.objects.count(), Deal.objects.count()) == (1, 1, 1)
