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


def test_who_leaves_before_joining_is_refused(admin_client, elena):
    dates = {"starts_at_0": "2026-12-03", "starts_at_1": "09:00", "ends_at_0": "2026-12-03", "ends_at_1": "08:00"}
    page = admin_client.post(
        address(Pool, "add"), form({"owner": elena.pk, "weight": "1", "position": "0", "active": "on", **dates})
    )
    assert errors_of(page, "members") == {"__all__": ["A member leaves after they joined: set a later end, or none."]}


def test_a_pool_of_leavers_is_saved_with_a_warning(admin_client, elena):
    pool = make_pool("emea", [elena])
    elena.state = "departed"
    elena.save()
    answer = admin_client.post(address(Pool, "change", pool.pk), form(name="EMEA", key="emea"), follow=True)
    assert any(sentence.startswith("Nobody in EMEA takes leads now") for sentence in said(answer))


def test_whom_somebody_takes_out_stays_out(admin_client, elena):
    pool = make_pool("german", [], member_query={"languages": ["de"]})
    member = pool.members.get()
    out = {"id": member.pk, "pool": pool.pk, "owner": elena.pk, "weight": "1", "position": "0"}
    sent = form(out, initial=1, name="German", key="german", ask_languages="de")
    assert admin_client.post(address(Pool, "change", pool.pk), sent).status_code == 302
    elena.save()
    assert list(PoolMember.objects.values_list("active", "by_query")) == [(False, False)]
