"""Decision tables: the first row that holds, what a row changes, every fault by its place."""

import pytest

from routing.engine.rules import RuleError, compile_rules
from routing.engine.tables import check_table
from tests.engine.rule_content import NOW, STEP, content, rule

TABLE = {
    "inputs": [
        {"field": "country", "operator": "one_of"},
        {"field": "company_size", "operator": "between"},
        {"field": "existing_customer", "operator": "is_true"},
    ],
    "outputs": ["pool", "owner", "tier"],
    "rows": [
        {"in": [["DE", "AT"], [1, 50], None], "out": [7, None, None]},
        {"in": [["DE", "AT"], None, True], "out": [None, 4, "priority"]},
        {"in": [["DE"], None, None], "out": [9, None, "standard"]},
        {"in": [None, None, None], "out": [None, None, "rest"]},
    ],
}


def found(facts, *groups, table=TABLE, **changes):
    rules = compile_rules(content(rule(1, *groups, table=table, tier="own", **changes), rule(2)))
    return [
        (each.id, each.row, each.target_kind, each.target_pool, each.target_owner, each.tier, each.name)
        for each in rules.matching(STEP, facts, NOW)
    ]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"country": "de", "company_size": 20}, (1, 1, "pool", 7, None, "own", "rule 1, row 1")),
        (
            {"country": "AT", "company_size": 51, "existing_customer": True},
            (1, 2, "owner", 7, 4, "priority", "rule 1, row 2"),
        ),
        ({"country": "DE"}, (1, 3, "pool", 9, None, "standard", "rule 1, row 3")),
        ({}, (1, 4, "pool", 7, None, "rest", "rule 1, row 4")),
    ],
)
def test_the_first_row_that_holds_wins_and_the_rest_of_the_table_is_not_asked(facts, expected):
    assert found(facts) == [expected, (2, 0, "pool", 7, None, "", "rule 2")]


def test_the_conditions_of_the_rule_hold_for_every_row():
    groups = ([("language", "is", "de")], [("language", "is", "fr")])
    assert [row[:2] for row in found({"country": "DE", "language": "fr"}, *groups)] == [(1, 3), (2, 0)]
    assert [row[:2] for row in found({"country": "DE", "language": "en"}, *groups)] == [(2, 0)]


def test_the_explanation_of_a_row_shows_its_own_conditions():
    rules = compile_rules(content(rule(1, [("language", "is", "de")], table=TABLE)))
    facts = {"country": "DE", "language": "de"}
    (row,) = rules.matching(STEP, facts, NOW)
    assert [[line["field"] for line in group] for group in rules.explain(row, facts)] == [["language", "country"]]


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"inputs": [], "rows": []}, [(None, None)]),
        ({"rows": []}, [(None, None)]),
        ({"rows": [{"in": []}]}, [(1, None)]),
        ({"rows": [{"in": [None, None], "out": [1, None, None]}]}, [(1, None)]),
        ({"inputs": [{"field": "shoe_size", "operator": "is"}]}, [(None, 0)]),
        ({"inputs": [{"field": "country", "operator": "at_least"}]}, [(None, 0)]),
        ({"outputs": ["pool", "pool", "salary"]}, [(None, 4), (None, 5)]),
        (
            {"rows": [{"in": [["DE"], [9, 1], "maybe"], "out": [True, 4, ""]}]},
            [(1, 1), (1, 2), (1, 3), (1, 5)],
        ),
    ],
)
def test_every_fault_names_its_row_and_column(changes, faults):
    table = TABLE | changes
    assert [(fault.row, fault.column) for fault in check_table(table)] == faults
    with pytest.raises(RuleError) as refused:
        compile_rules(content(rule(1, table=table)))
    assert refused.value.code == "table_unsound"


@pytest.mark.parametrize("table", [[], {}, {"inputs": 1, "outputs": [], "rows": []}, "rows"])
def test_what_is_no_table_is_one_fault(table):
    assert [(fault.row, fault.column) for fault in check_table(table)] == [(None, None)]
