"""Receipts over real rows: what was promised, counted and done; on the page, over the API and in words. Nothing
that is changed later changes one."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from leads.tokens import hash_token
from owners.models import Absence, Calendar, SpecialDay, User, WeeklyHours
from owners.roles import Role, give_role
from routing import pausing, touch
from routing.escalation import sweep
from routing.explain import explain
from routing.life import life_of
from routing.models import ApiToken, SlaClock, SlaPolicy
from routing.receipts import receipts
from tests.builders import NOW
from tests.routing.ladders import MINUTE, by, change, make_company, owned, works

pytestmark = pytest.mark.django_db
HOUR = 60 * MINUTE
EVENING = NOW.replace(hour=16, minute=20)  # 17:20 in Berlin, ten minutes before the office closes
MORNING = datetime(2026, 11, 24, 8, tzinfo=UTC)  # 09:00


@pytest.fixture
def people():
    found = make_company()
    works(found.elena)
    works(found.marco)
    by(found.elena)
    return found


def receipt(lead, kind, now):
    return next(one for one in receipts(lead, now) if one.code == kind)


def told(one):
    return [(line.start, line.end, line.why) for line in one.lines]


def test_receipt_tells_what_was_counted_what_was_done_and_how_late(people):
    [lead] = owned(now=EVENING)
    pausing.pause(lead.pk, by(people.elena), MORNING + 10 * MINUTE, "asked us to", EVENING + 4 * MINUTE)
    for minute in range(0, 20):
        sweep(MORNING + minute * MINUTE)
    late = MORNING + 40 * MINUTE
    sweep(MORNING + 21 * MINUTE)
    touch.record(lead.pk, "call", by(people.elena), late - 5 * MINUTE)
    one = receipt(lead, "first_touch", late)
    assert told(one) == [
        (EVENING, EVENING + 4 * MINUTE, ""), (EVENING + 4 * MINUTE, MORNING + 10 * MINUTE, "waited for the buyer"),
        (MORNING + 10 * MINUTE, MORNING + 21 * MINUTE, ""),
    ]  # fmt: skip
    assert (one.due_at, one.word, one.standing, one.late) == (
        MORNING + 21 * MINUTE, "breached, answered", "breached_answered", (14 * MINUTE, 14 * MINUTE),
    )  # fmt: skip
    assert (one.by, one.zone, one.adds_up, one.runs) == ("the working time of Elena", "Europe/Berlin", True, False)
    assert [(rung.when, rung.due_at, rung.fired_at) for rung in one.rungs] == [
        ("at 80 %", MORNING + 18 * MINUTE, MORNING + 18 * MINUTE),
        ("at 100 %", MORNING + 21 * MINUTE, MORNING + 21 * MINUTE),
    ]
    met = receipt(lead, "no_activity", late)
    assert (met.word, met.counting.working, met.counting.raw) == ("met", 29 * MINUTE, late - 5 * MINUTE - EVENING)
    answers = [moment.text for moment in life_of(lead).moments if moment.title == "Answered late"]
    assert answers == ["After the time had run out for: first human touch."]
    line = next(line for line in explain(lead.pk, late).splitlines() if "first human touch by Elena" in line)
    assert "breached, answered 2026-11-24 08:35:00 UTC, 14 min late" in line


def test_running_clock_says_what_is_to_come_and_late_ones_how_late_by_now(people):
    [lead] = owned(now=EVENING)
    coming = receipt(lead, "no_activity", EVENING)
    assert [(rung.when, rung.what, rung.due_at, rung.fired_at) for rung in coming.rungs] == [
        ("at 50 %", "the owner is reminded", MORNING + 5 * MINUTE, None),
        ("at 100 %", "the team lead is told and the lead goes to the cover person", MORNING + 20 * MINUTE, None),
    ]
    assert (coming.word, coming.runs, coming.waits, coming.late) == ("running", True, True, None)
    sweep(MORNING + 5 * MINUTE)
    silent = receipt(lead, "first_touch", MORNING + 12 * MINUTE)
    assert (silent.word, silent.runs, silent.waits, silent.late) == (
        "breached", True, False, (7 * MINUTE, 7 * MINUTE),
    )  # fmt: skip


def test_nothing_that_is_changed_later_changes_a_receipt(people):
    berlin = Calendar.objects.create(name="Berlin office", time_zone="Europe/Berlin")
    for day in range(5):
        WeeklyHours.objects.create(calendar=berlin, weekday=day, start_minute=540, end_minute=1050)
    policy = SlaPolicy.objects.create(key="all", name="All", hours_of="policy", calendar=berlin)
    [lead] = owned(now=EVENING)
    before = receipt(lead, "first_touch", MORNING)
    assert before.by == "the calendar “Berlin office”"
    change(berlin, time_zone="Asia/Tokyo")
    SpecialDay.objects.create(calendar=berlin, day=MORNING.date())
    Absence.objects.create(owner=people.elena, starts_at=EVENING, ends_at=MORNING + HOUR)
    change(policy, first_touch_minutes=600, hours_of="owner", calendar=None)
    owned(now=MORNING, first=5)  # so that another revision is in force
    assert receipt(lead, "first_touch", MORNING) == before
    assert (before.due_at, before.adds_up, before.counting.working) == (MORNING + 5 * MINUTE, True, 15 * MINUTE)


def test_every_receipt_adds_up_whatever_happened(people):
    leads = owned(6, now=EVENING)
    pausing.pause(leads[0].pk, by(people.elena), MORNING + HOUR, "x", EVENING + MINUTE)
    pausing.pause(leads[1].pk, by(people.elena), MORNING + HOUR, "x", EVENING + MINUTE)
    pausing.go_on(leads[1].pk, by(people.elena), MORNING + 2 * MINUTE)
    touch.record(leads[2].pk, "call", by(people.elena), EVENING + MINUTE)
    sweep(MORNING + 20 * MINUTE)
    found = [one for lead in leads for one in receipts(lead, MORNING + HOUR)]
    whole = [one for one in found if one.standing in ("running", "breached", "breached_answered")]
    assert len(whole) >= 10
    for one in whole:
        counted = sum((part.end - part.start for part in one.counting.segments if part.counted), timedelta(0))
        assert counted == one.counting.working == timedelta(seconds=one.budget_seconds)
    assert all(one.adds_up for one in found)


def test_page_and_api_tell_the_same_for_a_fixed_number_of_statements(people, django_assert_num_queries):
    [lead] = owned(now=EVENING)
    with CaptureQueriesContext(connection) as cold:
        receipts(lead, EVENING)
    assert len(cold) <= 6  # with the revision, which a process reads once
    with django_assert_num_queries(4):
        receipts(lead, EVENING)
    for minute in (1, 2, 3):
        owned(now=EVENING + minute * MINUTE)  # the same buyer again, with a clock each time
    pausing.pause(lead.pk, by(people.elena), EVENING + HOUR, "x", EVENING + 4 * MINUTE)
    sweep(MORNING + HOUR)
    receipts(lead, EVENING)
    with django_assert_num_queries(4):
        known = receipts(lead, MORNING + HOUR)
    manager = User.objects.create(username="mia")
    give_role(manager, Role.REVOPS)
    client = Client()
    client.force_login(manager)
    page = client.get(f"/leads/{lead.pk}/").content.decode()
    assert page.count("How the time") == len(known)
    assert "waited for the buyer" in page
    ApiToken.objects.create(name="mia", scope="read", token_hash=hash_token("mia"), user=manager)
    answer = client.get(f"/api/v1/leads/{lead.pk}/clocks", headers={"Authorization": "Bearer mia"}).json()
    assert [clock["id"] for clock in answer["clocks"]] == [one.id for one in known]
    assert [pause["reason"] for pause in answer["pauses"]] == ["x"]
    first = next(clock for clock in answer["clocks"] if clock["kind"] == "no_activity" and clock["owner"] == "Elena")
    counted = sum(part["seconds"] for part in first["segments"] if part["counted"])
    assert (counted, first["adds_up"], first["time_zone"]) == (1800, True, "Europe/Berlin")
    assert SlaClock.objects.filter(lead=lead).count() == len(known)


def test_long_clock_is_told_in_a_few_lines(people):
    SlaPolicy.objects.create(key="slow", name="Slow", first_touch_minutes=100 * 60, no_activity_minutes=8_000 * 60)
    [lead] = owned(now=EVENING)
    slow, endless = receipt(lead, "first_touch", EVENING), receipt(lead, "no_activity", EVENING)
    assert (len(slow.lines), slow.more, slow.adds_up) == (8, 17, True)
    assert endless.counting.told_until < endless.due_at
    assert endless.adds_up
