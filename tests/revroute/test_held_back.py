"""Guessing passwords: who fails too often is held back, from that address, for a while; nobody else is."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from axes.models import AccessAttempt, AccessLog
from django.core.checks import run_checks
from django.test import Client
from django.urls import reverse

from owners.models import User
from owners.sign_in import forget_failures, held_until, name_of
from owners.visitors import address_of, visitor_of
from routing.worker import PARTS

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 24, 9, 30, 20, tzinfo=UTC)
HERE, ELSEWHERE = "192.0.2.7", "192.0.2.8"


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def people(db):
    for name in ("elena", "marco"):
        User.objects.create_user(name, password="right-one-here")


def sign_in(password, name="elena", address=HERE, **headers):
    given = {"username": name, "password": password, "next": "/"}
    return Client(REMOTE_ADDR=address, headers=headers).post(reverse("admin:login"), given)


def fail(times, **who):
    return [sign_in("wrong", **who).status_code for _ in range(times)]


def test_the_fifth_failure_holds_the_name_back_from_that_address_alone(clock, caplog):
    with caplog.at_level(logging.INFO):
        assert fail(5) == [200, 200, 200, 200, 429]
        clock.shift(60)
        answer = sign_in("right-one-here", **{"User-Agent": "another browser"})
    page = answer.content.decode()
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (429, "840", "no-store")
    assert '<time datetime="2026-11-24T09:46:00+00:00"><strong>09:46 UTC</strong></time>, in 14 minutes.' in page
    assert "was wrong 5 times" in page
    assert "elena" not in page
    assert sign_in("right-one-here", address=ELSEWHERE).status_code == 302
    assert sign_in("right-one-here", name="marco").status_code == 302
    assert [row for row in caplog.messages if "elena" in row or HERE in row] == []
    assert sum("held back" in row for row in caplog.messages) == 2


def test_the_end_that_was_named_stays_and_is_the_end(clock):
    fail(5)
    clock.shift(14 * 60)
    assert fail(3) == [429] * 3
    clock.move_to(datetime(2026, 11, 24, 9, 46, tzinfo=UTC))
    assert sign_in("right-one-here").status_code == 302


def test_failures_of_several_browsers_add_up_and_end_one_after_the_other(clock):
    for browser in range(4):
        fail(1, **{"User-Agent": f"browser {browser}"})
        clock.shift(60)
    assert held_until("elena", HERE, START) is None
    assert fail(2) == [429, 429]
    # Five were counted: when the oldest is over, four are left.
    assert held_until("elena", HERE, START + timedelta(minutes=4)) == START + timedelta(minutes=15)


def test_who_signs_in_begins_at_nothing_again_and_leaves_no_record(clock):
    fail(4)
    assert sign_in("right-one-here").status_code == 302
    assert fail(4) == [200] * 4
    assert AccessLog.objects.count() == 0
    kept = AccessAttempt.objects.get()
    assert "wrong" not in kept.post_data
    assert "elena" not in kept.post_data


def test_the_tick_forgets_failures_that_are_over(clock):
    fail(5)
    assert forget_failures(START + timedelta(minutes=15)) == 0
    PARTS["escalation"](lambda: START + timedelta(minutes=15, seconds=1))
    assert AccessAttempt.objects.count() == 0


def test_the_demo_waits_longer_because_its_visitors_share_users_and_addresses(clock, settings):
    settings.AXES_FAILURE_LIMIT = 100
    assert fail(20) == [200] * 20
    assert sign_in("right-one-here").status_code == 302


def test_sign_in_takes_few_statements(clock, django_assert_num_queries):
    client = Client(REMOTE_ADDR=HERE)
    given = {"username": "elena", "password": "right-one-here", "next": "/"}
    # Ours are three: whether it is held back, what is over, what is reset.
    with django_assert_num_queries(12):
        assert client.post(reverse("admin:login"), given).status_code == 302


def test_code_that_signs_in_without_a_request_is_not_counted(clock):
    fail(5)
    assert Client().login(username="elena", password="right-one-here")
    Client().force_login(User.objects.get(username="elena"))


def test_axes_is_set_up_as_it_wants_to_be():
    assert [problem for problem in run_checks() if problem.id.startswith("axes")] == []


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address", "counted"),
    [
        (0, "203.0.113.9", "10.0.0.1", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9:4711", "203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1", "10.0.0.1"),
        (1, "unknown", "10.0.0.1", "10.0.0.1"),
        (1, "", "10.0.0.1", "10.0.0.1"),
        (1, "[2001:db8::7:1]:80", "2001:db8::7:1", "2001:db8::"),
        (1, "::ffff:203.0.113.9", "203.0.113.9", "203.0.113.9"),
    ],
)
def test_only_what_trusted_proxies_wrote_names_the_visitor(rf, settings, proxies, forwarded, address, counted):
    settings.TRUSTED_PROXIES = proxies
    request = rf.get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR="10.0.0.1")
    assert (address_of(request), visitor_of(request)) == (address, counted)


def test_a_server_that_knows_no_address_still_counts(clock):
    assert fail(5, address="") == [200, 200, 200, 200, 429]


HOSTILE_NAMES = ("x" * 151, "x" * 300, "é" * 256, "\ufdfa" * 100, "a\0b", "a\0" * 300, "\0")
HOSTILE_BROWSERS = ({"User-Agent": "u" * 5000}, {"Accept": "a" * 5000}, {"X-Forwarded-For": "1" * 3000})
HOSTILE_QUERIES = ("?" + "q" * 5000, "?a=%00&%00=b", "?next=" + "x" * 5000, "?next=%00", "?a=%ed%a0%80&b=%ff")


def test_a_sign_in_that_no_browser_sends_fails_like_any_other_and_is_counted(clock):
    """PostgreSQL alone refuses text that is too long for a column, or holds NUL."""
    for name in HOSTILE_NAMES:
        assert fail(2, name=name) == [200, 200], name
    for name in ("x" * 300, "y\0" * 300 + "z"):  # the form itself turns NUL away before anybody counts
        assert fail(5, name=name)[-1] == (200 if "\0" in name else 429)
    for headers in HOSTILE_BROWSERS:
        assert fail(1, name="marco", **headers) == [200], headers
    for query in HOSTILE_QUERIES:
        answer = Client(REMOTE_ADDR=ELSEWHERE).post(
            reverse("admin:login") + query, {"username": query, "password": "wrong"}
        )
        assert answer.status_code == 200, query[:20]
    assert sign_in("right-one-here", name="marco").status_code == 302


def test_a_counted_name_is_what_the_column_takes():
    assert name_of(None, {"username": "a\0" + "b" * 300}) == "a\ufffd" + "b" * 253
    assert (name_of(None, None), name_of(None, {"username": None})) == ("", "")
