"""Windows: half-open borders, hours of the week on the wall clock of a zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from routing.engine.rules import RuleError, compile_rules
from routing.engine.windows import Window
from tests.engine.rule_content import content, matched, rule

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("weekdays", "hours", "at", "holds"),
    [
        # Monday 2 March 2026 in Berlin is an hour ahead of UTC.
        ([0], (540, 1020), "2026-03-02T08:00:00+00:00", True),
        ([0], (540, 1020), "2026-03-02T07:59:59+00:00", False),
        ([0], (540, 1020), "2026-03-02T15:59:59+00:00", True),
        ([0], (540, 1020), "2026-03-02T16:00:00+00:00", False),
        ([1], (540, 1020), "2026-03-02T09:00:00+00:00", False),
        ([], (540, 1020), "2026-03-03T09:00:00+00:00", True),
        ([6], None, "2026-03-01T23:00:00+00:00", False),  # it is Monday there already
        ([0], None, "2026-03-01T23:00:00+00:00", True),
        # Friday night into Saturday belongs to Friday.
        ([4], (1320, 360), "2026-03-06T21:00:00+00:00", True),
        ([4], (1320, 360), "2026-03-07T04:59:59+00:00", True),
        ([4], (1320, 360), "2026-03-07T05:00:00+00:00", False),
        ([4], (1320, 360), "2026-03-06T04:00:00+00:00", False),
        # Summer time begins on 29 March at 02:00: nine o'clock is nine o'clock on both days.
        ([], (540, 600), "2026-03-28T08:00:00+00:00", True),
        ([], (540, 600), "2026-03-29T07:00:00+00:00", True),
        ([], (540, 600), "2026-03-29T08:00:00+00:00", False),
        ([], (0, 1440), "2026-03-29T12:00:00+00:00", True),
    ],
)
def test_hours_of_the_week_are_read_on_the_wall_clock_of_the_zone(weekdays, hours, at, holds):
    window = Window(None, None, frozenset(weekdays), *(hours or (None, None)), BERLIN)
    assert window.holds(datetime.fromisoformat(at)) is holds
    start, end = hours or (None, None)
    rules = compile_rules(
        content(rule(1, weekdays=weekdays, from_minute=start, until_minute=end), zone="Europe/Berlin")
    )
    assert matched(rules, {}, now=datetime.fromisoformat(at)) == ([1] if holds else [])


def test_a_date_is_a_day_of_the_version_s_zone():
    asked = rule(1, [("received_at", "before", "2026-03-02")])
    fact = {"received_at": "2026-03-01T23:30:00+00:00"}
    assert matched(compile_rules(content(asked, zone="UTC")), fact) == [1]
    assert matched(compile_rules(content(asked, zone="Europe/Berlin")), fact) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"weekdays": [7]}, "window_malformed"),
        ({"weekdays": "monday"}, "window_malformed"),
        ({"from_minute": 5}, "window_malformed"),
        ({"from_minute": 60, "until_minute": 60}, "window_malformed"),
        ({"from_minute": 1440, "until_minute": 60}, "window_malformed"),
        ({"from_minute": 0, "until_minute": 1441}, "window_malformed"),
    ],
)
def test_hours_that_make_no_sense_do_not_compile(changes, code):
    with pytest.raises(RuleError) as refused:
        compile_rules(content(rule(1, **changes)))
    assert refused.value.code == code


def test_a_zone_that_does_not_exist_does_not_compile():
    with pytest.raises(RuleError) as refused:
        compile_rules(content(zone="Europe/Atlantis"))
    assert refused.value.code == "zone_unknown"


def test_the_last_day_of_between_ends_before_the_next_one_begins():
    rules = compile_rules(content(rule(1, [("received_at", "between", ["2026-03-28", "2026-03-29"])]), zone="UTC"))
    borders = ["2026-03-28T00:00:00+00:00", "2026-03-29T23:59:59.999999+00:00", "2026-03-30T00:00:00+00:00"]
    assert [matched(rules, {"received_at": at}) for at in borders] == [[1], [1], []]
