"""Field, operator and value come in, a typed Condition goes out; which rule it belongs to is left alone.

Evaluation is three-valued: a fact that is absent or None is unknown, satisfies no comparison, and is
reported as unknown, not as false. Only `is_blank` holds on it.

There is no operator for regular expressions: those of Python can take for ever on a text that a stranger sends.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from routing.engine.fields import FIELD_KINDS, FIELDS, OPERATORS, OPERATORS_BY_KIND
from routing.engine.moments import known_moment, span

# --- the semantics ---------------------------------------------------------------------------------------

YES, NO, UNKNOWN = "yes", "no", "unknown"
NEGATIONS = frozenset({"is_not", "none_of", "not_in_list"})
_WITHOUT_VALUE = frozenset({"is_blank", "is_not_blank", "is_true", "is_false"})
_LISTS = frozenset({"one_of", "none_of"})
NAMED_LISTS = frozenset({"in_list", "not_in_list"})
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")

# A folded text, a number, a truth value or the microseconds of a moment: one of them per field, by FIELD_KINDS.
Value = str | float | bool
Operands = tuple[Value, ...] | frozenset[Value]
Lists = Mapping[str, frozenset[str]]
"""Named lists: key -> folded values."""
NO_LISTS: Lists = {}


def fold(text: str) -> str:
    """Return the text as comparisons see it: trimmed, without case, accents and compatibility forms.

    Unicode 15 section 3.13 D147 (compatibility caseless match), with the combining marks left out. Marks
    go twice: case folding turns one mark (U+0345) into a letter and makes new ones (U+0130).
    """
    if text.isascii():
        return text.strip().lower()
    return _without_marks(_without_marks(text).casefold()).strip()


def _without_marks(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def known_values(kind: str, fact: object) -> tuple[Value, ...]:
    """Return what is known of a fact as comparable values; an empty tuple says unknown.

    kind: one of FIELD_KINDS' values. fact: a JSON value. Blank text, an empty list, NaN and what cannot be
    read as the field's kind (a text where a number belongs) are unknown. A list gives each known element.
    """
    if isinstance(fact, list | tuple):
        return tuple(value for part in fact if (value := _known_value(kind, part)) is not None)
    value = _known_value(kind, fact)
    return () if value is None else (value,)


def _known_value(kind: str, fact: object) -> Value | None:
    if kind == "flag":
        return fact if isinstance(fact, bool) else None
    if isinstance(fact, bool):
        return None
    if kind == "number":
        return _as_number(fact)
    if kind == "moment":
        return known_moment(fact)
    if isinstance(fact, str):
        return fold(fact) or None
    return str(fact) if isinstance(fact, int | float) and _is_number(fact) else None


def _as_number(fact: object) -> float | None:
    if isinstance(fact, str):
        text = fact.strip()
        if not _PLAIN_NUMBER.fullmatch(text):
            return None
        return float(text) if "." in text else int(text)
    return fact if _is_number(fact) and isinstance(fact, int | float) else None


def _is_number(value: object) -> bool:
    """NaN and the infinities have no place on the number line, and JSON cannot hold them."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "is": lambda value, operands: value in operands,
    "one_of": lambda value, operands: value in operands,
    "contains": lambda value, operands: operands[0] in value,
    "starts_with": lambda value, operands: value.startswith(operands[0]),
    "at_least": lambda value, operands: value >= operands[0],
    "at_most": lambda value, operands: value <= operands[0],
    "between": lambda value, operands: operands[0] <= value <= operands[1],
    "before": lambda value, operands: value <= operands[0],
    "after": lambda value, operands: value >= operands[0],
    "in_list": lambda value, operands: value in operands,
    "is_true": lambda value, operands: value,
    "is_false": lambda value, operands: not value,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of a rule: `value` as it was written, `operands` as comparisons use it: of `before` the last moment
    that still is, of `after` the first one that is, of a named list all its values."""

    field: str
    operator: str
    value: object
    operands: Operands

    def evaluate(self, facts: Mapping[str, object]) -> str:
        """Return "yes", "no" or "unknown" for these facts (field name -> JSON value).

        Of a list-valued fact one element is enough; `is_not` and `none_of` ask it of all elements.
        """
        values = known_values(FIELD_KINDS[self.field], facts.get(self.field))
        if not values and self.operator not in ("is_blank", "is_not_blank"):
            return UNKNOWN
        return YES if self.holds(values) else NO

    def holds(self, values: tuple[Value, ...]) -> bool:
        """Whether it is satisfied by what is known of its field, as `known_values` gives it."""
        operator, operands = self.operator, self.operands
        if not values:
            return operator == "is_blank"
        test = _TESTS.get(operator)
        if test is not None:
            return any(test(value, operands) for value in values)
        if operator in NEGATIONS:
            return not any(value in operands for value in values)
        return operator == "is_not_blank"

    def explain(self, facts: Mapping[str, object]) -> dict[str, object]:
        """Return a JSON-able line of the trace: field, operator, value, what was seen, and the result."""
        return {
            "field": self.field,
            "operator": self.operator,
            "value": self.value,
            "saw": _as_json(facts.get(self.field)),
            "result": self.evaluate(facts),
        }


def _as_json(fact: object) -> object:
    if isinstance(fact, list | tuple):
        return [_as_json(part) for part in fact]
    if fact is None or isinstance(fact, str | bool) or _is_number(fact):
        return fact
    return str(fact)


def make_condition(field: str, operator: str, value: object, zone: tzinfo = UTC, lists: Lists = NO_LISTS) -> Condition:
    """Return the typed condition. ValueError with a sentence when `check_condition` refuses it.

    zone: where a date is a day. lists: what named lists hold; one that is not there holds nothing.
    """
    problem = check_condition(field, operator, value)
    if problem:
        raise ValueError(problem)
    return Condition(
        field,
        operator,
        value if operator not in _WITHOUT_VALUE else None,
        _operands(field, operator, value, zone, lists),
    )


def _operands(field: str, operator: str, value: Any, zone: tzinfo, lists: Lists) -> Operands:
    if operator in _WITHOUT_VALUE:
        return ()
    if operator in NAMED_LISTS:
        return frozenset(lists.get(value, ()))
    kind = FIELD_KINDS[field]
    if kind == "moment":
        spans = [span(text, zone) for text in (value if isinstance(value, list) else [value])]
        if operator == "between":
            return spans[0][0], spans[1][1] - 1
        return (spans[0][0] - 1,) if operator == "before" else (spans[0][1],)
    operands = known_values(kind, value)
    return tuple(dict.fromkeys(operands)) if operator in _LISTS else operands


# --- what the admin may write ----------------------------------------------------------------------------


def check_condition(field: str, operator: str, value: object) -> str | None:
    """Return a sentence that says what is wrong with the condition, or None when it is sound.

    value: a JSON value as typed: a text, a number, a list of them for one_of and none_of, [low, high] for
    between, nothing (None, "" or []) for the operators that compare with nothing.
    """
    if field not in FIELDS:
        return f"There is no field called “{field}”."
    if operator not in OPERATORS:
        return f"There is no operator called “{operator}”."
    kind, label, verb = FIELD_KINDS[field], FIELDS[field], OPERATORS[operator]
    if operator not in OPERATORS_BY_KIND[kind]:
        fitting = ", ".join(OPERATORS[name] for name in OPERATORS_BY_KIND[kind])
        return f"“{verb}” does not fit the field “{label}”, which is {_KIND_LABELS[kind]}; what fits: {fitting}."
    if operator in _WITHOUT_VALUE:
        return None if value is None or value in ("", []) else f"“{verb}” takes no value; leave it empty."
    if operator == "between":
        return _check_days(label, value) if kind == "moment" else _check_range(label, value)
    if operator in NAMED_LISTS:
        return None if isinstance(value, str) and value else f"“{verb}” needs the key of a list for “{label}”."
    if operator not in _LISTS:
        return _check_value(kind, label, value)
    if not isinstance(value, list) or not value:
        return f"“{verb}” needs a list with at least one value for “{label}”."
    return next((problem for part in value if (problem := _check_value(kind, label, part))), None)


_KIND_LABELS = {
    "text": "a text", "words": "one or more words", "number": "a number", "flag": "yes or no", "moment": "a time",
}  # fmt: skip


LARGEST = 2**63


def _check_value(kind: str, label: str, value: object) -> str | None:
    if kind == "number":
        if not _is_number(value):
            return f"“{label}” is a number; {_quoted(value)} is not."
        # The trace of a decision has to be able to say it: JSON as we write it ends at 64 bits.
        return None if abs(value) < LARGEST else f"{_quoted(value)} is too large to compare “{label}” with."  # type: ignore[arg-type]
    if kind == "moment":
        return None if _is_moment(value) else f"“{label}” is a time; {_quoted(value)} is not: write 2026-01-31."
    if not isinstance(value, str):
        return f"“{label}” is compared with one text; {_quoted(value)} is not."
    return None if fold(value) else f"The text to compare “{label}” with is empty."


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(span(value, UTC))
    except ValueError:
        return False


def _check_days(label: str, value: object) -> str | None:
    if not isinstance(value, list) or len(value) != 2:
        return f"“is between” needs two dates for “{label}”, the earlier one first."
    problem = _check_value("moment", label, value[0]) or _check_value("moment", label, value[1])
    if problem:
        return problem
    empty = span(value[0], UTC)[0] >= span(value[1], UTC)[1]
    return f"No “{label}” can be between {value[0]} and {value[1]}." if empty else None


def _check_range(label: str, value: object) -> str | None:
    if not isinstance(value, list) or len(value) != 2:
        return f"“is between” needs two numbers for “{label}”, the lower one first."
    problem = _check_value("number", label, value[0]) or _check_value("number", label, value[1])
    if problem:
        return problem
    return f"No “{label}” can be between {value[0]} and {value[1]}." if value[0] > value[1] else None


def _quoted(value: object) -> str:
    if value is None:
        return "an empty value"
    text = str(value)
    return f"“{text[:40]}…”" if len(text) > 40 else f"“{text}”"
