"""Failures and attempts in, decisions out: no database, no clock, no chance."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.connectors.base import RateLimited, Refused, Retry, Unauthorised
from routing.retry import (
    FACTOR,
    FIRST_DELAY,
    LONGEST_WAIT,
    MAX_ATTEMPTS,
    Failure,
    PermanentFailure,
    decide,
    unexpected,
)

chances = st.floats(0, 1, exclude_max=True)
attempts = st.integers(1, MAX_ATTEMPTS - 1)


def test_delays_without_jitter_grow_fourfold():
    delays = [decide(Failure("down"), attempt, lambda: 0.0).delay for attempt in range(1, MAX_ATTEMPTS)]
    assert [delay.total_seconds() for delay in delays] == [15, 60, 240, 960]


@given(attempts, chances)
def test_jitter_takes_off_at_most_half(attempt, chance):
    full = FIRST_DELAY * FACTOR ** (attempt - 1)
    verdict = decide(Failure("down"), attempt, lambda: chance)
    assert verdict.outcome == "again"
    assert full / 2 <= verdict.delay <= full


@given(attempts, chances, st.timedeltas(timedelta(milliseconds=1), LONGEST_WAIT))
def test_retry_after_is_never_undercut(attempt, chance, after):
    verdict = decide(RateLimited(after), attempt, lambda: chance)
    assert verdict.outcome == "again"
    assert after <= verdict.delay <= after * 1.1 + timedelta(microseconds=1)


def test_retry_after_of_a_year_waits_a_day():
    assert decide(Retry(timedelta(days=365)), 1, lambda: 0.0).delay == LONGEST_WAIT


@pytest.mark.parametrize("after", [None, timedelta(0), timedelta(seconds=-5)])
def test_retry_after_of_nothing_backs_off(after):
    assert decide(RateLimited(after), 2, lambda: 0.0).delay == timedelta(seconds=60)


def test_last_attempt_is_dead():
    assert decide(RateLimited(timedelta(seconds=5)), MAX_ATTEMPTS, lambda: 0.0).outcome == "dead"


@pytest.mark.parametrize("failure", [Refused(), Unauthorised(), PermanentFailure("no_use")])
def test_permanent_failure_stops_at_the_first_attempt(failure):
    assert decide(failure, 1, lambda: 0.0).outcome == "stopped"


def test_unexpected_error_keeps_its_type_and_not_its_text():
    failure = unexpected(ValueError("ada@analytical.example is odd"))
    assert (str(failure), failure.permanent) == ("unexpected_error: ValueError", False)
