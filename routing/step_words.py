"""A step of the hierarchy in, its title and what it does by itself out. Plain English, no rules."""

TITLES = {
    "reject_invalid_or_spam": "Invalid or spam",
    "existing_customer_owner": "Owner of the customer",
    "open_deal_owner": "Owner of the open deal",
    "critical_severity_founder_review": "Critical leads",
    "territory_owner": "Owner of the territory",
    "service_line_owner": "Owner of the service line",
    "campaign_source_owner": "Owner of the campaign or source",
    "round_robin_pool": "A pool in turn",
    "manual_review": "Manual review",
}
BY_ITSELF = {
    "reject_invalid_or_spam": "Spam is rejected. Without e-mail and phone: review. With neither usable: nurture.",
    "existing_customer_owner": "Existing relationship beats everything below; owners fail only when away or gone.",
    "open_deal_owner": "Whoever works on the deal keeps the buyer; owners fail only when away or gone.",
    "critical_severity_founder_review": "A priority owner, or a founder’s look, before any distribution.",
    "territory_owner": "Territory beats generic distribution.",
    "service_line_owner": "Who covers the service that was asked for.",
    "campaign_source_owner": "Who answers for the campaign or the source.",
    "round_robin_pool": "Everybody in a pool in turn, exactly by their weights.",
    "manual_review": "Catches whatever is left: a review item with a named person and a clock.",
}
IDENTITY = (
    "Before anybody is chosen: a person or company that cannot be told apart goes to review; a known person’s new"
    " inquiry is appended to their open lead."
)
GIVES_WAY = (
    "Whoever fails the checks gives way, with a line in the decision: the cover person, then the rule’s fallback owner,"
    " then the pool’s, then the team’s, then review. A rule that says “the next rule” or “wait” does that instead."
)


def title(step: str) -> str:
    """“Owner of the territory”."""
    return TITLES.get(step, step.replace("_", " "))
