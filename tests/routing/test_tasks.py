"""Events that no request waits for: one wake-up in the queue, committed with the event, drains them all."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from leads.models import Lead, RawEvent
from routing.health import worker_state
from routing.models import Delivery, PlanAction
from routing.tasks import route_waiting
from routing.worker import Done, tick
from tests.builders import TOKEN, make_owner, make_pool, make_source, publish_pool_rule

pytestmark = pytest.mark.django_db(transaction=True)


def post(number):
    headers = {"Authorization": f"Bearer {TOKEN}", "Prefer": "respond-async"}
    body = json.dumps({"email": f"buyer-{number}@acme-{number}.example"})
    return Client().post("/api/v1/intake/web", body, content_type="application/json", headers=headers)


def test_many_events_queue_one_wake_up_that_routes_them_all():
    elena = make_owner("elena")
    make_source("web", elena)
    publish_pool_rule(elena, make_pool("all", [elena]))
    assert [post(number).status_code for number in range(5)] == [202] * 5
    (task,) = OrmQ.objects.all()
    assert task.func() == "routing.tasks.route_waiting"
    assert route_waiting() == 5
    assert Lead.objects.filter(owner=elena).count() == 5
    assert not RawEvent.objects.filter(state=RawEvent.State.WAITING).exists()


def test_a_repeat_queues_nothing():
    make_source("web", make_owner("elena"))
    post(1)
    OrmQ.objects.all().delete()
    assert post(1).status_code == 202
    assert not OrmQ.objects.exists()


def test_work_that_lost_its_task_is_found_by_a_tick():
    """A wake-up that vanished, an alert whose sender died, a CRM write whose worker died: each by its row."""
    elena = make_owner("elena")
    make_source("web", elena)
    publish_pool_rule(elena, make_pool("all", [elena]))
    now = timezone.now()
    for lost in range(2):
        assert post(lost).status_code == 202
    OrmQ.objects.all().delete()
    assert tick(lambda: now).routed == 0, "they still belong to whoever is told of them"
    done = tick(lambda: now + timedelta(seconds=2))
    assert done == Done(routed=2, followed_up=2, delivered=4, reported=2)
    Delivery.objects.filter(channel="email").update(state="sending", sent_at=None, next_try_at=now)
    PlanAction.objects.update(state="pending", attempts=1, confirmed_at=None, next_try_at=now)
    assert worker_state(now + timedelta(seconds=100)).sentences[1:] == [
        "The oldest alert should have gone out 100 seconds ago.",
        "The oldest CRM write or first task should have been done 100 seconds ago.",
    ]
    done = tick(lambda: now + timedelta(seconds=100))
    assert str(done) == "0 events routed, 2 plan actions done, 0 rungs climbed, 2 deliveries sent, 0 batches moved."
    assert worker_state(now).sentences[1:] == []
