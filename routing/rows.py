"""Decided events in, the rows they become out, as plain tuples for the writer; writes nothing itself."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from leads.models import Lead, RawEvent
from routing.engine.ladder import hint
from routing.engine.people import People
from routing.engine.values import Act, Case, Decision, Load, Numbers
from routing.models import (
    ClockState,
    Delivery,
    Fact,
)
from routing.models import (
    Decision as DecisionRow,
)
from routing.prepare import Prepared
from routing.targets import (
    ACTIONS,
    CLOCKS,
    COMPANIES,
    CONTACT_OWNERS,
    CONTACTS,
    DEAL_OWNERS,
    DEALS,
    DECISIONS,
    DELIVERIES,
    EVENTS,
    FACTS,
    LEAD_AGAIN,
    LEAD_MOVES,
    LEADS,
    LEDGER,
    LOADS,
    MEMBER_LOADS,
    NOTES,
    REVIEWS,
    TARGETS,
    TURNS,
)
from routing.write import Row, Target


class EventRef(NamedTuple):
    """The event of a lead that stands already."""

    id: int
    source: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """A decided event: what came in, what was seen, what was decided, and which party rows are new with it.

    `again`: the decision's own id, when it is about a lead that stands already; the first one carries the event's.
    """

    event: Prepared | EventRef
    case: Case
    decision: Decision
    contact: int | None
    company: int | None
    new_contact: bool
    new_company: bool
    again: int | None = None
    actor: int | None = None

    @property
    def id(self) -> int:
        """The decision's id."""
        return self.event.id if self.again is None else self.again

    @property
    def act(self) -> Act | None:
        return self.case.act

    @property
    def lead(self) -> int:
        """The lead it became, is about or was appended to."""
        return self.decision.outcome.lead or self.event.id

    @property
    def deal(self) -> int | None:
        """The deal it is worked in: a new one carries the decision's id."""
        outcome = self.decision.outcome
        if "create_deal" in outcome.plan:
            return self.id
        if self.act and self.act.deal is not None:
            return self.act.deal
        if "update_deal" in outcome.plan:
            return next(deal.id for deal in self.case.deals if deal.own and deal.pipeline == outcome.pipeline)
        return None


@dataclass(slots=True)
class Context:
    """What all rows of a batch share."""

    now: datetime
    people: People
    numbers: Numbers
    connector: str
    targets: tuple[Target, ...] = TARGETS
    rows: dict[Target, list[Row]] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = {target: [] for target in self.targets}

    def add(self, target: Target, *row: object) -> None:
        self.rows[target].append(row)


def rows_of(batch: Iterable[Settled], context: Context) -> list[tuple[Target, list[Row]]]:
    """All rows of a batch, every target named."""
    members: set[int] = set()
    for settled in batch:
        _add_parties(settled, context)
        _add_lead(settled, context)
        context.rows[DECISIONS].append(decision_row(settled))
        _add_review(settled, context)
        _add_ownership(settled, context, members)
        _add_facts(settled, context)
        if settled.act is None:
            context.add(EVENTS, settled.event.id, RawEvent.State.DONE, "")
    _add_numbers(context, members)
    return [(target, context.rows[target]) for target in context.targets]


def _add_parties(settled: Settled, context: Context) -> None:
    facts = settled.case.facts
    owner = settled.decision.outcome.owner if settled.decision.outcome.status == "assigned" else None
    name, domain = facts.get("company_name", ""), facts.get("company_domain", "")
    if settled.new_company:
        context.add(COMPANIES, settled.company, name, domain, False, None, "", context.now)
    if settled.new_contact:
        context.add(
            CONTACTS, settled.contact, facts.get("email", ""), facts.get("phone", "")[:20], facts.get("first_name", ""),
            facts.get("last_name", ""), facts.get("job_title", ""), settled.company, owner, "", context.now,
        )  # fmt: skip
    elif settled.contact is not None and owner is not None and _moves_contact(settled, owner):
        _give_contact(context, settled.contact, owner)


def _moves_contact(settled: Settled, owner: int) -> bool:
    """Whether a known contact gets another owner; a test lead changes nobody's."""
    return owner != settled.case.contact.owner and not settled.case.is_test


def _give_contact(context: Context, contact: int, owner: int) -> None:
    """Set the owner of a contact: in its new row, or in the one update, when the batch has one already."""
    for target in (CONTACTS, CONTACT_OWNERS):
        place = target.fields.index("owner")
        for at, row in enumerate(context.rows[target]):
            if row[0] == contact:
                context.rows[target][at] = (*row[:place], owner, *row[place + 1 :])
                return
    context.add(CONTACT_OWNERS, contact, owner)


STATES = {
    "assigned": "assigned", "review": "review", "held": "held", "nurture": "nurture", "rejected": "rejected",
}  # fmt: skip


ENDED = (Lead.State.NURTURE, Lead.State.REJECTED, Lead.State.CLOSED)


def lead_name(facts: dict) -> str:
    """The buyer in one line, for lists."""
    return f"{facts.get('first_name', '')} {facts.get('last_name', '')}".strip() or facts.get("company_name", "")


def _add_lead(settled: Settled, context: Context) -> None:
    outcome, event = settled.decision.outcome, settled.event
    owned = outcome.owner if outcome.status == "assigned" else None
    since = context.now if owned else None
    if settled.act:
        _change_lead(settled, context, owned, since)
    elif outcome.status != "appended":
        identity, rest = _lead_facts(settled)
        context.add(
            LEADS, event.id, event.source, *identity, settled.deal, STATES[outcome.status], owned, _member(settled),
            *rest, settled.case.is_test, event.received_at, since, None, None, outcome.reason,
        )  # fmt: skip


def _change_lead(settled: Settled, context: Context, owned: int | None, since: datetime | None) -> None:
    """The lead that the act is about. One that turns out to be another inquiry of a known person is closed."""
    outcome, act = settled.decision.outcome, settled.act
    assert act is not None
    state = STATES.get(outcome.status, Lead.State.CLOSED)
    moved = (act.lead, state, owned, _member(settled), since, None, settled.deal or act.deal, outcome.reason)
    if LEAD_AGAIN in context.rows:
        identity, rest = _lead_facts(settled)
        context.add(LEAD_AGAIN, *moved, *identity, *rest)
    else:
        context.add(LEAD_MOVES, *moved)


def _member(settled: Settled) -> int | None:
    """Whose turn in which pool brings the lead to its owner."""
    selection = settled.decision.selection
    return selection.member.id if selection is not None and settled.decision.outcome.status == "assigned" else None


def _lead_facts(settled: Settled) -> tuple[Row, Row]:
    """(contact, company) and what the lead's row repeats of the decision and the contract."""
    outcome, facts = settled.decision.outcome, settled.case.facts
    return (settled.contact, settled.company), (
        outcome.lead_type, outcome.high_intent, facts.get("lead_score"), facts.get("email", ""),
        facts.get("phone", "")[:20], lead_name(facts)[:400], facts.get("country", ""), facts.get("consent_to_contact"),
    )  # fmt: skip


def decision_row(settled: Settled) -> Row:
    """The decision's row, in the order of `DECISIONS`."""
    outcome, decision, event = settled.decision.outcome, settled.decision, settled.event
    act = settled.act
    return (
        settled.id, event.id, settled.lead, decision.version, decision.revision, outcome.status, outcome.step,
        outcome.rule, decision.row, outcome.owner, outcome.team, outcome.tier, outcome.pipeline, outcome.stage,
        outcome.sequence, outcome.review_reason, outcome.reason, outcome.flag, outcome.lead_type, outcome.high_intent,
        outcome.sla_policy, outcome.due_at, settled.case.now, decision.digest, decision.snapshot, decision.trace_text,
        act.kind if act else DecisionRow.Origin.ROUTING, settled.actor, act.owner if act else None,
    )  # fmt: skip


def _add_review(settled: Settled, context: Context) -> None:
    outcome = settled.decision.outcome
    if not outcome.review_reason:
        return
    waits = outcome.status in ("review", "held")
    due = outcome.due_at if waits else context.now + timedelta(hours=1)
    context.add(
        REVIEWS, outcome.review_reason, outcome.review_detail[:300], "open", outcome.reviewer, settled.event.source,
        settled.event.id, settled.lead, settled.id, settled.decision.waits, 1, context.now, context.now,
        due, None, None, "", ClockState.OWED,
    )  # fmt: skip
    kind = Delivery.Kind.REVIEW if waits else Delivery.Kind.OPERATOR
    _owe(settled, context, kind, outcome.reviewer, outcome.channels, Delivery.State.OWED)


def _owe(settled: Settled, context: Context, kind: str, owner: int | None, channels: Iterable[str], state: str) -> None:
    """Deliveries owed to one person. Test leads alert nobody."""
    if settled.case.is_test or owner is None:
        return
    due = context.now if state == Delivery.State.OWED else None
    for channel in channels:
        context.add(
            DELIVERIES, settled.id, owner, kind, channel, state, 0, due, context.now, None, None, None, "", "", ""
        )  # fmt: skip


def _add_ownership(settled: Settled, context: Context, members: set[int]) -> None:
    outcome, decision = settled.decision.outcome, settled.decision
    for clock in decision.clocks if decision.counts else ():
        context.add(
            CLOCKS, settled.lead, settled.id, outcome.owner, clock.kind, outcome.sla_policy, clock.budget,
            clock.real_time, clock.calendar, clock.ladder.terms or None, context.now, clock.due_at,
            hint(clock.ladder, context.now, clock.budget), "running",
        )  # fmt: skip
    if outcome.status == "appended":
        told = outcome.reviewer if outcome.reviewer is not None else outcome.owner
        _owe(settled, context, Delivery.Kind.NOTICE, told, outcome.channels, Delivery.State.OWED)
    former = settled.act.owner if settled.act else None
    if former is not None and former != outcome.owner:
        _owe(settled, context, Delivery.Kind.MOVED, former, ("in_app",), Delivery.State.OWED)
    if outcome.status != "assigned":
        return
    if "create_deal" in outcome.plan:
        _add_deal(settled, context)
    if "update_deal" in outcome.plan and not settled.case.is_test:
        context.add(DEAL_OWNERS, settled.deal, outcome.owner)
    if "write_routing_reason_note" in outcome.plan:
        context.add(NOTES, settled.lead, context.now, settled.deal, outcome.reason)
    if decision.selection is not None:
        members.update(decision.selection.turns)
        for entry in decision.selection.entries:
            context.add(
                LEDGER, entry.member, settled.id, entry.kind, str(entry.amount), str(entry.before), str(entry.after),
                "", None, context.now,
            )  # fmt: skip
    if "send_owner_alert_after_crm_success" in outcome.plan:
        _owe(
            settled,
            context,
            Delivery.Kind.ASSIGNMENT,
            outcome.owner,
            outcome.channels,
            Delivery.State.BLOCKED,
        )
    _add_actions(settled, context)


def _add_deal(settled: Settled, context: Context) -> None:
    outcome, facts = settled.decision.outcome, settled.case.facts
    pipeline, stage = context.people.pipelines[outcome.pipeline][outcome.stage]
    name = facts.get("company_name") or lead_name(facts) or facts.get("email", "")
    context.add(
        DEALS, settled.deal, name[:200], settled.contact, settled.company, pipeline, stage, outcome.owner, "open",
        not settled.case.is_test, "", context.now,
    )  # fmt: skip


def _add_actions(settled: Settled, context: Context) -> None:
    """The plan's actions that have a state of their own: another CRM's, and the follow-up after the commit."""
    for position, action in enumerate(settled.decision.outcome.plan, start=1):
        follow_up = action == "start_follow_up_sequence"
        if action == "send_owner_alert_after_crm_success" or not (follow_up or context.connector):
            continue
        connector = "" if follow_up else context.connector
        context.add(
            ACTIONS, settled.id, position, action, connector, "pending", 0, context.now, None, "", "", ClockState.OWED
        )  # fmt: skip


def _add_facts(settled: Settled, context: Context) -> None:
    """The instants that reports count. Test leads are in none."""
    if settled.case.is_test:
        return
    outcome, act = settled.decision.outcome, settled.act
    lead, id, now, actor = settled.lead, settled.id, context.now, settled.actor
    Kind = Fact.Kind
    if act is None:
        context.add(FACTS, lead, Kind.ARRIVED, settled.event.received_at, id, None, None, outcome.status)
    context.add(FACTS, lead, Kind.DECIDED, now, id, outcome.owner, actor, act.kind if act else outcome.status)
    if act and act.owner is not None and act.owner != outcome.owner:
        context.add(FACTS, act.lead, Kind.REASSIGNED, now, id, act.owner, actor, act.cause or act.kind)
    if act and act.state in ENDED and outcome.status in ("assigned", "review", "held"):
        context.add(FACTS, act.lead, Kind.REOPENED, now, id, outcome.owner, actor, act.state)
    if outcome.status == "assigned":
        context.add(FACTS, lead, Kind.OWNED, now, id, outcome.owner, actor, act.kind if act else "routing")
        if not context.connector:  # the built-in CRM is written in this very transaction
            context.add(FACTS, lead, Kind.CONFIRMED, now, id, outcome.owner, None, "")
    elif act and act.state not in ENDED and outcome.status not in ("review", "held"):  # what had ended before ends once
        context.add(FACTS, act.lead, Kind.CLOSED, now, id, act.owner, actor, outcome.status)


def _add_numbers(context: Context, members: set[int]) -> None:
    """Turns of whoever was charged, and the loads that the batch changed."""
    numbers, people = context.numbers, context.people
    for member in sorted(members):
        turn = numbers.turns[member]
        context.add(TURNS, member, str(turn.v), turn.last, turn.away)
    for owner in sorted(numbers.owners_moved):
        context.add(LOADS, owner, *_counts(numbers.loads[owner], people.owners[owner].zone, context.now))
    for member in sorted(numbers.members_moved):
        zone = people.owners[people.capped[member]].zone
        context.add(MEMBER_LOADS, member, *_counts(numbers.member_loads[member], zone, context.now))


def _counts(load: Load, zone: str, now: datetime) -> Row:
    """A load in the order of `COUNTS`."""
    day, week = local_day(zone, now)
    return load.open, day, load.day, week, load.week


def local_day(zone: str, now: datetime) -> tuple[date, date]:
    """The owner's calendar day, and the Monday of its week."""
    day = now.astimezone(ZoneInfo(zone)).date()
    return day, day - timedelta(days=day.weekday())
