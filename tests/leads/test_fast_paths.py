"""A quick way to a value gives what the thorough way gives: emails, hosts, phones, blanks and sizes."""

# ruff: noqa: SIM905 (a list of words reads best as words)

import time
from urllib.parse import urlsplit

import idna
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from leads import domains, emails, phones
from leads.flatten import Leaf, flatten
from leads.phones import Phone, read_phone
from leads.values import is_blank, read_size
from tests.once import examples

QUICK = settings(max_examples=examples(200), deadline=None)
PUBLIC_SUFFIXES = (PublicSuffixList(only_icann=True), PublicSuffixList())

ATOM_LETTERS = "abzABZ019_!#$%&'*+/=?^`{|}~-"
atoms = st.text(ATOM_LETTERS, min_size=1, max_size=6)
odd_locals = st.sampled_from(
    (
        "",
        ".",
        ".a",
        "a.",
        "a..b",
        '"a b"',
        '"a"',
        "a b",
        "jörg",
        "a\u0301",
        "A<b",
        "a>",
        "info",
        "INFO",
        "x" * 64,
        "x" * 250,
    )
)
locals_ = st.lists(atoms, min_size=1, max_size=3).map(".".join) | odd_locals
odd_labels = st.sampled_from(
    (
        "",
        "-a",
        "a-",
        "a--b",
        "ab--c",
        "xn--mnchen-3ya",
        "xn--",
        "a_b",
        "münchen",
        "x" * 63,
        "x" * 64,
        "İ",
        "a b",
        "[1",
        "<a",
    )
)
labels = st.text("abAB01-", min_size=1, max_size=6) | odd_labels
top_levels = st.sampled_from(
    "de com COM example co.uk test invalid localhost local onion arpa github.io ck www.ck kobe.jp city.kobe.jp c 1 a1"
    " xn--p1ai рф".split()
)
hosts = st.builds(lambda front, top: ".".join((*front, top)), st.lists(labels, max_size=3), top_levels)
everyday_hosts = st.builds(lambda label, top: f"n{label}x.{top}", st.text("abAB01", max_size=60), top_levels)
addresses = st.builds(
    lambda local, at, host: f"{local}{at}{host}", locals_, st.sampled_from("@@@@@＠"), everyday_hosts | hosts
)
calling_codes = st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
digits = st.text("0123456789", max_size=14)
numbers = st.builds(lambda code, rest: f"+{code}{rest}", calling_codes | digits, digits)


@settings(max_examples=examples(600), deadline=None)
@given(addresses)
def test_an_address_read_quickly_is_the_one_the_validator_gives(address):
    assert emails._address(address) == emails._checked(address)


def test_an_everyday_address_is_read_quickly():
    assert all(map(emails._is_plain, ("anna.mueller+crm@acme-tools.co.uk", "O'Neil@ACME.de")))
    assert not any(map(emails._is_plain, ("jörg@acme.de", "a@münchen.de", "a@xn--mnchen-3ya.de", "a@x.invalid")))


@QUICK
@given(everyday_hosts | hosts)
def test_a_plain_host_is_its_own_idna_form_and_its_own_website(host):
    if domains.is_plain_host(host):
        assert host.lower() == idna.encode(host, uts46=True).decode() == urlsplit(f"//{host}").hostname


@QUICK
@given(everyday_hosts | hosts, st.booleans())
def test_a_host_is_shared_where_the_private_suffix_is_longer(host, website):
    icann, whole = PUBLIC_SUFFIXES
    domain = domains.read_host(host, domains.DomainLists(frozenset(), frozenset()), website)

    if domain:
        assert domain.registrable == icann.privatesuffix(domain.host)
        assert domain.shared == (whole.publicsuffix(domain.host) != icann.publicsuffix(domain.host))


@settings(max_examples=examples(1000), deadline=None)
@given(numbers)
def test_a_number_split_quickly_is_the_one_the_library_parses(number):
    if phones._PLAIN.fullmatch(number) and (split := phones._unambiguous(number)):
        assert split == phonenumbers.parse(number, None)


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_example_numbers_of_a_country_are_read_as_the_library_formats_them(region):
    number = phonenumbers.example_number(region)
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    assert read_phone(text) == Phone(text, possible_only=False)


def test_an_everyday_number_is_split_quickly():
    assert [phones._unambiguous(n) for n in ("+49301234567", "+4903012345678", "+390612345678", "+80012345678")] == [
        phonenumbers.parse("+49301234567"), None, None, None,
    ]  # fmt: skip


@QUICK
@given(st.text("nuloekw{}[]-( )setpcfiNßİ ", max_size=70) | st.text(max_size=5).map(lambda text: f"{{{{{text}}}}}"))
def test_a_long_text_is_blank_only_as_a_placeholder(text):
    folded = text.casefold()
    if len(text) > 15:
        assert is_blank(text) == (len(text) <= 60 and folded.startswith("{{") and folded.endswith("}}"))


@QUICK
@given(st.integers(0, 10**20) | st.integers(0, 20_000_000), st.integers(0, 3))
def test_a_size_of_nothing_but_digits_is_read_as_one_with_a_plus(size, zeros):
    text = "0" * zeros + str(size)

    assert read_size(text) == read_size(f"{text}+")


def test_leaves_come_in_the_order_of_the_payload_at_every_depth():
    found = flatten({"a": 1, "lead": {"b": 2, "c": [{"name": "d", "value": 3}, "x"]}, "e[f]": 4, "data[g]": 5, "h": {}})

    assert found.leaves == [
        Leaf(("a",), 1, False),
        Leaf(("lead", "b"), 2, True),
        Leaf(("lead", "c", "d"), 3, True),
        Leaf(("lead", "c", "1"), "x", True),
        Leaf(("e", "f"), 4, False),
        Leaf(("data", "g"), 5, True),
    ]


@pytest.mark.parametrize("part", ["a", "a-", "a.", "-", "a.a-", "!"])
def test_no_address_hangs_the_patterns(part):
    started = time.perf_counter()

    assert not emails._is_plain(part * 100_000 + "@" + part * 100_000)
    assert emails._PLAIN_LOCAL.fullmatch(part * 20_000 + " ") is None
    assert domains._PLAIN_HOST.fullmatch(part * 20_000 + " ") is None
    assert time.perf_counter() - started < 2
