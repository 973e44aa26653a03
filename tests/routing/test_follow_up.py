"""The first task of a sequence: its words and its row."""

import pytest

from leads.models import Task
from routing import pipeline, plan
from routing.follow_up import first_task_text, start, topic
from tests import builders
from tests.routing.batches import waiting
from tests.routing.delivery_rows import NOW, make_decision


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("Ada Lovelace", "+44", "Acme", "CRM repair"), "Call Ada Lovelace (Acme) about CRM repair"),
        (("ada@x.example", "", "", "the demo inquiry"), "Write to ada@x.example about the demo inquiry"),
        (("Analytical Ltd", "+44", "Analytical Ltd", ""), "Call Analytical Ltd"),
        (("", "", "", ""), "Write to the buyer"),
        (("Ada\r\nBcc: all", "+44", "A\u2028B", "x\ty"), "Call Ada Bcc: all (A B) about x y"),
    ],
)  # fmt: skip
def test_task_text_says_what_to_do_in_one_line(parts, text):
    assert first_task_text(*parts) == text


def test_task_text_of_endless_names_fits_its_column():
    assert len(first_task_text("A" * 5000, "+44", "B" * 5000, "C" * 5000)) <= 300


@pytest.mark.parametrize(
    ("snapshot", "said"),
    [
        (
            '{"facts": {"service_requested": "crm_workflow_repair", "product_interest": "x"}}',
            "CRM workflow repair",
        ),
        ('{"facts": {"product_interest": "lead_router"}}', "lead router"),
        (r'{"source":"\"facts\":{}","facts":{"service_requested":"audit"},"contact":{}}', "audit"),
        ('{"facts": {"service_requested": "audit"', "the demo inquiry"),
        ('{"facts": {}}', "the demo inquiry"),
        ('{"facts": 3}', "the demo inquiry"),
        ("[]", "the demo inquiry"),
        ("not json", "the demo inquiry"),
    ],
)
def test_topic_is_what_the_buyer_asked_for(snapshot, said):
    assert topic(snapshot, "demo") == said


@pytest.mark.django_db
def test_first_task_belongs_to_the_owner_and_is_due_with_the_first_touch():
    decision = make_decision()
    start([decision.id], NOW)
    task = Task.objects.get()
    assert (task.decision_id, task.lead_id, task.owner_id) == (
        decision.id,
        decision.lead_id,
        decision.owner_id,
    )
    assert (task.sequence, task.step, task.due_at, task.done_at) == (
        "speed_to_lead",
        1,
        decision.due_at,
        None,
    )
    assert task.text == "Call Ada Lovelace (Analytical Ltd) about CRM workflow repair"


@pytest.mark.django_db
def test_starting_twice_leaves_one_task():
    decision = make_decision()
    start([decision.id], NOW)
    Task.objects.update(text="Call her mother")
    start([decision.id], NOW)
    assert [task.text for task in Task.objects.all()] == ["Call her mother"]


@pytest.mark.django_db
def test_decision_without_a_due_time_has_a_task_that_is_due_now():
    start([make_decision(due_at=None).id], NOW)
    assert Task.objects.get().due_at == NOW


@pytest.mark.django_db
def test_topic_is_found_in_the_snapshot_that_routing_stores():
    elena = builders.make_owner("elena", builders.make_team())
    builders.publish_pool_rule(elena, builders.make_pool("everybody", [elena]))
    source = builders.make_source("web", elena)
    waiting(source, {"email": "ada@analytical.example", "service_requested": "crm_workflow_repair"})
    pipeline.drain(lambda: builders.NOW)
    assert plan.run_due(builders.NOW) == 1
    assert Task.objects.get().text == "Write to ada@analytical.example (analytical.example) about CRM workflow repair"
