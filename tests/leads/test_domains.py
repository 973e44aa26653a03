"""Domains out of hosts, websites and addresses, and which of them strangers share."""

import pytest

from leads.domains import DomainLists, read_domain


@pytest.mark.parametrize(
    ("given", "company"),
    [
        ("example.com", "example.com"),
        ("https://www.Example.co.uk:8080/contact?x=1#y", "example.co.uk"),
        ("www.acme.com.br/", "acme.com.br"),
        ("//acme.de", "acme.de"),
        ("bob@mail.acme.de", "acme.de"),
        ("http://user:secret@acme.de/", "acme.de"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("acme.de.", "acme.de"),
        ("gmail.com", ""),
        ("acme.myshopify.com", ""),
        ("acme.github.io", ""),
        ("myshopify.com", ""),
        ("https://www.facebook.com/acme", ""),
        ("https://sites.google.com/view/acme", ""),
        ("guerrillamail.com", ""),
    ],
)
def test_only_a_domain_of_its_own_stands_for_a_company(given, company):
    domain = read_domain(given)

    assert domain is not None
    assert domain.company == company


@pytest.mark.parametrize("given", ["", "acme", "com", "co.uk", "10.0.0.1", "http://[::1", "a b.de", "x..de", "-.de"])
def test_what_is_no_domain_is_none(given):
    assert read_domain(given) is None


def test_rented_hosts_are_shared_and_their_parents_owner_is_not():
    renter, owner = read_domain("https://git-pages.rit.edu/x"), read_domain("https://www.rit.edu")

    assert renter is not None
    assert owner is not None
    assert (renter.shared, owner.shared) == (True, False)


def test_a_platform_is_shared_as_a_website_and_a_company_as_a_mail_host():
    page, mail = read_domain("https://linkedin.com/in/bob"), read_domain("bob@linkedin.com")

    assert page is not None
    assert mail is not None
    assert (page.company, mail.company) == ("", "linkedin.com")


def test_the_lists_can_be_edited():
    lists = DomainLists(free=frozenset({"acme.de"}), disposable=frozenset(), shared=frozenset({"hall.de"}))

    found = [read_domain(host, lists) for host in ("acme.de", "gmail.com", "desk.hall.de")]

    assert [domain and (domain.free, domain.shared) for domain in found] == [
        (True, False), (False, False), (False, True),
    ]  # fmt: skip
