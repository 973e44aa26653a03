"""Examples of owners who cannot take a lead in, what the engine decides about each out. Reads no rows.

The help shows them and the tests hold them against what is expected here, like those of `routing.semantics`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from routing.engine.decide import decide
from routing.engine.people import People, compile_people
from routing.engine.rules import DEFAULT_ORDER, compile_rules
from routing.engine.values import NO_LOAD, Case, CompanyMatch, Decision, Load, Numbers
from routing.models import Rule

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SOURCE, TEAM, POOL, DECIDES, NEXT = 50, 5, 7, 1, 2
TARGET, COVER, RULE_FALLBACK, POOL_FALLBACK, TEAM_FALLBACK = 1, 2, 3, 4, 5
WHO = {
    TARGET: "the owner",
    COVER: "the cover person",
    RULE_FALLBACK: "the rule’s fallback owner",
    POOL_FALLBACK: "the pool’s fallback owner",
    TEAM_FALLBACK: "the team’s fallback owner",
}
REVIEW, HELD, NEXT_RULE = "review", "waits for the pool", "the next rule"
AWAY = {"absences": [["2026-03-02T00:00:00+00:00", "2026-03-03T00:00:00+00:00"]]}
WHEN_EMPTY = {"review": "review", "fallback": "its fallback owner", "hold": "hold"}
"""What a pool says about nobody being there -> in words."""
ON_NOBODY = {choice.value: choice.label for choice in Rule.OnNobody}


# --- a target who cannot take it -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Missing:
    """Who is away, and who takes a lead whose rule names an owner."""

    away: tuple[int, ...]
    expected: str


LINE = (TARGET, COVER, RULE_FALLBACK, TEAM_FALLBACK)
MISSING = tuple(
    Missing(LINE[:count], WHO[LINE[count]] if count < len(LINE) else REVIEW) for count in range(len(LINE) + 1)
)


def taken(missing: Missing) -> str:
    """Who takes the lead, as the engine decides."""
    fields = dict.fromkeys(missing.away, AWAY)
    rule = _rule("service_line_owner", "owner", owner=TARGET, fallback_owner=RULE_FALLBACK)
    return _told(_decided(rule, _people(fields)))


# --- a pool in which nobody is ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Empty:
    """What the rule and the pool say, who could stand in, and what becomes of the lead."""

    on_nobody: str
    when_empty: str
    expected: str
    stand_in: int | None = None


_OWN = {"review": REVIEW, "fallback": WHO[POOL_FALLBACK], "hold": HELD}
_RULES = {"review": REVIEW, "next_step": NEXT_RULE, "hold": HELD}
EMPTY = tuple(
    Empty(on_nobody, when_empty, _RULES.get(on_nobody, _OWN[when_empty]))
    for on_nobody in ON_NOBODY
    for when_empty in WHEN_EMPTY
)
STAND_INS = tuple(
    Empty(on_nobody, "review", HELD if (id, on_nobody) == (TEAM_FALLBACK, "hold") else WHO[id], id)
    for id in (RULE_FALLBACK, TEAM_FALLBACK)
    for on_nobody in ON_NOBODY
)


def left(empty: Empty) -> str:
    """What becomes of a lead for a pool whose only member is away."""
    pool = {
        "id": POOL, "key": "pool", "name": "Pool", "team": TEAM if empty.stand_in == TEAM_FALLBACK else None,
        "keeps_hours": True, "fallback": POOL_FALLBACK if empty.when_empty == "fallback" else None,
        "members": [[100, TARGET, 1, 0]], "former": [], "when_empty": empty.when_empty,
    }  # fmt: skip
    fallback = RULE_FALLBACK if empty.stand_in == RULE_FALLBACK else None
    rule = _rule("round_robin_pool", "pool", pool=POOL, fallback_owner=fallback, on_nobody=empty.on_nobody)
    return _told(_decided(rule, _people({TARGET: AWAY}, pools=[pool])))


# --- owners of a relationship ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check:
    """What is wrong with an owner; whether they still take the lead of their customer, and a lead of another rule."""

    title: str
    fields: dict[str, Any]
    customer: bool
    elsewhere: bool = False
    load: Load = NO_LOAD
    tried: tuple[int, ...] = ()


CHECKS = (
    Check("is absent", AWAY, customer=False),
    Check("is inactive", {"state": "inactive"}, customer=False),
    Check("has departed", {"state": "departed"}, customer=False),
    Check("had this lead before", {}, customer=False, tried=(TARGET,)),
    Check("does not accept leads", {"accepts": False}, customer=True),
    Check("has as many open leads as their cap", {"cap_open": 2}, customer=True, load=Load(2, 0, 0)),
    Check("is outside working hours", {"hours": [[day, 1200, 1260] for day in range(7)]}, customer=True),
    Check("takes no leads from this source", {"sources": ["chat"]}, customer=True),
    Check("has none of this wrong", {}, customer=True, elsewhere=True),
)


def takes(check: Check, *, customer: bool) -> bool:
    """Whether the engine gives the lead to that owner: as the customer's, or by a rule that names them."""
    named = _rule("service_line_owner", "owner", owner=TARGET)
    rule = _rule("existing_customer_owner", "customer_owner") if customer else named
    company = CompanyMatch("certain", 70, TARGET, True, ((70, ("domain",)),)) if customer else CompanyMatch()
    people = _people({TARGET: check.fields})
    decision = _decided(rule, people, {TARGET: check.load}, company=company, tried=check.tried)
    return decision.outcome.owner == TARGET


# --- what the engine is asked with -----------------------------------------------------------------------


def _rule(step: str, kind: str, **fields: Any) -> dict[str, Any]:
    target = {"kind": kind, **{name: fields.pop(name, None) for name in ("owner", "pool", "team")}}
    return {"id": DECIDES, "step": step, "position": 1, "name": "Example", "target": target, "groups": []} | fields


def _person(id: int, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": id, "key": f"person-{id}", "name": WHO[id], "state": "active", "accepts": True,
        "teams": [TEAM] if id == TARGET else [], "cover": COVER if id == TARGET else None, "zone": "UTC",
        "hours": [], "absences": [], "languages": [], "services": [], "sources": [], "cap_open": None,
        "cap_day": None, "cap_week": None, "booking_url": "", "channels": [],
    } | fields  # fmt: skip


def _people(fields: dict[int, dict[str, Any]], pools: list[dict[str, Any]] | None = None) -> People:
    team = {"id": TEAM, "key": "team", "name": "Team", "lead": None, "fallback": TEAM_FALLBACK, "pool": None}
    content = {
        "owners": [_person(id, fields.get(id, {})) for id in WHO], "teams": [team], "pools": pools or [],
        "territories": [], "areas": [], "policies": [], "lead_types": [{"key": "contact", "high_intent": False}],
        "pipelines": [], "sources": [{"id": SOURCE, "key": "web", "owner": TEAM_FALLBACK}],
    }  # fmt: skip
    return compile_people(1, content)


def _decided(rule: dict[str, Any], people: People, loads: dict[int, Load] | None = None, **case: Any) -> Decision:
    """Behind the example there is one more rule, which nurtures, so that going on is seen."""
    behind = {**_rule("manual_review", "nurture"), "id": NEXT, "position": 2}
    rules = compile_rules({"version": 1, "owner": TEAM_FALLBACK, "order": list(DEFAULT_ORDER), "rules": [rule, behind]})
    numbers = Numbers(loads=dict.fromkeys(people.owners, NO_LOAD) | (loads or {}), pools_read=set(people.pools))
    facts = {"email": "ada@example.com", "lead_type": "contact"}
    return decide(Case(now=NOW, source=SOURCE, facts=facts, validity="usable", **case), numbers, rules, people)


def _told(decision: Decision) -> str:
    outcome = decision.outcome
    if outcome.rule == NEXT:
        return NEXT_RULE
    return WHO[outcome.owner] if outcome.owner else {"review": REVIEW, "held": HELD}[outcome.status]


# --- as the page shows it --------------------------------------------------------------------------------


@cache
def shown() -> dict[str, Any]:
    """Every example with what the engine decides, in words. The same for as long as the program runs."""
    return {
        "missing": [{"away": _away(row), "taken": taken(row)} for row in MISSING],
        "when_empty": list(WHEN_EMPTY.values()),
        "empty": [
            {"rule": ON_NOBODY[key], "cells": list(zip(WHEN_EMPTY.values(), _cells(key, EMPTY), strict=True))}
            for key in ON_NOBODY
        ],
        "stand_ins": [{"rule": ON_NOBODY[key], "cells": _cells(key, STAND_INS)} for key in ON_NOBODY],
        "checks": [
            {"title": row.title, "customer": takes(row, customer=True), "elsewhere": takes(row, customer=False)}
            for row in CHECKS
        ],
    }


def _away(missing: Missing) -> str:
    return ", ".join(WHO[id] for id in missing.away) or "nobody"


def _cells(on_nobody: str, rows: tuple[Empty, ...]) -> list[str]:
    return [left(row) for row in rows if row.on_nobody == on_nobody]
