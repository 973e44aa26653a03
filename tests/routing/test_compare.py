"""What changed between two contents, in sentences: nothing where nothing did, and never less than everything."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.compare import Change, changes, rule_changes
from routing.names import Names
from tests.engine.rule_content import content
from tests.engine.rule_content import rule as bare

NAMES = Names(owners={1: "Elena", 2: "Marco"}, pools={7: "DACH", 8: "EMEA"}, policies={"fast": "Fast"})
STEP = "territory_owner"


def rule(number, *groups, **fields):
    empty = {
        "key": f"k{number}", "fallback_owner": None, "on_nobody": "", "tier": "", "sla_policy": "", "pipeline": "",
        "stage": "", "sequence": "", "alert_channels": [], "review_reason": "", "high_intent": None,
        "require_language": False, "require_service": False, "require_skills": [], "starts_at": None, "ends_at": None,
        "weekdays": [], "from_minute": None, "until_minute": None, "table": None,
    }  # fmt: skip
    return bare(number, *groups) | empty | fields


def to(**target):
    return {"target": {"kind": "pool", "owner": None, "pool": 7, "team": None} | target}


def told(old, new):
    return [(change.kind, change.key, change.sentences) for change in changes(old, new, NAMES)]


def test_equal_contents_have_no_changes_whatever_their_version_is():
    one = content(rule(1), rule(2))
    assert told(one, copy.deepcopy(one) | {"version": 9}) == []


def test_rules_are_added_removed_and_changed_by_their_key():
    old = content(rule(1), rule(2, [("country", "is", "DE")]), rule(3))
    new = content(
        rule(12, [("country", "is", "AT")], **to(pool=8), key="k2", name="rule 2"), rule(13, key="k3", name="rule 3"),
        rule(14, key="k4", name="four", step="manual_review", **to(kind="review", owner=2)),
    )  # fmt: skip
    assert told(old, new) == [
        ("changed", "k2", ("Asks that country is AT instead of country is DE.", "Leads go to EMEA instead of DACH.")),
        ("removed", "k1", ("Gone: Every lead → DACH.",)),
        ("added", "k4", ("New: Every lead → review by Marco.",)),
    ]


def test_the_fewest_moves_explain_another_order():
    old = content(*(rule(number) for number in (1, 2, 3, 4)))
    new = content(*(rule(number) for number in (4, 1, 2, 3)))
    assert told(old, new) == [("moved", "k4", ("Asked at another place in its step.",))]


def test_versions_from_before_keys_are_told_by_step_and_name():
    old, new = content(rule(1), rule(2)), content(rule(8), rule(9, tier="priority"))
    for one, name in zip((*old["rules"], *new["rules"]), ("a", "a", "a", "a"), strict=True):
        one["name"] = name
        del one["key"]
    assert [sentences for _, _, sentences in told(old, new)] == [("Tier: priority instead of nothing.",)]


def test_settings_of_the_version_come_first():
    old, new = content(rule(1)), content(rule(1), owner=2, zone="Europe/Berlin")
    new["order"] = [new["order"][1], new["order"][0], *new["order"][2:]]
    (change,) = changes(old, new, NAMES)
    assert change == Change("set", "", "", "", change.sentences)
    assert change.sentences[:2] == (
        "Marco answers for the rules instead of Elena.",
        "Dates and hours are read in Europe/Berlin instead of UTC.",
    )
    said = change.sentences[2]
    assert said == "The steps have another order: Owner of the customer is number 1 instead of 2."


def test_of_a_new_order_of_steps_the_fewest_are_told_that_explain_it():
    old, new = content(rule(1)), content(rule(1))
    new["order"] = [*new["order"][:4], *reversed(new["order"][4:7]), *new["order"][7:]]
    (change,) = changes(old, new, NAMES)
    assert change.sentences == (
        "The steps have another order: Owner of the campaign or source is number 5 instead of 7, "
        "Owner of the territory is number 7 instead of 5.",
    )


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "other", "Named “other” instead of “rule 1”."),
        ("step", "manual_review", "Asked in step “Manual review” instead of “Owner of the territory”."),
        ("enabled", False, "Switched off."),
        ("fallback_owner", 2, "Fallback owner: Marco instead of nothing."),
        ("on_nobody", "hold", "When nobody can take it: wait for the pool instead of as the pool says."),
        ("tier", "priority", "Tier: priority instead of nothing."),
        ("sla_policy", "fast", "SLA policy: Fast instead of nothing."),
        ("pipeline", "sales", "Pipeline: sales instead of nothing."),
        ("stage", "new", "Stage: new instead of nothing."),
        ("sequence", "speed", "Sequence: speed instead of nothing."),
        ("alert_channels", ["email"], "Alert channels: email instead of nothing."),
        ("review_reason", "unresolved", "Review reason: unresolved instead of nothing."),
        ("high_intent", False, "High intent: no instead of as the lead type says."),
        ("require_language", True, "Has to speak the lead’s language: yes instead of nothing."),
        ("require_service", True, "Has to cover the service: yes instead of nothing."),
        ("require_skills", ["audit"], "Skills: audit instead of nothing."),
        ("starts_at", "2026-03-02T09:00:00+00:00", "Holds from 2 Mar 2026, 09:00 (UTC) instead of at any time."),
        ("ends_at", "2026-03-02T09:00:00+00:00", "Holds until 2 Mar 2026, 09:00 (UTC) instead of at any time."),
        ("weekdays", [0], "Holds Mon (UTC) instead of at any time."),
        ("table", {"inputs": [], "outputs": [], "rows": [{}, {}]}, "Has a table of 2 rows now."),
    ],
)
def test_every_field_of_a_rule_that_differs_is_said(field, value, words):
    assert rule_changes(rule(1), rule(1) | {field: value}, NAMES) == [words]


def test_every_field_that_a_frozen_rule_has_is_in_the_list_above():
    (mark,) = [
        mark for mark in test_every_field_of_a_rule_that_differs_is_said.pytestmark if mark.name == "parametrize"
    ]
    tried = {field for field, _, _ in mark.args[1]}
    elsewhere = {"id", "key", "position", "groups", "target", "from_minute", "until_minute"}
    assert set(rule(1)) - elsewhere <= tried


TABLE = {"inputs": [{"field": "country", "operator": "is"}], "outputs": ["pool"]}
cells = st.lists(st.tuples(st.sampled_from(["DE", "AT", "FR", None]), st.sampled_from([7, 8, None])), min_size=1)


@given(cells, cells)
def test_tables_that_differ_are_told_and_equal_ones_are_not(first, second):
    one, two = (TABLE | {"rows": [{"in": [row[0]], "out": [row[1]]} for row in rows]} for rows in (first, second))
    said = rule_changes(rule(1, table=one), rule(1, table=two), NAMES)
    assert bool(said) == (first != second)


orders = st.permutations(range(8))


@given(orders, orders)
def test_moving_the_rules_that_are_told_as_moved_gives_the_new_order(first, second):
    old, new = (content(*(rule(number) for number in order)) for order in (first, second))
    moved = {change.key for change in changes(old, new, NAMES)}
    kept = [[one["key"] for one in each["rules"] if one["key"] not in moved] for each in (old, new)]
    assert kept[0] == kept[1]
