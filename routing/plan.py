"""Plan actions that are due in; CRM writes, first tasks and alerts set free out. Leaves ownership alone.

The actions of one decision run strictly in the order of their positions: one is touched only when all before
it are confirmed. The first task and the alert come last, so nobody is told of a lead that the CRM
does not have.

1. What only this program has to do (`start_follow_up_sequence`) is done for all decisions at once, in one
   transaction and a fixed number of statements.
2. What a connector has to do is claimed (attempt counted, lease written, committed), done outside any
   transaction, and then confirmed or given its next try, if it is still ours.
3. What ends for good (`dead` after all attempts, `stopped` when trying again is no use) alerts the operator
   and opens a review item with a named owner, both once, in the transaction that says so.
"""

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from leads.clean import clean_text
from routing import delivery, follow_up, retry
from routing.connectors import connector
from routing.connectors.base import ActionContext, CompanyFacts, ContactFacts, DealFacts, OwnerFacts, Receipt
from routing.failures import open_crm_error
from routing.lease import LEASE, budget, locked, short_transaction
from routing.models import Decision, Fact, PlanAction
from routing.steps import step

logger = logging.getLogger(__name__)

FOLLOW_UP = "start_follow_up_sequence"
PARKED = timedelta(days=3650)
"""How far away the actions behind a final failure are put, so that no sweep reads them; `resume` does."""

State = PlanAction.State


def run_due(now: datetime, limit: int = 100, chance: Callable[[], float] = random.random) -> int:
    """Do what is due, at most `limit` actions of each kind, and return how many were confirmed.

    `now` is the instant that due times, leases and confirmations are reckoned from; `chance` gives numbers in
    [0, 1) for the jitter of retries. Begins nothing new after 20 seconds. What an action does never raises.
    """
    due = set(_due(now).values_list("connector", "action")[:limit])  # a read: idle ticks never wait for writers
    done = _start_follow_ups(now, limit, chance) if ("", FOLLOW_UP) in due else 0
    if due - {("", FOLLOW_UP)} and (written := _write_out(now, limit, chance)):
        done += written + _start_follow_ups(now, limit, chance)
    return done


def resume(decision_id: int, now: datetime) -> int:
    """Make the decision's stopped and dead actions pending again, with all attempts; return how many."""
    actions = PlanAction.objects.filter(decision_id=decision_id)
    with short_transaction():
        resumed = actions.filter(state__in=[State.STOPPED, State.DEAD]).update(
            state=State.PENDING, attempts=0, next_try_at=now, error=""
        )
        if resumed:
            actions.filter(state=State.PENDING).update(next_try_at=now)
    return resumed


def _due(now: datetime) -> QuerySet[PlanAction]:
    """The first unfinished action of each decision, where that one is due. Oldest first."""
    before = PlanAction.objects.filter(decision=OuterRef("decision"), position__lt=OuterRef("position"))
    return PlanAction.objects.filter(
        ~Exists(before.exclude(state=State.CONFIRMED)), state=State.PENDING, next_try_at__lte=now
    ).order_by("next_try_at", "id")


# --- what this program does itself, set-wise --------------------------------------------------------------


def _start_follow_ups(now: datetime, limit: int, chance: Callable[[], float]) -> int:
    due = _due(now).filter(connector="", action=FOLLOW_UP)
    try:
        with short_transaction():
            rows = list(locked(due).values_list("id", "decision_id")[:limit])
            return _follow_up(rows, now, attempts=F("attempts") + 1)
    except Exception as error:  # whatever it is, one bad row must not hold up the others
        logger.warning("follow-ups failed together (%s); they are tried one by one", type(error).__name__)
    return sum(_start_follow_up(row, now, chance) for row in list(due[:limit]))


def _start_follow_up(row: PlanAction, now: datetime, chance: Callable[[], float]) -> int:
    """One alone, so that a bad row holds up no other: its attempt is counted before the work."""
    if not _claim(row, now):
        return 0
    try:
        with short_transaction():
            if not list(locked(_ours(row)).values_list("id")):  # the lead moved on since, and its work with it
                return 0
            return _follow_up([(row.pk, row.decision_id)], now, attempts=row.attempts)
    except Exception as error:  # whatever it is, one bad row must not hold up the others
        _fail(row, retry.unexpected(error), now, chance)
        return 0


def _follow_up(rows: list[tuple[int, int]], now: datetime, attempts: object) -> int:
    """Tasks written, actions confirmed, alerts owed for (action id, decision id) pairs; in a transaction."""
    decisions = [decision for _, decision in rows]
    with step("start_follow_up"):
        follow_up.start(decisions, now)
    confirmed = PlanAction.objects.filter(id__in=[id for id, _ in rows], state=State.PENDING).update(
        state=State.CONFIRMED, confirmed_at=now, next_try_at=None, attempts=attempts, error=""
    )
    delivery.unblock(decisions, now)
    return confirmed


# --- what a connector does --------------------------------------------------------------------------------


def _write_out(now: datetime, limit: int, chance: Callable[[], float]) -> int:
    """Run connectors' actions one by one; a decision's next is due as soon as the one before is confirmed."""
    due = _due(now).exclude(connector="", action=FOLLOW_UP)
    tried = confirmed = 0
    has_time = budget()
    while rows := list(due[: limit - tried]):
        for row in rows:
            if not has_time():
                return confirmed
            tried += 1
            if _claim(row, now):
                confirmed += _perform(row, now, chance)
        if tried >= limit:
            break
    return confirmed


def _claim(row: PlanAction, now: datetime) -> bool:
    """Take the action if it is still as read. One whose last attempt ended with its process is given up."""
    if row.attempts >= retry.MAX_ATTEMPTS:
        _finish(row, retry.Failure("attempts_lost", "the process ended during the last attempt"), retry.DEAD, now)
        return False
    with short_transaction():
        claimed = PlanAction.objects.filter(
            id=row.pk, state=State.PENDING, attempts=row.attempts, next_try_at=row.next_try_at
        ).update(attempts=row.attempts + 1, next_try_at=now + LEASE)
    row.attempts += 1
    return bool(claimed)


def _perform(row: PlanAction, now: datetime, chance: Callable[[], float]) -> int:
    """Call the connector, outside any transaction, and write down what came of it; 1 when it confirmed."""
    try:
        receipt = connector(row.connector).perform(row.action, _context(row))
    except retry.Failure as error:
        failure = error
    except ImproperlyConfigured:
        failure = retry.PermanentFailure("connector_unknown", row.connector)
    except Exception as error:  # a connector's own mistake must not stop the others
        failure = retry.unexpected(error)
    else:
        return _confirm(row, receipt, now)
    _fail(row, failure, now, chance)
    return 0


def _confirm(row: PlanAction, receipt: Receipt, now: datetime) -> int:
    with short_transaction():
        confirmed = _ours(row).update(
            state=State.CONFIRMED, confirmed_at=now, next_try_at=None, error="",
            external_id=clean_text(str(receipt.external_id), 200),
        )  # fmt: skip
        if confirmed:
            _note_confirmed(row.decision_id, now)
        return confirmed


def _note_confirmed(decision_id: int, now: datetime) -> None:
    """The fact that the whole CRM write of the decision is confirmed, with its last action."""
    rest = PlanAction.objects.filter(~Q(connector=""), ~Q(state=State.CONFIRMED), decision=decision_id)
    if not rest.exists():
        decision = Decision.objects.only("lead__is_test", "owner_id").select_related("lead").get(pk=decision_id)
        if decision.lead.is_test:
            return
        Fact.objects.create(
            lead_id=decision.lead_id, kind=Fact.Kind.CONFIRMED, at=now, decision=decision, owner_id=decision.owner_id
        )


def _fail(row: PlanAction, failure: retry.Failure, now: datetime, chance: Callable[[], float]) -> None:
    _finish(row, failure, retry.decide(failure, row.attempts, chance), now)


def _finish(row: PlanAction, failure: retry.Failure, verdict: retry.Verdict, now: datetime) -> None:
    """Write the verdict if the action is still ours; the actions behind it wait as long as it does."""
    logger.warning("plan action %s of decision %s: %s, %s", row.action, row.decision_id, failure.code, verdict.outcome)
    again = verdict.outcome == "again"
    later = PlanAction.objects.filter(decision=row.decision_id, position__gt=row.position, state=State.PENDING)
    with short_transaction():
        ours = _ours(row).update(
            state=State.PENDING if again else verdict.outcome,
            next_try_at=now + verdict.delay if again else None,
            error=clean_text(str(failure), 300),
        )
        if not ours:
            return
        later.update(next_try_at=now + (verdict.delay if again else PARKED))
        if not again:
            decision = Decision.objects.select_related("lead__source__owner", "version__owner").get(pk=row.decision_id)
            delivery.alert_operator(decision, failure.code, now)
            open_crm_error(decision, f"{row.action}: {failure.code}", now)


def _ours(row: PlanAction) -> QuerySet[PlanAction]:
    """The action, unless its lease ran out and another worker counted an attempt since."""
    return PlanAction.objects.filter(id=row.pk, state=State.PENDING, attempts=row.attempts)


def _context(row: PlanAction) -> ActionContext:
    decision = Decision.objects.select_related("owner", "lead__contact", "lead__company", "lead__deal").get(
        pk=row.decision_id
    )
    lead, owner = decision.lead, decision.owner
    confirmed = PlanAction.objects.filter(
        ~Q(external_id=""), decision=decision, position__lt=row.position, state=State.CONFIRMED
    )
    return ActionContext(
        action=row.action,
        idempotency_key=f"{row.decision_id}:{row.position}",
        lead_id=lead.pk,
        owner=OwnerFacts(owner.pk, owner.key, owner.name, owner.email),
        contact=lead.contact and _contact(lead.contact),
        company=lead.company
        and CompanyFacts(lead.company.pk, lead.company.external_id, lead.company.name, lead.company.domain),
        deal=lead.deal and DealFacts(lead.deal.pk, lead.deal.external_id, lead.deal.name),
        pipeline_key=decision.pipeline_key,
        stage_key=decision.stage_key,
        reason=decision.reason,
        earlier=dict(confirmed.values_list("action", "external_id")),
    )


def _contact(contact) -> ContactFacts:
    return ContactFacts(
        contact.pk, contact.external_id, contact.email, contact.phone,
        contact.first_name, contact.last_name, contact.job_title,
    )  # fmt: skip
