"""Prepared events in, everything the CRM knows about them out, read with one statement; leaves alone what it means.

`Known` is kept up to date while a batch is decided, so that twins inside one batch meet.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef

from leads.matching import CompanyRow, ContactRow, folded, identity
from leads.models import Deal
from leads.sql import execute
from routing.engine.values import DealSeen, OpenLead
from routing.models import Decision

# `> ''` is the very condition of the partial indexes: only so do both databases use them.
SQL = """
WITH c AS (
  SELECT id, email, phone, first_name, last_name, company_id, owner_id FROM leads_contact
   WHERE email > '' AND email {in_emails}
  UNION
  SELECT id, email, phone, first_name, last_name, company_id, owner_id FROM leads_contact
   WHERE phone > '' AND phone {in_phones}
), o AS (
  SELECT id, domain, is_customer, owner_id FROM leads_company WHERE domain > '' AND domain {in_domains}
  UNION
  SELECT id, domain, is_customer, owner_id FROM leads_company WHERE id IN (SELECT company_id FROM c)
)
SELECT 'contact', id, company_id, owner_id, email, phone, first_name || ' ' || last_name FROM c
UNION ALL
SELECT 'company', id, CASE WHEN is_customer THEN 1 ELSE 0 END, owner_id, domain, '', '' FROM o
UNION ALL
SELECT 'lead', l.id, l.contact_id, l.owner_id, l.state, '', CAST(MIN(r.owner_id) AS text)
  FROM leads_lead l LEFT JOIN routing_reviewitem r ON r.lead_id = l.id AND r.state = 'open'
 WHERE l.state IN ('assigned', 'review', 'held') AND NOT l.is_test AND l.contact_id IN (SELECT id FROM c)
 GROUP BY l.id, l.contact_id, l.owner_id, l.state
UNION ALL
SELECT 'own deal', d.id, d.contact_id, d.owner_id, p.key, '', ''
  FROM leads_deal d JOIN leads_pipeline p ON p.id = d.pipeline_id
 WHERE d.state = 'open' AND d.contact_id IN (SELECT id FROM c) AND {not_test}
UNION ALL
SELECT 'deal', d.id, d.company_id, d.owner_id, p.key, '', ''
  FROM leads_deal d JOIN leads_pipeline p ON p.id = d.pipeline_id
 WHERE d.state = 'open' AND d.company_id IN (SELECT id FROM o) AND {not_test}
ORDER BY 2
"""


# A deal carries the id of the decision that made it; one that a test lead made is nobody's open deal.
NOT_TEST = (
    "NOT EXISTS (SELECT 1 FROM routing_decision t JOIN leads_lead l ON l.id = t.lead_id"
    " WHERE t.id = d.id AND l.is_test)"
)


@dataclass(slots=True)
class Known:
    """Rows by what finds them."""

    by_email: dict[str, list[ContactRow]] = field(default_factory=lambda: defaultdict(list))
    by_phone: dict[str, list[ContactRow]] = field(default_factory=lambda: defaultdict(list))
    contacts: dict[int, ContactRow] = field(default_factory=dict)
    by_domain: dict[str, list[CompanyRow]] = field(default_factory=lambda: defaultdict(list))
    companies: dict[int, CompanyRow] = field(default_factory=dict)
    open_leads: dict[int, OpenLead] = field(default_factory=dict)
    contact_deals: dict[int, list[DealSeen]] = field(default_factory=lambda: defaultdict(list))
    company_deals: dict[int, list[DealSeen]] = field(default_factory=lambda: defaultdict(list))
    touched: set[str | tuple[str, int | None]] = field(default_factory=set)

    def add_contact(self, row: ContactRow) -> None:
        self.contacts[row.id] = row
        if row.email:
            self.by_email[row.email].append(row)
        if row.phone:
            self.by_phone[row.phone].append(row)

    def add_company(self, row: CompanyRow) -> None:
        self.companies[row.id] = row
        if row.domain:
            self.by_domain[row.domain].append(row)

    def note(self, fields: Mapping[str, Any], contact: int | None, company: int | None) -> None:
        """An event with these fields, of this contact and company, was decided in this batch."""
        self.touched.update(key for key in identity(fields) if key)
        self.touched.update((("contact", contact), ("company", company)))

    def met(self, fields: Mapping[str, Any], contact: int | None, company: int | None) -> bool:
        """Whether an earlier event of the batch shares anything with these."""
        if contact is not None and ("contact", contact) in self.touched:
            return True
        if company is not None and ("company", company) in self.touched:
            return True
        return any(key in self.touched for key in identity(fields))

    def deals_of(self, contact: int | None, company: int | None) -> tuple[DealSeen, ...]:
        """Open deals: the person's first, then the company's others; each by age."""
        own = self.contact_deals.get(contact, []) if contact is not None else []
        seen = {deal.id for deal in own}
        others = self.company_deals.get(company, []) if company is not None else []
        return (*own, *(deal for deal in others if deal.id not in seen))


def read_known(emails: Iterable[str], phones: Iterable[str], domains: Iterable[str]) -> Known:
    """One statement, whatever the number of values."""
    lists = [sorted(values) for values in (set(emails), set(phones), set(domains))]
    if connection.vendor == "postgresql":
        sql = SQL.format(in_emails="= ANY(%s)", in_phones="= ANY(%s)", in_domains="= ANY(%s)", not_test=NOT_TEST)
        rows = execute(sql, lists)
    else:
        listed = "IN (SELECT value FROM json_each(%s))"
        sql = SQL.format(in_emails=listed, in_phones=listed, in_domains=listed, not_test=NOT_TEST)
        rows = execute(sql, [json.dumps(values) for values in lists])
    return _gather(rows)


def deals_now(contacts: Iterable[int]) -> dict[int, tuple[DealSeen, ...]]:
    """The open deals of each contact as they are now, by age; one statement."""
    deals = Deal.objects.filter(contact__in=list(contacts), state=Deal.State.OPEN)
    of_tests = Decision.objects.filter(pk=OuterRef("pk"), lead__is_test=True)
    found: dict[int, list[DealSeen]] = defaultdict(list)
    rows = deals.filter(~Exists(of_tests)).order_by("id").values_list("contact", "id", "owner", "pipeline__key")
    for contact, id, owner, pipeline in rows:
        found[contact].append(DealSeen(id, owner, pipeline, True))
    return {contact: tuple(seen) for contact, seen in found.items()}


def _gather(rows: Iterable[tuple]) -> Known:
    known = Known()
    for kind, id, related, owner, text, phone, extra in rows:
        if kind == "contact":
            known.add_contact(ContactRow(id, text, phone, folded(extra), related, owner))
        elif kind == "company":
            known.add_company(CompanyRow(id, text, bool(related), owner))
        elif kind == "lead":
            known.open_leads.setdefault(related, OpenLead(id, owner, int(extra) if extra else None))
        elif kind == "own deal":
            known.contact_deals[related].append(DealSeen(id, owner, text, True))
        else:
            known.company_deals[related].append(DealSeen(id, owner, text, False))
    return known
