"""The SLA report over leads that came and were worked on through the real pipeline and acts."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from routing import touch
from routing.moving import By
from routing.pipeline import drain
from routing.reporting.measures import MEASURES
from routing.reporting.report import breaches, leads_of, sla_report
from routing.reporting.values import Filters, Period, Scope
from routing.rulebook import publish
from tests.builders import NOW, make_owner, make_pool, make_rule, make_source, make_team, make_version
from tests.routing.batches import waiting

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
ALL = Scope()
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


def test_report_counts_what_came_and_what_became_of_it(leads):
    period = Period(NOW - DAY, NOW + DAY, BERLIN)
    now = NOW + DAY
    report = sla_report(ALL, period, Filters(), now)
    assert report.sample == 6
    assert {key: (figure.count, figure.base) for key, figure in report.figures.items()} == {
        "touch_high": (4, 4), "touch": (6, 6), "within": (1, 5), "unworked_60": (3, 6), "owned_1": (5, 6),
        "inactive_30": (4, 6), "exceptions": (1, 7), "duplicates": (1, 7), "accepted": (0, 5), "booked": (1, 6),
        "reassigned": (0, 5), "reassigned_touched": (0, 5), "first_right": (0, 0), "breached": (2, 6),
    }  # fmt: skip
    for measure in MEASURES:
        figure = report.figures[measure.key]
        if measure.key != "duplicates":
            assert leads_of(ALL, measure.key, period, Filters(), now).count() == figure.count
    assert breaches(ALL, period, Filters(), now).count() == report.breaches.count
