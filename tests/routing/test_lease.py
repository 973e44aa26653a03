"""Several workers at once, each with its own connection: nothing is done twice, nothing is left."""

import threading
import time

import pytest
from django.core import mail
from django.db import connection

from leads.models import Task
from routing import delivery, plan
from routing.connectors.base import Receipt
from routing.models import Delivery, PlanAction
from tests.routing.delivery_rows import NOW, make_assigned, make_decision, make_owner, make_plan, make_source

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
WORKERS = 4


class SlowCrm:
    """Takes long enough for the other workers to come by; counts its calls by key."""

    calls: list = []

    def perform(self, action, context):
        self.calls.append(context.idempotency_key)
        time.sleep(0.005)
        return Receipt()


@pytest.fixture(autouse=True)
def several_connections():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's test database is in memory and has one connection")


def together(work):
    """Run `work` in all workers at once and return what each gave back."""
    start, results = threading.Barrier(WORKERS), []

    def worker():
        try:
            start.wait()
            results.append(work())
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_workers_share_follow_ups_and_deliveries_without_doing_one_twice():
    owner, source = make_owner(), make_source()
    for _ in range(60):
        make_assigned(owner, source)
    confirmed = together(lambda: sum(plan.run_due(NOW, 7) for _ in range(20)))
    assert sum(confirmed) == 60
    assert Task.objects.count() == 60
    assert set(PlanAction.objects.values_list("attempts", flat=True)) == {1}
    sent = together(lambda: sum(delivery.deliver_due(NOW, 7) for _ in range(20)))
    assert sum(sent) == 120
    assert len({message.message()["Message-ID"] for message in mail.outbox}) == len(mail.outbox) == 60
    assert set(Delivery.objects.values_list("state", "attempts")) == {("sent", 1)}


def test_workers_share_connector_actions_without_doing_one_twice():
    SlowCrm.calls = []
    owner, source = make_owner(), make_source()
    for _ in range(10):
        make_plan(make_decision(owner, source), f"{__name__}.SlowCrm")
    together(lambda: sum(plan.run_due(NOW, 9) for _ in range(20)))
    assert sorted(SlowCrm.calls) == sorted(set(SlowCrm.calls))
    assert len(SlowCrm.calls) == 40
    assert set(PlanAction.objects.values_list("state", "attempts")) == {("confirmed", 1)}
