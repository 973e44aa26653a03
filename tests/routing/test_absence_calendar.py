"""Absences out as a secret feed and in from a file; and a vacation as routing sees it."""

import re
from datetime import UTC, datetime, timedelta

import icalendar
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from leads.models import Lead, Source
from owners import feed
from owners.models import Absence, Owner, User
from owners.roles import Role, give_role
from routing.pipeline import drain
from routing.rulebook import publish
from tests.builders import NOW, make_owner, make_rule, make_source, make_team, make_version
from tests.owners.test_ical import calendar
from tests.routing.batches import buyers, waiting
from tests.routing.test_my_page import sign_in, told

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def team(monkeypatch):
    """Mia leads Elena; Marco covers for Elena and is in another team."""
    monkeypatch.setattr("routing.pages.my.timezone.now", lambda: NOW)
    here, there = make_team("here"), make_team("there")
    mia = make_owner("mia")
    elena, marco = make_owner("elena", here, time_zone="Europe/Berlin"), make_owner("marco", there)
    here.lead = mia
    here.save()
    for owner in (mia, elena, marco):
        owner.user = User.objects.create(username=owner.key)
        owner.save()
        give_role(owner.user, Role.REP)
    Owner.objects.filter(pk=elena.pk).update(cover=marco)
    return {"mia": mia, "elena": elena, "marco": marco}


def address_of(client):
    page = client.post("/my/feed/")
    return re.search(r"value=\"(http://[^\"]+\?token=[\w-]{43})\"", page.content.decode())[1]


def events(address):
    answer = Client().get(address)  # no sign-in
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert "no-store" in answer["Cache-Control"]
    text = answer.content.decode()
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert text.endswith("END:VCALENDAR\r\n")
    return icalendar.Calendar.from_ical(text).walk("VEVENT")


def test_the_feed_holds_what_its_owner_sees_and_closes_when_they_say_so(team):
    reason = "Spa, sea; and a long note: " + "ü" * 60
    spans = {"elena": (NOW, NOW + DAY), "marco": (NOW, NOW + DAY), "mia": (NOW - 200 * DAY, NOW - 100 * DAY)}
    rows = {
        key: Absence.objects.create(owner=team[key], starts_at=start, ends_at=end, reason=reason, kind="sick")
        for key, (start, end) in spans.items()
    }
    own, leads = (address_of(sign_in(team[key])) for key in ("elena", "mia"))
    [event] = events(own)
    assert (event["DTSTART"].dt, event["DTEND"].dt, event["DTSTAMP"].dt) == (NOW, NOW + DAY, NOW)
    assert (event["SUMMARY"], event["DESCRIPTION"]) == ("Elena: sick", reason)
    assert event["UID"] == f"absence-{rows['elena'].pk}@revroute"
    assert [event["UID"] for event in events(own)] == [event["UID"]]  # stable
    assert [("DESCRIPTION" in event, event["SUMMARY"]) for event in events(leads)] == [(False, "Elena: sick")]

    held = Owner.objects.get(key="elena").feed_hash
    assert (len(held), own.endswith(held)) == (64, False)
    fresh = address_of(sign_in(team["elena"]))
    wrong = (own, fresh[:-1], fresh.partition("?")[0], fresh + "x", fresh.partition("=")[0] + "=")
    assert [Client().get(each).status_code for each in wrong] == [404] * len(wrong)
    assert len(events(fresh)) == 1
    sign_in(team["elena"]).post("/my/feed/close/")
    assert Client().get(fresh).status_code == 404
    fresh = address_of(sign_in(team["elena"]))
    User.objects.filter(username="elena").update(is_active=False)
    assert Client().get(fresh).status_code == 404


def preview(client, data):
    return client.post("/my/import/", {"file": SimpleUploadedFile("time-off.ics", data)})


def test_a_calendar_file_is_shown_then_added_and_the_same_again_changes_nothing(team):
    client = sign_in(team["elena"])
    vacation = "UID:vac\r\nSUMMARY:Vacation\r\nDTSTART;VALUE=DATE:20261207\r\nDTEND;VALUE=DATE:20261221"
    meeting = "UID:meet\r\nSUMMARY:Sync\r\nDTSTART:20261201T090000Z\r\nDTEND:20261201T093000Z"
    over = "UID:old\r\nSUMMARY:<b>Past</b>\r\nDTSTART;VALUE=DATE:20260101"
    page = preview(client, calendar(vacation, meeting, over))
    assert [(step.what, step.entry.uid, ticked) for step, ticked in page.context["rows"]] == [
        ("add", "meet", False), ("add", "vac", True),
    ]  # fmt: skip
    html = page.content.decode()
    assert "Mon 7 Dec 2026, 00:00 to Mon 21 Dec 2026, 00:00 CET" in html
    assert "&lt;b&gt;Past&lt;/b&gt;" in html
    assert "It is over." in html
    assert not Absence.objects.exists()

    form = {"shown": page.context["shown"], "take": ["1", "7", "x"]}
    assert told(client.post("/my/import/", form)) == ["Absences from your calendar: 1 added."]
    row = Absence.objects.get()
    assert (row.starts_at, row.ends_at, row.reason, row.uid, row.recorded_by) == (
        datetime(2026, 12, 6, 23, tzinfo=UTC), datetime(2026, 12, 20, 23, tzinfo=UTC), "", "vac", team["elena"].user,
    )  # fmt: skip
    assert told(client.post("/my/import/", form))[-1] == "Absences from your calendar: 1 there already."
    assert sign_in(team["marco"]).post("/my/import/", form).status_code == 422  # signed for Elena
    assert client.post("/my/import/", {"shown": form["shown"] + "x"}).status_code == 422
    page = preview(client, calendar(vacation.replace("20261221", "20261223"), meeting))
    assert [step.what for step, _ in page.context["rows"]] == ["add", "move"]
    form = {"shown": page.context["shown"], "take": ["0", "1"], "titles": "yes"}
    assert told(client.post("/my/import/", form))[-1] == "Absences from your calendar: 1 added, 1 moved."
    assert list(Absence.objects.order_by("starts_at").values_list("uid", "reason")) == [("meet", "Sync"), ("vac", "")]
    for data in (b"hello", b"BEGIN:VCALENDAR" + b"x" * 600_000):
        page = preview(client, data)
        assert (page.status_code, Absence.objects.count()) == (422, 2)
        assert 'role="alert"' in page.content.decode()
    assert client.post("/my/import/").status_code == 422
    assert feed.feed_of(team["elena"], NOW).count(b"BEGIN:VEVENT") == 2


def test_on_a_vacation_the_cover_is_asked_and_the_first_instant_after_it_ends_the_owner_again(team):
    version = make_version(team["elena"])
    make_rule(version, "round_robin_pool", "owner", owner=team["elena"])
    publish(version, None, NOW)
    make_source("web", team["elena"])
    starts, ends = NOW + DAY, NOW + 15 * DAY
    Absence.objects.create(owner=team["elena"], starts_at=starts, ends_at=ends)
    second = timedelta(microseconds=1)
    got = {}
    for number, at in enumerate((starts - second, starts, starts + 7 * DAY, ends - second, ends)):
        [pk] = waiting(Source.objects.get(key="web"), *buyers(1, number))
        drain(lambda at=at: at)
        got[at] = Lead.objects.get(pk=pk).owner.key
    assert list(got.values()) == ["elena", "marco", "marco", "marco", "elena"]
    Owner.objects.filter(key="elena").update(cover_until=starts + 8 * DAY)  # the cover ends before the vacation does
    [pk] = waiting(Source.objects.get(key="web"), *buyers(1, 9))
    drain(lambda: starts + 9 * DAY)
    assert Lead.objects.get(pk=pk).owner is None
