"""The way of a lead: a stored event in; owner, reason, clock and deliveries owed out, for up to a hundred at once.

    store_raw_event     leads.intake        committed before anything else is tried
    normalise, validate routing.prepare     before the writer lock
    deduplicate         routing.cases, leads.matching
    search_open_deals   routing.cases
    decide              routing.engine      pure
    update_owner        routing.execute     owner, deal, associations, clocks, deliveries owed
    write_reason        routing.execute     in the same transaction
    start_follow_up     routing.plan        after the commit
    alert_owner         routing.delivery    after the confirmed write

Steps 4 to 8 run under the writer lock and commit together; nothing slow happens there.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db import InterfaceError, InternalError, NotSupportedError, OperationalError, ProgrammingError
from django.utils import timezone

from leads.matching import CompanyRow, ContactRow, full_name
from owners.writer import writing
from routing.cases import case_of, known_of, numbers_of
from routing.current import Configuration, configuration, forget
from routing.engine.decide import decide
from routing.engine.needs import needs
from routing.engine.values import Case, DealSeen, Numbers, OpenLead
from routing.execute import apply, set_aside
from routing.known import Known
from routing.numbers import read_numbers
from routing.prepare import Prepared, prepare
from routing.rows import Settled
from routing.steps import step
from routing.waiting import Waiting, take

logger = logging.getLogger(__name__)

BATCH = 100
EVERYBODYS = (OperationalError, InterfaceError, InternalError, NotSupportedError, ProgrammingError)
"""Errors that no event is to blame for: a database that is away, code and tables of different ages. All wait."""
Ready = Mapping[int, Prepared]


class Failed(NamedTuple):
    """An event that could not be carried through; it is in review with its error."""

    event: int
    error: str


Result = Settled | Failed


def route(
    own: int | None = None,
    ready: Ready | None = None,
    limit: int = BATCH,
    clock: Callable[[], datetime] = timezone.now,
) -> list[Result]:
    """Carry `own` and the first other waiting events through steps 2 to 8; one result for each that was taken.

    `ready`: events that were prepared before the lock. An error of the whole batch makes it run again one by
    one, so that only the bad event is set aside. Raises `OperationalError` when the database
    cannot be had; then everything waits as before.
    """
    try:
        with writing():
            return _carry(take(own, limit), ready or {}, clock())
    except EVERYBODYS:
        forget()
        raise
    except Exception as error:
        forget()
        logger.warning("A batch failed (%s); its events are tried one by one", type(error).__name__)
        return _route_singly(own, ready or {}, limit, clock)


def _route_singly(own: int | None, ready: Ready, limit: int, clock: Callable[[], datetime]) -> list[Result]:
    """The same for a batch that failed: each event in its own transaction; a bad one goes to review with its error."""
    with writing():
        ids = [event.id for event in take(own, limit).events]
    results: list[Result] = []
    for id in ids:
        try:
            with writing():
                results += _carry(take(id, 1, only=True), ready, clock())
        except EVERYBODYS:
            forget()
            raise
        except Exception as error:
            forget()
            logger.error("Event %s failed (%s) and is set aside", id, type(error).__name__)
            results.append(Failed(id, set_aside(id, error, clock())))
    return results


def drain(clock: Callable[[], datetime] = timezone.now, limit: int = BATCH) -> int:
    """Route until nothing waits; how many events were routed."""
    count = 0
    while results := route(limit=limit, clock=clock):
        count += len(results)
    return count


def _carry(waiting: Waiting, ready: Ready, now: datetime) -> list[Result]:
    """Steps 2 to 8 for the events taken, inside the writer transaction."""
    if not waiting.events:
        return []
    config = _configuration(waiting)
    events = [ready.get(event.id) or prepare(*event) for event in waiting.events]
    with step("deduplicate"):
        known = known_of(events)
    with step("search_open_deals"):
        cases = [case_of(event, known, now) for event in events]
        numbers = numbers_of(cases, config.rules, config.people, now)
    with step("decide"):
        settled = [_decide(event, case, numbers, config, known) for event, case in zip(events, cases, strict=True)]
    apply(settled, config.people, numbers, now)
    return list(settled)


def _configuration(waiting: Waiting) -> Configuration:
    """Rules and people to decide by. When they cannot be had, no event is to blame: everything waits."""
    try:
        return configuration(waiting.stamp, waiting.version, waiting.answerable)
    except Exception as error:
        raise OperationalError("rules or people cannot be compiled") from error


def _decide(event: Prepared, case: Case, numbers: Numbers, config: Configuration, known: Known) -> Settled:
    """Decide one event; a twin is looked at anew, with what the batch brought before it."""
    if known.met(event.lead.fields, case.contact.id, case.company.id):
        case = case_of(event, known, case.now)
        _read_missing(case, numbers, config)
    decision = decide(case, numbers, config.rules, config.people)
    numbers.take(decision)
    settled = _settle(event, case, decision)
    _meet(settled, known)
    return settled


def _read_missing(case: Case, numbers: Numbers, config: Configuration) -> None:
    """A twin may meet other rules than when it stood alone, and so numbers that nobody read yet."""
    pools, owners = needs(case, config.rules, config.people)
    missing = owners - numbers.loads.keys()
    unread = {pool for pool in pools if pool not in numbers.pools_read}
    if missing or unread:
        numbers.add(read_numbers(unread, missing, config.people, case.now))


def _settle(event: Prepared, case: Case, decision) -> Settled:
    """Which contact and company the event belongs to, and which of them it brings."""
    keeps = decision.outcome.status != "rejected" and decision.outcome.status != "appended"
    new_contact = keeps and case.contact.verdict == "new"
    new_company = new_contact and case.company.verdict == "new"
    return Settled(
        event, case, decision,
        contact=event.id if new_contact else case.contact.id,
        company=event.id if new_company else case.company.id,
        new_contact=new_contact, new_company=new_company,
    )  # fmt: skip


def _meet(settled: Settled, known: Known) -> None:
    """Let the rest of the batch see what this event brought, as if it had been read from the database."""
    known.note(settled.event.lead.fields, settled.contact, settled.company)
    outcome, fields = settled.decision.outcome, settled.event.lead.fields
    owner = outcome.owner if outcome.status == "assigned" else None
    if settled.new_company:
        known.add_company(CompanyRow(settled.company, fields["company_domain"], False, None))
    if settled.new_contact:
        email, phone = fields.get("email", ""), fields.get("phone", "")
        known.add_contact(ContactRow(settled.contact, email, phone, full_name(fields), settled.company, owner))
    elif owner is not None and settled.contact is not None:
        known.contacts[settled.contact] = known.contacts[settled.contact]._replace(owner=owner)
    if settled.case.is_test:
        return
    if outcome.status in ("assigned", "review", "held") and settled.contact is not None:
        known.open_leads.setdefault(settled.contact, OpenLead(settled.event.id, owner, outcome.reviewer))
    if "create_deal" in outcome.plan:
        deal = DealSeen(settled.event.id, owner, outcome.pipeline, True)
        if settled.contact is not None:
            known.contact_deals[settled.contact].append(deal)
        if settled.company is not None:
            known.company_deals[settled.company].append(deal._replace(own=False))
