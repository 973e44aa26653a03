"""Caps, hours, absences, people who left, empty pools, deleted stages: over HTTP, with what is stored."""

from datetime import timedelta

import pytest
from django.utils import timezone

from leads.models import Contact, Deal, Lead
from owners.models import Absence, Owner, WeeklyHours
from routing.engine.eligibility import CHECKS
from routing.models import Delivery, LedgerEntry, OwnerLoad, PlanAction, ReviewItem, SlaClock, SlaPolicy
from routing.replay import verify
from routing.rulebook import publish
from tests.builders import (
    NOW,
    make_company,
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
)  # fmt: skip
from tests.flows.test_nine_steps import decided, post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def replays():
    yield
    assert verify().differences == []


@pytest.fixture
def elena():
    elena = make_owner("elena", make_team("sales"))
    make_source("web", elena)
    return elena


def away(owner, until=timedelta(days=1)):
    now = timezone.now()
    Absence.objects.create(owner=owner, starts_at=now - timedelta(hours=1), ends_at=now + until)


def leads(count, start=0):
    return [decided({"email": f"buyer{number}@new{number}.example"}) for number in range(start, start + count)]


def test_a_cap_is_never_exceeded_and_the_rest_goes_to_review(elena):
    ben = make_owner("ben", cap_open=2)
    cleo = make_owner("cleo", cap_day=1)
    publish_pool_rule(elena, make_pool("inbound", [ben, cleo]))
    owners = [found["target_owner_id"] for found in leads(5)]
    assert owners == [ben.pk, cleo.pk, ben.pk, None, None]
    assert dict(OwnerLoad.objects.values_list("owner__key", "open_leads")) == {"ben": 2, "cleo": 1}
    items = ReviewItem.objects.filter(reason="no_valid_owner")
    assert items.count() == 2
    assert {item.owner for item in items} == {elena}
    assert all(item.due_at > item.opened_at for item in items)


def test_the_failed_check_of_a_full_owner_is_in_the_document(elena):
    publish_pool_rule(elena, make_pool("inbound", [make_owner("ben", cap_open=0), elena]))
    candidates = post({"email": "a@b.example"}).json()["decision"]["candidates"]
    checks = {row["name"]: (row["checks"]["within_caps"], row["failed"]) for row in candidates}
    assert checks == {"Ben": (False, {"within_caps": "0 of 0 open leads"}), "Elena": (True, {})}
    assert all(list(row["checks"]) == list(CHECKS) for row in candidates)


def test_a_week_cap_binds(elena):
    ben = make_owner("ben", cap_week=1)
    publish_pool_rule(elena, make_pool("inbound", [ben]))
    assert [found["routing_status"] for found in leads(2)] == ["assigned", "review"]


def test_members_share_by_weight_and_every_change_is_a_ledger_row(elena):
    ben, cleo = make_owner("ben"), make_owner("cleo")
    publish_pool_rule(elena, make_pool("inbound", [ben, cleo], [2, 1]))
    owners = [found["target_owner_id"] for found in leads(6)]
    assert (owners.count(ben.pk), owners.count(cleo.pk)) == (4, 2)
    rows = LedgerEntry.objects.order_by("id").values_list("member__owner__key", "kind", "amount")
    assert list(rows[:3]) == [("ben", "join", "0"), ("cleo", "join", "0"), ("ben", "charge", "1/2")]
    assert LedgerEntry.objects.filter(kind="charge").count() == 6


def test_an_absent_member_gets_nothing_until_back(elena):
    ben = make_owner("ben")
    publish_pool_rule(elena, make_pool("inbound", [ben, elena]))
    away(ben)
    assert [found["target_owner_id"] for found in leads(2)] == [elena.pk, elena.pk]
    Absence.objects.all().delete()
    assert [found["target_owner_id"] for found in leads(2, start=2)] == [ben.pk, elena.pk]


@pytest.mark.parametrize(("keeps_hours", "status"), [(True, "review"), (False, "assigned")])
def test_hours_bind_in_pools_that_keep_them(elena, keeps_hours, status):
    tomorrow = (timezone.now() + timedelta(days=1)).weekday()
    ben = make_owner("ben")
    WeeklyHours.objects.create(owner=ben, weekday=(tomorrow + 1) % 7, start_minute=0, end_minute=60)
    publish_pool_rule(elena, make_pool("inbound", [ben], keeps_hours=keeps_hours))
    assert leads(1)[0]["routing_status"] == status


def publish_owner_rule(answerable, target="owner", **fields):
    version = make_version(answerable)
    make_rule(version, "manual_review", target, **fields)
    return publish(version, None, NOW)


def test_an_owner_who_left_gives_way_to_cover_rule_team_then_review(elena):
    team = make_team("field")
    cover, of_rule, of_team = make_owner("cover"), make_owner("of_rule"), make_owner("of_team")
    ben = make_owner("ben", team, cover=cover)
    team.fallback_owner = of_team
    team.save()
    publish_owner_rule(elena, owner=ben, fallback_owner=of_rule)
    Owner.objects.filter(pk=ben.pk).update(state="departed")
    found = []
    for number, leaves in enumerate((cover, of_rule, of_team, None)):
        decision = leads(1, start=number)[0]
        found.append((decision["target_owner_id"], decision["route_flag"], decision["routing_status"]))
        if leaves:
            Owner.objects.filter(pk=leaves.pk).update(state="inactive")
    assert found == [
        (cover.pk, "fallback", "assigned"), (of_rule.pk, "fallback", "assigned"), (of_team.pk, "fallback", "assigned"),
        (None, "exception", "review"),
    ]  # fmt: skip
    item = ReviewItem.objects.get()
    assert (item.owner, item.reason) == (elena, "no_valid_owner")
    assert "Ben is departed, and nobody could stand in" in item.detail


@pytest.mark.parametrize(
    ("on_nobody", "status", "owner"),
    [("", "assigned", "fallback"), ("review", "review", None), ("next_step", "assigned", "last")],
)
def test_a_pool_with_nobody_follows_the_rules_policy_before_its_own(elena, on_nobody, status, owner):
    people = {"fallback": make_owner("fallback"), "last": make_owner("last")}
    ben = make_owner("ben", state="inactive")
    pool = make_pool("inbound", [ben], when_empty="fallback", fallback_owner=people["fallback"])
    version = make_version(elena)
    make_rule(version, "round_robin_pool", "pool", pool=pool, on_nobody=on_nobody)
    make_rule(version, "manual_review", "owner", owner=people["last"])
    publish(version, None, NOW)
    found = leads(1)[0]
    assert (found["routing_status"], found["target_owner_id"]) == (status, people[owner].pk if owner else None)
    assert LedgerEntry.objects.count() == 0


def test_a_pool_without_any_member_is_review_with_a_named_owner_and_a_due_time(elena):
    pool = make_pool("inbound", [elena])
    publish_pool_rule(elena, pool)
    pool.members.all().delete()
    assert leads(1)[0]["review_reason"] == "no_valid_owner"
    item = ReviewItem.objects.get()
    assert (item.owner, item.due_at > item.opened_at) == (elena, True)


def test_a_customers_owner_gets_the_lead_over_cap_and_out_of_hours_and_is_charged_nothing(elena):
    ben = make_owner("ben", cap_open=0)
    WeeklyHours.objects.create(owner=ben, weekday=(timezone.now().weekday() + 2) % 7, start_minute=0, end_minute=60)
    make_company("customer.example", owner=ben, is_customer=True)
    version = make_version(elena)
    make_rule(version, "existing_customer_owner", "customer_owner")
    publish(version, None, NOW)
    document = post({"email": "x@customer.example"}).json()["decision"]
    assert document["routing_decision"]["target_owner_id"] == ben.pk
    noted = document["preflight_checks"]["owner_validation"]["noted"]
    assert noted == {"within_caps": "0 of 0 open leads", "present": "is outside working hours"}
    assert LedgerEntry.objects.count() == 0


def test_a_customers_owner_on_leave_gives_way(elena):
    cover = make_owner("cover")
    ben = make_owner("ben", cover=cover)
    away(ben)
    make_company("customer.example", owner=ben, is_customer=True)
    version = make_version(elena)
    make_rule(version, "existing_customer_owner", "customer_owner")
    publish(version, None, NOW)
    found = decided({"email": "x@customer.example"})
    assert (found["target_owner_id"], found["hierarchy_step"]) == (cover.pk, "existing_customer_owner")


# Stages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", ["stage", "pipeline"])
def test_a_deleted_stage_or_pipeline_sets_the_owner_stops_the_plan_and_tells_the_operator(elena, gone):
    ben = make_owner("ben")
    pipeline = make_pipeline("sales", "new")
    publish_owner_rule(elena, owner=ben, pipeline=pipeline, stage=pipeline.stages.get(), sequence="fast")
    (pipeline.stages.get() if gone == "stage" else pipeline).delete()
    document = post({"email": "a@new.example"}).json()["decision"]
    found = document["routing_decision"]
    assert (found["routing_status"], found["target_owner_id"], found["route_flag"]) == ("assigned", ben.pk, "exception")
    assert [row["action"] for row in document["crm_execution_plan"]] == ["update_contact_owner"]
    assert document["preflight_checks"]["pipeline_validation"]["status"] == "missing"
    lead = Lead.objects.get()
    assert (lead.owner, lead.contact.owner, Deal.objects.count(), PlanAction.objects.count()) == (ben, ben, 0, 0)
    item = ReviewItem.objects.get()
    assert (item.reason, item.owner, item.lead, item.state) == ("pipeline_stage_mismatch", elena, lead, "open")
    assert item.due_at > item.opened_at
    owed = Delivery.objects.values_list("kind", "channel", "owner", "state")
    assert sorted(owed) == [("operator", "email", elena.pk, "owed"), ("operator", "in_app", elena.pk, "owed")]
    assert SlaClock.objects.count() == 2


def test_a_stage_that_is_put_back_works_again(elena):
    pipeline = make_pipeline("sales", "new")
    publish_owner_rule(elena, owner=elena, pipeline=pipeline, stage=pipeline.stages.get())
    pipeline.stages.get().delete()
    assert leads(1)[0]["review_reason"] == "pipeline_stage_mismatch"
    pipeline.stages.create(key="new", name="new")
    assert leads(1, start=1)[0]["review_reason"] is None
    assert Deal.objects.get().stage.key == "new"


def test_an_open_deal_of_a_person_follows_the_new_owner(elena):
    ben = make_owner("ben", state="departed")
    pipeline = make_pipeline("sales", "new")
    make_deal(pipeline, contact=make_contact("a@new.example"), owner=ben)
    publish_owner_rule(elena, owner=elena, pipeline=pipeline, stage=pipeline.stages.get())
    assert decided({"email": "a@new.example"})["target_owner_id"] == elena.pk
    assert (Deal.objects.get().owner, Contact.objects.get().owner) == (elena, elena)


def test_review_time_and_clocks_come_from_the_policy(elena):
    SlaPolicy.objects.create(
        key="slow", name="Slow", first_touch_minutes=120, no_activity_minutes=240, review_minutes=7, real_time=True
    )
    publish_owner_rule(elena, owner=elena)
    found = leads(1)[0]
    assert found["sla_policy"] == "slow"
    budgets = SlaClock.objects.order_by("kind").values_list("kind", "budget_seconds", "real_time")
    assert list(budgets) == [("first_touch", 7200, True), ("no_activity", 14400, True)]
    assert all(
        clock.due_at - clock.started_at == timedelta(seconds=clock.budget_seconds) for clock in SlaClock.objects.all()
    )
    Owner.objects.update(accepts_leads=False)
    leads(1, start=1)
    item = ReviewItem.objects.get()
    assert item.due_at - item.opened_at == timedelta(minutes=7)


def test_an_owner_with_an_impossible_calendar_stops_nobody(elena):
    ben = make_owner("ben")
    Absence.objects.create(owner=ben, starts_at=NOW - timedelta(days=9), ends_at=NOW + timedelta(days=365 * 40))
    publish_pool_rule(elena, make_pool("inbound", [ben, elena]))
    assert leads(1)[0]["target_owner_id"] == elena.pk
    Owner.objects.filter(pk=elena.pk).update(accepts_leads=False)
    WeeklyHours.objects.all().delete()
    Absence.objects.create(owner=elena, starts_at=NOW - timedelta(days=9), ends_at=NOW + timedelta(days=365 * 40))
    assert leads(1, start=1)[0]["reviewer_id"] == elena.pk


def test_overlapping_hours_of_one_owner_do_not_stop_the_routing_of_everybody(elena):
    ben = make_owner("ben")
    for start in (540, 600):
        WeeklyHours.objects.create(owner=ben, weekday=0, start_minute=start, end_minute=1020)
    publish_pool_rule(elena, make_pool("inbound", [elena]))
    assert post({"email": "a@new.example"}).status_code == 201
