"""Sequences of acts that once failed, misled somebody or left something running, each with what happens now."""

import threading

import pytest
from django.db import connection, transaction

from leads.models import Deal, Lead, Source, Task
from routing import acts, mending, plan, touch
from routing.follow_up import start
from routing.models import Delivery, Fact, PlanAction, ReviewItem
from routing.moving import By
from routing.pipeline import drain
from routing.plan import run_due
from routing.replay import verify
from tests.builders import NOW
from tests.routing.batches import waiting
from tests.routing.ladders import MINUTE, by, change, make_company, owned
from tests.routing.test_acts import RITA, company, item_of, refusal, routed

pytestmark = pytest.mark.django_db
LATER = NOW + 4 * MINUTE
__all__ = ["company"]


def away(people, is_away=True):
    for owner in people.values():
        change(owner, accepts_leads=not is_away)


def other(people, owner):
    return next(person for person in people.values() if person != owner)


def test_lead_that_became_a_known_buyers_and_is_reassigned_joins_their_deal(company):
    first = routed(email="ada@acme.example")
    away(company)
    second = routed(email="typo@acme.example", now=LATER)
    assert mending.fix(second.pk, {"email": "ada@acme.example"}, RITA, LATER).done.status == "appended"
    away(company, False)
    acts.reassign(second.pk, company["marco"].pk, RITA, "another matter", LATER)
    second.refresh_from_db()
    assert (second.state, second.deal, Deal.objects.get().owner) == ("assigned", first.deal, company["marco"])
    assert verify() == (4, [])


def test_claimed_lead_whose_contact_was_merged_by_hand_joins_the_deal_that_is_open(company):
    first = routed(email="ada@acme.example")
    away(company)
    second = routed(email="typo@other.example", now=LATER)
    Lead.objects.filter(pk=second.pk).update(contact=first.contact)
    away(company, False)
    acts.claim(item_of(second).pk, by(company["marco"]), LATER)
    second.refresh_from_db()
    assert (second.owner, second.deal, Deal.objects.count()) == (company["marco"], first.deal, 1)
    assert verify() == (3, [])


def test_deal_of_a_claimed_test_lead_is_nobodys_open_deal(company):
    away(company)
    tested = routed(email="ada@acme.example", is_test=True)
    away(company, False)
    acts.claim(item_of(tested).pk, by(company["marco"]), LATER)
    real = routed(email="ada@acme.example", now=LATER)
    deals = dict(Deal.objects.values_list("routed", "id"))
    assert (real.state, real.deal_id) == ("assigned", deals[True])
    assert sorted(deals) == [False, True]


def test_who_is_not_active_answers_for_no_item(company):
    item = item_of(routed("webinars"))
    change(company["elena"], state="inactive")
    assert refusal(acts.hand_over, item.pk, company["elena"].pk, RITA, LATER) == "not_available"
    assert ReviewItem.objects.get().owner == item.owner


def test_acts_on_a_test_lead_leave_no_facts(company):
    lead = routed(is_test=True)
    acting = by(lead.owner)
    touch.accept(lead.pk, acting, LATER)
    touch.record(lead.pk, "meeting", acting, LATER)
    acts.decline(lead.pk, acting, "only a test", LATER)
    assert not Fact.objects.exists()


def test_lead_closed_before_its_follow_up_gets_no_task_and_no_alert(company):
    lead = routed()
    acts.close(lead.pk, "unqualified", RITA, LATER)
    assert run_due(LATER) == 0
    assert not Task.objects.exists()
    assert set(Delivery.objects.values_list("kind", "state")) == {("assignment", "dropped")}


def test_news_of_a_buyer_whose_lead_went_on_is_not_told_to_the_former_owner(company):
    lead = routed()
    waiting(Source.objects.get(key="web"), {"email": "ada@acme.example", "message": "And another thing"})
    drain(lambda: NOW)
    former = lead.owner
    assert Delivery.objects.filter(kind="notice", owner=former, state="owed").count() == 2
    acts.reassign(lead.pk, other(company, former).pk, RITA, "on leave", LATER)
    owed = Delivery.objects.filter(owner=former).exclude(state="dropped")
    assert list(owed.values_list("kind", "state")) == [("moved", "owed")]


def test_long_and_strange_reasons_and_a_clock_that_was_set_back(company):
    lead = routed()
    back = NOW - 26 * 60 * MINUTE
    to = other(company, lead.owner)
    acts.reassign(lead.pk, to.pk, RITA, "‮💥\x00 " + "ß" * 100_000, back)
    touch.record(lead.pk, "call", by(to), back - 60 * MINUTE)
    done = acts.decline(lead.pk, by(to), "no", back - 60 * MINUTE)
    assert (done.status, item_of(lead).reason) == ("review", "no_valid_owner")
    assert verify() == (3, [])


def test_follow_up_that_was_begun_alone_writes_no_task_once_its_lead_moved(company, monkeypatch):
    lead = routed()
    [action] = PlanAction.objects.filter(decision__lead=lead)
    claim = plan._claim

    def claimed_and_overtaken(row, now):
        taken = claim(row, now)
        acts.reassign(lead.pk, other(company, lead.owner).pk, RITA, "faster", now)
        return taken

    monkeypatch.setattr(plan, "_claim", claimed_and_overtaken)
    assert plan._start_follow_up(action, NOW, lambda: 0.5) == 0
    assert not Task.objects.exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_task_written_while_the_lead_moves_is_dropped_with_the_rest():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    people = make_company()
    [lead] = owned()
    [action] = PlanAction.objects.filter(decision__lead=lead)
    moved = threading.Thread(target=_reassign, args=(lead.pk, people.marco.pk))
    with transaction.atomic():  # the worker, in the middle of its follow-up
        PlanAction.objects.select_for_update().get(pk=action.pk)
        start([action.decision_id], NOW)
        moved.start()
        moved.join(1)
        assert moved.is_alive()
        PlanAction.objects.filter(pk=action.pk).update(state="confirmed", confirmed_at=NOW, next_try_at=None)
    moved.join(30)
    assert Lead.objects.get().owner == people.marco
    assert Task.objects.get().dropped_at == LATER


def _reassign(lead, to):
    try:
        acts.reassign(lead, to, By(None, None, "Rita"), "on leave", LATER)
    finally:
        connection.close()
