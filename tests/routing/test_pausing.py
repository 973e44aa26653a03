"""Waiting for the buyer: clocks that run wait too, exactly as long; who may, until when, and what ends it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from leads.models import Lead
from leads.tokens import hash_token
from owners.roles import Role, give_role
from routing import acts, pausing, touch
from routing.explain import explain
from routing.life import life_of
from routing.models import ApiToken, SlaClock, SlaPause
from routing.refused import Refused
from tests.builders import NOW
from tests.routing.ladders import MINUTE, by, clocks, make_company, owned, works

pytestmark = pytest.mark.django_db
HOUR = 60 * MINUTE
DAY = timedelta(days=1)


@pytest.fixture
def people():
    return make_company()


def due(lead):
    return dict(SlaClock.objects.filter(lead=lead, state="running").values_list("kind", "due_at"))


def refused(act, *args):
    with pytest.raises(Refused) as caught:
        act(*args)
    return caught.value.code


def test_pause_moves_the_ends_by_the_working_time_it_takes_and_an_early_end_gives_back_the_rest(people):
    works(people.elena)  # 09:00 to 17:30 in Berlin
    start = NOW.replace(hour=16)  # 17:00: half an hour of this Monday is left
    [lead] = owned(now=start)
    tuesday = datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert due(lead) == {"first_touch": start + 15 * MINUTE, "no_activity": start + 30 * MINUTE}
    until = tuesday + 90 * MINUTE
    done = pausing.pause(lead.pk, by(people.elena), until, "back on Tuesday", start + 5 * MINUTE)
    assert done.sentence == "Elena waits for the buyer until Tue 24 Nov 2026, 09:30 UTC."
    assert due(lead) == {"first_touch": until + 10 * MINUTE, "no_activity": until + 25 * MINUTE}
    assert pausing.pauses_of([lead.pk]) == {lead.pk: [(start + 5 * MINUTE, until)]}
    pausing.go_on(lead.pk, by(people.lena), tuesday + 5 * MINUTE)
    assert due(lead) == {"first_touch": tuesday + 15 * MINUTE, "no_activity": tuesday + 30 * MINUTE}
    row = SlaPause.objects.get()
    assert (row.ends_at, row.set_by, row.ended_by) == (
        tuesday + 5 * MINUTE, people.elena.user, people.lena.user,
    )  # fmt: skip


def test_what_is_refused(people):
    [lead] = owned()
    elena, now = by(people.elena), NOW + MINUTE
    pause = pausing.pause
    assert refused(pause, lead.pk, elena, now, "why", now) == "in_the_past"
    assert refused(pause, lead.pk, elena, now + 30 * DAY + MINUTE, "why", now) == "too_long"
    assert refused(pause, lead.pk, elena, now + DAY, " \n ", now) == "why_missing"
    assert refused(pause, lead.pk, elena._replace(user=None), now + DAY, "why", now) == "needs_person"
    assert refused(pause, lead.pk + 999, elena, now + DAY, "why", now) == "gone"
    assert refused(pausing.go_on, lead.pk, elena, now) == "not_paused"
    pause(lead.pk, elena, now + 30 * DAY, "why", now)
    assert refused(pause, lead.pk, elena, now + DAY, "why", now + MINUTE) == "paused"
    pausing.go_on(lead.pk, elena, now)
    assert refused(pause, lead.pk, elena, now + DAY, "why", now) == "paused"  # at the very same instant
    touch.record(lead.pk, "call", elena, now + MINUTE)
    assert refused(pause, lead.pk, elena, now + DAY, "why", now + MINUTE) == "nothing_runs"
    acts.close(lead.pk, "lost", elena, now + MINUTE)
    assert refused(pause, lead.pk, elena, now + DAY, "why", now + MINUTE) == "closed"
    assert due(lead) == {}


def test_touch_in_a_pause_meets_and_a_breach_from_before_stays(people):
    [lead, late] = owned(2)
    elena = by(people.elena)
    pausing.pause(lead.pk, elena, NOW + 2 * DAY, "holiday", NOW + 10 * MINUTE)
    touch.record(lead.pk, "call", elena, NOW + DAY)
    assert set(clocks(lead)) == {("elena", "first_touch", "met"), ("elena", "no_activity", "met")}
    pausing.pause(late.pk, elena, NOW + 2 * DAY, "holiday", NOW + 20 * MINUTE)  # first touch was due five minutes ago
    assert due(late) == {"first_touch": NOW + 15 * MINUTE, "no_activity": NOW + 2 * DAY + 10 * MINUTE}
    touch.record(late.pk, "call", elena, NOW + 21 * MINUTE)
    assert set(clocks(late)) == {("elena", "first_touch", "breached"), ("elena", "no_activity", "met")}


def test_new_owner_and_a_new_inquiry_wait_for_nobody(people):
    [lead] = owned()
    pausing.pause(lead.pk, by(people.elena), NOW + DAY, "asked us to", NOW + MINUTE)
    owned(now=NOW + HOUR, message="Are you there?")  # the same buyer again
    newest = SlaClock.objects.filter(lead=lead).latest("id")
    assert (newest.kind, newest.due_at) == ("first_touch", NOW + HOUR + 15 * MINUTE)
    pausing.go_on(lead.pk, by(people.elena), NOW + HOUR + MINUTE)
    newest.refresh_from_db()
    assert newest.due_at == NOW + HOUR + 15 * MINUTE
    pausing.pause(lead.pk, by(people.elena), NOW + DAY, "asked us to", NOW + HOUR + 2 * MINUTE)
    acts.reassign(lead.pk, people.marco.pk, by(people.elena), "his language", NOW + 2 * HOUR)
    assert due(lead) == {"first_touch": NOW + 2 * HOUR + 15 * MINUTE, "no_activity": NOW + 2 * HOUR + 30 * MINUTE}
    assert pausing.pause_now(lead.pk, NOW + 2 * HOUR) is None
    assert Lead.objects.get().owner == people.marco


# On the page and over HTTP ---------------------------------------------------------------------------------


@pytest.fixture
def reps(people):
    """Elena and Marco, who take leads, and Lena, who leads them; signed in."""
    found = {}
    for name, role in (("elena", Role.REP), ("marco", Role.REP), ("lena", Role.MANAGER)):
        by(getattr(people, name))
        user = getattr(people, name).user
        give_role(user, role)
        found[name] = Client()
        found[name].force_login(user)
        ApiToken.objects.create(name=name, scope="write", token_hash=hash_token(name), user=user)
    ApiToken.objects.create(name="CRM sync", scope="write", token_hash=hash_token("machine"))
    return found


def said(client, lead, work, **form):
    page = client.post(f"/leads/{lead.pk}/{work}/", form, follow=True)
    return [(message.level_tag, str(message)) for message in page.context["messages"]]


def test_owner_waits_on_the_page_in_their_own_zone_and_the_manager_goes_on(people, reps):
    people.elena.time_zone = "Asia/Tokyo"
    people.elena.save()
    now = timezone.now().replace(second=0, microsecond=0)
    [lead] = owned(now=now)
    assert "pause" in reps["elena"].get(f"/leads/{lead.pk}/").context["works"]
    local = (now + HOUR).astimezone(ZoneInfo("Asia/Tokyo"))
    for wrong in ("", "soon", "2026-13-40T25:00"):
        assert said(reps["elena"], lead, "pause", until=wrong, why="x") == [
            ("error", "Give the date and the time until which the buyer is waited for.")
        ]
    told = f"Elena waits for the buyer until {local:%a %-d %b %Y, %H:%M} JST."
    form = {"until": f"{local:%Y-%m-%dT%H:%M}", "why": "<b>on a train</b>"}
    assert said(reps["elena"], lead, "pause", **form) == [("success", told)]
    page = reps["lena"].get(f"/leads/{lead.pk}/")
    assert page.context["works"] & {"pause", "resume"} == {"resume"}
    assert "&lt;b&gt;on a train&lt;/b&gt;" in page.content.decode()
    assert said(reps["lena"], lead, "resume") == [("success", "The clocks count again, since Lena went on.")]
    assert [moment.title for moment in life_of(lead).moments if moment.icon in ("pause", "play")] == [
        f"Waits for the buyer until {SlaPause.objects.get().ends_at:%a %-d %b, %H:%M UTC}", "Went on before the end",
    ]  # fmt: skip
    assert "UTC: <b>on a train</b> (Elena)" in explain(lead.pk, now)
    acts.close(lead.pk, "lost", by(people.elena), timezone.now())
    assert not reps["elena"].get(f"/leads/{lead.pk}/").context["works"] & {"pause", "resume"}


def post(who, lead, call, **body):
    answer = Client().post(
        f"/api/v1/leads/{lead.pk}/{call}", body, content_type="application/json",
        headers={"Authorization": f"Bearer {who}"},
    )  # fmt: skip
    return answer.status_code, answer.json().get("code", answer.json().get("status"))


def test_pause_over_the_api_has_a_code_for_every_refusal(people, reps):
    now = timezone.now()
    [lead] = owned(now=now)
    until = (now + HOUR).isoformat()
    asked = [
        post("elena", lead, "pause"),
        post("elena", lead, "pause", until="soon", reason="x"),
        post("elena", lead, "pause", until="2026-11-25T10:00", reason="x"),
        post("elena", lead, "pause", until="0001-01-01T00:00:00+14:00", reason="x"),
        post("elena", lead, "pause", until="9999-12-31T23:59:59-12:00", reason="x"),
        post("elena", lead, "pause", until=until),
        post("marco", lead, "pause", until=until, reason="x"),
        post("machine", lead, "pause", until=until, reason="x"),
        post("machine", lead, "resume"),
        post("lena", lead, "pause", until=until, reason="x"),
        post("elena", lead, "pause", until=until, reason="x"),
        post("machine", lead, "resume"),  # a program may say that the buyer has answered
    ]
    assert asked == [
        (400, "bad_request"), (400, "bad_request"), (422, "bad_time"), (422, "in_the_past"), (422, "too_long"),
        (422, "why_missing"), (404, "not_found"), (422, "needs_person"), (409, "not_paused"), (200, "assigned"),
        (409, "paused"), (200, "assigned"),
    ]  # fmt: skip
