"""Prepared events in; what is known of them, the cases that decisions see and the numbers they may read, out.

Steps 4 and 5 of a lead's way. Read inside the writer transaction; leaves deciding and writing alone.
"""

from collections.abc import Iterable
from datetime import datetime

from leads.matching import Match, identity, match_company, match_contact
from leads.normalise import Normalised
from routing.engine.needs import needs
from routing.engine.people import People
from routing.engine.rules import RuleSet
from routing.engine.values import Case, CompanyMatch, ContactMatch, Numbers
from routing.known import Known, read_known
from routing.numbers import read_numbers
from routing.prepare import Prepared


def known_of(events: Iterable[Prepared]) -> Known:
    """Contacts, companies, deals and open leads that the events may belong to; one statement."""
    keys = [identity(event.lead.fields) for event in events]
    return read_known(*({key[place] for key in keys if key[place]} for place in range(3)))


def numbers_of(
    cases: Iterable[Case], rules: RuleSet, people: People, now: datetime, members: Iterable[int] = ()
) -> Numbers:
    """The numbers that these cases may read, and those of `members`, whose leads they may move."""
    pools: set[int] = set()
    owners: set[int] = set()
    for case in cases:
        case_pools, case_owners = needs(case, rules, people)
        pools |= case_pools
        owners |= case_owners
    return read_numbers(pools, owners, people, now, members)


def case_of(event: Prepared, known: Known, now: datetime) -> Case:
    """Everything about the event that the decision may see, but for numbers, rules and people."""
    lead = event.lead
    contact = _contact(lead, known)
    company = _company(lead, contact, known)
    return Case(
        now=now,
        source=event.source,
        facts={**facts_of(lead), "received_at": event.received_at.isoformat()},
        validity=lead.validity,
        spam=lead.spam,
        problems=tuple((problem.code, problem.field, problem.value) for problem in lead.problems),
        contact=contact,
        company=company,
        deals=known.deals_of(contact.id, company.id),
        open_lead=known.open_leads.get(contact.id) if contact.id is not None else None,
        is_test=lead.is_test,
    )


def _contact(lead: Normalised, known: Known) -> ContactMatch:
    email, phone, _ = identity(lead.fields)
    match = match_contact(lead.fields, known.by_email.get(email, ()), known.by_phone.get(phone, ()))
    owner = known.contacts[match.id].owner if match.id is not None else None
    return ContactMatch(match.verdict, match.id, owner, match.candidates)


def _company(lead: Normalised, contact: ContactMatch, known: Known) -> CompanyMatch:
    domain = lead.fields.get("company_domain", "")
    of_contact = known.contacts[contact.id].company if contact.id is not None else None
    match: Match = match_company(domain, of_contact, known.by_domain.get(domain, ()))
    row = known.companies.get(match.id) if match.id is not None else None
    return CompanyMatch(
        match.verdict, match.id, row.owner if row else None, bool(row and row.customer), match.candidates
    )


def facts_of(lead: Normalised) -> dict:
    """The contract fields and what the address says of itself, as rules see them."""
    facts = dict(lead.fields)
    if "email" in facts:
        flags = lead.flags
        kinds = [kind for kind in ("disposable", "free", "role") if flags.get(f"email_{kind}")]
        facts["email_kind"] = kinds[0] if kinds else "business"
    if lead.event_type:
        facts["event_type"] = lead.event_type
    return facts
