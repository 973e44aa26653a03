"""Rows of conditions in the form of a rule: both ends of a range, lists that fit, and never more than is said."""

import pytest
from django.conf import settings

from routing.models import Condition, NamedList, Rule
from tests.routing.forms import rule_address, rule_form
from tests.routing.people import sign_in
from tests.routing.rows import make_draft, make_owner, make_rule

pytestmark = pytest.mark.django_db
STEP = "territory_owner"


@pytest.fixture
def draft():
    return make_draft(make_owner("elena"))


@pytest.fixture
def rita():
    return sign_in("rita", "RevOps")


def typed(*rows, **fields):
    return rule_form(STEP, "nurture", *rows, **{"name": "Rule", **fields})


@pytest.mark.parametrize(
    ("value", "upto", "kept"),
    [("10", "90", [10, 90]), ("10, 90", "", [10, 90]), (" 1.5 ", "2", [1.5, 2]), ("-3", "-3", [-3, -3])],
)
def test_a_range_is_typed_into_two_inputs_or_with_a_comma_into_one(draft, rita, value, upto, kept):
    assert rita.post(rule_address(draft), typed(("0", "lead_score", "between", value, upto))).status_code == 302
    assert Condition.objects.get().value == kept
    page = rita.get(rule_address(draft, Rule.objects.get().pk)).content.decode()
    assert page.count("<label hidden data-upto>") == 1  # of the row that the script copies
    for name, end in zip(("c-value", "c-upto"), kept, strict=True):
        assert f'name="{name}" value="{end}"' in page


@pytest.mark.parametrize(
    ("field", "value", "upto", "said"),
    [
        ("lead_score", "10", "", "“is between” needs two numbers for “lead score”, the lower one first."),
        ("lead_score", "", "90", "“is between” needs two numbers for “lead score”, the lower one first."),
        ("lead_score", "90", "10", "No “lead score” can be between 90 and 10."),
        ("lead_score", "10, 20", "30", "“lead score” is a number; “10, 20” is not."),
        ("lead_score", "1", "x" * 2001, "A value has at most 2,000 characters"),
        ("received_at", "2026-03-02", "soon", "“arrival” is a time; “soon” is not: write 2026-01-31."),
        ("received_at", "2026-03-02", "2026-03-01", "No “arrival” can be between 2026-03-02 and 2026-03-01."),
    ],
)
def test_what_is_no_range_is_said_and_what_was_typed_stays(draft, rita, field, value, upto, said):
    answer = rita.post(rule_address(draft), typed(("0", field, "between", value, upto)))
    ((row,),) = answer.context["rows"]
    assert (answer.status_code, len(row.errors), said in row.errors[0]) == (422, 1, True)
    assert (row.value, row.upto[:2000]) == (value, upto[:2000])
    assert Rule.objects.count() == 0


def test_an_upper_end_counts_for_a_range_alone(draft, rita):
    rows = [("0", "lead_score", "at_least", "10", "90"), ("0", "company_size", "between", "1", "9")]
    assert rita.post(rule_address(draft), typed(*rows)).status_code == 302
    assert list(Condition.objects.order_by("id").values_list("value", flat=True)) == [10, [1, 9]]


# --- named lists -------------------------------------------------------------------------------------------


@pytest.fixture
def lists():
    for key, field in (("strategic", "company_domain"), ("dach", "country"), ("launch", "campaign")):
        NamedList.objects.create(key=key, name=key.capitalize(), field=field)


def test_each_field_is_offered_its_own_lists(draft, rita, lists):
    rule = make_rule(draft, STEP, (1, "country", "in_list", "dach"), target="nurture")
    page = rita.get(rule_address(draft, rule.pk)).content.decode()
    assert '<datalist id="lists-country"><option value="dach">Dach</option></datalist>' in page
    assert '<datalist id="lists-company_domain"><option value="strategic">Strategic</option></datalist>' in page
    assert page.count('list="lists-country"') == 1  # without a script, too


@pytest.mark.parametrize(
    ("field", "key", "said"),
    [
        (
            "country", "strategic",
            "The list “strategic” holds values of “company domain”, which no “country” can be. Lists that fit: dach.",
        ),
        ("campaign", "nobody", "There is no list “nobody”. Lists that fit: launch."),
        ("region", "nobody", "There is no list “nobody”. Lists that fit: none yet."),
        ("utm_campaign", "launch", None),
        ("company_domain", "strategic", None),
    ],
)  # fmt: skip
def test_a_list_of_another_field_is_refused_where_no_lead_could_be_in_it(draft, rita, lists, field, key, said):
    answer = rita.post(rule_address(draft), typed(("0", field, "in_list", key)))
    assert answer.status_code == (422 if said else 302)
    if said:
        assert answer.context["rows"][0][0].errors == [said]


# --- what is wrong, at once ---------------------------------------------------------------------------------


def test_what_is_wrong_with_one_row_hides_nothing_of_another(draft, rita):
    rows = [
        ("0", "lead_score", "is", "many", ""), ("0", "country", "in_list", "nobody", ""),
        ("1", "city", "is", "Bern", ""), ("1", "city", "is", "Ulm", ""),
    ]  # fmt: skip
    answer = rita.post(rule_address(draft), typed(*rows))
    first, second = answer.context["rows"]
    assert [row.errors for row in first] == [
        ["“lead score” is a number; “many” is not."], ["There is no list “nobody”. Lists that fit: none yet."],
    ]  # fmt: skip
    assert "Nothing was saved yet. Mend what is marked below." in answer.content.decode()
    assert [row.errors for row in second] == [[], []]
    answer = rita.post(rule_address(draft), typed(*rows[2:]))
    assert [row.errors for row in answer.context["rows"][0]] == [
        [], ["No lead can satisfy this: city is Bern and city is Ulm."],
    ]  # fmt: skip
    assert "Nothing was saved yet. Mend what is marked below." in answer.content.decode()


def test_who_asks_for_one_more_row_is_not_told_yet_what_is_missing(draft, rita):
    page = rita.post(rule_address(draft), typed(("0", "city", "is", "Bern", ""), name="", do="row-0")).content.decode()
    assert ("This field is required." in page, "Nothing was saved" in page) == (False, False)


# --- too many ----------------------------------------------------------------------------------------------


def test_three_hundred_rows_are_all_read_and_refused_with_what_to_do(draft, rita):
    rows = [("0", "country", "is", "DE", "")] * 300
    answer = rita.post(rule_address(draft), typed(*rows))
    assert (answer.status_code, len(answer.context["rows"][0])) == (422, 300)
    assert (
        "These are 300 conditions in 1 alternative; 200 in 20 are the most. Keep many values of one field in a"
        " named list, or make the rule a decision table."
    ) in answer.content.decode()
    assert Rule.objects.count() == 0


@pytest.mark.parametrize("place", ["new", "other"])
def test_more_fields_than_are_read_are_refused_with_what_to_do(draft, rita, place):
    rule = make_rule(draft, STEP, name="Old", target="nurture")
    rows = [("0", "country", "is", "DE", "")] * (settings.DATA_UPLOAD_MAX_NUMBER_FIELDS // 5)
    answer = rita.post(rule_address(draft, rule.pk if place == "other" else place), typed(*rows, seen="1"))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Nothing was changed. The form has more than 2,000 fields, which is the most that is read." in page
    assert "Keep many values of one field in a named list" in page
    assert f'href="{rule_address(draft, rule.pk if place == "other" else place)}">Open the page again</a>' in page
    assert (Rule.objects.get().name, Condition.objects.count()) == ("Old", 0)


def test_more_text_than_is_read_is_refused_with_what_to_do(draft, rita):
    rule = make_rule(draft, STEP, name="Old", target="nurture")
    named = NamedList.objects.create(key="dach", name="DACH", field="country")
    text = "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    pages = {
        f"{rule_address(draft, rule.pk)}table/": "upload that file instead of pasting its text",
        f"/admin/routing/namedlist/{named.pk}/values/": "upload that file instead of pasting them",
    }
    for page, remedy in pages.items():
        answer = rita.post(page, {"text": text, "seen": "1", "do": "save"})
        said = answer.content.decode()
        assert (answer.status_code, "more than 2,500,000 bytes" in said, remedy in said) == (400, True, True)
    assert (Rule.objects.get().edition, NamedList.objects.get().edition) == (1, 1)
