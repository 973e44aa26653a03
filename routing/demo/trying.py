"""What a visitor of the demo typed in; a stored and, where it went fast, decided event out, by the usual way."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from secrets import randbelow
from typing import NamedTuple

from leads.intake import Incoming, store
from leads.models import RawEvent
from leads.parse import canonical_digest
from routing.combine import combiner
from routing.prepare import source_by_key

WAIT = 3.0
"""Seconds that a visitor waits for the decision; after that the page asks again."""


class Preset(NamedTuple):
    """A lead to begin with. `fields`: of the form; `{n}` stands for a number that makes it a new buyer."""

    key: str
    name: str
    fields: Mapping[str, str]

    def fresh(self) -> dict[str, str]:
        """The fields for a buyer whom nobody has seen: a known one would be added to the lead that is open."""
        number = str(randbelow(900_000) + 100_000)
        return {name: value.replace("{n}", number) for name, value in self.fields.items()}


PRESETS = (
    Preset("diagnostic", "Hot diagnostic from Europe", {
        "source": "diagnostics", "name": "Ada Berg", "email": "ada.berg@nordwind-{n}.example",
        "company": "Nordwind Works", "country": "Germany", "service": "crm_workflow_repair", "urgency": "high",
        "score": "91", "message": "Our CRM workflows overwrite owners at night."}),
    Preset("customer", "Existing customer", {
        "source": "contact_form", "name": "Kim Carter", "email": "kim.carter-{n}@acme.example",
        "company": "Acme Industries", "country": "United Kingdom", "message": "A question about our contract."}),
    Preset("deal", "Open deal", {
        "source": "website_demo", "name": "Bo Lind", "email": "bo.lind-{n}@initech.example", "company": "Initech",
        "message": "Can my colleague see the demo, too?"}),
    Preset("turn", "Demo request, next in turn", {
        "source": "website_demo", "name": "Zola Dube", "email": "zola.dube@karoo-{n}.example",
        "company": "Karoo Solar", "country": "South Africa", "message": "Please show us the product."}),
    Preset("critical", "Critical, without a score", {
        "source": "contact_form", "name": "Cy Moreau", "email": "cy.moreau@pontneuf-{n}.example",
        "company": "Pontneuf Clinics", "country": "France", "urgency": "critical",
        "message": "All our forms are down since this morning."}),
    Preset("webinar", "Webinar guest", {
        "source": "webinars", "name": "Hal Young", "email": "hal.young@lakeside-{n}.example",
        "company": "Lakeside Tools", "message": "Attended, asked for the slides."}),
    Preset("spam", "Spam bot", {
        "source": "contact_form", "name": "Best Offers", "email": "offers@bulk.example",
        "message": "Buy backlinks now"}),
)  # fmt: skip
NAMES = {
    "company": "company_name", "country": "country", "message": "message", "service": "service_requested",
    "urgency": "urgency", "score": "lead_score",
}  # fmt: skip
"""Field of the form → field of the routing contract."""


def payload_of(typed: Mapping[str, object]) -> dict[str, object]:
    """What the form posts: nothing for a field that was left empty."""
    first, _, last = str(typed.get("name") or "").strip().partition(" ")
    named = {"email": typed.get("email"), "first_name": first, "last_name": last}
    rest = {name: typed.get(field) for field, name in NAMES.items()}
    return {name: value for name, value in (named | rest).items() if value not in (None, "")}


def send(source_key: str, payload: Mapping[str, object], now: datetime) -> int:
    """Store the lead at a source and have it routed; the event's id, whether it is decided by now or not.

    Each call is a submission of its own. Raises LookupError when the source is gone, django.db.DatabaseError when
    nothing could be stored.
    """
    source = source_by_key(source_key)
    if source is None or not source.active:
        raise LookupError(source_key)
    submission = f"try-{uuid.uuid4().hex}"
    body = {"submission_id": submission, **payload}
    high = RawEvent.IntentClass.LIVE_HIGH if source.high_intent else RawEvent.IntentClass.LIVE
    event = store(
        Incoming(
            source=source.id, body=json.dumps(body).encode(), content_type="application/json", headers="{}",
            digest=canonical_digest(body), received_at=now, correlation_id=uuid.uuid4().hex, intent_class=high,
            submission_id=submission,
        )
    ).event  # fmt: skip
    combiner.submit(event, None, WAIT)
    return event
