"""The first run in a browser without the demo: one token, one page, one winner, and a lead that finds its owner."""

import json

import pytest
from django.test import Client

from leads.models import Lead, Source
from owners.models import Installation, Owner, PoolMember, Team, Territory, User, WeeklyHours
from owners.roles import Role, give_role, role_of
from routing import setup
from routing.doctor import findings
from routing.models import RuleSetVersion
from routing.pages import setup as page
from tests.builders import NOW, make_lead_type

pytestmark = pytest.mark.django_db(transaction=True)

ANSWERS = {
    "name": "Ann Field", "email": "Ann@firm.example", "username": "ann", "password": "seven green bottles",
    "again": "seven green bottles", "company": "Firm & Sons", "time_zone": "Europe/Berlin", "days": ["0", "1"],
    "opens": "09:00", "closes": "17:30", "team": "Sales", "takes_leads": "on", "colleagues": "",
    "source_name": "Website form", "source_kind": "contact_form", "lead_type": "demo", "template": "one_owner",
    "areas": "", "first_touch_minutes": "10",
}  # fmt: skip


@pytest.fixture
def token():
    make_lead_type("demo")
    page._wrong.clear()
    yield setup.new_door()
    page._wrong.clear()


def finish(token, browser=None, **changed):
    return (browser or Client()).post("/setup/", {**ANSWERS, "token": token, **changed})


def lead_of(answer, **fields):
    """Post a lead with the token that the last page shows; the lead."""
    made = answer.context["made"]
    payload = {"email": "jo@buyer.example", **fields}
    posted = Client().post(
        f"/api/v1/intake/{made.source.key}", json.dumps(payload), content_type="application/json",
        headers={"Authorization": f"Bearer {made.token}"},
    )  # fmt: skip
    return Lead.objects.get(pk=posted.json()["lead_id"])


def test_one_owner_firm_routes_its_first_lead(token):
    browser = Client()
    assert browser.get(f"/setup/?token={token}").status_code == 200
    answer = finish(token, browser)
    user = User.objects.get(username="ann")
    assert (answer.status_code, role_of(user), user.check_password("seven green bottles")) == (
        200, Role.ADMINISTRATOR, True,
    )  # fmt: skip
    assert int(browser.session["_auth_user_id"]) == user.pk
    assert answer.context["made"].token in answer.content.decode()
    installation = Installation.objects.get()
    assert (installation.company_name, installation.time_zone) == ("Firm & Sons", "Europe/Berlin")
    office = "Office hours"
    assert list(WeeklyHours.objects.values_list("calendar__name", "weekday", "start_minute", "end_minute")) == [
        (office, 0, 540, 1050), (office, 1, 540, 1050),
    ]  # fmt: skip
    assert (Team.objects.get().calendar.name, Team.objects.get().calendar.time_zone) == (office, "Europe/Berlin")
    assert lead_of(answer).owner == user.owner
    assert {finding.severity for finding in findings(NOW)} <= {"warning"}


def test_team_shares_in_turn_and_colleagues_are_reps_without_a_password(token):
    answer = finish(
        token, template="in_turn", takes_leads="",
        colleagues="Sam Jones, sam@firm.example\n\nKim Lee <kim@firm.example>",
    )  # fmt: skip
    sam = User.objects.get(username="sam@firm.example")
    assert (role_of(sam), sam.has_usable_password(), sam.owner.name) == (Role.REP, False, "Sam Jones")
    assert Owner.objects.get(key="ann_field").accepts_leads is False
    assert [str(member.owner) for member in PoolMember.objects.all()] == ["Sam Jones", "Kim Lee"]
    assert [lead_of(answer, email=f"{n}@buyer{n}.example").owner.name for n in range(3)] == [
        "Sam Jones", "Kim Lee", "Sam Jones",
    ]  # fmt: skip


def test_territory_comes_before_the_turn(token):
    answer = finish(
        token, template="territories", colleagues="Sam Jones, sam@firm.example", days=[],
        areas="DACH: DE, Austria, Schweiz: sam@firm.example",
    )  # fmt: skip
    areas = Territory.objects.get().areas.values_list("country", flat=True)
    assert sorted(areas) == ["AT", "CH", "DE"]
    assert lead_of(answer, country="AT").owner.name == "Sam Jones"
    assert lead_of(answer, email="di@other.example", country="FR").owner.name == "Ann Field"


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"password": "12345", "again": "12345"}, "password", "at least 10 characters"),
        ({"again": "something else"}, "again", "The two passwords differ."),
        ({"time_zone": "Mars"}, "time_zone", "“Mars” is not a time zone."),
        ({"closes": "09:00"}, "closes", "A day has to end at another time than it begins."),
        ({"takes_leads": ""}, "takes_leads", "Somebody has to take leads"),
        ({"colleagues": "Sam"}, "colleagues", "Line 1, “Sam”: write a name, a comma and an e-mail address."),
        ({"colleagues": "A, a@b.example\nB, a@b.example"}, "colleagues", "Line 2: a@b.example is there twice."),
        ({"colleagues": "Ann, ann@firm.example"}, "colleagues", "ann@firm.example is you"),
        ({"template": "territories"}, "areas", "Name at least one territory"),
        ({"template": "territories", "areas": "X: Narnia: ann@firm.example"}, "areas", "“Narnia” is no country."),
        ({"template": "territories", "areas": "X: DE: no@firm.example"}, "areas", "X: no@firm.example is nobody named"),
        ({"name": "", "colleagues": "\n" * 3 + "x\n" * 300}, "colleagues", "These are 300 lines"),
        ({"first_touch_minutes": "0"}, "first_touch_minutes", "greater than or equal to 1"),
    ],
)
def test_answer_that_cannot_be_is_named_beside_its_field_and_makes_nothing(token, changed, field, sentence):
    answer = finish(token, **changed)
    assert sentence in " ".join(answer.context["form"].errors[field])
    assert ANSWERS["password"] not in answer.content.decode()
    assert (User.objects.count(), Source.objects.count(), setup.waits()) == (0, 0, True)


def test_wrong_token_opens_nothing_and_many_are_slowed_down(token):
    assert [Client().get(f"/setup/{query}").status_code for query in ("", "?token=wrong")] == [403, 403]
    newer = setup.new_door()
    assert finish(token).status_code == 403
    for _ in range(page.MOST_WRONG):
        refused = Client().get("/setup/?token=wrong")
    assert (refused.status_code, refused["Retry-After"]) == (429, "60")
    assert (finish(newer).status_code, setup.waits()) == (429, True)


def test_second_browser_is_told_and_afterwards_there_is_no_such_page(token):
    assert finish(token).status_code == 200
    late = finish(token, username="bob", email="bob@firm.example")
    assert (late.status_code, "Somebody else was faster" in late.content.decode()) == (409, True)
    assert [Client().get(f"/setup/?token={token}").status_code, finish("wrong").status_code] == [404, 404]
    assert list(User.objects.values_list("username", flat=True)) == ["ann"]
    with pytest.raises(setup.Closed):
        setup.new_door()


def test_between_two_that_finish_at_once_the_lock_decides(token):
    """The second passed every check before the first had the lock."""
    form = page.SetupForm({**ANSWERS})
    assert form.is_valid()
    answers = form.answers()
    setup.first_run(answers, token, NOW)
    with pytest.raises(setup.Closed):
        setup.first_run(answers, token, NOW)
    assert (User.objects.count(), RuleSetVersion.objects.count(), Team.objects.count()) == (1, 1, 1)


def test_administrator_made_elsewhere_closes_the_door(token):
    ann = User.objects.create(username="ann")
    assert setup.waits()
    give_role(ann, Role.ADMINISTRATOR)
    assert (setup.waits(), Client().get(f"/setup/?token={token}").status_code) == (False, 404)


def test_visitor_of_a_new_installation_is_told_how_to_begin(token):
    there = Client().get("/", follow=True)
    assert (there.redirect_chain, there.status_code) == ([("/setup/", 302)], 403)
    assert "Open the whole address that the server printed" in there.content.decode()
    finish(token)
    assert Client().get("/").url == "/admin/login/?next=/"


def test_keys_that_are_taken_are_numbered(token):
    Team.objects.create(key="sales", name="Sales")
    finish(token)
    assert sorted(Team.objects.values_list("key", flat=True)) == ["sales", "sales_2"]


HOSTILE = ("\0", "a\0b", "x" * 5000, "½", "9" * 40, "24:00", "\n" * 2000, "\u202e" * 50)
ODD = ("🙂" * 60, "İ" * 60, "ـ" * 60, "---", "<script>alert(1)</script>", "'\";--")


def test_what_no_browser_sends_is_refused_in_words_and_nothing_is_half_made(token):
    for value in HOSTILE:
        answer = finish(token, **dict.fromkeys(ANSWERS, value))
        assert (answer.status_code, bool(answer.context["form"].errors)) == (200, True), value[:9]
        page._wrong.clear()
        assert finish(value).status_code == 403
    assert (User.objects.count(), Team.objects.count(), Source.objects.count(), setup.waits()) == (0, 0, 0, True)


@pytest.mark.parametrize("odd", ODD)
def test_names_in_any_writing_make_a_company_whose_source_takes_leads(token, odd):
    people = f"{odd}, sam@firm.example\n{odd}, kim@firm.example"
    answer = finish(token, name=odd, company=odd, team=odd, source_name=odd, colleagues=people, template="in_turn")
    assert lead_of(answer).owner.name == odd
