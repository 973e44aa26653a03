"""The nine steps in their default order, and where a rule can send a lead. Nothing is computed here."""

STEPS: tuple[str, ...] = (
    "reject_invalid_or_spam",
    "existing_customer_owner",
    "open_deal_owner",
    "critical_severity_founder_review",
    "territory_owner",
    "service_line_owner",
    "campaign_source_owner",
    "round_robin_pool",
    "manual_review",
)
DEFAULT_ORDER: tuple[str, ...] = STEPS
TARGET_KINDS: tuple[str, ...] = (
    "owner",
    "pool",
    "team",
    "territory_owner",
    "customer_owner",
    "deal_owner",
    "review",
    "nurture",
    "reject",
)
