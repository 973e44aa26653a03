"""Numbers of rules in; what it costs to find the rules that hold, beside a scan of one rule after the other, out.

In memory alone: the rules are those of the other benchmarks, the leads are drawn like theirs. Rules and scan take turns
within one run, because the machine's speed drifts by more than what is measured.
"""

import gc
import random
import time
import tracemalloc
from collections.abc import Callable, Sequence
from itertools import islice
from statistics import median
from typing import Any

from django.utils import timezone

from routing.bench.data import Say
from routing.bench.rules import COUNTRIES, LARGEST, LEAD_TYPES, contents
from routing.engine.conditions import fold
from routing.engine.rules import STEPS, Rule, RuleSet, compile_rules, rows_of

SIZES = (10, 100, 1000, 10_000)
NAIVE_LEADS = 60
LIST_VALUES = 50_000
Facts = dict[str, Any]


def run(sizes: Sequence[int], leads: int, repeats: int, say: Say) -> dict[str, Any]:
    """Microseconds per lead by number of rules. `match_us`: the first rule of each step, caches warm; `cold_us`: the
    first time each lead is asked about; `naive_us`: the same answer by scanning."""
    chance = random.Random(5)
    asked = [_facts(chance) for _ in range(leads)]
    found = {}
    for size in sizes:
        found[str(size)] = _one(contents(size), asked, repeats)
        say(f"{size:,} rules: {found[str(size)]}")
    few, many = found[str(sizes[0])], found[str(sizes[-1])]
    return {
        "leads": leads,
        "by_rules": found,
        "growth": round(many["match_us"] / few["match_us"], 2),
        "growth_cold": round(many["cold_us"] / few["cold_us"], 2),
        "naive_over_match": round(many["naive_us"] / many["match_us"], 1),
        "naive_over_cold": round(many["naive_us"] / many["cold_us"], 1),
        "table": _table(asked, repeats),
        "list": _list(asked, repeats),
    }


def _one(content: dict[str, Any], asked: list[Facts], repeats: int, lists: Any = None) -> dict[str, float]:
    begun = time.perf_counter()
    rules = compile_rules(content, lists or {})
    compiled = time.perf_counter() - begun
    listed = [list(_rows(rules, step)) for step in STEPS]
    now = timezone.now()
    cold = _us(asked, lambda facts: _first(rules, facts, now))
    matched, scanned = [], []
    for _ in range(repeats):  # in turns
        matched.append(_us(asked, lambda facts: _first(rules, facts, now)))
        scanned.append(_us(asked[:NAIVE_LEADS], lambda facts: _first_naively(listed, facts)))
    return {
        "compile_ms": round(compiled * 1e3, 1), "memory_mb": _memory(content, lists or {}),
        "cold_us": round(cold, 2), "match_us": round(median(matched), 2), "naive_us": round(median(scanned), 1),
    }  # fmt: skip


def _rows(rules: RuleSet, step: str) -> list[Rule]:
    return [row for rule in rules.in_step(step) for row in rows_of(rule)]


def _memory(content: dict[str, Any], lists: Any) -> float:
    """What the compiled rules hold, in MB, before any lead was asked about."""
    gc.collect()
    tracemalloc.start()
    held = compile_rules(content, lists)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del held
    return round(size / 1e6, 1)


def _us(asked: Sequence[Facts], ask: Callable[[Facts], object]) -> float:
    begun = time.perf_counter()
    for facts in asked:
        ask(facts)
    return (time.perf_counter() - begun) / len(asked) * 1e6


def _first(rules: RuleSet, facts: Facts, now: Any) -> list[int]:
    """The first rule of each step that holds."""
    return [rule.id for step in STEPS for rule in islice(rules.matching(step, facts, now), 1)]


def _first_naively(listed: Sequence[Sequence[Rule]], facts: Facts) -> list[int]:
    """The same by asking one rule after the other, as a list of rules without an index does."""
    found = []
    for rules in listed:
        for rule in rules:
            if not rule.groups or any(_holds(group, facts) for group in rule.groups):
                found.append(rule.id)
                break
    return found


def _holds(group: Sequence[Any], facts: Facts) -> bool:
    return all(condition.evaluate(facts) == "yes" for condition in group)


def _facts(chance: random.Random) -> Facts:
    """A lead as the other benchmarks post it, as rules see it."""
    return {
        "campaign": f"line-{chance.randrange(1, 21)}-{chance.randrange(5)}", "country": chance.choice(COUNTRIES),
        "lead_type": chance.choice(LEAD_TYPES), "company_size": chance.randrange(LARGEST),
        "company_domain": f"c{chance.randrange(2 * LIST_VALUES)}.example", "source_key": "web", "is_test": False,
        "high_intent": chance.random() < 0.3, "lead_score": chance.randrange(101),
    }  # fmt: skip


def _table(asked: list[Facts], repeats: int) -> dict[str, float]:
    """One rule that is a table of 10,000 rows."""
    chance = random.Random(6)
    low = [chance.randrange(LARGEST) for _ in range(10_000)]
    rows = [
        {
            "in": [f"line-{number % 20 + 1}-{number % 5}", [COUNTRIES[number % 4]], [at, at + 40]],
            "out": [f"tier {number % 7}"],
        }
        for number, at in enumerate(low)
    ]
    inputs = [
        {"field": "campaign", "operator": "is"}, {"field": "country", "operator": "one_of"},
        {"field": "company_size", "operator": "between"},
    ]  # fmt: skip
    content = contents(4)
    rule = {**content["rules"][-1], "groups": [], "table": {"inputs": inputs, "outputs": ["tier"], "rows": rows}}
    return _one({**content, "rules": [rule]}, asked, repeats)


def _list(asked: list[Facts], repeats: int) -> dict[str, float]:
    """A hundred rules that ask about a named list of 50,000 company domains."""
    named = frozenset(fold(f"c{number}.example") for number in range(LIST_VALUES))
    content = contents(4)
    last = content["rules"][-1]
    rules = [
        {
            **last, "id": 10 + number, "position": number,
            "groups": [[
                {"field": "company_domain", "operator": "in_list", "value": "accounts"},
                {"field": "lead_score", "operator": "is", "value": number},
            ]],
        }
        for number in range(100)
    ]  # fmt: skip
    return _one({**content, "rules": rules}, asked, repeats, {"accounts": named})
