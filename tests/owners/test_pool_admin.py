"""What the forms of pools and members ask, refuse and warn of, and what the query's lines become."""

import re

import pytest

from owners.models import Pool, PoolMember
from tests.builders import make_owner, make_pool, make_team
from tests.owners.test_admin import POOL, address, errors_of, rows
from tests.routing.forms import said

pytestmark = pytest.mark.django_db


@pytest.fixture
def elena():
    return make_owner("elena", make_team("emea"), languages=["de"], skills=["enterprise"])


def form(*members, initial=0, **more):
    return {**POOL, "when_empty": "review", **rows("members", *members, initial=initial), **more}


def test_what_is_asked_becomes_a_query_and_finds_its_members(admin_client, elena):
    asked = {"ask_languages": "DE", "ask_skills": "enterprise", "ask_teams": [elena.teams.get().pk]}
    assert admin_client.post(address(Pool, "add"), form(**asked)).status_code == 302
    pool = Pool.objects.get()
    assert pool.member_query == {"languages": ["de"], "skills": ["enterprise"], "teams": ["emea"]}
    member = pool.members.get()
    assert (member.owner, member.by_query) == (elena, True)
    page = admin_client.get(address(Pool, "change", pool.pk)).content.decode()
    assert 'value="enterprise"' in page
    assert finds_now(page) == "Elena"
    for name in ("ann", "ben", "cleo", "zoe"):
        make_owner(name, elena.teams.get(), languages=["de", "fr"], skills=["enterprise"])
    page = admin_client.get(address(Pool, "change", pool.pk)).content.decode()
    assert finds_now(page) == "Ann, Ben, Cleo and 2 more"
    Pool.objects.update(member_query={"languages": ["it"]})
    page = admin_client.get(address(Pool, "change", pool.pk)).content.decode()
    assert finds_now(page) == "nobody: no active owner is all of this"


def finds_now(page: str) -> str:
    [found] = re.findall(r"Finds now:?</label>\s*<div class=\"readonly\">([^<]*)</div>", page)
    return found


def test_a_language_that_is_none_is_refused(admin_client):
    page = admin_client.post(address(Pool, "add"), form(ask_languages="german"))
    assert list(errors_of(page)) == ["ask_languages"]


@pytest.mark.parametrize(
    ("more", "field"),
    [({"method": "claim"}, "named_owner"), ({"when_empty": "hold"}, "named_owner"), ({"wait_minutes": "0"}, "__all__")],
)
def test_a_pool_whose_leads_wait_names_who_answers_and_how_long(admin_client, more, field):
    page = admin_client.post(address(Pool, "add"), form(**more))
    assert list(errors_of(page)) == [field]


def test_next_pools_that_go_round_are_refused_with_the_round(admin_client, elena):
    first = make_pool("first", [], method="claim", named_owner=elena)
    second = make_pool("second", [], method="claim", named_owner=elena, next_pool=first)
    more = {"name": "First", "key": "first", "method": "claim", "named_owner": elena.pk, "next_pool": second.pk}
    page = admin_client.post(address(Pool, "change", first.pk), form(**more | {"method": "rotation"}))
    assert errors_of(page)["next_pool"] == [
        "Only leads that are claimed by hand go on to a next pool: choose that method, or leave this empty."
    ]
    page = admin_client.post(address(Pool, "change", first.pk), form(**more))
    assert errors_of(page)["next_pool"] == [
        "Leads that nobody claims would go round: First → Second → First. Let one of them end with its named person."
    ]


@pytest.mark.parametrize("weight", ["0", "-1", "1001"])
def test_a_weight_outside_its_bounds_is_refused_with_what_to_do_instead(admin_client, elena, weight):
    page = admin_client.post(
        address(Pool, "add"), form({"owner": elena.pk, "weight": weight, "position": "0", "active": "on"})
    )
    assert errors_of(page, "members") == {
        "weight": ["The weight is a whole number from 1 to 1000. Make somebody inactive to give them no leads."]
    }


def test_dates_and_caps_are_set_on_the_members_page_and_said_on_the_pools(admin_client, elena):
    pool = make_pool("emea", [elena])
    member = pool.members.get()
    sent = {"owner": elena.pk, "pool": pool.pk, "weight": "1", "position": "0", "active": "on", "cap_day": "2"}
    dates = {"starts_at_0": "2026-12-03", "starts_at_1": "09:00", "ends_at_0": "2026-12-03", "ends_at_1": "08:00"}
    page = admin_client.post(address(PoolMember, "change", member.pk), sent | dates)
    assert errors_of(page) == {"__all__": ["A member leaves after they joined: set a later end, or none."]}
    dates["ends_at_0"] = "2026-12-24"
    assert admin_client.post(address(PoolMember, "change", member.pk), sent | dates).status_code == 302
    page = admin_client.get(address(Pool, "change", pool.pk)).content.decode()
    said = "from 3 Dec 2026, 09:00 UTC; until 24 Dec 2026, 08:00 UTC; at most 2 a day"
    assert f'{said} <a href="{address(PoolMember, "change", member.pk)}" aria-label="Set those of Elena">' in page


def test_the_list_says_how_a_pool_shares_and_what_happens_when_nobody_takes_a_lead(admin_client, elena):
    make_pool("plain", [elena])
    make_pool("back", [], when_empty="fallback", fallback_owner=elena)
    hold = make_pool("hold", [], when_empty="hold", named_owner=elena)
    make_pool("desk", [], method="claim", named_owner=elena, next_pool=hold, wait_minutes=5)
    page = admin_client.get(address(Pool, "changelist")).content.decode()
    cells = re.findall(r'field-(?:method|active_members|if_nobody)">([^<]*)<', page)
    assert cells == [
        "weighted rotation", "0", "falls back to Elena",
        "claimed by hand", "0", "Hold after 5 min",
        "weighted rotation", "0", "held for Elena",
        "weighted rotation", "1", "review",
    ]  # fmt: skip


def test_a_pool_of_leavers_is_saved_with_a_warning(admin_client, elena):
    pool = make_pool("emea", [elena])
    elena.state = "departed"
    elena.save()
    answer = admin_client.post(address(Pool, "change", pool.pk), form(name="EMEA", key="emea"), follow=True)
    assert any(sentence.startswith("Nobody in EMEA takes leads now") for sentence in said(answer))
    asked = form(name="EMEA", key="emea", ask_languages="it, de")
    assert "EMEA asks for languages it, de, and no active owner is all of this. " in " ".join(
        said(admin_client.post(address(Pool, "change", pool.pk), asked, follow=True))
    )


def test_whom_somebody_takes_out_stays_out(admin_client, elena):
    pool = make_pool("german", [], member_query={"languages": ["de"]})
    member = pool.members.get()
    out = {"id": member.pk, "pool": pool.pk, "owner": elena.pk, "weight": "1", "position": "0"}
    sent = form(out, initial=1, name="German", key="german", ask_languages="de")
    assert admin_client.post(address(Pool, "change", pool.pk), sent).status_code == 302
    elena.save()
    assert list(PoolMember.objects.values_list("active", "by_query")) == [(False, False)]
