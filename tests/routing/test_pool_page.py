"""The pool's page, its file and its place in the API: who is next and why, what everybody got, and who sees it."""

import csv
from datetime import timedelta
from fractions import Fraction

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from leads.models import Lead
from leads.tokens import hash_token
from owners.models import Absence, Owner, PoolMember, User
from owners.roles import Role, give_role
from routing import acts
from routing.engine.shares import entitled
from routing.line_up import line_ups
from routing.models import ApiToken, LedgerEntry, RotationState
from tests.builders import NOW, make_owner, make_pool, make_team
from tests.routing.test_ledger import DAY, route, sales  # noqa: F401 - the same pool

pytestmark = pytest.mark.django_db
ADDRESS = "/pools/everybody/"


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    for module in ("pages.pools", "pages.my", "api.pools"):
        monkeypatch.setattr(f"routing.{module}.timezone.now", lambda: NOW + timedelta(minutes=1))


def sign_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def rep_of(owner) -> User:
    owner.user = User.objects.create(username=owner.key)
    owner.save()
    give_role(owner.user, Role.REP)
    return owner.user


def shown(page) -> dict:
    return {row["place"].name: row["place"] for row in page.context["rows"]}


def test_the_line_up_says_who_is_next_and_why_and_why_others_wait(sales):  # noqa: F811
    route(sales, 5)
    Owner.objects.filter(key="ben").update(cap_open=1)
    Absence.objects.create(owner=sales.cleo, starts_at=NOW, ends_at=NOW + 3 * DAY)
    page = sign_in(sales.rita).get(ADDRESS)
    places = shown(page)
    assert [(name, place.place) for name, place in places.items()] == [("Ann", 1), ("Cleo", None), ("Ben", None)]
    assert places["Ben"].why == "has 2 of 1 open leads"
    assert (places["Cleo"].why, places["Cleo"].until) == ("is away", NOW + 3 * DAY)
    html = page.content.decode()
    assert "Ann is next: nobody else could take a lead now." in html
    assert "0 of 1 <span" in html
    assert "the ledger adds up exactly" in html
    assert html.count("got a lead") == 5


def test_ties_and_arrivals_are_told_in_the_sentence(sales):  # noqa: F811
    def because():
        return line_ups([sales.pool.pk], NOW, NOW - DAY)[sales.pool.pk].because

    assert because() == "Ann is next: v is 0 like that of Ben, but they stand earlier in the list."
    route(sales, 1)
    assert because() == "Ben is next: v is 0 like that of Cleo, but they stand earlier in the list."
    route(sales, 1)
    assert because() == "Cleo is next: their v is the lowest, 0. Ann follows with 1/2."
    route(sales, 2)
    assert because() == "Ben is next: v is 1 like that of Cleo, but Ben waited longer for theirs."
    PoolMember.objects.update(active=False)
    assert because() == "Nobody in Everybody could take a lead now."


def test_the_other_methods_say_their_own_reason(sales):  # noqa: F811
    route(sales, 5)
    sales.pool.members.filter(owner=sales.cleo).update(position=0)
    sales.pool.members.exclude(owner=sales.cleo).update(position=1)
    client, found = sign_in(sales.rita), {}
    for method in ("fixed_order", "least_loaded", "claim"):
        sales.pool.method, sales.pool.named_owner = method, sales.ann
        sales.pool.save()
        page = client.get(ADDRESS)
        found[method] = (next(iter(shown(page))), page.context["line_up"].because)
    assert found["fixed_order"][0] == "Cleo"
    assert "first in the order" in found["fixed_order"][1]
    assert found["least_loaded"][0] == "Cleo"  # one open lead of weight 1, as Ann's two of weight 2, but waits longer
    assert "least loaded" in found["least_loaded"][1]
    assert found["claim"][1].startswith("Nobody is next")
    assert "may claim" in page.content.decode()
    assert client.get("/pools/").content.decode().count("claimed by hand") == 2


def test_shares_leave_out_who_could_not_take_it_and_add_up_to_what_was_given(sales):  # noqa: F811
    route(sales, 8)
    Absence.objects.create(owner=sales.ben, starts_at=NOW + DAY, ends_at=NOW + 8 * DAY)
    route(sales, 12, NOW + 2 * DAY)
    route(sales, 8, NOW + 9 * DAY)
    places = line_ups([sales.pool.pk], NOW + 9 * DAY, NOW - DAY)[sales.pool.pk].places
    got = {place.name: (place.received, place.due) for place in places}
    assert sum(due for _, due in got.values()) == 28
    assert all(abs(received - due) <= 1 for received, due in got.values()), got
    assert got["Ben"][0] in (4, 5)
    spam = Lead.objects.filter(owner=sales.ann).first()
    acts.reject(spam.pk, sales.by, "spam", NOW, cause="spam")
    ann = line_ups([sales.pool.pk], NOW + 9 * DAY, NOW - DAY)[sales.pool.pk].places[0]
    assert (ann.name, ann.received, ann.credited) == ("Ann", got["Ann"][0] - 1, 1)


def test_a_lead_is_due_by_weight_to_all_who_could_take_it():
    both, one = frozenset({(1, 2), (2, 1)}), frozenset({(1, 2)})
    assert entitled({both: 4, one: 3}) == {1: Fraction(17, 3), 2: Fraction(4, 3)}
    assert entitled({}) == {}


def test_a_rep_sees_the_line_of_their_pools_and_their_own_entries_only(sales):  # noqa: F811
    route(sales, 8)
    other = make_pool("others", [make_owner("zoe")])
    client = sign_in(rep_of(sales.ben))
    page = client.get(ADDRESS)
    assert len(shown(page)) == 3
    assert {entry.member.owner_id for entry in page.context["page"]} == {sales.ben.pk}
    assert "Adjust by hand" not in page.content.decode()
    assert client.post(f"{ADDRESS}adjust/", {"member": 1, "turns": "1", "why": "x"}).status_code == 403
    assert client.get(f"/pools/{other.key}/").status_code == 404
    assert [row["pool"].key for row in client.get("/pools/").context["rows"]] == ["everybody"]
    lines = list(csv.reader(client.get(f"{ADDRESS}ledger.csv").getvalue().decode().splitlines()))
    assert len(lines) == 1 + LedgerEntry.objects.filter(member__owner=sales.ben).count()
    html = client.get("/my/").content.decode()
    assert f'href="{ADDRESS}"' in html
    assert "In 30 days you got 2; your weight stands for 2." in html


def test_a_manager_sees_the_pools_of_their_teams(sales):  # noqa: F811
    lead = make_owner("lena")
    user = User.objects.create(username="lena", is_staff=True)
    lead.user = user
    lead.save()
    give_role(user, Role.MANAGER)
    client = sign_in(user)
    assert client.get(ADDRESS).status_code == 404
    sales.pool.team.lead = lead
    sales.pool.team.save()
    route(sales, 4)
    page = sign_in(User.objects.get(pk=user.pk)).get(ADDRESS)
    assert len({entry.member_id for entry in page.context["page"]}) == 3


@pytest.mark.parametrize(
    ("turns", "why", "told"),
    [
        ("-1", "helped out", "Ann comes 1 turn earlier in Everybody: helped out"),
        ("0,5", "helped out", "Ann comes 1/2 turns later in Everybody: helped out"),
        ("one", "x", "Give the turns as a number such as 1, -1 or 0.5, at most 100."),
        ("1/0", "x", "Give the turns as a number such as 1, -1 or 0.5, at most 100."),
        ("1e9", "x", "Give the turns as a number such as 1, -1 or 0.5, at most 100."),
        ("1", "", "Say why, in a few words: it stands in the ledger for everybody in the pool."),
    ],
)
def test_revops_adjusts_with_a_reason_or_is_told_what_to_mend(sales, turns, why, told):  # noqa: F811
    route(sales, 4)
    form = {"member": sales.member(sales.ann).pk, "turns": turns, "why": why}
    answer = sign_in(sales.rita).post(f"{ADDRESS}adjust/", form)
    assert answer.url == ADDRESS
    assert [str(message) for message in get_messages(answer.wsgi_request)] == [told]


def test_a_ledger_that_does_not_add_up_says_so_on_the_page(sales):  # noqa: F811
    route(sales, 4)
    RotationState.objects.filter(member=sales.member(sales.ben)).update(v="5")
    html = sign_in(sales.rita).get(ADDRESS).content.decode()
    assert "does not add up" in html
    assert "Ben: v is 5, the entries add up to 1." in html


def test_the_api_tells_the_queue_and_hides_other_pools(sales):  # noqa: F811
    route(sales, 5)
    Absence.objects.create(owner=sales.cleo, starts_at=NOW, ends_at=NOW + 3 * DAY)
    Owner.objects.filter(key="ann").update(cap_day=9)
    machine, rep = (
        ApiToken.objects.create(name=name, token_hash=hash_token(name), user=user, scope=ApiToken.Scope.READ)
        for name, user in (("m", None), ("r", rep_of(make_owner("zoe"))))
    )

    def ask(token, address="/api/v1/pools/everybody/queue"):
        return Client().get(address, headers={"Authorization": f"Bearer {token.name}"})

    found = ask(machine).json()
    assert (found["pool"], found["method"], found["ledger_adds_up"]) == ("everybody", "rotation", True)
    assert [(row["name"], row["place"], row["v"], row["weight"]) for row in found["members"]] == [
        ("Ann", 1, "1", 2), ("Ben", 2, "2", 1), ("Cleo", None, "1", 1),
    ]  # fmt: skip
    assert [row["turns_ahead"] for row in found["members"]] == [0, 1, None]
    assert found["members"][2]["why_not"] == "is away"
    assert found["members"][2]["away_until"].startswith("2026-11-26T10:00")
    assert found["members"][0]["caps_left"] == [
        {"what": "leads today (UTC)", "taken": 2, "limit": 9, "left": 7}
    ]  # fmt: skip
    for answer in (ask(rep), ask(machine, "/api/v1/pools/nobody/queue")):
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"
    assert ask(machine, "/api/v1/pools/everybody/queue?days=0").json()["code"] == "bad_request"


def test_the_pages_ask_the_same_of_the_database_however_much_there_is(sales):  # noqa: F811
    route(sales, 3)
    client = sign_in(sales.rita)

    def asked(address):
        client.get(address)  # what a process reads once
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    few = asked(ADDRESS), asked("/pools/")
    team = make_team("more")
    for number in range(6):
        member = make_owner(f"more{number}", team)
        PoolMember.objects.create(pool=sales.pool, owner=member, position=9)
        make_pool(f"pool{number}", [member])
    route(sales, 60)
    assert (asked(ADDRESS), asked("/pools/")) == few
    assert client.get(f"{ADDRESS}?page=2&days=7").context["page"].number == 2
    assert client.get(f"{ADDRESS}?page=x&days=99999999999999999999").context["days"] == 30
