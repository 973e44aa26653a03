"""What people write as the value of a condition: read by the kind of its field, shown back, refused with a remedy."""

import pytest
from django.core.exceptions import ValidationError

from leads.models import LeadType
from owners.models import Territory
from routing.engine.conditions import check_condition
from routing.rule_values import parse_value, show_value


@pytest.mark.parametrize(
    ("field", "operator", "text", "value", "shown"),
    [
        ("country", "is", " DE ", "DE", "DE"),
        ("lead_score", "at_least", "70", 70, "70"),
        ("lead_score", "at_least", "70.5", 70.5, "70.5"),
        ("lead_score", "between", "10, 90", [10, 90], "10, 90"),
        ("country", "one_of", "DE,AT , CH", ["DE", "AT", "CH"], "DE, AT, CH"),
        ("company_name", "none_of", '"Acme, Inc.", Globex', ["Acme, Inc.", "Globex"], '"Acme, Inc.",Globex'),
        ("company_name", "is", "Acme, Inc.", "Acme, Inc.", "Acme, Inc."),
        ("postal_code", "starts_with", "01", "01", "01"),
        ("email", "is_blank", "", None, ""),
        ("high_intent", "is_true", "", None, ""),
    ],
)
def test_a_value_is_read_by_the_kind_of_its_field_and_shown_back(field, operator, text, value, shown):
    read = parse_value(field, operator, text)
    assert (read, type(read), show_value(read)) == (value, type(value), shown)
    assert parse_value(field, operator, shown) == value
    assert check_condition(field, operator, read) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "operator", "text", "value"),
    [
        ("country", "is", "Germany", "DE"),
        ("country", "is_not", "deu", "DE"),
        ("country", "one_of", 'Germany, DE, "Korea, Republic of", ch', ["DE", "KR", "CH"]),
        ("country", "starts_with", "Ger", "Ger"),
        ("region", "is", "us-ca", "US-CA"),
        ("language", "none_of", "German, en-GB", ["de", "en"]),
        ("timezone", "is", "europe/berlin", "Europe/Berlin"),
        ("urgency", "is", "ASAP", "critical"),
        ("lead_type", "is", "Book a demo", "demo"),
        ("lead_type", "one_of", "SITE-VISIT, trial", ["site-visit", "trial"]),
        ("territory", "is", "EMEA", "emea"),
        ("territory", "is", "Europe and Africa", "emea"),
        ("company_domain", "is", "https://www.Acme.com/about", "acme.com"),
        ("campaign", "is", "Germany", "Germany"),
    ],
)
def test_a_value_becomes_the_word_that_leads_carry(field, operator, text, value):
    LeadType.objects.create(key="site-visit", name="Site visit")
    Territory.objects.create(key="emea", name="Europe and Africa")
    assert parse_value(field, operator, text) == value


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "operator", "text", "sentence"),
    [
        (
            "country", "is", "Atlantis",
            "“Atlantis” is not a country. Write its name or its ISO 3166-1 code, such as DE.",
        ),
        (
            "country", "one_of", "DE, Atlantis",
            "“Atlantis” is not a country. Write its name or its ISO 3166-1 code, such as DE.",
        ),
        (
            "region", "is", "California",
            "“California” is not a region's code. Write its ISO 3166-2 code, country first, such as US-CA.",
        ),
        (
            "language", "is", "Klingonish",
            "“Klingonish” is not a language. Write its name or its ISO 639-1 code, such as de.",
        ),
        ("timezone", "is", "Berlin", "“Berlin” is not a time zone. Write its IANA name, such as Europe/Berlin."),
        ("urgency", "is_not", "mega", "“mega” is not an urgency. Write low, normal, high or critical."),
        (
            "lead_type", "is", "demoo",
            "“demoo” is not a lead type. Write the key of one, such as demo, or add the lead type first.",
        ),
        (
            "territory", "none_of", "mars",
            "“mars” is not a territory. Write the key of one that exists, or add the territory first.",
        ),
        (
            "company_domain", "is", "gmail.com",
            "“gmail.com” is not the domain of one company. Write it as example.com; free-mail and shared hosts are no"
            " company's.",
        ),
    ],
)  # fmt: skip
def test_a_word_that_no_lead_can_carry_is_refused_with_what_to_write(field, operator, text, sentence):
    with pytest.raises(ValidationError) as refused:
        parse_value(field, operator, text)
    assert refused.value.messages == [sentence]


@pytest.mark.parametrize(
    ("field", "operator", "text", "sentence"),
    [
        ("lead_score", "at_least", "many", "“lead score” is a number; “many” is not."),
        ("lead_score", "at_least", "nan", "“lead score” is a number; “nan” is not."),
        ("lead_score", "between", "90, 10", "No “lead score” can be between 90 and 10."),
        ("email", "is_blank", "x", "“is blank” takes no value; leave it empty."),
        ("country", "is", "", "“country” is compared with one text; an empty value is not."),
    ],
)
def test_what_cannot_be_read_stays_as_it_was_typed_so_that_the_check_names_it(field, operator, text, sentence):
    assert check_condition(field, operator, parse_value(field, operator, text)) == sentence


def test_stray_quotation_marks_are_refused():
    with pytest.raises(ValidationError):
        parse_value("country", "one_of", 'D"E", "A')
