"""A few words in, the frozen content of a rule-set version out."""

from datetime import UTC, datetime

from routing.engine.rules import STEPS

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STEP = "territory_owner"


def rule(rule_id, *groups, **changes):
    """A rule for a pool, its conditions given as (field, operator, value)."""
    keys = ("field", "operator", "value")
    return {
        "id": rule_id,
        "step": STEP,
        "position": rule_id,
        "name": f"rule {rule_id}",
        "groups": [[dict(zip(keys, row, strict=True)) for row in group] for group in groups],
        "target": {"kind": "pool", "owner": None, "pool": 7, "team": None},
    } | changes


def content(*rules, **changes):
    return {"version": 3, "owner": 1, "order": list(STEPS), "rules": list(rules)} | changes


def matched(rule_set, facts, step=STEP, now=NOW):
    return [found.id for found in rule_set.matching(step, facts, now)]
