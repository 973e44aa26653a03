"""What happens after the commit: actions in order, retries and their end, what is only done after success."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Deal, Pipeline, Stage, Task
from owners.models import WeeklyHours
from routing import delivery, plan
from routing.connectors.base import RateLimited, Receipt, Refused, Retry, Unauthorised
from routing.models import Decision, PlanAction, ReviewItem
from tests.routing.delivery_rows import (
    NOW,
    PLAN,
    kinds,
    make_action,
    make_assigned,
    make_decision,
    make_delivery,
    make_owner,
    make_plan,
    make_source,
    make_version,
)

pytestmark = pytest.mark.django_db
CRM = f"{__name__}.ScriptedCrm"


class ScriptedCrm:
    """Answers what `script` holds, then confirms; `seen` keeps what it was given."""

    script: list = []
    seen: list = []

    def perform(self, action, context):
        self.seen.append(context)
        answer = self.script.pop(0) if self.script else None
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            answer()
        return Receipt(f"crm-{action}")


@pytest.fixture
def crm():
    ScriptedCrm.script, ScriptedCrm.seen = [], []
    return ScriptedCrm


def no_chance():
    return 0.0


def run(now=NOW, limit=100):
    return plan.run_due(now, limit, no_chance)


def states(decision):
    return list(PlanAction.objects.filter(decision=decision).order_by("position").values_list("state", flat=True))


def sent_to(decision):
    return [row for row in kinds(decision) if row[0] == "assignment"]


def test_follow_up_writes_the_task_and_sets_the_alerts_free():
    decision = make_assigned()
    assert run() == 1
    action = PlanAction.objects.get()
    assert (action.state, action.attempts, action.confirmed_at, action.next_try_at) == (
        "confirmed",
        1,
        NOW,
        None,
    )
    assert Task.objects.get().decision_id == decision.id
    assert kinds(decision) == [("assignment", "email", "owed"), ("assignment", "in_app", "owed")]
    assert set(decision.deliveries.values_list("next_try_at", flat=True)) == {NOW}


def test_follow_up_runs_once():
    decision = make_assigned()
    assert [run(), run()] == [1, 0]
    assert Task.objects.filter(decision_id=decision.id).count() == 1


def test_follow_up_that_is_not_due_waits():
    make_action(make_decision(), next_try_at=NOW + timedelta(seconds=1))
    assert [run(), run(NOW + timedelta(seconds=1))] == [0, 1]


def test_follow_ups_take_the_same_number_of_statements_for_one_and_a_hundred():
    owner, source = make_owner(), make_source()
    counts = []
    for size in (1, 100):
        for _ in range(size):
            make_assigned(owner, source)
        with CaptureQueriesContext(connection) as queries:
            assert run() == size
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 10  # savepoints of the test's own transaction included


def test_idle_run_only_reads():
    with CaptureQueriesContext(connection) as queries:
        assert run() == 0
    assert [query["sql"].split()[0] for query in queries] == ["SELECT"]


def test_one_bad_follow_up_does_not_hold_up_the_others(monkeypatch):
    bad, *good = [make_assigned() for _ in range(4)]
    real = plan.follow_up.start

    def start(decisions, now):
        if bad.id in decisions:
            raise ValueError("ada@analytical.example cannot be read")
        real(decisions, now)

    monkeypatch.setattr(plan.follow_up, "start", start)
    assert run() == 3
    assert [states(decision) for decision in good] == [["confirmed"]] * 3
    action = PlanAction.objects.get(decision=bad)
    assert (action.state, action.attempts, action.error) == ("pending", 1, "unexpected_error: ValueError")
    assert action.next_try_at == NOW + timedelta(seconds=15)


def test_connector_confirms_the_plan_in_order_before_anybody_is_told(crm):
    decision = make_decision()
    make_plan(decision, CRM)
    make_delivery(decision, "email", "blocked")
    assert run() == 5
    assert [context.action for context in crm.seen] == list(PLAN[:4])
    assert [context.idempotency_key for context in crm.seen] == [f"{decision.id}:{n}" for n in range(1, 5)]
    assert states(decision) == ["confirmed"] * 5
    assert list(decision.actions.values_list("external_id", flat=True)) == [f"crm-{name}" for name in PLAN[:4]] + [""]
    assert kinds(decision) == [("assignment", "email", "owed")]


def test_context_holds_plain_values_and_what_earlier_actions_gave_back(crm):
    decision = make_decision()
    pipeline = Pipeline.objects.create(key="sales", name="Sales")
    stage = Stage.objects.create(pipeline=pipeline, key="new", name="New")
    deal = Deal.objects.create(name="Repair", pipeline=pipeline, stage=stage, created_at=NOW, external_id="d-9")
    decision.lead.deal = deal
    decision.lead.save(update_fields=["deal"])
    make_plan(decision, CRM)
    run()
    third = crm.seen[2]
    assert (third.owner.email, third.contact.email, third.company.domain) == (
        "elena@acme.example", "ada@analytical.example", "analytical.example",
    )  # fmt: skip
    assert (third.deal.id, third.deal.external_id, third.pipeline_key, third.stage_key) == (
        deal.id,
        "d-9",
        "sales",
        "new",
    )
    assert third.reason == decision.reason
    assert third.earlier == {
        "update_contact_owner": "crm-update_contact_owner",
        "create_deal": "crm-create_deal",
    }


def test_connector_that_delays_refuses_then_succeeds_leads_to_exactly_one_task_and_alert(crm):
    """No alert and no follow-up before the CRM's success; afterwards exactly one."""
    decision = make_decision(version=make_version())
    make_plan(decision, CRM)
    make_delivery(decision, "in_app", "blocked")
    make_delivery(decision, "email", "blocked")
    blocked = [("assignment", "email", "blocked"), ("assignment", "in_app", "blocked")]

    crm.script = [Retry(timedelta(seconds=20))]
    assert [run(), delivery.deliver_due(NOW)] == [0, 0]
    assert (states(decision), sent_to(decision), Task.objects.count()) == (["pending"] * 5, blocked, 0)

    later = NOW + timedelta(seconds=20)
    assert run(later - timedelta(seconds=1)) == 0
    crm.script = [Refused("no such user")]
    assert run(later) == 0
    assert states(decision) == ["stopped", *["pending"] * 4]
    assert delivery.deliver_due(later) == 2  # both are the operator's
    assert [message.to for message in mail.outbox] == [["olga@acme.example"]]
    assert (sent_to(decision), Task.objects.count()) == (blocked, 0)
    assert run(later + timedelta(days=1)) == 0

    mended = later + timedelta(days=1)
    mail.outbox.clear()
    assert plan.resume(decision.id, mended) == 1
    assert run(mended) == 5
    assert delivery.deliver_due(mended) == 2
    assert (run(mended), delivery.deliver_due(mended)) == (0, 0)
    assert Task.objects.filter(decision_id=decision.id).count() == 1
    assert [message.to for message in mail.outbox] == [["elena@acme.example"]]
    assert sent_to(decision) == [("assignment", "email", "sent"), ("assignment", "in_app", "sent")]


def test_failure_in_the_middle_resumes_at_the_first_unfinished_action(crm):
    decision = make_decision()
    make_plan(decision, CRM)
    crm.script = [None, Retry()]
    assert run() == 1
    assert states(decision) == ["confirmed", *["pending"] * 4]
    waits = NOW + timedelta(seconds=15)
    assert set(decision.actions.filter(state="pending").values_list("next_try_at", flat=True)) == {waits}
    assert run(waits) == 4
    assert [context.idempotency_key.split(":")[1] for context in crm.seen] == ["1", "2", "2", "3", "4"]


def test_retry_after_is_kept(crm):
    decision = make_decision()
    make_plan(decision, CRM)
    crm.script = [RateLimited(timedelta(minutes=7))]
    run()
    assert decision.actions.get(position=1).next_try_at == NOW + timedelta(minutes=7)


def test_five_failed_attempts_are_dead_with_one_alert_and_one_review_item(crm):
    decision = make_decision(version=make_version())
    make_plan(decision, CRM)
    make_delivery(decision, "email", "blocked")
    crm.script = [Retry() for _ in range(9)]
    now = NOW
    for _ in range(9):
        run(now)
        now += timedelta(hours=1)
    action = decision.actions.get(position=1)
    assert (action.state, action.attempts, action.error) == ("dead", 5, "crm_unavailable")
    assert len(crm.seen) == 5
    assert kinds(decision) == [
        ("assignment", "email", "blocked"), ("operator", "email", "owed"), ("operator", "in_app", "owed"),
    ]  # fmt: skip
    item = ReviewItem.objects.get()
    assert (item.reason, item.detail, item.owner.name) == (
        "crm_error", "update_contact_owner: crm_unavailable", "Rita Rules",
    )  # fmt: skip
    assert (item.lead_id, item.decision_id, item.occurrences) == (decision.lead_id, decision.id, 1)


@pytest.mark.parametrize(("error", "code"), [(Unauthorised(), "crm_unauthorised"), (Refused(), "crm_refused")])
def test_permanent_failure_stops_and_alerts_at_once(crm, error, code):
    decision = make_decision()
    make_plan(decision, CRM)
    crm.script = [error]
    run()
    action = decision.actions.get(position=1)
    assert (action.state, action.attempts, action.error) == ("stopped", 1, code)
    assert kinds(decision) == [("operator", "email", "owed"), ("operator", "in_app", "owed")]
    assert {row.owner for row in decision.deliveries.all()} == {decision.lead.source.owner}
    assert ReviewItem.objects.get().owner == decision.lead.source.owner  # no version that would name another


def test_connector_that_is_gone_stops_the_plan_with_an_alert():
    decision = make_decision()
    make_plan(decision, "tests.routing.test_plan.NoLongerThere")
    assert run() == 0
    assert decision.actions.get(position=1).error == "connector_unknown: tests.routing.test_plan.NoLongerThere"
    assert ReviewItem.objects.count() == 1


def test_error_that_nobody_foresaw_is_tried_again_without_its_text(crm):
    decision = make_decision()
    make_plan(decision, CRM)
    crm.script = [KeyError("ada@analytical.example")]
    run()
    assert decision.actions.get(position=1).error == "unexpected_error: KeyError"
    assert run(NOW + timedelta(minutes=1)) == 5


def test_second_failure_after_resuming_counts_on_the_open_item_and_alerts_again(crm):
    decision = make_decision()
    make_plan(decision, CRM)
    crm.script = [Refused(), Refused()]
    run()
    delivery.deliver_due(NOW)
    plan.resume(decision.id, NOW)
    run()
    assert ReviewItem.objects.get().occurrences == 2
    assert kinds(decision) == [("operator", "email", "owed"), ("operator", "in_app", "owed")]


def test_resume_of_a_plan_without_failures_changes_nothing():
    decision = make_decision()
    make_action(decision, next_try_at=NOW + timedelta(hours=1))
    assert (plan.resume(decision.id, NOW), run()) == (0, 0)


def test_action_in_another_workers_hands_is_left_alone(crm):
    """The other worker comes while the first one's call is under way."""
    decision = make_decision()
    make_plan(decision, CRM)
    others = []
    crm.script = [lambda: others.append(run(NOW + timedelta(seconds=59)))]
    assert run() == 5
    assert (others, len(crm.seen)) == ([0], 4)


def test_action_of_a_dead_worker_is_done_again_under_the_same_key(crm):
    decision = make_decision()
    make_plan(decision, CRM)
    crm.script = [SystemExit()]  # not an error to be handled: the process ends
    with pytest.raises(SystemExit):
        run()
    assert run(NOW + timedelta(seconds=59)) == 0
    assert run(NOW + timedelta(seconds=60)) == 5
    assert [context.idempotency_key for context in crm.seen][:2] == [f"{decision.id}:1"] * 2
    assert decision.actions.get(position=1).attempts == 2


def test_action_that_ends_its_process_five_times_is_given_up(crm):
    decision = make_decision()
    make_plan(decision, CRM)
    decision.actions.filter(position=1).update(attempts=5, next_try_at=NOW)
    assert run() == 0
    action = decision.actions.get(position=1)
    assert (action.state, crm.seen) == ("dead", [])
    assert action.error == "attempts_lost: the process ended during the last attempt"
    assert ReviewItem.objects.count() == 1


def test_worker_that_comes_back_after_its_lease_changes_nothing(crm):
    decision = make_decision()
    make_action(decision, 1, CRM)
    crm.script = [lambda: PlanAction.objects.update(attempts=2)]  # somebody else counted an attempt meanwhile
    assert run() == 0
    assert decision.actions.get().state == "pending"


def test_limit_bounds_one_run(crm):
    for _ in range(3):
        make_action(make_decision(), 1, CRM)
    assert [run(limit=2), run(limit=2)] == [2, 1]


def test_review_item_is_due_in_the_working_time_of_its_owner(crm):
    rita = make_owner("Rita Rules", time_zone="Europe/Berlin")
    WeeklyHours.objects.create(owner=rita, weekday=1, start_minute=540, end_minute=1020)  # Tuesdays from nine
    decision = make_decision(version=make_version(rita))
    make_plan(decision, CRM)
    crm.script = [Refused()]
    run()
    assert ReviewItem.objects.get().due_at.isoformat() == "2026-11-24T09:00:00+00:00"


def test_nothing_of_the_buyer_is_logged(crm, caplog):
    decision = make_decision()
    make_plan(decision, CRM)
    crm.script = [Refused("ada@analytical.example is not welcome")]
    run()
    assert "crm_refused" in caplog.text
    assert "ada@" not in caplog.text
    assert Decision.objects.count() == 1
