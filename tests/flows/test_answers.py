"""What senders and readers are told: problems of the data, ids, and what became of an event."""

import json

import pytest
from django.test import Client

from leads.models import RawEvent, Source
from routing.models import Delivery, ReviewItem
from routing.rulebook import publish
from tests.builders import (
    NOW,
    TOKEN,
    make_owner,
    make_pipeline,
    make_pool,
    make_rule,
    make_source,
    make_version,
)
from tests.flows.posting import send

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def elena():
    elena = make_owner("elena")
    make_source("web", elena)
    pipeline = make_pipeline("sales", "new")
    version = make_version(elena)
    make_rule(version, "critical_severity_founder_review", "review", ("urgency", "is", "critical"), owner=elena)
    make_rule(
        version, "round_robin_pool", "pool", pool=make_pool("all", [elena]), pipeline=pipeline,
        stage=pipeline.stages.get(),
    )  # fmt: skip
    publish(version, None, NOW)
    return elena


def decision(**fields):
    return send(json.dumps(fields).encode()).json()["decision"]


def test_what_could_not_be_read_is_named_in_the_document(elena):
    told = decision(email="a@acme.example", country="Atlantis", lead_score=900)
    assert told["routing_trace"]["problems"] == [
        {"code": "country_unknown", "field": "country", "value": "Atlantis"},
        {"code": "score_out_of_range", "field": "lead_score", "value": "900"},
    ]


def test_the_plan_names_the_objects_of_the_crm(elena):
    told = decision(email="a@acme.example")
    event = told["routing_decision"]["event_id"]
    plan = {step["action"]: step for step in told["crm_execution_plan"]}
    assert plan["update_contact_owner"]["contact_id"] == plan["create_deal"]["deal_id"] == event
    assert plan["associate_contact_company_deal"]["company_id"] == event
    assert told["preflight_checks"]["pipeline_validation"]["status"] == "passed"


def test_a_review_names_the_facts_and_tells_the_reviewer_over_both_channels(elena):
    told = decision(email="a@acme.example", urgency="critical")
    rule = "critical_severity_founder_review to review"
    assert told["routing_decision"]["routing_reason"] == (
        f"Sent to manual review with Elena because urgency is critical (rule “{rule}”)."
    )
    assert told["preflight_checks"]["pipeline_validation"]["status"] == "not_needed"
    assert sorted(Delivery.objects.filter(kind="review").values_list("channel", flat=True)) == ["email", "in_app"]


def test_a_source_may_ask_for_its_own_events_only(elena):
    event = send(b'{"email": "a@acme.example"}').json()["event_id"]
    mine = Client().get(f"/api/v1/events/{event}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (mine.status_code, mine.json()["routing_status"]) == (200, "assigned")
    Source.objects.update(token_hash="")
    make_source("other", elena)
    other = Client().get(f"/api/v1/events/{event}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert other.status_code == 404


def test_what_a_switched_off_source_sends_is_refused_and_kept(elena):
    Source.objects.update(active=False)
    answer = send(b'{"email": "a@acme.example"}')
    assert (answer.status_code, answer.json()["code"]) == (403, "source_inactive")
    assert json.loads(bytes(RawEvent.objects.get().body)) == {"email": "a@acme.example"}
    assert ReviewItem.objects.get().detail.startswith("source_inactive: ")


@pytest.mark.parametrize(("path", "method", "status"), [("nope", "get", 404), ("leads", "delete", 405)])
def test_addresses_and_methods_that_are_not_there_are_problem_documents(path, method, status):
    answer = getattr(Client(), method)(f"/api/v1/{path}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
