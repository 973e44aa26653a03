"""The admin of people, places and pools: what is read, what is refused, and that routing hears of it."""

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from owners.models import (
    Absence,
    ConfigStamp,
    Membership,
    Owner,
    Pool,
    PoolMember,
    Team,
    Territory,
    TerritoryArea,
    User,
    WeeklyHours,
)
from owners.words import join_words, split_words

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin_user(db):
    return User.objects.create(username="admin", is_staff=True, is_superuser=True)


@pytest.fixture
def elena():
    return Owner.objects.create(key="elena", name="Elena")


def address(model, page, *args):
    return reverse(f"admin:owners_{model._meta.model_name}_{page}", args=args)


def stamp():
    return ConfigStamp.objects.values_list("number", flat=True).first() or 0


def rows(prefix, *forms, initial=0):
    """The inline rows of a form; `forms`: field = text each."""
    posted = {f"{prefix}-TOTAL_FORMS": str(len(forms)), f"{prefix}-INITIAL_FORMS": str(initial)}
    for number, form in enumerate(forms):
        posted.update({f"{prefix}-{number}-{name}": value for name, value in form.items()})
    return posted


def owner_form(**more):
    given = {
        "name": "Elena", "key": "elena", "state": "active", "accepts_leads": "on", "time_zone": "Europe/Berlin",
    }  # fmt: skip
    return {**given, **rows("memberships"), **rows("hours"), **rows("special_days"), **rows("absences"), **more}


def errors_of(page, inline=None):
    if inline is None:
        return page.context["adminform"].form.errors
    formsets = {each.formset.prefix: each.formset for each in page.context["inline_admin_formsets"]}
    return formsets[inline].forms[0].errors


# --- owners ---


def test_an_owner_is_added_with_teams_hours_and_absences_in_one_form(admin_client):
    team = Team.objects.create(key="europe", name="Europe")
    form = owner_form(
        languages="EN, de", service_lines='crm, "audit, yearly"', alert_channels="email",
        **rows("memberships", {"team": team.pk}),
        **rows("hours", {"weekday": "0", "start_minute": "09:00", "end_minute": "24:00"}),
        **rows(
            "absences",
            {
                "starts_at_0": "2026-03-02", "starts_at_1": "09:00",
                "ends_at_0": "2026-03-04", "ends_at_1": "18:00", "reason": "holiday",
            },
        ),
    )  # fmt: skip
    assert admin_client.post(address(Owner, "add"), form).status_code == 302
    owner = Owner.objects.get()
    assert (owner.languages, owner.service_lines) == (["en", "de"], ["crm", "audit, yearly"])
    assert list(owner.teams.all()) == [team]
    assert list(owner.hours.values_list("weekday", "start_minute", "end_minute")) == [(0, 540, 1440)]
    assert owner.absences.get().reason == "holiday"


def test_lists_and_hours_are_shown_as_they_are_typed(admin_client, elena):
    elena.languages = ["en", "de"]
    elena.save()
    WeeklyHours.objects.create(owner=elena, weekday=0, start_minute=545, end_minute=1440)
    page = admin_client.get(address(Owner, "change", elena.pk))
    hours = next(each.formset for each in page.context["inline_admin_formsets"] if each.formset.prefix == "hours")
    assert page.context["adminform"].form["languages"].value() == "en, de"
    assert (hours.forms[0]["start_minute"].value(), hours.forms[0]["end_minute"].value()) == (
        "09:05",
        "24:00",
    )


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("languages", "en, xx", "“xx” is not a language code. Use two letters, such as en or de."),
        ("alert_channels", "fax", "There is no channel “fax”; there are in_app and email."),
        ("time_zone", "Mars/Base", "“Mars/Base” is not a time zone. Use a name such as Europe/Berlin."),
        (
            "service_lines",
            'a"b", "c',
            "Write a list with commas, and put quotation marks only around a whole word.",
        ),
        ("service_lines", "x" * 81, f"“{'x' * 40}…” is longer than 80 characters."),
    ],
)
def test_an_owner_that_cannot_be_is_refused_beside_the_input(admin_client, field, text, sentence):
    page = admin_client.post(address(Owner, "add"), owner_form(**{field: text}))
    assert errors_of(page) == {field: [sentence]}
    assert not Owner.objects.exists()


def test_an_owner_cannot_cover_themselves(admin_client, elena):
    page = admin_client.post(address(Owner, "change", elena.pk), owner_form(cover=elena.pk))
    assert errors_of(page) == {"cover": ["Somebody else has to cover for this owner."]}


@pytest.mark.parametrize(
    ("start", "end", "errors"),
    [
        ("9", "17:00", {"start_minute": ["“9” is not a time of day. Write it as 09:00."]}),
        ("09:00", "24:01", {"end_minute": ["“24:01” is not a time of day. Write it as 09:00."]}),
        ("09:00", "09:00", {"__all__": ["A block of hours has to end at another time than it starts."]}),
        ("24:00", "08:00", {"__all__": ["A block starts before 24:00 and ends at 24:00 at the latest."]}),
    ],
)
def test_hours_that_cannot_be_are_refused(admin_client, start, end, errors):
    block = rows("hours", {"weekday": "0", "start_minute": start, "end_minute": end})
    assert errors_of(admin_client.post(address(Owner, "add"), owner_form(**block)), "hours") == errors


def block(weekday, start, end, **more):
    return {"weekday": str(weekday), "start_minute": start, "end_minute": end, **more}


def hours_errors(page):
    formsets = {each.formset.prefix: each.formset for each in page.context["inline_admin_formsets"]}
    return formsets["hours"].non_form_errors()


@pytest.mark.parametrize(
    ("blocks", "sentence"),
    [
        (
            [block(0, "09:00", "12:00"), block(0, "11:00", "17:00")],
            "Monday 09:00 to 12:00 and Monday 11:00 to 17:00 overlap. Change or remove one of the two.",
        ),
        (
            [block(2, "09:00", "17:00"), block(2, "09:00", "12:00")],
            "Wednesday 09:00 to 12:00 and Wednesday 09:00 to 17:00 overlap. Change or remove one of the two.",
        ),
        (
            [block(0, "01:00", "08:00"), block(3, "09:00", "12:00"), block(6, "22:00", "02:00")],
            "Monday 01:00 to 08:00 and Sunday 22:00 to 02:00 overlap. Change or remove one of the two.",
        ),
        (
            [block(4, "09:00", "12:00"), block(4, "09:00", "12:00")],
            "Friday 09:00 to 12:00 is there twice. Remove one of the two.",
        ),
    ],
)
def test_hours_that_overlap_are_refused_with_their_days(admin_client, blocks, sentence):
    page = admin_client.post(address(Owner, "add"), owner_form(**rows("hours", *blocks)))
    assert hours_errors(page) == [sentence]
    assert not WeeklyHours.objects.exists()


def test_hours_that_touch_and_go_over_midnight_are_a_week(admin_client):
    blocks = [block(0, "09:00", "12:00"), block(0, "12:00", "17:00"), block(6, "22:00", "02:00")]
    assert admin_client.post(address(Owner, "add"), owner_form(**rows("hours", *blocks))).status_code == 302
    assert WeeklyHours.objects.count() == 3


def test_hours_are_compared_with_the_rows_that_stay(admin_client, elena):
    morning = WeeklyHours.objects.create(owner=elena, weekday=0, start_minute=540, end_minute=720)
    ids = {"id": morning.pk, "owner": elena.pk}
    day = block(0, "11:00", "17:00", owner=elena.pk)
    both = rows("hours", block(0, "09:00", "12:00", **ids), day, initial=1)
    page = admin_client.post(address(Owner, "change", elena.pk), owner_form(**both))
    assert hours_errors(page) == [
        "Monday 09:00 to 12:00 and Monday 11:00 to 17:00 overlap. Change or remove one of the two."
    ]
    instead = rows("hours", block(0, "09:00", "12:00", DELETE="on", **ids), day, initial=1)
    assert admin_client.post(address(Owner, "change", elena.pk), owner_form(**instead)).status_code == 302
    assert list(elena.hours.values_list("weekday", "start_minute", "end_minute")) == [(0, 660, 1020)]


def test_hours_are_compared_with_those_that_somebody_else_added_meanwhile(admin_client, elena):
    WeeklyHours.objects.create(owner=elena, weekday=0, start_minute=540, end_minute=720)
    added = rows("hours", block(0, "09:00", "17:00", owner=elena.pk))
    page = admin_client.post(address(Owner, "change", elena.pk), owner_form(**added))
    assert hours_errors(page) == [
        "Monday 09:00 to 12:00 and Monday 09:00 to 17:00 overlap. Change or remove one of the two."
    ]


def test_an_absence_has_to_end_after_it_starts(admin_client, elena):
    form = {
        "owner": elena.pk, "starts_at_0": "2026-03-02", "starts_at_1": "09:00", "ends_at_0": "2026-03-02",
        "ends_at_1": "09:00",
    }  # fmt: skip
    page = admin_client.post(address(Absence, "add"), form)
    assert errors_of(page) == {"__all__": ["The absence has to end after it starts."]}


# --- pools ---


POOL = {"name": "EMEA", "key": "emea", "method": "rotation", "catch_up": "0", "wait_minutes": "60"}


def test_a_pool_that_falls_back_has_to_name_to_whom(admin_client):
    form = {**POOL, "when_empty": "fallback", **rows("members")}
    page = admin_client.post(address(Pool, "add"), form)
    assert errors_of(page) == {"__all__": ["Name the fallback owner that the pool falls back to."]}


@pytest.mark.parametrize("weight", ["0", "1001"])
def test_a_weight_outside_its_bounds_is_refused(admin_client, elena, weight):
    member = rows("members", {"owner": elena.pk, "weight": weight, "position": "0", "active": "on"})
    form = {**POOL, "when_empty": "review", **member}
    assert list(errors_of(admin_client.post(address(Pool, "add"), form), "members")) == ["weight"]


# --- routing hears of every change ---


def test_the_stamp_rises_after_an_inline_edit(admin_client, elena):
    pool = Pool.objects.create(key="emea", name="EMEA")
    member = PoolMember.objects.create(pool=pool, owner=elena)
    seat = {
        "id": member.pk,
        "pool": pool.pk,
        "owner": elena.pk,
        "weight": "3",
        "position": "0",
        "active": "on",
    }
    form = {**POOL, "when_empty": "review", **rows("members", seat, initial=1)}
    before = stamp()
    admin_client.post(address(Pool, "change", pool.pk), form)
    member.refresh_from_db()
    assert (member.weight, stamp() > before) == (3, True)


def test_the_stamp_rises_after_an_inline_deletion(admin_client, elena):
    team = Team.objects.create(key="europe", name="Europe")
    membership = Membership.objects.create(owner=elena, team=team)
    row = {"id": membership.pk, "owner": elena.pk, "team": team.pk, "DELETE": "on"}
    before = stamp()
    admin_client.post(address(Owner, "change", elena.pk), owner_form(**rows("memberships", row, initial=1)))
    assert (Membership.objects.count(), stamp() > before) == (0, True)


def test_the_stamp_rises_after_a_bulk_deletion(admin_client):
    territories = [Territory.objects.create(key=key, name=key) for key in ("a", "b")]
    TerritoryArea.objects.create(territory=territories[0], country="DE")
    before = stamp()
    selected = [territory.pk for territory in territories]
    admin_client.post(
        address(Territory, "changelist"),
        {"action": "delete_selected", "_selected_action": selected, "post": "yes"},
    )
    assert (Territory.objects.count(), TerritoryArea.objects.count(), stamp() > before) == (0, 0, True)


def test_a_refused_form_leaves_the_stamp_alone(admin_client, elena):
    before = stamp()
    admin_client.post(address(Owner, "change", elena.pk), owner_form(time_zone="nowhere"))
    assert stamp() == before


def test_rows_that_exchange_a_value_which_may_occur_once_are_refused_in_a_sentence(admin_client, elena):
    blocks = [WeeklyHours.objects.create(owner=elena, weekday=day, start_minute=540, end_minute=600) for day in (0, 1)]
    swapped = [
        {"id": block.pk, "owner": elena.pk, "weekday": str(1 - block.weekday), "start_minute": "09:00",
         "end_minute": "10:00"}
        for block in blocks
    ]  # fmt: skip
    before = stamp()
    form = owner_form(name="Helena", **rows("hours", *swapped, initial=2))
    answer = admin_client.post(address(Owner, "change", elena.pk), form, follow=True)
    assert [str(message) for message in answer.context["messages"]] == [
        "Nothing was saved: for a moment two rows would have had the same values. Save in two steps."
    ]
    elena.refresh_from_db()
    assert (elena.name, stamp()) == ("Elena", before)
    assert list(WeeklyHours.objects.order_by("id").values_list("weekday", flat=True)) == [0, 1]


# --- words ---


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        (" , ,", []),
        ("a, b,c", ["a", "b", "c"]),
        ('"Acme, Inc.", b', ["Acme, Inc.", "b"]),
        ('say ""hi', ['say ""hi']),
    ],
)
def test_a_line_is_split_at_its_commas(line, words):
    assert split_words(line) == words
    assert split_words(join_words(words)) == words


WORD = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)


@given(st.lists(st.lists(WORD, min_size=1, max_size=3).map(" ".join), max_size=6))
def test_words_survive_the_line_they_are_written_in(words):
    assert split_words(join_words(words)) == words
