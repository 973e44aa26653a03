"""A lead or event that could not be carried through in, mended and routed again, or carried on, out.

`fix` takes a person's corrections of contract fields and lets the rules decide again; `carry_on` goes on where
an event stopped and keeps its decision. Both decide and write through the ordinary ways (routing.moving,
routing.pipeline).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from leads.contract import FIELDS
from leads.models import Lead, RawEvent
from owners.writer import writing
from routing import plan
from routing.acts import Done, done_of, open_item
from routing.again import ask_again, contract_of
from routing.current import in_force
from routing.execute import put_back
from routing.models import Decision, ReviewItem
from routing.moving import By, Standing, decide_acts, standing, with_reason
from routing.pipeline import route
from routing.refused import Refused

MENDABLE = tuple(FIELDS)
"""Contract fields that a person may correct."""


class Fixed(NamedTuple):
    """What a correction led to; `before` and `after`: contract fields, as the decisions saw them."""

    done: Done
    before: dict[str, Any]
    after: dict[str, Any]


def facts_of(lead: int) -> dict[str, Any]:
    """The contract as the decision in force saw it. Raises Refused: gone."""
    return contract_of(_standing(lead))


def fix(lead: int, changes: Mapping[str, str], by: By, now: datetime) -> Fixed:
    """Correct fields (blank: unknown) of a lead that has no owner, and route it again.

    The values are read as if the sender had sent them. Raises Refused: gone, unknown_field, no_change, taken.
    """
    if unknown := sorted(set(changes) - set(MENDABLE)):
        raise Refused("unknown_field", f"There is no field {', '.join(unknown)[:200]} in the contract.")
    with writing():
        at = _standing(lead)
        if at.lead.state == Lead.State.ASSIGNED:
            raise Refused("taken", f"{at.lead.owner} has this lead by now; correct it with them, or reassign it.")
        before = contract_of(at)
        asked = ask_again(at, "again", by, "", now, "data_fixed", changes)
        after = {name: asked.case.facts[name] for name in FIELDS if name in asked.case.facts}
        if after == before:
            raise Refused("no_change", "Nothing was changed, so the rules would decide the same again.")
        changed = sorted(name for name in FIELDS if before.get(name) != after.get(name))
        asked = with_reason(asked, f"{by.name} corrected {', '.join(changed)}")
        done = done_of(decide_acts([asked], by, in_force()).write(now)[0])
    return Fixed(done, before, after)


def route_again(lead: int, by: By, why: str, now: datetime) -> Done:
    """Let the rules decide about the lead once more, with the facts as they are. Raises Refused: gone."""
    with writing():
        asked = ask_again(_standing(lead), "again", by, why, now, "decided_again")
        return done_of(decide_acts([asked], by, in_force()).write(now)[0])


def fix_item(item: int, changes: Mapping[str, str], by: By, now: datetime) -> Fixed:
    """Correct the data of an open item's lead and route it again. Raises Refused as `fix`, and no_lead."""
    with writing():
        return fix(_lead_of(open_item(item, now)), changes, by, now)


def route_item_again(item: int, by: By, now: datetime) -> Done:
    """Let the rules decide about an open item's lead once more. Raises Refused: gone, taken, no_lead."""
    with writing():
        row = open_item(item, now)
        lead = _lead_of(row)
        if row.lead.state == Lead.State.ASSIGNED:
            raise Refused("taken", f"{row.lead.owner} has this lead by now; it can be reassigned from its own page.")
        return route_again(lead, by, f"{by.name} asked the rules again", now)


def replay_item(item: int, by: By, now: datetime) -> Done:
    """Carry on what an open item stopped, keeping its decision, and close the item; it opens again if that fails.

    Raises Refused: gone, taken, not_replayable, no_change.
    """
    row = open_item(item, now)
    if row.reason == ReviewItem.Reason.WEBHOOK_RETRY_CONFLICT:
        raise Refused("not_replayable", "The first content was decided and carried through; nothing of it stopped.")
    event = row.decision.event_id if row.decision else row.event_id
    actions = carry_on(event, now)
    told = f"Replayed by {by.name}"
    waited = ReviewItem.objects.filter(pk=item, state=ReviewItem.State.CLOSED, closed_at=now)
    if not waited.update(closed_by=by.user, resolution=told):
        if not actions:
            raise Refused("no_change", "Nothing of it had stopped, so there is nothing to carry on.")
        ReviewItem.objects.filter(pk=item, state=ReviewItem.State.OPEN).update(
            state=ReviewItem.State.CLOSED, closed_at=now, closed_by=by.user, resolution=told
        )
    decided = Decision.objects.filter(event=event).order_by("-id").values("id", "lead", "owner", "status")[0]
    what = f"{actions} action{'' if actions == 1 else 's'} go{'es' if actions == 1 else ''} on" if actions else "routed"
    return Done(f"{told}: {what}.", decided["lead"], decided["id"], decided["owner"], decided["status"])


def _lead_of(row: ReviewItem) -> int:
    if row.lead_id is None:
        raise Refused("no_lead", "What came could not be read as a lead, so no field of it can be corrected.")
    return row.lead_id


def carry_on(event: int, now: datetime) -> int:
    """Carry an event on where it stopped, keeping the decision it has; how many plan actions go on.

    Raises Refused: gone, not_replayable.
    """
    if not RawEvent.objects.filter(pk=event).exists():
        raise Refused("gone", f"There is no event {event}.")
    put_back(event, now)
    if RawEvent.objects.filter(pk=event, state=RawEvent.State.WAITING).exists():
        route(own=event, limit=1, clock=lambda: now)
    decision = Decision.objects.filter(event=event).order_by("-id").values_list("id", flat=True).first()
    if decision is None:
        raise Refused("not_replayable", _undecided(RawEvent.objects.defer("body", "headers").get(pk=event)))
    return plan.resume(decision, now)


def _undecided(event: RawEvent) -> str:
    """Why an event has no decision, in a sentence."""
    if event.state == RawEvent.State.UNREADABLE:
        return f"Event {event.pk} could not be read ({event.error}), so there is no decision to keep."
    if event.state == RawEvent.State.WAITING:
        return f"Event {event.pk} still waits and has no decision yet."
    in_review = ReviewItem.objects.filter(event=event, state=ReviewItem.State.OPEN).exists()
    where = "aside in review" if in_review else "aside"
    return f"Event {event.pk} was set {where} ({event.error}), so there is no decision to keep."


def _standing(lead: int) -> Standing:
    at = standing([lead]).get(lead)
    if at is None:
        raise Refused("gone", f"There is no lead {lead}.")
    return at
