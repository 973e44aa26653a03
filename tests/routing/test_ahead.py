"""Rules compiled before they are in force: nobody waits for ever, and what a process sets meanwhile is as before."""

import gc
import logging
import sys
import threading
import time
from datetime import timedelta

import pytest

from routing import ahead, current, publishing
from routing.ahead import get_ready, lowered
from routing.drafts import switch_rule
from routing.engine.rules import RuleError
from routing.models import Decision, Rule, RuleSetContent, RuleSetVersion, RulesReady
from routing.pipeline import drain
from routing.rulebook import RulebookError, content_of, digest, freeze, publish
from routing.worker import PARTS
from tests.builders import make_source
from tests.routing.batches import waiting
from tests.routing.people import sign_up
from tests.routing.rows import NOW, make_draft, make_owner, make_rule

STEP = "round_robin_pool"

# --- a process that computes for long ----------------------------------------------------------------------


def test_threads_that_compile_at_the_same_time_leave_the_process_as_it_was():
    usual = sys.getswitchinterval(), gc.isenabled()
    within, overlaps, left = threading.Event(), threading.Event(), threading.Event()

    def first():
        with lowered():
            within.set()
            assert overlaps.wait(5)
        left.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert within.wait(5)
    with lowered():
        overlaps.set()
        assert left.wait(5)
        assert (sys.getswitchinterval() < usual[0], gc.isenabled()) == (True, False)
    thread.join()
    assert (sys.getswitchinterval(), gc.isenabled()) == usual


@pytest.mark.parametrize(("somebody_waits", "rest"), [(False, 0.002), (True, 0.001)])
def test_what_takes_long_where_leads_are_routed_rests_in_between(monkeypatch, somebody_waits, rest):
    rests, within = [], sys.getprofile()
    monkeypatch.setattr("routing.ahead.time.sleep", rests.append)
    monkeypatch.setattr("routing.ahead._routes", True)
    with lowered(somebody_waits):
        sorted(range(10), key=lambda number: -number)
    assert rests == []
    with lowered(somebody_waits):
        _compute_for(0.05)
    assert 5 < len(rests) <= 50
    assert set(rests) == {rest}
    assert sys.getprofile() is within


def test_nobody_rests_for_leads_that_are_routed_elsewhere(monkeypatch):
    rests = []
    monkeypatch.setattr("routing.ahead.time.sleep", rests.append)
    monkeypatch.setattr("routing.ahead._routes", False)
    with lowered():
        _compute_for(0.01)
    assert rests == []


def _compute_for(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


# --- the notice --------------------------------------------------------------------------------------------


class Clock:
    """The publisher's time, in place of the module `time`: it passes while it sleeps, and what was planned happens."""

    perf_counter = staticmethod(time.perf_counter)

    def __init__(self):
        self.now, self.plan = 0.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        if seconds < ahead.LOOK_SECONDS:  # the rests of whoever compiles
            return
        self.now = round(self.now + seconds, 3)
        due = [act for at, act in self.plan if at <= self.now]
        self.plan = [(at, act) for at, act in self.plan if at > self.now]
        for act in due:
            act()


@pytest.fixture
def clock(monkeypatch):
    """Every draft is one of many rules, whose publish gives notice by this clock."""
    clock = Clock()
    monkeypatch.setattr("routing.rulebook.MANY_ROWS", 0)
    monkeypatch.setattr(ahead, "time", clock)
    monkeypatch.setattr(ahead, "_routes", False)
    monkeypatch.setattr(ahead, "_gave_up", {})
    monkeypatch.setattr(current, "_announced", {})
    # The publish of a test would join the test's own transaction, within which nobody is given notice.
    monkeypatch.setattr("routing.rulebook.is_writing", lambda: False)
    return clock


@pytest.fixture
def elena():
    return make_owner("elena")


@pytest.fixture
def draft(elena):
    return make_one(elena)


def make_one(owner):
    version = make_draft(owner)
    make_rule(version, STEP, name="All", target="owner", owner=owner)
    make_rule(version, STEP, name="More", target="reject", position=9)
    return version


def state(version):
    return RuleSetVersion.objects.values_list("state", flat=True).get(pk=version.pk)


@pytest.mark.django_db
def test_whoever_publishes_waits_for_those_that_have_said_anything(draft, clock):
    clock.plan = [(1, lambda: said(draft, "web")), (6, lambda: said(draft, "web", ready=True))]
    publish(draft, None, NOW)
    assert (clock.now, state(draft)) == (6.0, "published")


@pytest.mark.django_db
def test_where_no_process_routes_the_notice_is_short(draft, clock):
    publish(draft, None, NOW)
    assert ahead.NOTICE_SECONDS <= clock.now <= ahead.NOTICE_SECONDS + 2 * ahead.LOOK_SECONDS


def said(version, process, *, ready=False):
    known_by = RuleSetVersion.objects.values_list("digest", flat=True).get(pk=version.pk)
    found, _ = RulesReady.objects.get_or_create(
        version=version, digest=known_by, process=process, defaults={"seen_at": NOW}
    )
    RulesReady.objects.filter(pk=found.pk).update(ready_at=NOW if ready else None)


class Died(BaseException):
    """A process that is gone: nothing that it meant to do afterwards happens."""


def die(*args):
    raise Died


@pytest.mark.django_db
def test_nobody_waits_for_ever_for_a_process_that_died_while_it_compiled(draft, elena, clock, monkeypatch):
    def killed():
        monkeypatch.setattr(ahead, "hold_ahead", die)
        with pytest.raises(Died):
            get_ready()
        assert RulesReady.objects.filter(ready_at=None).count() == 1
        monkeypatch.setattr(ahead, "hold_ahead", current.hold_ahead)

    clock.plan = [(1, killed)]
    publish(draft, None, NOW)
    assert ahead.LONGEST_NOTICE <= clock.now <= ahead.LONGEST_NOTICE + 2 * ahead.LOOK_SECONDS
    monkeypatch.setattr(ahead.os, "getpid", lambda: 7)  # the one that takes its place compiles when it decides
    assert get_ready() == 0
    assert decided_by(elena) == [(draft.pk, elena.pk)]


def decided_by(elena):
    waiting(make_source("forms", elena), {"email": "ada@a.example"})
    drain()
    return list(Decision.objects.values_list("version", "owner"))


@pytest.mark.django_db
def test_a_process_that_takes_the_place_of_a_dead_one_is_waited_for_by_itself(draft, clock, monkeypatch):
    monkeypatch.setattr(ahead.os, "getpid", lambda: 7)
    clock.plan = [(1, get_ready)]
    publish(draft, None, NOW)
    assert clock.now < ahead.NOTICE_SECONDS + 2 * ahead.LOOK_SECONDS
    assert current.held_ahead() == {draft.pk: digest(draft.content)}
    assert get_ready() == 0  # in force now: compiled as any other, and nobody waits
    assert (current.held_ahead(), RulesReady.objects.count()) == ({}, 0)


# --- what cannot be compiled -------------------------------------------------------------------------------


def announce(version):
    """What a publisher leaves that was killed while it waited."""
    content = freeze(version)
    RuleSetContent.objects.create(version=version, content=content)
    RuleSetVersion.objects.filter(pk=version.pk).update(digest=digest(content))


@pytest.mark.django_db
def test_a_draft_that_cannot_be_compiled_holds_up_no_other_and_is_said_once(draft, elena, clock, monkeypatch, caplog):
    broken = make_one(elena)
    announce(broken)
    announce(draft)
    monkeypatch.setattr(ahead, "hold_ahead", refusing(broken))
    with caplog.at_level(logging.ERROR, "routing.ahead"):
        assert [get_ready(), get_ready()] == [1, 0]
    assert [record.message for record in caplog.records] == [f"Draft {broken.pk} could not be compiled ahead"]
    assert set(current.held_ahead()) == {draft.pk}
    assert RulesReady.objects.filter(ready_at=None).count() == 0


def refusing(broken):
    def hold(version, *rest):
        if version == broken.pk:
            raise RuleError("unknown_operator", "Made by a later release")
        current.hold_ahead(version, *rest)

    return hold


@pytest.mark.django_db
def test_what_is_scheduled_is_published_although_another_draft_cannot_be_compiled(draft, elena, clock, monkeypatch):
    broken = make_one(elena)
    announce(broken)
    monkeypatch.setattr(ahead, "hold_ahead", refusing(broken))
    publishing.schedule(draft.pk, "Later", NOW + timedelta(days=1), sign_up("rita", "RevOps"), NOW)
    assert PARTS["rules"](lambda: NOW + timedelta(days=1)) == 1
    assert (state(draft), state(broken)) == ("published", "draft")
    assert decided_by(elena) == [(draft.pk, elena.pk)]


@pytest.mark.django_db
def test_the_worker_compiles_what_it_published_itself_before_a_lead_needs_it(draft, elena, clock, monkeypatch):
    publishing.schedule(draft.pk, "Later", NOW + timedelta(days=1), sign_up("rita", "RevOps"), NOW)
    assert PARTS["rules"](lambda: NOW + timedelta(days=1)) == 1
    monkeypatch.setattr(current, "compile_rules", die)
    assert decided_by(elena) == [(draft.pk, elena.pk)]


@pytest.mark.django_db
def test_a_publisher_does_not_wait_for_whoever_could_not_compile_it(draft, elena, clock, monkeypatch):
    monkeypatch.setattr(ahead, "hold_ahead", refusing(draft))
    clock.plan = [(1, get_ready)]
    publish(draft, None, NOW)
    assert (clock.now < ahead.LONGEST_NOTICE, state(draft)) == (True, "published")
    assert decided_by(elena) == [(draft.pk, elena.pk)]


# --- edited meanwhile --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_edit_while_the_others_compile_is_not_published_over_and_what_they_hold_decides_nothing(draft, elena, clock):
    rita, rule = sign_up("rita", "RevOps"), Rule.objects.get(name="More")
    clock.plan = [(1, get_ready), (2, lambda: switch_rule(draft.pk, rule.pk, False, None, rita, NOW))]
    with pytest.raises(RulebookError) as refused:
        publish(draft, None, NOW)
    assert refused.value.code == "changed"
    draft.refresh_from_db()
    assert (draft.state, draft.digest, RuleSetContent.objects.count()) == ("draft", "", 0)
    assert set(current.held_ahead()) == {draft.pk}  # the rules before the edit, in this process
    clock.plan = []
    publish(draft, None, NOW)
    assert [rule["name"] for rule in content_of(RuleSetVersion.objects.get())["rules"]] == ["All"]
    assert decided_by(elena) == [(draft.pk, elena.pk)]
    assert [rule.name for rule in current.rules_of(draft.pk).rules.values()] == ["All"]


@pytest.mark.django_db
def test_an_edit_before_a_process_reads_leaves_it_nothing_to_compile(draft, clock, monkeypatch):
    announce(draft)
    versions = list(ahead.DRAFTS.values_list("id", "digest"))
    RuleSetVersion.objects.update(digest="")
    RuleSetContent.objects.all().delete()
    monkeypatch.setattr(ahead.DRAFTS, "values_list", lambda *names: versions)
    assert get_ready() == 0
    assert (current.held_ahead(), RulesReady.objects.filter(ready_at=None).count()) == ({}, 0)
