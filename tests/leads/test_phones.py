"""Phone numbers as people type them."""

import pytest

from leads.phones import read_phone


@pytest.mark.parametrize(
    ("given", "country", "number", "possible_only"),
    [
        ("+15551234567", "", "+15551234567", True),
        ("+1 (555) 123-4567", "DE", "+15551234567", True),
        ("(555) 123-4567", "US", "+15551234567", True),
        ("+49 30 1234567", "", "+49301234567", False),
        ("030 / 123 45 67", "DE", "+49301234567", False),
        ("0049 30 1234567", "", "+49301234567", False),
        ("0049 30 1234567", "US", "+49301234567", False),
        ("011 49 30 1234567", "US", "+49301234567", False),
        ("49 30 1234567", "", "+49301234567", False),
        ("+44 (0)20 7946 0958", "", "+442079460958", False),
        ("tel:+442079460958", "", "+442079460958", False),
        ("1-800-FLOWERS", "US", "+18003569377", False),
        ("+49 30 1234567 ext. 12", "", "+49301234567", False),
        ("٠٣٠١٢٣٤٥٦٧", "DE", "+49301234567", False),
    ],
)
def test_a_number_becomes_e164(given, country, number, possible_only):
    phone = read_phone(given, country)

    assert phone is not None
    assert (phone.number, phone.e164, phone.possible_only) == (number, number, possible_only)


@pytest.mark.parametrize(("given", "country"), [("030 1234567", ""), ("555-1234", "US"), ("(555) 123-4567", "")])
def test_a_number_that_only_a_neighbour_can_dial_is_kept_as_digits(given, country):
    phone = read_phone(given, country)

    assert phone is not None
    assert phone.number == "".join(c for c in given if c.isdigit())
    assert (phone.without_country, phone.e164) == (True, "")


@pytest.mark.parametrize(
    ("given", "country"),
    [("", ""), ("abc", "US"), ("12", ""), ("12", "DE"), ("+12", ""), ("+999 123 4567", ""),
     ("000000000", "US"),
     ("call me", ""), ("+1 555 123 4567 8901 2345", ""), ("99999999998", "US"), ("1234567" * 20, "")],
)  # fmt: skip
def test_what_cannot_be_a_number_is_none(given, country):
    assert read_phone(given, country) is None
