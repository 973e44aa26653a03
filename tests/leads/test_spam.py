"""Spam is named by its reason, and no pattern can hang."""

import time

import pytest

from leads.normalise import normalise
from leads.spam import HONEYPOT_FIELDS, matches

LEAD = {"email": "bob@acme.de", "message": "We need help with cheap SEO links"}


@pytest.mark.parametrize("name", HONEYPOT_FIELDS)
def test_a_filled_honeypot_is_spam_and_an_empty_one_is_not(name):
    filled, empty = normalise(LEAD | {name: "http://x"}, {}), normalise(LEAD | {name: ""}, {})

    assert (filled.spam, filled.validity) == ("honeypot_filled", "spam")
    assert (empty.spam, empty.validity) == ("", "usable")


def test_a_source_may_name_its_own_honeypot():
    assert normalise(LEAD | {"Fax 2": "1"}, {"honeypot_fields": ["fax_2"]}).spam == "honeypot_filled"


def test_a_disposable_address_is_spam_only_without_a_phone():
    alone = normalise({"email": "x@mailinator.com"}, {})
    with_phone = normalise({"email": "x@mailinator.com", "phone": "+49301234567"}, {})

    assert (alone.spam, alone.validity) == ("disposable_email_no_phone", "spam")
    assert (with_phone.spam, with_phone.validity) == ("", "usable")
    assert with_phone.flags["email_disposable"] is True


@pytest.mark.parametrize(
    ("pattern", "spam"),
    [("CHEAP seo", "blocked_pattern"), ("*@acme.de", "blocked_pattern"), ("*cheap*links", "blocked_pattern"),
     ("acme.d*e.x", ""), ("*@acme", ""), ("links*", ""), ("", ""), ("**", ""), ("casino", "")],
)  # fmt: skip
def test_a_blocked_pattern_is_a_part_or_a_shape(pattern, spam):
    assert normalise(LEAD, {"blocked_patterns": [pattern]}).spam == spam


def test_a_hostile_pattern_takes_linear_time():
    started = time.perf_counter()

    assert not matches("*a" * 2000 + "*b", "a" * 100_000)
    assert time.perf_counter() - started < 1
