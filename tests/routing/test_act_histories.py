"""Random histories of posts, acts, silence and changed rules: whatever happened, the promises hold afterwards."""

import os
from collections import Counter
from datetime import timedelta
from fractions import Fraction
from random import Random

import pytest
from django.db.models import Count, Q

from leads.models import Lead, LeadType, Source
from owners.models import Absence, Installation, Owner, PoolMember, User
from routing import acts, delivery, escalation, item_clocks, item_rungs, mending, plan, touch
from routing.loads import drift, recount
from routing.models import (
    Decision,
    Delivery,
    Fact,
    LedgerEntry,
    MemberLoad,
    OwnerLoad,
    PlanAction,
    ReviewItem,
    RotationState,
    SlaClock,
)
from routing.moved import STAYING
from routing.moving import By, by_user
from routing.pipeline import drain
from routing.refused import Refused
from routing.replay import verify
from routing.rulebook import copy_to_draft, publish
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
FULL = os.environ.get("REVROUTE_FULL") == "1"
SEEDS = range(60) if FULL else range(3)
STEPS = 120 if FULL else 60
RITA = By(None, None, "Rita")


def make_everybody():
    """Four who take leads, two of them covered; rules with a customer, two pools, a team and a review."""
    team = make_team("sales")
    people = [make_owner(key, team, cap_open=cap) for key, cap in (("ann", None), ("bo", 4), ("cy", None), ("di", 6))]
    people[0].cover, people[1].cover = people[2], people[0]
    for person in people:
        person.user = User.objects.create_user(person.key)
        person.save()
    lead = make_owner("mia", accepts_leads=False)
    team.lead, team.fallback_owner = lead, people[3]
    team.save()
    weighted = make_pool("weighted", people[:3], [1, 2, 3], team=team)
    PoolMember.objects.filter(owner=people[2]).update(cap_open=3, cap_day=9)
    make_pool("two", people[2:], team=team)
    make_company("acme.example", owner=people[0], is_customer=True)
    sales = make_pipeline("sales", "new")
    version = make_version(lead)
    deal = {"pipeline": sales, "stage": sales.stages.get(), "sequence": "first_contact"}
    make_rule(version, "existing_customer_owner", "customer_owner", **deal)
    make_rule(version, "open_deal_owner", "deal_owner")
    make_rule(version, "round_robin_pool", "pool", ("lead_type", "is_not", "webinar"), pool=weighted, **deal)
    make_rule(version, "manual_review", "review", owner=lead, review_reason="unclear_product_fit")
    publish(version, None, NOW)
    make_source("web", lead)
    make_source("webinars", lead, "webinar")
    return people


class History:
    """What happens, one thing after another; time mostly goes on."""

    def __init__(self, seed, people):
        self.chance, self.people, self.now = Random(seed), people, NOW
        self.done = Counter()

    def step(self):
        name = self.chance.choice(THINGS)
        self.now += timedelta(seconds=self.chance.choice([-2, 0, 1, 60, 300, 900, 1800]))
        try:
            getattr(self, name)()
            self.done[name] += 1
        except Refused as refused:
            self.done[refused.code] += 1

    def lead(self):
        ids = list(Lead.objects.order_by("id").values_list("id", flat=True))
        return self.chance.choice(ids) if ids else 0

    def item(self):
        ids = list(ReviewItem.objects.filter(state="open").order_by("id").values_list("id", flat=True))
        return self.chance.choice(ids) if ids else 0

    def person(self):
        return self.chance.choice(self.people)

    def owner_of(self, lead):
        owner = Lead.objects.filter(pk=lead).values_list("owner", flat=True).first()
        return next(
            (by_user(person.user) for person in self.people if person.pk == owner), by_user(self.people[0].user)
        )

    def post(self):
        number, source = self.chance.randrange(14), self.chance.choice(["web", "web", "web", "webinars"])
        company = "acme" if number < 3 else f"c{number % 6}"
        email = self.chance.choice([f"b{number}@{company}.example"] * 8 + [""])
        waiting(Source.objects.get(key=source), {"email": email, "is_test": self.chance.random() < 0.1})
        drain(lambda: self.now)

    def claim(self):
        acts.claim(self.item(), by_user(self.person().user), self.now)

    def assign(self):
        acts.assign(self.item(), self.person().pk, RITA, "fits", self.now)

    def hand_over(self):
        acts.hand_over(self.item(), self.person().pk, RITA, self.now)

    def nurture_item(self):
        acts.nurture_item(self.item(), RITA, "early", self.now)

    def reject_item(self):
        acts.reject_item(self.item(), RITA, "a student", self.now)

    def reassign(self):
        acts.reassign(self.lead(), self.person().pk, RITA, "knows them", self.now)

    def decline(self):
        lead = self.lead()
        acts.decline(lead, self.owner_of(lead), "no time", self.now)

    def nurture(self):
        acts.nurture(self.lead(), RITA, "early", self.now)

    def close(self):
        acts.close(self.lead(), self.chance.choice(acts.OUTCOMES), RITA, self.now)

    def mend(self):
        mending.fix(self.lead(), {"email": f"m{self.chance.randrange(9)}@c1.example"}, RITA, self.now)

    def again(self):
        mending.route_again(self.lead(), RITA, "looked at it", self.now)

    def touch(self):
        lead = self.lead()
        touch.record(lead, self.chance.choice(["call", "email", "view", "meeting"]), self.owner_of(lead), self.now)

    def accept(self):
        lead = self.lead()
        touch.accept(lead, self.owner_of(lead), self.now)

    def work(self):
        plan.run_due(self.now, chance=lambda: 0.5)
        delivery.deliver_due(self.now, chance=lambda: 0.5)

    def silence(self):
        self.now += timedelta(minutes=31)
        escalation.sweep(self.now)
        item_clocks.keep(self.now)
        item_rungs.climb_due(self.now)

    def away(self):
        Absence.objects.create(owner=self.person(), starts_at=self.now, ends_at=self.now + timedelta(hours=2))

    def leave(self):
        person = self.person()
        person.state = self.chance.choice(["active", "active", "inactive"])
        person.save()

    def what_counts(self):
        """Until when a lead is open, which type fills caps, whose place has caps, whose day begins when."""
        until = self.chance.choice(["closed", "touched"])
        Installation.objects.update_or_create(id=1, defaults={"open_until": until})
        kind = LeadType.objects.get(key="webinar")
        kind.fills_caps = self.chance.random() < 0.5
        kind.save()
        place = self.chance.choice(PoolMember.objects.order_by("id"))
        place.cap_open, place.cap_week = self.chance.choice([(None, None), (5, None), (3, 9)])
        place.save()
        person = self.person()
        person.refresh_from_db()
        person.time_zone = self.chance.choice(["UTC", "Asia/Tokyo", "America/Los_Angeles"])
        person.save()

    def rules(self):
        draft = copy_to_draft(decided_version())
        draft.purpose = "Again."
        draft.save()
        draft.rules.filter(step="round_robin_pool").update(enabled=self.chance.random() < 0.8)
        publish(draft, None, self.now)


def decided_version():
    return Decision._meta.get_field("version").related_model.objects.get(state="published")


THINGS = (
    ["post"] * 9 + ["claim"] * 4
    + ["assign", "hand_over", "nurture_item", "reject_item", "nurture", "away", "leave", "rules"]
    + ["what_counts"] * 3
    + ["reassign", "decline", "close", "mend", "again"] * 2 + ["touch", "accept", "work", "silence"] * 3
)  # fmt: skip


def broken():
    """Every promise that does not hold, in words."""
    yield from _ownership()
    yield from _numbers()
    yield from _what_is_owed()
    if differences := verify().differences:
        yield f"does not replay: {differences}"


def _ownership():
    active = set(Owner.objects.filter(state="active").values_list("id", flat=True))
    for lead in Lead.objects.annotate(
        items=Count("review_items", filter=Q(review_items__state="open"), distinct=True),
        own_items=Count(
            "review_items", filter=Q(review_items__state="open") & ~Q(review_items__reason__in=STAYING), distinct=True
        ),
    ):
        if lead.state == "review" and (lead.owner_id is not None or not lead.own_items):
            yield f"lead {lead.pk} is in review with owner {lead.owner_id} and {lead.own_items} items"
        if lead.state != "review" and lead.own_items:
            yield f"lead {lead.pk} is {lead.state} and has {lead.own_items} open items"
        if lead.state == "assigned" and lead.owner_id is None:
            yield f"lead {lead.pk} has no owner"
    named = set(ReviewItem.objects.filter(state="open").values_list("owner", flat=True))
    if active and not named & active and named:
        yield f"nobody active is named in any of the open items: {named}"


def _numbers():
    touched = Installation.objects.filter(open_until="touched").exists()
    unfilling = LeadType.objects.filter(fills_caps=False).values_list("key", flat=True)
    counted, by_place = Counter(), Counter()
    for lead in Lead.objects.filter(state="assigned", is_test=False).select_related("member"):
        if lead.lead_type not in unfilling and not (touched and lead.touched_at):
            counted[lead.owner_id] += 1
            if lead.member and {lead.member.cap_open, lead.member.cap_day, lead.member.cap_week} != {None}:
                by_place[lead.member_id] += 1
    loads = {owner: count for owner, count in OwnerLoad.objects.values_list("owner", "open_leads") if count}
    if loads != dict(counted):
        yield f"loads {loads} are not the open leads {dict(counted)}"
    places = {member: count for member, count in MemberLoad.objects.values_list("member", "open_leads") if count}
    if places != dict(by_place):
        yield f"loads of members {places} are not the open leads {dict(by_place)}"
    if wrong := drift():
        yield f"loads are not what the rows say: {wrong}"
    if recount():
        yield "counting anew changed something"
    sums = Counter()
    for member, amount in LedgerEntry.objects.values_list("member", "amount"):
        sums[member] += Fraction(amount)
    standing = {member: Fraction(v) for member, v in RotationState.objects.values_list("member", "v")}
    if standing != {member: sums[member] for member in standing}:
        yield f"standing {standing} is not the ledger {sums}"


def _what_is_owed():
    item_clocks.keep(NOW + timedelta(days=365))
    if late := SlaClock.objects.filter(item__state="closed").exclude(next_rung_at=None).count():
        yield f"{late} clocks of closed items run"
    for item in ReviewItem.objects.filter(state="open").exclude(clocks__answered_at=None, clocks__isnull=False):
        yield f"item {item.pk} is open without a clock"
    running = SlaClock.objects.filter(state="running")
    for clock in running.filter(kind="assigned").exclude(lead__owner=None):
        yield f"lead {clock.lead_id} has an owner, and its clock waits for one"
    for clock in running.filter(kind__in=SlaClock.OF_OWNER).select_related("lead"):
        if clock.lead.state != "assigned" or clock.owner_id != clock.lead.owner_id:
            yield f"clock {clock.pk} of {clock.owner_id} runs on lead {clock.lead_id}: {clock.lead.state}"
    for row in Delivery.objects.filter(kind="assignment", state__in=["blocked", "owed"]).select_related(
        "decision__lead"
    ):
        if row.decision.lead.owner_id != row.owner_id:
            yield f"delivery {row.pk} tells {row.owner_id} of a lead of {row.decision.lead.owner_id}"
    newest = dict(Decision.objects.exclude(status="appended").order_by("id").values_list("lead", "id"))
    for action in PlanAction.objects.filter(state="pending").select_related("decision"):
        if newest[action.decision.lead_id] != action.decision_id:
            yield f"action {action.pk} of an earlier decision still waits"
    owned = Counter(Fact.objects.filter(kind="owned").values_list("decision", flat=True))
    assigning = Decision.objects.filter(status="assigned", lead__is_test=False).values_list("id", flat=True)
    if owned != Counter(assigning):
        yield "facts of ownership are not one for each decision that gave an owner"


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_the_promises_hold(seed):
    history = History(seed, make_everybody())
    for number in range(STEPS):
        history.step()
        if FULL and number % 10 == 0:
            assert list(broken()) == [], (number, history.done)
    assert list(broken()) == [], history.done
    assert history.done["post"] > 3
