"""The routing contract as data: its fields, the spellings forms use for them, and its fixed vocabularies.

Nothing is read or changed here. `leads.flatten` finds the fields in a payload, `leads.normalise` reads them.
"""

# ruff: noqa: SIM905 (a list of words reads best as words)

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

LEAD_TYPES = (
    "demo", "quote", "trial", "contact", "diagnostic", "webinar", "content", "chat", "referral", "partner",
    "import",
)  # fmt: skip
HIGH_INTENT_LEAD_TYPES = ("demo", "quote", "trial", "diagnostic")
URGENCIES = ("low", "normal", "high", "critical")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the contract.

    `kind` says how its value is read: text, name, email, phone, domain, country, region, postal, language,
    timezone, key (lower-cased slug), lead_type, urgency, score, size, flag or list (of texts). `limit` is the
    most characters a text keeps.
    """

    name: str
    kind: str
    label: str
    limit: int = 200


def _fields(*rows: tuple[str, str, str] | tuple[str, str, str, int]) -> Mapping[str, Field]:
    return MappingProxyType({row[0]: Field(*row) for row in rows})


FIELDS: Mapping[str, Field] = _fields(
    ("email", "email", "E-mail"),
    ("phone", "phone", "Phone"),
    ("first_name", "name", "First name"),
    ("last_name", "name", "Last name"),
    ("job_title", "text", "Job title"),
    ("company_name", "name", "Company"),
    ("company_domain", "domain", "Company domain"),
    ("company_size", "size", "Company size"),
    ("industry", "text", "Industry"),
    ("source", "text", "Source"),
    ("channel", "text", "Channel"),
    ("campaign", "text", "Campaign"),
    ("utm_source", "text", "UTM source"),
    ("utm_medium", "text", "UTM medium"),
    ("utm_campaign", "text", "UTM campaign"),
    ("utm_term", "text", "UTM term"),
    ("utm_content", "text", "UTM content"),
    ("lead_type", "lead_type", "Lead type"),
    ("service_requested", "text", "Service requested"),
    ("product_interest", "list", "Product interest"),
    ("territory", "key", "Territory"),
    ("country", "country", "Country"),
    ("region", "region", "Region"),
    ("city", "name", "City"),
    ("postal_code", "postal", "Postal code"),
    ("language", "language", "Language"),
    ("timezone", "timezone", "Time zone"),
    ("budget_range", "text", "Budget"),
    ("urgency", "urgency", "Urgency"),
    ("lead_score", "score", "Lead score"),
    ("lifecycle_stage", "text", "Lifecycle stage"),
    ("preferred_channel", "text", "Preferred channel"),
    ("pain_summary", "text", "Need in the buyer's words", 5000),
    ("existing_customer", "flag", "Says it is a customer"),
    ("open_deal_exists", "flag", "Says a deal is open"),
    ("consent_to_contact", "flag", "Consent to contact"),
)

# Code of the problem per kind of field, and of those whose value was meant to be one of a known set. The
# latter are counted per source as unknown values; an e-mail or a phone never is: it is personal, not a
# vocabulary.
PROBLEM_CODES = {
    "email": "email_invalid",
    "phone": "phone_invalid",
    "domain": "domain_invalid",
    "country": "country_unknown",
    "region": "region_unknown",
    "language": "language_unknown",
    "timezone": "timezone_unknown",
    "score": "score_out_of_range",
    "size": "company_size_unknown",
    "urgency": "urgency_unknown",
    "lead_type": "lead_type_unknown",
    "flag": "flag_unclear",
    "key": "key_unusable",
}
VOCABULARY_KINDS = frozenset("country region language timezone size urgency lead_type flag".split())

# Spellings per field, best first: when a payload has several, the first that can be read wins. They are
# compared as `squash` gives them, so `Work E-mail`, `work_email` and `workEmail` are one. The field's own
# name comes before all of them.
_ALIASES: Mapping[str, str] = {
    "email": (
        "work_email business_email company_email corporate_email email_address e_mail your_email"
        " contact_email lead_email mail email_1 user_email emails email_adresse correo correo_electronico"
        " courriel adresse_email replyto"
    ),
    "phone": (
        "phone_number mobile mobile_phone mobile_number cell cell_phone telephone telephone_number tel"
        " work_phone business_phone your_phone contact_phone contact_number whatsapp phones phone_1 telefon"
        " telefonnummer handy telefono telefone telephone_portable"
    ),
    "first_name": "fname given_name forename name_first your_first_name vorname prenom nombre voornaam",
    "last_name": ("lname surname family_name name_last your_last_name nachname nom_de_famille apellido apellidos"),
    # Not a field of the contract: a whole name that is split when there is no first and last name.
    "full_name": "name your_name contact_name lead_name person_name fullname nome",
    "job_title": "position job_role role jobtitle job occupation cargo poste",
    "company_name": (
        "company organization organisation organization_name organisation_name business business_name"
        " employer account_name company_legal_name your_company firma unternehmen empresa societe entreprise"
        " bedrijf azienda"
    ),
    "company_domain": (
        "website company_website company_url domain website_url company_domain_name web site url_website"
        " homepage organization_website organization_domain"
    ),
    "company_size": (
        "employees number_of_employees num_employees no_of_employees employee_count headcount team_size"
        " company_employees employee_range size_of_company mitarbeiter"
    ),
    "industry": "sector company_industry vertical branche",
    "source": "lead_source source_name how_did_you_hear_about_us",
    "channel": "lead_channel marketing_channel source_channel",
    "campaign": "campaign_name campaign_key campaign_id",
    "utm_source": "",
    "utm_medium": "",
    "utm_campaign": "",
    "utm_term": "utm_keyword",
    "utm_content": "",
    "lead_type": "request_type inquiry_type enquiry_type type_of_request type_of_inquiry intent form_type",
    "service_requested": "service services requested_service service_line service_interest",
    "product_interest": ("product products product_name interest interests interested_in products_of_interest plan"),
    "territory": "sales_territory territory_key",
    "country": "country_code country_name company_country country_region land pais pays nation",
    "region": ("state province state_region state_code region_code county bundesland state_province company_state"),
    "city": "town locality company_city stadt ort ville ciudad",
    "postal_code": "zip zip_code postcode postal plz post_code company_zip codigo_postal code_postal",
    "language": "lang locale preferred_language browser_language language_code sprache idioma langue",
    "timezone": "time_zone tz",
    "budget_range": "budget estimated_budget project_budget your_budget",
    "urgency": "priority severity timeline_urgency how_urgent",
    "lead_score": "score",
    "lifecycle_stage": "lifecycle",
    "preferred_channel": "preferred_contact_method contact_preference preferred_contact contact_method",
    "pain_summary": (
        "message pain pain_point pain_points challenge challenges comment comments description details"
        " question questions inquiry enquiry notes how_can_we_help how_can_we_help_you what_can_we_help_with"
        " your_message additional_information nachricht mensaje"
    ),
    "existing_customer": "is_customer is_existing_customer current_customer customer already_a_customer",
    "open_deal_exists": "open_deal has_open_deal",
    "consent_to_contact": (
        "consent contact_consent marketing_consent gdpr_consent opt_in marketing_opt_in accepts_marketing"
        " consent_given permission_to_contact"
    ),
}

# What names a submission, best first. The act of submitting comes before the delivery that reports it
# (event_id: some vendors give each retry a new one), and both before the person: one lead may submit twice
# under the same lead_id. A bare id comes last, because it may be the id of anything.
SUBMISSION_KEYS = (
    "submission_id", "source_record_id", "submission_uuid", "form_submission_id", "response_id", "entry_id",
    "leadgen_id", "event_id", "event_uuid", "lead_id", "record_id", "external_id", "uuid", "id",
)  # fmt: skip
EVENT_TYPE_KEYS = ("event_type", "event_name", "event", "trigger_event", "webhook_event")
TEST_KEYS = ("is_test", "test_lead", "is_test_lead", "test", "test_mode", "is_test_submission")

# Objects that only wrap the lead: what is inside counts as if it stood outside.
WRAPPERS = frozenset(
    (
        "lead data fields normalizedlead contact form formdata formresponse payload properties attributes"
        " record person visitor prospect sourceevent event submission body answers responses values"
        " formfields customdata address location marketing tracking attribution leaddata userdata"
        " customfields usercolumndata fielddata context trace metadata meta params hiddenfields"
    ).split()
)

# Wrappers whose own `id` names the submission; the id of a form or a person would make all its leads one.
ID_WRAPPERS = frozenset("lead data submission event record payload leaddata sourceevent formresponse".split())

# Other names for an object that holds the company, so that `organization.name` is found as `company_name`.
COMPANY_OBJECTS = frozenset("organization organisation account business employer firm".split())


@lru_cache(maxsize=8192)
def squash(key: str) -> str:
    """Give a key for comparison: lower case, letters and digits only (`Work E-mail` is `workemail`)."""
    return re.sub(r"[\W_]+", "", key.casefold())


def _index() -> dict[str, tuple[str, int]]:
    table: dict[str, tuple[str, int]] = {}
    for field, spellings in _ALIASES.items():
        for rank, spelling in enumerate((field, *spellings.split())):
            table.setdefault(squash(spelling), (field, rank))
    table["prénom"] = ("first_name", 1)
    return table


# Squashed spelling to (field, rank); rank 0 is the field's own name.
SPELLINGS: Mapping[str, tuple[str, int]] = MappingProxyType(_index())
SUBMISSION_RANKS: Mapping[str, int] = MappingProxyType({squash(k): i for i, k in enumerate(SUBMISSION_KEYS)})
EVENT_TYPE_RANKS: Mapping[str, int] = MappingProxyType({squash(k): i for i, k in enumerate(EVENT_TYPE_KEYS)})
TEST_SPELLINGS = frozenset(squash(key) for key in TEST_KEYS)
