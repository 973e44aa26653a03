"""A number and a way to rotate in; a random history of a pool, played and held against the laws of fairness, out.

The laws (SPEC.md section 8) are read from ledger rows, from who could take each lead and from the pool's list alone;
how the rotation computes is its own affair. A broken law is an AssertionError whose text begins with the law's name.
"""

import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction

from routing.engine.rotation import Entry, Member, Rotation, Selection, Turn, moved
from routing.engine.rotation import select as fair_select

PEOPLE = range(1, 7)
LANGUAGES = ("en", "de", "fr")
ZERO = Fraction(0)


class Fair:
    """The rotation as the engine has it. Cheats are subclasses."""

    def select(
        self, members: Sequence[Member], turns: Mapping[int, Turn], able: Collection[int], here: Collection[int]
    ) -> Selection | None:
        return fair_select(members, turns, able, here)

    def claim(self, members: Sequence[Member], turns: Mapping[int, Turn], id: int) -> Selection:
        return Rotation(members, turns).charge(id)

    def credit(self, id: int, turn: Turn, charged: Fraction) -> tuple[Entry, Turn]:
        return moved(id, "credit", turn, -charged)

    def edit(self, id: int, turn: Turn) -> tuple[Entry, Turn]:
        return moved(id, "weight", turn)


class Laws:
    """`v`, `last` and `here` as the ledger has them; `periods`: v_i - v_j, credits of j and claims of i at the
    beginning of a pair's common period, as long as the two took the same leads since. `only`: the one law that is
    held against the history; empty: all."""

    def __init__(self, only: str = "") -> None:
        self.only = only
        self.v: dict[int, Fraction] = {}
        self.last: dict[int, int] = {}
        self.here: set[int] = set()
        self.checked = 0
        self._periods: dict[tuple[int, int], tuple[Fraction, Fraction, Fraction]] = {}
        self._credits: Counter[int] = Counter()
        self._claims: Counter[int] = Counter()
        self._turn = 0

    def gave(self, rows: Sequence[Entry], pool: Mapping[int, Member], able: Collection[int], here: Collection[int]):
        """A lead went to somebody: arrivals, then one charge."""
        *arrivals, charge = rows
        self._arrive(arrivals, set(able))
        line = {id: (self.v[id], self.last.get(id, 0), pool[id].position, id) for id in able}
        self._periods = {pair: begin for pair, begin in self._periods.items() if (pair[0] in able) == (pair[1] in able)}
        self._book(charge)
        self._bound(charge.member, pool)
        first = min(line.values())
        got = line[charge.member]
        self._law("turn", got[0] == first[0], "the lowest v is next")
        self._law("tie", got == first, "longest since last, then position, then id")
        self._law(
            "price", (charge.kind, charge.amount) == ("charge", Fraction(1, pool[charge.member].weight)), "1/weight"
        )
        self._took(charge.member)
        self.here = (self.here & set(here)) | set(able)

    def claimed(self, rows: Sequence[Entry], pool: Mapping[int, Member]) -> None:
        *arrivals, claim = rows
        self._law("arrival", len(arrivals) == (claim.member not in self.here), "whoever was away comes back")
        for row in arrivals:
            self._book(row)
            self._begin(row.member)
        self._law("price", (claim.kind, claim.amount) == ("claim", Fraction(1, pool[claim.member].weight)), "1/weight")
        self._book(claim)
        self._claims[claim.member] += claim.amount
        self.here.add(claim.member)
        self._bound(claim.member, pool)
        self._took(claim.member)

    def credited(self, row: Entry, charged: Fraction, pool: Mapping[int, Member]) -> None:
        self._law("price", (row.kind, row.amount) == ("credit", -charged), "a credit is what was charged")
        self._book(row)
        self._credits[row.member] -= row.amount
        for i in pool:
            self._bound(i, pool)

    def edited(self, row: Entry) -> None:
        self._law("edit", (row.kind, row.amount) == ("weight", ZERO), "it moves nobody")
        self._book(row)
        self._begin(row.member)

    def _law(self, name: str, holds: bool, sentence: str) -> None:
        assert holds or self.only not in ("", name), f"{name}: {sentence}"

    def is_sum_of(self, turns: Mapping[int, Turn]) -> None:
        self._law("sum", self.v == {id: turn.v for id, turn in turns.items()}, "v is the sum of the ledger")

    def _arrive(self, rows: Iterable[Entry], able: set[int]) -> None:
        continuing = self.here & able
        level = min((self.v[id] for id in continuing), default=min((self.v[id] for id in self.here), default=None))
        expected = {id: "return" if id in self.v else "join" for id in able - self.here}
        self._law("arrival", {row.member: row.kind for row in rows} == expected, "whoever was away comes back")
        for row in rows:
            own = self.v.get(row.member, ZERO)
            self._book(row)
            if level is not None:
                to = level if row.kind == "join" else max(own, level)
                self._law(
                    "arrival", row.after == to, "at the lowest v of those who continue, and never lower than before"
                )
        for row in rows:
            self._begin(row.member)

    def _begin(self, member: int) -> None:
        for other in self.v.keys() - {member}:
            for i, j in ((member, other), (other, member)):
                self._periods[i, j] = (self.v[i] - self.v[j], self._credits[j], self._claims[i])

    def _bound(self, i: int, pool: Mapping[int, Member]) -> None:
        for j in pool:
            if (begin := self._periods.get((i, j))) is None or i not in pool:
                continue
            gap, credits, claims = begin
            allowed = max(gap, Fraction(1, pool[i].weight)) + self._credits[j] - credits + self._claims[i] - claims
            self._law("bound", self.v[i] - self.v[j] <= allowed, "i is further ahead of j than section 8 allows")
            self.checked += 1

    def _book(self, row: Entry) -> None:
        self._law("sum", row.before == self.v.get(row.member, ZERO), "a row begins where the last one ended")
        self._law("sum", row.after == row.before + row.amount, "a row's amount is the difference it makes")
        self.v[row.member] = row.after

    def _took(self, member: int) -> None:
        self._turn += 1
        self.last[member] = self._turn


class History:
    """A pool of up to six people through some hundred steps; what happens depends on the seed alone."""

    def __init__(self, seed: int, way: Fair, only: str = "") -> None:
        self.dice, self.way, self.laws = random.Random(seed), way, Laws(only)
        self.turns: dict[int, Turn] = {}
        self.pool = {id: Member(id, 100 + id, self.dice.randint(1, 4), self.dice.randint(0, 3)) for id in (1, 2, 3)}
        self.away: set[int] = set()
        self.speaks = {id: {"en", *self.dice.choices(LANGUAGES, k=2)} for id in PEOPLE}
        self.caps = {id: self.dice.choice((None, None, None, 3, 6)) for id in PEOPLE}
        self.open: list[tuple[int, Fraction]] = []
        self.skilled = self.dice.random() < 0.6
        """In the others everybody takes every lead, so that common periods are long."""
        self.rows: list[Entry] = []
        self.able_at: dict[int, set[int]] = {}
        """Who could take the lead that the row at this place is the charge of."""

    def play(self) -> "History":
        """Raises AssertionError where a law is broken."""
        steps = (self.lead, self.absence, self.member, self.weight, self.reorder, self.credit, self.claim, self.close)
        likely = (70, 2, 2, 2, 2, 6, 3, 20)
        for step in self.dice.choices(steps, likely, k=self.dice.randint(60, 140)):
            step()
            self.laws.is_sum_of(self.turns)
        return self

    def lead(self) -> None:
        language = self.dice.choice(LANGUAGES) if self.skilled and self.dice.random() < 0.3 else "en"
        here = {id for id in self.pool if id not in self.away and self._has_room(id)}
        able = {id for id in here if language in self.speaks[id]}
        selection = self.way.select(list(self.pool.values()), dict(self.turns), able, here)
        assert (selection is None) == (not able)
        if selection:
            self._take(selection)
            self.able_at[len(self.rows) - 1] = able
            self.laws.gave(selection.entries, self.pool, able, here)

    def claim(self) -> None:
        if present := sorted(self.pool.keys() - self.away):
            selection = self.way.claim(list(self.pool.values()), dict(self.turns), self.dice.choice(present))
            self._take(selection)
            self.laws.claimed(selection.entries, self.pool)

    def credit(self) -> None:
        """A lead turns out spam; its owner may be away or have left by now."""
        if self.open:
            id, charged = self.open.pop(self.dice.randrange(len(self.open)))
            row, self.turns[id] = self.way.credit(id, self.turns[id], charged)
            self.rows.append(row)
            self.laws.credited(row, charged, self.pool)

    def close(self) -> None:
        if self.open:
            self.open.pop(self.dice.randrange(len(self.open)))

    def absence(self) -> None:
        self.away ^= {self.dice.choice(PEOPLE)}

    def member(self) -> None:
        id = self.dice.choice(PEOPLE)
        if self.pool.pop(id, None) is None:
            self.pool[id] = Member(id, 100 + id, self.dice.randint(1, 4), self.dice.randint(0, 3))
            if id in self.turns:
                self._edit(id)  # back with another weight

    def weight(self) -> None:
        id = self.dice.choice(sorted(self.pool) or [0])
        if id in self.pool:
            self.pool[id] = self.pool[id]._replace(weight=self.dice.randint(1, 4))
            self._edit(id)

    def reorder(self) -> None:
        for id in self.pool:
            self.pool[id] = self.pool[id]._replace(position=self.dice.randint(0, 3))

    def _edit(self, id: int) -> None:
        if id in self.turns:
            row, self.turns[id] = self.way.edit(id, self.turns[id])
            self.rows.append(row)
            self.laws.edited(row)

    def _take(self, selection: Selection) -> None:
        self.turns.update(selection.turns)
        self.rows.extend(selection.entries)
        self.open.append((selection.member.id, selection.entries[-1].amount))

    def _has_room(self, id: int) -> bool:
        cap = self.caps[id]
        return cap is None or sum(owner == id for owner, _ in self.open) < cap
