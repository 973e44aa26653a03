"""Every minute of the nights in which the clocks change: each rung once, never early, less than a minute late.

What is expected is counted here minute by minute, by what the wall clock shows; nothing of the business time is
asked. The same again with a worker that was down while the clocks changed.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from owners.models import WeeklyHours
from routing.escalation import sweep
from routing.models import Escalation, SlaClock, SlaPolicy
from tests.once import FULL
from tests.routing.ladders import MINUTE, change, make_company, owned

pytestmark = pytest.mark.django_db

CHANGES = {
    "Berlin forward": ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC), 60),
    "Berlin back": ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC), -60),
    "New York forward": ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC), 60),
    "New York back": ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC), -60),
    "Lord Howe back, by half an hour": ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC), -30),
    "Lord Howe forward, by half an hour": ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC), 30),
    "Santiago back, over midnight": ("America/Santiago", datetime(2026, 4, 5, 3, tzinfo=UTC), -60),
    "Santiago forward, at midnight": ("America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC), 60),
}
OPEN = ((0, 150), (165, 360), (1320, 1440))
"""Minutes after midnight, every day: a break of a quarter of an hour lies within, in the hours that change."""
SHARES = {"accepted": (100,), "first_touch": (80, 100), "no_activity": (50, 100)}
BUDGETS = {"accepted": 20, "first_touch": 60, "no_activity": 90}
SHOWN = list(CHANGES) if FULL else list(CHANGES)[connection.vendor == "sqlite" :: 2]
"""The short form shows half of them on each database."""
STARTS = (-125, -61, -20, -1, 0, 35, 90)
"""Minutes before and after the change at which a lead comes in, and 17 seconds."""


def company(zone):
    """Elena and Marco work at night; a promise of each kind."""
    people = make_company(time_zone=zone)
    change(people.marco, time_zone=zone)
    WeeklyHours.objects.bulk_create(
        WeeklyHours(owner=owner, weekday=day, start_minute=start, end_minute=end)
        for owner in (people.elena, people.marco) for day in range(7) for start, end in OPEN
    )  # fmt: skip
    budgets = {f"{'accept' if kind == 'accepted' else kind}_minutes": budget for kind, budget in BUDGETS.items()}
    SlaPolicy.objects.create(key="night", name="Night", **budgets)


def counted(start, minutes, zone):
    """When so many minutes have passed since `start` in which the wall clock was within the hours."""
    at, left = start, timedelta(minutes=minutes)
    while left:
        step = min(left, MINUTE - timedelta(seconds=at.second))
        local = at.astimezone(zone)
        works = any(begin <= local.hour * 60 + local.minute < end for begin, end in OPEN)
        left -= step if works else timedelta()
        at += step
    return at


def expected(zone, until):
    """(clock, share) → instant, of every rung that was due while its clock ran, and by then."""
    rungs = {}
    for clock in SlaClock.objects.all():
        for share in SHARES[clock.kind]:
            minutes = clock.budget_seconds * share // 6000
            at = counted(clock.started_at, minutes, zone)
            if clock.real_time:
                at = clock.started_at + timedelta(minutes=minutes)
            ended = until if clock.ended_at is None else clock.ended_at
            if at <= ended:
                rungs[clock.pk, share] = at
    return rungs


def climbed():
    """(clock, share) → (due, fired, seconds late), and how many rows there are."""
    rows = list(Escalation.objects.values_list("clock", "rung", "due_at", "fired_at", "late_seconds"))
    return {row[:2]: row[2:] for row in rows}, len(rows)


def a_night(zone, moment, down=None):
    """Seven leads that come in around the change, half of them to be worked at any hour; a sweep each minute, but none
    while the worker is `down` (from, to, in minutes after the change)."""
    company(zone.key)
    arrivals = {moment + minutes * MINUTE + timedelta(seconds=17): minutes for minutes in STARTS}
    now, end = moment - 130 * MINUTE, moment + 330 * MINUTE
    while now < end:
        for at in [at for at in arrivals if at <= now]:
            place = STARTS.index(arrivals.pop(at))
            owned(1, now=at, first=place, **({"urgency": "critical"} if place % 2 else {}))
        after = (now - moment) / MINUTE
        if down is None or not down[0] <= after < down[1]:
            sweep(now)
        now += MINUTE
    return now - MINUTE


@pytest.mark.parametrize("name", SHOWN)
def test_every_minute_of_a_change_of_clocks_each_rung_once_never_early_less_than_a_minute_late(name):
    key, moment, by = CHANGES[name]
    zone = ZoneInfo(key)
    second = timedelta(seconds=1)
    jump = moment.astimezone(zone).utcoffset() - (moment - second).astimezone(zone).utcoffset()
    assert jump == by * MINUTE
    end = a_night(zone, moment)
    rungs, rows = climbed()
    assert rows == len(rungs) > 40
    assert {rung: due for rung, (due, _, _) in rungs.items()} == expected(zone, end)
    assert all(timedelta() <= fired - due < MINUTE for due, fired, _ in rungs.values())
    assert all((fired - due) // second == late for due, fired, late in rungs.values())


@pytest.mark.parametrize("name", SHOWN)
def test_a_worker_that_was_down_while_the_clocks_changed_climbs_each_rung_once_oldest_first(name):
    key, moment, _ = CHANGES[name]
    zone = ZoneInfo(key)
    end = a_night(zone, moment, down=(-50, 75))
    back = moment + 75 * MINUTE
    rungs, rows = climbed()
    assert rows == len(rungs) > 40
    assert {rung: due for rung, (due, _, _) in rungs.items()} == expected(zone, end)
    late = {rung: times for rung, times in rungs.items() if moment - 50 * MINUTE < times[0] <= back}
    assert len(late) > 5
    assert {fired for _, fired, _ in late.values()} == {back}
    order = Escalation.objects.filter(fired_at=back).order_by("id").values_list("due_at", flat=True)
    assert list(order) == sorted(order)
    in_time = [times for rung, times in rungs.items() if rung not in late]
    assert all(timedelta() <= fired - due < MINUTE for due, fired, _ in in_time)
