"""A lead or event that could not be carried through in, mended and routed again, or carried on, out.

`fix` takes a person's corrections of contract fields and lets the rules decide again; `carry_on` goes on where
an event stopped and keeps its decision. Both decide and write through the ordinary ways (routing.moving,
routing.pipeline).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from leads.clean import clean_text
from leads.contract import FIELDS
from leads.models import Lead, RawEvent
from leads.normalise import normalise
from owners.writer import writing
from routing import plan
from routing.acts import Done, done
from routing.cases import case_of, known_of
from routing.current import in_force
from routing.engine.snapshot import read_case
from routing.execute import put_back
from routing.models import Decision, ReviewItem
from routing.moving import Asked, By, Standing, ask, decide_acts, standing
from routing.pipeline import route
from routing.prepare import Prepared, source_by_id
from routing.refused import Refused

MAX_VALUE = 1000
MENDABLE = tuple(FIELDS)
"""Contract fields that a person may correct."""


class Fixed(NamedTuple):
    """What a correction led to; `before` and `after`: contract fields, as the decisions saw them."""

    done: Done
    before: dict[str, Any]
    after: dict[str, Any]


def facts_of(lead: int) -> dict[str, Any]:
    """The contract as the decision in force saw it. Raises Refused: gone."""
    return _facts(_standing(lead))


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
        before = _facts(at)
        event = _mended(at, before, changes)
        case = case_of(event, known_of([event]), now)
        after = {name: case.facts[name] for name in FIELDS if name in case.facts}
        if after == before:
            raise Refused("no_change", "Nothing was changed, so the rules would decide the same again.")
        changed = sorted(name for name in FIELDS if before.get(name) != after.get(name))
        done = _route_again(at, event, f"{by.name} corrected {', '.join(changed)}", by, now, "data_fixed")
    return Fixed(done, before, after)


def route_again(lead: int, by: By, why: str, now: datetime) -> Done:
    """Let the rules decide about the lead once more, with the facts as they are. Raises Refused: gone."""
    with writing():
        at = _standing(lead)
        event = _mended(at, _facts(at), {})
        return _route_again(at, event, why, by, now, "decided_again")


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


def _facts(at: Standing) -> dict[str, Any]:
    facts = read_case(at.decision.snapshot).facts
    return {name: facts[name] for name in FIELDS if name in facts}


def _mended(at: Standing, facts: Mapping[str, Any], changes: Mapping[str, str]) -> Prepared:
    """The event as if its sender had sent the corrected values."""
    payload = {name: value for name, value in facts.items() if name not in changes}
    payload |= {name: text for name, value in changes.items() if (text := clean_text(value, MAX_VALUE).strip())}
    lead = normalise(payload, {**source_by_id(at.lead.source_id).defaults, "is_test": at.lead.is_test})
    return Prepared(at.decision.event_id, at.lead.source_id, at.lead.received_at, lead)


def _route_again(at: Standing, event: Prepared, why: str, by: By, now: datetime, cause: str) -> Done:
    seen = case_of(event, known_of([event]), now)
    wanted = ask(at, "again", by, why, now, cause=cause)
    own = seen.open_lead is not None and seen.open_lead.id == at.lead.pk
    deals = tuple(deal for deal in seen.deals if deal.id != at.lead.deal_id)
    case = replace(seen, act=wanted.act, open_lead=None if own else seen.open_lead, deals=deals)
    decided = decide_acts([Asked(at, case, event)], by, in_force())
    return done(decided.write(now)[0])
