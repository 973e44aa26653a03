"""A stored trace's steps in, the same with the rules whose conditions did not hold out; decides nothing.

A decision keeps the rules that led somewhere. That the others did not hold follows from the immutable
version and the facts, so it is worked out when somebody reads, for steps that a person can read.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from routing.engine.facts import derive
from routing.engine.people import People
from routing.engine.rules import Rule, RuleSet
from routing.engine.values import Case

READABLE = 25
"""Of a step with more rules only those that held are listed; `considered` gives the number."""


def expand(steps: Iterable[Mapping[str, Any]], case: Case, rules: RuleSet, people: People) -> list[dict[str, Any]]:
    """The steps that were tried, each with its rules in order and every condition's value."""
    facts = derive(case, people)
    expanded = []
    for step in steps:
        entry = dict(step)
        if 0 < entry["considered"] <= READABLE:
            entry["rules"] = _all_rules(entry, facts, rules, case.now)
        expanded.append(entry)
    return expanded


def _all_rules(
    step: Mapping[str, Any], facts: Mapping[str, Any], rules: RuleSet, now: datetime
) -> list[dict[str, Any]]:
    """Up to the rule that decided; those after it were never asked."""
    held = {row["rule"]: row for row in step["rules"]}
    last = step["rules"][-1]["rule"] if step["rules"] and _decided(step["rules"][-1], rules) else None
    rows = []
    for rule in rules.in_step(step["step"]):
        rows.append(held.get(rule.id) or _not_held(rule, facts, rules, now))
        if rule.id == last:
            break
    return rows


def _not_held(rule: Rule, facts: Mapping[str, Any], rules: RuleSet, now: datetime) -> dict[str, Any]:
    """Why it did not hold: its own conditions, its window, or every row of its table."""
    row = {"rule": rule.id, "name": rule.name, "conditions": rules.explain(rule, facts), "result": "no_match"}
    if not rule.window.holds(now):
        row["result"] = "outside_window"
    elif rule.table:
        row["note"] = f"none of the {len(rule.table):,} rows of its table holds"
    return row


def _decided(row: Mapping[str, Any], rules: RuleSet) -> bool:
    """Whether the walk ended with this rule, rather than going on to the next."""
    if row["result"] == "nobody":
        return rules.rules[int(row["rule"])].on_nobody != "next_step"
    return bool(row["result"] != "not_applicable")
