"""The coverage forecast: presence by the hour against a plain count, gaps with their reasons, the page and its file."""

import csv
import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from owners.models import Absence, Calendar, Installation, PoolMember, SpecialDay, Team, Territory, User, WeeklyHours
from owners.roles import Role, give_role
from routing.coverage import QUARTER, by_day, forecast, groups_of, span_of
from routing.current import people_now
from routing.doctor import findings
from routing.engine.people import compile_people
from tests.builders import make_owner, make_pool, make_team

NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)  # a Monday
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def works(owner, *blocks, days=range(5)):
    WeeklyHours.objects.bulk_create(
        WeeklyHours(owner=owner, weekday=day, start_minute=start, end_minute=end)
        for day in days
        for start, end in blocks
    )


@pytest.fixture
def desk(db):
    """Europe belongs to Elena, nine to five in Berlin; Marco covers for her in the same hours."""
    Installation.objects.update_or_create(id=1, defaults={"time_zone": "Europe/Berlin"})
    team = make_team("emea")
    elena, marco = (make_owner(key, team, time_zone="Europe/Berlin", languages=["de"]) for key in ("elena", "marco"))
    for owner in (elena, marco):
        works(owner, (540, 1020))
    territory = Territory.objects.create(key="europe", name="Europe", owner=elena, team=team)
    return {"elena": elena, "marco": marco, "team": team, "territory": territory}


def covered(kind, key, zone=BERLIN, now=NOW):
    people = people_now()
    [group] = [one for one in groups_of(people) if (one.kind, one.key) == (kind, key)]
    [found] = forecast(people, [group], span_of(now, zone), now)
    return found


def away(owner, start, end, **fields):
    return Absence.objects.create(owner=owner, starts_at=start, ends_at=end, **fields)


def berlin(day, hour):
    return datetime(2026, 11, day, hour, tzinfo=BERLIN).astimezone(UTC)


def test_an_absence_without_cover_is_a_gap_with_its_reason_and_one_with_cover_is_none(desk):
    assert covered("territory", "europe").gaps == ()
    away(desk["elena"], berlin(26, 0), berlin(28, 0))
    [gap] = covered("territory", "europe").gaps
    assert (gap.start, gap.end, gap.hours) == (berlin(26, 9), berlin(27, 17), 16)
    assert gap.why == ("Elena is away until 27 Nov 2026, 23:00 UTC",)
    desk["elena"].cover = desk["marco"]
    desk["elena"].save()
    assert covered("territory", "europe").gaps == ()


def test_hours_that_are_over_are_no_gap_and_nights_never_are(desk):
    away(desk["elena"], berlin(23, 0), berlin(24, 0))
    [gap] = covered("territory", "europe").gaps
    assert (gap.start, gap.end, gap.hours) == (berlin(23, 11), berlin(23, 17), 6)  # it is half past eleven in Berlin
    late = covered("territory", "europe", now=berlin(23, 18))
    assert (late.gaps, late.least) == ((), 0)


def test_a_holiday_of_the_team_opens_a_gap_for_all_of_it(desk):
    office = Calendar.objects.create(key="office", name="Office")
    SpecialDay.objects.create(calendar=office, day="2026-11-25", name="Day of Repentance")
    Team.objects.filter(pk=desk["team"].pk).update(calendar=office)
    gaps = covered("language", "de").gaps
    assert [(gap.start, gap.hours, gap.why) for gap in gaps] == [
        (berlin(25, 9), 8, ("Elena has a holiday", "Marco has a holiday"))
    ]


def test_who_takes_no_leads_leaves_a_gap_and_who_left_leaves_none(desk):
    desk["elena"].accepts_leads = False
    desk["elena"].save()
    assert covered("territory", "europe").gaps[0].why == ("Elena does not accept leads",)
    desk["elena"].state = "departed"
    desk["elena"].save()
    found = covered("territory", "europe")
    assert (found.gaps, found.covered) == ((), 0)


def test_a_pool_counts_members_within_their_dates_and_one_without_hours_absences_alone(desk):
    pool = make_pool("night", [desk["elena"]], keeps_hours=False)
    PoolMember.objects.update(ends_at=berlin(24, 0))
    away(desk["elena"], berlin(23, 20), berlin(23, 22))
    found = covered("pool", pool.key)
    day = by_day(span_of(NOW, BERLIN), found.counts)
    assert next(iter(day.values())) == [1] * 20 + [0, 0, 1, 1]
    assert sum(map(sum, list(day.values())[1:])) == 0


def test_days_of_a_clock_change_have_the_hours_that_they_have(db):
    make_owner("anna")
    for now, hours, skipped in (
        (datetime(2026, 3, 28, 12, tzinfo=UTC), 14 * 24 - 1, 2),
        (datetime(2026, 10, 24, 12, tzinfo=UTC), 14 * 24 + 1, None),
    ):  # fmt: skip
        found = covered("everybody", "all", now=now)
        assert found.counts == (1,) * hours
        second = list(by_day(span_of(now, BERLIN), found.counts).values())[1]
        assert [hour for hour, count in enumerate(second) if count is None] == ([] if skipped is None else [skipped])


blocks = st.tuples(st.integers(0, 6), st.integers(0, 1439), st.integers(0, 1440)).filter(
    lambda block: block[1] != block[2]
)
zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])
minutes = st.integers(0, 14 * 24 * 60)
persons = st.tuples(zones, st.lists(blocks, max_size=1), st.lists(st.tuples(minutes, st.integers(1, 3000)), max_size=2))


def row(id, zone, hours, absences):
    given = [
        [(NOW + timedelta(minutes=at)).isoformat(), (NOW + timedelta(minutes=at + long)).isoformat()]
        for at, long in absences
    ]
    empty = {
        "languages": [],
        "services": [],
        "sources": [],
        "channels": [],
        "teams": [],
        "booking_url": "",
        "cover": None,
    }
    caps = {"cap_open": None, "cap_day": None, "cap_week": None}
    return {
        "id": id, "key": f"p{id}", "name": f"P{id}", "state": "active", "accepts": True, "zone": zone,
        "hours": [list(block) for block in hours], "absences": given, **empty, **caps,
    }  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(persons, min_size=1, max_size=5), zones)
def test_counts_are_those_of_a_plain_count(drawn, zone):
    lists = ("teams", "pools", "territories", "areas", "policies", "lead_types", "pipelines", "sources")
    content = {"owners": [row(id, *person) for id, person in enumerate(drawn, 1)], **dict.fromkeys(lists, ())}
    people = compile_people(1, content)
    span = span_of(NOW, ZoneInfo(zone))
    [found] = forecast(people, groups_of(people)[:1], span, NOW)
    for hour, count in list(zip(span.hours, found.counts, strict=True))[::7]:
        quarters = [hour + QUARTER * part for part in range(4)]
        plain = [
            sum(one.hours.elapsed(at, at + QUARTER) == QUARTER for one in people.owners.values() if one.hours)
            for at in quarters
        ]
        assert count == min(plain)


def sign_in(name, role):
    user = User.objects.create(username=name)
    give_role(user, role)
    client = Client()
    client.force_login(user)
    return client, user


def test_the_page_names_gaps_and_groups_and_the_file_holds_every_hour(desk, monkeypatch):
    monkeypatch.setattr("routing.pages.coverage.timezone.now", lambda: NOW)
    away(desk["elena"], berlin(26, 0), berlin(28, 0))
    client, _ = sign_in("rita", Role.REVOPS)
    page = client.get("/reports/coverage/", {"group": "territory:europe"})
    assert page.context["chosen"].group.name == "Europe"
    assert page.context["sentence"].startswith("1 gap, in which nobody is there")
    assert [(told["group"].key, told["why"]) for told in page.context["gaps"]] == [
        ("europe", "Elena is away until 27 Nov 2026, 23:00 UTC")
    ]
    text = b"".join(client.get("/reports/coverage/export.csv").streaming_content).decode()
    lines = list(csv.reader(io.StringIO(text)))
    assert lines[0] == ["group", "name", "hour", "zone", "people", "usually"]
    assert ["territory", "Europe", "2026-11-26 09:00", "Europe/Berlin", "0", "1"] in lines
    assert len(lines) == 1 + 3 * 14 * 24  # everybody, the territory, the language


def test_a_zone_that_does_not_exist_is_said_and_the_companys_is_shown(desk):
    client, _ = sign_in("rita", Role.REVOPS)
    page = client.get("/reports/coverage/", {"tz": "Mars/Base"})
    assert (page.status_code, page.context["zone"]) == (400, "Europe/Berlin")
    assert "Mars/Base" in page.content.decode()
    assert client.get("/reports/coverage/export.csv", {"tz": "Mars/Base"}).status_code == 400


def test_a_manager_sees_the_groups_of_their_teams_alone(desk):
    client, user = sign_in("mia", Role.MANAGER)
    desk["team"].lead = make_owner("mia", user=user, accepts_leads=False)
    desk["team"].save()
    other = make_owner("omar", make_team("south"), languages=["ar"])
    Territory.objects.create(key="south", name="South", owner=other)
    page = client.get("/reports/coverage/")
    found = {(one.group.kind, one.group.key) for _, listed in page.context["groups"] for one in listed}
    assert found == {("everybody", "all"), ("territory", "europe"), ("language", "de")}


def test_the_number_of_queries_does_not_grow(desk):
    client, _ = sign_in("rita", Role.REVOPS)
    client.get("/reports/coverage/")
    with CaptureQueriesContext(connection) as few:
        client.get("/reports/coverage/")
    for number in range(20):
        make_pool(f"pool{number}", [make_owner(f"rep{number}", languages=["en"])])
    client.get("/reports/coverage/")  # compiles the people once
    with CaptureQueriesContext(connection) as many:
        client.get("/reports/coverage/")
    assert len(few) == len(many)


def test_doctor_names_the_first_gap_of_a_territory(desk):
    away(desk["elena"], berlin(25, 0), berlin(26, 0))
    away(desk["elena"], berlin(27, 0), berlin(28, 0))
    [told] = [finding for finding in findings(NOW) if finding.code == "coverage_gap"]
    assert (told.severity, told.model, told.pk) == ("warning", "territory", desk["territory"].pk)
    assert told.sentence == (
        "Territory Europe has nobody from 25 Nov 2026, 08:00 to 25 Nov, 16:00 UTC (8 usual hours): "
        "Elena is away until 25 Nov 2026, 23:00 UTC. 1 more gap within fourteen days."
    )
