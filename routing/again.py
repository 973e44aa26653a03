"""A lead that stands already in, its case as the rules would see it now, out. Decides nothing.

The contract is what the decision in force saw, with a person's corrections; who the buyer and the company are,
and which deals are open, is looked up anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from leads.clean import clean_text
from leads.contract import FIELDS
from leads.normalise import normalise
from routing.cases import case_of, known_of
from routing.engine.snapshot import read_case
from routing.engine.values import Case
from routing.moving import RETRIES, Asked, By, Standing, ask
from routing.prepare import Prepared, source_by_id

MAX_VALUE = 1000


def contract_of(at: Standing) -> dict[str, Any]:
    """The contract fields that the decision in force saw."""
    facts = read_case(at.decision.snapshot).facts
    return {name: facts[name] for name in FIELDS if name in facts}


def ask_again(
    at: Standing, kind: str, by: By, why: str, now: datetime, cause: str, changes: Mapping[str, str] | None = None
) -> Asked:
    """An act that lets the rules decide once more (`again`, `decline`). `changes`: field → text as a sender would
    send it; blank is unknown. Inside the writer transaction."""
    event = _event(at, changes or {})
    return _asked(at, event, case_of(event, known_of([event]), now), ask(at, kind, by, why, now, cause=cause))


def ask_all_again(leads: Sequence[Standing], by: By, why: str, now: datetime, cause: str) -> list[Asked]:
    """The same of many leads, with their facts as they are: what is known of all of them is read with one statement.
    Outside the writer transaction it is good for a preview only."""
    events = [_event(at, {}) for at in leads]
    known = known_of(events)
    return [
        _asked(at, event, case_of(event, known, now), ask(at, "again", by, why, now, cause=cause))
        for at, event in zip(leads, events, strict=True)
    ]


def _asked(at: Standing, event: Prepared, seen: Case, asked: Case) -> Asked:
    """What is seen now, with what is asked. The lead itself and its deal are not what its buyer has besides."""
    assert asked.act is not None
    own = seen.open_lead is not None and seen.open_lead.id == at.lead.pk
    case = replace(
        seen, act=asked.act, open_lead=None if own else seen.open_lead,
        deals=tuple(deal for deal in seen.deals if deal.id != at.lead.deal_id),
        tried=at.had if asked.act.kind in RETRIES else (),
    )  # fmt: skip
    return Asked(at, case, event)


def _event(at: Standing, changes: Mapping[str, str]) -> Prepared:
    """The event as if its sender had sent the corrected values."""
    payload = {name: value for name, value in contract_of(at).items() if name not in changes}
    payload |= {name: text for name, value in changes.items() if (text := clean_text(value, MAX_VALUE).strip())}
    lead = normalise(payload, {**source_by_id(at.lead.source_id).defaults, "is_test": at.lead.is_test})
    return Prepared(at.decision.event_id, at.lead.source_id, at.lead.received_at, lead)
