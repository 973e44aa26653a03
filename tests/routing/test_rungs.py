"""What a rung does: every move, found or not; priorities; ladders of several rungs; reminders in working hours."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from leads.models import Lead
from routing import acts, escalation, touch
from routing.delivery import deliver_due
from routing.desk import desk_of
from routing.escalation import MOVES, Swept, keep_up, sweep
from routing.explain import explain
from routing.loads import drift
from routing.models import Decision, Delivery, Escalation, Fact, LedgerEntry, ReviewItem, SlaClock, SlaPolicy
from routing.replay import verify
from routing.rulebook import publish
from tests.builders import NOW, make_owner, make_pool, make_rule, make_version
from tests.routing.ladders import MINUTE, by, change, clocks, ladder, make_company, owned, rungs, told, works

pytestmark = pytest.mark.django_db
HALF_HOUR = 30 * MINUTE
SECOND = timedelta(seconds=1)


@pytest.fixture
def people():
    return make_company()


@pytest.fixture
def pooled(people):
    """Leads come by turn: to Elena, Marco, then Nora."""
    people.nora = make_owner("nora", people.team)
    people.pool = make_pool("inbound", [people.elena, people.marco, people.nora], team=people.team)
    version = make_version(people.rita)
    make_rule(version, "round_robin_pool", "pool", pool=people.pool)
    publish(version, None, NOW)
    return people


def owner_of(lead):
    lead.refresh_from_db()
    return lead.owner.key if lead.owner else lead.state


def notes(**of):
    return list(Escalation.objects.filter(**of).order_by("id").values_list("note", flat=True))


# Moves -----------------------------------------------------------------------------------------------------


def test_next_member_gets_the_turn_until_all_were_tried_and_then_the_person_named(pooled):
    ladder("no_activity", {"percent": 100, "tell_lead": True, "move": "member"}, {"percent": 200, "move": "member"})
    [lead] = owned()
    assert owner_of(lead) == "elena"
    assert sweep(NOW + HALF_HOUR) == Swept(moved=1)
    lead.refresh_from_db()
    assert (lead.owner.key, lead.member.owner.key, lead.member.pool) == ("marco", "marco", pooled.pool)
    assert lead.reason == (
        "Moved on because it is Marco’s turn in Inbound, and nobody acted on it for 30 minutes of working time."
    )
    assert told() == [("moved", "elena", ""), ("escalation", "lena", "moved")]
    assert sweep(NOW + 60 * MINUTE).moved == 1
    assert owner_of(lead) == "nora"
    assert sweep(NOW + 90 * MINUTE) == Swept(reviewed=1)  # moved as often as the ladder has moving rungs
    item = ReviewItem.objects.get()
    assert (item.owner.key, owner_of(lead)) == ("rita", "review")
    assert item.detail == "nobody acted on it for 30 minutes of working time, for the third time"
    charged = LedgerEntry.objects.filter(kind="charge").order_by("id").values_list("member__owner__key", flat=True)
    assert list(charged) == ["elena", "marco", "nora"]  # whoever let it lie stays charged
    assert (verify(), drift()) == ((4, []), [])


def test_member_asks_what_the_rule_asked(pooled):
    version = make_version(pooled.rita)
    make_rule(version, "round_robin_pool", "pool", pool=pooled.pool, require_language=True)
    publish(version, None, NOW)
    for owner in (pooled.elena, pooled.nora):
        change(owner, languages=["de"])
    ladder("no_activity", {"percent": 100, "move": "member"})
    [lead] = owned(language="de")
    assert owner_of(lead) == "elena"
    sweep(NOW + HALF_HOUR)
    assert owner_of(lead) == "nora"
    assert verify() == (2, [])


def test_lead_that_no_turn_brought_goes_to_the_pool_of_its_rule(pooled):
    ladder("no_activity", {"percent": 100, "move": "member"}, {"percent": 150, "move": "member"})
    [lead] = owned()
    acts.reassign(lead.pk, pooled.lena.pk, by(pooled.marco), "she knows them", NOW)
    assert sweep(NOW + HALF_HOUR).moved == 1
    assert owner_of(lead) == "marco"  # Elena had it


def test_move_that_finds_nobody_leaves_the_lead_until_the_last_one_that_ends_with_the_person_named(people):
    ladder(
        "no_activity", {"percent": 50, "move": "member"}, {"percent": 100, "tell_lead": True, "move": "cover"},
        {"percent": 150, "move": "cover"},
    )  # fmt: skip
    change(people.elena, cover=None)
    [lead] = owned()
    assert sweep(NOW + 15 * MINUTE) == Swept(told=1)
    assert sweep(NOW + 30 * MINUTE) == Swept(breached=1)
    assert told() == [("escalation", "lena", "no_activity:100")]
    assert owner_of(lead) == "elena"
    assert notes() == [
        "the lead stays: no pool brought it, which would have another member",
        "the lead stays: nobody covers for Elena",
    ]
    assert "nobody covers for Elena" in explain(lead.pk, NOW + HALF_HOUR)
    assert Decision.objects.count() == 1
    assert sweep(NOW + 45 * MINUTE) == Swept(reviewed=1)
    item = ReviewItem.objects.get()
    assert (item.owner, item.detail) == (
        people.rita, "nobody acted on it for 45 minutes of working time, and nobody covers for Elena",
    )  # fmt: skip
    assert clocks(lead)[-1] == ("elena", "no_activity", "breached")
    assert sweep(NOW + timedelta(days=2)).rungs == 0


@pytest.mark.parametrize(
    ("fields", "state", "owner", "swept"),
    [
        ({}, "assigned", "nora", Swept(moved=1)),
        ({"method": "claim"}, "held", None, Swept(queued=1)),
        ({"when_empty": "hold", "closed": True}, "held", None, Swept(queued=1)),
        ({"when_empty": "fallback", "fallback": True, "closed": True}, "assigned", "marco", Swept(moved=1)),
        ({"closed": True}, "review", None, Swept(reviewed=1)),
    ],
)
def test_another_pool_takes_it_by_turn_or_as_it_says_for_when_nobody_is_there(people, fields, state, owner, swept):
    nora = make_owner("nora", people.team)
    if fields.pop("closed", False):
        change(nora, state="inactive")
    if fields.pop("fallback", False):
        fields["fallback_owner"] = people.marco
    pool = make_pool("second", [nora], named_owner=people.rita, **fields)
    ladder("no_activity", {"percent": 100, "move": "pool", "pool": pool})
    [lead] = owned()
    assert sweep(NOW + HALF_HOUR) == swept
    lead.refresh_from_db()
    assert (lead.state, lead.owner.key if lead.owner else None) == (state, owner)
    assert (verify(), drift()) == ((2, []), [])


def test_queue_of_a_team_is_its_claim_pool_or_else_its_lead(people):
    ladder("no_activity", {"percent": 100, "move": "queue"}, {"percent": 150, "move": "named"})
    owned()
    assert sweep(NOW + HALF_HOUR) == Swept(reviewed=1)
    item = ReviewItem.objects.get()
    assert (item.owner, item.detail) == (
        people.lena,
        "nobody acted on it for 30 minutes of working time, and it waits in the queue of Sales",
    )
    change(
        people.team,
        default_pool=make_pool(
            "hands", [people.marco, people.elena], method="claim", team=people.team, named_owner=people.lena
        ),
    )
    [other] = owned(first=1)
    assert sweep(NOW + HALF_HOUR) == Swept(queued=1)
    other.refresh_from_db()
    assert (other.state, other.owner) == ("held", None)
    assert other.reason == (
        "Waits to be claimed by somebody of Hands, because nobody acted on it for 30 minutes of working time;"
        " Lena answers for it."
    )
    acts.claim(ReviewItem.objects.get(lead=other).pk, by(people.marco), NOW + HALF_HOUR)
    assert owner_of(other) == "marco"
    assert sweep(NOW + 60 * MINUTE) == Swept(queued=1)  # new clocks, and the rung is there once more
    assert verify()[1] == []


def test_person_named_gets_it_for_review_and_whoever_is_there_where_they_left(people):
    ladder("no_activity", {"percent": 100, "move": "named"}, named=people.marco)
    owned()
    assert sweep(NOW + HALF_HOUR) == Swept(reviewed=1)
    assert ReviewItem.objects.get().owner == people.marco
    change(people.marco, state="departed")
    owned(first=1)
    assert sweep(NOW + HALF_HOUR) == Swept(reviewed=1)
    assert ReviewItem.objects.order_by("id").last().owner == people.lena


# Several rungs, priorities ---------------------------------------------------------------------------------


def test_five_rungs_are_climbed_once_each_in_order_minute_by_minute(people):
    ladder(
        "no_activity", {"percent": 50, "remind": True}, {"minutes": 10, "remind": True},
        {"percent": 100, "tell_lead": True, "priority": 1}, {"percent": 150, "tell_lead": True, "priority": 2},
        {"percent": 200, "move": "cover", "tell_lead": True},
    )  # fmt: skip
    [lead] = owned()
    seen = []
    for minute in range(70):
        if sweep(NOW + minute * MINUTE).rungs:
            lead.refresh_from_db()
            seen.append((minute, lead.priority, lead.owner.key))
    assert seen == [
        (10, 0, "elena"), (15, 0, "elena"), (30, 1, "elena"), (45, 2, "elena"), (60, 2, "marco"),
    ]  # fmt: skip
    assert rungs(clock__owner=people.elena) == [
        ("no_activity", -10, "remind", 0), ("no_activity", 50, "remind", 0), ("no_activity", 100, "breach", 0),
        ("no_activity", 150, "tell", 0), ("no_activity", 200, "move", 0),
    ]  # fmt: skip
    assert notes(clock__owner=people.elena) == ["", "", "priority at least high", "priority at least urgent", ""]
    assert told(kind="reminder") == [("reminder", "elena", "no_activity:-10"), ("reminder", "elena", "no_activity:50")]
    lead.refresh_from_db()
    assert (lead.reason, lead.priority) == (
        "Moved to Marco, who covers for Elena, because nobody acted on it for 60 minutes of working time.", 2,
    )  # fmt: skip


def test_late_sweep_climbs_all_rungs_that_are_due_and_stops_at_the_move(people):
    ladder(
        "no_activity",
        {"percent": 50, "remind": True},
        {"percent": 100, "move": "cover"},
        {"percent": 300, "move": "named"},
    )
    [lead] = owned()
    assert sweep(NOW + timedelta(days=1)) == Swept(reminded=1, moved=1)
    assert notes() == ["not told: the lead moved on in the same breath", ""]
    assert [late for *_, late in rungs()] == [24 * 3600 - 900, 24 * 3600 - 1800]
    assert owner_of(lead) == "marco"


def test_desk_shows_leads_of_higher_priority_first(people):
    ladder("no_activity", {"percent": 50, "priority": 2})
    [first] = owned()
    [second] = owned(first=1, now=NOW + MINUTE)
    Lead.objects.filter(pk=second.pk).update(priority=1)
    desk = desk_of(people.elena.pk, NOW + MINUTE, UTC)
    assert [row.lead for group in desk.groups for row in group.work] == [second, first]
    assert sweep(NOW + 15 * MINUTE) == Swept(told=1)
    desk = desk_of(people.elena.pk, NOW + 15 * MINUTE, UTC)
    assert [(row.lead, row.lead.priority) for group in desk.groups for row in group.work] == [(first, 2), (second, 1)]


def test_two_clocks_of_a_lead_breach_on_their_own_with_a_reassignment_in_between(people):
    """The clocks of the new owner start anew; those of the former one end."""
    SlaPolicy.objects.create(key="both", name="Both", first_touch_minutes=20, no_activity_minutes=40)
    [lead] = owned()
    sweep(NOW + 20 * MINUTE)
    acts.reassign(lead.pk, people.marco.pk, by(people.lena), "his language", NOW + 25 * MINUTE)
    for minute in range(26, 66):
        sweep(NOW + minute * MINUTE)
    assert rungs() == [
        ("first_touch", 80, "remind", 240), ("first_touch", 100, "breach", 0), ("no_activity", 50, "remind", 0),
        ("first_touch", 80, "remind", 0), ("first_touch", 100, "breach", 0), ("no_activity", 50, "remind", 0),
        ("no_activity", 100, "review", 0),
    ]  # fmt: skip
    assert list(Fact.objects.filter(kind="breached").order_by("id").values_list("owner__key", "detail", "at")) == [
        ("elena", "first_touch", NOW + 20 * MINUTE), ("marco", "first_touch", NOW + 45 * MINUTE),
        ("marco", "no_activity", NOW + 65 * MINUTE),
    ]  # fmt: skip
    assert clocks(lead) == [
        ("elena", "first_touch", "breached"), ("elena", "no_activity", "cancelled"),
        ("marco", "first_touch", "breached"), ("marco", "no_activity", "breached"),
    ]  # fmt: skip


# Reminders -------------------------------------------------------------------------------------------------


def test_reminder_waits_for_the_owners_hours_and_is_dropped_when_they_begin_too_late(people):
    works(people.elena)
    works(people.marco)
    evening = NOW.replace(hour=15, minute=0)  # 16:00 in Berlin; the office closes at 17:30
    morning = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    ladder(
        "no_activity", {"minutes": 120, "remind": True, "tell_lead": True}, {"minutes": 1020, "remind": True},
        real_time=True, no_activity_minutes=1080,
    )  # fmt: skip
    [lead, answered] = owned(2, now=evening)
    at = evening + 120 * MINUTE
    assert sweep(at).reminded == 2
    assert notes() == ["the owner is told at 2026-11-24 08:00 UTC, when they work again"] * 2
    deliver_due(at)
    assert set(told(state="sent")) == {("escalation", "lena", "no_activity:-120")}
    assert set(told(state="owed")) == {("reminder", "elena", "no_activity:-120")}
    touch.record(answered.pk, "call", by(people.elena), at + MINUTE)
    deliver_due(morning - SECOND)
    assert not Delivery.objects.filter(kind="reminder", state="sent").exists()
    deliver_due(morning)
    assert told(kind="reminder", state="sent", decision__lead=lead) == [("reminder", "elena", "no_activity:-120")]
    late = Delivery.objects.filter(kind="reminder", decision__lead=answered).values_list("state", "error")
    assert list(late.order_by().distinct()) == [("dropped", "not sent: somebody had acted meanwhile")]


def test_reminder_is_left_out_when_the_time_ends_before_the_owner_works_again(people):
    works(people.elena)
    ladder("no_activity", {"percent": 50, "remind": True}, {"percent": 100, "remind": True}, real_time=True)
    closing = NOW.replace(hour=16, minute=20)
    owned(now=closing)
    sweep(closing + 15 * MINUTE)
    sweep(closing + 30 * MINUTE)
    assert notes() == [
        "not told: the owner works again only when the time is over",
        "the owner is told at 2026-11-24 08:00 UTC, when they work again",
    ]
    assert told() == [("escalation", "elena", "no_activity:100")]


# The machine ------------------------------------------------------------------------------------------------


def test_clock_of_the_machine_that_steps_back_an_hour_or_forward_a_day_does_no_harm(people):
    ladder(
        "no_activity",
        {"percent": 50, "remind": True},
        {"percent": 100, "remind": True},
        {"percent": 200, "move": "cover"},
    )
    owned(2)
    steps = [15, -45, 14, 16, 31, -29, 30, 59, 24 * 60, 25]
    swept = [sweep(NOW + step * MINUTE).rungs for step in steps]
    assert swept == [2, 0, 0, 0, 2, 0, 0, 0, 2, 0]
    late = Escalation.objects.filter(action="move").values_list("late_seconds", flat=True)
    assert list(late) == [23 * 3600] * 2
    assert not Escalation.objects.filter(fired_at__lt=NOW).exists()


def test_worker_keeps_up_by_the_present_until_nothing_is_due(people, monkeypatch):
    monkeypatch.setattr(escalation, "BATCH", 4)
    owned(3)
    times = iter([NOW + minute * MINUTE for minute in (15, 16, 17, 18)])
    assert keep_up(lambda: next(times)) == 9
    late = Escalation.objects.order_by("id").values_list("rung", "late_seconds")
    assert list(late) == [(80, 180)] * 3 + [(100, 0), (50, 0), (100, 0), (100, 0)] + [(50, 60)] * 2


def test_more_than_a_hundred_leads_move_in_several_transactions_and_reminders_need_no_writer_lock(people, monkeypatch):
    taken = []
    writing = escalation.writing
    monkeypatch.setattr(escalation, "writing", lambda: taken.append(1) or writing())
    owned(MOVES + 20)
    assert sweep(NOW + 15 * MINUTE, limit=10_000).rungs == 2 * (MOVES + 20) + MOVES + 20
    assert taken == []
    assert sweep(NOW + HALF_HOUR, limit=10_000).moved == MOVES + 20
    assert len(taken) == 2


def test_thousand_reminders_cost_the_statements_of_two(people):
    counts = []
    for number, leads in enumerate((2, 200)):
        now = NOW + timedelta(days=number)
        owned(leads, now=now, first=1000 * number)
        seen = []
        with connection.execute_wrapper(lambda run, sql, *args: seen.append(sql) or run(sql, *args)):  # noqa: B023
            assert sweep(now + 15 * MINUTE).reminded == 2 * leads
        counts.append(len(seen))
        SlaClock.objects.update(state="cancelled", ended_at=now + timedelta(days=1), next_rung_at=None)
    assert counts[0] <= 20
    assert counts[1] - counts[0] <= (4 if connection.vendor == "sqlite" else 0)
