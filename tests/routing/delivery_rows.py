"""Rows as the ownership transaction leaves them: make_decision(), make_action(), make_delivery()."""

import itertools
import json
from datetime import UTC, datetime, timedelta

from leads.models import Company, Contact, Lead, LeadType, RawEvent, Source
from owners.models import Owner
from routing.models import ConfigRevision, Decision, Delivery, PlanAction, RuleSetVersion

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday
REASON = "Assigned to Elena because lead score is 91 and there is no open deal."
PLAN = (
    "update_contact_owner",
    "create_deal",
    "associate_contact_company_deal",
    "write_routing_reason_note",
    "start_follow_up_sequence",
)
_numbers = itertools.count(1)


def make_owner(name="Elena Rossi", email="elena@acme.example", **fields) -> Owner:
    key = f"{name.lower().replace(' ', '-')}-{next(_numbers)}"
    return Owner.objects.create(key=key, name=name, email=email, **fields)


def make_source(owner=None, **fields) -> Source:
    lead_type, _ = LeadType.objects.get_or_create(key="demo", defaults={"name": "demo", "high_intent": True})
    return Source.objects.create(
        key=f"website-{next(_numbers)}",
        name="Website",
        owner=owner or make_owner("Olga Ops", "olga@acme.example"),
        lead_type=lead_type,
        **fields,
    )


def make_version(owner=None) -> RuleSetVersion:
    return RuleSetVersion.objects.create(owner=owner or make_owner("Rita Rules", "rita@acme.example"))


def make_decision(owner=None, source=None, version=None, facts=None, name="Ada Lovelace", **fields) -> Decision:
    """An assigned lead of a known person and company, decided a second ago, due in a quarter of an hour."""
    source = source or make_source()
    owner = owner or make_owner()
    number = next(_numbers)
    event = RawEvent.objects.create(
        source=source,
        received_at=NOW,
        body=b"{}",
        body_digest="0",
        correlation_id=str(number),
        state=RawEvent.State.DONE,
    )
    company = Company.objects.create(name="Analytical Ltd", domain="analytical.example", created_at=NOW)
    contact = Contact.objects.create(email="ada@analytical.example", first_name="Ada", company=company, created_at=NOW)
    lead = Lead.objects.create(
        id=event.id, source=source, contact=contact, company=company, state=Lead.State.ASSIGNED, owner=owner,
        lead_type="demo", name=name, email="ada@analytical.example", phone="+442071234567",
        received_at=NOW, owned_at=NOW, reason=REASON,
    )  # fmt: skip
    revision, _ = ConfigRevision.objects.get_or_create(digest="0", defaults={"content": "{}", "created_at": NOW})
    values = {
        "status": Decision.Status.ASSIGNED,
        "owner": owner,
        "reason": REASON,
        "sequence": "speed_to_lead",
        "pipeline_key": "sales",
        "stage_key": "new",
        "due_at": NOW + timedelta(minutes=15),
        **fields,
    }
    return Decision.objects.create(
        event=event, lead=lead, version=version, revision=revision, route_flag="ok", lead_type="demo",
        high_intent=True, decided_at=NOW, digest="0", trace="{}",
        snapshot=json.dumps({"facts": facts or {"service_requested": "crm_workflow_repair"}}),
        **values,
    )  # fmt: skip


def make_action(decision, position=5, connector="", **fields) -> PlanAction:
    fields = {"action": PLAN[position - 1], "next_try_at": NOW, **fields}
    return PlanAction.objects.create(decision=decision, position=position, connector=connector, **fields)


def make_plan(decision, connector) -> list[PlanAction]:
    """The whole plan, the first four actions being the connector's."""
    return [make_action(decision, position, connector if position < 5 else "") for position in range(1, 6)]


def make_delivery(decision, channel="email", state="owed", kind="assignment", **fields) -> Delivery:
    fields = {"owner": decision.owner, "created_at": NOW, **fields}
    if state in ("owed", "sending"):
        fields.setdefault("next_try_at", NOW)
    return Delivery.objects.create(decision=decision, kind=kind, channel=channel, state=state, **fields)


def make_assigned(owner=None, source=None, **fields) -> Decision:
    """What the ownership transaction leaves with the built-in CRM: follow-up pending, both alerts blocked."""
    decision = make_decision(owner=owner, source=source, **fields)
    make_action(decision)
    make_delivery(decision, "in_app", "blocked")
    make_delivery(decision, "email", "blocked")
    return decision


def kinds(decision) -> list[tuple[str, str, str]]:
    """(kind, channel, state) of the decision's deliveries, sorted."""
    return sorted(Delivery.objects.filter(decision=decision).values_list("kind", "channel", "state"))
