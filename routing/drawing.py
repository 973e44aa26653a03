"""A decision document in, the same as rows ready to be drawn out: steps, conditions, candidates, plan, in words.

Everything is worked out from the document, so that a page never tells another story than the API.
"""

from collections.abc import Mapping
from typing import Any

from routing.engine.conditions import FIELDS, OPERATORS
from routing.engine.eligibility import CHECKS
from routing.engine.reason import words
from routing.explain import OUTCOMES, ROLES, VALIDITY, WON

CHECK_WORDS = {
    "exists": "Exists",
    "active": "Active",
    "accepts_leads": "Accepts",
    "right_team": "Team",
    "covers": "Service",
    "source_allowed": "Source",
    "speaks_language": "Language",
    "has_skills": "Skills",
    "takes_part": "Takes part",
    "within_caps": "Room",
    "present": "Present",
    "not_tried": "Not tried",
}
MARKS = {
    "yes": ("check", "good", "holds"),
    "no": ("x", "bad", "does not hold"),
    "unknown": ("circle-help", "warn", "unknown"),
}
"""Of a condition: its icon, its tone and the word that is read aloud."""

STATES = {
    "confirmed": ("circle-check", "good", "done"),
    "pending": ("clock", "info", "waits"),
    "blocked": ("pause", "info", "waits for what comes before"),
    "stopped": ("ban", "warn", "stopped"),
    "dead": ("circle-x", "bad", "given up"),
    "planned": ("circle", "info", "would be done"),
}
STATUSES = {
    "assigned": ("user-check", "good", "assigned"),
    "review": ("eye", "warn", "in manual review"),
    "held": ("pause", "info", "on hold"),
    "nurture": ("hourglass", "info", "nurture"),
    "rejected": ("ban", "bad", "rejected"),
    "appended": ("link", "info", "added to an open lead"),
}


def draw(told: Mapping[str, Any]) -> dict[str, Any]:
    """What templates/parts/decision.html shows of the decision document `told`."""
    decision, trace = told["routing_decision"], told["routing_trace"]
    icon, tone, word = STATUSES[decision["routing_status"]]
    return {
        "reason": decision["routing_reason"],
        "status": {"icon": icon, "tone": tone, "word": word},
        "steps": _steps(told),
        "checks": [CHECK_WORDS[name] for name in CHECKS],
        "candidates": [_candidate(entry, decision["target_owner_id"]) for entry in told["candidates"]],
        "plan": [_action(entry) for entry in told["crm_execution_plan"]],
        "problems": [_problem(problem) for problem in trace["problems"]],
        "notes": list(trace["notes"]),
        "version": decision["ruleset_version"],
        "digest": decision["digest"],
        "dry_run": told.get("dry_run", False),
    }


def _steps(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All steps of the hierarchy in order; those after the one that decided were never asked."""
    asked = {step["step"]: step for step in told["routing_trace"]["steps"]}
    decided = told["routing_decision"]["hierarchy_step"]
    return [
        _step(number, name, asked.get(name), name == decided)
        for number, name in enumerate(told["routing_hierarchy"], start=1)
    ]


def _step(number: int, name: str, step: Mapping[str, Any] | None, decided: bool) -> dict[str, Any]:
    title = words(name)
    drawn = {"number": number, "name": title[:1].upper() + title[1:], "asked": step is not None, "decided": decided}
    if step is None:
        return {**drawn, "summary": "not asked any more", "rules": [], "hidden": 0}
    rules = [_rule(row) for row in step["rules"]]
    validity = step.get("validity")
    return {
        **drawn,
        "summary": _summary(step, rules, validity),
        "rules": rules,
        "hidden": step["considered"] - len(rules),
    }


def _summary(step: Mapping[str, Any], rules: list[dict[str, Any]], validity: str | None) -> str:
    if validity and validity != "usable":
        return VALIDITY.get(validity, validity)
    won = next((rule for rule in rules if rule["won"]), None)
    if won:
        return f"{won['name']}: {won['outcome']}"
    if not step["considered"]:
        return "no rules"
    return (
        "1 rule, which did not lead anywhere"
        if step["considered"] == 1
        else f"{step['considered']} rules, none led anywhere"
    )


def _rule(row: Mapping[str, Any]) -> dict[str, Any]:
    result = row["result"]
    return {
        "id": row["rule"],
        "name": row["name"],
        "won": result in WON,
        "outcome": OUTCOMES.get(result, result),
        "note": row.get("note", ""),
        "groups": [[_condition(condition) for condition in group] for group in row["conditions"]],
    }


def _condition(condition: Mapping[str, Any]) -> dict[str, str]:
    icon, tone, word = MARKS[condition["result"]]
    field = FIELDS.get(condition["field"], condition["field"])
    operator = OPERATORS.get(condition["operator"], condition["operator"])
    asked = " ".join(part for part in (field, operator, value_words(condition["value"])) if part)
    saw = "no value" if condition["saw"] is None else value_words(condition["saw"])
    return {"icon": icon, "tone": tone, "word": word, "asked": asked, "saw": saw}


def value_words(value: Any) -> str:
    """A value as people write it: yes, “a, b”, 12; nothing for None."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(value_words(part) for part in value)
    return "" if value is None else str(value)


def _candidate(entry: Mapping[str, Any], owner: int | None) -> dict[str, Any]:
    failed, noted = entry["failed"], entry["noted"]
    rotation = entry["rotation"] or {}
    return {
        "owner": entry["owner_id"],
        "name": entry["name"],
        "role": ROLES.get(entry["as"], entry["as"]),
        "chosen": entry["owner_id"] == owner and not failed,
        "checks": [_check(name, entry["checks"][name], failed, noted) for name in CHECKS],
        "why": "; ".join(failed.values()) or ", ".join(f"{why} (does not bind)" for why in noted.values()),
        "room": entry["room"] or "",
        "weight": rotation.get("weight"),
        "before": (rotation.get("v") or "none yet") if rotation else "",
        "after": rotation.get("v_after", ""),
    }


def _check(name: str, passed: bool, failed: Mapping[str, str], noted: Mapping[str, str]) -> dict[str, str]:
    label = CHECK_WORDS[name]
    if not passed:
        return {"label": label, "icon": "x", "tone": "bad", "word": failed.get(name, "failed")}
    if name in noted:
        return {"label": label, "icon": "minus", "tone": "warn", "word": f"{noted[name]}, does not bind"}
    return {"label": label, "icon": "check", "tone": "good", "word": "passed"}


def _action(entry: Mapping[str, Any]) -> dict[str, Any]:
    icon, tone, word = STATES.get(entry["state"], ("circle-dot", "info", entry["state"]))
    title = words(entry["action"])
    state = {"icon": icon, "tone": tone, "word": word, "attempts": entry["attempts"]}
    return {"order": entry["order"], "name": title[:1].upper() + title[1:], "state": state}


def _problem(problem: Mapping[str, Any]) -> str:
    value = f" “{problem['value']}”" if problem.get("value") else ""
    field = FIELDS.get(problem["field"], problem["field"])
    return f"{field}{value} could not be read ({problem['code'].replace('_', ' ')})."
