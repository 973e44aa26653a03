"""Single values: blanks, flags, scores, sizes, words of a vocabulary, names."""

import pytest

from leads import values


@pytest.mark.parametrize(
    ("given", "size"),
    [("11-50", 11), ("51_200", 51), ("1,000+", 1000), ("1.000 - 5.000", 1000), ("10k+", 10_000), ("250", 250),
     ("50 employees", 50), ("<10", 1), ("up to 10", 1), ("Just me", 1), ("1’500", 1500), ("2.5k", 2500),
     ("0", 0), ("", None), ("many", None), ("-5", None), ("9" * 40, None)],
)  # fmt: skip
def test_a_company_size_is_the_lower_bound(given, size):
    assert values.read_size(given) == size


@pytest.mark.parametrize(
    ("given", "score"),
    [("91", 91), ("0", 0), ("100", 100), ("91.9", 91), ("91 %", 91), ("91/100", 91), ("101", None),
     ("-1", None),
     ("hot", None), ("nan", None), ("inf", None), ("1e400", None)],
)  # fmt: skip
def test_a_score_is_a_whole_number_up_to_a_hundred(given, score):
    assert values.read_score(given) == score


@pytest.mark.parametrize(
    ("given", "flag"),
    [("true", True), ("Yes", True), ("1", True), ("on", True), ("ja", True), ("granted", True),
     ("false", False),
     ("NO", False), ("0", False), ("off", False), ("opt-out", False), ("maybe", None), ("2", None)],
)  # fmt: skip
def test_a_flag_is_read_in_the_words_of_forms(given, flag):
    assert values.read_flag(given) is flag


@pytest.mark.parametrize(
    ("given", "urgency"),
    [("high", "high"), ("URGENT", "high"), ("ASAP!", "critical"), ("P1", "critical"), ("medium", "normal"),
     ("not urgent", "low"), ("3", "normal"), ("blue", None)],
)  # fmt: skip
def test_an_urgency_is_read_with_its_synonyms(given, urgency):
    assert values.read_urgency(given) == urgency


@pytest.mark.parametrize(
    ("given", "lead_type"),
    [("demo", "demo"), ("Book a Demo", "demo"), ("demo-request", "demo"), ("RFQ", "quote"),
     ("Contact us", "contact"),
     ("whitepaper", "content"), ("onboarding call", "onboarding_call"), ("lottery", None)],
)  # fmt: skip
def test_a_lead_type_is_read_with_its_synonyms_and_own_types(given, lead_type):
    assert values.read_lead_type(given, frozenset({"onboarding_call"})) == lead_type


@pytest.mark.parametrize(
    ("given", "names"),
    [("Anna Müller", ("Anna", "Müller")), ("Juan Carlos Pérez", ("Juan Carlos", "Pérez")),
     ("Cher", ("Cher", "")),
     ("Müller, Anna", ("Anna", "Müller")), ("  ", ("", "")), (",", ("", "")), ("Anna,", ("Anna", ""))],
)  # fmt: skip
def test_the_last_word_of_a_name_is_the_last_name(given, names):
    assert values.split_name(given) == names


@pytest.mark.parametrize("given", ["", "-", "N/A", "null", "None", "undefined", "(not set)", "{{lead.email}}"])
def test_what_systems_write_for_nothing_is_blank(given):
    assert values.is_blank(given)


def test_null_is_a_persons_name():
    assert not values.is_blank("Null", is_name=True)
    assert values.is_blank("N/A", is_name=True)


def test_numbers_become_texts_without_noise():
    given = [5000.0, 91.5, True, 12, None, float("nan"), 10**5000, "x", ["nested"]]

    assert values.texts(given, 50) == ["5000", "91.5", "true", "12", "x"]


def test_a_key_is_a_slug():
    assert [values.read_key(text) for text in ("Europe", "North America / East", "emea-north", "!!")] == [
        "europe", "north_america_east", "emea-north", None,
    ]  # fmt: skip


def test_choices_are_split_once_and_kept_in_order():
    assert values.read_list(["CRM; Routing,CRM"]) == ["CRM", "Routing"]
    assert values.read_list(["Foo, Inc", "Bar"]) == ["Foo, Inc", "Bar"]
    assert values.read_list([", "]) is None
