"""E-mail addresses as people type them."""

import pytest

from leads.emails import Email, read_email


def read(value: str) -> Email:
    email = read_email(value)
    assert email is not None
    return email


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("ops@example.com", "ops@example.com"),
        ("Anna.Mueller@ACME.de", "anna.mueller@acme.de"),
        (" Bob Smith <Bob@Acme.de> ", "bob@acme.de"),
        ("mailto:bob@acme.de?subject=Hi", "bob@acme.de"),
        ("bob@acme.de.", "bob@acme.de"),
        ("bob@münchen.de", "bob@xn--mnchen-3ya.de"),
        ("bob@xn--mnchen-3ya.de", "bob@xn--mnchen-3ya.de"),
        ("jörg@acme.de", "jörg@acme.de"),
        ("bob+crm@acme.de", "bob+crm@acme.de"),
        ("probe@revroute.test", "probe@revroute.test"),
    ],
)
def test_an_address_becomes_its_matching_key(given, address):
    assert read(given).address == address


@pytest.mark.parametrize(
    "given",
    ["", "bob", "bob@", "@acme.de", "bob@acme", "bob@@acme.de", "bob smith@acme.de", "bob@acme..de",
     "bob@-a.de",
     "bob@localhost", "bob@host.invalid", "bob@[10.0.0.1]", "a@" + "x" * 400 + ".de"],
)  # fmt: skip
def test_what_is_no_address_is_none(given):
    assert read_email(given) is None


@pytest.mark.parametrize(
    ("given", "free", "role", "disposable"),
    [
        ("bob@acme.de", False, False, False),
        ("bob@gmail.com", True, False, False),
        ("bob@tutanota.com", True, False, False),
        ("info@acme.de", False, True, False),
        ("sales2+web@acme.de", False, True, False),
        ("bob@guerrillamail.com", False, False, True),
        ("bob@eu.guerrillamail.com", False, False, True),
    ],
)
def test_the_kind_of_an_address_is_told(given, free, role, disposable):
    email = read(given)

    assert (email.free, email.role, email.disposable) == (free, role, disposable)
