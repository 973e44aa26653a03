"""What a decision saw, as JSON text, and back: case, numbers read, ids of the rules and people it cites.

The text holds everything a replay needs but the rule-set version and the configuration revision themselves,
which are immutable and kept.
"""

import json
from dataclasses import fields
from datetime import datetime
from typing import Any

from routing.engine.rotation import Turn, fraction
from routing.engine.text import canonical
from routing.engine.values import Act, Case, CompanyMatch, ContactMatch, DealSeen, Load, Numbers, OpenLead, Waiting
from routing.engine.work import Work

CONTACT_FIELDS = tuple(field.name for field in fields(ContactMatch))
COMPANY_FIELDS = tuple(field.name for field in fields(CompanyMatch))
ACT_FIELDS = tuple(field.name for field in fields(Act))
LATER_FIELDS = frozenset({"move", "language", "service", "skills"})
"""Fields that acts did not have once: where they are empty, the text is as it was then."""


def snapshot_text(work: Work) -> str:
    """The exact text that is stored and digested."""
    case = work.case
    value: dict[str, Any] = {
        "version": work.rules.version,
        "revision": work.people.revision,
        "now": case.now.isoformat(),
        "source": case.source,
        "facts": case.facts,
        "validity": case.validity,
    }
    if case.spam:
        value["spam"] = case.spam
    if case.problems:
        value["problems"] = case.problems
    if case.is_test:
        value["is_test"] = True
    if case.tried:
        value["tried"] = case.tried
    if case.act:
        act = ((name, getattr(case.act, name)) for name in ACT_FIELDS)
        value["act"] = {name: said for name, said in act if said or name not in LATER_FIELDS}
    value["contact"] = _match(case.contact)
    value["company"] = _match(case.company)
    value["deals"] = case.deals
    value["open_lead"] = case.open_lead
    # By id: a batch brings joining members last, a replay reads them in the pool's order; the text is one.
    turns = sorted(work.turns_read.items())
    value["pools"] = sorted(work.pools_read)
    value["turns"] = {str(id): [str(turn.v), turn.last, turn.away] for id, turn in turns}
    value["loads"] = {str(id): load for id, load in work.loads_read.items()}
    if work.member_loads_read:
        value["member_loads"] = {str(id): load for id, load in work.member_loads_read.items()}
    if work.waiting_read:
        value["waiting"] = {str(id): waiting for id, waiting in work.waiting_read.items()}
    return canonical(value)


def _match(match: ContactMatch | CompanyMatch) -> dict[str, Any]:
    names = CONTACT_FIELDS if isinstance(match, ContactMatch) else COMPANY_FIELDS
    return {name: getattr(match, name) for name in names}


def read_snapshot(text: str) -> tuple[Case, Numbers, int | None, int]:
    """A stored snapshot back as (case, numbers, rule-set version, configuration revision)."""
    value = json.loads(text)
    numbers = Numbers(
        turns={int(id): Turn(fraction(v), last, away) for id, (v, last, away) in value["turns"].items()},
        loads={int(id): Load(*load) for id, load in value["loads"].items()},
        pools_read=set(value["pools"]),
        waiting={int(id): Waiting(*waiting) for id, waiting in value.get("waiting", {}).items()},
        member_loads={int(id): Load(*load) for id, load in value.get("member_loads", {}).items()},
    )
    return _case(value), numbers, value["version"], value["revision"]


def read_case(text: str) -> Case:
    """The case alone of a stored snapshot."""
    return _case(json.loads(text))


def _case(value: dict[str, Any]) -> Case:
    return Case(
        now=datetime.fromisoformat(value["now"]),
        source=value["source"],
        facts=value["facts"],
        validity=value["validity"],
        spam=value.get("spam", ""),
        problems=tuple(tuple(problem) for problem in value.get("problems", ())),
        contact=ContactMatch(**_candidates(value["contact"])),
        company=CompanyMatch(**_candidates(value["company"])),
        deals=tuple(DealSeen(*deal) for deal in value["deals"]),
        open_lead=OpenLead(*value["open_lead"]) if value["open_lead"] else None,
        is_test=value.get("is_test", False),
        tried=tuple(value.get("tried", ())),
        act=Act(**value["act"]) if value.get("act") else None,
    )


def _candidates(value: dict[str, Any]) -> dict[str, Any]:
    found = tuple((id, tuple(matched)) for id, matched in value["candidates"])
    return {**value, "candidates": found}
