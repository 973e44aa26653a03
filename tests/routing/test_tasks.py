"""Events that no request waits for: one wake-up in the queue, committed with the event, drains them all."""

import json

import pytest
from django.test import Client
from django_q.models import OrmQ

from leads.models import Lead, RawEvent
from routing.tasks import route_waiting
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
