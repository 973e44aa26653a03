"""The demo's two months: the worked example within a percentage point, every lead through the real doors, replayed."""

import os
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core import mail
from django.db import connection

from leads.models import Lead, RawEvent
from owners.models import Owner
from routing import demo
from routing.current import forget_all
from routing.demo import script
from routing.models import Decision, Delivery, Fact, ReviewItem, RuleSetVersion, SlaClock
from routing.replay import verify
from routing.reports import overview
from tests.routing.demo_company import counts, post_examples, post_worked_case

TUESDAY = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)
OTHERS = (
    datetime(2026, 11, 22, 3, 30, tzinfo=UTC),  # a Sunday night
    datetime(2026, 3, 29, 1, 5, tzinfo=UTC),  # minutes after Europe's clocks went forward
    datetime(2026, 11, 1, 6, 30, tzinfo=UTC),  # and America's back
    datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
)
BEFORE = {"demos_unworked_60": 22, "untouched_30": 18, "review": 11, "duplicates": 6, "demos_booked": 31}
AFTER = {"owned_1": 97, "untouched_30": 4, "review": 2, "demos_booked": 39}


@pytest.mark.parametrize("now", [TUESDAY, *OTHERS])
def test_script_is_the_same_each_time_and_tells_of_640_leads_up_to_now(now):
    told = script.write(now)
    assert script.write(now) == told
    ats = [event.at for event in told.events]
    assert ats == sorted(ats)
    assert now - 2 * script.PERIOD <= ats[0]
    assert ats[-1] <= now
    leads = [one for one in told.inquiries if "_gotcha" not in one.fields]
    addresses = [one.fields["email"] for one in leads]
    again = script.BEFORE.repeats + script.AFTER.repeats
    assert (len(set(addresses)), len(leads)) == (2 * sum(script.MIX.values()), 640 + again)
    assert all(address.endswith(".example") for address in addresses)


@pytest.mark.skipif(
    connection.vendor != "sqlite" and not os.environ.get("REVROUTE_FULL"),
    reason="takes half a minute; the long form plays it on both databases",
)
@pytest.mark.django_db(transaction=True)
def test_history_gives_the_worked_example_through_the_real_doors():
    told = []
    demo.load(TUESDAY, progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] == len(told)
    _is_the_worked_example(TUESDAY)
    _has_event_decision_and_replays()
    _has_open_work(TUESDAY)
    _rules_have_a_history(TUESDAY)
    assert mail.outbox == []

    rows = counts()
    assert demo.load(TUESDAY) is False
    assert counts() == rows
    post_worked_case()
    post_examples()


@pytest.mark.full
@pytest.mark.skipif(not os.environ.get("REVROUTE_FULL"), reason="takes a minute")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("now", OTHERS)
def test_history_gives_it_whenever_it_is_loaded(now):
    demo.load(now)
    _is_the_worked_example(now)
    _has_event_decision_and_replays()


def _is_the_worked_example(now):
    turn = now - script.PERIOD
    for since, until, expected in ((turn - script.PERIOD, turn, BEFORE), (turn, now, AFTER)):
        for judged in (None, now):  # counting what only just arrived, or not
            counted = overview(Lead.objects.all(), since, until, now=judged)
            assert (counted.leads, counted.demos) == (320, 90)
            shares = {key: 100 * counted.numbers[key].share for key in expected}
            assert shares == pytest.approx(expected, abs=1)


def _has_event_decision_and_replays():
    assert RawEvent.objects.filter(state=RawEvent.State.WAITING).count() == 0
    assert Lead.objects.filter(decisions__isnull=True).count() == 0
    assert Lead.objects.exclude(pk__in=RawEvent.objects.values("pk")).count() == 0
    forget_all()
    verified = verify()
    assert (verified.decisions, verified.differences) == (Decision.objects.count(), [])
    assert verified.decisions >= 690


def _has_open_work(now):
    items = ReviewItem.objects.filter(state=ReviewItem.State.OPEN)
    assert items.filter(lead__isnull=False).count() >= 3
    assert items.filter(reason="unreadable_payload").count() == 1
    running = SlaClock.objects.filter(state=SlaClock.State.RUNNING)
    assert running.filter(due_at__gt=now).count() >= 2
    assert Lead.objects.filter(state=Lead.State.ASSIGNED).count() >= 30
    assert Delivery.objects.filter(state=Delivery.State.DEAD).count() == 1
    assert Delivery.objects.filter(state__in=["owed", "sending", "blocked"]).count() == 0
    assert Owner.objects.filter(absences__starts_at__lt=now, absences__ends_at__gt=now).get().key == "liam"
    kinds = {"accepted", "declined", "touched", "reassigned", "booked", "closed"}
    assert kinds <= set(Fact.objects.values_list("kind", flat=True))


def _rules_have_a_history(now):
    former, present = RuleSetVersion.objects.order_by("id")
    assert (former.state, former.published_at) == ("retired", now - 2 * script.PERIOD)
    assert (present.state, present.published_at) == ("published", now - script.PERIOD)
    assert present.purpose
    decided = Decision.objects.filter(version=present, hierarchy_step="service_line_owner")
    assert {*decided.values_list("rule_row", flat=True)} > {0}  # a row of the table decided, too
    asked = present.rules.get(name="Strategic companies, however they score")
    assert Decision.objects.filter(rule_id=asked.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_interrupted_leaves_nothing_behind():
    def stop(done, total):
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo.load(TUESDAY, progress=stop)
    assert demo.is_empty()
    assert demo.load(TUESDAY, history=False) is True


def test_progress_grows_in_place_on_a_terminal_and_is_one_line_elsewhere():
    class Terminal(StringIO):
        def isatty(self):
            return True

    written = {}
    for stream in (StringIO(), Terminal()):
        tell = demo.reporter(stream)
        for done in range(1, 1001):
            tell(done, 1000)
        written[type(stream).__name__] = stream.getvalue()
    assert written["StringIO"] == "Loading the demo company …\n"
    assert written["Terminal"].count("\r") == 101
    assert written["Terminal"].endswith("\rLoading the demo company … 100 %\n")
