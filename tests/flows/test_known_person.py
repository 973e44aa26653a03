"""Who it is, over HTTP and inside one batch: certain, new, ambiguous; a known person is appended and told once."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.intake import Incoming, store
from leads.models import Company, Contact, Deal, IdempotencyKey, Lead, Note, RawEvent
from leads.parse import canonical_digest
from routing.models import (
    Decision,
    Delivery,
    Fact,
    LedgerEntry,
    OwnerLoad,
    PlanAction,
    ReviewItem,
    RotationState,
    SlaClock,
)
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
    publish_pool_rule,
)  # fmt: skip
from tests.flows.test_nine_steps import decided, post

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "+4930901820"


@pytest.fixture
def team():
    """Ben and Cleo share all leads in turn; each lead brings a deal."""
    ben, cleo = make_owner("ben"), make_owner("cleo")
    source = make_source("web", ben)
    pipeline = make_pipeline("sales", "new")
    version = make_version(ben)
    make_rule(
        version, "round_robin_pool", "pool", pool=make_pool("inbound", [ben, cleo]), pipeline=pipeline,
        stage=pipeline.stages.get(), sequence="fast",
    )  # fmt: skip
    publish(version, None, NOW)
    yield source
    assert verify().differences == []


def waiting(source, *payloads, **fields):
    """Stored events that nobody has routed yet; their ids."""
    ids = []
    for number, payload in enumerate(payloads):
        stored = store(
            Incoming(
                source=source.pk, body=json.dumps(payload).encode(), content_type="application/json", headers="{}",
                digest=canonical_digest(payload), received_at=NOW, correlation_id="c", intent_class=1,
                submission_id=f"s{number}", **fields,
            )
        )  # fmt: skip
        ids.append(stored.event)
    return ids


def carry(source, *payloads):
    """Route the payloads as one batch; the stored decisions in order."""
    ids = waiting(source, *payloads)
    assert [result.event.id for result in route()] == ids
    return [Decision.objects.get(pk=id) for id in ids]


def statuses(decisions):
    return [decision.status for decision in decisions]


# One after the other ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [{"email": "Ada@ACME.example"}, {"phone": "+49 30 90 18 20"}])
def test_a_person_known_by_e_mail_or_phone_is_certain_and_no_second_contact_is_made(team, payload):
    ada = make_contact("ada@acme.example", phone=PHONE)
    document = post(payload).json()["decision"]
    found = document["preflight_checks"]["contact_search"]
    assert (found["status"], found["contact_id"]) == ("certain", ada.pk)
    assert Lead.objects.get().contact == Contact.objects.get() == ada


def test_an_unknown_person_is_new_and_brings_contact_and_company(team):
    found = post({"email": "ada@acme.co.uk", "first_name": "Ada"}).json()
    lead = Lead.objects.get()
    assert found["decision"]["preflight_checks"]["contact_search"]["status"] == "new"
    assert (lead.contact.email, lead.contact.first_name, lead.contact.company) == (
        "ada@acme.co.uk",
        "Ada",
        lead.company,
    )
    assert (lead.company.domain, lead.contact_id, lead.company_id) == ("acme.co.uk", lead.pk, lead.pk)


def test_two_people_who_cannot_be_told_apart_are_review_with_both_candidates_listed(team):
    ids = sorted([make_contact("ada@acme.example").pk, make_contact("ada@acme.example").pk])
    document = post({"email": "ada@acme.example"}).json()["decision"]
    found = document["preflight_checks"]["contact_search"]
    assert (found["status"], [row["contact_id"] for row in found["candidates"]]) == ("ambiguous", ids)
    item = ReviewItem.objects.get()
    assert (item.reason, item.owner.key, item.due_at > item.opened_at) == ("ambiguous_duplicate", "ben", True)
    assert (Contact.objects.count(), Lead.objects.get().owner, Lead.objects.get().contact) == (2, None, None)


def test_a_known_person_with_an_open_lead_is_appended_and_the_owner_told_once(team):
    first = decided({"email": "ada@acme.example", "message": "one"})
    second = decided({"email": "ada@acme.example", "message": "two"})
    assert (second["routing_status"], second["lead_id"]) == ("appended", first["lead_id"])
    assert second["target_owner_id"] == first["target_owner_id"]
    assert (Lead.objects.count(), Deal.objects.count(), Decision.objects.count()) == (1, 1, 2)
    notices = Delivery.objects.filter(kind="notice")
    assert {(row.owner_id, row.decision_id) for row in notices} == {(first["target_owner_id"], second["decision_id"])}
    assert sorted(notices.values_list("channel", flat=True)) == ["email", "in_app"]
    assert Delivery.objects.filter(kind="assignment").values("decision").distinct().count() == 1
    assert LedgerEntry.objects.filter(kind="charge").count() == 1
    clocks = SlaClock.objects.filter(state="running", kind="first_touch").order_by("decision")
    assert list(clocks.values_list("decision", flat=True)) == [first["decision_id"], second["decision_id"]]


def test_a_known_person_whose_lead_is_in_review_is_appended_and_the_reviewer_told(team):
    make_contact("ada@acme.example")
    make_contact("bob@acme.example", phone=PHONE)
    first = decided({"email": "ada@acme.example", "phone": PHONE})  # e-mail and phone point at two people
    assert first["routing_status"] == "review"
    Lead.objects.update(contact=Contact.objects.get(email="ada@acme.example"))
    second = decided({"email": "ada@acme.example"})
    assert (second["routing_status"], second["reviewer_id"]) == ("appended", ReviewItem.objects.get().owner_id)
    assert (
        Delivery.objects.filter(kind="notice").values_list("owner", flat=True).distinct().get() == second["reviewer_id"]
    )


def test_a_closed_lead_is_not_appended_to(team):
    decided({"email": "ada@acme.example", "message": "one"})
    Lead.objects.update(state="closed")
    assert decided({"email": "ada@acme.example", "message": "two"})["routing_status"] == "assigned"
    assert (Lead.objects.count(), Contact.objects.count(), Deal.objects.count()) == (2, 1, 1)


def test_a_free_mail_host_never_joins_strangers(team):
    found = [decided({"email": f"person{number}@gmail.com"}) for number in range(2)]
    assert [row["routing_status"] for row in found] == ["assigned", "assigned"]
    assert (Company.objects.count(), Contact.objects.filter(company=None).count()) == (0, 2)


def test_two_people_of_one_company_share_the_company_and_are_two_leads(team):
    found = [decided({"email": f"person{number}@acme.example"}) for number in range(2)]
    assert [row["routing_status"] for row in found] == ["assigned", "assigned"]
    assert Company.objects.get().contacts.count() == 2


# Inside one batch ------------------------------------------------------------------------------------------


def test_twins_of_one_batch_are_one_lead_one_deal_one_alert_and_one_notice(team):
    first, second = carry(team, {"email": "ada@acme.example"}, {"email": "ada@acme.example", "message": "again"})
    assert statuses((first, second)) == ["assigned", "appended"]
    assert second.lead_id == first.lead_id == first.pk
    assert (Lead.objects.count(), Contact.objects.count(), Company.objects.count(), Deal.objects.count()) == (
        1,
        1,
        1,
        1,
    )
    assert sorted(Delivery.objects.values_list("kind", "channel", "decision")) == [
        ("assignment", "email", first.pk), ("assignment", "in_app", first.pk),
        ("notice", "email", second.pk), ("notice", "in_app", second.pk),
    ]  # fmt: skip
    assert LedgerEntry.objects.filter(kind="charge").count() == 1
    assert RawEvent.objects.filter(state=RawEvent.State.DONE).count() == 2


def test_twins_by_phone_and_a_triplet_meet_as_well(team):
    made = carry(
        team, {"phone": PHONE, "first_name": "Ada"}, {"phone": PHONE, "message": "b"},
        {"phone": PHONE, "email": "ada@home.example"},
    )  # fmt: skip
    assert statuses(made) == ["assigned", "appended", "appended"]
    assert {decision.lead_id for decision in made} == {made[0].pk}


def test_two_people_of_one_company_in_one_batch_share_the_new_company(team):
    made = carry(team, *({"email": f"p{number}@acme.example"} for number in range(3)))
    assert statuses(made) == ["assigned"] * 3
    assert (Company.objects.count(), Contact.objects.count(), Lead.objects.count()) == (1, 3, 3)
    assert [decision.owner.key for decision in made] == ["ben", "cleo", "ben"]


def test_a_batch_decides_as_its_events_alone_would(team):
    payloads = [
        {"email": "ada@acme.example"}, {"email": "bob@acme.example"}, {"email": "ada@acme.example", "message": "b"},
        {"email": "x@gmail.com"}, {"phone": PHONE}, {"company_name": "Nobody"}, {"phone": PHONE, "message": "c"},
        {"email": "spam@mailinator.com"}, {"phone": "12"}, {"email": "eve@other.example"},
    ]  # fmt: skip
    together, owners = statuses(carry(team, *payloads)), owners_in_turn()
    empty_the_records()
    alone = []
    for payload in payloads:
        alone += statuses(carry(team, payload))
        IdempotencyKey.objects.all().delete()
    assert (alone, owners_in_turn()) == (together, owners)
    assert together == [
        "assigned", "assigned", "appended", "assigned", "assigned", "review", "appended", "rejected",
        "nurture", "assigned",
    ]  # fmt: skip


people = st.fixed_dictionaries(
    {},
    optional={
        "email": st.sampled_from(["ada@acme.example", "bob@acme.example", "ada@gmail.com", "eve@other.example"]),
        "phone": st.sampled_from([PHONE, "+4930901821"]),
        "first_name": st.sampled_from(["Ada", "Bob"]),
        "company_domain": st.sampled_from(["acme.example", "other.example"]),
    },
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(people, min_size=2, max_size=6))
def test_any_batch_of_strangers_decides_as_its_events_alone_would(team, drawn):
    payloads = [{**payload, "message": f"number {number}"} for number, payload in enumerate(drawn)]
    found = []
    for limit in (100, 1):
        ids = waiting(team, *payloads)
        while route(limit=limit):
            pass
        place = {id: number for number, id in enumerate(ids)}
        rows = Decision.objects.order_by("id").values_list("status", "owner__key", "lead", "review_reason")
        found.append([(status, owner, place[lead], reason) for status, owner, lead, reason in rows])
        assert verify() == (len(ids), [])
        assert Deal.objects.count() == Lead.objects.filter(state="assigned").count()
        empty_the_records()
        IdempotencyKey.objects.all().delete()
    assert found[0] == found[1]


def owners_in_turn():
    return list(Lead.objects.order_by("id").values_list("owner__key", flat=True))


def empty_the_records():
    for model in (
        Fact, Delivery, SlaClock, LedgerEntry, ReviewItem, PlanAction, Note, Decision, Lead, Deal, Contact, Company,
        RotationState, OwnerLoad, RawEvent,
    ):  # fmt: skip
        model.objects.all().delete()


def test_a_customer_in_the_batch_brings_owners_that_nobody_had_read(team):
    dora = make_owner("dora")
    make_company("acme.example", owner=dora, is_customer=True)
    version = make_version(dora)
    make_rule(version, "existing_customer_owner", "customer_owner")
    publish(version, None, NOW)
    made = carry(team, {"email": "a@acme.example"}, {"email": "b@acme.example"}, {"email": "c@other.example"})
    assert [decision.owner_id for decision in made] == [dora.pk, dora.pk, None]


def test_twins_known_as_one_contact_by_e_mail_and_by_phone_meet_in_one_batch(team):
    publish_pool_rule(team.owner, make_pool("plain", [team.owner]))
    make_contact("ada@gmail.com", phone=PHONE)  # no company to meet by
    made = carry(team, {"email": "ada@gmail.com"}, {"phone": PHONE})
    assert statuses(made) == ["assigned", "appended"]
    assert Lead.objects.count() == 1


# Test leads ------------------------------------------------------------------------------------------------


def test_a_test_lead_alerts_nobody_and_charges_nobody(team):
    assert decided({"email": "ada@acme.example", "is_test": True})["routing_status"] == "assigned"
    assert Lead.objects.get().is_test is True
    assert (Delivery.objects.count(), LedgerEntry.objects.count()) == (0, 0)


def test_a_buyer_is_never_appended_to_a_test_lead(team):
    decided({"email": "ada@acme.example", "is_test": True})
    real = decided({"email": "ada@acme.example", "message": "for real"})
    assert real["routing_status"] == "assigned"
    assert Delivery.objects.filter(kind="assignment").exists()


def test_a_known_persons_inquiry_does_not_go_to_an_owner_who_left_alone(team):
    first = decided({"email": "ada@acme.example", "message": "one"})
    owner = Lead.objects.get().owner
    owner.state = "departed"
    owner.save()
    decided({"email": "ada@acme.example", "message": "two"})
    told = set(Delivery.objects.exclude(decision=first["decision_id"]).values_list("owner__state", flat=True))
    assert "active" in told
