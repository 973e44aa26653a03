"""Tables out of spreadsheets: what is typed is read, what is wrong is named by its line, and back again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.tables import lines_of, read_table
from tests.routing.rows import make_crm, make_people

pytestmark = pytest.mark.django_db


def read(text):
    return read_table(enumerate((line.split("\t") for line in text.splitlines()), start=1))


@pytest.fixture
def people():
    people = make_people()
    make_crm(people)
    return people


def test_a_pasted_table_is_read_with_names_ranges_and_usual_operators(people):
    table, faults = read(
        "Country\tCompany size\tCampaign starts with\tExisting customer\t→ Pool\tOwner\t→ tier\t\n"
        "Germany; at\t10-50\tcrm_\tno\tEmea\t\tpriority\t\n"
        "\t50+\t\t\t\telena\t\n"
        "FR\tup to 9\t\tYes\n"
        "\n"
        "\t7\t\t\t\t\trest\n"
    )
    assert faults == []
    assert table == {
        "inputs": [
            {"field": "country", "operator": "one_of"}, {"field": "company_size", "operator": "between"},
            {"field": "campaign", "operator": "starts_with"}, {"field": "existing_customer", "operator": "is_true"},
        ],
        "outputs": ["pool", "owner", "tier"],
        "rows": [
            {"in": [["DE", "AT"], [10, 50], "crm_", False], "out": ["emea", None, "priority"]},
            {"in": [None, [50, None], None, None], "out": [None, "elena", None]},
            {"in": [["FR"], [None, 9], None, True], "out": [None, None, None]},
            {"in": [None, [7, 7], None, None], "out": [None, None, "rest"]},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", [(None, "A table needs a line with the names of its columns, and a line for each row.")]),
        ("Country", [(None, "A table needs a line with the names of its columns, and a line for each row.")]),
        ("→ Pool\nEmea", [(1, "No column asks anything. Name at least one field, such as Country.")]),
        ("Country\tCountry\nDE\tDE", [(1, "Column 2, “Country”, is there twice.")]),
        (
            "Country at least\nDE",
            [(1, "Column 1, “Country at least”, has an operator that does not fit “country”; what fits: is, is not, is"
             " one of, is none of, is in list, is not in list, contains, starts with.")],
        ),
        ("Country\tTier\nDE\tfast\tmore", [(2, "Line 2 has 3 cells; there are 2 columns.")]),
        (
            "Country\tCompany size\tTest lead\t→ Pool\nAtlantis\tmany\tmaybe\tNobody",
            [
                (2, "Line 2, Country: “Atlantis” is not a country. Write its name or its ISO 3166-1 code, such as DE."),
                (2, "Line 2, Company size: “many” is no range. Write 10-50, 50+ or up to 200."),
                (2, "Line 2, Test lead: “maybe” is neither yes nor no."),
                (2, "Line 2, → Pool: There is no pool “Nobody”. Write the name or the key of one that exists."),
            ],
        ),
        ("Company size\tTier\n50-10\tx", [(2, "Row 1: No “company size” can be between 50 and 10.")]),
        ("Arrival\tTier\nsoon\tx", [(2, "Row 1: “arrival” is a time; “soon” is not: write 2026-01-31.")]),
    ],
)  # fmt: skip
def test_everything_wrong_is_named_by_its_line_and_nothing_is_half_read(people, text, faults):
    assert read(text) == (None, faults)


def test_a_heading_that_is_nothing_says_what_there_is(people):
    table, ((line, sentence),) = read("Shoe size\n44")
    assert (table, line, sentence.startswith("Column 1, “Shoe size”, is no field")) == (None, 1, True)


def test_ten_thousand_and_one_rows_are_too_many(people):
    table, ((_, sentence),) = read_table([(1, ["City"]), *((number, ["x"]) for number in range(2, 10_003))])
    assert (table, sentence) == (None, "A table has at most 10,000 rows; this one has 10,001.")


cities = st.lists(st.sampled_from(["Bern", "Zürich", "São Paulo", "a b"]), min_size=1, max_size=3)
sizes = st.tuples(st.integers(0, 50), st.integers(51, 99)).map(list) | st.sampled_from([[5, None], [None, 7]])
days = st.sampled_from([["2026-01-31", "2026-02-01"], ["2026-03-01", "2026-03-01"]])
rows = st.fixed_dictionaries(
    {
        "in": st.tuples(
            st.none() | cities, st.none() | sizes, st.none() | st.booleans(), st.none() | st.sampled_from(["x", "y z"]),
            st.none() | st.integers(0, 99), st.none() | days,
        ).map(list),
        "out": st.tuples(st.none() | st.just("priority"), st.none() | st.booleans(), st.just("nurture")).map(list),
    }
)  # fmt: skip
COLUMNS = (
    ("city", "one_of"), ("company_size", "between"), ("is_test", "is_true"), ("campaign", "contains"),
    ("lead_score", "at_least"), ("received_at", "between"),
)  # fmt: skip


@given(st.lists(rows, min_size=1, max_size=6))
def test_what_is_written_out_is_read_back(found):
    inputs = [{"field": field, "operator": operator} for field, operator in COLUMNS]
    table = {"inputs": inputs, "outputs": ["tier", "high_intent", "target"], "rows": found}
    assert read_table(enumerate(lines_of(table), start=1)) == (table, [])
