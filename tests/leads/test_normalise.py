"""Payloads in, the routing contract out: where values are found, what is derived, and what is a problem."""

from pathlib import Path

import pytest

from leads.contract import FIELDS
from leads.normalise import Problem, normalise
from leads.parse import parse_body

PAYLOADS = Path(__file__).parents[1] / "payloads"
SUBMITTED = {"email": "ops@example.com"}


def from_file(name: str, content_type: str):
    return normalise(parse_body((PAYLOADS / name).read_bytes(), content_type), {"lead_type": "demo"})


def test_a_json_form_is_read():
    lead = from_file("json_form.json", "application/json")

    assert lead.fields == {
        "email": "anna.mueller@hafen-logistik.example", "phone": "+49301234567", "first_name": "Anna-Maria",
        "last_name": "Müller", "job_title": "Head of Sales", "company_name": "Hafen Logistik GmbH",
        "company_domain": "hafen-logistik.example", "company_size": 51, "country": "DE", "region": "DE-BY",
        "postal_code": "80331", "language": "de", "urgency": "critical", "lead_score": 72,
        "utm_source": "google",
        "utm_medium": "cpc", "pain_summary": "Unser CRM verliert Anfragen aus dem Formular.",
        "consent_to_contact": True, "lead_type": "demo",
    }  # fmt: skip
    assert lead.raw["email"] == "Anna.Mueller@Hafen-Logistik.example"
    assert lead.raw["full_name"] == "Anna-Maria Müller"
    assert lead.raw["country"] == "Deutschland"
    assert (lead.custom, lead.problems) == ({"favourite_colour": "blue"}, ())
    assert (lead.submission_id, lead.validity) == ("web-20261122-0007", "usable")


def test_a_nested_event_is_read():
    lead = from_file("nested.json", "application/json")

    assert lead.fields == {
        "email": "ops@example.com", "phone": "+15551234567", "company_domain": "example.com",
        "source": "organic_search", "campaign": "crm_workflow_automation_cluster",
        "service_requested": "crm_workflow_repair", "territory": "europe", "budget_range": "5000_15000",
        "urgency": "high", "lead_score": 91, "existing_customer": False, "consent_to_contact": True,
        "utm_source": "newsletter", "utm_medium": "email", "city": "Lisbon", "lead_type": "demo",
    }  # fmt: skip
    assert (lead.raw, lead.problems, lead.unknown_values) == ({}, (), ())
    assert (lead.submission_id, lead.event_type) == ("diag_01HYX3Q9L2", "lead.submitted")
    assert lead.flags["phone_possible_only"] is True
    assert lead.custom["How many seats?"] == "40"


def test_a_form_post_is_read():
    lead = from_file("form_post.txt", "application/x-www-form-urlencoded")

    assert lead.fields == {
        "email": "joao@empresa.example", "phone": "+351211234567", "first_name": "João", "last_name": "Silva",
        "company_domain": "empresa.example", "country": "PT", "product_interest": ["crm", "routing"],
        "consent_to_contact": True, "lead_type": "demo",
    }  # fmt: skip
    assert (lead.spam, lead.validity) == ("", "usable")


@pytest.mark.parametrize(
    ("given", "code", "field", "unknown"),
    [
        ({"email": "bob at acme"}, "email_invalid", "email", False),
        ({"phone": "abc"}, "phone_invalid", "phone", False),
        ({"website": "our site"}, "domain_invalid", "company_domain", False),
        ({"country": "Atlantis"}, "country_unknown", "country", True),
        ({"country": "US", "state": "Wonderland"}, "region_unknown", "region", True),
        ({"language": "Elvish"}, "language_unknown", "language", True),
        ({"timezone": "Mars/Olympus"}, "timezone_unknown", "timezone", True),
        ({"score": 101}, "score_out_of_range", "lead_score", False),
        ({"employees": "lots"}, "company_size_unknown", "company_size", True),
        ({"urgency": "blue"}, "urgency_unknown", "urgency", True),
        ({"lead_type": "lottery"}, "lead_type_unknown", "lead_type", True),
        ({"existing_customer": "perhaps"}, "flag_unclear", "existing_customer", True),
        ({"consent": "I have read it"}, "consent_unclear", "consent_to_contact", True),
    ],
)
def test_what_cannot_be_read_is_a_problem_and_absent(given, code, field, unknown):
    lead = normalise(given, {})
    value = str(list(given.values())[-1])

    assert lead.problems == (Problem(code, field, value),)
    assert field not in lead.fields
    assert lead.raw[field] == value
    assert lead.unknown_values == (((field, value),) if unknown else ())


@pytest.mark.parametrize(
    ("payload", "validity"),
    [
        (SUBMITTED, "usable"),
        ({"phone": "+1 555 123 4567"}, "usable"),
        ({"email": "nonsense", "phone": "+49301234567"}, "usable"),
        ({"phone": "abc"}, "no_usable_contact"),
        ({"email": "nonsense"}, "no_usable_contact"),
        ({"email": "", "phone": "N/A"}, "missing_contact_data"),
        ({}, "missing_contact_data"),
    ],
)
def test_one_usable_contact_makes_a_lead_usable(payload, validity):
    assert normalise(payload, {}).validity == validity


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.kind in ("text", "name")])
def test_every_text_field_is_found_by_its_own_name_in_any_case(name):
    spelled = name.title().replace("_", " ")

    assert normalise({spelled: " some text "}, {}).fields == {name: "some text"}


@pytest.mark.parametrize(
    "payload",
    [
        {"email": "a@acme.de"}, {"E-Mail": "a@acme.de"}, {"workEmail": "a@acme.de"},
        {"lead": {"email": "a@acme.de"}},
        {"data": {"attributes": {"email": "a@acme.de"}}}, {"fields": [{"name": "email",
        "value": "a@acme.de"}]},
        {"field_data": [{"name": "Work Email", "values": ["a@acme.de"]}]}, {"contact[email]": "a@acme.de"},
        {"properties": {"email": {"value": "a@acme.de"}}}, {"email": {"address": "a@acme.de"}},
        {"normalized_lead": {"email": ["", "a@acme.de"]}}, {"email": "N/A", "contact_email": "a@acme.de"},
    ],
)  # fmt: skip
def test_an_email_is_found_in_every_usual_wrapping(payload):
    assert normalise(payload, {}).fields["email"] == "a@acme.de"


def test_somebody_elses_email_is_not_the_leads():
    lead = normalise({"owner": {"email": "rep@vendor.de"}}, {})

    assert (lead.fields, lead.custom) == ({}, {"owner.email": "rep@vendor.de"})


def test_the_first_contact_that_can_be_read_wins_and_the_other_is_kept():
    lead = normalise({"phone": "none of it", "mobile": "+49301234567", "tel": "+49307654321"}, {})

    assert lead.fields["phone"] == "+49301234567"
    assert [problem.code for problem in lead.problems] == ["phone_invalid"]
    assert lead.custom == {"tel": "+49307654321"}


def test_of_several_values_in_one_field_only_the_first_is_read():
    lead = normalise({"email": ["a@acme.de", "broken"]}, {})

    assert (lead.fields["email"], lead.validity, lead.problems) == ("a@acme.de", "usable", ())


@pytest.mark.parametrize(
    ("payload", "domain"),
    [
        ({"email": "a@mail.acme.de"}, "acme.de"),
        ({"email": "a@acme.de", "website": "https://group.com/de"}, "group.com"),
        ({"email": "a@acme.de", "website": "https://facebook.com/acme"}, "acme.de"),
        ({"email": "a@gmail.com"}, None),
        ({"email": "a@gmail.com", "website": "gmail.com"}, None),
        ({"website": "https://acme.myshopify.com"}, None),
    ],
)
def test_a_company_domain_is_never_one_that_strangers_share(payload, domain):
    assert normalise(payload, {}).fields.get("company_domain") == domain


def test_a_part_of_a_country_gives_the_region_unless_one_is_given():
    assert normalise({"country": "England"}, {}).fields == {"country": "GB", "region": "GB-ENG"}
    assert normalise({"country": "England", "region": "Kent"}, {}).fields["region"] == "GB-KEN"
    assert normalise({"region": "US-TX"}, {}).fields == {"country": "US", "region": "US-TX"}


def test_defaults_fill_only_what_the_payload_leaves_out():
    defaults = {"source": "web", "channel": "site", "country": "Germany", "lead_type": "demo"}

    silent, loud = normalise({}, defaults), normalise({"source": "x", "country": "Atlantis"}, defaults)

    assert silent.fields == {"country": "DE", "source": "web", "channel": "site", "lead_type": "demo"}
    assert silent.raw == {}
    assert loud.fields == {"source": "x", "channel": "site", "lead_type": "demo"}


def test_an_unknown_lead_type_falls_back_to_the_sources_and_is_counted():
    lead = normalise({"lead_type": "lottery"}, {"lead_type": "demo"})

    assert (lead.fields["lead_type"], lead.raw["lead_type"]) == ("demo", "lottery")
    assert lead.unknown_values == (("lead_type", "lottery"),)


def test_the_sources_mapping_goes_before_every_spelling():
    payload = {
        "email": "form@vendor.de",
        "answers": {"q1": "bob@acme.de", "q2": "Routing"},
        "ref": 17,
        "q9": "x",
    }
    mapping = {"answers.q1": "email", "q2": "service_requested", "ref": "submission_id", "q9": "custom.seats"}

    lead = normalise(payload, {}, mapping)

    assert (lead.fields["email"], lead.fields["service_requested"]) == ("bob@acme.de", "Routing")
    assert (lead.submission_id, lead.custom) == ("17", {"email": "form@vendor.de", "seats": "x"})


@pytest.mark.parametrize(
    ("payload", "submission_id"),
    [
        ({"submission_id": "s", "event_id": "e", "id": "i"}, "s"),
        ({"id": "i", "lead_id": 7}, "7"),
        ({"event_id": "e", "lead": {"id": "l"}}, "e"),
        ({"data": {"id": "i"}}, "i"),
        ({"form": {"id": "f"}, "contact": {"id": "c"}, "company": {"id": "x"}}, ""),
        ({"id": True}, ""),
        ({"id": None}, ""),
    ],
)
def test_the_submission_is_named_by_the_most_specific_id(payload, submission_id):
    assert normalise(payload, {}).submission_id == submission_id


def test_very_long_submission_ids_stay_apart():
    one, two = (normalise({"id": "x" * 5000 + end}, {}).submission_id for end in "ab")

    assert one != two
    assert len(one) == len("sha256:") + 64


@pytest.mark.parametrize(
    ("payload", "defaults", "is_test"),
    [
        ({"is_test": True}, {}, True), ({"test_lead": "yes"}, {}, True), ({"lead": {"isTest": 1}}, {}, True),
        ({"first_name": "<test lead: dummy data for first_name>"}, {}, True), ({}, {"is_test": True}, True),
        ({"is_test": False}, {}, False), ({"test": "A/B"}, {}, False), ({}, {}, False),
    ],
)  # fmt: skip
def test_a_test_lead_is_known_by_its_vendors_flag(payload, defaults, is_test):
    assert normalise(payload, defaults).is_test is is_test


def test_custom_fields_are_bounded():
    lead = normalise({f"field {n}": "x" * 5000 for n in range(500)}, {})

    assert len(lead.custom) == 60
    assert {len(value) for value in lead.custom.values()} == {1000}


def test_a_full_region_code_says_the_country_that_could_not_be_read():
    lead = normalise({"email": "a@acme.example", "country": "nowhere", "region": "US-TX"}, {})
    assert (lead.fields["country"], lead.fields["region"]) == ("US", "US-TX")
    assert [(problem.code, problem.field) for problem in lead.problems] == [("country_unknown", "country")]
