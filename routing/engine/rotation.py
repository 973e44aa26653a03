"""A pool's members, their turns and who could take this lead come in; the next member and the ledger rows go
out; who is eligible is decided elsewhere, and nothing is stored here.

Weighted rotation by virtual time (SPEC.md section 8; the arithmetic is that of start-time fair queueing,
Goyal, Vin and Cheng 1996). Each member carries `v`, an exact fraction. The eligible member with the lowest
`v` gets the lead, and `v` grows by 1/weight; ties go to the longest since last, then position, then id.

Joining, returning, and what "the lowest eligible v" means
    *Continuing* are the members who could take this lead, have a turn and were not away. The *level* is the
    lowest `v` among the continuing. Whoever has no turn yet joins at the level; whoever was away returns at
    max(own v, level). Both happen at the first lead the member could take, not at the first that passes by:
    the level is read from those eligible for *this* lead, because a pool-wide minimum would be the `v` of
    some specialist who is present but rarely eligible, and a newcomer set there would be handed every
    ordinary lead until caught up. Until that first lead nothing is lost: the member competed for none.
    A return writes its ledger row even when it lifts by nothing: it begins a new common period.

    When nobody continues (one shift went home, another came in), the level is the pool's standing: the
    lowest `v` among those who were not away at the last selection. Their own old values would not do, since
    somebody away for a year would take every lead until level with somebody away for an hour. When the
    standing is unknown too (its bearers' turns are no longer given), it is the `v` of the latest turn known;
    in a new pool it is 0. Hence where all present are eligible for everything, the lowest `v` of those not
    away never falls, and nobody, back from an absence or not, is ever more than one of his turns ahead of
    another.

    A pool may let those who come back *catch up* c turns at most: then they return at max(own v, level - c/weight),
    up to c of their turns below the level, and are handed those before anybody else is asked. That is a gap at the
    beginning of their common periods, so the bound below holds as it stands: v_i - v_j <= 1/w_i + c/w_j where i was
    at most a turn above the level when j came back. The lowest `v` then may fall, by c/weight with each return.

    Other methods (`pick`) choose by something else and are charged alike: joins, returns and `last` mean the same,
    but what somebody got may leave what they were entitled to by as much as the method wants. No bound holds.

    Whoever has a turn and is not present when a lead is given out becomes away. That changes no `v` and
    writes no row. Passing by without a lead given out changes nothing at all.

The bound
    For i and j eligible for the same leads since their common period began (the later of their last join,
    return or weight change): v_i - v_j <= max(gap at its beginning, 1/w_i) + credits of j + out-of-turn
    charges of i. For: within the period neither is lifted; a selection of j only narrows v_i - v_j; a
    selection of i happened while v_i <= v_j, since j was eligible as well, and so leaves at most 1/w_i.

Rows that no lead brings (credit, leave, weight, adjust) come from `moved`: they change one member's `v` or nothing,
and nobody's place in time.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from fractions import Fraction
from math import lcm
from typing import Literal, NamedTuple

Kind = Literal["join", "return", "charge", "claim", "credit", "leave", "weight", "adjust"]
Key = tuple[int, int, int, int]
"""(v in units of 1/denominator, last, position, id): the order of the rotation."""

NEVER = 0
ZERO = Fraction(0)


class RotationError(ValueError):
    """A pool that cannot be rotated; `code` is stable.

    Codes: `weight_not_positive`, `member_twice`, `stale_selection` (applied after another selection).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Member(NamedTuple):
    """A place in a pool: its id, the owner's id, a weight of at least 1, its position in the pool's list."""

    id: int
    owner: int
    weight: int
    position: int


class Turn(NamedTuple):
    """A member's state. `v`: virtual time. `last`: the pool's turn counter at the member's last turn, 0 for
    never. `away`: was not present when a lead was last given out."""

    v: Fraction
    last: int
    away: bool


class Entry(NamedTuple):
    """One ledger row: `after` is always `before + amount`; a join starts from 0."""

    member: int
    kind: Kind
    amount: Fraction
    before: Fraction
    after: Fraction


class Selection(NamedTuple):
    """Who gets the lead, the ledger rows in their order (joins and returns by position, then the one charge),
    and the turns that change, by member id."""

    member: Member
    entries: tuple[Entry, ...]
    turns: dict[int, Turn]


class Place(NamedTuple):
    """A place in the line-up: `v` as a selection would see it; `kind`: the row it would write first."""

    member: Member
    v: Fraction
    kind: Literal["join", "return"] | None


def fraction(text: str) -> Fraction:
    """A stored virtual time, "7" or "7/3", as a fraction; a tenth of what Fraction's own reader takes.

    Raises ValueError for anything else.
    """
    above, _, below = text.partition("/")
    return Fraction(int(above), int(below) if below else 1)


def moved(member: int, kind: Kind, turn: Turn, amount: Fraction = ZERO) -> tuple[Entry, Turn]:
    """The row and the turn of a member whose `v` changes by `amount` without a lead; negative: given back."""
    after = turn.v + amount
    return Entry(member, kind, amount, turn.v, after), turn._replace(v=after)


def select(
    members: Sequence[Member],
    turns: Mapping[int, Turn],
    eligible: Collection[int],
    present: Collection[int],
) -> Selection | None:
    """The member whose turn it is; None when nobody is eligible, and then nothing changes.

    `turns`: by member id; turns of former members may be among them, and become away. `eligible`: the ids of
    members who could take this lead. `present`: the ids of members who pass the checks of the pool (active,
    present, within caps), a superset of `eligible`. Ids that are no members are passed over. For one lead;
    for many of one pool build a `Rotation` once. Raises `RotationError`.
    """
    return Rotation(members, turns).select(eligible, present)


def order(members: Sequence[Member], turns: Mapping[int, Turn], eligible: Collection[int]) -> tuple[Place, ...]:
    """The line-up: the eligible members as `select` would compare them, the next one first."""
    return Rotation(members, turns).order(eligible)


class Rotation:
    """One pool during one batch: `select` decides and changes nothing, `apply` takes a selection over.

    Virtual times are kept as whole numbers over one common denominator, which every weight divides, in a
    sorted line; so a selection compares integers and looks at few of them. `turns` is the present state.
    """

    def __init__(self, members: Sequence[Member], turns: Mapping[int, Turn], catch_up: int = 0) -> None:
        self.catch_up = catch_up
        self.turns: dict[int, Turn] = dict(turns)
        self._members = {member.id: member for member in members}
        _check(members, self._members)
        self._counter = max((turn.last for turn in turns.values()), default=NEVER)
        self._here = {id for id, turn in turns.items() if not turn.away}
        self._outside = self._members.keys() - self._here
        ratios = {id: turn.v.as_integer_ratio() for id, turn in turns.items()}
        self._denominator = lcm(*{below for _, below in ratios.values()}, *{member.weight for member in members})
        self._line: list[Key] = sorted(
            (
                ratios[id][0] * (self._denominator // ratios[id][1]),
                turns[id].last,
                self._members[id].position,
                id,
            )
            for id in self._here & self._members.keys()
        )

    def select(self, eligible: Collection[int], present: Collection[int], pick: int | None = None) -> Selection | None:
        """As the function `select`, for the state so far. `pick`: an eligible member whom another method of the pool
        chose; they arrive and are charged like anybody whose turn it is. Raises KeyError for one that is none."""
        able = eligible if isinstance(eligible, AbstractSet) else frozenset(eligible)
        best = self._first_continuing(able)
        arrivals = self._arrivals(able, best)
        changed = {entry.member: self._turn_after(entry) for entry in arrivals}
        for id, turn in changed.items():
            key = self._key(self._members[id], turn)
            best = key if best is None or key < best else best
        if best is None:
            return None
        chosen = self._members[best[3] if pick is None else pick]
        before = (changed.get(chosen.id) or self.turns[chosen.id]).v
        if pick is None:  # in whole numbers, which is quicker
            after = Fraction(best[0] + self._denominator // chosen.weight, self._denominator)
        else:
            after = before + Fraction(1, chosen.weight)
        changed[chosen.id] = Turn(after, self._counter + 1, False)
        for id in self._here.difference(present):
            if id not in able:
                changed[id] = self.turns[id]._replace(away=True)
        charge = Entry(chosen.id, "charge", Fraction(1, chosen.weight), before, after)
        return Selection(chosen, (*arrivals, charge), changed)

    def charge(self, id: int) -> Selection:
        """A lead that the member took out of turn: they arrive as with a lead in turn, and are charged the same.

        Nobody else's state changes. Raises KeyError for an id that is no member.
        """
        member = self._members[id]
        arrivals = self._arrivals(frozenset({id}), None)
        before = arrivals[0].after if arrivals else self.turns[id].v
        amount = Fraction(1, member.weight)
        entry = Entry(id, "claim", amount, before, before + amount)
        return Selection(member, (*arrivals, entry), {id: Turn(entry.after, self._counter + 1, False)})

    def apply(self, selection: Selection) -> None:
        """Take over a selection made for the present state. Raises `RotationError` `stale_selection`."""
        if selection.turns[selection.member.id].last != self._counter + 1:
            raise RotationError("stale_selection", "The selection was made for another state of the pool.")
        self._counter += 1
        for id, turn in selection.turns.items():
            self._replace(id, turn)

    def order(self, eligible: Collection[int]) -> tuple[Place, ...]:
        """As the function `order`, for the state so far."""
        able = frozenset(eligible)
        arrivals = {entry.member: entry for entry in self._arrivals(able, self._first_continuing(able))}
        keys = [key for key in self._line if key[3] in able]
        keys += [self._key(self._members[id], self._turn_after(entry)) for id, entry in arrivals.items()]
        return tuple(self._place(key, arrivals.get(key[3])) for key in sorted(keys))

    def _place(self, key: Key, arrival: Entry | None) -> Place:
        if arrival is None:
            return Place(self._members[key[3]], self.turns[key[3]].v, None)
        return Place(self._members[key[3]], arrival.after, "join" if arrival.kind == "join" else "return")

    def _first_continuing(self, able: AbstractSet[int]) -> Key | None:
        for key in self._line:
            if key[3] in able:
                return key
        return None

    def _arrivals(self, able: AbstractSet[int], lowest: Key | None) -> list[Entry]:
        """The ledger rows of those who join or return with this lead, by position, then id."""
        arriving = self._outside & able
        if not arriving:
            return []
        level = self.turns[lowest[3]].v if lowest else self._standing()
        return [self._arrival(id, level) for id in sorted(arriving, key=lambda id: (self._members[id].position, id))]

    def _arrival(self, id: int, level: Fraction) -> Entry:
        turn = self.turns.get(id)
        if turn is None:
            return Entry(id, "join", level, ZERO, level)
        after = max(turn.v, level - Fraction(self.catch_up, self._members[id].weight) if self.catch_up else level)
        return Entry(id, "return", after - turn.v, turn.v, after)

    def _standing(self) -> Fraction:
        """The level when nobody continues: see the module's docstring."""
        if self._here:
            return min(self.turns[id].v for id in self._here)
        if self.turns:
            return max(self.turns.values(), key=lambda turn: (turn.last, turn.v)).v
        return ZERO

    def _turn_after(self, entry: Entry) -> Turn:
        turn = self.turns.get(entry.member)
        return Turn(entry.after, turn.last if turn else NEVER, False)

    def _key(self, member: Member, turn: Turn) -> Key:
        above, below = turn.v.as_integer_ratio()
        return above * (self._denominator // below), turn.last, member.position, member.id

    def _replace(self, id: int, turn: Turn) -> None:
        member = self._members.get(id)
        if member and id in self._here:
            del self._line[bisect_left(self._line, self._key(member, self.turns[id]))]
        self.turns[id] = turn
        if turn.away:
            self._here.discard(id)
        else:
            self._here.add(id)
        if member and turn.away:
            self._outside.add(id)
        elif member:
            self._outside.discard(id)
            insort(self._line, self._key(member, turn))


def _check(members: Sequence[Member], by_id: Mapping[int, Member]) -> None:
    if len(by_id) != len(members):
        raise RotationError("member_twice", "A member stands in the pool twice.")
    for member in members:
        if member.weight < 1:
            raise RotationError("weight_not_positive", f"Member {member.id} has the weight {member.weight}.")
