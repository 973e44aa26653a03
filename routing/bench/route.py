"""A filled database in, what routing costs in one process without HTTP out, beside its floor.

Each repeat runs the floor, waiting events over all pools, and waiting events that all go to one pool; every
other time the other way round. `profile` prints where the time of a drain goes, on stderr.
"""

import cProfile
import io
import pstats
import random
import time
from collections.abc import Callable
from itertools import islice
from statistics import median
from typing import Any

from django.db import connection
from django.utils import timezone

from leads.models import Source
from leads.normalise import normalise
from owners.configuration import ConfigStamp
from owners.writer import writing
from routing import cases, pipeline
from routing.bench.floors import Floors
from routing.bench.load import lead_payload
from routing.bench.rules import draft, put_in_force
from routing.bench.statements import statements_per_batch, store_waiting
from routing.current import configuration
from routing.engine.decide import decide
from routing.engine.rules import STEPS, Rule, RuleSet, compile_rules
from routing.engine.values import Case, CompanyMatch, ContactMatch, Numbers
from routing.numbers import read_numbers
from routing.rulebook import freeze

FLOOR = {"postgresql": "b1000", "sqlite": "full"}
BATCHES = (1, 10, 100)
COUNTED_RULES = (10, 1000)
DECIDED_RULES = (10, 1000, 10_000)
LEAST_CASES, CASES, CASES_PER_SECOND = 20, 500, 50
NAIVE_CASES = 20
WARM_EVENTS = 200
PROFILED = 1000
Say = Callable[[str], None]


def run(stored: int, seconds: float, repeats: int, floors: Floors | None, profile: bool, say: Say) -> dict[str, Any]:
    """The figures, medians over the repeats; `ratio`: leads a second over those of the floor at one client."""
    warm = _drained(WARM_EVENTS, stored)
    events = max(WARM_EVENTS, int(_drained(WARM_EVENTS, stored) * seconds))
    say(f"warm at {warm:.0f} leads/s; each run drains {events} events")
    rows = []
    for repeat in range(repeats):
        rows.append(_repeat(repeat, events, stored, seconds, floors))
        say(f"repeat {repeat + 1}: {rows[-1]}")
    medians = {name: round(median(row[name] for row in rows), 3) for name in rows[0]}
    result: dict[str, Any] = {"batch": pipeline.BATCH, "events": events, **medians}
    if floors:
        result["floor"] = FLOOR[connection.vendor]
        result["ratios"] = [row["ratio"] for row in rows]
    if profile:
        _profile(stored, say)
    say("counting statements")
    result["statements_per_batch"] = _statements(stored)
    say("deciding without a database")
    result["decision"] = _decisions(stored, max(LEAST_CASES, min(CASES, int(CASES_PER_SECOND * seconds))))
    return result


def _repeat(repeat: int, events: int, stored: int, seconds: float, floors: Floors | None) -> dict[str, float]:
    parts: dict[str, Callable[[], float]] = {
        "leads_per_s": lambda: _drained(events, stored),
        "hot_pool_per_s": lambda: _drained(events, stored, hot=True),
    }
    if floors:
        parts = {"floor_per_s": lambda: floors.rate(FLOOR[connection.vendor], 1, seconds), **parts}
    order = list(reversed(parts)) if repeat % 2 else list(parts)
    row = {name: round(parts[name](), 1) for name in order}
    row["hot_pool_ratio"] = round(row["hot_pool_per_s"] / row["leads_per_s"], 3)
    if floors:
        row["ratio"] = round(row["leads_per_s"] / row["floor_per_s"], 3)
    return {name: row[name] for name in sorted(row)}


def _drained(events: int, stored: int, hot: bool = False) -> float:
    """Leads a second of one drain."""
    pipeline.drain()
    store_waiting(events, stored, hot)
    begun = time.perf_counter()
    routed = pipeline.drain()
    if routed != events:
        raise RuntimeError(f"{routed} of {events} events were routed; something else routes on this database")
    return routed / (time.perf_counter() - begun)


def _statements(stored: int) -> dict[str, dict[str, int]]:
    """By number of rules, by size of the batch. The last version put in force is the usual one."""
    counts = {}
    for rules in COUNTED_RULES:
        put_in_force(rules)
        counts[str(rules)] = {str(size): statements_per_batch(size, stored) for size in BATCHES}
    return counts


def _profile(stored: int, say: Say) -> None:
    """Where the time of one drain goes: the forty functions that cost most, themselves and with what they call."""
    store_waiting(PROFILED, stored)
    profiler = cProfile.Profile()
    profiler.runcall(pipeline.drain)
    text = io.StringIO()
    stats = pstats.Stats(profiler, stream=text).strip_dirs()
    stats.sort_stats("tottime").print_stats(40)
    stats.sort_stats("cumulative").print_stats(40)
    say(f"{PROFILED} events\n{text.getvalue()}")


# Decisions alone -------------------------------------------------------------------------------------------


def _decisions(stored: int, number: int) -> dict[str, Any]:
    """Microseconds per lead by number of rules: a whole decision, and finding the rules that hold."""
    cases = _cases(stored, number)
    found: dict[str, dict[str, float]] = {}
    for count in DECIDED_RULES:
        version = draft(count)
        rules = compile_rules(freeze(version))
        version.delete()
        found[str(count)] = {
            "decide_us": _decide_us(cases, rules),
            "match_us": _best_us(cases, lambda case, rules=rules: _first(rules, case)),
        }
    few, _, many = (found[str(count)] for count in DECIDED_RULES)
    listed = [rules.in_step(step) for step in STEPS]
    naive = _best_us(cases[:NAIVE_CASES], lambda case: _first_naively(listed, case))
    return {
        "by_rules": found,
        "growth_10_to_10000": round(many["decide_us"] / few["decide_us"], 2),
        "match_growth_10_to_10000": round(many["match_us"] / few["match_us"], 2),
        "naive_scan_us": naive,
        "naive_over_match": round(naive / many["match_us"], 1),
    }


def _cases(stored: int, number: int) -> list[Case]:
    """Leads of strangers, as the pipeline would see them."""
    source, now, chance = Source.objects.get(), timezone.now(), random.Random(1)
    defaults = {"source": source.key, "lead_type": "contact"}
    leads = [normalise(lead_payload(chance, stored), defaults, {}) for _ in range(number)]
    return [
        Case(
            now=now,
            source=source.pk,
            facts=cases.facts_of(lead),
            validity=lead.validity,
            contact=ContactMatch("new"),
            company=CompanyMatch("new"),
        )
        for lead in leads
    ]


def _decide_us(cases: list[Case], rules: RuleSet) -> float:
    stamp = ConfigStamp.objects.values_list("number", flat=True).get()
    with writing():
        people = configuration(stamp, None, 0).people
    numbers = read_numbers(people.pools, people.owners, people, cases[0].now)

    def decided(case: Case, numbers: Numbers = numbers) -> None:
        numbers.take(decide(case, numbers, rules, people))

    return _best_us(cases, decided)


def _first(rules: RuleSet, case: Case) -> None:
    """The first rule of each step that holds."""
    for step in STEPS:
        list(islice(rules.matching(step, case.facts, case.now), 1))


def _first_naively(listed: list[list[Rule]], case: Case) -> None:
    """The same by asking one rule after the other, as a list of rules without an index does."""
    for rules in listed:
        for rule in rules:
            if not rule.groups or any(
                all(condition.evaluate(case.facts) == "yes" for condition in group) for group in rule.groups
            ):
                break


def _best_us(cases: list[Case], ask: Callable[[Case], object]) -> float:
    """Microseconds per case: the best of three rounds, after one that fills the caches."""
    rounds = []
    for _ in range(4):
        begun = time.perf_counter()
        for case in cases:
            ask(case)
        rounds.append((time.perf_counter() - begun) / len(cases) * 1e6)
    return round(min(rounds[1:]), 2)
