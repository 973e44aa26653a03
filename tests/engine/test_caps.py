"""Caps of a person and of their place in a pool: the tightest wins and is named; old revisions replay as they were."""

import json
from dataclasses import replace

import pytest

from routing.engine.decide import decide
from routing.engine.snapshot import read_snapshot
from routing.engine.values import NO_LOAD, Act, Former, Load
from tests.engine.cases import ELENA, MARCO, case, numbers, people, person, pool, rule, rules

EMEA = 7
OF_ELENA, OF_MARCO = 100 * EMEA + ELENA, 100 * EMEA + MARCO
TO_EMEA = rules(rule(1, "round_robin_pool", "pool", pool=EMEA))
CLAIM = Act("claim", 9, "Elena", "nobody was there", to=ELENA, pool=EMEA, by_owner=ELENA)


def staff(*caps, content=None, **of_elena):
    """Elena in Berlin with `caps` (open, day, week) in the pool EMEA, and Marco with none."""
    emea = pool(EMEA, ELENA, MARCO, name="EMEA")
    emea["members"][0] += [None, None, *caps] if caps else []
    given = {"open_until": "closed"} if content is None else content
    return people(person(ELENA, zone="Europe/Berlin", **of_elena), person(MARCO), pools=[emea], **given)


def decided(of, elena=NO_LOAD, in_emea=NO_LOAD, **fields):
    read = numbers(of, {ELENA: elena})
    read.member_loads.update(dict.fromkeys(of.capped, in_emea))
    return decide(case(**fields), read, TO_EMEA, of), read


@pytest.mark.parametrize(
    ("caps", "of_elena", "elena", "in_emea", "why"),
    [
        ((5, None, None), {}, Load(9, 9, 9), Load(5, 1, 1), "5 of 5 open leads from EMEA"),
        ((None, 2, None), {}, Load(9, 9, 9), Load(5, 2, 2), "2 of 2 leads from EMEA today (Europe/Berlin)"),
        ((None, None, 0), {}, NO_LOAD, NO_LOAD, "0 of 0 leads from EMEA this week (Europe/Berlin)"),
        ((None, None, None), {"cap_day": 20}, Load(9, 20, 20), NO_LOAD, "20 of 20 leads today (Europe/Berlin)"),
        ((5, None, None), {"cap_open": 9}, Load(9, 1, 1), Load(6, 1, 1), "6 of 5 open leads from EMEA"),
        ((5, None, None), {"cap_open": 9}, Load(10, 1, 1), Load(5, 1, 1), "10 of 9 open leads"),
        ((5, None, None), {"cap_open": 9}, Load(9, 1, 1), Load(5, 1, 1), "9 of 9 open leads"),
    ],
)  # fmt: skip
def test_the_cap_with_the_least_room_left_is_the_one_that_is_named(caps, of_elena, elena, in_emea, why):
    decision, _ = decided(staff(*caps, **of_elena), elena, in_emea)
    assert decision.outcome.owner == MARCO
    assert decision.trace["candidates"][0]["failed"] == {"within_caps": why}


def test_the_reason_names_the_room_of_the_tightest_cap():
    decision, _ = decided(staff(5, None, None, cap_open=60, cap_day=20), Load(12, 3, 9), Load(2, 1, 1))
    assert decision.outcome.owner == ELENA
    assert "Elena has room (2 of 5 open leads from EMEA)" in decision.outcome.reason
    decision, _ = decided(staff(50, None, None, cap_open=60, cap_day=20), Load(12, 3, 9), Load(2, 1, 1))
    assert "Elena has room (3 of 20 leads today (Europe/Berlin))" in decision.outcome.reason


def test_a_decision_reads_what_members_with_caps_have_and_replays_by_it():
    of = staff(5, None, None)
    decision, _ = decided(of, in_emea=Load(5, 5, 5))
    assert json.loads(decision.snapshot)["member_loads"] == {str(OF_ELENA): [5, 5, 5]}
    seen, read, *_ = read_snapshot(decision.snapshot)
    assert decide(seen, read, TO_EMEA, of).digest == decision.digest
    assert "member_loads" not in json.loads(decided(staff())[0].snapshot)


def test_a_revision_from_before_names_the_first_cap_and_knows_none_of_members():
    of = staff(5, None, None, content={}, cap_open=9, cap_day=20)
    assert of.capped == {}
    decision, _ = decided(of, Load(9, 25, 25))
    assert decision.trace["candidates"][0]["failed"] == {"within_caps": "9 of 9 open leads"}
    assert "member_loads" not in json.loads(decision.snapshot)


def test_whoever_claims_is_held_to_their_place_in_the_pool_that_is_charged():
    decision, read = decided(staff(5, None, None), in_emea=Load(5, 5, 5), act=CLAIM)
    assert decision.trace["candidates"][-1]["failed"] == {"within_caps": "5 of 5 open leads from EMEA"}
    decision, read = decided(staff(5, None, None), in_emea=Load(4, 5, 5), act=CLAIM)
    assert "failed" not in decision.trace["candidates"][-1]
    read.take(decision)
    assert (read.loads[ELENA], read.member_loads[OF_ELENA]) == (Load(1, 1, 1), Load(5, 6, 6))
    elsewhere, _ = decided(staff(5, None, None), in_emea=Load(5, 5, 5), act=replace(CLAIM, pool=None))
    assert "failed" not in elsewhere.trace["candidates"][-1]


def test_what_fills_no_cap_is_counted_nowhere_and_a_touched_lead_is_no_open_one():
    types = [{"key": "contact", "high_intent": False, "fills_caps": False}]
    decision, read = decided(staff(5, None, None, content={"open_until": "closed", "lead_types": types}))
    read.take(decision)
    assert (read.loads[ELENA], read.owners_moved, read.members_moved) == (NO_LOAD, set(), set())
    decision, read = decided(staff(5, None, None), Load(3, 0, 0), Load(2, 0, 0), act=CLAIM)
    read.take(decision, Former(opens=False))
    assert (read.loads[ELENA], read.member_loads[OF_ELENA]) == (Load(3, 1, 1), Load(2, 1, 1))


def test_a_member_who_has_no_room_counts_as_away_and_comes_back_without_arrears():
    of = staff(1, None, None)
    read = numbers(of)
    read.member_loads[OF_ELENA] = NO_LOAD
    found = []
    for _ in range(4):
        decision = decide(case(), read, TO_EMEA, of)
        read.take(decision)
        found.append(decision.outcome.owner)
    assert found == [ELENA, MARCO, MARCO, MARCO]
    assert read.turns[OF_ELENA].away
    read.member_loads[OF_ELENA] = NO_LOAD
    level = read.turns[OF_MARCO].v
    decision = decide(case(), read, TO_EMEA, of)
    assert (decision.outcome.owner, decision.selection.entries[0].after) == (ELENA, level)
