"""Owners in; the demo's pipelines, and the companies, contacts and deals that its CRM knows, out."""

from datetime import datetime, timedelta
from typing import NamedTuple

from leads.ids import new_ids
from leads.models import Company, Contact, Deal, Pipeline, Stage
from owners.models import Owner

Stages = dict[tuple[str, str], Stage]
"""(pipeline key, stage key) → stage"""

PIPELINES = {
    "sales": ("new", "qualified", "proposal", "negotiation"),
    "automation_audit": ("new_qualified_diagnostic", "audit_scheduled", "audit_delivered", "proposal"),
    "customer_growth": ("new_request", "scoped", "proposal"),
}


class Account(NamedTuple):
    """A company with one contact. `deal`: pipeline, stage, state and owner, or nothing."""

    domain: str
    name: str
    customer: bool
    owner: str
    person: tuple[str, str, str, str]
    contact_owner: str = ""
    deal: tuple[str, str, str, str] = ("", "", "", "")


ACCOUNTS = (
    Account("acme.example", "Acme Industries", True, "sofia", ("Wile", "Carter", "wile@acme.example", "+442079460001"),
            "sofia", ("customer_growth", "scoped", Deal.State.WON, "sofia")),
    Account("umbrella.example", "Umbrella Logistics", True, "", ("Alice", "Marsh", "alice@umbrella.example", ""),
            "omar"),
    Account("globex.example", "Globex", False, "maya", ("Hank", "Scorpio", "hank@globex.example", "+12125550142")),
    Account("initech.example", "Initech", False, "", ("Bill", "Porter", "bill@initech.example", ""),
            "priya", ("sales", "proposal", Deal.State.OPEN, "priya")),
    Account("hooli.example", "Hooli", False, "", ("Gavin", "Ross", "gavin@hooli.example", ""),
            "dylan", ("sales", "negotiation", Deal.State.LOST, "dylan")),
    Account("example.com", "Example", False, "", ("", "", "ops@example.com", "+15551234567")),
)  # fmt: skip


def make_pipelines() -> Stages:
    """The pipelines with their stages in order."""
    stages: Stages = {}
    for key, names in PIPELINES.items():
        pipeline = Pipeline.objects.create(key=key, name=_words(key))
        rows = [
            Stage(pipeline=pipeline, key=name, name=_words(name), position=place) for place, name in enumerate(names)
        ]
        stages |= {(key, stage.key): stage for stage in Stage.objects.bulk_create(rows)}
    return stages


def make_customers(owners: dict[str, Owner], stages: Stages, now: datetime) -> None:
    """The accounts: customers, a named account, an open deal, a lost one, and a company nobody owns yet."""
    since = now - timedelta(days=90)
    companies, contacts, deals = [], [], []
    for account, id in zip(ACCOUNTS, new_ids(len(ACCOUNTS)), strict=True):
        company = Company(
            id=id, name=account.name, domain=account.domain, is_customer=account.customer,
            owner=owners.get(account.owner), external_id=f"demo-{account.domain}", created_at=since,
        )  # fmt: skip
        first, last, email, phone = account.person
        contact = Contact(
            id=id, first_name=first, last_name=last, email=email, phone=phone, company=company,
            owner=owners.get(account.contact_owner), external_id=f"demo-{email}", created_at=since,
        )  # fmt: skip
        companies.append(company)
        contacts.append(contact)
        deals += [_deal(account, company, contact, owners, stages, now)] if account.deal[0] else []
    Company.objects.bulk_create(companies)
    Contact.objects.bulk_create(contacts)
    Deal.objects.bulk_create(deals)


def _deal(
    account: Account, company: Company, contact: Contact, owners: dict[str, Owner], stages: Stages, now: datetime
) -> Deal:
    pipeline, stage_key, state, owner = account.deal
    stage = stages[pipeline, stage_key]
    return Deal(
        id=company.id, name=f"{account.name}: {_words(pipeline)}", contact=contact, company=company,
        pipeline=stage.pipeline, stage=stage, owner=owners[owner], state=state,
        external_id=f"demo-deal-{account.domain}", created_at=now - timedelta(days=30),
    )  # fmt: skip


def _words(key: str) -> str:
    return key.replace("_", " ").capitalize()
