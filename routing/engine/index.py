"""Rows of conditions and facts come in, the rows that hold go out as bits; what a row means is left alone.

One bit per row and one bitset per class of values of a field: the classes that the rows can tell apart (a
value that they name, any other value, an interval between two named numbers, unknown). Finding the rows is
one AND per field, so ten thousand rows cost about as much as ten. The idea is the bitmap index of
P. O'Neil and D. Quass, "Improved Query Performance with Variant Indexes", SIGMOD 1997.

The first row has the highest bit, not the lowest: `int.bit_length` finds it without a pass over the number.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from types import NoneType
from typing import Any

from routing.engine.conditions import Condition, Value, known_values
from routing.engine.fields import FIELD_KINDS, ORDERED

CACHE_BYTES = 4 * 1024 * 1024  # per field of a step: some 3,000 classes at 10,000 rows
RAW_VALUES = 4096  # per field and type, spellings as they came
LONGEST_RAW = 200  # characters; a longer text is not worth keeping
FEW_ROWS = 24  # so many rows are asked themselves in less time than the bits of a new value take
_BLOCK = 256  # toggles between two checkpoints of the intervals

# Bits of the rows that share a value: few as their places, many as one bitset, whichever is smaller.
Places = tuple[int, ...] | int


def bitset(places: Iterable[int], width: int) -> int:
    """Return an integer of `width` bits; set are the places (0 is the lowest) that are named oddly often."""
    buffer = bytearray((width >> 3) + 1)
    for place in places:
        buffer[place >> 3] ^= 1 << (place & 7)
    return int.from_bytes(buffer, "little")


def _packed(places: Sequence[int], width: int) -> Places:
    return bitset(set(places), width) if len(places) * 64 > width else tuple(places)


def _add(bits: int, places: Places) -> int:
    if isinstance(places, int):
        return bits | places
    for place in places:
        bits |= 1 << place
    return bits


class Intervals:
    """Closed intervals of class numbers; says which of them cover a class.

    A sorted list of toggles (an interval begins, an interval has ended) with a checkpoint every so many, so
    that neither memory nor a look-up grows with rows times bounds.
    """

    __slots__ = ("_at", "_checkpoints", "_places", "_width")

    def __init__(self, intervals: Iterable[tuple[int, int, int]], width: int) -> None:
        toggles = sorted(toggle for low, high, place in intervals for toggle in ((low, place), (high + 1, place)))
        self._width = width
        self._at = [at for at, _ in toggles]
        self._places = [place for _, place in toggles]
        self._checkpoints = [0]
        for start in range(0, len(toggles), _BLOCK):
            block = bitset(self._places[start : start + _BLOCK], width)
            self._checkpoints.append(self._checkpoints[-1] ^ block)

    def covering(self, number: int) -> int:
        """Return the bits of the intervals that cover this class number."""
        done = bisect_right(self._at, number)
        block = done // _BLOCK
        return self._checkpoints[block] ^ bitset(self._places[block * _BLOCK : done], self._width)


class Layer:
    """At most one condition per row on one field; gives the rows that hold for the keys of a fact.

    Keys are what `FieldIndex` makes of a fact's values. No keys: the fact is unknown.
    """

    __slots__ = (
        "_base",
        "_intervals",
        "_negative",
        "_parts",
        "_positive",
        "_prefix_lengths",
        "_prefixes",
        "_unknown",
    )

    def __init__(self, entries: Sequence[tuple[int, Condition]], field: FieldIndex, width: int) -> None:
        known: list[int] = []
        blank: list[int] = []
        positive: dict[Any, list[int]] = defaultdict(list)
        negative: dict[Any, list[int]] = defaultdict(list)
        prefixes: dict[Any, list[int]] = defaultdict(list)
        parts: dict[Any, list[int]] = defaultdict(list)
        intervals: list[tuple[int, int, int]] = []
        for place, condition in entries:
            match condition.operator:
                case "is" | "one_of" | "in_list":
                    for operand in condition.operands:
                        positive[field.key(operand)].append(place)
                case "is_not" | "none_of" | "not_in_list":
                    known.append(place)
                    for operand in condition.operands:
                        negative[field.key(operand)].append(place)
                case "is_true" | "is_false":
                    positive[condition.operator == "is_true"].append(place)
                case "is_blank":
                    blank.append(place)
                case "is_not_blank":
                    known.append(place)
                case "starts_with":
                    prefixes[next(iter(condition.operands))].append(place)
                case "contains":
                    parts[next(iter(condition.operands))].append(place)
                case "at_least" | "after":
                    (low,) = condition.operands
                    intervals.append((field.key(low), field.last_class, place))
                case "at_most" | "before":
                    (high,) = condition.operands
                    intervals.append((0, field.key(high), place))
                case "between":
                    low, high = condition.operands
                    intervals.append((field.key(low), field.key(high), place))
                case _:
                    raise ValueError(f"the index does not know the operator {condition.operator}")
        free = ((1 << width) - 1) ^ bitset((place for place, _ in entries), width)
        self._unknown = free | bitset(blank, width)
        self._base = free | bitset(known, width)
        self._positive = {key: _packed(places, width) for key, places in positive.items()}
        self._negative = {key: _packed(places, width) for key, places in negative.items()}
        self._prefixes = {key: _packed(places, width) for key, places in prefixes.items()}
        self._prefix_lengths = sorted({len(prefix) for prefix in prefixes})
        self._parts = {key: _packed(places, width) for key, places in parts.items()}
        self._intervals = Intervals(intervals, width) if intervals else None

    def holding(self, keys: tuple[Any, ...]) -> int:
        """Return the bits of the rows that hold. Of several keys one is enough, but a negation asks all."""
        if not keys:
            return self._unknown
        refused = 0
        bits = 0
        for key in keys:
            refused = _add(refused, self._negative.get(key, ()))
            bits = _add(bits, self._positive.get(key, ()))
            if self._intervals is not None:
                bits |= self._intervals.covering(key)
            bits = self._add_text_matches(bits, key)
        return bits | (self._base ^ refused)

    def _add_text_matches(self, bits: int, key: Any) -> int:
        for length in self._prefix_lengths:
            bits = _add(bits, self._prefixes.get(key[:length], ()))
        for part, places in self._parts.items():
            if part in key:
                bits = _add(bits, places)
        return bits


class FieldIndex:
    """All conditions on one field: from a fact, as it came, to the bits of the rows that it leaves standing.

    `caches` maps a Python type to {fact: bits}; by type, because 1 == True == 1.0. What is not there is
    worked out by `learn`. Both sizes are bounded; a full cache is emptied, which is safe between threads.
    """

    __slots__ = (
        "_bounds",
        "_by_class",
        "_capacity",
        "_kind",
        "_layers",
        "_named",
        "_reads_text",
        "caches",
        "crowded",
        "last_class",
    )

    def __init__(self, name: str, layers: Sequence[Sequence[tuple[int, Condition]]], width: int) -> None:
        conditions = [condition for layer in layers for _, condition in layer]
        operands: set[Any] = {operand for condition in conditions for operand in condition.operands}
        self._kind = FIELD_KINDS[name]
        self._bounds: list[float] = sorted(operands) if self._kind in ORDERED else []
        self.last_class = 2 * len(self._bounds)
        self._named = operands
        self._reads_text = any(condition.operator in ("contains", "starts_with") for condition in conditions)
        self._layers = [Layer(layer, self, width) for layer in layers]
        self._capacity = max(64, CACHE_BYTES // (width // 7 + 100))
        self.crowded = 2 * len(operands) > self._capacity
        self._by_class: dict[tuple[Any, ...], int] = {}
        unknown = self._combined(())
        self.caches: dict[type, dict[Any, int]] = {NoneType: {None: unknown}, str: {}, int: {}, bool: {}}

    def key(self, value: Value) -> Any:
        """Return the class of a value: all values with one key are alike to every condition here.

        Numbers and moments: 2i + 1 on the i-th bound, 2i in the gap below it. Text that no condition names is "", which
        no known text is; but a field that is searched for parts of text needs the text itself.
        """
        if self._kind in ORDERED:
            place = bisect_left(self._bounds, value)
            on_bound = place < len(self._bounds) and self._bounds[place] == value
            return 2 * place + on_bound
        if self._kind == "flag" or self._reads_text or value in self._named:
            return value
        return ""

    def learn(self, fact: object) -> int:
        """Return the bits for a fact that the caches do not hold, and keep them for the next time."""
        keys = tuple(sorted({self.key(value) for value in known_values(self._kind, fact)}))
        bits = self._by_class.get(keys)
        if bits is None:
            bits = self._combined(keys)
            self._keep_class(keys, bits)
        self._keep_raw(fact, bits)
        return bits

    def _combined(self, keys: tuple[Any, ...]) -> int:
        bits = self._layers[0].holding(keys)
        for layer in self._layers[1:]:
            bits &= layer.holding(keys)
        return bits

    def _keep_class(self, keys: tuple[Any, ...], bits: int) -> None:
        if self._reads_text and sum(map(len, keys)) > LONGEST_RAW:
            return
        if len(self._by_class) >= self._capacity:
            self._by_class.clear()
            for kind in (str, int, bool):  # they hold the same bitsets, which would stay in memory
                self.caches[kind].clear()
        self._by_class[keys] = bits

    def _keep_raw(self, fact: object, bits: int) -> None:
        cache = self.caches.get(fact.__class__)
        if cache is None or fact is None or (isinstance(fact, str) and len(fact) > LONGEST_RAW):
            return
        if len(cache) >= RAW_VALUES:
            cache.clear()
        cache[fact] = bits


class RowIndex:
    """Rows of conditions, all of which a row requires; the row without conditions always holds."""

    __slots__ = ("_by_place", "_crowded", "_every", "_few", "_fields", "_room", "width")

    def __init__(self, rows: Sequence[Sequence[Condition]]) -> None:
        self.width = len(rows)
        self._every = (1 << self.width) - 1
        fields = _by_field(rows)
        # The field that most rows ask about first: it leaves the smallest number for the ANDs after it.
        names = sorted(fields, key=lambda name: (-len(fields[name][0]), name))
        indexes = [(name, FieldIndex(name, fields[name], self.width)) for name in names]
        asked = [(name, index.caches, index.learn) for name, index in indexes]
        crowded = {name for name, index in indexes if index.crowded}
        self._fields = tuple(field for field in asked if field[0] not in crowded)
        self._crowded = tuple(field for field in asked if field[0] in crowded)
        self._by_place = {name: _by_place(fields[name]) for name in crowded}
        self._few: dict[str, dict[int, _Few]] = {name: {} for name in crowded}
        self._room = max(64, CACHE_BYTES // (self.width // 7 + 600))  # its bits, a few places

    def holding(self, facts: Mapping[str, object]) -> int:
        """Return the rows that hold as bits: row r has the value 2 ** (width - 1 - r).

        A field with more classes of values than its cache holds comes last: where the others have left few rows, those
        are asked themselves, and a value that is hardly ever the same twice, such as a company's size, costs no new
        bits of ten thousand rows.
        """
        bits = self._every
        get = facts.get
        for name, caches, learn in self._fields:
            fact = get(name)
            try:
                bits &= caches[fact.__class__][fact]
            except KeyError:
                bits &= learn(fact)
            if not bits:
                return 0
        for name, caches, learn in self._crowded:
            fact = get(name)
            if bits.bit_count() <= FEW_ROWS:
                bits = self._asked(bits, name, fact)
            else:
                try:
                    bits &= caches[fact.__class__][fact]
                except KeyError:
                    bits &= learn(fact)
            if not bits:
                return 0
        return bits

    def _asked(self, bits: int, name: str, fact: object) -> int:
        """Of these few rows the ones whose own conditions on the field hold."""
        try:
            few = self._few[name][bits]
        except KeyError:
            few = self._keep_few(bits, name)
        values = known_values(FIELD_KINDS[name], fact)
        held = few.free
        others = few.others
        if len(values) == 1:
            value: Any = values[0]
            for low, high, place in few.spans:
                if low <= value <= high:
                    held |= 1 << place
        else:
            others = few.every
        for row in others:
            if row.holds(values):
                held |= 1 << row.place
        return held

    def _keep_few(self, bits: int, name: str) -> _Few:
        """Take the few rows out of their bits, which costs more than asking them, and keep them for the next time."""
        kept = self._few[name]
        if len(kept) >= self._room:
            kept.clear()
        few = kept[bits] = _Few(bits, self._by_place[name])
        return few


class _Few:
    """Few rows, as they are asked about one field: `free` do not ask about it, `spans` are intervals of its values,
    `others` are not; `every` row that asks about it. No bits but `free`: ten thousand rows make large numbers."""

    __slots__ = ("every", "free", "others", "spans")

    def __init__(self, bits: int, by_place: Mapping[int, _Row]) -> None:
        self.free = bits
        every = []
        left = bits
        while left:
            place = left.bit_length() - 1
            left ^= 1 << place
            if (row := by_place.get(place)) is not None:
                every.append(row)
                self.free ^= 1 << place
        self.every = tuple(every)
        self.spans = tuple(row.span for row in every if row.span)
        self.others = tuple(row for row in every if not row.span)


class _Row:
    """One row's conditions on one field. `span`: the interval that they are, and the row's place, where they are
    nothing else."""

    __slots__ = ("conditions", "place", "span")

    def __init__(self, place: int, conditions: Sequence[Condition]) -> None:
        self.place = place
        self.conditions = conditions
        self.span: tuple[Any, Any, int] | None = None
        spans = [_SPANS[one.operator](one.operands) for one in conditions if one.operator in _SPANS]
        if len(spans) == len(conditions):
            self.span = max(low for low, _ in spans), min(high for _, high in spans), place

    def holds(self, values: tuple[Value, ...]) -> bool:
        return all(condition.holds(values) for condition in self.conditions)


_SPANS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "between": lambda operands: (operands[0], operands[1]),
    "at_least": lambda operands: (operands[0], inf),
    "after": lambda operands: (operands[0], inf),
    "at_most": lambda operands: (-inf, operands[0]),
    "before": lambda operands: (-inf, operands[0]),
}


def _by_place(layers: Sequence[Sequence[tuple[int, Condition]]]) -> dict[int, _Row]:
    """The conditions on one field by the place of their row."""
    found: dict[int, list[Condition]] = defaultdict(list)
    for layer in layers:
        for place, condition in layer:
            found[place].append(condition)
    return {place: _Row(place, conditions) for place, conditions in found.items()}


def _by_field(rows: Sequence[Sequence[Condition]]) -> dict[str, list[list[tuple[int, Condition]]]]:
    """Field -> layers of (place, condition); a row's second condition on a field goes to the second layer."""
    fields: dict[str, list[list[tuple[int, Condition]]]] = {}
    for number, row in enumerate(rows):
        depth: dict[str, int] = {}
        for condition in row:
            layers = fields.setdefault(condition.field, [])
            level = depth.get(condition.field, 0)
            depth[condition.field] = level + 1
            if level == len(layers):
                layers.append([])
            layers[level].append((len(rows) - 1 - number, condition))
    return fields
