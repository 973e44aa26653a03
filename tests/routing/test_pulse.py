"""How long nothing moved, under clocks that jump."""

from datetime import timedelta

import pytest

from routing.pulse import Ages, Patience
from tests.builders import NOW

HOUR = timedelta(hours=1)


def test_patience_counts_the_seconds_that_it_watched_nothing_happen():
    patience = Patience()
    waited = [
        patience.look(count, True, second) for count, second in [(0, 100), (0, 101), (0, 103), (1, 104), (1, 105)]
    ]
    assert waited == [0, 1, 3, 0, 1]
    assert [patience.look(1, False, 106), patience.look(1, True, 107)] == [0, 1]


def test_patience_does_not_hold_its_own_sleep_against_the_other():
    patience = Patience(longest_gap=5)
    patience.look(0, True, 0)
    assert patience.look(0, True, 3600) == 5
    patience.forget()
    assert patience.look(0, True, 7200) == 0


@pytest.mark.parametrize("jump", [HOUR, -HOUR, timedelta(days=-400)])
def test_age_of_a_counter_that_moves_is_small_wherever_the_clock_jumps(jump):
    ages = Ages()
    assert ages.age("beat", 1, NOW - timedelta(seconds=7), NOW, 0) == 7
    assert ages.age("beat", 2, NOW, NOW + jump, 10) == 0
    assert ages.age("beat", 2, NOW, NOW + jump, 13) == 3


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_age_of_a_counter_that_stands_still_grows_wherever_the_clock_jumps(jump):
    ages = Ages()
    ages.age("beat", 1, NOW, NOW, 0)
    assert [ages.age("beat", 1, NOW, NOW + jump, second) for second in (30, 90)] == [30, 90]


def test_instant_that_lies_ahead_counts_as_now_and_ages_from_then_on():
    ages = Ages()
    assert [ages.age("beat", 1, NOW + HOUR, NOW, second) for second in (0, 70)] == [0, 70]
