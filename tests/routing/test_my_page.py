"""My leads, as the person who owns them uses the page: what is due first, acts in place, turns, time off."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from leads.models import Activity, Lead, Source, Task
from owners.models import Absence, Calendar, Owner, User, WeeklyHours
from owners.roles import Role, give_role
from routing.models import Delivery, Fact, LedgerEntry, SlaClock
from routing.pipeline import drain
from routing.plan import run_due
from routing.rulebook import publish
from tests.builders import NOW, make_owner, make_pool, make_rule, make_source, make_team, make_version
from tests.routing.batches import buyers, waiting

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock(monkeypatch):
    """The pages' now, movable."""

    class Clock:
        now = NOW + 5 * MINUTE

    monkeypatch.setattr("routing.pages.my.timezone.now", lambda: Clock.now)
    return Clock


@pytest.fixture
def team(clock):
    """Elena and Marco share a pool, Elena with twice the weight; both sign in."""
    team = make_team("sales")
    elena, marco = (make_owner(name, team, time_zone="Europe/Berlin") for name in ("elena", "marco"))
    for owner in (elena, marco):
        owner.user = User.objects.create(username=owner.key)
        owner.save()
        give_role(owner.user, Role.REP)
    pool = make_pool("everybody", [elena, marco], [2, 1], team=team)
    version = make_version(elena)
    make_rule(version, "round_robin_pool", "pool", pool=pool, sequence="first_contact")
    publish(version, None, NOW)
    make_source("web", elena)
    return {"elena": elena, "marco": marco}


def route(count, first=0):
    ids = waiting(Source.objects.get(key="web"), *buyers(count, first))
    drain(lambda: NOW)
    run_due(NOW)
    Lead.objects.update(phone="+14155550100")
    return list(Lead.objects.filter(pk__in=ids).order_by("pk"))


def sign_in(owner):
    client = Client()
    client.force_login(owner.user)
    return client


def told(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def keys(page):
    return {group.key: [row["lead"].email for row in rows] for group, rows in page.context["groups"]}


def test_leads_stand_by_what_is_due_with_tasks_turns_and_ledger(team, clock):
    leads = route(3)
    mine = [lead for lead in leads if lead.owner == team["elena"]]
    assert len(mine) == 2
    SlaClock.objects.filter(lead=mine[0]).update(due_at=NOW + timedelta(hours=3))
    page = sign_in(team["elena"]).get("/my/")
    assert keys(page) == {"now": [mine[1].email], "today": [mine[0].email], "later": []}
    html = page.content.decode()
    for part in ('href="tel:+14155550100"', f'href="mailto:{mine[1].email}"', mine[1].reason, "in 10 min", "<progress"):
        assert part in html
    assert "style=" not in html
    [turn] = page.context["turns"]
    assert (turn.pool.name, turn.me.weight, str(turn.me.v), turn.me.place, turn.line, turn.next) == (
        "Everybody", 2, "1", 2, 2, "Marco",
    )  # fmt: skip
    assert [line.pk for line in turn.ledger] == list(
        LedgerEntry.objects.filter(member__owner=team["elena"]).values_list("pk", flat=True)
    )
    assert {task.lead for task in page.context["desk"].tasks} == set(mine)
    clock.now = NOW + 20 * MINUTE
    page = sign_in(team["elena"]).get("/my/")
    assert page.context["lede"] == "2 open leads, of which 1 is overdue. Begin at the top."
    clock.now = NOW + timedelta(hours=12, minutes=30)  # 23:30 in Berlin; midnight is near
    SlaClock.objects.filter(lead=mine[0]).update(due_at=NOW + timedelta(hours=14))
    assert keys(sign_in(team["elena"]).get("/my/"))["later"] == [mine[0].email]


def test_a_lead_is_accepted_logged_and_declined_without_leaving_the_list(team):
    client = sign_in(team["elena"])
    first, second = [lead for lead in route(3) if lead.owner == team["elena"]]
    answer = client.post(f"/my/leads/{first.pk}/accept/")
    assert (answer.status_code, answer["Location"], told(answer)) == (302, "/my/", [f"You accepted {first}."])
    assert told(client.post(f"/my/leads/{first.pk}/accept/"))[-1] == f"You had accepted {first} already."
    answer = client.post(f"/my/leads/{first.pk}/log/", {"kind": "call", "outcome": "voicemail"})
    assert told(answer)[-1] == f"Logged on {first}: call, voicemail."
    assert Activity.objects.values_list("lead", "kind", "outcome").get() == (first.pk, "call", "voicemail")
    assert not SlaClock.objects.filter(lead=first, state="running").exists()
    assert told(client.post(f"/my/leads/{first.pk}/log/", {"kind": "dance"}))[-1].startswith(f"{first}: There is no")
    assert "why" in told(client.post(f"/my/leads/{second.pk}/decline/"))[-1].lower()
    answer = client.post(f"/my/leads/{second.pk}/decline/", {"why": "knows Marco"})
    second.refresh_from_db()
    assert second.owner == team["marco"]
    assert Fact.objects.filter(lead=second, kind="declined").count() == 1
    stale = client.post(f"/my/leads/{second.pk}/accept/")
    assert told(stale)[-1] == "This lead is not yours any more, so nothing was changed."
    [others] = route(3, first=10)[-1:]
    Lead.objects.filter(pk=others.pk).update(owner=team["marco"])
    others.decisions.update(owner=team["marco"])
    assert client.post(f"/my/leads/{others.pk}/accept/").status_code == 404
    assert client.get(f"/my/leads/{first.pk}/log/").status_code == 405


def test_tasks_are_done_and_alerts_read_by_their_owner_only(team):
    route(3)
    Delivery.objects.filter(channel="in_app").update(state="sent", sent_at=NOW, next_try_at=None)
    elena, marco = sign_in(team["elena"]), sign_in(team["marco"])
    task = Task.objects.filter(owner=team["elena"]).first()
    assert marco.post(f"/my/tasks/{task.pk}/done/").status_code == 404
    assert told(elena.post(f"/my/tasks/{task.pk}/done/")) == [f"Done: {task.text}"]
    task.refresh_from_db()
    assert task.done_at == NOW + 5 * MINUTE
    assert task.pk not in [row.pk for row in elena.get("/my/").context["desk"].tasks]
    page = elena.get("/my/")
    assert page.context["desk"].unread == 2
    only = page.context["desk"].alerts[0].pk
    assert told(marco.post("/my/alerts/read/", {"only": only})) == ["0 alerts marked as read."]
    assert told(elena.post("/my/alerts/read/", {"only": only}))[-1] == "1 alert marked as read."
    assert told(elena.post("/my/alerts/read/", {"newest": page.context["newest"]}))[-1] == "1 alert marked as read."
    assert set(Delivery.objects.filter(read_at__isnull=False).values_list("owner", flat=True)) == {team["elena"].pk}


def test_time_off_is_read_in_ones_own_zone_and_routing_knows_at_once(team, clock):
    client = sign_in(team["elena"])
    bad = client.post("/my/away/", {"starts_at": "2026-11-24T09:00", "ends_at": "2026-11-23T09:00", "reason": "x"})
    assert (bad.status_code, list(bad.context["form"].errors)) == (422, ["ends_at"])
    [sentence] = bad.context["form"].errors["ends_at"]
    assert sentence == "23 Nov 2026, 09:00 is not after the start, 24 Nov 2026, 09:00. Give a later date or time."
    assert 'value="2026-11-24T09:00"' in bad.content.decode()
    assert client.post("/my/away/", {"starts_at": "", "ends_at": "soon"}).status_code == 422
    form = {"starts_at": "2026-11-23T10:30", "ends_at": "2026-11-24T09:00", "reason": "dentist"}
    assert client.post("/my/away/", form).status_code == client.post("/my/away/", form).status_code == 302
    row = Absence.objects.get()
    assert (row.owner, row.starts_at, row.ends_at) == (
        team["elena"], datetime(2026, 11, 23, 9, 30, tzinfo=UTC), datetime(2026, 11, 24, 8, 0, tzinfo=UTC),
    )  # fmt: skip
    assert {lead.owner.key for lead in route(3)} == {"marco"}
    page = client.get("/my/")
    assert [turn.me.place for turn in page.context["turns"]] == [None]
    assert "You are away until" in page.content.decode()
    assert sign_in(team["marco"]).post(f"/my/away/{row.pk}/cancel/").status_code == 404
    assert client.post(f"/my/away/{row.pk}/cancel/").status_code == 302
    row.refresh_from_db()
    assert row.ends_at == clock.now
    client.post("/my/away/", {"starts_at": "2026-12-24T00:00", "ends_at": "2027-01-02T00:00"})
    assert told(client.post(f"/my/away/{Absence.objects.latest('pk').pk}/cancel/"))[-1] == "Your time off is cancelled."
    assert Absence.objects.count() == 1
    client.post("/my/taking/", {"accepts": "no"})
    assert not Owner.objects.get(key="elena").accepts_leads
    assert "Take leads again" in client.get("/my/").content.decode()
    client.post("/my/taking/", {"accepts": "yes"})
    assert Owner.objects.get(key="elena").accepts_leads


def test_the_page_asks_the_same_of_the_database_however_many_leads(team, django_assert_max_num_queries):
    client = sign_in(team["elena"])
    route(2)
    Lead.objects.update(owner=team["elena"])
    SlaClock.objects.update(owner=team["elena"])
    client.get("/my/")
    with django_assert_max_num_queries(22) as few:
        client.get("/my/")
    route(60, first=5)
    with django_assert_max_num_queries(len(few)):
        page = client.get("/my/")
    assert page.context["desk"].leads > 40


def test_who_is_no_owner_is_told_what_to_do_and_strangers_are_turned_away(team):
    for name, role, status in (("max", Role.MANAGER, 200), ("ann", Role.MARKETING, 403), ("ada", Role.AUDITOR, 403)):
        user = User.objects.create(username=name)
        give_role(user, role)
        client = Client()
        client.force_login(user)
        page = client.get("/my/")
        assert page.status_code == status
        if status == 200:
            assert "no owner belongs to your user" in page.content.decode()
            assert told(client.post("/my/taking/", {"accepts": "no"})) == [
                "You take no leads: no owner belongs to your user. RevOps can make one."
            ]
    rep = sign_in(team["marco"])
    assert rep.get("/")["Location"] == "/my/"
    assert 'href="/my/"' in rep.get("/my/").content.decode()


def test_a_pause_ends_by_itself_or_when_one_takes_leads_again(team, clock):
    client, elena = sign_in(team["elena"]), team["elena"]
    assert "Until Tue 24 Nov, 09:00" in client.get("/my/").content.decode()  # no hours: tomorrow at nine
    assert told(client.post("/my/taking/", {"accepts": "hour"})) == [
        "You get no new leads until Mon 23 Nov 2026, 12:05 CET; then they come again by themselves. Those that you have"
        " stay yours."
    ]
    row = Absence.objects.get()
    assert (row.kind, row.starts_at, row.ends_at) == ("pause", clock.now, clock.now + timedelta(hours=1))
    assert (row.recorded_by, Owner.objects.get(pk=elena.pk).accepts_leads) == (elena.user, True)
    leads = waiting(Source.objects.get(key="web"), *buyers(3))
    drain(lambda: clock.now)
    assert set(Lead.objects.filter(pk__in=leads).values_list("owner__key", flat=True)) == {"marco"}
    later = waiting(Source.objects.get(key="web"), *buyers(2, 3))
    drain(lambda: row.ends_at)  # its first instant after
    assert "elena" in set(Lead.objects.filter(pk__in=later).values_list("owner__key", flat=True))

    office = Calendar.objects.create(key="berlin", name="Berlin", time_zone="Europe/Berlin")
    WeeklyHours.objects.create(calendar=office, weekday=3, start_minute=480, end_minute=1020)
    Owner.objects.filter(pk=elena.pk).update(calendar=office, cover=team["marco"])
    sentence = told(client.post("/my/taking/", {"accepts": "morning"}))[-1]
    assert sentence.endswith(
        "until Thu 26 Nov 2026, 08:00 CET; then they come again by themselves. Those that you have stay yours."
        " Marco is asked instead."
    )
    row.refresh_from_db()
    assert row.ends_at == datetime(2026, 11, 26, 7, 0, tzinfo=UTC)  # the pause that runs was made longer
    page = client.get("/my/").content.decode()
    assert "You have paused until" in page
    assert "from Berlin" in page
    clock.now += 10 * MINUTE
    assert told(client.post("/my/taking/", {"accepts": "yes"}))[-1] == "You get leads again."
    row.refresh_from_db()
    assert row.ends_at == clock.now


def test_an_absence_that_a_manager_entered_names_them_and_their_kind(team, clock):
    mia = User.objects.create(username="mia", first_name="Mia", last_name="Cole")
    Absence.objects.create(
        owner=team["elena"], kind="sick", starts_at=NOW, ends_at=NOW + timedelta(days=1), recorded_by=mia
    )
    client = sign_in(team["elena"])
    page = client.get("/my/").content.decode()
    assert "sick, entered by Mia Cole" in page
    client.post("/my/away/", {"kind": "sick", "starts_at": "2026-12-01T00:00", "ends_at": "2026-12-02T00:00"})
    assert Absence.objects.values_list("kind", "recorded_by__username").latest("pk") == ("sick", "elena")
