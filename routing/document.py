"""A decision with its event, plan and deliveries in, the decision document of the HTTP API out; writes nothing.

The document's keys are stable (INTERFACE.md). What was decided comes from the decision's own texts; only the
plan's states are those of now, which is why the digest leaves them out.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leads.contract import FIELDS
from routing.current import no_rules, people_of, rules_of
from routing.engine.eligibility import CHECKS
from routing.engine.expand import expand
from routing.engine.people import People
from routing.engine.rules import RuleSet
from routing.engine.snapshot import read_case
from routing.engine.values import Case
from routing.models import Decision, Delivery, PlanAction
from routing.rows import Settled, decision_row
from routing.targets import DECISIONS

SYSTEM = "automated_lead_routing_crm"
DOCUMENT_VERSION = "1.0"
FAILURE_POLICY = {
    "missing_contact_data": "manual_review",
    "ambiguous_duplicate": "manual_review",
    "inactive_owner": "fallback_owner_then_manual_review",
    "pipeline_missing": "stop_and_alert_operator",
    "crm_api_rate_limit": "retry_with_backoff",
    "invalid_ai_output": "manual_review",
    "max_attempts": 5,
    "dead_letter_queue": "lead_routing_failed_events",
}
OBSERVABILITY = {
    "store_raw_payload": True,
    "store_normalized_lead": True,
    "store_routing_decision": True,
    "store_crm_object_ids": True,
    "store_owner_assignment_reason": True,
    "enable_safe_replay": True,
}
ACTOR = ("actor__owner__name", "actor__username", "actor__first_name", "actor__last_name")
"""Columns of a stored decision's actor; one that was just made from an event has none."""
ALERT = "send_owner_alert_after_crm_success"


@dataclass(frozen=True, slots=True)
class Story:
    """A decision and what belongs to it. `decision`: column name → value.

    `case` and `trace` are there when the decision was just made; else they are read from its texts.
    """

    decision: Mapping[str, Any]
    source_key: str
    source_system: str
    submission_id: str
    correlation_id: str
    received_at: datetime
    actions: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    deliveries: Iterable[Mapping[str, Any]] = ()
    case: Case | None = None
    trace: Mapping[str, Any] | None = None
    people: People | None = None
    rules: RuleSet | None = None
    """What was decided by, where it is stored nowhere: a simulation."""


def stories(decisions: Iterable[int]) -> dict[int, Story]:
    """The stories of stored decisions by id, in three statements."""
    rows = Decision.objects.filter(id__in=list(decisions)).values(
        *DECISIONS.fields, "event__submission_id", "event__correlation_id", "event__received_at",
        "event__source__key", "event__source__system_name", *ACTOR,
    )  # fmt: skip
    found = list(rows)
    ids = [row["id"] for row in found]
    actions: dict[int, dict[int, Any]] = {id: {} for id in ids}
    for action in PlanAction.objects.filter(decision__in=ids).values(
        "decision_id", "position", "state", "attempts", "external_id"
    ):
        actions[action["decision_id"]][action["position"]] = action
    deliveries: dict[int, list[Any]] = {id: [] for id in ids}
    for delivery in Delivery.objects.filter(decision__in=ids, kind=Delivery.Kind.ASSIGNMENT).values(
        "decision_id", "channel", "state", "attempts"
    ):
        deliveries[delivery["decision_id"]].append(delivery)
    return {row["id"]: _story(row, actions[row["id"]], deliveries[row["id"]]) for row in found}


def _story(row: Mapping[str, Any], actions: Mapping[int, Any], deliveries: Iterable[Any]) -> Story:
    key = row["event__source__key"]
    return Story(
        row, key, row["event__source__system_name"] or key, row["event__submission_id"],
        row["event__correlation_id"], row["event__received_at"], actions, deliveries,
    )  # fmt: skip


def story_of(settled: Settled, **source: Any) -> Story:
    """The story of a decision that was just made, without reading it back."""
    row = dict(zip(DECISIONS.fields, decision_row(settled), strict=True))
    received_at, trace = settled.event.received_at, settled.decision.trace
    return Story(decision=row, received_at=received_at, case=settled.case, trace=trace, **source)


def document(story: Story) -> dict[str, Any]:
    """The decision document."""
    row = story.decision
    case = story.case or read_case(row["snapshot"])
    people = story.people or people_of(row["revision"])
    rules = story.rules or (rules_of(row["version"], people.lists) if row["version"] else no_rules(0))
    trace = story.trace or json.loads(row["trace"])
    then = trace["then"]
    facts = case.facts
    submission = story.submission_id or f"event-{row['event']}"
    return {
        "system": SYSTEM,
        "version": DOCUMENT_VERSION,
        "source_event": {
            "event_type": facts.get("event_type", "lead.submitted"),
            "source_system": story.source_system,
            "source_record_id": story.submission_id,
            "received_at": story.received_at,
            "raw_payload_stored": True,
        },
        "trace": {
            "correlation_id": story.correlation_id,
            "idempotency_key": f"lead_route:{story.source_key}:{submission}:{facts.get('email', '')}",
        },
        "normalized_lead": {name: facts.get(name) for name in FIELDS},
        "preflight_checks": _preflight(case, row, trace),
        "routing_hierarchy": list(rules.order),
        "routing_decision": _decision(row, then, people),
        "routing_trace": {
            "problems": [dict(zip(("code", "field", "value"), problem, strict=False)) for problem in case.problems],
            "steps": expand(trace["steps"], case, rules, people),
            "notes": trace["notes"],
        },
        "candidates": [_candidate(entry) for entry in trace["candidates"]],
        "crm_execution_plan": _plan(story, then, case),
        "failure_policy": FAILURE_POLICY,
        "observability": OBSERVABILITY,
    }


def _decision(row: Mapping[str, Any], then: Mapping[str, Any], people: People) -> dict[str, Any]:
    team = people.teams.get(row["team"])
    return {
        "decision_id": row["id"],
        "lead_id": row["lead"],
        "event_id": row["event"],
        "routing_status": row["status"],
        "hierarchy_step": row["hierarchy_step"] or None,
        "routing_tier": row["tier"],
        "target_owner_id": row["owner"],
        "target_team": team.key if team else None,
        "target_pipeline": row["pipeline_key"] or None,
        "target_stage": row["stage_key"] or None,
        "follow_up_sequence": row["sequence"] or None,
        "manual_review_required": row["status"] == "review",
        "review_reason": row["review_reason"] or None,
        "routing_reason": row["reason"],
        "meeting_url": then.get("meeting_url"),
        "lead_type": row["lead_type"],
        "high_intent": row["high_intent"],
        "sla_policy": row["sla_policy"] or None,
        "due_at": row["due_at"],
        "fallback_owner_id": then.get("fallback_owner"),
        "reviewer_id": then.get("reviewer"),
        "notification_path": then.get("channels", []),
        "route_flag": row["route_flag"],
        "ruleset_version": row["version"],
        "decided_at": row["decided_at"],
        "origin": row["origin"],
        "actor": _actor(row),
        "digest": row["digest"],
    }


def _actor(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Who asked for it, with the name they have today; None: RevRoute itself, as of every event that is routed."""
    if row["actor"] is None:
        return None
    owner, username, *names = (row[column] for column in ACTOR)
    return {"user_id": row["actor"], "name": owner or " ".join(filter(None, names)) or username}


def _preflight(case: Any, row: Mapping[str, Any], trace: Mapping[str, Any]) -> dict[str, Any]:
    chosen = [entry for entry in trace["candidates"] if entry["owner"] == row["owner"]]
    return {
        "contact_search": _search("contact", case.contact),
        "company_search": _search("company", case.company),
        "open_deal_search": {
            "status": "found" if case.deals else "none",
            "deals": [{"deal_id": deal.id, "owner_id": deal.owner, "pipeline": deal.pipeline} for deal in case.deals],
        },
        "owner_validation": {
            "status": "passed" if chosen and row["status"] == "assigned" else "not_assigned",
            "owner_id": row["owner"],
            "noted": chosen[-1].get("noted", {}) if chosen else {},
        },
        "pipeline_validation": {
            "status": _pipeline_status(row),
            "pipeline": row["pipeline_key"] or None,
            "stage": row["stage_key"] or None,
        },
    }


def _pipeline_status(row: Mapping[str, Any]) -> str:
    if row["review_reason"] == "pipeline_stage_mismatch":
        return "missing"
    return "passed" if row["pipeline_key"] else "not_needed"


def _search(what: str, match: Any) -> dict[str, Any]:
    return {
        "status": match.verdict,
        f"{what}_id": match.id,
        "candidates": [{f"{what}_id": id, "matched": list(matched)} for id, matched in match.candidates],
    }


ALL_PASSED = dict.fromkeys(CHECKS, True)


def _candidate(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A candidate with every check by name; `failed` says why one failed, `noted` what was seen and does not bind."""
    failed = entry.get("failed", {})
    return {
        "owner_id": entry["owner"],
        "name": entry["name"],
        "as": entry["as"],
        "checks": {**ALL_PASSED, **dict.fromkeys(failed, False)} if failed else ALL_PASSED,
        "failed": failed,
        "noted": entry.get("noted", {}),
        "room": entry.get("room"),
        "rotation": entry.get("rotation"),
    }


def _plan(story: Story, then: Mapping[str, Any], case: Case) -> list[dict[str, Any]]:
    """The actions in order. Without a row of its own, an action was done and confirmed with the ownership."""
    row = story.decision
    contact, company, deal = _crm_ids(row, then, case)
    details = {
        "update_contact_owner": {"contact_id": contact, "owner_id": row["owner"]},
        "create_deal": {"deal_id": deal, "pipeline": row["pipeline_key"], "stage": row["stage_key"]},
        "update_deal": {"deal_id": deal, "pipeline": row["pipeline_key"]},
        "associate_contact_company_deal": {"contact_id": contact, "company_id": company, "deal_id": deal},
        "write_routing_reason_note": {"text": row["reason"]},
        "start_follow_up_sequence": {"sequence": row["sequence"]},
        ALERT: {"channels": then.get("channels", [])},
    }
    return [
        {"order": order, "action": action, **details.get(action, {}), **_state(story, order, action)}
        for order, action in enumerate(then.get("plan", ()), start=1)
    ]


def _crm_ids(row: Mapping[str, Any], then: Mapping[str, Any], case: Case) -> tuple[int | None, int | None, int | None]:
    """The ids in the built-in CRM: what was known, or what this decision brought, which carries its id."""
    new = row["id"]
    contact = new if case.contact.verdict == "new" else case.contact.id
    company = new if contact == new and case.company.verdict == "new" else case.company.id
    if "create_deal" in then.get("plan", ()):
        return contact, company, new
    known = (deal.id for deal in case.deals if deal.own and deal.pipeline == row["pipeline_key"])
    return contact, company, next(known, None)


def _state(story: Story, order: int, action: str) -> dict[str, Any]:
    if action == ALERT:
        return _alert_state(list(story.deliveries))
    if order in story.actions:
        row = story.actions[order]
        return {"state": row["state"], "attempts": row["attempts"], "external_id": row["external_id"] or None}
    if action == "start_follow_up_sequence":
        return {"state": "pending", "attempts": 0}
    return {"state": "confirmed", "attempts": 1}


def _alert_state(deliveries: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Confirmed when every channel is; given up when one is; else pending."""
    states = {delivery["state"] for delivery in deliveries}
    attempts = max((delivery["attempts"] for delivery in deliveries), default=0)
    if states == {"sent"}:
        return {"state": "confirmed", "attempts": attempts}
    if "dead" in states:
        return {"state": "dead", "attempts": attempts}
    return {"state": "blocked" if not states or states == {"blocked"} else "pending", "attempts": attempts}
