"""The fields that rules may ask about, their kinds, and the operators that fit each kind. Nothing is computed here."""

FIELDS: dict[str, str] = {
    "email": "e-mail",
    "phone": "phone",
    "first_name": "first name",
    "last_name": "last name",
    "job_title": "job title",
    "company_name": "company name",
    "company_domain": "company domain",
    "company_size": "company size",
    "industry": "industry",
    "source": "source",
    "channel": "channel",
    "campaign": "campaign",
    "utm_source": "UTM source",
    "utm_medium": "UTM medium",
    "utm_campaign": "UTM campaign",
    "utm_term": "UTM term",
    "utm_content": "UTM content",
    "lead_type": "lead type",
    "service_requested": "service requested",
    "product_interest": "product interest",
    "territory": "territory",
    "country": "country",
    "region": "region",
    "city": "city",
    "postal_code": "postal code",
    "language": "language",
    "timezone": "time zone",
    "budget_range": "budget range",
    "urgency": "urgency",
    "lead_score": "lead score",
    "lifecycle_stage": "lifecycle stage",
    "preferred_channel": "preferred channel",
    "pain_summary": "pain summary",
    "existing_customer": "existing customer",
    "open_deal_exists": "open deal exists",
    "consent_to_contact": "consent to contact",
    "source_key": "source key",
    "high_intent": "high intent",
    "email_kind": "kind of e-mail address",
    "event_type": "event type",
    "is_test": "test lead",
    "company_is_customer": "company is a customer",
    "named_account": "named account",
    "contact_known": "contact already known",
    "company_known": "company already known",
    "received_at": "arrival",
}

_NUMBERS = ("company_size", "lead_score")
_WORDS = ("service_requested", "product_interest", "email_kind")
_FLAGS = (
    "existing_customer",
    "open_deal_exists",
    "consent_to_contact",
    "high_intent",
    "is_test",
    "company_is_customer",
    "named_account",
    "contact_known",
    "company_known",
)
_MOMENTS = ("received_at",)
FIELD_KINDS: dict[str, str] = (
    dict.fromkeys(FIELDS, "text")
    | dict.fromkeys(_NUMBERS, "number")
    | dict.fromkeys(_WORDS, "words")
    | dict.fromkeys(_FLAGS, "flag")
    | dict.fromkeys(_MOMENTS, "moment")
)
ORDERED = frozenset({"number", "moment"})
"""Kinds whose values lie on a line, so that intervals of them can be asked for."""

OPERATORS: dict[str, str] = {
    "is": "is",
    "is_not": "is not",
    "one_of": "is one of",
    "none_of": "is none of",
    "contains": "contains",
    "starts_with": "starts with",
    "at_least": "is at least",
    "at_most": "is at most",
    "between": "is between",
    "before": "is before",
    "after": "is after",
    "in_list": "is in list",
    "not_in_list": "is not in list",
    "is_blank": "is blank",
    "is_not_blank": "is not blank",
    "is_true": "is yes",
    "is_false": "is no",
}

_TEXT_OPERATORS = (
    "is",
    "is_not",
    "one_of",
    "none_of",
    "in_list",
    "not_in_list",
    "contains",
    "starts_with",
    "is_blank",
    "is_not_blank",
)
OPERATORS_BY_KIND: dict[str, tuple[str, ...]] = {
    "text": _TEXT_OPERATORS,
    "words": _TEXT_OPERATORS,
    "number": (
        "is",
        "is_not",
        "one_of",
        "none_of",
        "at_least",
        "at_most",
        "between",
        "is_blank",
        "is_not_blank",
    ),
    "flag": ("is_true", "is_false", "is_blank", "is_not_blank"),
    "moment": ("before", "after", "between", "is_blank", "is_not_blank"),
}
