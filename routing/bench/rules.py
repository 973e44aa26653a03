"""A number of rules in, a rule-set version of that size out, by the same door as an editor's; routes nothing.

Customers and open deals first, then the specific rules of twenty product lines, then a catch for each line,
then one for everybody. However many rules there are, about every second lead meets a specific one.
"""

import random
from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from leads.models import Stage
from owners.models import Owner, Pool
from routing.engine.rules import STEPS
from routing.models import Condition, Rule, RuleSetVersion
from routing.rulebook import publish

CAMPAIGNS = 5
"""Per product line; a lead carries one of them, such as line-7-3."""
LARGEST = 20_000
"""Employees of the largest company."""
COUNTRIES = ("US", "DE", "FR", "GB")
LEAD_TYPES = ("demo", "trial", "contact", "content")
Triple = tuple[str, str, Any]


def put_in_force(count: int) -> RuleSetVersion:
    """Publish a version of `count` rules."""
    return publish(draft(count), None, timezone.now())


def draft(count: int) -> RuleSetVersion:
    """A draft of `count` rules, at least three."""
    owner = Owner.objects.order_by("id").first()
    version = RuleSetVersion.objects.create(owner=owner, purpose=f"Benchmark with {count} rules")
    stage = Stage.objects.select_related("pipeline").get(pipeline__key="sales", key="new")
    pools = list(Pool.objects.order_by("id"))
    rules, conditions = [], []
    for position, (step, target, pool, triples) in enumerate(_rules(count, len(pools)), start=1):
        rule = Rule(
            version=version, step=step, position=position, name=f"Rule {position}", target=target,
            pool=pools[pool] if pool is not None else None, pipeline=stage.pipeline, stage=stage,
            sequence="first_contact", tier="priority" if len(triples) > 1 else "",
        )  # fmt: skip
        rules.append(rule)
        conditions += [Condition(rule=rule, field=name, operator=verb, value=value) for name, verb, value in triples]
    Rule.objects.bulk_create(rules, batch_size=1000)
    for condition in conditions:
        condition.rule_id = condition.rule.pk
    Condition.objects.bulk_create(conditions, batch_size=1000)
    return version


def contents(count: int, pools: int = 20) -> dict[str, Any]:
    """The same rules as frozen content, without a database: pools have the ids from 1."""
    rules = [
        {
            "id": position, "step": step, "position": position, "name": f"Rule {position}",
            "groups": [[dict(zip(("field", "operator", "value"), row, strict=True)) for row in rows]] if rows else [],
            "target": {"kind": target, "owner": None, "pool": None if pool is None else pool + 1, "team": None},
        }
        for position, (step, target, pool, rows) in enumerate(_rules(count, pools), start=1)
    ]  # fmt: skip
    return {"version": None, "owner": 1, "zone": "UTC", "order": list(STEPS), "rules": rules}


def _rules(count: int, pools: int) -> Iterator[tuple[str, str, int | None, list[Triple]]]:
    """(step, target, index of the pool, conditions) of each rule, in their order."""
    catches = min(pools, max(0, count - 3))
    specific = max(0, count - 3 - catches)
    yield "existing_customer_owner", "customer_owner", None, []
    yield "open_deal_owner", "deal_owner", None, []
    chance = random.Random(count)
    for number in range(specific):
        pool = number % pools
        yield "campaign_source_owner", "pool", pool, _specific(chance, pool, max(1, specific // pools))
    for pool in range(catches):
        campaigns = [f"line-{pool + 1}-{number}" for number in range(CAMPAIGNS)]
        yield "round_robin_pool", "pool", pool, [("campaign", "one_of", campaigns)]
    yield "round_robin_pool", "pool", 0, []


def _specific(chance: random.Random, pool: int, siblings: int) -> list[Triple]:
    """Four conditions; the more siblings a rule has, the narrower it is."""
    width = int(LARGEST * min(1.0, 20 / siblings))
    low = chance.randrange(0, LARGEST - width + 1)
    return [
        ("campaign", "is", f"line-{pool + 1}-{chance.randrange(CAMPAIGNS)}"),
        ("country", "is", chance.choice(COUNTRIES)),
        ("lead_type", "one_of", chance.sample(LEAD_TYPES, 2)),
        ("company_size", "between", [low, low + width]),
    ]
