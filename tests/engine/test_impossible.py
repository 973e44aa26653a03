"""What no lead can satisfy: named where it is, and never said of what a lead can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.engine.conditions import make_condition
from routing.engine.impossible import contradiction

LISTS = {"dach": frozenset({"de", "at"}), "none": frozenset()}


def clash(*rows):
    found = contradiction([make_condition(*row, lists=LISTS) for row in rows])
    return [(condition.operator, condition.value) for condition in found]


@pytest.mark.parametrize(
    "rows",
    [
        [("country", "is", "DE"), ("country", "is", "FR")],
        [("country", "is", "DE"), ("country", "is_not", "de")],
        [("country", "one_of", ["DE", "AT"]), ("country", "none_of", ["AT", "DE", "CH"])],
        [("country", "in_list", "dach"), ("country", "is", "FR")],
        [("country", "in_list", "dach"), ("country", "not_in_list", "dach")],
        [("country", "is_blank", None), ("country", "is", "DE")],
        [("country", "is_blank", None), ("country", "is_not_blank", None)],
        [("city", "is", "Bern"), ("city", "starts_with", "Z")],
        [("city", "is", "Bern"), ("city", "contains", "x")],
        [("postal_code", "starts_with", "10"), ("postal_code", "starts_with", "20")],
        [("lead_score", "at_least", 70), ("lead_score", "at_most", 69)],
        [("lead_score", "between", [1, 5]), ("lead_score", "between", [6, 9])],
        [("lead_score", "is", 5), ("lead_score", "at_least", 6)],
        [("received_at", "before", "2026-01-01"), ("received_at", "after", "2026-01-01")],
        [("is_test", "is_true", None), ("is_test", "is_false", None)],
        [("service_requested", "is", "audit"), ("service_requested", "none_of", ["audit"])],
    ],
)
def test_two_that_exclude_each_other_are_named(rows):
    assert clash(("language", "is", "de"), *rows) == [row[1:] for row in rows]


def test_three_that_exclude_each_other_only_together_are_named():
    rows = [("lead_score", "at_least", 5), ("lead_score", "at_most", 5), ("lead_score", "is_not", 5)]
    assert clash(*rows) == [row[1:] for row in rows]


def test_a_list_that_holds_nothing_holds_for_nobody():
    assert clash(("country", "in_list", "none")) == [("in_list", "none")]


@pytest.mark.parametrize(
    "rows",
    [
        [("service_requested", "is", "audit"), ("service_requested", "is", "repair")],
        [("country", "is_not", "DE"), ("country", "is_not", "FR")],
        [("lead_score", "at_least", 70), ("lead_score", "at_most", 70)],
        [("country", "is", "DE"), ("city", "is", "Bern")],
        [("city", "starts_with", "Z"), ("city", "starts_with", "Zür")],
    ],
)
def test_what_a_lead_can_satisfy_is_let_pass(rows):
    assert clash(*rows) == []


words = st.sampled_from(["a", "ab", "abc", "b", "ba"])
numbers = st.integers(0, 6)
text_rows = st.one_of(
    st.tuples(st.sampled_from(["is", "is_not", "contains", "starts_with"]), words),
    st.tuples(st.sampled_from(["one_of", "none_of"]), st.lists(words, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["is_blank", "is_not_blank"]), st.none()),
).map(lambda row: ("city", *row))
number_rows = st.one_of(
    st.tuples(st.sampled_from(["is", "is_not", "at_least", "at_most"]), numbers),
    st.tuples(st.sampled_from(["one_of", "none_of"]), st.lists(numbers, min_size=1, max_size=3)),
    st.tuples(st.just("between"), st.tuples(numbers, numbers).map(sorted)),
    st.tuples(st.sampled_from(["is_blank", "is_not_blank"]), st.none()),
).map(lambda row: ("lead_score", *row))
several = text_rows.map(lambda row: ("service_requested", *row[1:]))


@given(st.lists(text_rows, min_size=1, max_size=4), words | st.none() | st.text("abc", max_size=4))
def test_no_text_satisfies_what_is_called_impossible(rows, fact):
    _never(rows, "city", fact)


@given(st.lists(number_rows, min_size=1, max_size=4), numbers | st.none() | st.floats(0, 6))
def test_no_number_satisfies_what_is_called_impossible(rows, fact):
    _never(rows, "lead_score", fact)


@given(st.lists(several, min_size=1, max_size=4), st.lists(words, max_size=4))
def test_no_several_words_satisfy_what_is_called_impossible(rows, fact):
    _never(rows, "service_requested", fact)


@given(st.lists(number_rows, min_size=1, max_size=3))
def test_of_numbers_everything_impossible_is_found(rows):
    group = [make_condition(*row) for row in rows]
    tried = [None, *range(-1, 8), *(number + 0.5 for number in range(-1, 8))]
    holds = any(all(one.evaluate({"lead_score": fact}) == "yes" for one in group) for fact in tried)
    assert bool(contradiction(group)) != holds


def _never(rows, field, fact):
    group = [make_condition(*row) for row in rows]
    if contradiction(group):
        assert not all(condition.evaluate({field: fact}) == "yes" for condition in group)
