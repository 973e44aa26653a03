"""A pool's query finds its members: they follow every edit, whichever way it is made, in the same transaction."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from owners.configuration import changing
from owners.models import Membership, Owner, Pool, PoolMember
from owners.query import Found, fits, problem_of
from owners.writer import writing
from routing.models import LedgerEntry, RotationState
from tests.builders import make_owner, make_pool, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return make_team("emea")


def members(pool, **fields):
    rows = PoolMember.objects.filter(pool=pool, active=True, **fields).order_by("position", "id")
    return list(rows.values_list("owner__key", flat=True))


@pytest.fixture
def pool(team):
    """German speakers of EMEA; Zoe is in it by name and speaks none."""
    for key, languages in (("ana", ["de"]), ("ben", ["de", "en"]), ("kim", ["en"])):
        make_owner(key, team, languages=languages)
    make_owner("out", languages=["de"])
    found = make_pool("german", [make_owner("zoe")])
    found.member_query = {"languages": ["de"], "teams": ["emea"]}
    found.save()
    return found


def test_the_query_finds_members_and_leaves_those_by_name(pool):
    assert members(pool) == ["zoe", "ana", "ben"]
    assert members(pool, by_query=True) == ["ana", "ben"]
    assert set(PoolMember.objects.values_list("starts_at", flat=True)) == {None}


EDITS = {
    "saved": lambda kim: (setattr(kim, "languages", ["de"]), kim.save()),
    "updated": lambda kim: Owner.objects.filter(pk=kim.pk).update(languages=["de", "en"]),
    "bulk": lambda kim: (setattr(kim, "languages", ["de"]), Owner.objects.bulk_update([kim], ["languages"])),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_owner_who_learns_the_language_joins_with_the_edit(pool, edit):
    edit(Owner.objects.get(key="kim"))
    assert members(pool) == ["zoe", "ana", "ben", "kim"]
    assert PoolMember.objects.get(owner__key="kim").starts_at is not None


def test_who_leaves_the_team_leaves_the_pool_on_record_and_comes_back_to_the_same_row(pool):
    row = PoolMember.objects.get(owner__key="ben")
    RotationState.objects.create(member=row, v="7/3", last=4)
    Membership.objects.filter(owner__key="ben").delete()
    row.refresh_from_db()
    assert (row.active, row.ends_at is not None) == (False, True)
    assert list(LedgerEntry.objects.values_list("member", "kind")) == [(row.pk, "leave")]
    Membership.objects.create(owner=row.owner, team_id=pool.team_id or Membership.objects.first().team_id)
    row.refresh_from_db()
    assert (row.active, row.ends_at) == (True, None)
    assert RotationState.objects.get(member=row).v == "7/3"


def test_a_departure_an_emptied_query_and_a_changed_one_are_followed(pool):
    Owner.objects.filter(key="ana").update(state=Owner.State.DEPARTED)
    assert members(pool) == ["zoe", "ben"]
    pool.member_query = {"languages": ["en"]}
    pool.save()
    assert members(pool) == ["zoe", "ben", "kim"]
    pool.member_query = {}
    pool.save()
    assert members(pool) == ["zoe"]


def test_who_was_entered_by_name_is_not_taken_out_nor_put_back(pool):
    PoolMember.objects.filter(owner__key="zoe").update(active=False)
    Owner.objects.filter(key="zoe").update(languages=["de"])
    Membership.objects.create(owner=Owner.objects.get(key="zoe"), team=Membership.objects.first().team)
    assert members(pool) == ["ana", "ben"]


def test_the_edit_and_what_follows_are_undone_together(pool):
    def fail_afterwards():
        with writing():
            Owner.objects.filter(key="kim").update(languages=["de"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_afterwards()
    assert members(pool) == ["zoe", "ana", "ben"]


def test_it_costs_as_many_statements_for_thirty_as_for_one(pool, team):
    def cost(count):
        rows = Owner.objects.bulk_create(Owner(key=f"n{count}-{n}", name="New", languages=["de"]) for n in range(count))
        with CaptureQueriesContext(connection) as caught, changing():
            Membership.objects.bulk_create(Membership(owner=row, team=team) for row in rows)
        return len(caught)

    assert cost(1) == cost(30)
    assert len(members(pool)) == 34


def test_without_a_query_an_edit_asks_for_queries_once(team):
    make_pool("plain", [])
    with CaptureQueriesContext(connection) as caught:
        Owner.objects.update(booking_url="")
    assert sum("owners_pool" in query["sql"] for query in caught) == 2


ANA = Found(1, frozenset({"de", "en"}), frozenset(), frozenset({"enterprise"}), frozenset({"emea"}))
QUERIES = [
    ({}, False),
    ({"languages": []}, False),
    ({"languages": ["de"]}, True),
    ({"languages": ["de", "en"], "teams": ["emea"]}, True),
    ({"languages": ["de", "fr"]}, False),
    ({"service_lines": ["crm"]}, True),  # who names none covers all
    ({"skills": ["enterprise"], "teams": ["apac"]}, False),
]


@pytest.mark.parametrize(("query", "fit"), QUERIES)
def test_all_that_is_named_has_to_hold(query, fit):
    assert fits(query, ANA) is fit


@pytest.mark.parametrize("query", [[], {"language": ["de"]}, {"languages": "de"}, {"skills": [1]}])
def test_a_query_that_cannot_be_read_is_answered_in_a_sentence(query):
    assert problem_of(query).endswith(".")


def test_a_query_of_a_team_that_is_deleted_finds_nobody(pool, team):
    Pool.objects.update(team=None)
    team.delete()
    assert members(pool) == ["zoe"]
