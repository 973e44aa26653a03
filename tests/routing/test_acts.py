"""Acts of people on review items and leads, through the one door: who gets the lead, and what else changes with it."""

from datetime import timedelta

import pytest

from leads.models import Contact, Deal, Lead, Note, Source, Task
from owners.models import User
from routing import acts, mending, touch
from routing.models import (
    Decision,
    Delivery,
    Fact,
    LedgerEntry,
    OwnerLoad,
    ReviewItem,
    RotationState,
    SlaClock,
)
from routing.moving import By, by_user
from routing.pipeline import drain
from routing.plan import run_due
from routing.refused import Refused
from routing.replay import verify
from routing.rulebook import publish
from tests.builders import (
    NOW,
    make_company,
    make_owner,
    make_pipeline,
    make_pool,
    make_rule,
    make_source,
    make_team,
    make_version,
)
from tests.routing.batches import waiting

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=4)
RITA = By(None, None, "Rita")


@pytest.fixture
def company():
    """Elena and Marco share a pool; what comes from the web goes to it, webinars go to review with Rita."""
    team = make_team("sales")
    people = {name: make_owner(name, team) for name in ("elena", "marco")}
    rita = make_owner("rita", accepts_leads=False)
    pool = make_pool("everybody", list(people.values()), team=team)
    pipeline = make_pipeline("sales", "new")
    version = make_version(rita)
    make_rule(
        version, "round_robin_pool", "pool", ("lead_type", "is_not", "webinar"), pool=pool, pipeline=pipeline,
        stage=pipeline.stages.get(), sequence="first_contact",
    )  # fmt: skip
    make_rule(version, "manual_review", "review", owner=rita, review_reason="unclear_product_fit")
    publish(version, None, NOW)
    make_source("web", rita)
    make_source("webinars", rita, "webinar")
    return people


def by(owner):
    owner.user = owner.user or User.objects.create_user(owner.key)
    owner.save()
    return by_user(owner.user)


def routed(source="web", now=NOW, **payload):
    [lead] = waiting(Source.objects.get(key=source), {"email": "ada@acme.example"} | payload)
    drain(lambda: now)
    return Lead.objects.get(pk=lead)


def item_of(lead):
    return ReviewItem.objects.get(lead=lead, state="open")


def facts(lead):
    return list(Fact.objects.filter(lead=lead).values_list("kind", "detail"))


def refusal(act, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        act(*args, **kwargs)
    return refused.value.code


def test_claim_gives_the_lead_its_owner_reason_clocks_task_and_charge(company):
    lead = routed("webinars")
    item = item_of(lead)
    done = acts.claim(item.pk, by(company["marco"]), LATER)
    lead.refresh_from_db()
    item.refresh_from_db()
    assert (lead.state, lead.owner, lead.owned_at) == ("assigned", company["marco"], LATER)
    assert lead.reason == "Claimed by Marco from the review queue, where it was because product fit unclear."
    assert (item.state, item.closed_at, item.closed_by) == ("closed", LATER, company["marco"].user)
    assert Contact.objects.get().owner == company["marco"]
    decision = Decision.objects.get(pk=done.decision)
    assert (decision.origin, decision.status, decision.event_id) == ("claim", "assigned", lead.pk)
    assert set(SlaClock.objects.filter(decision=decision, state="running").values_list("kind", flat=True)) == {
        "first_touch",
        "no_activity",
    }
    assert not Delivery.objects.filter(kind="assignment").exists()  # who takes a lead knows of it
    assert run_due(LATER) == 1
    assert Task.objects.get().owner == company["marco"]
    assert OwnerLoad.objects.get(owner=company["marco"]).open_leads == 1
    assert facts(lead) == [
        ("arrived", "review"), ("decided", "review"), ("decided", "claim"), ("owned", "claim"), ("confirmed", ""),
    ]  # fmt: skip


def test_claim_is_charged_to_the_pool_that_the_item_came_from(company):
    for owner in company.values():
        owner.accepts_leads = False
        owner.save()
    lead = routed()
    assert item_of(lead).reason == "no_valid_owner"
    acts.claim(item_of(lead).pk, by(company["marco"]), LATER)
    assert list(LedgerEntry.objects.order_by("id").values_list("kind", "member__owner__key", "v_after")) == [
        ("join", "marco", "0"),
        ("claim", "marco", "1"),
    ]
    assert RotationState.objects.get().v == "1"
    for owner in company.values():
        owner.accepts_leads = True
        owner.save()
    owners = [routed(email=f"b{n}@acme{n}.example", now=LATER).owner.key for n in range(3)]
    assert sorted(owners) == ["elena", "elena", "marco"]
    assert Deal.objects.count() == 4
    assert verify() == (5, [])


def test_second_claim_is_told_who_was_faster_and_a_double_click_is_no_error(company):
    item = item_of(routed("webinars"))
    marco = by(company["marco"])
    done = acts.claim(item.pk, marco, LATER)
    assert acts.claim(item.pk, marco, LATER) == acts.Done(
        "This lead is yours already.", done.lead, done.decision, company["marco"].pk, "assigned"
    )
    with pytest.raises(Refused) as refused:
        acts.claim(item.pk, by(company["elena"]), LATER + timedelta(seconds=4))
    assert (refused.value.code, refused.value.sentence) == (
        "taken",
        "Somebody was faster: Claimed by Marco from the review queue, where it was because product fit unclear "
        "(4 s ago).",
    )


def test_claim_needs_room_presence_and_an_owner(company):
    item = item_of(routed("webinars"))
    elena = company["elena"]
    elena.cap_open = 0
    elena.save()
    assert refusal(acts.claim, item.pk, by(elena), LATER) == "at_capacity"
    company["marco"].state = "inactive"
    company["marco"].save()
    assert refusal(acts.claim, item.pk, by(company["marco"]), LATER) == "not_available"
    assert refusal(acts.claim, item.pk, RITA, LATER) == "no_owner"
    assert refusal(acts.claim, 999_999, by(elena), LATER) == "gone"
    assert item_of(Lead.objects.get()).pk == item.pk


def test_reassigning_moves_deal_task_clocks_and_load_and_tells_both(company):
    lead = routed()
    run_due(NOW)
    first, other = lead.owner, next(owner for owner in company.values() if owner != lead.owner)
    done = acts.reassign(lead.pk, other.pk, RITA, "knows the buyer", LATER, seen_owner=first.pk)
    lead.refresh_from_db()
    assert lead.owner == other
    assert lead.reason == f"Reassigned to {other.name} from {first.name} by Rita: knows the buyer."
    assert Deal.objects.get().owner == other
    assert Task.objects.get().dropped_at == LATER
    clocks = SlaClock.objects.order_by("id").values_list("owner", "kind", "state")
    assert list(clocks) == [
        (first.pk, "first_touch", "cancelled"), (first.pk, "no_activity", "cancelled"),
        (other.pk, "first_touch", "running"), (other.pk, "no_activity", "running"),
    ]  # fmt: skip
    loads = dict(OwnerLoad.objects.values_list("owner", "open_leads"))
    assert loads == {first.pk: 0, other.pk: 1}
    new = Delivery.objects.filter(decision=done.decision)
    assert set(new.values_list("owner", "kind")) == {(other.pk, "assignment"), (first.pk, "moved")}
    assert ("reassigned", "by_hand") in facts(lead)
    assert refusal(acts.reassign, lead.pk, other.pk, RITA, "again", LATER) == "no_change"
    assert refusal(acts.reassign, lead.pk, first.pk, RITA, "stale tab", LATER, seen_owner=first.pk) == "changed"
    assert refusal(acts.reassign, lead.pk, first.pk, RITA, " ", LATER) == "why_missing"
    assert refusal(acts.reassign, lead.pk, 999_999, RITA, "who", LATER) == "unknown_owner"
    assert verify() == (2, [])


def test_declined_lead_is_decided_again_without_those_who_had_it(company):
    lead = routed()
    first, other = lead.owner, next(owner for owner in company.values() if owner != lead.owner)
    assert refusal(acts.decline, lead.pk, by(other), "not mine", LATER) == "not_yours"
    acts.decline(lead.pk, by(first), "no time", LATER)
    lead.refresh_from_db()
    assert (lead.owner, lead.state) == (other, "assigned")
    acts.decline(lead.pk, by(other), "me neither", LATER)
    lead.refresh_from_db()
    assert (lead.owner, lead.state) == (None, "review")
    assert item_of(lead).reason == "no_valid_owner"
    assert [kind for kind, _ in facts(lead)].count("declined") == 2
    assert dict(OwnerLoad.objects.values_list("owner", "open_leads")) == {first.pk: 0, other.pk: 0}
    assert verify() == (3, [])


def test_nurture_and_reject_end_a_lead_visibly_and_assigning_restores_it(company):
    lead = routed()
    acts.nurture(lead.pk, RITA, "too early", LATER)
    lead.refresh_from_db()
    assert (lead.state, lead.owner, lead.reason) == ("nurture", None, "Sent to nurture by Rita: too early.")
    assert SlaClock.objects.filter(state="running").count() == 0
    assert refusal(acts.nurture, lead.pk, RITA, "again", LATER) == "no_change"
    acts.reject(lead.pk, RITA, "a competitor", LATER)
    acts.reassign(lead.pk, company["elena"].pk, RITA, "was a mistake", LATER)
    lead.refresh_from_db()
    assert (lead.state, lead.owner) == ("assigned", company["elena"])
    assert [detail for kind, detail in facts(lead) if kind == "closed"] == ["nurture"]
    assert verify() == (4, [])


def test_items_end_with_a_reason_and_without_a_lead_they_are_handed_over(company):
    lead = routed("webinars")
    assert refusal(acts.reject_item, item_of(lead).pk, RITA, "", LATER) == "why_missing"
    acts.reject_item(item_of(lead).pk, RITA, "a student", LATER)
    lead.refresh_from_db()
    assert (lead.state, lead.reason) == ("rejected", "Rejected by Rita: a student.")
    item = ReviewItem.objects.get()
    assert (item.state, item.resolution) == ("closed", "Rejected by Rita: a student.")
    bare = ReviewItem.objects.create(
        reason="unreadable_payload", owner=item.owner, source=item.source, event=item.event, opened_at=NOW,
        last_at=NOW, due_at=NOW,
    )  # fmt: skip
    acts.claim(bare.pk, by(company["marco"]), LATER)
    bare.refresh_from_db()
    assert (bare.state, bare.owner) == ("open", company["marco"])
    assert refusal(acts.nurture_item, bare.pk, RITA, "hm", LATER) == "no_lead"
    acts.reject_item(bare.pk, RITA, "noise", LATER)
    bare.refresh_from_db()
    assert (bare.state, bare.resolution) == ("closed", "Rejected by Rita: noise")


def test_mended_data_is_routed_again_and_before_and_after_are_told(company):
    lead = routed(email="", phone="", company_name="Acme")
    assert item_of(lead).reason == "missing_contact_data"
    with pytest.raises(Refused) as refused:
        mending.fix(lead.pk, {"shoe_size": "42"}, RITA, LATER)
    assert refused.value.code == "unknown_field"
    assert refusal(mending.fix, lead.pk, {"email": ""}, RITA, LATER) == "no_change"
    fixed = mending.fix(lead.pk, {"email": "Ada@Acme.Example", "first_name": "Ada"}, RITA, LATER)
    lead.refresh_from_db()
    assert (lead.state, lead.email, lead.name) == ("assigned", "ada@acme.example", "Ada")
    assert fixed.before.get("email") is None
    assert fixed.after["email"] == "ada@acme.example"
    assert lead.contact.email == "ada@acme.example"
    assert ReviewItem.objects.get().state == "closed"
    assert Decision.objects.get(pk=fixed.done.decision).origin == "again"
    assert refusal(mending.fix, lead.pk, {"email": "b@acme.example"}, RITA, LATER) == "taken"
    assert verify() == (2, [])


def test_mended_lead_of_a_known_buyer_with_an_open_lead_is_appended_and_closed(company):
    known = routed()
    lead = routed(email="", phone="", company_name="Acme")
    done = mending.fix(lead.pk, {"email": "ada@acme.example"}, RITA, LATER).done
    lead.refresh_from_db()
    assert (done.lead, done.status, lead.state, lead.owner) == (known.pk, "appended", "closed", None)
    assert ReviewItem.objects.filter(state="open").count() == 0
    assert verify() == (3, [])


def test_customer_owner_who_declines_does_not_get_the_lead_again(company):
    version = make_version(make_owner("otto"))
    make_rule(version, "existing_customer_owner", "customer_owner", fallback_owner=company["marco"])
    publish(version, None, NOW)
    make_company("acme.example", owner=company["elena"], is_customer=True)
    lead = routed()
    assert lead.owner == company["elena"]
    acts.decline(lead.pk, by(company["elena"]), "not my customer any more", LATER)
    lead.refresh_from_db()
    assert lead.owner == company["marco"]


def test_touch_stops_clocks_in_time_and_answers_breached_ones_late(company):
    lead = routed()
    elena = by(lead.owner)
    assert touch.accept(lead.pk, elena, NOW) is True
    assert touch.accept(lead.pk, elena, NOW) is False
    touch.record(lead.pk, "view", elena, NOW)
    assert SlaClock.objects.filter(state="running").count() == 2
    late = NOW + timedelta(minutes=20)
    touch.record(lead.pk, "call", elena, late, at=NOW, outcome="reached")
    clocks = SlaClock.objects.order_by("kind").values_list("kind", "state", "ended_at", "answered_at")
    assert list(clocks) == [
        ("first_touch", "breached", NOW + timedelta(minutes=15), late),
        ("no_activity", "met", late, None),
    ]
    lead.refresh_from_db()
    assert (lead.accepted_at, lead.touched_at) == (NOW, late)
    touch.record(lead.pk, "meeting", elena, late)
    assert facts(lead)[-5:] == [
        ("breached", "first_touch"), ("answered", "first_touch"), ("met", "no_activity"), ("touched", "meeting"),
        ("booked", ""),
    ]  # fmt: skip
    assert refusal(touch.record, lead.pk, "fax", elena, late) == "unknown_kind"
    assert refusal(touch.record, lead.pk, "call", elena, NOW, late) == "in_the_future"
    assert refusal(touch.record, 999_999, "call", elena, NOW) == "gone"


def test_closed_lead_keeps_its_owner_and_frees_their_room(company):
    lead = routed()
    assert refusal(acts.close, lead.pk, "forgotten", RITA, LATER) == "unknown_kind"
    acts.close(lead.pk, "converted", RITA, LATER)
    lead.refresh_from_db()
    assert (lead.state, lead.owner is not None) == ("closed", True)
    assert OwnerLoad.objects.get(owner=lead.owner).open_leads == 0
    assert SlaClock.objects.filter(state="running").count() == 0
    assert facts(lead)[-1] == ("closed", "converted")
    assert refusal(acts.close, lead.pk, "lost", RITA, LATER) == "no_change"
    acts.reassign(lead.pk, lead.owner_id, RITA, "came back", LATER)  # reopened with whom it was closed
    assert OwnerLoad.objects.get(owner=lead.owner).open_leads == 1
    assert ("reopened", "closed") in facts(lead)
    acts.close(lead.pk, "lost", RITA, LATER)
    assert refusal(touch.record, lead.pk, "call", RITA, LATER) == "closed"


def test_every_act_costs_a_fixed_number_of_statements(company, django_assert_num_queries):
    item = item_of(routed("webinars"))
    marco = by(company["marco"])
    acts.claim(item_of(routed("webinars", email="warm@up.example")).pk, marco, LATER)
    with django_assert_num_queries(STATEMENTS_OF_A_CLAIM, exact=False):
        acts.claim(item.pk, marco, LATER)


STATEMENTS_OF_A_CLAIM = 45


def test_item_about_something_else_than_its_owner_is_handed_on_and_closed_and_its_lead_stays(company):
    lead = routed()
    owner = lead.owner
    item = ReviewItem.objects.create(
        reason="crm_error", detail="create_deal: refused", owner=owner, source=lead.source, event_id=lead.pk, lead=lead,
        opened_at=NOW, last_at=NOW, due_at=LATER,
    )  # fmt: skip
    other = next(person for person in company.values() if person != owner)
    assert refusal(acts.claim, item.pk, by(owner), LATER) == "no_change"
    assert refusal(acts.claim, item.pk, by(other), LATER, seen=other.pk) == "changed"
    acts.claim(item.pk, by(other), LATER, seen=owner.pk)
    assert Note.objects.filter(lead=lead, text__startswith=f"{other.name} named {other.name}").count() == 1
    assert refusal(acts.nurture_item, item.pk, RITA, "later", LATER) == "changed"
    assert refusal(mending.route_item_again, item.pk, RITA, LATER) == "taken"
    assert refusal(mending.replay_item, item.pk, RITA, LATER) == "no_change"
    acts.reject_item(item.pk, RITA, "made by hand", LATER)
    item.refresh_from_db()
    lead.refresh_from_db()
    assert (item.owner, item.state, item.resolution) == (other, "closed", "Closed by Rita: made by hand")
    assert (lead.state, lead.owner) == ("assigned", owner)
    assert refusal(mending.fix_item, item.pk, {"email": "b@b.example"}, RITA, LATER) == "taken"


def test_people_that_a_refused_act_read_are_not_cited_once_it_is_rolled_back(company):
    item, elena = item_of(routed("webinars")), company["elena"]
    elena.cap_open = 0
    elena.save()
    assert refusal(acts.claim, item.pk, by(elena), LATER) == "at_capacity"  # stored the new people, and took them back
    assert routed(email="bea@b.example", now=LATER).owner == company["marco"]
    elena.cap_open = None
    elena.save()
    routed(email="cy@c.example", now=LATER)
    assert verify() == (3, [])


def test_a_lead_closes_once_until_it_is_opened_again(company):
    lead = routed()
    elena = by(company["elena"])
    acts.close(lead.pk, "lost", elena, LATER)
    acts.nurture(lead.pk, elena, "maybe next year", LATER)
    acts.reject(lead.pk, elena, "competitor", LATER)
    ends = ("closed", "reopened")
    assert [fact for fact in facts(lead) if fact[0] in ends] == [("closed", "lost")]
    acts.reassign(lead.pk, company["marco"].pk, RITA, "came back", LATER)
    acts.reject(lead.pk, by(company["marco"]), "competitor", LATER)
    assert [fact for fact in facts(lead) if fact[0] in ends] == [
        ("closed", "lost"), ("reopened", "rejected"), ("closed", "rejected"),
    ]  # fmt: skip
    assert [load.open_leads for load in OwnerLoad.objects.order_by("owner__key")] == [0, 0]
