"""Receipts over random calendars: up to the end of a budget, what was counted is the budget, to the microsecond."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from owners.business_time import Hours, HoursError, Segment
from routing.engine.ladder import after, counted
from routing.engine.receipt import LONGEST, count, lateness
from tests.owners.test_business_laws import FULL, some_hours
from tests.owners.test_business_time import minutes

SECOND = timedelta(seconds=1)
BERLIN = [(day, 540, 1050) for day in range(5)]  # 09:00 to 17:30


@st.composite
def promises(draw):
    """Hours or real time, pauses, a start and a budget in seconds, around an instant at which the clocks change."""
    hours, change = draw(some_hours())
    start = change + minutes(draw(st.integers(-4000, 1000))) + draw(st.integers(0, 59_999_999)) * SECOND / 1_000_000
    pauses, at = [], start
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 3000)), max_size=3)):
        pauses.append((at + minutes(gap), at + minutes(gap + length)))
        at = pauses[-1][1]
    before = [(start - minutes(90), start + minutes(draw(st.integers(1, 500))))] if draw(st.booleans()) else []
    return draw(st.sampled_from([hours, None])), [*before, *pauses], start, draw(st.integers(1, 4000)) * 60


@settings(max_examples=2000 if FULL else 120, deadline=None)
@given(promises())
def test_counted_stretches_add_up_to_the_budget_and_cover_all_the_time(promise):
    hours, pauses, start, budget = promise
    effective = counted(hours, pauses, start)
    try:
        due = effective.add(start, budget * SECOND) if effective else start + budget * SECOND
    except HoursError:  # a minute a week, say, and a pause over it
        return
    assert due == after(start, budget, effective)
    told = count(hours, pauses, start, due)
    assert told.raw == due - start
    if told.told_until < due:
        assert due - start > LONGEST
        return
    segments = told.segments
    assert sum((one.end - one.start for one in segments if one.counted), timedelta(0)) == budget * SECOND
    assert told.working == budget * SECOND
    assert [one.end for one in segments[:-1]] == [one.start for one in segments[1:]]
    assert (segments[0].start, segments[-1].end) == (start, due)
    assert all(one.counted != bool(one.why) for one in segments)
    assert all((a.counted, a.why) != (b.counted, b.why) for a, b in pairwise(segments))
    binding = [*(span for span in pauses if span[0] >= start), *(hours.pauses if hours else ())]
    for one in segments:  # a pause that was set before it ran holds nothing up
        assert one.why != "pause" or any(begin < one.end and one.start < end for begin, end in binding)


def test_receipt_across_the_night_of_the_longer_hour_names_it():
    hours = Hours("Europe/Berlin", [*BERLIN, (6, 0, 300)])  # and Sunday, 00:00 to 05:00
    start = datetime(2026, 10, 23, 15, 0, tzinfo=UTC)  # Friday, 17:00
    pause = (start + 10 * 60 * SECOND, start + 15 * 60 * SECOND)
    due = after(start, 6 * 3600, counted(hours, [pause], start))
    told = count(hours, [pause], start, due)
    sunday = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    assert due == sunday + timedelta(hours=5, minutes=35)
    assert told.segments == (
        Segment(start, pause[0], True, ""), Segment(pause[0], pause[1], False, "pause"),
        Segment(pause[1], start + 1800 * SECOND, True, ""), Segment(start + 1800 * SECOND, sunday, False, "closed"),
        Segment(sunday, due, True, ""),
    )  # fmt: skip
    assert told.changes == ((datetime(2026, 10, 25, 1, tzinfo=UTC), -timedelta(hours=1)),)
    late = lateness(hours, [pause], start, due, due + timedelta(hours=1))
    assert late == (timedelta(hours=1), timedelta(minutes=25))  # five hours by the wall are six that Sunday
    assert count(None, [], start, due).changes == ()  # real time knows no zone
