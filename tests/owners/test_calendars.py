"""Calendars as RevOps makes them: hours, breaks, special days, holidays; who uses them, and what is refused."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from owners import week
from owners.models import Absence, Calendar, Membership, Owner, SpecialDay, Team, User, WeeklyHours
from owners.roles import Role, give_role
from routing.current import people_now
from tests.owners.test_admin import block, errors_of, hours_errors, owner_form, rows

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)  # a Wednesday
OFFICE = [block(day, "09:00", "17:30") for day in range(5)]
LUNCH = [block(day, "12:30", "13:15", kind="break") for day in range(5)]


@pytest.fixture
def admin_user(db):
    return User.objects.create(username="admin", is_staff=True, is_superuser=True)


@pytest.fixture
def elena(db):
    return Owner.objects.create(key="elena", name="Elena")


def address(page, *args, model="calendar"):
    return reverse(f"admin:owners_{model}_{page}", args=args)


def calendar_form(*blocks, days=(), **more):
    given = {"name": "Berlin office", "key": "berlin", "time_zone": "Europe/Berlin", "holiday_country": "de"}
    return {**given, **rows("hours", *blocks), **rows("special_days", *days), **more}


def day(on, name, start="", end=""):
    return {"day": on, "name": name, "start_minute": start, "end_minute": end}


def special_errors(page):
    sets = {each.formset.prefix: each.formset for each in page.context["inline_admin_formsets"]}
    return sets["special_days"].non_form_errors() or sets["special_days"].forms[0].errors.get("__all__")


def test_a_calendar_shared_by_a_team_is_the_week_of_its_members(admin_client, admin_user, monkeypatch):
    monkeypatch.setattr("owners.admin.people.timezone.now", lambda: NOW)
    team = Team.objects.create(key="europe", name="Europe")
    elena, marco = (Owner.objects.create(key=key, name=key.title(), time_zone="UTC") for key in ("elena", "marco"))
    for owner in (elena, marco):
        Membership.objects.create(owner=owner, team=team)
    days = [day("2026-12-24", "Christmas Eve", "09:00", "12:00"), day("2026-12-25", "Christmas Day")]
    form = calendar_form(*OFFICE, *LUNCH, days=days)
    assert admin_client.post(address("add"), form).status_code == 302
    calendar = Calendar.objects.get()
    assert (calendar.holiday_country, calendar.hours.filter(kind="break").count()) == ("DE", 5)
    assert set(calendar.special_days.values_list("recorded_by", "proposed")) == {(admin_user.pk, False)}
    change = {"name": "Europe", "key": "europe", "calendar": calendar.pk}
    team_rows = rows("memberships")
    assert admin_client.post(address("change", team.pk, model="team"), change | team_rows).status_code == 302
    page = admin_client.get(address("change", elena.pk, model="owner")).content.decode()
    assert (
        "Mon–Fri 09:00–17:30, break 12:30–13:15, Europe/Berlin, from Berlin office; next special day Thu 24 Dec 2026:"
        " Christmas Eve, 09:00–12:00.<br><strong>Open now until Wed 25 Nov 2026, 12:30 CET.</strong>"
    ) in page
    assert "team Europe" in admin_client.get(address("change", calendar.pk)).content.decode()

    # What the screens say is what routing compiles: by calendar, by own hours, with own days, with absences.
    SpecialDay.objects.create(owner=marco, day=date(2026, 12, 25), name="On call", start_minute=600, end_minute=660)
    zoe = Owner.objects.create(key="zoe", name="Zoe", calendar=calendar, time_zone="America/New_York")
    WeeklyHours.objects.create(owner=zoe, weekday=0, start_minute=540, end_minute=720)
    Absence.objects.create(owner=elena, starts_at=NOW, ends_at=NOW + timedelta(days=14))
    for owner in Owner.objects.all():
        assert people_now().owners[owner.pk].hours == week.hours_of(owner), owner
    held = week.week_of(elena)
    assert week.now_in_words(held, [(NOW, NOW + timedelta(days=14))], NOW) == (
        "Away until Wed 9 Dec 2026, 11:00 CET; the next working hour begins Wed 9 Dec 2026, 11:00 CET."
    )
    assert week.in_words(week.week_of(zoe), NOW).startswith("Mon 09:00–12:00, America/New_York, their own hours;")


@pytest.mark.parametrize(
    ("blocks", "sentence"),
    [
        ([], "A calendar needs at least one open hour. Add a block, such as Monday 09:00 to 17:00."),
        (LUNCH, "A calendar needs at least one open hour. Add a block, such as Monday 09:00 to 17:00."),
        (
            [block(0, "09:00", "12:00"), block(0, "11:00", "17:00")],
            "Monday 09:00 to 12:00 and Monday 11:00 to 17:00 overlap. Change or remove one of the two.",
        ),
        (
            [block(0, "09:00", "12:00"), block(0, "08:00", "10:00", kind="break"),
             block(0, "10:00", "12:00", kind="break")],
            "The breaks leave nothing of the working hours. Shorten or remove one of them.",
        ),
        (
            [*OFFICE, block(0, "12:00", "13:00", kind="break"), block(0, "12:00", "14:00", kind="break")],
            "Monday 12:00 to 13:00 (break) and Monday 12:00 to 14:00 (break) begin at once. Remove one of the two.",
        ),
    ],
)  # fmt: skip
def test_a_week_that_cannot_be_is_refused(admin_client, blocks, sentence):
    page = admin_client.post(address("add"), calendar_form(*blocks))
    assert hours_errors(page) == [sentence]
    assert not Calendar.objects.exists()


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        (
            [day("2026-12-24", "Eve", "09:00")],
            "Give both a beginning and an end, or neither: then the day is closed.",
        ),
        ([day("2026-12-24", "Eve"), day("2026-12-24", "Eve")], "2026-12-24 is there twice. Remove one of the two."),
        (
            [day("2026-12-24", "Eve"), day("2026-12-24", "Eve", "09:00", "12:00")],
            "2026-12-24 is closed in one row and open in another. Keep one of the two.",
        ),
        (
            [day("2026-12-24", "Eve", "09:00", "12:00"), day("2026-12-24", "Eve", "11:00", "13:00")],
            "Two blocks of 2026-12-24 overlap. Change or remove one of the two.",
        ),
    ],
)
def test_a_special_day_that_cannot_be_is_refused(admin_client, days, sentence):
    page = admin_client.post(address("add"), calendar_form(*OFFICE, days=days))
    assert special_errors(page) == [sentence]
    assert not SpecialDay.objects.exists()


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"time_zone": "Mars/Base"}, "time_zone", "“Mars/Base” is not a time zone. Use a name such as Europe/Berlin."),
        (
            {"holiday_country": "XX"},
            "holiday_country",
            "No holidays are known of a country “XX”. Use its ISO 3166-1 code, such as DE.",
        ),
    ],
)
def test_a_place_that_is_not_known_is_refused(admin_client, given, field, sentence):
    assert errors_of(admin_client.post(address("add"), calendar_form(*OFFICE, **given))) == {field: [sentence]}
    page = admin_client.post(address("add"), calendar_form(*OFFICE, holiday_region="ZZ"))
    assert errors_of(page)["holiday_region"][0].startswith("No holidays are known of a region “ZZ” of DE. There are BB")


def test_holidays_are_proposed_and_count_once_a_person_accepts_them(admin_client, admin_user):
    calendar = Calendar.objects.create(key="berlin", name="Berlin office", holiday_country="DE", holiday_region="BE")
    WeeklyHours.objects.create(calendar=calendar, weekday=0, start_minute=540, end_minute=1020)
    year = date.today().year
    SpecialDay.objects.create(calendar=calendar, day=date(year + 1, 5, 1), name="Picnic", start_minute=0, end_minute=60)
    page = admin_client.get(address("holidays", calendar.pk))
    proposed = {each.day: (each.name, each.there) for each in page.context["holidays"]}
    assert proposed[date(year + 1, 3, 8)] == ("Women's Day", "")
    assert proposed[date(year + 1, 5, 1)] == ("Labor Day", "Picnic")
    assert calendar.special_days.count() == 1  # nothing is applied by being proposed

    ticked = [
        f"{year + 1}-03-08",
        f"{year + 1}-12-25",
        f"{year + 1}-05-01",
        f"{year + 1}-03-09",
        "Monday",
        "0001-01-01",
    ]
    page = admin_client.post(address("holidays", calendar.pk), {"day": ticked[:-1]})
    assert [str(each) for each in get_messages(page.wsgi_request)] == [
        "2 holidays of Berlin office accepted: closed on these days from the next lead on."
    ]
    made = calendar.special_days.filter(proposed=True).values_list("day", "name", "start_minute", "recorded_by")
    assert list(made) == [
        (date(year + 1, 3, 8), "Women's Day", None, admin_user.pk),
        (date(year + 1, 12, 25), "Christmas Day", None, admin_user.pk),
    ]
    for again in (ticked[:2], ticked[-1:], []):
        admin_client.post(address("holidays", calendar.pk), {"day": again})
        assert calendar.special_days.count() == 3
    Calendar.objects.update(holiday_country="", holiday_region="")
    page = admin_client.get(address("holidays", calendar.pk), follow=True)
    assert "No holidays are known of a country “”" in page.content.decode()


def test_past_special_days_are_kept_and_do_not_fill_the_page(admin_client, elena):
    today = date.today()
    for back in (-1, 1, *range(40, 160)):
        SpecialDay.objects.create(owner=elena, day=today - timedelta(days=back), name="Closed")
    page = admin_client.get(address("change", elena.pk, model="owner"))
    sets = {each.formset.prefix: each.formset for each in page.context["inline_admin_formsets"]}
    assert len(sets["special_days"].initial_forms) == 2
    again = rows("special_days", day(f"{today - timedelta(days=40)}", "Again"))
    page = admin_client.post(address("change", elena.pk, model="owner"), owner_form(**again))
    assert special_errors(page) == [f"{today - timedelta(days=40)} is there twice. Remove one of the two."]


def test_covers_may_be_a_chain_and_never_a_circle(admin_client):
    names = ("elena", "marco", "ingrid")
    elena, marco, ingrid = (Owner.objects.create(key=key, name=key.title()) for key in names)
    for one, other in ((elena, marco), (marco, ingrid)):
        Owner.objects.filter(pk=one.pk).update(cover=other)
    form = owner_form(name="Ingrid", key="ingrid", cover=elena.pk)
    page = admin_client.post(address("change", ingrid.pk, model="owner"), form)
    assert errors_of(page) == {
        "cover": [
            "Covers would go round in a circle: Ingrid → Elena → Marco → Ingrid. When they are all away, nobody stands"
            " in. Choose somebody else, or change one of the other covers first."
        ]
    }
    Owner.objects.filter(pk=elena.pk).update(cover_until=NOW - timedelta(days=365))  # ended long ago: no circle
    assert admin_client.post(address("change", ingrid.pk, model="owner"), form).status_code == 302
    until = {"cover_until_0": "2030-01-01", "cover_until_1": "09:00"}
    form = owner_form(cover=marco.pk, **until)
    assert errors_of(admin_client.post(address("change", elena.pk, model="owner"), form)).keys() == {"cover"}
    Owner.objects.filter(pk=ingrid.pk).update(cover=None)
    assert admin_client.post(address("change", elena.pk, model="owner"), form).status_code == 302
    elena.refresh_from_db()
    assert (elena.cover, elena.cover_until) == (marco, datetime(2030, 1, 1, 9, 0, tzinfo=UTC))


def test_a_manager_enters_absences_for_their_team_and_for_nobody_else(client):
    mia, elena, marco = (Owner.objects.create(key=key, name=key.title()) for key in ("mia", "elena", "marco"))
    mia.user = User.objects.create(username="mia")
    mia.save()
    give_role(mia.user, Role.MANAGER)
    Membership.objects.create(owner=elena, team=Team.objects.create(key="here", name="Here", lead=mia))
    client.force_login(mia.user)
    page = client.get(address("change", elena.pk, model="owner")).content.decode()
    add = f"{address('add', model='absence')}?owner={elena.pk}"
    assert f'<a href="{add}">Enter an absence</a>' in page
    assert f'<option value="{elena.pk}" selected>' in client.get(add).content.decode()
    form = {
        "owner": elena.pk, "kind": "sick", "starts_at_0": "2026-03-02", "starts_at_1": "09:00",
        "ends_at_0": "2026-03-04", "ends_at_1": "09:00",
    }  # fmt: skip
    assert client.post(add, form).status_code == 302
    assert Absence.objects.values_list("owner", "kind", "recorded_by").get() == (elena.pk, "sick", mia.user.pk)
    refused = client.post(add, form | {"owner": marco.pk})
    assert (refused.status_code, list(errors_of(refused))) == (200, ["owner"])
    Absence.objects.create(owner=marco, starts_at=NOW, ends_at=NOW + timedelta(days=1))
    shown = client.get(address("changelist", model="absence"))
    assert [row.owner for row in shown.context["cl"].result_list] == [elena]
