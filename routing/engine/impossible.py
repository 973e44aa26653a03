"""Conditions that are all required in, those that no lead can satisfy together out; which rule asks is left alone.

Exact for what it calls impossible: no fact satisfies all of them. What it lets pass may still be impossible where
parts of texts are searched for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from routing.engine.conditions import NEGATIONS, UNKNOWN, YES, Condition
from routing.engine.fields import FIELD_KINDS, ORDERED

_FINITE = frozenset({"is", "one_of", "in_list"})
_MOST_VALUES = 2000
"""Of longer lists it is not tried whether a value is left."""


def contradiction(group: Iterable[Condition]) -> tuple[Condition, ...]:
    """The conditions of one field that exclude each other: two where two do, else all of the field; empty when a lead
    may satisfy the group."""
    by_field: dict[str, list[Condition]] = {}
    for condition in group:
        by_field.setdefault(condition.field, []).append(condition)
    for conditions in by_field.values():
        for pair in combinations(conditions, 2):
            if impossible(pair):
                return pair
        if impossible(conditions):
            return tuple(conditions)
    return ()


def impossible(conditions: Sequence[Condition]) -> bool:
    """Whether no value of the one field that all conditions ask about satisfies them all."""
    blank = any(condition.operator == "is_blank" for condition in conditions)
    if blank:
        return any(condition.operator != "is_blank" for condition in conditions)
    kind = FIELD_KINDS[conditions[0].field]
    if kind == "flag":
        return {"is_true", "is_false"} <= {condition.operator for condition in conditions}
    if kind == "words":
        return _excluded(conditions)
    finite = [condition for condition in conditions if condition.operator in _FINITE]
    if finite:
        return _none_left(finite, conditions)
    return _empty_interval(conditions) if kind in ORDERED else _prefixes_differ(conditions)


def _excluded(conditions: Sequence[Condition]) -> bool:
    """Of several values one has to be named, and every one that would do is refused."""
    refused = {value for condition in conditions if condition.operator in NEGATIONS for value in condition.operands}
    return any(condition.operator in _FINITE and refused.issuperset(condition.operands) for condition in conditions)


def _none_left(finite: Sequence[Condition], conditions: Sequence[Condition]) -> bool:
    """Whether each value that would do for the shortest list fails another condition."""
    shortest = min(finite, key=lambda condition: len(condition.operands))
    if len(shortest.operands) > _MOST_VALUES:
        return False
    return not any(_does(value, conditions) for value in shortest.operands)


def _does(value: object, conditions: Sequence[Condition]) -> bool:
    """Whether a value as comparisons see it satisfies all. Moments are not asked for by name, so it reads as a fact."""
    return all(condition.evaluate({condition.field: value}) in (YES, UNKNOWN) for condition in conditions)


def _empty_interval(conditions: Sequence[Condition]) -> bool:
    low, high = float("-inf"), float("inf")
    for condition in conditions:
        bounds = [value for value in condition.operands if isinstance(value, int | float)]
        if condition.operator in ("at_least", "after", "between"):
            low = max(low, bounds[0])
        if condition.operator in ("at_most", "before", "between"):
            high = min(high, bounds[-1])
    if low > high:
        return True
    refused = {value for condition in conditions if condition.operator in NEGATIONS for value in condition.operands}
    return low == high and low in refused


def _prefixes_differ(conditions: Sequence[Condition]) -> bool:
    """A text begins with both only if one of them begins with the other."""
    prefixes = [str(next(iter(one.operands))) for one in conditions if one.operator == "starts_with"]
    return any(not (a.startswith(b) or b.startswith(a)) for a, b in combinations(prefixes, 2))
