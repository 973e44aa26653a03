"""Ledger rows in their order in; every member's v, rows that do not add up and pairs beyond the bound, out.

What the ledger alone says, and what it does not
    Rows carry every change of every `v`, the price of each turn (which has to be 1/weight), the beginnings of common
    periods (join, return, weight, adjust: an adjustment sets a gap on purpose), credits and claims. So the bound of
    SPEC.md section 8, `v_i - v_j <= max(gap at its beginning, 1/w_i) + credits of j + claims of i`, can be read for
    every pair after every charge. Its condition cannot: whether j could have taken the lead that went to i stands in
    that lead's decision. Only a charge of i widens the pair beyond the bound, so there is one decision to look at:
    a `Suspicion` names it, and the pair is left alone until its next common period. Whoever looks finds either that
    j could take the lead, and then the rotation is broken, or that the two do not take the same leads.

Beginning in the middle
    The bound holds from any moment on, with the gap of that moment as the one at the beginning: its proof (see
    `routing.engine.rotation`) asks for no more. If it held until then, both parts together give the whole bound. So
    a night reads the rows since the last one, and still proves it for whole periods.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from routing.engine.rotation import ZERO, fraction

BEGINS = frozenset({"join", "return", "weight", "adjust"})
"""Kinds of row that begin a member's common period with everybody else."""

exact = lru_cache(maxsize=4096)(fraction)


class Row(NamedTuple):
    """A ledger row; amounts as stored. `decision`: an id, None where no lead brought it."""

    id: int
    member: int
    kind: str
    amount: str
    before: str
    after: str
    decision: int | None = None


class Suspicion(NamedTuple):
    """After row `row`, `member` is further ahead of `other` than the bound allows, if both took the same leads."""

    row: int
    member: int
    other: int
    decision: int | None
    ahead: Fraction
    allowed: Fraction


class _Begin(NamedTuple):
    """How a pool stood when a member's period began."""

    order: int
    v: Mapping[int, Fraction]
    credits: Mapping[int, Fraction]
    claims: Mapping[int, Fraction]


def sums(amounts: Iterable[tuple[int, str, int]]) -> dict[int, Fraction]:
    """v by member, from (member, amount, how many rows of that amount)."""
    found: dict[int, Fraction] = {}
    for member, amount, count in amounts:
        found[member] = found.get(member, ZERO) + exact(amount) * count
    return found


class Reading:
    """One pool's rows, read one after the other. `v`: of the members so far; `start`: what it was before them.

    `wrong`: ids of rows that do not continue where the member's last one ended, or whose amount is not the
    difference they make. `suspicions`: see the module.
    """

    def __init__(self, start: Mapping[int, Fraction] | None = None) -> None:
        self.v: dict[int, Fraction] = dict(start or {})
        self.wrong: list[int] = []
        self.suspicions: list[Suspicion] = []
        self._credits: dict[int, Fraction] = {}
        self._claims: dict[int, Fraction] = {}
        self._first = _Begin(0, dict(self.v), {}, {})
        self._begins: dict[int, _Begin] = {}
        self._apart: set[tuple[int, int]] = set()
        self._prices: dict[int, dict[str, int]] = {}
        self._gone: set[int] = set()
        self._order = 0

    def read(self, row: Row) -> None:
        """Take the next row in."""
        before, amount, member = self.v.get(row.member), exact(row.amount), row.member
        if before is None:
            before = ZERO if row.kind == "join" else fraction(row.before)
        after = fraction(row.after)
        if fraction(row.before) != before or before + amount != after:
            self.wrong.append(row.id)
        self.v[member] = after
        if row.kind in ("charge", "claim"):
            self._prices.setdefault(member, {}).setdefault(row.amount, row.id)
        if row.kind == "charge":
            self._charged(row, before, after, amount)
        elif row.kind in BEGINS:
            if row.kind == "weight":
                self._prices.pop(member, None)
            self._begin(member)
        elif row.kind == "credit":
            self._credits[member] = self._credits.get(member, ZERO) - amount
        elif row.kind == "claim":
            self._claims[member] = self._claims.get(member, ZERO) + amount
        elif row.kind == "leave":
            self._gone.add(member)

    def mispriced(self, weights: Mapping[int, int]) -> list[int]:
        """Rows that cost another part of a turn than 1/weight, among those since the weights are what they are."""
        return [
            id
            for member, prices in self._prices.items()
            for amount, id in prices.items()
            if member in weights and exact(amount) != Fraction(1, weights[member])
        ]

    def _begin(self, member: int) -> None:
        self._order += 1
        self._begins[member] = _Begin(self._order, dict(self.v), dict(self._credits), dict(self._claims))
        self._gone.discard(member)
        self._apart = {pair for pair in self._apart if member not in pair}

    def _charged(self, row: Row, before: Fraction, after: Fraction, turn: Fraction) -> None:
        """Look at whoever stood behind i when i was charged: with all others the gap is one turn at most."""
        i = row.member
        if before <= min(self.v.values()):
            return
        for j, v in self.v.items():
            if v < before and j not in self._gone and (i, j) not in self._apart:
                allowed = self._allowed(i, j, turn)
                if after - v > allowed:
                    self.suspicions.append(Suspicion(row.id, i, j, row.decision, after - v, allowed))
                    self._apart.add((i, j))

    def _allowed(self, i: int, j: int, turn: Fraction) -> Fraction:
        begin = max(self._begins.get(i, self._first), self._begins.get(j, self._first), key=lambda begin: begin.order)
        gap = begin.v[i] - begin.v[j] if i in begin.v and j in begin.v else ZERO
        credits = self._credits.get(j, ZERO) - begin.credits.get(j, ZERO)
        claims = self._claims.get(i, ZERO) - begin.claims.get(i, ZERO)
        return max(gap, turn) + credits + claims
