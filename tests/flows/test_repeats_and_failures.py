"""The same submission again, and a machine that fails: the first result stands, and nothing stored is lost."""

import pytest
from django.db import OperationalError

from leads.models import Lead, RawEvent
from routing import pipeline
from routing.api import intake as door
from routing.models import Decision, Delivery, ReviewItem
from tests.builders import make_source
from tests.flows.posting import code_of, make_inbound, send

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def elena():
    return make_inbound()


# Twice -----------------------------------------------------------------------------------------------------


def test_the_same_key_with_the_same_body_is_the_first_result_and_with_another_422(elena):
    first = send(**{"Idempotency-Key": "k1"})
    again = send(**{"Idempotency-Key": "k1"})
    assert (again.status_code, again.json()["duplicate"], again.json()["event_id"]) == (
        200,
        True,
        first.json()["event_id"],
    )
    spaced = send(b'{ "email":"ada@acme.example" }', **{"Idempotency-Key": "k1"})
    assert spaced.status_code == 200
    other = send(b'{"email": "bob@acme.example"}', **{"Idempotency-Key": "k1"})
    assert (other.status_code, code_of(other)) == (422, "idempotency_key_reused")
    assert other.json()["event_id"] == first.json()["event_id"]
    assert (RawEvent.objects.count(), Lead.objects.count(), ReviewItem.objects.count()) == (2, 1, 0)


def test_a_redelivery_with_another_body_is_200_both_bodies_are_kept_and_a_person_looks(elena):
    first = send(b'{"submission_id": "s1", "email": "ada@acme.example"}')
    for number in range(2):
        again = send(b'{"submission_id": "s1", "email": "bob%d@acme.example"}' % number)
        assert (again.status_code, again.json()["duplicate"]) == (200, True)
        assert again.json()["decision"]["routing_decision"] == first.json()["decision"]["routing_decision"]
    bodies = [bytes(body) for body in RawEvent.objects.order_by("id").values_list("body", flat=True)]
    assert [b"ada" in bodies[0], b"bob0" in bodies[1], b"bob1" in bodies[2]] == [True] * 3
    item = ReviewItem.objects.get()
    assert (item.reason, item.occurrences, item.owner) == ("webhook_retry_conflict", 2, elena)
    assert (item.lead_id, item.due_at > item.opened_at) == (first.json()["lead_id"], True)
    assert (Lead.objects.count(), Decision.objects.count()) == (1, 1)
    assert pipeline.drain() == 0


def test_redeliveries_of_undecided_submissions_are_one_item_each(elena):
    first = [send(b'{"submission_id": "s%d", "email": "a@b.example"}' % n, Prefer="respond-async") for n in (1, 2)]
    for number in (1, 2, 2):
        again = send(b'{"submission_id": "s%d", "email": "other@b.example"}' % number)
        assert (again.status_code, again.json()["event_id"]) == (202, first[number - 1].json()["event_id"])
    items = ReviewItem.objects.order_by("id")
    assert [(item.occurrences, item.owner, item.lead) for item in items] == [(1, elena, None), (2, elena, None)]
    for item, answer in zip(items, first, strict=True):
        assert item.detail.startswith(f"Event {answer.json()['event_id']} came again with another content, as event ")
    assert pipeline.drain() == 2


def test_a_repeat_while_the_first_is_under_way_is_202_with_the_same_event(elena):
    first = send(Prefer="respond-async")
    again = send()
    assert (again.status_code, again.json()["event_id"]) == (202, first.json()["event_id"])
    assert RawEvent.objects.count() == 1


def test_the_same_body_from_two_sources_is_two_submissions(elena):
    make_source("chat", elena)
    assert send().status_code == 201
    assert send(address="/api/v1/intake/chat").status_code == 201
    assert RawEvent.objects.count() == 2


# When the machine fails ------------------------------------------------------------------------------------


def test_a_database_that_is_down_is_503_with_retry_after(elena, monkeypatch):
    def down(*_, **__):
        raise OperationalError("no")

    monkeypatch.setattr(door, "store", down)
    answer = send()
    assert (answer.status_code, code_of(answer), answer["Retry-After"]) == (503, "storage_unavailable", "5")
    monkeypatch.setattr(door, "source_by_key", down)
    assert send().status_code == 503


def test_a_body_that_cannot_be_kept_because_the_database_is_down_is_503_too(elena, monkeypatch):
    def down(*_, **__):
        raise OperationalError("no")

    monkeypatch.setattr(door, "keep", down)
    assert send(b"{").status_code == 503


@pytest.mark.parametrize("error", [OperationalError("lock"), RuntimeError("bug")])
def test_a_failure_after_the_store_is_202_and_the_lead_is_routed_by_the_next_one(elena, monkeypatch, error):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(door.combiner, "_route", fails)
    answer = send()
    assert answer.status_code == 202
    assert RawEvent.objects.get().state == RawEvent.State.WAITING
    monkeypatch.undo()
    assert send(b'{"email": "bob@acme.example"}').status_code == 201
    assert Lead.objects.filter(pk=answer.json()["event_id"], state="assigned").exists()


def test_a_decision_that_cannot_be_told_is_202(elena, monkeypatch):
    def fails(*_, **__):
        raise OperationalError("no")

    monkeypatch.setattr(door, "story_of", fails)
    assert send().status_code == 202


def test_a_lead_that_cannot_be_prepared_is_in_review_and_the_answer_202(elena, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("bug")

    monkeypatch.setattr("routing.prepare.normalise_found", fails)
    answer = send()
    assert answer.status_code == 202
    item = ReviewItem.objects.get()
    assert (item.event_id, item.owner, item.reason) == (answer.json()["event_id"], elena, "unresolved")
    assert item.due_at > item.opened_at
    assert Delivery.objects.count() == 0
