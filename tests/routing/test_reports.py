"""A period of leads with what became of them: the numbers of the report, each with its rows."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from leads.models import Lead
from routing import reports, touch
from routing.moving import By
from routing.pipeline import drain
from routing.rulebook import publish
from tests.builders import NOW, make_owner, make_pool, make_rule, make_source, make_team, make_version
from tests.routing.batches import waiting

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
ELENA = By(1, None, "Elena")


@pytest.fixture
def leads():
    """Four demo requests and a contact form for Elena, a webinar in review, spam, a test, and a second inquiry."""
    rita = make_owner("rita", accepts_leads=False)
    elena = make_owner("elena", make_team("sales"))
    version = make_version(rita)
    pool = make_pool("everybody", [elena])
    make_rule(version, "reject_invalid_or_spam", "reject", ("campaign", "is", "spam"))
    make_rule(version, "round_robin_pool", "pool", ("lead_type", "is_not", "webinar"), pool=pool)
    make_rule(version, "manual_review", "review", owner=rita)
    publish(version, None, NOW)
    demos, web = make_source("demos", rita, "demo"), make_source("web", rita)
    webinars = make_source("webinars", rita, "webinar")
    people = [{"email": f"ada@acme{n}.example"} for n in range(4)]
    spam, test = {"email": "x@spam.example", "campaign": "spam"}, {"email": "probe@us.example", "is_test": True}
    asked = waiting(demos, *people, test) + waiting(web, {"email": "bo@web.example"}, spam)
    asked += waiting(webinars, {"email": "cy@webinar.example"})
    drain(lambda: NOW)
    waiting(web, people[0])
    drain(lambda: NOW + 2 * MINUTE)
    for lead, minutes, kind in ((asked[0], 10, "call"), (asked[1], 30, "meeting"), (asked[2], 45, "email")):
        touch.record(lead, kind, ELENA, NOW + minutes * MINUTE)
    touch.record(asked[5], "view", ELENA, NOW + MINUTE)
    return asked


def counted(found):
    return {key: (number.count, number.base) for key, number in found.numbers.items()}


def test_overview_counts_arrivals_and_what_became_of_them(leads, django_assert_num_queries):
    visible = Lead.objects.all()
    with django_assert_num_queries(1):
        found = reports.overview(visible, NOW - DAY, NOW + DAY, ZoneInfo("Pacific/Auckland"))
    assert (found.leads, found.demos) == (6, 4)
    assert counted(found) == {
        "owned_1": (5, 6),
        "untouched_30": (4, 6),
        "demos_unworked_60": (1, 4),
        "review": (1, 6),
        "duplicates": (1, 7),
        "demos_booked": (1, 4),
    }
    assert [(day.day, day.leads, day.numbers["duplicates"].count) for day in found.days] == [(date(2026, 11, 23), 6, 1)]
    assert found.numbers["duplicates"].share == pytest.approx(1 / 7)
    assert [found.numbers[key].on_target for key in ("owned_1", "demos_booked")] == [False, None]
    aimed = {key: measure.target for key, measure in reports.BY_KEY.items() if measure.target is not None}
    assert aimed == {"owned_1": 0.95, "untouched_30": 0.10, "review": 0.05, "duplicates": 0.05}
    rows = {key: set(reports.leads_behind(visible, key, NOW - DAY, NOW + DAY)) for key in reports.BY_KEY}
    assert rows["demos_unworked_60"] == {Lead.objects.get(pk=leads[3])}
    assert rows["duplicates"] == {Lead.objects.get(pk=leads[0])}
    assert {key: len(found) for key, found in rows.items()} == {key: n for key, (n, _) in counted(found).items()}
    assert reports.arrived(visible, NOW - DAY, NOW + DAY).count() == 6


def test_overview_judges_nothing_too_early_and_ends_before_its_end(leads):
    visible = Lead.objects.all()
    early = counted(reports.overview(visible, NOW - DAY, NOW + DAY, now=NOW + 40 * MINUTE))
    assert (early["untouched_30"], early["demos_unworked_60"], early["demos_booked"]) == ((4, 6), (0, 0), (1, 4))
    before = reports.overview(visible, NOW - DAY, NOW)
    assert (before.leads, before.days, before.numbers["review"].share) == (0, (), None)
