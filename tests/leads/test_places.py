"""Countries, regions, postal codes, time zones and languages in their usual spellings."""

import pytest

from leads.languages import language_code
from leads.places import country_code, country_part, postal_code, region_code, time_zone


@pytest.mark.parametrize(
    ("code", "spellings"),
    [
        (
            "DE",
            "de|DEU|276|Germany|Deutschland|Allemagne|Federal Republic of Germany|Germany (DE)|DE - Germany",
        ),
        (
            "GB",
            "UK|U.K.|gb|GBR|Great Britain|England|Scotland|United Kingdom|Vereinigtes Königreich|Royaume-Uni",
        ),
        (
            "US",
            "USA|U.S.A.|us|United States|United States of America|Vereinigte Staaten|Estados Unidos|the USA",
        ),
        ("NL", "Holland|The Netherlands|Nederland|Niederlande"),
        ("AT", "Österreich|OESTERREICH|Austria"),
        ("CZ", "Czechia|Czech Republic|Česko"),
        ("KR", "South Korea|Korea, Republic of|대한민국"),
        ("CI", "Côte d’Ivoire|Cote d'Ivoire|Ivory Coast"),
        ("JP", "日本|Japan|Japon"),
        ("GR", "EL|Greece|Ελλάδα"),
        ("NA", "NA|Namibia"),
        ("GE", "Georgia"),
        ("TR", "Turkey|Türkiye"),
        ("", "|Atlantis|Europe|XX|ZZZ|999|Springfield"),
    ],
)
def test_a_country_is_known_by_its_usual_spellings(code, spellings):
    assert {spelling: country_code(spelling) for spelling in spellings.split("|")} == dict.fromkeys(
        spellings.split("|"), code
    )


def test_a_part_of_a_country_is_a_region_of_it():
    assert (country_part("Scotland"), country_part("Germany")) == ("GB-SCT", "")


@pytest.mark.parametrize(
    ("country", "code", "spellings"),
    [
        ("US", "US-TX", "TX|tx|Texas|US-TX|us_tx|State of Texas"),
        ("US", "US-DC", "DC|D.C.|Washington, D.C.|District of Columbia"),
        ("DE", "DE-BY", "BY|Bayern|Bavaria|Freistaat Bayern|Bavière"),
        ("DE", "DE-NW", "NRW|Nordrhein-Westfalen|North Rhine-Westphalia"),
        ("CH", "CH-ZH", "ZH|Zürich|Zurich|Kanton Zürich"),
        ("FR", "FR-IDF", "Île-de-France|ile de france|IDF"),
        ("ES", "ES-CT", "Catalunya|Cataluña|Catalonia"),
        ("SE", "SE-M", "Skåne|Skåne län|M"),
        ("CA", "CA-QC", "Québec|Quebec|QC"),
        ("GB", "GB-ENG", "England|ENG"),
        ("", "US-TX", "US-TX|us-tx"),
        ("", "", "Texas|TX|XX-TX|"),
        ("US", "", "Wonderland|DE-BY|"),
        ("QQ", "", "TX"),
    ],
)
def test_a_region_is_known_within_its_country(country, code, spellings):
    assert {s: region_code(s, country) for s in spellings.split("|")} == dict.fromkeys(spellings.split("|"), code)


@pytest.mark.parametrize(
    ("given", "country", "code"),
    [
        ("D-10115", "DE", "10115"),
        ("1067", "DE", "01067"),
        ("2108", "US", "02108"),
        ("021081234", "US", "02108-1234"),
        ("sw1a1aa", "GB", "SW1A 1AA"),
        ("k1a-0b1", "CA", "K1A 0B1"),
        ("1012ab", "NL", "1012 AB"),
        ("00950", "PL", "00-950"),
        ("11455", "SE", "114 55"),
        ("ab 12", "", "AB 12"),
    ],
)
def test_a_postal_code_is_written_as_its_country_does(given, country, code):
    assert postal_code(given, country) == (code, True)
    assert postal_code(code, country) == (code, True)


@pytest.mark.parametrize(("given", "country"), [("SW1A 1AA", "US"), ("ABC", "DE"), ("123456789012", "GB")])
def test_a_postal_code_that_does_not_fit_is_kept_and_told(given, country):
    assert postal_code(given, country) == (given, False)


@pytest.mark.parametrize(
    ("code", "spellings"),
    [
        ("de", "de|DE|de-CH|de_AT.UTF-8|deu|ger|German|Deutsch|allemand"),
        ("en", "en|en-US,en;q=0.9|English|English (US)|Englisch"),
        ("pt", "pt_BR|Portuguese|Português"),
        ("fr", "fre|fra|Français|french"),
        ("zh", "zh-Hans-CN|Chinese|中文|Mandarin"),
        ("ja", "日本語|Japanese"),
        ("", "|Elvish|xx|???"),
    ],
)
def test_a_language_is_known_by_its_usual_spellings(code, spellings):
    assert {s: language_code(s) for s in spellings.split("|")} == dict.fromkeys(spellings.split("|"), code)


def test_a_time_zone_has_its_own_spelling():
    given = ("europe/berlin", "America/New York", "UTC", "Mars/Olympus", "")

    assert [time_zone(zone) for zone in given] == ["Europe/Berlin", "America/New_York", "UTC", "", ""]
