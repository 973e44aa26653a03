"""The instant in; clocks of CRM writes that are not confirmed started, and ended when they are, out.

A write that is dropped, or refused for good, ends unmet without a breach where there was time left. A refused one has
a review item by then, and is promised anew when it is resumed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from routing.clock_rows import drop, end, insert, new_clock, unended
from routing.current import people_now
from routing.engine.ladder import BUILT_IN
from routing.engine.people import People, Policy
from routing.models import ClockState, PlanAction, SlaClock

UNCONFIRMED_AFTER = timedelta(minutes=1)
"""How long a CRM write has before it gets a clock at all: most are confirmed within seconds."""
# SQLite uses partial indexes only for conditions that are written like their own.
WRITE_OWED = RawSQL(
    "routing_planaction.clock = 0 AND routing_planaction.state = 'pending' AND NOT (routing_planaction.connector = '')",
    (), output_field=BooleanField(),
)  # fmt: skip
WRITE_TO_STOP = RawSQL(
    "routing_planaction.clock = 1 AND NOT (routing_planaction.state = 'pending')", (), output_field=BooleanField()
)
Kind = SlaClock.Kind
State = SlaClock.State


def owed(now: datetime) -> QuerySet[PlanAction]:
    """Writes that have waited long enough to get a clock."""
    old = PlanAction.objects.filter(WRITE_OWED, decision__decided_at__lte=now - UNCONFIRMED_AFTER)
    return old.order_by("decision", "position")


def to_stop() -> QuerySet[PlanAction]:
    """Writes with a clock that wait for the CRM no more."""
    return PlanAction.objects.filter(WRITE_TO_STOP).order_by("decision", "position")


class Write(NamedTuple):
    """A write that the CRM has not confirmed, in the order of its columns."""

    id: int
    decision: int
    lead: int
    owner: int | None
    source_owner: int
    policy: str
    decided_at: datetime
    is_test: bool


WRITE_COLUMNS = (
    "id", "decision", "decision__lead", "decision__owner", "decision__lead__source__owner", "decision__sla_policy",
    "decision__decided_at", "decision__lead__is_test",
)  # fmt: skip


def start(ids: list[int], now: datetime) -> None:
    people = people_now()
    policies = {policy.key: policy for policy in people.policies}
    waiting = [Write(*row) for row in PlanAction.objects.filter(id__in=ids).values_list(*WRITE_COLUMNS)]
    clocks = [
        _of_write(write, policies.get(write.policy), people, write.decided_at) for write in waiting if not write.is_test
    ]
    _renew(clocks, now)
    insert(clocks)
    real = [write.id for write in waiting if not write.is_test]
    PlanAction.objects.filter(id__in=real).update(clock=ClockState.KEPT)
    if len(real) < len(waiting):
        PlanAction.objects.filter(id__in=ids).exclude(id__in=real).update(clock=ClockState.OVER)


def _of_write(write: Write, policy: Policy | None, people: People, started_at: datetime) -> SlaClock:
    budget = policy.crm if policy else 15 * 60
    ladder = policy.ladder(Kind.CRM) if policy else BUILT_IN[Kind.CRM]
    return new_clock(
        Kind.CRM, write.lead, write.decision, write.owner or write.source_owner, policy, budget, started_at,
        started_at + timedelta(seconds=budget), ladder, action_id=write.id, revision_id=people.revision or None,
    )  # fmt: skip


def _renew(clocks: Sequence[SlaClock], now: datetime) -> None:
    """Writes that were refused in time and are tried again: they are promised anew from now on."""
    actions = [clock.action_id for clock in clocks]
    former = list(SlaClock.objects.filter(action__in=actions, state=State.CANCELLED).select_for_update(no_key=True))
    anew = {clock.action_id: clock for clock in clocks}
    for clock in former:
        new = anew[clock.action_id]
        passed = now - new.started_at
        clock.state, clock.ended_at = State.RUNNING, None
        clock.started_at, clock.due_at = now, new.due_at + passed
        clock.next_rung_at = new.next_rung_at + passed if new.next_rung_at else None
    if former:
        SlaClock.objects.bulk_update(former, ["state", "ended_at", "started_at", "due_at", "next_rung_at"])


def stop(ids: list[int], now: datetime) -> None:
    actions = PlanAction.objects.filter(id__in=ids)
    found = {id: (state, at) for id, state, at in actions.values_list("id", "state", "confirmed_at")}
    clocks = list(unended().filter(action__in=ids))
    confirmed = [clock for clock in clocks if found[clock.action_id][0] == PlanAction.State.CONFIRMED]
    end({clock.pk: found[clock.action_id][1] or now for clock in confirmed}, confirmed)
    drop([clock for clock in clocks if clock not in confirmed], now)
    over = (PlanAction.State.CONFIRMED, PlanAction.State.DROPPED)
    actions.filter(state__in=over).update(clock=ClockState.OVER)
    actions.exclude(state__in=over).update(clock=ClockState.OWED)
