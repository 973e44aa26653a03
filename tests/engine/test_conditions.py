"""Conditions over facts: typed comparison, folding, unknown."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.engine.conditions import (
    FIELD_KINDS,
    FIELDS,
    OPERATORS,
    OPERATORS_BY_KIND,
    check_condition,
    fold,
    make_condition,
)
from routing.engine.rules import compile_rules
from tests.engine.rule_content import content, matched, rule

CASES = [
    # field, operator, value, fact, result
    ("country", "is", "DE", "de", "yes"),
    ("country", "is", "DE", " De ", "yes"),
    ("country", "is", "DE", "FR", "no"),
    ("country", "is", "DE", None, "unknown"),
    ("country", "is", "DE", "   ", "unknown"),
    ("city", "is", "Zürich", "ZURICH", "yes"),
    ("city", "is", "Strasse", "Straße", "yes"),
    ("city", "is", "Malmö", "Malmo\u0308", "yes"),
    ("city", "is", "ﬁnsbury", "Finsbury", "yes"),
    ("postal_code", "is", "75001", 75001, "yes"),
    ("postal_code", "is", "1", True, "unknown"),
    ("country", "is_not", "DE", "FR", "yes"),
    ("country", "is_not", "DE", "de", "no"),
    ("country", "is_not", "DE", None, "unknown"),
    ("country", "one_of", ["DE", "FR"], "fr", "yes"),
    ("country", "one_of", ["DE", "FR"], "US", "no"),
    ("country", "one_of", ["DE", "FR"], None, "unknown"),
    ("country", "none_of", ["DE", "FR"], "US", "yes"),
    ("country", "none_of", ["DE", "FR"], "FR", "no"),
    ("country", "none_of", ["DE", "FR"], "", "unknown"),
    ("job_title", "contains", "chief", "The CHIEF of staff", "yes"),
    ("job_title", "contains", "chief", "rep", "no"),
    ("job_title", "contains", "chief", None, "unknown"),
    ("postal_code", "starts_with", "SW1", "sw1a 1aa", "yes"),
    ("postal_code", "starts_with", "SW1", "1 SW1", "no"),
    ("postal_code", "starts_with", "SW1", None, "unknown"),
    ("company_size", "is", 50, 50, "yes"),
    ("company_size", "is", 50, 50.0, "yes"),
    ("company_size", "is_not", 50, 50.0, "no"),
    ("company_size", "one_of", [10, 50], 50, "yes"),
    ("company_size", "none_of", [10, 50], 51, "yes"),
    ("company_size", "at_least", 9, 10, "yes"),
    ("company_size", "at_least", 10, 9, "no"),
    ("company_size", "at_least", 10, "9", "no"),
    ("company_size", "at_least", 9, " 10 ", "yes"),
    ("company_size", "at_least", 50, 50, "yes"),
    ("company_size", "at_least", 50, 49.5, "no"),
    ("company_size", "at_most", 50, 50, "yes"),
    ("company_size", "at_most", 50, 50.5, "no"),
    ("company_size", "between", [10, 50], 10, "yes"),
    ("company_size", "between", [10, 50], 50, "yes"),
    ("company_size", "between", [10, 50], 51, "no"),
    ("company_size", "at_least", 0, None, "unknown"),
    ("company_size", "at_least", 0, "many", "unknown"),
    ("company_size", "at_least", 0, "1_000", "unknown"),
    ("company_size", "at_least", 0, True, "unknown"),
    ("company_size", "at_least", 0, math.nan, "unknown"),
    ("company_size", "at_least", 0, math.inf, "unknown"),
    ("company_size", "at_least", 0, 10**400, "yes"),
    ("company_size", "at_least", 0, {"a": 1}, "unknown"),
    ("existing_customer", "is_true", None, True, "yes"),
    ("existing_customer", "is_true", None, False, "no"),
    ("existing_customer", "is_true", None, None, "unknown"),
    ("existing_customer", "is_true", None, 1, "unknown"),
    ("existing_customer", "is_false", None, False, "yes"),
    ("existing_customer", "is_false", None, True, "no"),
    ("existing_customer", "is_false", None, None, "unknown"),
    ("service_requested", "is", "crm_repair", ["audit", "CRM_repair"], "yes"),
    ("service_requested", "is", "crm_repair", ["audit"], "no"),
    ("service_requested", "one_of", ["x", "audit"], ["audit", "y"], "yes"),
    ("service_requested", "is_not", "audit", ["audit", "y"], "no"),
    ("service_requested", "none_of", ["audit"], ["x", "y"], "yes"),
    ("service_requested", "contains", "repair", ["audit", "crm_repair"], "yes"),
    ("service_requested", "is", "audit", [], "unknown"),
    ("service_requested", "is_not", "audit", [None, " "], "unknown"),
    ("country", "is_blank", None, None, "yes"),
    ("country", "is_blank", None, " ", "yes"),
    ("country", "is_blank", None, [], "yes"),
    ("country", "is_blank", None, "DE", "no"),
    ("existing_customer", "is_blank", None, False, "no"),
    ("company_size", "is_blank", None, 0, "no"),
    ("country", "is_not_blank", None, "DE", "yes"),
    ("country", "is_not_blank", None, None, "no"),
    ("existing_customer", "is_not_blank", None, False, "yes"),
    ("received_at", "before", "2026-03-29", "2026-03-28T23:59:59.999999+00:00", "yes"),
    ("received_at", "before", "2026-03-29", "2026-03-29T00:00:00+00:00", "no"),
    ("received_at", "before", "2026-03-29", "2026-03-29T01:00:00+02:00", "yes"),
    ("received_at", "after", "2026-03-29", "2026-03-29T23:59:59.999999+00:00", "no"),
    ("received_at", "after", "2026-03-29", "2026-03-30T00:00:00+00:00", "yes"),
    ("received_at", "after", "2026-03-29T10:00:00+00:00", "2026-03-29T10:00:00+00:00", "no"),
    ("received_at", "after", "2026-03-29T10:00:00+00:00", "2026-03-29T10:00:00.000001+00:00", "yes"),
    ("received_at", "before", "2026-03-29T10:00:00+00:00", "2026-03-29T09:59:59+00:00", "yes"),
    ("received_at", "between", ["2026-03-28", "2026-03-29"], "2026-03-29T23:59:59+00:00", "yes"),
    ("received_at", "between", ["2026-03-28", "2026-03-29"], "2026-03-30T00:00:00+00:00", "no"),
    ("received_at", "after", "2026-03-29", None, "unknown"),
    ("received_at", "after", "2026-03-29", "yesterday", "unknown"),
    ("received_at", "after", "2026-03-29", "2026-04-01T00:00:00", "unknown"),
    ("received_at", "is_blank", None, "2026-04-01", "yes"),
    ("company_domain", "in_list", "partners", "acme.example", "yes"),
    ("company_domain", "in_list", "partners", " Zürich.Example", "yes"),
    ("company_domain", "in_list", "partners", "other.example", "no"),
    ("company_domain", "in_list", "partners", None, "unknown"),
    ("company_domain", "in_list", "gone", "acme.example", "no"),
    ("company_domain", "not_in_list", "partners", "acme.example", "no"),
    ("company_domain", "not_in_list", "partners", "other.example", "yes"),
    ("company_domain", "not_in_list", "gone", "acme.example", "yes"),
    ("company_domain", "not_in_list", "partners", "", "unknown"),
    ("service_requested", "in_list", "partners", ["audit", "acme.example"], "yes"),
    ("service_requested", "not_in_list", "partners", ["audit", "acme.example"], "no"),
]
LISTS = {"partners": frozenset({"acme.example", "zurich.example"})}


@pytest.mark.parametrize(("field", "operator", "value", "fact", "result"), CASES)
def test_condition_is_yes_no_or_unknown(field, operator, value, fact, result):
    assert make_condition(field, operator, value, lists=LISTS).evaluate({field: fact}) == result


@pytest.mark.parametrize(("field", "operator", "value", "fact", "result"), CASES)
def test_rule_of_one_condition_matches_when_it_is_yes(field, operator, value, fact, result):
    rule_set = compile_rules(content(rule(1, [(field, operator, value)])), LISTS)
    for _ in range(2):  # learned, then remembered
        assert matched(rule_set, {field: fact}) == ([1] if result == "yes" else [])


def test_cases_cover_every_operator():
    assert {operator for _, operator, *_ in CASES} == set(OPERATORS)


def test_absent_fact_is_unknown_like_none():
    condition = make_condition("country", "is_not", "DE")
    assert condition.evaluate({}) == condition.evaluate({"country": None}) == "unknown"


def test_only_is_blank_holds_on_an_unknown_fact():
    values = {
        "text": {"one_of": ["a"], "none_of": ["a"]},
        "number": {"one_of": [1], "none_of": [1], "between": [0, 9]},
    }
    holding = set()
    for kind, field in (("text", "country"), ("number", "lead_score"), ("flag", "is_test")):
        for operator in OPERATORS_BY_KIND[kind]:
            plain = None if operator.startswith("is_") and operator != "is_not" else {"text": "a"}.get(kind, 1)
            condition = make_condition(field, operator, values.get(kind, {}).get(operator, plain))
            if condition.evaluate({}) == "yes":
                holding.add(operator)
    assert holding == {"is_blank"}


def test_line_of_the_trace_shows_what_was_written_and_what_was_seen():
    line = make_condition("country", "one_of", ["DE", "FR"]).explain({"country": " de "})
    assert line == {
        "field": "country",
        "operator": "one_of",
        "value": ["DE", "FR"],
        "saw": " de ",
        "result": "yes",
    }


@pytest.mark.parametrize(
    ("fact", "saw"),
    [(math.nan, "nan"), (math.inf, "inf"), (("a", None), ["a", None]), ({"a": 1}, "{'a': 1}"), (None, None)],
)
def test_line_of_the_trace_is_plain_json(fact, saw):
    line = make_condition("company_size", "is", 1).explain({"company_size": fact})
    assert line["saw"] == saw
    assert json.loads(json.dumps(line, allow_nan=False)) == line


@given(st.text())
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_folding_sees_neither_case_nor_surrounding_space(text):
    assert fold(f"  {text}\n") == fold(text)
    if text.isascii():
        assert fold(text.upper()) == fold(text)


SOUND = [
    ("country", "is", "DE"),
    ("country", "one_of", ["DE"]),
    ("lead_score", "at_least", 80),
    ("lead_score", "is", 79.5),
    ("lead_score", "between", [10, 10]),
    ("is_test", "is_true", None),
    ("country", "is_blank", ""),
    ("country", "is_not_blank", []),
]

UNSOUND = [
    ("shoe_size", "is", "DE", "There is no field called “shoe_size”."),
    ("country", "resembles", "DE", "There is no operator called “resembles”."),
    (
        "is_test",
        "at_least",
        1,
        "“is at least” does not fit the field “test lead”, which is yes or no; "
        "what fits: is yes, is no, is blank, is not blank.",
    ),
    ("lead_score", "at_least", "80", "“lead score” is a number; “80” is not."),
    ("lead_score", "is", True, "“lead score” is a number; “True” is not."),
    ("lead_score", "is", math.nan, "“lead score” is a number; “nan” is not."),
    ("lead_score", "is", None, "“lead score” is a number; an empty value is not."),
    ("lead_score", "one_of", [1, "b"], "“lead score” is a number; “b” is not."),
    ("lead_score", "between", [1], "“is between” needs two numbers for “lead score”, the lower one first."),
    ("lead_score", "between", 5, "“is between” needs two numbers for “lead score”, the lower one first."),
    ("lead_score", "between", [1, "x"], "“lead score” is a number; “x” is not."),
    ("lead_score", "between", [9, 1], "No “lead score” can be between 9 and 1."),
    ("country", "one_of", [], "“is one of” needs a list with at least one value for “country”."),
    ("country", "none_of", "DE", "“is none of” needs a list with at least one value for “country”."),
    ("country", "one_of", ["DE", " "], "The text to compare “country” with is empty."),
    ("country", "is", "", "The text to compare “country” with is empty."),
    ("country", "is", None, "“country” is compared with one text; an empty value is not."),
    ("postal_code", "is", 75001, "“postal code” is compared with one text; “75001” is not."),
    ("country", "is", ["DE"], "“country” is compared with one text; “['DE']” is not."),
    ("country", "is_blank", "DE", "“is blank” takes no value; leave it empty."),
    ("is_test", "is_true", False, "“is yes” takes no value; leave it empty."),
]


@pytest.mark.parametrize(("field", "operator", "value"), SOUND)
def test_sound_condition_has_no_problem(field, operator, value):
    assert check_condition(field, operator, value) is None


@pytest.mark.parametrize(("field", "operator", "value", "sentence"), UNSOUND)
def test_unsound_condition_says_what_is_wrong(field, operator, value, sentence):
    assert check_condition(field, operator, value) == sentence
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        make_condition(field, operator, value)
    assert str(caught.value) == sentence


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(st.sampled_from(sorted(FIELDS)), st.sampled_from(sorted(OPERATORS)), json_values, json_values)
def test_any_value_and_any_fact_give_a_sentence_or_a_result(field, operator, value, fact):
    problem = check_condition(field, operator, value)
    if problem is None:
        assert make_condition(field, operator, value).evaluate({field: fact}) in ("yes", "no", "unknown")
    else:
        assert problem.endswith(".")


def test_every_field_has_a_kind_and_every_operator_a_use():
    assert set(FIELD_KINDS) == set(FIELDS)
    assert set(FIELD_KINDS.values()) == set(OPERATORS_BY_KIND)
    assert {name for names in OPERATORS_BY_KIND.values() for name in names} == set(OPERATORS)
