"""Owners, teams and stages in; the rules that the demo company had before, with their gaps, published, out.

Territories take everything that has one, and nothing catches the rest: it waits in one queue. Webinars and
integrations still go to somebody who has left. One promise of four hours holds for all.
"""

from datetime import datetime
from typing import Any

from owners.models import Owner, Pool
from routing.demo.access import DOMAIN
from routing.demo.crm import Stages
from routing.demo.rules import Row, make_version
from routing.models import RuleSetVersion

PURPOSE = "The first rules: territories, partners, and one queue for the rest."
ORDER = [
    "reject_invalid_or_spam", "existing_customer_owner", "open_deal_owner", "critical_severity_founder_review",
    "campaign_source_owner", "service_line_owner", "territory_owner", "round_robin_pool", "manual_review",
]  # fmt: skip
SLOW: dict[str, Any] = {"deal": ("sales", "new"), "sequence": "first_contact", "policy": "standard"}

RULES: tuple[Row, ...] = (
    ("existing_customer_owner", "Customers keep their owner", "customer_owner", "", (), {"policy": "standard"}),
    ("campaign_source_owner", "Partners", "owner", "sofia", ((("source_key", "is", "partners"),),), SLOW),
    ("campaign_source_owner", "Webinars", "owner", "tobias", ((("source_key", "is", "webinars"),),), SLOW),
    ("campaign_source_owner", "Guides", "nurture", "", ((("lead_type", "is", "content"),),), {}),
    ("service_line_owner", "Integrations", "owner", "tobias",
     ((("service_requested", "is", "api_integration"),),), SLOW),
    ("territory_owner", "Whoever has the territory", "territory_owner", "", (), SLOW),
    ("manual_review", "Without a territory", "review", "manager", (),
     {"review_reason": "invalid_territory", "policy": "standard"}),
)  # fmt: skip


def make_former_rules(
    owners: dict[str, Owner], pools: dict[str, Pool], stages: Stages, now: datetime
) -> RuleSetVersion:
    """The former rule set, published at `now`, and the colleague it still names."""
    left = Owner.objects.create(key="tobias", name="Tobias", email="tobias" + DOMAIN)
    version = make_version(RULES, PURPOSE, ORDER, {**owners, "tobias": left}, pools, stages, now)
    left.state, left.accepts_leads = Owner.State.DEPARTED, False  # after the publish, which would refuse to name him
    left.save(update_fields=["state", "accepts_leads"])
    return version
