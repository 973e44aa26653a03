"""Rules and conditions in the admin: values as text, what is refused where, rules in words."""

import pytest

from leads.models import LeadType
from owners.models import Territory
from routing.models import Condition, Rule
from tests.routing.forms import address, rule_form
from tests.routing.rows import make_draft, make_owner, make_pool, make_rule, make_story

pytestmark = pytest.mark.django_db


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
def test_a_condition_is_read_by_the_kind_of_its_field_and_shown_back(admin_client, field, operator, text, value, shown):
    version = make_draft(make_owner("elena"))
    form = rule_form(version, "territory_owner", "nurture", ("1", field, operator, text))
    assert admin_client.post(address(Rule, "add"), form).status_code == 302
    condition = Condition.objects.get()
    assert condition.value == value
    assert type(condition.value) is type(value)
    page = admin_client.get(address(Rule, "change", condition.rule_id))
    (inline,) = page.context["inline_admin_formsets"]
    assert inline.formset.forms[0]["value"].value() == shown
    again = {
        **form, "conditions-INITIAL_FORMS": "1", "conditions-0-id": condition.pk,
        "conditions-0-rule": condition.rule_id, "conditions-0-value": shown,
    }  # fmt: skip
    admin_client.post(address(Rule, "change", condition.rule_id), again)
    assert Condition.objects.get().value == value


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
def test_a_condition_keeps_the_word_that_leads_carry(admin_client, field, operator, text, value):
    version = make_draft(make_owner("elena"))
    LeadType.objects.create(key="site-visit", name="Site visit")
    Territory.objects.create(key="emea", name="Europe and Africa")
    form = rule_form(version, "territory_owner", "nurture", ("1", field, operator, text))
    assert admin_client.post(address(Rule, "add"), form).status_code == 302
    assert Condition.objects.get().value == value


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
def test_a_word_that_no_lead_can_carry_is_refused_with_what_to_write(admin_client, field, operator, text, sentence):
    version = make_draft(make_owner("elena"))
    page = admin_client.post(
        address(Rule, "add"), rule_form(version, "territory_owner", "nurture", ("1", field, operator, text))
    )
    (inline,) = page.context["inline_admin_formsets"]
    assert inline.formset.forms[0].errors == {"value": [sentence]}
    assert not Rule.objects.exists()


@pytest.mark.parametrize(
    ("field", "operator", "text", "beside", "sentence"),
    [
        ("lead_score", "at_least", "many", "value", "“lead score” is a number; “many” is not."),
        ("lead_score", "at_least", "nan", "value", "“lead score” is a number; “nan” is not."),
        ("lead_score", "between", "90, 10", "value", "No “lead score” can be between 90 and 10."),
        ("email", "is_blank", "x", "value", "“is blank” takes no value; leave it empty."),
        ("country", "is", "", "value", "“country” is compared with one text; an empty value is not."),
        ("country", "one_of", 'D"E", "A', "value", None),
        ("country", "at_least", "5", "operator", None),
        ("shoe_size", "is", "43", "field", None),
    ],
)
def test_an_unsound_condition_is_refused_beside_its_input(admin_client, field, operator, text, beside, sentence):
    version = make_draft(make_owner("elena"))
    page = admin_client.post(
        address(Rule, "add"), rule_form(version, "territory_owner", "nurture", ("1", field, operator, text))
    )
    (inline,) = page.context["inline_admin_formsets"]
    errors = inline.formset.forms[0].errors
    assert list(errors) == [beside]
    assert sentence is None or errors[beside] == [sentence]
    assert not Rule.objects.exists()


@pytest.mark.parametrize("target", ["owner", "pool", "team"])
def test_a_rule_has_to_name_its_target(admin_client, target):
    version = make_draft(make_owner("elena"))
    page = admin_client.post(address(Rule, "add"), rule_form(version, "territory_owner", target))
    assert page.context["adminform"].form.errors == {target: [f"Name the {target} that the rule sends leads to."]}


@pytest.mark.parametrize(
    ("more", "errors"),
    [
        (
            {"alert_channels": "fax"},
            {"alert_channels": ["There is no channel “fax”; there are in_app and email."]},
        ),
        (
            {
                "starts_at_0": "2026-03-02",
                "starts_at_1": "10:00",
                "ends_at_0": "2026-03-02",
                "ends_at_1": "09:00",
            },
            {"__all__": ["The rule has to end after it starts."]},
        ),
    ],
)
def test_a_rule_that_cannot_be_is_refused_in_a_sentence(admin_client, more, errors):
    version = make_draft(make_owner("elena"))
    page = admin_client.post(address(Rule, "add"), rule_form(version, "territory_owner", "nurture", **more))
    assert page.context["adminform"].form.errors == errors


def test_a_stage_has_to_belong_to_the_pipeline(admin_client):
    story = make_story()
    other = type(story.pipeline).objects.create(key="other", name="Other")
    for pipeline, errors in (
        (other.pk, {"stage": ["New is not a stage of Other."]}),
        ("", {"pipeline": ["Name the pipeline that the stage belongs to."]}),
    ):
        form = rule_form(story.version, "territory_owner", "nurture", stage=story.stage.pk, pipeline=pipeline)
        page = admin_client.post(address(Rule, "add"), form)
        assert page.context["adminform"].form.errors == errors


def test_a_rule_is_told_in_words(admin_client):
    elena = make_owner("elena")
    version = make_draft(elena)
    make_rule(
        version, "territory_owner", (2, "lead_score", "at_least", 70), (1, "country", "one_of", ["DE", "AT"]),
        (1, "email", "is_not_blank", None), target="pool", pool=make_pool("emea", elena),
    )  # fmt: skip
    make_rule(version, "manual_review", target="review")
    page = admin_client.get(address(Rule, "changelist")).content.decode()
    assert "country is one of DE, AT and e-mail is not blank; or lead score is at least 70" in page
    assert "a pool: Emea" in page
    assert "always" in page
