"""A verdict in, the whole decision out: policy, clocks, plan, reviewer, texts and digest. Looks for no owner."""

import hashlib
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, NamedTuple

from owners.business_time import Hours
from routing.engine import reason
from routing.engine.acts import WALKS
from routing.engine.counting import calendar_of
from routing.engine.found import TO_CLAIM
from routing.engine.ladder import after
from routing.engine.people import Person, Policy, PoolOf
from routing.engine.snapshot import snapshot_text
from routing.engine.text import canonical, ended
from routing.engine.values import Act, ClockOwed, Decision, Outcome
from routing.engine.verdict import Verdict
from routing.engine.work import Work

STANDARD = "standard"
OUTCOME_FIELDS = tuple(field.name for field in fields(Outcome))


def conclude(work: Work, verdict: Verdict) -> Decision:
    """Complete the verdict. Clocks run in the owner's working time, around the clock for critical leads."""
    rule = verdict.rule
    terms = _terms(verdict, work.case.act)
    lead_type = work.facts.get("lead_type", "")
    tier = terms.tier or STANDARD
    policy = work.people.policy_for(terms.policy, lead_type, tier, work.facts.get("source_key", ""))
    high = work.facts["high_intent"] if terms.high_intent is None else terms.high_intent
    common = {"lead_type": lead_type, "high_intent": high, "tier": tier, "rule": rule.id if rule else None}
    if verdict.status != "appended" and work.case.act:
        common["lead"] = work.case.act.lead
    if verdict.status == "assigned":
        return _assigned(work, verdict, policy, common, terms)
    if verdict.status == "review":
        return _reviewed(work, verdict, policy, common)
    if verdict.status == "held":
        return _held(work, verdict, policy, common)
    if verdict.status == "appended":
        return _appended(work, verdict, policy, common)
    return _sealed(work, Outcome(verdict.status, verdict.step, verdict.reason, verdict.flag, **common))


class Terms(NamedTuple):
    """What goes with an owner: of the rule that decided, or kept from the decision that an act follows."""

    tier: str = ""
    policy: str = ""
    high_intent: bool | None = None
    pipeline: str = ""
    stage: str = ""
    sequence: str = ""
    fallback_owner: int | None = None
    channels: tuple[str, ...] = ()


NO_TERMS = Terms()


def _terms(verdict: Verdict, act: Act | None) -> Terms:
    if rule := verdict.rule:
        return Terms(
            rule.tier, rule.sla_policy, rule.high_intent, rule.pipeline, rule.stage, rule.sequence,
            rule.fallback_owner, rule.alert_channels,
        )  # fmt: skip
    if act is None or verdict.status == "appended":
        return NO_TERMS
    return Terms(act.tier, act.policy, act.high_intent, act.pipeline, act.stage, act.sequence)


def _appended(work: Work, verdict: Verdict, policy: Policy, common: dict[str, Any]) -> Decision:
    """A known person's new inquiry has its own first-touch clock, but never a second owner."""
    person = work.person(verdict.owner)
    clocks = (
        tuple(clock for clock in _clocks(work, person, policy, None) if clock.kind == "first_touch") if person else ()
    )
    reviewer = None  # told instead of the owner: while there is none, or when they have left
    if person is None:
        reviewer = _reviewer(work, verdict.reviewer)
    elif person.state != "active":
        reviewer = _reviewer(work, person.cover_at(work.case.now))
    outcome = Outcome(
        "appended",
        verdict.step,
        verdict.reason,
        verdict.flag,
        owner=verdict.owner,
        reviewer=reviewer,
        lead=verdict.lead,
        sla_policy=policy.key,
        due_at=clocks[0].due_at if clocks else None,
        channels=_channels(work, reviewer if reviewer is not None else verdict.owner),
        **common,
    )
    return _sealed(work, outcome, clocks)


def _assigned(work: Work, verdict: Verdict, policy: Policy, common: dict[str, Any], terms: Terms) -> Decision:
    placed = verdict.placed
    assert placed is not None
    assert verdict.owner is not None
    person = work.people.owners[verdict.owner]
    missing = _missing_stage(work, terms.pipeline, terms.stage)
    clocks = _clocks(work, person, policy, placed.team)
    outcome = Outcome(
        "assigned",
        verdict.step,
        verdict.reason,
        "exception" if missing else verdict.flag,
        owner=verdict.owner,
        team=placed.team,
        pipeline=terms.pipeline,
        stage=terms.stage,
        sequence=terms.sequence,
        review_reason="pipeline_stage_mismatch" if missing else "",
        review_detail=missing,
        reviewer=_reviewer(work, None) if missing else None,
        fallback_owner=terms.fallback_owner,
        sla_policy=policy.key,
        due_at=next(clock.due_at for clock in clocks if clock.kind == "first_touch"),
        channels=terms.channels or _channels(work, verdict.owner),
        meeting_url=person.booking_url,
        plan=_plan(work, terms.pipeline, missing, verdict.owner),
        **common,
    )
    return _sealed(work, outcome, clocks, placed.pool, placed.selection)


def _channels(work: Work, owner: int | None) -> tuple[str, ...]:
    """How the person wants to be told; over both channels where they do not say."""
    person = work.person(owner)
    return (person.channels if person else ()) or ("in_app", "email")


def _reviewed(work: Work, verdict: Verdict, policy: Policy, common: dict[str, Any]) -> Decision:
    rule = verdict.rule
    act = work.case.act
    named = rule.target_owner if rule and rule.target_kind == "review" else act.reviewer if act else None
    reviewer = _reviewer(work, named)
    due = after(work.case.now, policy.review, _hours_of_item(work, policy, reviewer))
    outcome = Outcome(
        "review",
        verdict.step,
        reason.reviewed(verdict.detail, work.name(reviewer)),
        verdict.flag,
        review_reason=verdict.review_reason,
        review_detail=verdict.detail,
        reviewer=reviewer,
        due_at=due,
        sla_policy=policy.key,
        channels=_channels(work, reviewer),
        **common,
    )
    return _sealed(work, outcome)


def _held(work: Work, verdict: Verdict, policy: Policy, common: dict[str, Any]) -> Decision:
    """Waits for somebody of a pool, or to be claimed; a named person answers for it, and its time is limited."""
    pool = work.people.pools[verdict.waits or 0]
    team = work.people.teams.get(pool.team or 0)
    reviewer = _reviewer(work, pool.named or (team.lead if team else None))
    act = work.case.act
    because = act.why if act and act.move else ""
    outcome = Outcome(
        "held",
        verdict.step,
        reason.held(verdict.review_reason, verdict.detail, pool.name, work.name(reviewer), because),
        verdict.flag,
        review_reason=verdict.review_reason,
        review_detail=verdict.detail,
        reviewer=reviewer,
        due_at=_wait_ends(work, pool, verdict.review_reason, reviewer, policy),
        sla_policy=policy.key,
        channels=_channels(work, reviewer),
        **common,
    )
    return _sealed(work, outcome, waits=pool.id)


def _wait_ends(work: Work, pool: PoolOf, why: str, reviewer: int, policy: Policy) -> datetime:
    """When the pool's minutes have passed: of the working time of the member for whom they pass first, who could have
    claimed the lead so long; on hold, of the person named."""
    members = (work.person(member.owner) for member in pool.members) if why == TO_CLAIM else ()
    persons = [one.id for one in members if one is not None and one.state == "active"] or [reviewer]
    return min(after(work.case.now, pool.wait * 60, _hours_of_item(work, policy, id)) for id in persons)


def _reviewer(work: Work, named: int | None) -> int:
    """Who answers for an item: whom the rule names, the source's person, the rule set's; the first still active.

    When all of them have left, whoever is active and came first: somebody has to open it. Whoever let a lead lie
    does not answer for it where anybody else in that line can.
    """
    source = work.people.sources.get(work.case.source)
    line = [owner for owner in (named, source.owner if source else None, work.rules.owner) if owner is not None]
    act = work.case.act
    silent = act.owner if act and act.kind == "escalate" else None
    active = sorted(id for id, person in work.people.owners.items() if person.state == "active")
    found = [owner for owner in line if owner in active] or active or line[-1:]
    return next((owner for owner in found if owner != silent), found[0])


def _missing_stage(work: Work, pipeline: str, stage: str) -> str:
    """What the rule names and the CRM lacks, as a sentence; empty when all is there."""
    if not pipeline:
        return f"stage {stage} has no pipeline" if stage else ""
    stages = work.people.pipelines.get(pipeline)
    if stages is None:
        return f"pipeline {pipeline} does not exist"
    if not stage:
        return f"no stage of pipeline {pipeline} is named"
    return "" if stage in stages else f"stage {stage} does not exist in pipeline {pipeline}"


def _plan(work: Work, pipeline: str, missing: str, owner: int) -> tuple[str, ...]:
    """The actions in order. Without a valid stage the owner is set and the plan stops. Who takes a lead themselves
    needs no alert about it."""
    if missing:
        return ("update_contact_owner",)
    act = work.case.act
    deal: tuple[str, ...] = ()
    if act and act.deal is not None:
        deal = ("update_deal",)
    elif pipeline:
        known = any(deal.own and deal.pipeline == pipeline for deal in work.case.deals)
        deal = ("update_deal",) if known else ("create_deal",)
    return (
        "update_contact_owner",
        *deal,
        "associate_contact_company_deal",
        "write_routing_reason_note",
        "start_follow_up_sequence",
        *(() if act and act.by_owner == owner else ("send_owner_alert_after_crm_success",)),
    )


def _real_time(work: Work, policy: Policy) -> bool:
    return policy.real_time or work.facts.get("urgency") == "critical"


def _clocks(work: Work, person: Person, policy: Policy, team: int | None) -> tuple[ClockOwed, ...]:
    budgets = [("first_touch", policy.first_touch), ("no_activity", policy.no_activity)]
    if policy.accept is not None:
        budgets.insert(0, ("accepted", policy.accept))
    real = _real_time(work, policy)
    calendar = None if real else calendar_of(work.people, policy, person, team)
    hours = None if real else work.people.calendars[calendar] if calendar is not None else person.hours
    now = work.case.now
    return tuple(
        ClockOwed(kind, budget, after(now, budget, hours), real, calendar, policy.ladder(kind))
        for kind, budget in budgets
    )


def _hours_of_item(work: Work, policy: Policy, reviewer: int) -> Hours | None:
    """By which working time an item counts: None where nights count too."""
    if _real_time(work, policy):
        return None
    person = work.person(reviewer)
    calendar = calendar_of(work.people, policy, person, None)
    return work.people.calendars[calendar] if calendar is not None else person.hours if person else None


TOLD = frozenset({"owner_left", "rerouted"})
"""Causes for which a lead is decided again although nothing is new about it: its reason begins with why."""


def _told(work: Work, outcome: Outcome) -> Outcome:
    act = work.case.act
    if act is None or act.kind not in WALKS or act.cause not in TOLD:
        return outcome
    return replace(outcome, reason=f"{ended(act.why)} {outcome.reason}")


def _sealed(
    work: Work, outcome: Outcome, clocks: Any = (), pool: Any = None, selection: Any = None, waits: int | None = None
) -> Decision:
    outcome = _told(work, outcome)
    trace = {"steps": work.steps, "candidates": work.candidates, "notes": work.notes, "then": _then(outcome)}
    snapshot = snapshot_text(work)
    trace_text = canonical(trace)
    decided = canonical({name: getattr(outcome, name) for name in OUTCOME_FIELDS})
    sealed = "\n".join((decided, canonical([clock.sealed for clock in clocks]), snapshot, trace_text))
    digest = hashlib.sha256(sealed.encode()).hexdigest()
    counts = not work.case.is_test
    fills = counts and work.people.fills(outcome.lead_type)
    return Decision(
        outcome, work.rules.version, work.people.revision, trace, snapshot, trace_text, digest, counts,
        fills, clocks, pool if counts else None, selection if counts else None, waits,
    )  # fmt: skip


def _then(outcome: Outcome) -> dict[str, Any]:
    """What follows from the outcome and has no column of its own."""
    names = ("plan", "channels", "fallback_owner", "meeting_url", "reviewer", "review_detail")
    return {name: value for name in names if (value := getattr(outcome, name))}
