"""A rotation and a history come in; its selections go out, or an AssertionError that says which law broke.

The laws are read from the ledger rows alone; how the rotation computes is its own affair.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from typing import NamedTuple

from routing.engine.rotation import Entry, Member, Selection, Turn

Rotate = Callable[[Sequence[Member], Mapping[int, Turn], Collection[int], Collection[int]], Selection | None]
ANN, BEN, CLEO, DAN, EVE = 1, 2, 3, 4, 5
EVERYBODY = (ANN, BEN, CLEO, DAN, EVE)


class Lead(NamedTuple):
    present: frozenset[int]
    eligible: frozenset[int]


class Reweigh(NamedTuple):
    member: int
    weight: int


class Staff(NamedTuple):
    """Puts a member into the pool, or takes it out."""

    member: int


Step = Lead | Reweigh | Staff


class Fairness:
    """Reads the ledger alone and checks the bound of SPEC.md section 8 for every pair after every row.

    `periods`: for an ordered pair (i, j) v_i - v_j at the beginning of its common period, as long as both
    were eligible for the same leads since. `longest`: the longest single turn that a member's weights had.
    """

    def __init__(self) -> None:
        self.v: dict[int, Fraction] = {}
        self.periods: dict[tuple[int, int], Fraction] = {}
        self.longest: dict[int, Fraction] = {}
        self.here: set[int] = set()

    def begin(self, member: int) -> None:
        for other in self.v.keys() - {member}:
            self.periods[member, other] = self.v[member] - self.v[other]
            self.periods[other, member] = self.v[other] - self.v[member]

    def reweighed(self, member: int) -> None:
        if member in self.v:
            self.begin(member)

    def given(self, lead: Lead, entries: Sequence[Entry], weights: Mapping[int, int]) -> None:
        *arrivals, charge = entries
        assert {entry.kind for entry in arrivals} <= {"join", "return"}
        assert charge.kind == "charge"
        for entry in arrivals:
            self.book(entry)
        for entry in arrivals:
            self.begin(entry.member)
        self.book(charge)
        self.here = (self.here & lead.present) | lead.eligible
        for member in lead.eligible:
            self.longest[member] = max(self.longest.get(member, Fraction(0)), Fraction(1, weights[member]))
        self.periods = {
            (i, j): gap for (i, j), gap in self.periods.items() if (i in lead.eligible) == (j in lead.eligible)
        }
        for (i, j), gap in self.periods.items():
            if i in weights:
                assert self.v[i] - self.v[j] <= max(gap, Fraction(1, weights[i])), "the bound"

    def book(self, entry: Entry) -> None:
        assert entry.before == self.v.get(entry.member, 0)
        assert entry.after == entry.before + entry.amount
        self.v[entry.member] = entry.after

    def nobody_more_than_one_turn_ahead(self) -> None:
        """Holds where whoever is present takes every lead."""
        for i, j in permutations(self.here, 2):
            assert self.v[i] - self.v[j] <= self.longest[i], "one turn ahead"


def play(history: Sequence[Step], rotate: Rotate, same_leads: bool) -> Iterator[Selection]:
    """Run a history, check the law after each lead, hand out the selections."""
    weights = dict.fromkeys((ANN, BEN), 1)
    turns: dict[int, Turn] = {}
    fairness = Fairness()
    for step in history:
        if isinstance(step, Reweigh):
            if step.member in weights:
                weights[step.member] = step.weight
                fairness.reweighed(step.member)
        elif isinstance(step, Staff):
            if weights.pop(step.member, None) is None:
                weights[step.member] = 1
                fairness.reweighed(step.member)
        else:
            present = step.present & weights.keys()
            lead = Lead(present, present if same_leads else present & step.eligible)
            members = [Member(id, 100 + id, weight, id) for id, weight in weights.items()]
            selection = rotate(members, turns, lead.eligible, lead.present)
            assert (selection is None) == (not lead.eligible)
            if selection:
                turns.update(selection.turns)
                fairness.given(lead, selection.entries, weights)
                assert fairness.v == {id: turn.v for id, turn in turns.items()}
                assert fairness.here == {id for id, turn in turns.items() if not turn.away}
                if same_leads:
                    fairness.nobody_more_than_one_turn_ahead()
                yield selection
