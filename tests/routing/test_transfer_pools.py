"""Pools and members in a file: all of it out and in again, members by query in none, what cannot be with its path."""

import json
from datetime import timedelta

import pytest

from owners.models import Owner, Pool, PoolMember
from routing.transfer import Refused, bring_in, export
from tests.builders import NOW, make_owner, make_pool

pytestmark = pytest.mark.django_db


def changed(**sections):
    return json.dumps({"format": "revroute.config", "version": 1, **sections}).encode()


def test_everything_of_a_pool_goes_out_and_comes_in_again():
    elena = make_owner("elena", skills=["crm"], languages=["de"])
    emea = make_pool("emea", [make_owner("marco"), elena], [1, 3])
    PoolMember.objects.filter(owner=elena).update(ends_at=NOW + timedelta(days=9), cap_day=0)
    make_pool("german", [], member_query={"languages": ["de"]}, method="least_loaded")
    make_pool("desk", [elena], method="claim", named_owner=elena, wait_minutes=20, next_pool=emea, catch_up=2)
    text = export()
    Pool.objects.update(next_pool=None)
    for model in (PoolMember, Pool, Owner):
        model.objects.all().delete()
    bring_in(text.encode(), NOW)
    assert export() == text
    assert Pool.objects.get(key="german").members.get().by_query


POOLS = [
    ({"method": "claim"}, "pools[0]: its leads may wait, so a named_owner has to answer for them."),
    ({"member_query": {"language": ["de"]}}, "pools[0]: A query cannot ask for “language”; it asks for languages,"),
    ({"next_pool": "next"}, "pools[0].next_pool: another pool has to be the next."),
    ({"member_query": {"teams": ["gone"]}}, "pools[0].member_query: there is no team “gone”."),
    ({"wait_minutes": 0}, "pools[0].wait_minutes: minutes are from 1"),
]


@pytest.mark.parametrize(("fields", "problem"), POOLS)
def test_a_pool_that_cannot_be_is_refused_with_its_path(fields, problem):
    with pytest.raises(Refused) as refused:
        bring_in(changed(pools=[{"key": "next", "name": "Next", **fields}]), NOW)
    (said,) = refused.value.problems
    assert said.startswith(problem)


def test_members_by_query_stand_in_a_file_only_with_something_of_their_own_and_whoever_is_kept_out():
    pool = {"key": "german", "name": "German", "member_query": {"languages": ["de"]}, "members": []}
    owners = [{"key": key, "name": key.title(), "languages": ["de"]} for key in ("ana", "ben", "cleo")]
    bring_in(changed(owners=owners, pools=[pool]), NOW)
    assert set(PoolMember.objects.values_list("owner__key", "by_query", "active")) == {
        ("ana", True, True), ("ben", True, True), ("cleo", True, True),
    }  # fmt: skip
    assert [row["members"] for row in json.loads(export())["pools"]] == [[]]
    PoolMember.objects.filter(owner__key="ben").update(weight=2, cap_open=0)
    PoolMember.objects.filter(owner__key="cleo").update(active=False, by_query=False)
    text = export()
    assert [row["members"] for row in json.loads(text)["pools"]] == [
        [
            {"owner": "ben", "weight": 2, "cap_open": 0, "by_query": True},
            {"owner": "cleo", "weight": 1, "kept_out": True},
        ]
    ]
    for model in (PoolMember, Pool, Owner):
        model.objects.all().delete()
    bring_in(text.encode(), NOW)
    assert export() == text
    assert dict(PoolMember.objects.values_list("owner__key", "active")) == {"ana": True, "ben": True, "cleo": False}
    bring_in(changed(pools=[pool]), NOW)
    assert [row["members"] for row in json.loads(export())["pools"]] == [[]]
    assert set(PoolMember.objects.values_list("weight", "active")) == {(1, True)}
    plain = {"key": "plain", "name": "Plain", "members": [{"owner": "ana", "weight": 1, "kept_out": True}]}
    with pytest.raises(Refused) as refused:
        bring_in(changed(pools=[plain]), NOW)
    said = "pools[0].members[0]: the pool has no member_query that brings anybody in."
    assert refused.value.problems == (said,)
