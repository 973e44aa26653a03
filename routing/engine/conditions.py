"""Field, operator and value come in, a typed Condition goes out; which rule it belongs to is left alone.

Evaluation is three-valued: a fact that is absent or None is unknown, satisfies no comparison, and is
reported as unknown, not as false. Only `is_blank` holds on it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

FIELDS: dict[str, str] = {
    "email": "e-mail",
    "phone": "phone",
    "first_name": "first name",
    "last_name": "last name",
    "job_title": "job title",
    "company_name": "company name",
    "company_domain": "company domain",
    "company_size": "company size",
    "industry": "industry",
    "source": "source",
    "channel": "channel",
    "campaign": "campaign",
    "utm_source": "UTM source",
    "utm_medium": "UTM medium",
    "utm_campaign": "UTM campaign",
    "utm_term": "UTM term",
    "utm_content": "UTM content",
    "lead_type": "lead type",
    "service_requested": "service requested",
    "product_interest": "product interest",
    "territory": "territory",
    "country": "country",
    "region": "region",
    "city": "city",
    "postal_code": "postal code",
    "language": "language",
    "timezone": "time zone",
    "budget_range": "budget range",
    "urgency": "urgency",
    "lead_score": "lead score",
    "lifecycle_stage": "lifecycle stage",
    "preferred_channel": "preferred channel",
    "pain_summary": "pain summary",
    "existing_customer": "existing customer",
    "open_deal_exists": "open deal exists",
    "consent_to_contact": "consent to contact",
    "source_key": "source key",
    "high_intent": "high intent",
    "email_kind": "kind of e-mail address",
    "event_type": "event type",
    "is_test": "test lead",
    "company_is_customer": "company is a customer",
    "named_account": "named account",
    "contact_known": "contact already known",
    "company_known": "company already known",
}

_NUMBERS = ("company_size", "lead_score")
_WORDS = ("service_requested", "product_interest", "email_kind")
_FLAGS = (
    "existing_customer",
    "open_deal_exists",
    "consent_to_contact",
    "high_intent",
    "is_test",
    "company_is_customer",
    "named_account",
    "contact_known",
    "company_known",
)
FIELD_KINDS: dict[str, str] = (
    dict.fromkeys(FIELDS, "text")
    | dict.fromkeys(_NUMBERS, "number")
    | dict.fromkeys(_WORDS, "words")
    | dict.fromkeys(_FLAGS, "flag")
)

OPERATORS: dict[str, str] = {
    "is": "is",
    "is_not": "is not",
    "one_of": "is one of",
    "none_of": "is none of",
    "contains": "contains",
    "starts_with": "starts with",
    "at_least": "is at least",
    "at_most": "is at most",
    "between": "is between",
    "is_blank": "is blank",
    "is_not_blank": "is not blank",
    "is_true": "is yes",
    "is_false": "is no",
}

_TEXT_OPERATORS = (
    "is",
    "is_not",
    "one_of",
    "none_of",
    "contains",
    "starts_with",
    "is_blank",
    "is_not_blank",
)
OPERATORS_BY_KIND: dict[str, tuple[str, ...]] = {
    "text": _TEXT_OPERATORS,
    "words": _TEXT_OPERATORS,
    "number": (
        "is",
        "is_not",
        "one_of",
        "none_of",
        "at_least",
        "at_most",
        "between",
        "is_blank",
        "is_not_blank",
    ),
    "flag": ("is_true", "is_false", "is_blank", "is_not_blank"),
}


# --- the semantics ---------------------------------------------------------------------------------------

YES, NO, UNKNOWN = "yes", "no", "unknown"
NEGATIONS = frozenset({"is_not", "none_of"})
_WITHOUT_VALUE = frozenset({"is_blank", "is_not_blank", "is_true", "is_false"})
_LISTS = frozenset({"one_of", "none_of"})
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")

# A folded text, a number or a truth value: one of them per field, by FIELD_KINDS.
Value = str | float | bool


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


_TESTS: dict[str, Callable[[Any, tuple[Any, ...]], bool]] = {
    "is": lambda value, operands: value in operands,
    "one_of": lambda value, operands: value in operands,
    "contains": lambda value, operands: operands[0] in value,
    "starts_with": lambda value, operands: value.startswith(operands[0]),
    "at_least": lambda value, operands: value >= operands[0],
    "at_most": lambda value, operands: value <= operands[0],
    "between": lambda value, operands: operands[0] <= value <= operands[1],
    "is_true": lambda value, operands: value,
    "is_false": lambda value, operands: not value,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of a rule: `value` as it was written, `operands` as comparisons use it."""

    field: str
    operator: str
    value: object
    operands: tuple[Value, ...]

    def evaluate(self, facts: Mapping[str, object]) -> str:
        """Return "yes", "no" or "unknown" for these facts (field name -> JSON value).

        Of a list-valued fact one element is enough; `is_not` and `none_of` ask it of all elements.
        """
        values = known_values(FIELD_KINDS[self.field], facts.get(self.field))
        if self.operator == "is_blank":
            return NO if values else YES
        if self.operator == "is_not_blank":
            return YES if values else NO
        if not values:
            return UNKNOWN
        if self.operator in NEGATIONS:
            return NO if any(value in self.operands for value in values) else YES
        test = _TESTS[self.operator]
        return YES if any(test(value, self.operands) for value in values) else NO

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


def make_condition(field: str, operator: str, value: object) -> Condition:
    """Return the typed condition. ValueError with a sentence when `check_condition` refuses it."""
    problem = check_condition(field, operator, value)
    if problem:
        raise ValueError(problem)
    if operator in _WITHOUT_VALUE:
        return Condition(field, operator, None, ())
    operands = known_values(FIELD_KINDS[field], value)
    return Condition(field, operator, value, tuple(dict.fromkeys(operands)) if operator in _LISTS else operands)


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
        return _check_range(label, value)
    if operator not in _LISTS:
        return _check_value(kind, label, value)
    if not isinstance(value, list) or not value:
        return f"“{verb}” needs a list with at least one value for “{label}”."
    return next((problem for part in value if (problem := _check_value(kind, label, part))), None)


_KIND_LABELS = {"text": "a text", "words": "one or more words", "number": "a number", "flag": "yes or no"}


LARGEST = 2**63


def _check_value(kind: str, label: str, value: object) -> str | None:
    if kind == "number":
        if not _is_number(value):
            return f"“{label}” is a number; {_quoted(value)} is not."
        # The trace of a decision has to be able to say it: JSON as we write it ends at 64 bits.
        return None if abs(value) < LARGEST else f"{_quoted(value)} is too large to compare “{label}” with."  # type: ignore[arg-type]
    if not isinstance(value, str):
        return f"“{label}” is compared with one text; {_quoted(value)} is not."
    return None if fold(value) else f"The text to compare “{label}” with is empty."


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
