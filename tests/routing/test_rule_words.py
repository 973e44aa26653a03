"""Rules as sentences: one wording for editor, tree, comparison and simulator."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from routing.names import Names, read_names
from routing.rule_words import condition_words, row_words, sentence, when_words, window_words
from routing.rulebook import freeze
from tests.routing.rows import make_crm, make_people
from tests.routing.test_rulebook import full_rule_version

NAMES = Names(lists={"partners": "Partners"}, territories={"dach": "DACH"}, owners={4: "Elena"}, pools={7: "Large"})


@pytest.mark.parametrize(
    ("field", "operator", "value", "words"),
    [
        ("country", "is", "DE", "country is DE"),
        ("country", "is_not", "DE", "country is not DE"),
        ("country", "one_of", ["DE"], "country is DE"),
        ("country", "one_of", ["DE", "AT"], "country is DE or AT"),
        ("country", "one_of", ["A", "B", "C", "D", "E"], "country is A, B, C, D or E"),
        ("country", "one_of", ["A", "B", "C", "D", "E", "F"], "country is A, B, C, D or 2 more"),
        ("country", "none_of", ["DE"], "country is not DE"),
        ("country", "none_of", ["DE", "AT", "CH"], "country is neither DE, AT nor CH"),
        ("country", "none_of", ["A", "B", "C", "D", "E", "F"], "country is none of A, B, C, D or 2 more"),
        ("lead_score", "at_least", 70, "lead score is at least 70"),
        ("company_size", "between", [10, 50], "company size is between 10 and 50"),
        ("received_at", "before", "2026-03-29", "arrival is before 2026-03-29"),
        ("company_domain", "in_list", "partners", "company domain is in list Partners"),
        ("company_domain", "not_in_list", "gone", "company domain is not in list gone"),
        ("territory", "is", "dach", "territory is DACH"),
        ("city", "is_blank", None, "city is blank"),
        ("company_is_customer", "is_true", None, "the company is a customer"),
        ("company_is_customer", "is_false", None, "the company is no customer"),
    ],
)
def test_a_condition_reads_as_a_person_would_say_it(field, operator, value, words):
    assert condition_words({"field": field, "operator": operator, "value": value}, NAMES) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"weekdays": [4, 0, 1, 2, 3]}, "Mon–Fri (Europe/Berlin)"),
        ({"weekdays": [0, 4], "from_minute": 540, "until_minute": 1440}, "Mon, Fri 09:00–24:00 (Europe/Berlin)"),
        ({"starts_at": "2026-03-29T01:00:00+00:00"}, "from 29 Mar 2026, 03:00 (Europe/Berlin)"),
        ({"ends_at": "2026-04-01T00:00:00+02:00"}, "until 1 Apr 2026, 00:00 (Europe/Berlin)"),
    ],
)
def test_a_window_is_told_in_the_zone_of_the_version(changes, words):
    assert window_words(changes, "Europe/Berlin") == words


TABLE = {
    "inputs": [{"field": "country", "operator": "one_of"}, {"field": "is_test", "operator": "is_true"}],
    "outputs": ["pool", "tier"],
    "rows": [{"in": [["DE", "AT"], False], "out": [7, "priority"]}, {"in": [None, None], "out": [None, None]}],
}


def test_a_table_is_told_by_its_columns_and_a_row_by_what_it_asks():
    rule = {"groups": [[{"field": "lead_score", "operator": "at_least", "value": 70}]], "table": TABLE}
    assert when_words(rule) == "lead score is at least 70, by a table of 2 rows over country and test lead"
    assert when_words({"groups": [], "table": TABLE}) == "by a table of 2 rows over country and test lead"
    assert row_words(TABLE, 1, NAMES) == "Country is DE or AT and no test lead → Large, priority"
    assert row_words(TABLE, 2, NAMES) == "Every lead → as the rule says"


@pytest.mark.django_db
def test_the_whole_sentence_names_everything_that_a_rule_says():
    _, version, _ = full_rule_version()
    (rule,) = freeze(version)["rules"]
    assert sentence(rule, read_names(), "UTC") == (
        "Country is DE or AT; or lead score is at least 70 and high intent, Mon, Fri 09:00–17:00, "
        "from 2 Mar 2026, 09:00, until 3 Mar 2026, 09:00 (UTC) → Elena, priority, high intent, SLA Fast, Sales: New, "
        "sequence speed, alerts by email, as unresolved, who is in team Europe, who speaks the lead’s language, "
        "who covers the service, with enterprise, else Marco, if nobody can take it: the next rule"
    )


@pytest.mark.django_db
def test_names_are_read_with_a_fixed_number_of_queries():
    make_crm(make_people())
    with CaptureQueriesContext(connection) as few:
        read_names()
    make_crm(make_people("2", "FR"), "2")
    with CaptureQueriesContext(connection) as many:
        names = read_names()
    assert (len(few), len(many)) == (10, 10)
    assert names.stages == {"sales/new": "New", "sales2/new": "New"}
