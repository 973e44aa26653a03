"""A user in, the decisions, review items, clocks and records they may see out, as querysets of no other rows."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from leads.models import Lead, RawEvent
from leads.scopes import NARROW, of_leads, visible_leads
from owners.models import PoolMember
from owners.roles import Reach, reach_of
from owners.scopes import only_all, owned, people_of, scope_of, shared, visible_pools
from routing.models import (
    ApiToken,
    BulkMove,
    BulkMoveLead,
    Decision,
    Delivery,
    Escalation,
    Fact,
    LedgerEntry,
    MemberLoad,
    OwnerLoad,
    PlanAction,
    ReviewItem,
    RotationState,
    SlaClock,
    SlaLadder,
    SlaPolicy,
    SlaRung,
)

OPEN_LEAD = Q(state=ReviewItem.State.OPEN, lead__owner__isnull=True)
CLAIMABLE = OPEN_LEAD & Q(lead__state=Lead.State.REVIEW)
"""Items that any rep may claim: there is a lead to take, and nobody has it."""


def _claimable(user: Any) -> Q:
    """What the user may claim: what any rep may, and what waits to be claimed by members of a pool of theirs. A lead on
    hold is nobody's to claim: it goes to whose turn it is."""
    member = PoolMember.objects.filter(owner__in=people_of(user), active=True)
    waits = Q(lead__state=Lead.State.HELD, reason=ReviewItem.Reason.WAITING_TO_BE_CLAIMED)
    return CLAIMABLE | OPEN_LEAD & waits & Q(pool__in=member.values("pool"))


@scope_of(ReviewItem)
def visible_review_items(user: Any) -> QuerySet[ReviewItem]:
    """Rep: what can be claimed, what they are named in, what concerns their leads. Manager: the same for the
    people of managed teams.
    """
    if reach_of(user) not in NARROW:
        return only_all(ReviewItem, user)
    return ReviewItem.objects.filter(_claimable(user) | owned(user) | owned(user, "lead__owner"))


def told_review_items(user: Any, since: datetime) -> QuerySet[ReviewItem]:
    """The same, and what anybody could have claimed until somebody was faster, at `since` or later.

    Whoever still looks at an old page is told who that was; nothing else of these rows is for them to see.
    """
    if reach_of(user) not in NARROW:
        return only_all(ReviewItem, user)
    unplaced = (Decision.Status.REVIEW, Decision.Status.HELD)
    gone = Q(state=ReviewItem.State.CLOSED, closed_at__gte=since, decision__status__in=unplaced)
    return ReviewItem.objects.filter(_claimable(user) | owned(user) | owned(user, "lead__owner") | gone)


@scope_of(RawEvent)
def visible_events(user: Any) -> QuerySet[RawEvent]:
    """What visible leads and visible review items came from."""
    if reach_of(user) not in NARROW:
        return only_all(RawEvent, user)
    decided = Decision.objects.filter(lead__in=visible_leads(user).order_by().values("pk"))
    items = visible_review_items(user).order_by()
    return RawEvent.objects.filter(Q(pk__in=decided.values("event")) | Q(pk__in=items.values("event")))


@scope_of(Decision)
def visible_decisions(user: Any) -> QuerySet[Decision]:
    return of_leads(Decision, user)


@scope_of(PlanAction)
def visible_plan_actions(user: Any) -> QuerySet[PlanAction]:
    return of_leads(PlanAction, user, "decision__lead")


@scope_of(SlaClock)
def visible_clocks(user: Any) -> QuerySet[SlaClock]:
    return of_leads(SlaClock, user)


@scope_of(Escalation)
def visible_escalations(user: Any) -> QuerySet[Escalation]:
    return of_leads(Escalation, user, "clock__lead")


@scope_of(Fact)
def visible_facts(user: Any) -> QuerySet[Fact]:
    return of_leads(Fact, user)


@scope_of(Delivery)
def visible_deliveries(user: Any) -> QuerySet[Delivery]:
    """Messages to oneself; for a manager, to the people of managed teams. Webhooks are no messages to them, and their
    addresses may hold secrets."""
    rows = _owned(Delivery, user)
    return rows.exclude(channel=Delivery.Channel.WEBHOOK) if reach_of(user) in NARROW else rows


@scope_of(LedgerEntry)
def visible_ledger(user: Any) -> QuerySet[LedgerEntry]:
    """One's own charges and credits; for a manager, also those of managed teams' pools."""
    return _turns(LedgerEntry, user)


@scope_of(RotationState)
def visible_rotation(user: Any) -> QuerySet[RotationState]:
    """One's own standing; for a manager, also those in managed teams' pools."""
    return _turns(RotationState, user)


@scope_of(OwnerLoad)
def visible_loads(user: Any) -> QuerySet[OwnerLoad]:
    return _owned(OwnerLoad, user)


@scope_of(MemberLoad)
def visible_member_loads(user: Any) -> QuerySet[MemberLoad]:
    return _turns(MemberLoad, user)


@scope_of(SlaPolicy)
def visible_policies(user: Any) -> QuerySet[SlaPolicy]:
    return shared(SlaPolicy, user)


@scope_of(SlaLadder)
def visible_ladders(user: Any) -> QuerySet[SlaLadder]:
    return shared(SlaLadder, user)


@scope_of(SlaRung)
def visible_rungs(user: Any) -> QuerySet[SlaRung]:
    return shared(SlaRung, user)


@scope_of(BulkMove)
def visible_moves(user: Any) -> QuerySet[BulkMove]:
    return only_all(BulkMove, user)


@scope_of(BulkMoveLead)
def visible_move_leads(user: Any) -> QuerySet[BulkMoveLead]:
    return only_all(BulkMoveLead, user)


@scope_of(ApiToken)
def visible_tokens(user: Any) -> QuerySet[ApiToken]:
    return only_all(ApiToken, user)


def _owned(model: Any, user: Any, field: str = "owner") -> QuerySet:
    return model.objects.filter(owned(user, field)) if reach_of(user) in NARROW else only_all(model, user)


def _turns(model: Any, user: Any) -> QuerySet:
    if reach_of(user) != Reach.TEAMS:
        return _owned(model, user, "member__owner")
    pools = visible_pools(user).order_by().values("pk")
    return model.objects.filter(owned(user, "member__owner") | Q(member__pool__in=pools))
