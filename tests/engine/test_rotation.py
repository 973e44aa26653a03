"""The rotation keeps its promises over random histories; and the checker of those promises catches cheats."""

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.engine.rotation import (
    Entry,
    Member,
    Place,
    Rotation,
    RotationError,
    Selection,
    Turn,
    order,
    select,
)
from tests.engine.fairness import ANN, BEN, CLEO, DAN, EVE, EVERYBODY, Lead, Reweigh, Staff, Step, play
from tests.once import examples


def pool(*weights: int) -> list[Member]:
    return [Member(id, 100 + id, weight, id) for id, weight in enumerate(weights, start=1)]


def turn(v: int | Fraction, last: int = 0, away: bool = False) -> Turn:
    return Turn(Fraction(v), last, away)


def give_out(members: Sequence[Member], leads: int, turns: dict[int, Turn] | None = None) -> list[int]:
    """Everybody takes every lead: who got them, in order; `turns` are carried on."""
    turns = {} if turns is None else turns
    ids = {member.id for member in members}
    got = []
    for _ in range(leads):
        selection = select(members, turns, ids, ids)
        assert selection is not None
        turns.update(selection.turns)
        got.append(selection.member.id)
    return got


# --- the bound, over random histories

some = st.frozensets(st.sampled_from(EVERYBODY))
most = st.frozensets(st.sampled_from(EVERYBODY), max_size=2).map(lambda gone: frozenset(EVERYBODY) - gone)
leads = st.builds(Lead, most | some, most | some)
reweighs = st.builds(Reweigh, st.sampled_from(EVERYBODY), st.integers(1, 7))
staffing = st.builds(Staff, st.sampled_from(EVERYBODY))
stretches = st.builds(lambda lead, times: [lead] * times, leads, st.integers(1, 8))
edits = (reweighs | staffing).map(lambda edit: [edit])
histories = st.lists(stretches | stretches | edits, min_size=3, max_size=15).map(
    lambda parts: list(chain.from_iterable(parts))
)
"""The same people stay present for a while: only then does an absence matter."""


@settings(max_examples=examples(200), deadline=None)
@given(histories)
def test_bound_holds_over_joins_absences_weights_and_eligibility(history: list[Step]) -> None:
    for _ in play(history, select, same_leads=False):
        pass


@settings(max_examples=examples(200), deadline=None)
@given(histories)
def test_nobody_is_more_than_one_turn_ahead_where_all_take_the_same_leads(history: list[Step]) -> None:
    for _ in play(history, select, same_leads=True):
        pass


# --- the checker catches rotations that cheat

HOLIDAY = [Lead(frozenset({ANN, BEN}), frozenset({ANN, BEN}))] * 2
HOLIDAY += [Lead(frozenset({ANN}), frozenset({ANN}))] * 5
HOLIDAY += [Lead(frozenset({ANN, BEN}), frozenset({ANN, BEN}))] * 6


def returning_without_lift(
    members: Sequence[Member], turns: Mapping[int, Turn], eligible: Collection[int], present: Collection[int]
) -> Selection | None:
    never_away = {id: turn._replace(away=False) for id, turn in turns.items()}
    unlifted = select(members, never_away, eligible, present)
    if unlifted is None:
        return None
    back = [id for id in eligible if id in turns and turns[id].away]
    rows = [Entry(id, "return", Fraction(0), turns[id].v, turns[id].v) for id in back]
    changed = {id: turns[id]._replace(away=False) for id in back} | unlifted.turns
    return Selection(unlifted.member, (*rows, *unlifted.entries), changed)


class Drawing:
    """Draws lots, and charges whoever won."""

    def __init__(self) -> None:
        self.lots = random.Random(7)

    def __call__(
        self,
        members: Sequence[Member],
        turns: Mapping[int, Turn],
        eligible: Collection[int],
        present: Collection[int],
    ) -> Selection | None:
        fair = select(members, turns, eligible, present)
        if fair is None:
            return None
        drawn = self.lots.choice(sorted(eligible))
        winner = next(member for member in members if member.id == drawn)
        changed = {id: turn for id, turn in fair.turns.items() if id != fair.member.id}
        arrivals = fair.entries[:-1]
        after_arrival = {id: turn.v for id, turn in turns.items()}
        after_arrival |= {row.member: row.after for row in arrivals}
        loser = turns.get(fair.member.id, turn(0))
        changed[fair.member.id] = Turn(after_arrival[fair.member.id], loser.last, False)
        before, amount = after_arrival[winner.id], Fraction(1, winner.weight)
        changed[winner.id] = Turn(before + amount, fair.turns[fair.member.id].last, False)
        charge = Entry(winner.id, "charge", amount, before, before + amount)
        return Selection(winner, (*arrivals, charge), changed)


def test_the_checked_history_is_kept_by_the_rotation() -> None:
    got = [selection.member.id for selection in play(HOLIDAY, select, same_leads=True)]
    assert Counter(got) == {ANN: 9, BEN: 4}


def test_checker_catches_a_return_without_lift() -> None:
    with pytest.raises(AssertionError, match="one turn ahead"):
        list(play(HOLIDAY, returning_without_lift, same_leads=True))


def test_checker_catches_drawing_lots() -> None:
    both = frozenset({ANN, BEN})
    with pytest.raises(AssertionError, match="the bound"):
        list(play([Lead(both, both)] * 30, Drawing(), same_leads=False))


# --- shares


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 3))
def test_shares_are_exact_at_every_multiple_of_the_total_weight(weights: list[int], rounds: int) -> None:
    members, turns = pool(*weights), dict[int, Turn]()
    for _ in range(rounds):
        got = Counter(give_out(members, sum(weights), turns))
        assert got == {member.id: member.weight for member in members}


@given(st.integers(1, 8), st.integers(1, 9), st.integers(0, 40))
def test_counts_of_equal_weights_differ_by_at_most_one(size: int, weight: int, leads: int) -> None:
    got = Counter(give_out(pool(*[weight] * size), leads))
    counts = [got[id] for id in range(1, size + 1)]
    assert max(counts) - min(counts) <= 1


def test_four_members_share_four_hundred_leads_evenly() -> None:
    assert Counter(give_out(pool(1, 1, 1, 1), 400)) == {ANN: 100, BEN: 100, CLEO: 100, DAN: 100}


# --- the choice


def test_first_lead_of_a_new_pool_joins_everybody_at_nought_and_charges_the_first_position() -> None:
    members = [Member(ANN, 101, 1, 9), Member(BEN, 102, 2, 3)]
    selection = select(members, {}, {ANN, BEN}, {ANN, BEN})
    nought, half = Fraction(0), Fraction(1, 2)
    assert selection == Selection(
        members[1],
        (
            Entry(BEN, "join", nought, nought, nought),
            Entry(ANN, "join", nought, nought, nought),
            Entry(BEN, "charge", half, nought, half),
        ),
        {BEN: Turn(half, 1, False), ANN: Turn(nought, 0, False)},
    )


@pytest.mark.parametrize(
    ("turns", "positions", "expected"),
    [
        ({ANN: turn(2, 1), BEN: turn(1, 2)}, (1, 2), BEN),
        ({ANN: turn(Fraction(1, 3), 2), BEN: turn(Fraction(1, 3), 1)}, (1, 2), BEN),
        ({ANN: turn(1), BEN: turn(1)}, (2, 1), BEN),
        ({ANN: turn(1), BEN: turn(1)}, (1, 1), ANN),
    ],
    ids=["lowest v", "longest since last", "position", "id"],
)
def test_choice_follows_v_then_last_then_position_then_id(
    turns: dict[int, Turn], positions: tuple[int, int], expected: int
) -> None:
    members = [Member(ANN, 101, 1, positions[0]), Member(BEN, 102, 1, positions[1])]
    selection = select(members, turns, {ANN, BEN}, {ANN, BEN})
    assert selection is not None
    assert selection.member.id == expected


def test_nobody_eligible_changes_nothing() -> None:
    turns = {ANN: turn(1, 1), BEN: turn(0)}
    assert select(pool(1, 1), turns, set(), {ANN}) is None
    assert select(pool(1, 1), turns, {EVE}, {ANN}) is None
    assert select([], {}, set(), set()) is None


@settings(max_examples=60, deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_result_does_not_depend_on_the_order_of_anything_given(history: list[Step], shuffler: random.Random) -> None:
    def shuffled(
        members: Sequence[Member],
        turns: Mapping[int, Turn],
        eligible: Collection[int],
        present: Collection[int],
    ) -> Selection | None:
        return select(
            shuffler.sample(members, len(members)),
            dict(shuffler.sample(list(turns.items()), len(turns))),
            shuffler.sample(sorted(eligible), len(eligible)),
            shuffler.sample(sorted(present), len(present)),
        )

    assert list(play(history, shuffled, same_leads=False)) == list(play(history, select, same_leads=False))


# --- joining, returning, leaving


Row = tuple[int, str, Fraction | int, Fraction | int]
"""Member, kind, amount, v after."""


def rows(selection: Selection | None) -> list[Row]:
    assert selection is not None
    return [(entry.member, entry.kind, entry.amount, entry.after) for entry in selection.entries]


def test_newcomer_joins_at_the_lowest_v_of_those_eligible() -> None:
    turns = {ANN: turn(7, 3), BEN: turn(6, 2), CLEO: turn(1, 1)}  # Cleo speaks only Swedish
    selection = select(pool(1, 1, 1, 1), turns, {ANN, BEN, DAN}, {ANN, BEN, CLEO, DAN})
    assert rows(selection) == [(DAN, "join", 6, 6), (DAN, "charge", 1, 7)]


@pytest.mark.parametrize(("own", "lift"), [(2, 4), (6, 0), (9, 0)])
def test_returning_member_is_lifted_to_the_lowest_and_never_lowered(own: int, lift: int) -> None:
    turns = {ANN: turn(6, 3), BEN: turn(own, 1, away=True), CLEO: turn(7, 2)}
    selection = select(pool(1, 1, 1), turns, {ANN, BEN, CLEO}, {ANN, BEN, CLEO})
    assert rows(selection)[0] == (BEN, "return", lift, own + lift)


def test_member_who_is_back_returns_with_the_first_lead_he_could_take() -> None:
    turns = {ANN: turn(6, 2), BEN: turn(2, 1, away=True)}
    selection = select(pool(1, 1), turns, {ANN}, {ANN, BEN})
    assert selection is not None
    assert selection.turns == {ANN: turn(7, 3)}


def test_member_who_is_not_present_becomes_away_without_a_row() -> None:
    turns = {ANN: turn(6, 2), BEN: turn(5, 1), EVE: turn(4, 3)}  # Eve has left the pool
    selection = select(pool(1, 1), turns, {ANN}, {ANN})
    assert rows(selection) == [(ANN, "charge", 1, 7)]
    assert selection is not None
    assert selection.turns == {ANN: turn(7, 4), BEN: turn(5, 1, away=True), EVE: turn(4, 3, away=True)}


def test_whoever_could_take_the_lead_counts_as_present() -> None:
    selection = select(pool(1, 1), {ANN: turn(1, 2), BEN: turn(2, 1)}, {ANN, BEN}, set())
    assert selection is not None
    assert selection.turns == {ANN: turn(2, 3)}


def test_a_shift_that_takes_over_starts_where_the_last_one_stood() -> None:
    turns = {ANN: turn(20, 9), BEN: turn(21, 8), CLEO: turn(10, 2, away=True), DAN: turn(1, 1, away=True)}
    selection = select(pool(1, 1, 1, 1), turns, {CLEO, DAN}, {CLEO, DAN})
    assert rows(selection) == [(CLEO, "return", 10, 20), (DAN, "return", 19, 20), (DAN, "charge", 1, 21)]


def test_where_the_standing_is_unknown_the_latest_turn_is_the_level() -> None:
    turns = {ANN: turn(10, 9, away=True), BEN: turn(1, 2, away=True)}
    selection = select(pool(1, 1, 1), turns, {ANN, BEN, CLEO}, {ANN, BEN, CLEO})
    assert rows(selection) == [
        (ANN, "return", 0, 10),
        (BEN, "return", 9, 10),
        (CLEO, "join", 10, 10),
        (CLEO, "charge", 1, 11),
    ]


# --- a batch, the line-up, refusals


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=5, max_size=5), st.lists(leads, max_size=40))
def test_a_batch_selects_like_one_lead_after_another(weights: list[int], given_leads: list[Lead]) -> None:
    members, turns = pool(*weights), dict[int, Turn]()
    batch = Rotation(members, {})
    for lead in given_leads:
        eligible = lead.eligible & lead.present
        single = select(members, turns, eligible, lead.present)
        line = order(members, turns, eligible)
        assert batch.select(eligible, lead.present) == single
        assert batch.order(eligible) == line
        assert [place.member for place in line[:1]] == ([single.member] if single else [])
        if single:
            turns.update(single.turns)
            batch.apply(single)
        assert batch.turns == turns


def test_line_up_shows_the_eligible_as_a_selection_would_compare_them() -> None:
    members = pool(1, 1, 1, 1)
    turns = {ANN: turn(6, 2), BEN: turn(5, 1), CLEO: turn(3, 3, away=True)}
    line = order(members, turns, {ANN, BEN, CLEO, DAN})
    assert line == (
        Place(members[3], Fraction(5), "join"),
        Place(members[1], Fraction(5), None),
        Place(members[2], Fraction(5), "return"),
        Place(members[0], Fraction(6), None),
    )


def test_a_selection_for_another_state_is_refused() -> None:
    batch = Rotation(pool(1, 1), {})
    first = batch.select({ANN, BEN}, {ANN, BEN})
    assert first is not None
    batch.apply(first)
    with pytest.raises(RotationError) as refusal:
        batch.apply(first)
    assert refusal.value.code == "stale_selection"


@pytest.mark.parametrize(
    ("members", "code"),
    [(pool(1, 0), "weight_not_positive"), (pool(1) * 2, "member_twice")],
)
def test_a_pool_that_cannot_rotate_is_refused(members: list[Member], code: str) -> None:
    with pytest.raises(RotationError) as refusal:
        select(members, {}, {ANN}, {ANN})
    assert refusal.value.code == code
