"""The ladder's rungs: when each is due, who is told, where a silent lead goes; once each, never early, in order."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction

from leads.models import Lead
from owners.models import Absence, Owner, User
from routing import acts, item_clocks, item_rungs, overdue, rung_moves, touch
from routing.delivery import deliver_due
from routing.escalation import Swept, sweep
from routing.models import Escalation, ReviewItem, SlaClock, SlaPolicy
from routing.replay import verify
from routing.rulebook import publish
from routing.worker import PARTS
from tests.builders import NOW, make_rule, make_version
from tests.builders import make_company as make_buyer
from tests.routing.batches import waiting
from tests.routing.ladders import MINUTE, by, change, clocks, make_company, owned, rungs, told, works

pytestmark = pytest.mark.django_db
HALF_HOUR = 30 * MINUTE
SECOND = timedelta(seconds=1)
AT_THE_END = [
    ("first_touch", 80, "remind", 18 * 60), ("first_touch", 100, "breach", 15 * 60),
    ("no_activity", 50, "remind", 15 * 60),
]  # fmt: skip


@pytest.fixture
def people():
    return make_company()


def due_rows():
    return SlaClock.objects.filter(state="running", next_rung_at__isnull=False).count()


# When ------------------------------------------------------------------------------------------------------


def test_half_hour_of_working_time_goes_on_the_next_morning(people):
    works(people.elena)
    works(people.marco)
    berlin = NOW.replace(hour=16, minute=20)  # 17:20 in Berlin, ten minutes before the office closes
    [lead] = owned(now=berlin)
    morning = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # 09:00
    assert sweep(berlin + 9 * MINUTE).rungs == 0
    assert sweep(berlin + HALF_HOUR).rungs == 0
    hints = SlaClock.objects.exclude(kind="assigned").order_by("kind").values_list("next_rung_at", flat=True)
    assert list(hints) == [morning + 2 * MINUTE, morning + 5 * MINUTE]
    assert sweep(morning + 2 * MINUTE - SECOND).rungs == 0
    assert sweep(morning + 2 * MINUTE) == Swept(reminded=1)
    assert sweep(morning + 5 * MINUTE) == Swept(reminded=1, breached=1)
    assert sweep(morning + 20 * MINUTE - SECOND).rungs == 0
    assert sweep(morning + 20 * MINUTE) == Swept(moved=1)
    lead.refresh_from_db()
    assert lead.owner == people.marco
    assert {late for *_, late in rungs()} == {0}


def test_critical_leads_count_nights_too(people):
    works(people.elena)
    works(people.marco)
    berlin = NOW.replace(hour=16, minute=20)  # ten minutes before the office closes
    owned(now=berlin, urgency="critical")
    assert sweep(berlin + HALF_HOUR).reviewed == 1
    item = ReviewItem.objects.get()
    assert item.detail == "nobody acted on it for 30 minutes, and Marco, who covers, is outside working hours"


def test_touch_one_second_before_the_end_stops_and_one_at_the_sweep_is_late(people):
    [in_time, at_the_end, late] = owned(3)
    touch.record(in_time.pk, "call", by(people.elena), NOW + HALF_HOUR - SECOND)
    touch.record(at_the_end.pk, "email", by(people.elena), NOW + HALF_HOUR)
    assert sweep(NOW + HALF_HOUR).moved == 1
    touch.record(late.pk, "call", by(people.elena), NOW + HALF_HOUR)
    ends = SlaClock.objects.filter(kind="no_activity", owner=people.elena).order_by("lead")
    assert list(ends.values_list("lead", "state", "ended_at", "answered_at")) == [
        (in_time.pk, "met", NOW + HALF_HOUR - SECOND, None),
        (at_the_end.pk, "met", NOW + HALF_HOUR, None),
        (late.pk, "breached", NOW + HALF_HOUR, NOW + HALF_HOUR),
    ]
    assert [lead.owner.key for lead in Lead.objects.order_by("pk")] == ["elena", "elena", "marco"]
    assert sweep(NOW + 60 * MINUTE).rungs == 0


def test_looking_and_automatic_mail_stop_nothing(people):
    [lead] = owned()
    for kind in ("view", "automatic", "import"):
        touch.record(lead.pk, kind, by(people.elena), NOW + MINUTE)
    assert sweep(NOW + HALF_HOUR).moved == 1


def test_clock_that_steps_back_fires_nothing_twice_and_one_that_jumps_fires_once(people):
    owned()
    assert sweep(NOW + 12 * MINUTE) == Swept(reminded=1)
    assert sweep(NOW - 60 * MINUTE).rungs == 0
    assert sweep(NOW + 13 * MINUTE).rungs == 0
    assert sweep(NOW + timedelta(days=400)) == Swept(reminded=1, breached=1, moved=1)
    assert sweep(NOW + 16 * MINUTE).rungs == 0
    early = {"rung": 90, "action": "remind", "due_at": NOW, "fired_at": NOW - SECOND, "late_seconds": 0}
    with pytest.raises(IntegrityError, match="no_rung_early"), transaction.atomic():
        Escalation.objects.create(clock=SlaClock.objects.first(), **early)


def test_test_leads_have_no_clocks_and_an_idle_sweep_reads_once(people, django_assert_num_queries):
    owned(is_test=True)
    owned(first=5)
    with django_assert_num_queries(1):
        assert sweep(NOW + 11 * MINUTE) == Swept()
    assert SlaClock.objects.count() == 2


# Who -------------------------------------------------------------------------------------------------------


def gone(people):
    change(people.marco, state="departed")


def full(people):
    change(people.marco, cap_open=0)


def away(people):
    Absence.objects.create(owner=people.marco, starts_at=NOW, ends_at=NOW + timedelta(days=2))


def nobody(people):
    change(people.elena, cover=None)


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (gone, "Marco, who covers, is departed"),
        (full, "Marco, who covers, 0 of 0 open leads"),
        (away, "Marco, who covers, is away until 2026-11-25 10:00 UTC"),
        (nobody, "nobody covers for Elena"),
    ],
)
def test_lead_that_nobody_can_cover_goes_to_review_with_the_team_lead(people, happens, why):
    [lead] = owned()
    happens(people)
    assert sweep(NOW + HALF_HOUR) == Swept(reminded=2, breached=1, reviewed=1)
    item = ReviewItem.objects.get()
    assert (item.owner, item.lead, item.due_at) == (people.lena, lead, NOW + 90 * MINUTE)
    assert item.detail == f"nobody acted on it for 30 minutes of working time, and {why}"
    assert told() == [("review", "lena", ""), ("moved", "elena", "")]
    assert rungs() == [*AT_THE_END, ("no_activity", 100, "review", 0)]
    assert verify() == (2, [])


def test_team_without_an_active_lead_and_an_owner_who_answers_for_everything(people):
    """Whoever let it lie does not answer for it: the rules' person does, or whoever is active."""
    change(people.lena, state="departed")
    change(people.elena, cover=None)
    owned()
    sweep(NOW + HALF_HOUR)
    assert ReviewItem.objects.get().owner == people.rita
    change(people.team, lead=people.elena)
    for owner in (people.rita, people.marco):
        change(owner, state="departed")
    owned(first=1, now=NOW + 60 * MINUTE)
    change(people.lena, state="active")
    sweep(NOW + 90 * MINUTE)
    assert ReviewItem.objects.order_by("id").last().owner == people.lena


def test_owner_who_left_gives_way_and_is_not_written_to(people):
    owned()
    change(people.elena, state="departed")
    sweep(NOW + 12 * MINUTE)
    sweep(NOW + 15 * MINUTE)
    assert told() == [("escalation", "lena", "first_touch:100")]
    assert (
        list(Escalation.objects.filter(action="remind").values_list("note", flat=True))
        == ["not told: the owner is not active any more"] * 2
    )
    sweep(NOW + HALF_HOUR)
    assert Lead.objects.get().owner == people.marco


def test_customer_owner_is_reminded_and_gives_way_like_everybody(people):
    version = make_version(people.rita)
    make_rule(version, "existing_customer_owner", "customer_owner")
    publish(version, None, NOW)
    buyer = make_buyer("acme7.example", owner=people.elena, is_customer=True)
    [lead] = owned(first=7)
    assert lead.owner == people.elena
    sweep(NOW + HALF_HOUR)
    lead.refresh_from_db()
    buyer.refresh_from_db()
    assert (lead.owner, buyer.owner) == (people.marco, people.elena)


def test_policy_with_acceptance_tells_the_owner_and_the_team_lead(people):
    SlaPolicy.objects.create(key="hard", name="Hard", accept_minutes=5, first_touch_minutes=60)
    [lead] = owned()
    sweep(NOW + 5 * MINUTE)
    assert rungs() == [("accepted", 100, "breach", 0)]
    assert told() == [("escalation", "elena", "accepted:100"), ("escalation", "lena", "accepted:100")]
    touch.accept(lead.pk, by(people.elena), NOW + 6 * MINUTE)
    clock = SlaClock.objects.get(kind="accepted")
    assert (clock.state, clock.ended_at, clock.answered_at) == (
        "breached", NOW + 5 * MINUTE, NOW + 6 * MINUTE,
    )  # fmt: skip
    assert sweep(NOW + HALF_HOUR).moved == 1  # accepting is not acting
    assert clocks(lead)[1] == ("elena", "first_touch", "cancelled")


def test_second_inquiry_of_a_known_person_breaches_its_own_clock_and_moves_nothing(people):
    [lead] = owned()
    touch.record(lead.pk, "call", by(people.elena), NOW + MINUTE)
    owned(now=NOW + 60 * MINUTE, message="Are you there?")
    assert sweep(NOW + 75 * MINUTE) == Swept(reminded=1, breached=1)
    lead.refresh_from_db()
    assert lead.owner == people.elena


def test_lead_moved_by_hand_meanwhile_is_left_alone(people):
    [lead] = owned()
    acts.reassign(lead.pk, people.marco.pk, by(people.elena), "his language", NOW + 29 * MINUTE)
    assert sweep(NOW + HALF_HOUR).rungs == 0
    acts.close(lead.pk, "lost", by(people.marco), NOW + 31 * MINUTE)
    assert sweep(NOW + timedelta(days=1)).rungs == 0


# Review items that stay ------------------------------------------------------------------------------------


def test_overdue_item_reminds_its_named_person_once(people, django_assert_num_queries):
    change(people.elena, cover=None)
    owned()
    sweep(NOW + HALF_HOUR)
    item = ReviewItem.objects.get()
    item_clocks.keep(NOW + HALF_HOUR)
    assert item_rungs.climb_due(item.due_at - SECOND) == 0
    with django_assert_num_queries(1):
        assert item_rungs.climb_due(item.due_at - SECOND) == 0
    assert [item_rungs.climb_due(item.due_at + seconds * SECOND) for seconds in range(3)] == [1, 0, 0]
    assert told(kind="review") == [("review", "lena", ""), ("review", "lena", "overdue")]
    deliver_due(item.due_at)
    assert [mail.subject for mail in mail_of("lena")][
        -1
    ] == "Overdue: b0@acme0.example (acme0.example), nobody could take it"
    assert "its time is over" in mail_of("lena")[-1].body


def test_overdue_item_of_somebody_who_left_gets_a_person_who_is_there(people):
    change(people.elena, cover=None)
    owned()
    sweep(NOW + HALF_HOUR)
    change(people.lena, state="departed")
    overdue.hand_on(NOW + timedelta(days=1))
    item_clocks.keep(NOW + timedelta(days=1))
    assert item_rungs.climb_due(NOW + timedelta(days=1)) == 2
    assert ReviewItem.objects.get().owner == people.rita  # whose source it came from
    assert told(kind="review", occasion="overdue") == [("review", "rita", "overdue")]


def test_item_that_was_reminded_of_is_handed_on_when_its_person_goes(people, client, django_assert_num_queries):
    change(people.elena, cover=None)
    owned()
    sweep(NOW + HALF_HOUR)
    item = ReviewItem.objects.get()
    assert item.owner == people.lena
    late = item.due_at + SECOND
    item_clocks.keep(late)
    assert item_rungs.climb_due(late) == 1
    with django_assert_num_queries(1):
        assert overdue.hand_on(late) == 0
    change(people.lena, state="inactive", cover=people.marco)
    assert [overdue.hand_on(late), overdue.hand_on(late)] == [1, 0]
    item.refresh_from_db()
    assert (item.owner, item.clocks.get().owner, item.state) == (people.marco, people.marco, "open")
    assert told(kind="review", occasion="overdue") == [("review", "lena", "overdue"), ("review", "marco", "overdue")]
    client.force_login(User.objects.create_superuser("root"))
    said = [sentence for _, _, sentence in client.get(f"/queue/{item.pk}/").context["history"]]
    named = "RevRoute named Marco for the review item “nobody could take it”; before it was Lena, who is inactive."
    assert said.count(named) == 1
    change(people.marco, state="departed")
    change(people.elena, state="active")
    change(people.team, lead=people.elena)
    assert overdue.hand_on(late) == 1
    item.refresh_from_db()
    assert item.owner == people.elena  # leads the team that the lead is of
    Owner.objects.update(state="departed")
    assert overdue.hand_on(late) == 0
    item.refresh_from_db()
    assert item.owner == people.elena


def test_item_that_is_not_late_and_has_no_lead_is_handed_on_as_well(people):
    [event] = waiting(people.source, {"email": "ada@acme.example"})
    item = ReviewItem.objects.create(
        reason="unreadable_payload", detail="Not JSON.", owner=people.lena, source=people.source, event_id=event,
        opened_at=NOW, last_at=NOW, due_at=NOW + HALF_HOUR,
    )  # fmt: skip
    change(people.lena, state="departed")
    PARTS["escalation"](lambda: NOW)
    item.refresh_from_db()
    assert (item.owner, item.detail) == (
        people.rita, "Not JSON. RevRoute named Rita; before it was Lena, who is departed.",
    )  # fmt: skip
    assert told(kind="review") == []


def mail_of(key):
    return [sent for sent in mail.outbox if sent.to == [f"{key}@revroute.example"]]


# After downtime --------------------------------------------------------------------------------------------


def test_reminder_of_a_lead_that_moves_in_the_same_breath_is_recorded_and_not_sent(people):
    owned()
    sweep(NOW + HALF_HOUR)
    notes = Escalation.objects.order_by("id").values_list("clock__kind", "rung", "note")
    moved = "not told: the lead moved on in the same breath"
    assert list(notes) == [
        ("first_touch", 80, moved), ("first_touch", 100, moved), ("no_activity", 50, moved), ("no_activity", 100, ""),
    ]  # fmt: skip
    assert told() == [("moved", "elena", ""), ("escalation", "lena", "moved")]


def test_worker_down_a_day_climbs_each_of_500_rungs_once_late_and_oldest_first(people):
    for minute in range(125):
        owned(1, now=NOW + minute * MINUTE, first=minute)
    tomorrow = NOW + timedelta(days=1)
    begun = time.monotonic()
    swept = sweep(tomorrow)
    seconds = time.monotonic() - begun
    print(f"\n{connection.vendor}: 500 rungs that were a day late took {seconds:.1f} s")
    assert swept == Swept(reminded=250, breached=125, moved=125)
    rows = list(Escalation.objects.order_by("id").values_list("due_at", "late_seconds", "clock", "rung"))
    assert len(rows) == len({row[2:] for row in rows}) == 500
    assert rows == sorted(rows, key=lambda row: row[0])
    assert all(late == (tomorrow - due).total_seconds() > 77_000 for due, late, *_ in rows)
    assert seconds < 10
    assert sweep(tomorrow).rungs == 0
    assert Lead.objects.filter(owner=people.marco).count() == 125


def test_bad_clock_holds_up_no_other(people, monkeypatch):
    [bad, _good] = owned(2)
    asked = rung_moves.ask

    def refuse(at, *args, **fields):
        if at.lead.pk == bad.pk:
            raise ValueError("a snapshot that cannot be read")
        return asked(at, *args, **fields)

    monkeypatch.setattr(rung_moves, "ask", refuse)
    sweep(NOW + HALF_HOUR)
    assert [lead.owner.key for lead in Lead.objects.order_by("pk")] == ["elena", "marco"]
    aside = SlaClock.objects.get(lead=bad, state="running")
    assert (aside.kind, aside.next_rung_at) == ("no_activity", NOW + 90 * MINUTE)
    monkeypatch.undo()
    assert sweep(NOW + 90 * MINUTE).moved >= 1
    bad.refresh_from_db()
    assert bad.owner.key == "marco"


# Costs -----------------------------------------------------------------------------------------------------


def statements(leads, now):
    """The statements of the sweep that moves so many leads."""
    owned(leads, now=now, first=1000 * leads)
    seen = []
    with connection.execute_wrapper(lambda execute, sql, *args: seen.append(sql) or execute(sql, *args)):
        assert sweep(now + HALF_HOUR).moved == leads
    SlaClock.objects.update(state="cancelled", ended_at=now + timedelta(days=1), next_rung_at=None)
    return len(seen)


def test_batch_costs_a_fixed_number_of_statements(people):
    statements(2, NOW)
    day = timedelta(days=1)
    one, many = statements(1, NOW + day), statements(49, NOW + 2 * day)  # two clocks each: one batch
    assert one <= 45
    assert many - one <= (2 if connection.vendor == "sqlite" else 0)  # SQLite takes so many values a statement
