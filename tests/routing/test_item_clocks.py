"""Review items and CRM writes that wait, in; their clocks, started, climbed and ended by the worker's tick, out."""

import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Lead, Note
from owners.models import Owner
from routing import acts, item_clocks, item_rungs, overdue, plan
from routing.connectors.base import Receipt, Refused
from routing.delivery import deliver_due
from routing.doctor import findings
from routing.escalation import sweep
from routing.models import Decision, Delivery, Escalation, PlanAction, ReviewItem, SlaClock, SlaLadder, SlaPolicy
from routing.next_rung import next_rungs
from routing.pipeline import drain
from routing.rulebook import publish
from tests.builders import NOW, make_rule, make_version
from tests.flows.server import FULL
from tests.routing.batches import waiting
from tests.routing.ladders import MINUTE, by, change, facts, make_company, owned, rungs, told

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def people():
    """Nobody owns what comes: Elena answers for it, Lena leads her team, Rita answers for the rules."""
    people = make_company()
    version = make_version(people.rita)
    make_rule(version, "manual_review", "review", owner=people.elena, review_reason="unclear_product_fit")
    publish(version, None, NOW)
    return people


def tick(now):
    """What the worker does about clocks at that instant; how many rungs."""
    overdue.hand_on(now)
    item_clocks.keep(now)
    return sweep(now).rungs + item_rungs.climb_due(now)


def clocks(**of):
    """(kind, owner, state, ended, answered) of the clocks, times in minutes after NOW."""
    rows = SlaClock.objects.filter(**of).order_by("kind", "id")
    return [(row.kind, row.owner.key, row.state, _after(row.ended_at), _after(row.answered_at)) for row in rows]


def _after(at):
    return None if at is None else (at - NOW) / MINUTE


def notes(lead):
    return list(Note.objects.filter(lead=lead, text__startswith="RevRoute named").values_list("text", flat=True))


# Review items -------------------------------------------------------------------------------------------------


def test_item_has_the_clock_that_it_promises_and_its_lead_one_for_an_owner(people):
    [lead] = owned()
    item = ReviewItem.objects.get()
    tick(NOW + SECOND)
    clock = item.clocks.get()
    assert (clock.kind, clock.owner, clock.lead, clock.decision) == ("review", people.elena, lead, item.decision)
    assert (clock.started_at, clock.due_at, clock.budget_seconds) == (item.opened_at, item.due_at, 3600)
    assert tick(NOW + 2 * SECOND) == 0
    assert tick(NOW + MINUTE) == 1
    assert clocks() == [("assigned", "elena", "breached", 1, None), ("review", "elena", "running", None, None)]
    acts.claim(item.pk, by(people.marco), NOW + 30 * MINUTE)
    tick(NOW + 31 * MINUTE)
    of_item = {"kind__in": ["assigned", "review"]}
    assert clocks(**of_item) == [("assigned", "elena", "breached", 1, 30), ("review", "elena", "met", 30, None)]
    assert facts(lead)[-2:] == [("met", "review"), ("answered", "assigned")]
    assert item_rungs.climb_due(NOW + 10 * HOUR) == 0


def test_item_that_nobody_handles_reminds_and_then_goes_to_another_named_person(people):
    [lead] = owned()
    item = ReviewItem.objects.get()
    for minute in range(0, 125, 5):
        tick(NOW + minute * MINUTE)
    item.refresh_from_db()
    assert (item.owner, item.clocks.get().owner) == (people.lena, people.lena)
    assert rungs(clock__item=item) == [("review", 100, "breach", 0), ("review", 200, "review", 0)]
    assert told(kind="review") == [
        ("review", "elena", ""), ("review", "elena", "overdue"), ("review", "lena", "overdue"),
    ]  # fmt: skip
    before = "before it was Elena, who had not dealt with it in time."
    assert notes(lead) == [f"RevRoute named Lena for the review item “product fit unclear”; {before}"]
    acts.reject(lead.pk, by(people.lena), "spam", NOW + 130 * MINUTE)
    assert tick(NOW + 131 * MINUTE) == 0
    assert clocks(item=item) == [("review", "lena", "breached", 60, 130)]
    assert clocks(kind="assigned") == [("assigned", "elena", "breached", 1, None)]
    assert not SlaClock.objects.exclude(next_rung_at=None).exists()


def test_ladder_of_the_policy_is_climbed_and_stays_as_it_was(people):
    ladder = SlaLadder.objects.create(key="queue", name="Queue", named_owner=people.rita)
    ladder.rungs.create(percent=50, remind=True)
    ladder.rungs.create(percent=80, tell_lead=True, priority=Lead.Priority.URGENT)
    ladder.rungs.create(minutes=90, move="named")
    SlaPolicy.objects.create(
        key="quick", name="Quick", no_activity_minutes=30, review_minutes=40, review_ladder=ladder, real_time=True
    )
    [lead] = owned()
    tick(NOW)
    ladder.rungs.all().delete()
    ladder.rungs.create(percent=10, remind=True)
    for minute in range(0, 100, 2):
        tick(NOW + minute * MINUTE)
    assert rungs(clock__kind="review") == [
        ("review", 50, "remind", 0), ("review", 80, "tell", 0), ("review", 100, "breach", 0),
        ("review", -90, "review", 0),
    ]  # fmt: skip
    assert told(kind="review")[1:] == [
        ("review", "elena", "review:50"), ("review", "lena", "review:80"), ("review", "rita", "overdue"),
    ]  # fmt: skip
    lead.refresh_from_db()
    assert (lead.priority, ReviewItem.objects.get().owner) == (Lead.Priority.URGENT, people.rita)
    deliver_due(NOW + 2 * HOUR)
    bodies = {letter.to[0].partition("@")[0]: letter.body for letter in mail.outbox}
    assert "a lead waits, and Rita answers for it" in bodies["lena"]
    assert "still waits for your decision" in bodies["rita"]


def test_what_was_closed_before_the_worker_came_ends_as_it_was(people):
    leads = owned(2)
    quick, slow = ReviewItem.objects.order_by("pk")
    acts.claim(quick.pk, by(people.marco), NOW + 30 * SECOND)
    acts.claim(slow.pk, by(people.marco), NOW + 61 * MINUTE)
    for _ in range(2):
        tick(NOW + 10 * HOUR)
    assert clocks(item=quick) == [("review", "elena", "met", 0.5, None)]
    assert clocks(item=slow) == [("review", "elena", "breached", 60, 61)]
    assert clocks(kind="assigned", lead=leads[0]) == [("assigned", "elena", "met", 0.5, None)]
    assert clocks(kind="assigned", lead=leads[1]) == [("assigned", "elena", "breached", 1, 61)]
    assert not Escalation.objects.filter(clock__item__isnull=False).exists()


def test_after_a_day_down_every_rung_is_climbed_once_and_untrue_messages_are_left_out(people):
    owned(3)
    item_clocks.keep(NOW)
    assert [tick(NOW + 24 * HOUR), tick(NOW + 25 * HOUR)] == [3 + 3 * 2, 0]
    first = Escalation.objects.filter(clock__kind="review", rung=100).first()
    assert (first.late_seconds, first.note) == (23 * 3600, item_rungs.WENT_ON)
    assert told(occasion="overdue") == [("review", "lena", "overdue")] * 3


def test_people_who_are_gone_and_items_without_a_decision_stall_nothing(people):
    [event] = waiting(people.source, {"email": "x@y.example"})
    bare = ReviewItem.objects.create(
        reason="unreadable_payload", detail="Not JSON.", owner=people.elena, source=people.source, event_id=event,
        opened_at=NOW, last_at=NOW, due_at=NOW + HOUR,
    )  # fmt: skip
    drain(lambda: NOW)
    waits = ReviewItem.objects.exclude(pk=bare.pk).get()
    item_clocks.keep(NOW)
    change(people.lena, state="departed")
    change(people.elena, state="departed")
    assert item_rungs.climb_due(NOW + HOUR) == 2  # before anybody was named instead
    assert item_rungs.climb_due(NOW + 2 * HOUR) == 2
    assert told(occasion__startswith="overdue") == [
        ("review", "rita", "overdue:review:100"),
        ("review", "rita", "overdue"),
    ]
    bare.refresh_from_db(), waits.refresh_from_db()
    assert (bare.owner, waits.owner, bare.lead) == (people.rita, people.rita, None)
    assert bare.detail.startswith("Not JSON. RevRoute named Rita; before it was Elena")
    assert set(Escalation.objects.filter(clock__item=bare).values_list("note", flat=True)) == {item_rungs.ABOUT_NOTHING}
    [late] = owned(first=1, now=NOW + 2 * HOUR)
    tick(NOW + 2 * HOUR)
    Owner.objects.update(state="departed")
    for hours in range(3, 9):
        tick(NOW + hours * HOUR)
    of_late = Escalation.objects.filter(clock__lead=late, clock__kind="review").order_by("rung")
    assert [row.note.partition(":")[0] for row in of_late] == ["not told", "it stays with Rita"]
    assert item_rungs.NOBODY in of_late[0].note


def test_leads_that_wait_for_a_pool_have_clocks_of_their_own_kind(people):
    [lead] = owned()
    common = {"owner": people.elena, "source": people.source, "event_id": lead.pk, "lead": lead}
    for reason in ("on_hold", "waiting_to_be_claimed"):
        ReviewItem.objects.create(
            reason=reason, opened_at=NOW, last_at=NOW, due_at=NOW + 20 * MINUTE, decision_id=lead.pk, **common
        )
    tick(NOW)
    kinds = SlaClock.objects.order_by("kind").values_list("kind", "budget_seconds")
    assert list(kinds) == [("assigned", 60), ("claim", 1200), ("held", 1200), ("review", 3600)]
    Lead.objects.filter(pk=lead.pk).update(is_test=True)
    ReviewItem.objects.create(reason="crm_error", opened_at=NOW, last_at=NOW, due_at=NOW, **common)
    item_clocks.keep(NOW)
    assert SlaClock.objects.count() == 4  # of a test lead nothing is promised


def test_event_that_waited_longer_than_its_minute_says_so_when_it_is_owned():
    make_company()
    in_time, late = owned(), owned(first=1, now=NOW + 2 * MINUTE)
    assert not SlaClock.objects.filter(kind="assigned", lead=in_time[0]).exists()
    assert clocks(kind="assigned", lead=late[0]) == [("assigned", "elena", "breached", 1, 2)]


# CRM writes ---------------------------------------------------------------------------------------------------


class Crm:
    """Refuses while `refuses`."""

    refuses = True

    def perform(self, action, context):
        if self.refuses:
            raise Refused("no such stage")
        return Receipt("1")


@pytest.fixture
def written(settings):
    """Leads of Elena's whose writes the CRM has not confirmed."""
    settings.CRM_CONNECTOR = f"{__name__}.Crm"
    people = make_company()
    return people, owned(2)


def test_write_that_is_not_confirmed_is_told_once_and_answered_late(written):
    _, (lead, other) = written
    item_clocks.keep(NOW + 59 * SECOND)
    assert not SlaClock.objects.filter(kind="crm").exists()
    item_clocks.keep(NOW + 61 * SECOND)
    writes = PlanAction.objects.filter(decision=lead.pk).exclude(connector="").order_by("position")
    found = SlaClock.objects.filter(kind="crm", lead=lead).order_by("action__position")
    assert [(row.action, row.due_at) for row in found] == [(write, NOW + 15 * MINUTE) for write in writes]
    for minute in (14, 15, 16, 40):
        item_rungs.climb_due(NOW + minute * MINUTE)
    assert set(rungs(clock__kind="crm", clock__lead=lead)) == {("crm", 100, "breach", 0)}
    about = {"occasion": "crm:100", "decision": lead.pk}
    assert told(**about) == [("escalation", "lena", "crm:100")]
    deliver_due(NOW + 40 * MINUTE)
    [letter] = [one for one in mail.outbox if one.to[0].startswith("lena") and "b0@" in one.subject]
    assert letter.subject == "Not confirmed by the CRM: b0@acme0.example (acme0.example)"
    assert all(write.action in letter.body for write in writes)
    first, second = writes[0], writes[1]
    writes.filter(pk=first.pk).update(state="confirmed", confirmed_at=NOW + 50 * MINUTE, next_try_at=None)
    writes.filter(pk=second.pk).update(state="dropped", next_try_at=None)
    item_clocks.keep(NOW + 51 * MINUTE)
    ends = {"action__in": [first, second]}
    assert clocks(**ends) == [("crm", "elena", "breached", 15, 50), ("crm", "elena", "breached", 15, None)]
    assert set(clocks(kind="crm", lead=other)) == {("crm", "elena", "breached", 15, None)}


def test_write_that_was_refused_has_an_item_and_is_promised_anew_when_it_is_resumed(written, monkeypatch):
    _, (lead, _) = written
    item_clocks.keep(NOW + 2 * MINUTE)
    plan.run_due(NOW + 2 * MINUTE)
    item_clocks.keep(NOW + 3 * MINUTE)
    refused = PlanAction.objects.get(decision=lead.pk, state="stopped")
    assert clocks(action=refused) == [("crm", "elena", "cancelled", 3, None)]
    assert clocks(kind="review", lead=lead) == [("review", "rita", "running", None, None)]
    monkeypatch.setattr(Crm, "refuses", False)
    plan.resume(lead.pk, NOW + 30 * MINUTE)
    item_clocks.keep(NOW + 30 * MINUTE)
    clock = SlaClock.objects.get(action=refused)
    assert (clock.state, clock.due_at) == ("running", NOW + 45 * MINUTE)
    plan.run_due(NOW + 31 * MINUTE)
    item_clocks.keep(NOW + 31 * MINUTE)
    assert clocks(action=refused) == [("crm", "elena", "met", 31, None)]
    assert not SlaClock.objects.filter(kind="crm", lead=lead, state="running").exists()


# How much, and at once ----------------------------------------------------------------------------------------


def test_a_batch_has_the_same_statements_whatever_its_size_and_idle_ticks_read_indexes(people):
    def cost(number, first):
        owned(number, first=first)
        spent = []
        for job, at in (
            (item_clocks.keep, NOW), (item_rungs.climb_due, NOW + HOUR), (item_rungs.climb_due, NOW + 2 * HOUR),
        ):  # fmt: skip
            with CaptureQueriesContext(
                connection,
            ) as seen:
                job(at)
            spent.append(len(seen))
        ReviewItem.objects.update(state="closed", closed_at=NOW + 2 * HOUR, resolution="done")
        with CaptureQueriesContext(connection) as seen:
            item_clocks.keep(NOW + 2 * HOUR)
        return [*spent, len(seen)]

    cost(1, 0)  # what is compiled once
    few, many = cost(2, 1), cost(25, 3)
    assert few == many
    with CaptureQueriesContext(connection) as seen:
        assert item_clocks.keep(NOW + 3 * HOUR) + item_rungs.climb_due(NOW + 3 * HOUR) == 0
    assert len(seen) == 5
    if connection.vendor == "sqlite":
        plans = [" ".join(str(row) for row in _plan(query["sql"])) for query in seen]
        wanted = [
            "review_clock_owed",
            "action_clock_owed",
            "review_clock_to_stop",
            "action_clock_to_stop",
            "clock_next",
        ]
        assert [name in plan for name, plan in zip(wanted, plans, strict=True)] == [True] * 5, plans


def _plan(sql):
    with connection.cursor() as cursor:
        return cursor.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_a_close_and_a_rung_exactly_one_is_first(people):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's test database is in memory and has one connection")
    leads = owned(200 if FULL else 40)
    due = NOW + HOUR
    item_clocks.keep(NOW)
    sweep(due)
    who, barrier, failed = by(people.lena), threading.Barrier(4), []

    def run(job):
        barrier.wait()
        try:
            job()
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    def close(some):
        for lead in some:
            acts.reject(lead.pk, who, "spam", due)

    jobs = [
        lambda: close(leads[::2]), lambda: close(leads[1::2]), lambda: item_rungs.climb_due(due),
        lambda: [item_clocks.keep(due) + item_rungs.climb_due(due) for _ in range(20)],
    ]  # fmt: skip
    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    item_clocks.keep(due)
    assert failed == []
    ends = SlaClock.objects.filter(kind="review").order_by("id")
    found = [(row.state, row.answered_at, row.escalations.count()) for row in ends]
    assert len(found) == len(leads)
    assert set(found) <= {("met", None, 0), ("breached", due, 1)}
    print(f"\nof {len(leads)} races the rung won {found.count(('breached', due, 1))}")
    assert not Decision.objects.filter(origin="escalate").exists()
    assert Delivery.objects.filter(occasion="overdue", channel="in_app").count() == found.count(("breached", due, 1))


def test_screens_say_what_is_done_next_about_an_item(people, admin_client):
    owned(2)
    first, second = ReviewItem.objects.order_by("pk")
    item_clocks.keep(NOW)
    queue = admin_client.get("/queue/").content.decode()
    assert queue.count("Else Elena is reminded, ") == 2
    item_rungs.climb_due(NOW + HOUR)
    words = "the team lead answers for it"
    page = admin_client.get(f"/queue/{first.pk}/")
    assert page.context["then"] == (NOW + 2 * HOUR, words)
    assert words.capitalize() in page.content.decode()
    today = admin_client.get("/admin/")
    assert [row.then.words for row, _ in today.context["waiting"] if row.item] == [words, words]
    listed = admin_client.get("/admin/routing/reviewitem/")
    assert {row.next_rung_at for row in listed.context["cl"].result_list} == {NOW + 2 * HOUR}
    ReviewItem.objects.filter(pk=second.pk).update(clock=0)
    with CaptureQueriesContext(connection) as one:
        next_rungs([first])
    with CaptureQueriesContext(connection) as two:
        next_rungs([first, second])
    assert len(one) == len(two) == 3
    assert "1 open review item has no clock yet." in " ".join(finding.sentence for finding in findings(NOW + HOUR))
