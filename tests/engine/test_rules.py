"""Frozen content compiles to rules in order, or says why not."""

import json
from datetime import UTC, datetime

import pytest

from routing.engine.rules import DEFAULT_ORDER, STEPS, RuleError, compile_rules
from tests.engine.rule_content import STEP, content, matched, rule

# --- what a rule set answers -----------------------------------------------------------------------------


def test_rules_come_by_position_then_id():
    rule_set = compile_rules(content(rule(5, position=1), rule(3, position=2), rule(4, position=1)))
    assert matched(rule_set, {}) == [4, 5, 3]


def test_rule_with_several_groups_that_hold_comes_once():
    both = rule(1, [("country", "is", "DE")], [("lead_score", "at_least", 10)])
    rule_set = compile_rules(content(both, rule(2)))
    assert matched(rule_set, {"country": "DE", "lead_score": 50}) == [1, 2]
    assert matched(rule_set, {"lead_score": 50}) == [1, 2]
    assert matched(rule_set, {"lead_score": 5}) == [2]


def test_two_conditions_on_one_field_are_both_required():
    rule_set = compile_rules(
        content(
            rule(
                1,
                [("country", "is_not", "DE"), ("country", "is_not", "FR"), ("country", "is_not_blank", None)],
            )
        )
    )
    assert [matched(rule_set, {"country": country}) for country in ("DE", "FR", "US", None)] == [
        [],
        [],
        [1],
        [],
    ]


def test_rules_of_another_step_are_not_seen():
    rule_set = compile_rules(content(rule(1), rule(2, step="manual_review")))
    assert [rule_set.count(step) for step in (STEP, "manual_review", "open_deal_owner")] == [1, 1, 0]
    assert matched(rule_set, {}, "manual_review") == [2]
    assert matched(rule_set, {}, "open_deal_owner") == []


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ("2026-03-01T23:59:59.999999+00:00", []),
        ("2026-03-02T00:00:00+00:00", [1]),
        ("2026-03-02T01:00:00+01:00", [1]),
        ("2026-03-02T23:59:59.999999+00:00", [1]),
        ("2026-03-03T00:00:00+00:00", []),
        ("2026-03-02T20:00:00-05:00", []),
    ],
)
def test_window_begins_with_its_start_and_ends_before_its_end(now, found):
    windowed = rule(1, starts_at="2026-03-02T00:00:00Z", ends_at="2026-03-03T00:00:00Z")
    assert matched(compile_rules(content(windowed)), {}, now=datetime.fromisoformat(now)) == found


def test_expired_rule_leaves_the_next_one_first():
    rule_set = compile_rules(content(rule(1, ends_at="2020-01-01T00:00:00Z"), rule(2)))
    assert matched(rule_set, {}) == [2]


def test_explanation_names_what_each_condition_saw():
    rule_set = compile_rules(
        content(rule(1, [("country", "is", "DE"), ("lead_score", "at_least", 80)], [("language", "is", "de")]))
    )
    explained = rule_set.explain(rule_set.rules[1], {"country": "FR", "lead_score": 91})
    assert explained == [
        [
            {"field": "country", "operator": "is", "value": "DE", "saw": "FR", "result": "no"},
            {"field": "lead_score", "operator": "at_least", "value": 80, "saw": 91, "result": "yes"},
        ],
        [{"field": "language", "operator": "is", "value": "de", "saw": None, "result": "unknown"}],
    ]
    assert json.loads(json.dumps(explained)) == explained


def test_rule_carries_all_that_the_content_says():
    full = rule(
        1,
        target={"kind": "owner", "owner": 4, "pool": None, "team": 2},
        fallback_owner=5,
        on_nobody="next_step",
        tier="priority",
        sla_policy="hot",
        pipeline="automation_audit",
        stage="new_qualified_diagnostic",
        sequence="speed_to_lead_priority",
        alert_channels=["in_app", "email"],
        review_reason="critical_severity",
        high_intent=False,
        require_language=True,
        require_service=True,
        starts_at="2026-01-01T00:00:00+00:00",
        ends_at=None,
    )
    rule_set = compile_rules(json.loads(json.dumps(content(full, version=None))))
    found = rule_set.rules[1]
    assert (rule_set.version, rule_set.owner, rule_set.order) == (None, 1, DEFAULT_ORDER)
    assert (found.target_kind, found.target_owner, found.target_pool, found.target_team) == (
        "owner",
        4,
        None,
        2,
    )
    assert (found.fallback_owner, found.on_nobody, found.tier, found.sla_policy) == (
        5,
        "next_step",
        "priority",
        "hot",
    )
    assert (found.pipeline, found.stage) == ("automation_audit", "new_qualified_diagnostic")
    assert (found.sequence, found.alert_channels) == ("speed_to_lead_priority", ("in_app", "email"))
    assert (found.review_reason, found.high_intent) == ("critical_severity", False)
    assert (found.require_language, found.require_service) == (True, True)
    assert (found.window.starts_at, found.window.ends_at) == (datetime(2026, 1, 1, tzinfo=UTC), None)


def test_order_of_the_steps_is_the_versions_own():
    order = [STEPS[4], *STEPS[:4], *STEPS[5:]]
    assert compile_rules(content(order=order)).order == tuple(order)


# --- malformed content -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ([], "content_malformed"),
        (content(rules={}), "content_malformed"),
        (content(owner=None), "content_malformed"),
        (content(version="3"), "content_malformed"),
        (content(order=list(STEPS[:8])), "steps_incomplete"),
        (content(order=[*STEPS[:8], STEPS[0]]), "steps_incomplete"),
        (content(order=[*STEPS[:8], None]), "steps_incomplete"),
        (content(order=list(reversed(STEPS))), "catch_all_not_last"),
        (content("rule"), "content_malformed"),
        (content(rule(1), rule(1)), "rule_repeated"),
        (content(rule(1, id="1")), "content_malformed"),
        (content(rule(1, id=True)), "content_malformed"),
        (content(rule(1, position=None)), "content_malformed"),
        (content(rule(1, step="best_guess")), "step_unknown"),
        (content(rule(1, groups=None)), "content_malformed"),
        (content(rule(1, groups=["x"])), "content_malformed"),
        (content(rule(1, groups=[["x"]])), "content_malformed"),
        (content(rule(1, [])), "group_empty"),
        (content(rule(1, [("shoe_size", "is", "x")])), "condition_unsound"),
        (content(rule(1, [("lead_score", "at_least", "high")])), "condition_unsound"),
        (content(rule(1, [(["country"], "is", "x")])), "content_malformed"),
        (content(rule(1, target=None)), "content_malformed"),
        (content(rule(1, target={"kind": "dice"})), "target_unknown"),
        (content(rule(1, target={"kind": "team", "pool": 7})), "target_incomplete"),
        (content(rule(1, target={"kind": "pool", "pool": "7"})), "content_malformed"),
        (content(rule(1, on_nobody="guess")), "content_malformed"),
        (content(rule(1, alert_channels="email")), "content_malformed"),
        (content(rule(1, high_intent="yes")), "content_malformed"),
        (content(rule(1, starts_at="soon")), "window_malformed"),
        (content(rule(1, starts_at="2026-01-01T00:00:00")), "window_malformed"),
        (
            content(rule(1, starts_at="2026-01-02T00:00:00Z", ends_at="2026-01-02T00:00:00Z")),
            "window_malformed",
        ),
    ],
)
def test_malformed_content_is_refused_with_a_code(document, code):
    with pytest.raises(RuleError) as caught:
        compile_rules(document)
    assert caught.value.code == code


def test_error_says_which_rule_and_why():
    with pytest.raises(RuleError) as caught:
        compile_rules(content(rule(9, [("country", "is", "DE")], [("lead_score", "is", "x")])))
    assert str(caught.value) == "rule 9, group 2: “lead score” is a number; “x” is not."


def test_unknown_step_is_refused():
    with pytest.raises(RuleError) as caught:
        matched(compile_rules(content()), {}, "best_guess")
    assert caught.value.code == "step_unknown"
