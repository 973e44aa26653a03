"""Acts that are decided in; what belonged to the lead's former state settled, out. Decides and inserts nothing.

Whatever was running, owed or open for the former owner ends in the transaction that moves the lead: clocks are
cancelled, tasks dropped, messages and CRM writes that are no longer true dropped, review items closed. A fixed
number of statements, and one for each different resolution.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest

from leads.models import Lead, Task
from routing.models import Delivery, Fact, PlanAction, ReviewItem, SlaClock, SlaPause
from routing.rows import Settled

STAYING = (
    ReviewItem.Reason.CRM_ERROR,
    ReviewItem.Reason.WEBHOOK_RETRY_CONFLICT,
    ReviewItem.Reason.PIPELINE_STAGE_MISMATCH,
)
"""Items about something else than who owns the lead: they stay open when the lead moves."""
RELEASED = "released"
"""Cause of the act that gives out a lead on hold."""
OF_THE_OWNER = (Delivery.Kind.ASSIGNMENT, Delivery.Kind.REMINDER)
"""Messages to whoever works on the lead."""


def settle_lead_rows(acts: Sequence[Settled], now: datetime) -> None:
    """End what the acts make untrue. Call inside the writer transaction, before their rows are written."""
    leads = [one.act.lead for one in acts if one.act]
    lock_leads(leads)
    _drop_actions(PlanAction.objects.filter(decision__lead__in=leads))
    end_work(leads, now)
    _drop_messages(leads, [*OF_THE_OWNER, Delivery.Kind.NOTICE, Delivery.Kind.REVIEW])
    _close_items(acts, now)


def end_follow_up(leads: Sequence[int]) -> None:
    """End what would still begin the work on leads that are closed: first tasks and the owner's alerts. What the CRM
    is owed stays: the lead keeps its owner. Call it before `end_work`."""
    lock_leads(leads)
    _drop_actions(PlanAction.objects.filter(decision__lead__in=leads, action="start_follow_up_sequence"))
    _drop_messages(leads, OF_THE_OWNER)


def _drop_actions(actions: QuerySet[PlanAction]) -> None:
    """Before tasks are dropped: whoever writes a first task holds its action until that is committed, so the task is
    either seen by the one who drops tasks, or never written."""
    actions.filter(state__in=[PlanAction.State.PENDING, PlanAction.State.STOPPED, PlanAction.State.DEAD]).update(
        state=PlanAction.State.DROPPED, next_try_at=None
    )


def _drop_messages(leads: Sequence[int], kinds: Sequence[str]) -> None:
    Delivery.objects.filter(
        decision__lead__in=leads, kind__in=kinds, state__in=[Delivery.State.BLOCKED, Delivery.State.OWED]
    ).update(state=Delivery.State.DROPPED, next_try_at=None)


def lock_leads(leads: Iterable[int]) -> dict[int, Lead]:
    """The leads by id, locked, lowest first. Whoever changes a lead and its clocks takes the lead first, as
    `routing.touch` does, so that no two wait for each other."""
    rows = Lead.objects.select_for_update(no_key=True).filter(pk__in=list(leads)).order_by("pk")
    return {row.pk: row for row in rows}


def lock_clocks(clocks: QuerySet[SlaClock]) -> QuerySet[SlaClock]:
    """The same clocks, locked when they are read, in the order in which the sweep takes them."""
    return clocks.order_by("next_rung_at", "id").select_for_update(no_key=True, of=("self",))


def end_work(leads: Sequence[int], now: datetime) -> None:
    """Cancel the running clocks of the leads' owners, leave the rungs above a breach, end the wait for the buyer,
    which the next owner has not agreed to, and drop open tasks; six statements, and two where time had run out."""
    lock_leads(leads)
    clocks = SlaClock.objects.filter(lead__in=leads, kind__in=SlaClock.OF_OWNER)
    _breach(clocks, now)
    clocks.filter(state=SlaClock.State.RUNNING).update(state=SlaClock.State.CANCELLED, ended_at=now, next_rung_at=None)
    clocks.filter(state=SlaClock.State.BREACHED, next_rung_at__isnull=False).update(next_rung_at=None)
    SlaPause.objects.filter(lead__in=leads, ends_at__gt=now).update(ends_at=Greatest("starts_at", now))
    Task.objects.filter(lead__in=leads, done_at=None, dropped_at=None).update(dropped_at=now)


def _breach(clocks: QuerySet[SlaClock], now: datetime) -> None:
    """Lock those that are open. Whose time had run out before the lead moved broke their promise, even if the sweep was
    not there to note it."""
    still_open = clocks.filter(Q(state=SlaClock.State.RUNNING) | Q(next_rung_at__isnull=False))
    found = lock_clocks(still_open).values_list("id", "lead_id", "decision_id", "owner_id", "kind", "due_at", "state")
    rows = [row for *row, state in found if state == SlaClock.State.RUNNING and row[-1] < now]
    if not rows:
        return
    SlaClock.objects.filter(id__in=[id for id, *_ in rows]).update(
        state=SlaClock.State.BREACHED, ended_at=F("due_at"), next_rung_at=None
    )
    Fact.objects.bulk_create(
        Fact(lead_id=lead, kind=Fact.Kind.BREACHED, at=due_at, decision_id=decision, owner_id=owner, detail=kind)
        for _, lead, decision, owner, kind, due_at in rows
    )


def _close_items(acts: Sequence[Settled], now: datetime) -> None:
    groups: dict[tuple[str, int | None], list[int]] = defaultdict(list)
    ending = ReviewItem.objects.filter(~Q(reason__in=STAYING), state=ReviewItem.State.OPEN)
    leads_of = [one.act.lead for one in acts if one.act]
    open_for = set(ending.filter(lead__in=leads_of).values_list("lead", flat=True))
    for one in acts:
        if one.act and one.act.lead in open_for:
            groups[_resolution(one), one.actor].append(one.act.lead)
    for (resolution, actor), leads in groups.items():
        ending.filter(lead__in=leads).update(
            state=ReviewItem.State.CLOSED, closed_at=now, closed_by=actor, resolution=resolution
        )


def _resolution(one: Settled) -> str:
    """What became of the lead, in a line: the beginning of the reason, which names who did it. Leads on hold go out by
    the hundred, and one sentence for all of them is one statement."""
    if one.act and one.act.cause == RELEASED:
        return "Given out, because somebody of the pool could take it."
    return one.decision.outcome.reason[:200]
