"""A case and people in, the facts that rules see out: contract fields plus what matching and people make certain.

`existing_customer` and `open_deal_exists` in a payload are claims; here what the CRM knows replaces them.
"""

from typing import Any

from routing.engine.people import People
from routing.engine.values import Case

CLAIMS = ("existing_customer", "open_deal_exists")


def derive(case: Case, people: People) -> dict[str, Any]:
    """The facts by field name; what is unknown is absent."""
    facts = {name: value for name, value in case.facts.items() if name not in CLAIMS}
    source = people.sources.get(case.source)
    if source:
        facts["source_key"] = source.key
    facts["high_intent"] = people.high_intent.get(facts.get("lead_type", ""), False)
    facts["is_test"] = case.is_test
    facts["contact_known"] = case.contact.verdict == "certain"
    facts["company_known"] = case.company.verdict == "certain"
    facts["company_is_customer"] = facts["existing_customer"] = case.company.customer
    facts["named_account"] = case.company.owner is not None
    facts["open_deal_exists"] = bool(case.deals)
    _territory(facts, people)
    return facts


def _territory(facts: dict[str, Any], people: People) -> None:
    """A territory key of the payload outranks the place; a key that nobody knows counts for nothing."""
    if facts.get("territory") in people.territories:
        return
    facts.pop("territory", None)
    place = (facts.get(name, "") for name in ("country", "region", "postal_code", "city"))
    found = people.territory_of(*place)
    if found:
        facts["territory"] = found.key


def unconfirmed_claims(case: Case, people: People) -> list[str]:
    """What the payload claims and nothing confirms, as sentences for the trace."""
    notes = []
    if case.facts.get("existing_customer") is True and not case.company.customer:
        notes.append("The payload says existing customer; the CRM does not know them as one.")
    if case.facts.get("open_deal_exists") is True and not case.deals:
        notes.append("The payload says there is an open deal; the CRM has none.")
    if (claimed := case.facts.get("territory")) and claimed not in people.territories:
        notes.append(f"The payload names territory {claimed}, which does not exist; it counts for nothing.")
    return notes
