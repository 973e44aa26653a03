"""One frozen rule in, what it would have met among the latest leads out. Reads, decides nothing, writes nothing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from routing.current import people_now
from routing.engine.people import People
from routing.engine.placing import applies
from routing.engine.rules import STEPS, RuleError, RuleSet, compile_rules
from routing.engine.values import Case
from routing.lists import lists_now
from routing.models import Decision
from routing.past_leads import seen_by_rules

LATEST = 1000
SHOWN = 4
MOST_BEFORE = 500
"""Rules that are compiled at every pause of somebody who types."""


@dataclass(frozen=True, slots=True)
class Met:
    """`matched` of `seen` leads meet the rule's conditions, window left aside. `earlier`: how many of those a rule
    takes that is asked before it; None where that was not tried. `went`: where they went when they came, most first,
    by name. `examples`: ids of the latest of them."""

    seen: int
    matched: int
    earlier: int | None
    went: tuple[tuple[str, int], ...]
    examples: tuple[int, ...]


def asked_before(content: Mapping[str, Any], rule: int | None, step: str) -> RuleSet | None:
    """The rules of a frozen content that are asked before one of them; before a new one of `step`, which comes last in
    it. None when they are too many to try while somebody types, or one of them is not sound yet."""
    rank = {name: place for place, name in enumerate(content["order"])}
    before: list[Mapping[str, Any]] = []
    for one in content["rules"]:
        if rank[one["step"]] > rank[step] or (one["id"] == rule and one["step"] == step):
            break
        if one["id"] != rule:
            before.append(one)
    if len(before) > MOST_BEFORE:
        return None
    try:
        return compile_rules({**content, "version": None, "rules": before}, lists_now())
    except RuleError:
        return None


def latest_met(rule: Mapping[str, Any], zone: str, decisions: QuerySet[Decision], before: RuleSet | None = None) -> Met:
    """What a rule meets among the latest of these decisions; two statements besides those for people and lists.

    `rule`: sound frozen content. `before`: the rules that are asked before it, to tell what they leave. Facts are those
    that the decision saw, with territories and people of today.
    """
    people = people_now()
    alone = {
        **rule,
        "id": 1,
        "starts_at": None,
        "ends_at": None,
        "weekdays": [],
        "from_minute": None,
        "until_minute": None,
    }
    content = {"version": None, "owner": 0, "zone": zone, "order": list(STEPS), "rules": [alone]}
    rules = compile_rules(content, lists_now())
    rows = list(
        decisions.filter(origin=Decision.Origin.ROUTING)
        .order_by("-id")
        .values_list("lead_id", "snapshot", "owner__name", "status")[:LATEST]
    )
    seen, earlier, went, examples = 0, 0, Counter[str](), []
    for (lead, _, owner, status), met in zip(rows, seen_by_rules((row[1] for row in rows), people), strict=True):
        if met is None:
            continue
        seen += 1
        case, facts = met
        if next(rules.matching(rule["step"], facts, case.now), None) is None:
            continue
        earlier += before is not None and _taken(before, case, facts, people)
        went[owner or Decision.Status(status).label] += 1
        if len(examples) < SHOWN:
            examples.append(lead)
    return Met(seen, sum(went.values()), earlier if before else None, tuple(went.most_common(SHOWN)), tuple(examples))


def _taken(rules: RuleSet, case: Case, facts: Mapping[str, Any], people: People) -> bool:
    """Whether one of the rules holds for the lead, and is not about a relationship or territory that it has not."""
    return any(
        applies(rule, case, facts, people) for step in rules.order for rule in rules.matching(step, facts, case.now)
    )
