"""Running clocks keep the terms that they were started under, until a person moves what a preview showed."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Note
from owners.models import Calendar, Team, WeeklyHours
from routing import bulk, escalation, pausing, retime, touch
from routing.current import people_now
from routing.models import BulkMove, SlaClock, SlaLadder, SlaPolicy, SlaRung
from routing.refused import Refused
from tests.builders import NOW
from tests.routing.forms import address, said
from tests.routing.ladders import MINUTE, by, change, make_company, owned, rungs, works

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    """Everybody works 9:00 to 17:30 in Berlin; now it is 11:00 there. A policy of 30 and 60 minutes."""
    people = make_company()
    for owner in (people.elena, people.marco):
        works(owner)
    people.policy = SlaPolicy.objects.create(
        key="fast", name="Fast", accept_minutes=10, first_touch_minutes=30, no_activity_minutes=60
    )
    return people


def state(lead):
    """Of each clock of the lead's owner: kind, budget in minutes, minutes until it is due from its start, terms."""
    rows = SlaClock.objects.filter(lead=lead, kind__in=SlaClock.OF_OWNER).order_by("id")
    return [(row.kind, row.budget_seconds // 60, (row.due_at - row.started_at) // MINUTE, row.terms_id) for row in rows]


def move(policy, now, people, why="Promised on the phone."):
    """Confirm what a preview shows, and go on to the end."""
    row = retime.start(retime.preview(policy.key, now).token, why, by(people.lena), now)
    while bulk.carry_on(lambda: now):
        pass
    row.refresh_from_db()
    return row


def counts(row):
    return row.state, row.total, row.done, row.moved, row.left


def test_a_changed_policy_leaves_clocks_alone_until_a_person_moves_what_they_saw(company):
    (first,), later = owned(), NOW + 5 * MINUTE
    before = state(first)
    assert retime.count("fast", NOW) == 0
    ladder = SlaLadder.objects.create(key="hard", name="Hard", named_owner=company.rita)
    SlaRung.objects.create(ladder=ladder, percent=100, tell_lead=True, move="named")
    change(
        company.policy, first_touch_minutes=120, no_activity_minutes=4, no_activity_ladder=ladder, accept_minutes=None
    )
    (second,) = owned(first=7, now=later)
    assert state(first) == before
    terms = people_now().policies[0].ladder("no_activity").terms
    assert state(second) == [("first_touch", 120, 120, None), ("no_activity", 4, 4, terms)]
    found = retime.preview("fast", later)
    assert [(line.clock.kind, line.due_then - NOW, line.at_once, line.stays) for line in found.lines] == [
        ("first_touch", 120 * MINUTE, False, ""), ("no_activity", 4 * MINUTE, True, ""),
    ]  # fmt: skip
    assert (found.count, found.breached, found.looked_at) == (2, 1, 2)
    row = move(company.policy, later, company)
    assert counts(row) == ("finished", 2, 2, 2, 0)
    assert state(first) == [
        ("accepted", 10, 10, None), ("first_touch", 120, 120, None), ("no_activity", 4, 4, terms),
    ]  # fmt: skip
    assert retime.count("fast", later) == 0
    moved = SlaClock.objects.get(lead=first, kind="no_activity")
    assert (moved.state, moved.revision_id, moved.next_rung_at) == (
        "running", SlaClock.objects.filter(lead=second).first().decision.revision_id, NOW + 4 * MINUTE,
    )  # fmt: skip
    notes = Note.objects.filter(lead=first, text__contains="put the clock").order_by("id")
    assert list(notes.values_list("text", flat=True)) == [
        "Lena put the clock “first human touch” under the present terms of SLA policy Fast: due 23 Nov 2026, 12:00 UTC,"
        " before it was 23 Nov 2026, 10:30 UTC. Promised on the phone.",
        "Lena put the clock “30 minutes without activity” under the present terms of SLA policy Fast: due 23 Nov 2026,"
        " 10:04 UTC, before it was 23 Nov 2026, 11:00 UTC. Promised on the phone.",
    ]  # fmt: skip
    escalation.sweep(later)
    assert rungs(clock=moved) == [("no_activity", 100, "review", 60)]


def test_what_changed_since_the_preview_is_left_out_and_counted(company):
    leads = owned(5)
    escalated, paused, touched, plain, same = leads
    later = NOW + 20 * MINUTE
    change(company.policy, no_activity_minutes=240)
    token = retime.preview("fast", NOW + MINUTE).token
    clock = SlaClock.objects.get(lead=escalated, kind="no_activity")
    clock.escalations.create(rung=50, action="remind", due_at=later, fired_at=later, late_seconds=0)
    pausing.pause(paused.pk, by(company.elena), later + 60 * MINUTE, "Asked to", later)
    touch.record(touched.pk, "call", by(company.elena), later)
    (new,) = owned(first=9, now=later)
    row = retime.start(token, "Longer", by(company.lena), later)
    bulk.begin(row.pk, lambda: later)
    row.refresh_from_db()
    assert counts(row) == ("finished", 4, 4, 2, 2)
    ends = dict(SlaClock.objects.filter(kind="no_activity").values_list("lead", "budget_seconds"))
    minutes = {escalated: 60, paused: 60, touched: 60, plain: 240, same: 240, new: 240}
    assert ends == {lead.pk: budget * 60 for lead, budget in minutes.items()}
    # Seen anew they move, with what they had: the pause is not counted, the rung not climbed again.
    assert counts(move(company.policy, later, company)) == ("finished", 2, 2, 2, 0)
    assert state(paused)[2][1:3] == (240, 300)
    escalation.sweep(NOW + 121 * MINUTE)
    assert rungs(clock=clock) == [("no_activity", 50, "remind", 0)]


def test_working_time_of_team_policy_and_the_clock_round(company):
    (lead,) = owned(now=NOW + timedelta(hours=6))  # 17:00 in Berlin
    critical = owned(now=NOW + timedelta(hours=6), first=4, urgency="critical")[0]
    late = Calendar.objects.create(key="late", name="Late", time_zone="Europe/Berlin")
    for day in range(5):
        WeeklyHours.objects.create(calendar=late, weekday=day, start_minute=600, end_minute=18 * 60)
    now = NOW + timedelta(hours=6, minutes=1)
    night = 15 * 60 + 30

    def due():
        return [minutes for _, _, minutes, _ in state(lead)]

    assert due() == [10, 30, night + 60]
    Team.objects.update(calendar=late)
    for fields, expected in (
        ({"hours_of": "team"}, [10, 30, 60]),
        ({"real_time": True}, [10, 30, 60]),
        ({"real_time": False, "hours_of": "owner"}, [10, 30, night + 60]),
        ({"hours_of": "policy", "calendar": late}, [10, 30, 60]),
    ):
        change(company.policy, **fields)
        assert retime.count("fast", now) == 3
        assert counts(move(company.policy, now, company)) == ("finished", 3, 3, 3, 0)
        assert due() == expected
        assert retime.count("fast", now) == 0
    assert set(SlaClock.objects.filter(lead=critical, kind="no_activity").values_list("real_time", "calendar")) == {
        (True, None)
    }


def test_a_move_stops_when_the_policy_changes_again_and_old_previews_move_nothing(company, monkeypatch):
    owned(3)
    change(company.policy, first_touch_minutes=40)
    monkeypatch.setattr(bulk, "BATCH", 1)
    row = retime.start(retime.preview("fast", NOW).token, "Longer", by(company.lena), NOW)
    bulk.go_on(row.pk, lambda: NOW, iter([True, False]).__next__)
    token = retime.preview("fast", NOW).token
    change(company.policy, first_touch_minutes=50)
    bulk.carry_on(lambda: NOW)
    row.refresh_from_db()
    assert counts(row) == ("finished", 3, 1, 1, 0)
    for seen, why, code in (("x", "Why", "changed"), (token, "Why", "changed"), (token, " ", "why_missing")):
        with pytest.raises(Refused) as refused:
            retime.start(seen, why, by(company.lena), NOW)
        assert refused.value.code == code
    move(company.policy, NOW, company)
    with pytest.raises(Refused) as refused:
        retime.start(retime.preview("fast", NOW).token, "Why", by(company.lena), NOW)
    assert refused.value.code == "no_change"


def test_a_clock_whose_time_has_run_out_and_one_that_climbed_its_new_end_stay(company):
    ladder = SlaLadder.objects.create(key="mixed", name="Mixed", named_owner=company.rita)
    SlaRung.objects.create(ladder=ladder, minutes=20, remind=True)
    change(company.policy, no_activity_ladder=ladder)
    (lead,) = owned()
    escalation.sweep(NOW + 20 * MINUTE)
    change(company.policy, no_activity_minutes=20, first_touch_minutes=90)
    found = retime.preview("fast", NOW + 21 * MINUTE)
    assert [(line.clock.kind, line.climbed, line.stays) for line in found.lines] == [
        ("first_touch", (), ""), ("no_activity", (-20,), "the rung at its new end was climbed already"),
    ]  # fmt: skip
    assert counts(move(company.policy, NOW + 31 * MINUTE, company)) == ("finished", 1, 1, 0, 1)
    assert [budget for _, budget, _, _ in state(lead)] == [10, 30, 60]


def test_the_policy_says_how_many_and_the_page_moves_them(company, admin_client):
    owned(60)
    SlaClock.objects.update(due_at=NOW + timedelta(days=2000))
    page = f"/admin/routing/slapolicy/{company.policy.pk}/clocks/"
    assert "Every running clock is under the present terms." in admin_client.get(page).content.decode()
    form = {
        "key": "fast", "name": "Fast", "position": "0", "assign_minutes": "1", "accept_minutes": "10",
        "first_touch_minutes": "45", "no_activity_minutes": "60", "review_minutes": "60", "crm_minutes": "15",
        "hours_of": "owner",
    }  # fmt: skip
    told = said(admin_client.post(address(SlaPolicy, "change", company.policy.pk), form, follow=True))
    assert told[1].startswith("60 running clocks of Fast were started under earlier terms and keep them.")
    assert page in admin_client.get(address(SlaPolicy, "change", company.policy.pk)).content.decode()
    with CaptureQueriesContext(connection) as first:
        text = admin_client.get(page).content.decode()
    assert "Move 60 clocks to the present terms" in text
    assert text.count("breached at once</span>") + text.count("runs on</span>") == 50
    with CaptureQueriesContext(connection) as second:
        text = admin_client.get(page, {"page": "99"}).content.decode()
    assert text.count("breached at once</span>") + text.count("runs on</span>") == 10
    assert abs(len(second) - len(first)) < 12
    assert admin_client.post(page, {"seen": "x", "why": "y"}, follow=True).redirect_chain == [(page, 302)]
    seen = retime.preview("fast", NOW).token
    shown = admin_client.post(page, {"seen": seen, "why": "Promised"}, follow=True)
    assert BulkMove.objects.get().moved == 60
    assert "60 of 60 clocks done: 60 moved." in shown.content.decode()
    assert "Clocks of Fast" in admin_client.get("/moves/").content.decode()
