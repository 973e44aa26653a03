"""A lead's id and now in, its decision and what became of it as lines of plain text out; decides and changes nothing.

Everything about the decision comes from its document, so that the text, the API and the lead's page can never
tell different stories. Times are UTC.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from leads.models import Activity, Lead, Note
from routing.document import document, stories
from routing.engine.conditions import FIELDS, OPERATORS
from routing.models import Decision, Delivery, Escalation, Fact, ReviewItem, SlaPause
from routing.receipts import receipts

MARKS = {"yes": "✓", "no": "✗", "unknown": "?"}
WON = (
    "target",
    "turn",
    "cover",
    "rule_fallback",
    "pool_fallback",
    "team_fallback",
    "review",
    "nurture",
    "reject",
    "held",
)
OUTCOMES = {
    "no_match": "does not hold",
    "outside_window": "is outside its time window",
    "not_applicable": "does not apply",
    "nobody": "nobody to take it",
    "target": "its target",
    "turn": "whose turn it is",
    "cover": "the cover person",
    "rule_fallback": "the rule’s fallback owner",
    "pool_fallback": "the pool’s fallback owner",
    "team_fallback": "the team’s fallback owner",
    "review": "manual review",
    "nurture": "nurture",
    "reject": "rejected",
    "held": "waits for the pool",
}
ROLES = {
    "target": "the target",
    "turn": "a pool member",
    "cover": "the cover person",
    "rule_fallback": "the rule’s fallback owner",
    "pool_fallback": "the pool’s fallback owner",
    "team_fallback": "the team’s fallback owner",
}
FACTS = ("confirmed", "accepted", "declined", "reassigned", "booked", "closed", "reopened")
LATE_SECONDS = 60
"""From when on a rung's delay is worth a word."""
VALIDITY = {
    "usable": "the buyer can be reached",
    "spam": "spam",
    "missing_contact_data": "no e-mail and no phone",
    "no_usable_contact": "neither e-mail nor phone can be used",
}


class Undecided(LookupError):
    """There is no decision to explain; the text says why."""


def decided(lead: int) -> dict[str, Any]:
    """The decision document of a lead. Raises Undecided."""
    story = stories([lead]).get(lead)
    if story is None:
        known = Lead.objects.filter(pk=lead).exists()
        raise Undecided(f"Lead {lead} has no decision of its own." if known else f"There is no decided lead {lead}.")
    return document(story)


def explain(lead: int, now: datetime) -> str:
    """The decision in words: who and why, the walk, the candidates, the plan, the clocks, what came since.

    Raises Undecided.
    """
    told = decided(lead)
    decision = told["routing_decision"]
    sections = (
        ("", _head(told)),
        ("The walk", _walk(told)),
        ("Candidates", [_candidate(entry) for entry in told["candidates"]]),
        ("Plan", [_action(entry) for entry in told["crm_execution_plan"]]),
        ("Clocks", list(_clocks(decision["lead_id"], now))),
        ("Since", list(_since(decision))),
    )
    return "\n\n".join("\n".join([title, *lines] if title else lines) for title, lines in sections if lines)


def at(moment: datetime) -> str:
    """An instant to the second, with its zone."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _head(told: Mapping[str, Any]) -> list[str]:
    decision, buyer = told["routing_decision"], told["normalized_lead"]
    name = " ".join(part for part in (buyer["first_name"], buyer["last_name"]) if part)
    who = ", ".join(part for part in (name, buyer["company_name"], buyer["email"] or buyer["phone"]) if part)
    received, made = told["source_event"]["received_at"], decision["decided_at"]
    seconds = (made - received).total_seconds()
    lines = [
        f"Lead {decision['lead_id']}: {who or 'no name and no address'}",
        decision["routing_reason"],
        f"Came {at(received)} from {told['source_event']['source_system']}; decided {seconds:.1f} s later.",
    ]
    rules = f"version {decision['ruleset_version']}" if decision["ruleset_version"] else "no published rules"
    step = decision["hierarchy_step"] or "before any step"
    lines.append(
        f"Decided by {_winner(told) or step} of {rules}; {decision['route_flag']}, tier {decision['routing_tier']}."
    )
    if decision["due_at"]:
        lines.append(f"SLA {decision['sla_policy']}: due {at(decision['due_at'])}.")
    return lines


def _winner(told: Mapping[str, Any]) -> str:
    """The rule that decided, with its step; empty where no rule did."""
    step = told["routing_decision"]["hierarchy_step"]
    for entry in reversed(told["routing_trace"]["steps"]):
        if entry["step"] == step and entry["rules"] and entry["rules"][-1]["result"] in (*WON, "nobody"):
            return f"rule “{entry['rules'][-1]['name']}” in step {step}"
    return ""


# --- the walk ----------------------------------------------------------------------------------------------


def _walk(told: Mapping[str, Any]) -> list[str]:
    steps = told["routing_trace"]["steps"]
    lines = [line for number, step in enumerate(steps, start=1) for line in _step(number, step)]
    asked = {step["step"] for step in steps}
    if rest := [step for step in told["routing_hierarchy"] if step not in asked]:
        lines.append(f"Not asked any more: {', '.join(rest)}.")
    lines += [_problem(problem) for problem in told["routing_trace"]["problems"]]
    return lines + [f"Note: {note}" for note in told["routing_trace"]["notes"]]


def _step(number: int, step: Mapping[str, Any]) -> Iterator[str]:
    hidden = step["considered"] - len(step["rules"])
    more = f", {hidden} not shown or not asked" if hidden > 0 and step["rules"] else ""
    ends = f": {VALIDITY.get(step['validity'], step['validity'])}" if "validity" in step else ""
    count = "no rules" if not step["considered"] else f"rules: {step['considered']}"
    yield f"{number}. {step['step']} ({count}{more}){ends}"
    for row in step["rules"]:
        yield from rule_lines(row)


def rule_lines(row: Mapping[str, Any]) -> Iterator[str]:
    """A rule as it was asked: what came of it, then each condition with the value it saw."""
    result = row["result"]
    mark = "✗" if result in ("no_match", "outside_window") else "→" if result in WON else "–"
    why = f": {row['note']}" if row.get("note") else ""
    yield f"   {mark} {row['name']}: {OUTCOMES.get(result, result)}{why}"
    for number, group in enumerate(row["conditions"]):
        if number:
            yield "       or"
        for condition in group:
            yield f"       {condition_words(condition)}"


def condition_words(condition: Mapping[str, Any]) -> str:
    """“✗ country is DE (saw FR)”."""
    field = FIELDS.get(condition["field"], condition["field"])
    operator = OPERATORS.get(condition["operator"], condition["operator"])
    asked = " ".join(part for part in (field, operator, _value(condition["value"])) if part)
    saw = condition["saw"]
    return f"{MARKS[condition['result']]} {asked} ({'unknown' if saw is None else f'saw {_value(saw)}'})"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_value(part) for part in value)
    return "" if value is None else str(value)


def _problem(problem: Mapping[str, Any]) -> str:
    value = f" “{problem['value']}”" if problem.get("value") else ""
    return f"Could not be read: {FIELDS.get(problem['field'], problem['field'])}{value} ({problem['code']})."


def _candidate(entry: Mapping[str, Any]) -> str:
    failed = "; ".join(f"✗ {name} ({why})" for name, why in entry["failed"].items()) or "✓ all checks"
    parts = [failed]
    if entry["noted"]:
        parts.append("does not bind: " + ", ".join(entry["noted"].values()))
    if rotation := entry["rotation"]:
        v = rotation["v"] or "none yet"
        after = f" → {rotation['v_after']}" if "v_after" in rotation else ""
        parts.append(f"v {v}{after}, weight {rotation['weight']}")
    if entry["room"]:
        parts.append(entry["room"])
    return f"   {entry['name']} as {ROLES[entry['as']]}: {'; '.join(parts)}"


def _action(entry: Mapping[str, Any]) -> str:
    tries = f", attempts {entry['attempts']}" if entry["attempts"] > 1 else ""
    return f"   {entry['order']}. {entry['action']}: {entry['state']}{tries}"


# --- what came since -----------------------------------------------------------------------------------------


def _clocks(lead: int, now: datetime) -> Iterator[str]:
    """What the receipts say, in a line each."""
    for one in sorted(receipts(Lead.objects.get(pk=lead), now), key=lambda one: (one.started_at, one.due_at, one.id)):
        over = f" {at(one.over)}" if one.over else ""
        late = f", {_minutes(one.late.raw)} late" if one.late else ""
        kind = one.kind[:1].lower() + one.kind[1:]
        yield (
            f"   {kind} by {one.owner}: {one.word}{over}{late}, due {at(one.due_at)},"
            f" {_minutes(timedelta(seconds=one.budget_seconds))} counted in {one.by}, policy {one.policy}"
        )


def _minutes(length: timedelta) -> str:
    return f"{length.total_seconds() / 60:.0f} min"


def _since(decision: Mapping[str, Any]) -> Iterator[str]:
    """Everything after the decision in the order in which it happened."""
    lead = decision["lead_id"]
    rows = [
        *_later_decisions(lead, decision["decision_id"]), *_acts(lead), *_facts(lead), *_told(lead), *_rungs(lead),
        *_waits(lead), *_reviews(lead),
    ]  # fmt: skip
    for moment, words in sorted(rows):
        yield f"   {at(moment)}  {words}"


Happened = Iterable[tuple[datetime, str]]


def _later_decisions(lead: int, first: int) -> Happened:
    rows = Decision.objects.filter(lead=lead).exclude(pk=first).values_list("decided_at", "reason")
    return [(moment, reason) for moment, reason in rows]


def _acts(lead: int) -> Happened:
    for row in Activity.objects.filter(lead=lead).select_related("actor"):
        outcome = f": {row.outcome}" if row.outcome else ""
        yield row.happened_at, f"{row.get_kind_display()} by {row.actor.name if row.actor else 'nobody named'}{outcome}"
    reasons = Decision.objects.filter(lead=lead).values("reason")
    for created_at, text in Note.objects.filter(lead=lead).exclude(text__in=reasons).values_list("created_at", "text"):
        yield created_at, f"note: {text}"


def _facts(lead: int) -> Happened:
    """What people and the CRM did to it; touches and clocks have rows of their own."""
    rows = Fact.objects.filter(lead=lead, kind__in=FACTS).select_related("owner", "actor")
    for row in rows:
        by = row.actor.get_full_name() or row.actor.get_username() if row.actor else ""
        who = f" by {by}" if by else f" ({row.owner.name})" if row.owner else ""
        yield row.at, f"{row.get_kind_display()}{who}"


def _rungs(lead: int) -> Happened:
    for row in Escalation.objects.filter(clock__lead=lead).select_related("clock"):
        late = f", {row.late_seconds} s late" if row.late_seconds >= LATE_SECONDS else ""
        note = f"; {row.note}" if row.note else ""
        yield row.fired_at, f"escalation of {row.clock.get_kind_display()}: {row.get_action_display()}{late}{note}"


def _waits(lead: int) -> Happened:
    for row in SlaPause.objects.filter(lead=lead).select_related("set_by__owner"):
        owner = getattr(row.set_by, "owner", None)
        who = owner.name if owner else row.set_by.get_username() if row.set_by else "nobody named"
        yield row.starts_at, f"waits for the buyer until {at(row.ends_at)}: {row.reason} ({who})"


def _told(lead: int) -> Happened:
    rows = Delivery.objects.filter(decision__lead=lead).exclude(attempted_at=None).select_related("owner")
    for row in rows:
        state = row.get_state_display() + (f" ({row.error})" if row.error and row.state != "sent" else "")
        sent = row.sent_at or row.attempted_at
        to = "another program" if row.channel == Delivery.Channel.WEBHOOK else row.owner.name
        yield sent, f"alert to {to} by {row.get_channel_display()}: {state}"


def _reviews(lead: int) -> Happened:
    for row in ReviewItem.objects.filter(lead=lead).select_related("owner"):
        yield row.opened_at, f"in review with {row.owner.name}: {row.get_reason_display()}"
        if row.closed_at:
            yield row.closed_at, f"review closed: {row.resolution}"
