"""Sequences that once lost, doubled or misled something, each as a test of what happens now."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection
from django.test import RequestFactory

from leads.models import Contact, Lead, LeadType, RawEvent, Source
from owners.models import Membership
from routing import execute, pipeline
from routing.api.intake import intake
from routing.models import Delivery, LedgerEntry, ReviewItem, SlaClock
from routing.pipeline import route
from routing.rulebook import publish
from tests.builders import (
    NOW,
    TOKEN,
    make_contact,
    make_deal,
    make_owner,
    make_pipeline,
    make_pool,
    make_rule,
    make_source,
    make_team,
    make_version,
    publish_pool_rule,
)
from tests.flows.posting import ADDRESS, FORM, make_inbound, send
from tests.routing.batches import waiting

pytestmark = pytest.mark.django_db(transaction=True)


def post(source="web", **fields):
    body = json.dumps({"email": "ada@acme.example", **fields}).encode()
    return send(body, address=f"/api/v1/intake/{source}")


def test_a_team_rule_with_a_pool_left_over_goes_to_the_teams_pool_in_turn():
    team = make_team("sales")
    owners = [make_owner("elena", team), make_owner("sam", team)]
    make_source("web", owners[0])
    team.default_pool = make_pool("of-the-team", owners)
    team.save()
    assert Membership.objects.count() == 2
    version = make_version(owners[0])
    make_rule(version, "round_robin_pool", "team", team=team, pool=make_pool("left over", owners))
    publish(version, None, NOW)
    for number in range(6):
        post(email=f"buyer@acme-{number}.example")
    assert sorted(Lead.objects.values_list("owner__key", flat=True)) == ["elena"] * 3 + ["sam"] * 3
    assert LedgerEntry.objects.filter(kind="charge").count() == 6


def test_conflicts_of_two_sources_on_one_lead_are_counted_on_one_item():
    elena = make_inbound()
    make_source("two", elena)
    post(submission_id="a", message="x")
    post("two", submission_id="b", message="x")
    assert [
        post(submission_id="a", message="y").status_code,
        post("two", submission_id="b", message="y").status_code,
    ] == [
        200,
        200,
    ]
    assert ReviewItem.objects.get(reason="webhook_retry_conflict").occurrences == 2


def test_the_owner_is_told_of_an_appended_inquiry_though_the_lead_has_a_review_item():
    elena, bob = make_owner("elena"), make_owner("bob")
    make_source("web", elena)
    publish_pool_rule(elena, make_pool("inbound", [bob]))
    post(submission_id="a", message="x")
    post(submission_id="a", message="y")  # a conflict, which elena answers for
    post(submission_id="b", message="z")
    assert set(Delivery.objects.filter(kind="notice").values_list("owner__key", flat=True)) == {"bob"}


def test_a_test_lead_changes_nothing_that_is_real():
    elena, bob = make_owner("elena"), make_owner("bob")
    make_source("web", elena)
    sales = make_pipeline("sales", "new")
    contact = make_contact("ada@acme.example", owner=elena)
    deal = make_deal(sales, contact=contact, owner=elena)
    version = make_version(elena)
    make_rule(version, "territory_owner", "owner", owner=bob, pipeline=sales, stage=sales.stages.get())
    publish(version, None, NOW)
    post(is_test=True)
    contact.refresh_from_db()
    deal.refresh_from_db()
    assert (contact.owner, deal.owner, SlaClock.objects.count()) == (elena, elena, 0)


def test_a_lead_type_of_the_companys_own_counts():
    make_inbound()
    Source.objects.update(lead_type=LeadType.objects.create(key="site-visit", name="Site visit", high_intent=True))
    decided = post().json()["decision"]["routing_decision"]
    assert (decided["lead_type"], decided["high_intent"]) == ("site-visit", True)


def test_a_contact_made_and_given_an_owner_in_one_batch_has_that_owner():
    elena = make_owner("elena")
    source = make_source("web", elena)
    version = make_version(elena)
    make_rule(version, "reject_invalid_or_spam", "nurture", ("lead_type", "is", "content"))
    make_rule(version, "round_robin_pool", "pool", pool=make_pool("inbound", [elena]))
    publish(version, None, NOW)
    buyer = {"email": "ada@acme.example"}
    waiting(source, {**buyer, "lead_type": "content"}, {**buyer, "lead_type": "demo"})
    assert [row.decision.outcome.status for row in route()] == ["nurture", "assigned"]
    assert Contact.objects.get().owner == elena


def test_an_error_that_no_event_is_to_blame_for_lets_all_wait(monkeypatch):
    make_inbound()

    def older_table(*_):
        raise ProgrammingError("column does not exist")

    monkeypatch.setattr(execute, "write", older_table)
    answers = [post(email=f"buyer@acme-{number}.example").status_code for number in range(3)]
    assert answers == [202] * 3
    assert not ReviewItem.objects.exists()
    monkeypatch.undo()
    assert pipeline.drain() == 3
    assert Lead.objects.filter(state="assigned").count() == 3


def test_an_event_that_was_set_aside_is_routed_by_replay_once_the_cause_is_mended(monkeypatch):
    make_inbound()
    monkeypatch.setattr(pipeline, "decide", lambda *_: 1 / 0)
    event = post().json()["event_id"]
    assert ReviewItem.objects.get().reason == "unresolved"
    monkeypatch.undo()
    call_command("replay", str(event), stdout=StringIO())
    assert Lead.objects.get(pk=event).state == "assigned"
    assert (ReviewItem.objects.get().state, ReviewItem.objects.get().resolution) == ("closed", "routed again")


def test_a_body_that_was_cut_off_is_no_lead():
    make_inbound()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    request = RequestFactory().generic("POST", ADDRESS, b"email=truncated@acme.exam", FORM, headers=headers)
    request.META["CONTENT_LENGTH"] = "80"
    answer = intake(request, "web")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (400, "body_incomplete")
    assert not RawEvent.objects.exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connection that can be cut off")
def test_a_post_over_a_connection_that_the_database_cut_off_is_taken():
    import psycopg

    make_inbound()
    post()
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    with psycopg.connect(
        **{**connection.connection.info.get_parameters(), "password": connection.settings_dict["PASSWORD"]}
    ) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert post(email="second@buyer.example").status_code == 201
