"""A decision whose execution failed for good in, one open review item with a named owner out. Alerts nobody.

Run it inside the transaction that writes the failure down.
"""

from datetime import datetime, timedelta

from django.db.models import F

from leads.clean import clean_text
from owners.business_time import HoursError
from owners.models import Owner
from routing.current import people_now
from routing.models import Decision, ReviewItem, SlaPolicy

REVIEW_MINUTES = 60
"""Where the decision names no SLA policy that still exists."""


def open_crm_error(decision: Decision, detail: str, now: datetime) -> None:
    """Open the lead's `crm_error` item, or count another occurrence of the open one.

    Its owner is the one of the rule-set version, else the source's. It is due after the policy's review
    minutes of that owner's working time. `detail`: 300 characters at most are kept.
    """
    detail = clean_text(detail, 300)
    open_items = ReviewItem.objects.filter(
        lead=decision.lead_id, reason=ReviewItem.Reason.CRM_ERROR, state=ReviewItem.State.OPEN
    )
    if open_items.update(
        occurrences=F("occurrences") + 1,
        last_at=now,
        detail=detail,
        decision=decision,
        event=decision.event_id,
    ):
        return
    source = decision.lead.source
    owner = decision.version.owner if decision.version else source.owner
    item = ReviewItem(
        reason=ReviewItem.Reason.CRM_ERROR,
        detail=detail,
        owner=owner,
        source=source,
        event_id=decision.event_id,
        lead_id=decision.lead_id,
        decision=decision,
        opened_at=now,
        last_at=now,
        due_at=review_due(owner, _review_minutes(decision), now),
    )
    # Two workers may open it at once: the constraint lets one of them.
    ReviewItem.objects.bulk_create([item], ignore_conflicts=True)


def review_due(owner: Owner, minutes: int, now: datetime) -> datetime:
    """`minutes` of the owner's working time after `now`; of real time where the owner's hours give none."""
    budget = timedelta(minutes=minutes)
    person = people_now().owners.get(owner.pk)
    try:
        return person.hours.add(now, budget) if person and person.hours else now + budget
    except HoursError:
        return now + budget


def _review_minutes(decision: Decision) -> int:
    policy = SlaPolicy.objects.filter(key=decision.sla_policy).values_list("review_minutes", flat=True).first()
    return policy or REVIEW_MINUTES
