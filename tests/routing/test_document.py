"""The decision document has the keys that others rely on, whatever was decided."""

import json

import pytest
from django.utils import timezone

from leads.contract import FIELDS
from owners.models import User
from routing import acts
from routing.document import document, stories
from routing.engine.eligibility import CHECKS
from routing.models import Decision
from routing.moving import by_user
from routing.replay import verify
from tests.builders import make_contact, make_owner, make_pool, make_source, publish_pool_rule
from tests.flows.test_nine_steps import post

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = [
    "system", "version", "source_event", "trace", "normalized_lead", "preflight_checks", "routing_hierarchy",
    "routing_decision", "routing_trace", "candidates", "crm_execution_plan", "failure_policy", "observability",
]  # fmt: skip
INSIDE = {
    "source_event": ["event_type", "source_system", "source_record_id", "received_at", "raw_payload_stored"],
    "trace": ["correlation_id", "idempotency_key"],
    "preflight_checks": [
        "contact_search", "company_search", "open_deal_search", "owner_validation", "pipeline_validation",
    ],
    "failure_policy": [
        "missing_contact_data", "ambiguous_duplicate", "inactive_owner", "pipeline_missing", "crm_api_rate_limit",
        "invalid_ai_output", "max_attempts", "dead_letter_queue",
    ],
    "observability": [
        "store_raw_payload", "store_normalized_lead", "store_routing_decision", "store_crm_object_ids",
        "store_owner_assignment_reason", "enable_safe_replay",
    ],
}  # fmt: skip
DECISION = {
    "routing_status", "hierarchy_step", "routing_tier", "target_owner_id", "target_team", "target_pipeline",
    "target_stage", "follow_up_sequence", "manual_review_required", "routing_reason", "meeting_url", "lead_type",
    "high_intent", "sla_policy", "due_at", "fallback_owner_id", "notification_path", "route_flag", "ruleset_version",
    "digest", "origin", "actor",
}  # fmt: skip
PAYLOADS = {
    "assigned": {"email": "ada@acme.example", "lead_score": 7},
    "review": {"first_name": "Ada"},
    "nurture": {"phone": "12"},
    "rejected": {"email": "x@mailinator.com"},
    "appended": {"email": "known@acme.example"},
}


@pytest.fixture
def elena():
    elena = make_owner("elena", booking_url="https://book.example/elena", alert_channels=["in_app"])
    make_source("web", elena, "demo")
    publish_pool_rule(elena, make_pool("inbound", [elena, make_owner("ben")]), tier="gold", fallback_owner=elena)
    make_contact("known@acme.example")
    return elena


def posted(status):
    if status == "appended":
        post({**PAYLOADS[status], "message": "first"})
    found = post(PAYLOADS[status]).json()["decision"]
    assert found["routing_decision"]["routing_status"] == status
    return found


@pytest.mark.parametrize("status", PAYLOADS)
def test_every_key_is_there_whatever_was_decided(elena, status):
    found = posted(status)
    assert list(found) == KEYS
    assert {name: list(found[name]) for name in INSIDE} == INSIDE
    assert set(found["routing_decision"]) >= DECISION
    assert list(found["normalized_lead"]) == list(FIELDS)
    assert (found["failure_policy"]["max_attempts"], found["failure_policy"]["dead_letter_queue"]) == (
        5, "lead_routing_failed_events",
    )  # fmt: skip
    assert found["routing_decision"]["manual_review_required"] is (status == "review")
    assert found["routing_decision"]["route_flag"] in ("ok", "fallback", "exception")
    assert len(found["routing_decision"]["digest"]) == 64


@pytest.mark.parametrize("status", PAYLOADS)
def test_the_stored_document_is_the_one_that_was_answered_but_for_the_states_of_the_plan(elena, status):
    answered = posted(status)
    row = Decision.objects.order_by("-id").first()
    stored = json.loads(json.dumps(document(stories([row.pk])[row.pk]), default=str))
    for found in (answered, stored):
        found["source_event"].pop("received_at")  # the same instant in two spellings
        for name in ("decided_at", "due_at"):
            found["routing_decision"].pop(name)
        found["crm_execution_plan"] = [(step["order"], step["action"]) for step in found["crm_execution_plan"]]
    assert stored == answered


def test_what_the_rule_and_the_owner_bring_is_in_the_decision(elena):
    found = posted("assigned")["routing_decision"]
    expected = {
        "routing_tier": "gold", "target_owner_id": elena.pk, "meeting_url": "https://book.example/elena",
        "notification_path": ["in_app"], "fallback_owner_id": elena.pk, "lead_type": "demo", "high_intent": True,
        "target_pipeline": None, "target_stage": None, "follow_up_sequence": None, "review_reason": None,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_each_candidate_has_all_nine_checks_and_the_rotation_before_and_after(elena):
    candidates = posted("assigned")["candidates"]
    assert [row["name"] for row in candidates] == ["Ben", "Elena"]
    assert all(list(row["checks"]) == list(CHECKS) for row in candidates)
    assert candidates[-1]["rotation"] == {"v": "0", "weight": 1, "v_after": "1"}


def test_a_submission_without_an_id_is_named_after_its_event(elena):
    found = posted("assigned")
    event = found["routing_decision"]["event_id"]
    assert found["trace"]["idempotency_key"] == f"lead_route:web:event-{event}:ada@acme.example"
    assert found["source_event"]["source_record_id"] == ""


def test_unknown_fields_are_null_and_known_ones_normalised(elena):
    lead = posted("assigned")["normalized_lead"]
    assert (lead["lead_score"], lead["company_domain"], lead["phone"], lead["source"]) == (
        7,
        "acme.example",
        None,
        "web",
    )


def test_it_says_what_asked_for_the_decision_and_who(elena):
    routed = posted("assigned")["routing_decision"]
    assert (routed["origin"], routed["actor"]) == ("routing", None)
    ada = User.objects.create_user("ada", first_name="Ada", last_name="Lovelace")
    acts.nurture(routed["lead_id"], by_user(ada), "not now", timezone.now())
    row = Decision.objects.order_by("-id").first()
    found = document(stories([row.pk])[row.pk])["routing_decision"]
    assert (found["origin"], found["actor"]) == ("nurture", {"user_id": ada.pk, "name": "Ada Lovelace"})
    elena.user = ada
    elena.save()
    assert document(stories([row.pk])[row.pk])["routing_decision"]["actor"]["name"] == "Elena"
    first = document(stories([routed["decision_id"]])[routed["decision_id"]])["routing_decision"]
    assert (first["origin"], first["actor"], first["digest"]) == ("routing", None, routed["digest"])
    assert verify() == (2, [])
