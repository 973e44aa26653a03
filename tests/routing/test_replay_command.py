"""`manage.py replay`: says what became of an event, carries on what stopped, and refuses what makes no sense."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from leads.models import RawEvent
from owners.models import Owner
from routing import demo, pipeline
from routing.models import Decision, PlanAction, ReviewItem
from tests.builders import NOW, TOKEN, make_owner, make_source

pytestmark = pytest.mark.django_db(transaction=True)


def post(source, body, token=TOKEN):
    answer = Client().post(
        f"/api/v1/intake/{source}", body, content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip
    return answer.status_code, RawEvent.objects.latest("id")


def replay(capsys, *arguments):
    call_command("replay", *arguments)
    return capsys.readouterr().out.strip()


@pytest.fixture
def decided():
    """An event of the small demo set with its decision."""
    demo.load(NOW, empty=True)
    token = demo.credentials()["sources"][0]["token"]
    status, event = post("generic", '{"email": "ann@buyer.example"}', token)
    assert status == 201
    return event


def test_decided_event_keeps_its_decision_and_its_stopped_plan_goes_on(capsys, decided):
    digest = Decision.objects.get(pk=decided.pk).digest
    action = PlanAction.objects.filter(decision=decided.pk).order_by("position").last()
    PlanAction.objects.filter(pk=action.pk).update(state=PlanAction.State.STOPPED, attempts=5, error="refused")
    assert replay(capsys, str(decided.pk)) == f"Event {decided.pk} keeps its decision; 1 plan actions go on."
    action.refresh_from_db()
    assert (action.state, action.attempts, action.error) == (PlanAction.State.PENDING, 0, "")
    assert Decision.objects.get(pk=decided.pk).digest == digest


def test_unreadable_event_is_called_unreadable():
    make_source("website", make_owner("elena"))
    status, event = post("website", '{"email": ')
    assert (status, event.state) == (400, RawEvent.State.UNREADABLE)
    with pytest.raises(CommandError) as refused:
        call_command("replay", str(event.pk))
    sentence = f"Event {event.pk} could not be read ({event.error}), so there is no decision to keep."
    assert (str(refused.value), bool(event.error)) == (sentence, True)


def test_event_that_was_set_aside_is_said_to_be_in_review_with_its_error(monkeypatch):
    make_source("website", make_owner("elena"))

    def fail(*_):
        raise ArithmeticError("no number")

    monkeypatch.setattr(pipeline, "_carry", fail)
    _, event = post("website", '{"email": "ann@buyer.example"}')
    assert (event.state, ReviewItem.objects.get().event) == (RawEvent.State.DONE, event)
    with pytest.raises(CommandError) as refused:
        call_command("replay", str(event.pk))
    error = "ArithmeticError while routing"
    assert str(refused.value) == f"Event {event.pk} was set aside in review ({error}), so there is no decision to keep."


def test_kept_body_that_was_refused_is_not_said_to_be_in_review():
    source = make_source("website", make_owner("elena"))
    error = "another body under a used Idempotency-Key"
    event = RawEvent.objects.create(
        source=source, state=RawEvent.State.DONE, received_at=NOW, body=b"{}", body_digest="0" * 64,
        correlation_id="0" * 32, error=error,
    )  # fmt: skip
    with pytest.raises(CommandError) as refused:
        call_command("replay", str(event.pk))
    assert str(refused.value) == f"Event {event.pk} was set aside ({error}), so there is no decision to keep."


def test_event_that_does_not_exist_is_refused():
    with pytest.raises(CommandError, match=r"^There is no event 17\.$"):
        call_command("replay", "17")


@pytest.mark.parametrize("days", ["0", "-1", "1000000000000"])
def test_verify_refuses_days_that_mean_nothing(days):
    with pytest.raises(CommandError, match=r"^--days goes with --verify and is a number from 1 to 36500\.$"):
        call_command("replay", "--verify", "--days", days)


def test_days_without_verify_are_refused(decided):
    with pytest.raises(CommandError, match="--days goes with --verify"):
        call_command("replay", str(decided.pk), "--days", "3")


def test_verify_counts_the_decisions_of_those_days(capsys, decided):
    assert replay(capsys, "--verify", "--days", "1") == "1 decisions decided again, 0 differences."
    assert replay(capsys, "--verify") == "1 decisions decided again, 0 differences."
    assert Owner.objects.filter(leads__isnull=False).count() == 1
