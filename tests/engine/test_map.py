"""Who has a place: codes as they are written, the order of areas, and the index against a plain search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owners.places import LAST, Unreadable, beginnings, crossings, postal_key, postal_range, prefix, share, whole_code
from routing.engine.map import Map


def area(country, territory, *, region="", city="", prefix="", span=("", "")):
    return (country, region, city, prefix, *span, territory)


@pytest.mark.parametrize(
    ("country", "written", "key"),
    [
        ("DE", " 10 115 ", "10115"), ("PL", "00-950", "00950"), ("NL", "1234 ab", "1234AB"),
        ("GB", "sw1a1aa", "SW1A 1AA"), ("GB", "SW1A", "SW1A"), ("GB", "sw1a 1", "SW1A 1"), ("GB", "E11", "E11"),
        ("GB", "E1 1", "E1 1"), ("GB", "E1 6AN", "E1 6AN"), ("GB", "ec1a1b", "EC1A 1B"),
        ("US", "10115-1234", "101151234"),
    ],
)  # fmt: skip
def test_codes_are_compared_in_one_form(country, written, key):
    assert postal_key(written, country) == key
    assert prefix(written, country) == key


def test_a_british_code_begins_where_its_parts_end():
    assert beginnings("SW1A 1AA", "GB") == ["SW1A 1AA", "SW1A 1A", "SW1A 1", "SW1A", "SW1", "SW"]
    assert beginnings("E10 6AN", "GB") == ["E10 6AN", "E10 6A", "E10 6", "E10", "E"]
    held = Map([area("GB", "e1", prefix="E1"), area("GB", "e11", prefix="E1 1"), area("GB", "s", prefix="S")])
    found = {
        code: held.find("GB", "", "", code) for code in ("E1 6AN", "E1W 1AA", "E10 6AN", "E11AA", "E11 1AA", "SW1A 1AA")
    }
    assert found == {
        "E1 6AN": "e1", "E1W 1AA": "e1", "E10 6AN": None, "E11AA": "e11", "E11 1AA": None, "SW1A 1AA": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "country", "sentence"),
    [
        ("SW1", "SW9", "GB", "Give outward codes such as SW1A instead."),
        ("10999", "10115", "DE", "The range ends before it begins. Exchange 10999 and 10115."),
        ("101", "10999", "DE", "“101” and “10999” are codes of different kinds."),
        ("10115", "10_99", "DE", "“10_99” is no postal code."),
    ],
)
def test_a_range_that_cannot_be_is_said_in_a_sentence(first, last, country, sentence):
    with pytest.raises(Unreadable, match=sentence.replace(".", r"\.")):
        postal_range(first, last, country)


def test_a_zero_that_a_spreadsheet_dropped_is_put_back():
    assert (whole_code("1067", "DE"), postal_range("501", "544", "NO")) == ("01067", ("0501", "0544"))
    assert whole_code("1010", "AT") == "1010"


def test_the_smallest_area_wins_then_city_region_country():
    areas = [
        area("DE", "country"), area("DE", "region", region="DE-BE"), area("DE", "city", city="berlin"),
        area("DE", "two digits", prefix="10"), area("DE", "wide", span=("09000", "19999")),
        area("DE", "narrow", span=("10110", "10119")), area("DE", "whole", prefix="10115"),
    ]  # fmt: skip
    held = Map(areas)
    matches = [match.territory for match in held.matches("DE", "DE-BE", "BERLÍN", "10 115")]
    assert matches == ["whole", "narrow", "two digits", "wide", "city", "region", "country"]
    assert [held.find("DE", "", "", code) for code in ("10110", "10120", "19999", "20000", "08999")] == [
        "narrow", "two digits", "wide", "country", "country",
    ]  # fmt: skip
    assert [held.find(*place) for place in (("", "", "", "10115"), ("FR", "", "", "10115"))] == [None, None]


def test_ranges_that_cross_are_named_and_those_within_others_are_not():
    spans = [
        ("10000", "19999", 1),
        ("10100", "10199", 2),
        ("10150", "10250", 3),
        ("20000", "20000", 4),
        ("19", "20", 5),
    ]
    assert list(crossings(spans)) == [(2, 3), (1, 5)]


codes = st.text("012", min_size=3, max_size=3)
spans = st.tuples(codes, codes).map(lambda ends: tuple(sorted(ends)))


@given(
    st.lists(st.text("012", min_size=1, max_size=3), unique=True, max_size=8),
    st.lists(spans, unique=True, max_size=8),
    codes,
)
def test_the_index_finds_what_a_plain_search_finds(prefixes, ranges, code):
    gone = {which for _, which in crossings([(*span, number) for number, span in enumerate(ranges)])}
    ranges = [span for number, span in enumerate(ranges) if number not in gone]
    assert not list(crossings([(*span, number) for number, span in enumerate(ranges)]))
    areas = [area("DE", f"p{text}", prefix=text) for text in prefixes]
    areas += [area("DE", f"r{first}-{last}", span=(first, last)) for first, last in ranges]
    held = [(share(text), 1, f"p{text}") for text in prefixes if code.startswith(text)]
    held += [(share(*span), 0, "r{}-{}".format(*span)) for span in ranges if span[0] <= code < span[1] + LAST]
    assert [match.territory for match in Map(areas).matches("DE", "", "", code)] == [name for *_, name in sorted(held)]
