"""Events that have no owner within their minute in, their `assigned` clocks begun and ended out.

A lead that is owned in time needs no row: reports see it from its facts. The minute counts from the arrival, nights
too, whoever was late: the rules that found nobody, or the worker that was down.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from leads.models import Lead
from routing.clock_rows import drop, end, new_clock, unended
from routing.engine.ladder import BUILT_IN
from routing.engine.people import People, Policy
from routing.models import SlaClock
from routing.rows import Settled
from routing.write import Target, write

Kind = SlaClock.Kind
LATE = Target(
    SlaClock,
    (
        "lead", "decision", "owner", "kind", "policy_key", "budget_seconds", "real_time", "started_at", "due_at",
        "state", "ended_at", "answered_at",
    ),
    skip=True,
)  # fmt: skip
SHORTEST = timedelta(minutes=1)
"""What any policy promises at least."""


def of_lead(lead: int, decision: int | None, owner: int, received_at: datetime, policy: Policy | None) -> SlaClock:
    """The clock of a lead without an owner; `owner`: whoever answers for it."""
    budget = policy.assign if policy else 60
    due_at = received_at + timedelta(seconds=budget)
    ladder = BUILT_IN[Kind.ASSIGNED]
    return new_clock(Kind.ASSIGNED, lead, decision, owner, policy, budget, received_at, due_at, ladder)


def note_late(routed: Iterable[Settled], people: People, now: datetime) -> None:
    """Write down that events waited longer than promised before they got their owner, just now: breached, answered."""
    late = [one for one in routed if now - one.event.received_at > SHORTEST and _counts(one)]
    if not late:
        return
    policies = {policy.key: policy for policy in people.policies}
    clocks = []
    for one in late:
        outcome = one.decision.outcome
        policy = policies.get(outcome.sla_policy)
        clock = of_lead(one.lead, one.id, outcome.owner or 0, one.event.received_at, policy)
        if clock.due_at < now:
            clocks.append((
                one.lead, one.id, outcome.owner, clock.kind, clock.policy_key, clock.budget_seconds, True,
                clock.started_at, clock.due_at, SlaClock.State.BREACHED, clock.due_at, now,
            ))  # fmt: skip
    write([(LATE, clocks)])


def _counts(one: Settled) -> bool:
    return one.decision.counts and one.decision.outcome.status == "assigned"


def placed(leads: Mapping[int, datetime]) -> None:
    """Answer the clocks of leads that had no owner and have one since that instant; where one has ended without, they
    wait for nobody any more."""
    clocks = list(unended().filter(kind=Kind.ASSIGNED, lead__in=list(leads)).select_related("lead"))
    owned = [clock for clock in clocks if clock.lead is not None and clock.lead.state == Lead.State.ASSIGNED]
    end({clock.pk: leads[clock.lead_id] for clock in owned if clock.lead_id}, owned)
    drop([clock for clock in clocks if clock.lead is not None and clock.lead.state not in Lead.OPEN], leads)
