"""Laws of a pool's methods over random histories: whom each may choose, what it charges, and how far one catches up."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import settings as told
from hypothesis import strategies as st

from routing.engine.decide import decide
from routing.engine.rotation import Member, Rotation
from tests.engine.cases import again, case, numbers, people, person, pool, rule, rules

POOL = 7
owners = st.integers(1, 5).flatmap(
    lambda count: st.tuples(
        st.lists(st.integers(1, 3), min_size=count, max_size=count),
        st.lists(st.none() | st.integers(1, 4), min_size=count, max_size=count),
        st.lists(st.sets(st.integers(1, count)), min_size=1, max_size=14),
    )
)


def history(method, weights, caps, excluded):
    """(owners who could take it, their open leads before, decision) of each lead, and the numbers at the end."""
    count = len(weights)
    who = people(
        *(person(id, cap_open=caps[id - 1]) for id in range(1, count + 1)),
        pools=[pool(POOL, *range(1, count + 1), weights=tuple(weights), method=method)],
    )
    rule_set = rules(rule(1, "round_robin_pool", "pool", pool=POOL))
    counted = numbers(who)
    for tried in excluded:
        loads = {id: counted.loads[id].open for id in range(1, count + 1)}
        able = [id for id, open in loads.items() if id not in tried and (caps[id - 1] is None or open < caps[id - 1])]
        turns = {id: counted.turns.get(100 * POOL + id) for id in loads}
        decision = decide(case(tried=tuple(sorted(tried))), counted, rule_set, who)
        assert again(decision, rule_set, who).digest == decision.digest
        yield able, loads, turns, decision
        counted.take(decision)


def charged(decision, owner, weight):
    """The lead is charged as a turn is, whatever the method."""
    entry = decision.selection.entries[-1]
    assert (entry.kind, entry.member, entry.amount) == ("charge", 100 * POOL + owner, Fraction(1, weight))
    assert entry.after == entry.before + entry.amount


@pytest.mark.parametrize("method", ["rotation", "least_loaded", "fixed_order"])
@told(max_examples=60)
@given(owners)
def test_each_method_chooses_among_those_who_can_and_its_ledger_adds_up(method, given):
    weights, caps, excluded = given
    sums = {}
    for able, _, _, decision in history(method, weights, caps, excluded):
        assert (decision.outcome.owner in able) if able else (decision.outcome.status == "review")
        if able:
            charged(decision, decision.outcome.owner, weights[decision.outcome.owner - 1])
            for entry in decision.selection.entries:
                sums[entry.member] = sums.get(entry.member, 0) + entry.amount
                assert (entry.after - entry.before, entry.after) == (entry.amount, sums[entry.member])


@told(max_examples=60)
@given(owners)
def test_fixed_order_always_asks_the_first_who_can(given):
    for able, _, _, decision in history("fixed_order", *given):
        assert decision.outcome.owner == (min(able) if able else None)


@told(max_examples=60)
@given(owners)
def test_least_loaded_never_passes_over_a_smaller_share_nor_who_waited_longer(given):
    weights, caps, excluded = given
    for able, loads, turns, decision in history("least_loaded", weights, caps, excluded):
        capped = all(caps[id - 1] for id in able)
        shares = {id: Fraction(loads[id], caps[id - 1] if capped else weights[id - 1]) for id in able}
        last = {id: turns[id].last if turns[id] else 0 for id in able}
        assert decision.outcome.owner == min(able, key=lambda id: (shares[id], last[id], id), default=None)


members = st.lists(st.integers(1, 4), min_size=2, max_size=5).map(
    lambda weights: [Member(id, id, weight, id) for id, weight in enumerate(weights, start=1)]
)


@told(max_examples=150)
@given(members, st.lists(st.sets(st.integers(1, 5)), max_size=25), st.integers(0, 5))
def test_who_returns_is_as_far_below_the_level_as_they_may_catch_up_and_no_further(members, here, turns):
    line = Rotation(members, {}, turns)
    for each in here:
        able = {member.id for member in members} & each
        before = dict(line.turns)
        continuing = [before[id].v for id in able if id in before and not before[id].away]
        selection = line.select(able, able)
        if selection is None:
            assert not able
            continue
        for entry in selection.entries[:-1]:
            weight = members[entry.member - 1].weight
            if entry.kind == "return" and continuing:
                assert entry.after == max(entry.before, min(continuing) - Fraction(turns, weight))
            elif continuing:
                assert (entry.kind, entry.after) == ("join", min(continuing))
        line.apply(selection)
