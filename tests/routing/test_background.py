"""An event that kills whoever routes it is tried alone, its deaths counted, and set aside; the others are routed."""

import os
import signal

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from leads.models import Lead, RawEvent
from leads.normalise import warm_up
from routing import background, pipeline
from routing.execute import put_back
from routing.heartbeat import HOST, worker_name
from routing.models import BatchUnderWay, ReviewItem
from routing.worker import tick
from tests.builders import NOW, make_owner, make_pool, make_source, publish_pool_rule
from tests.flows.server import database
from tests.flows.test_concurrency import seed_pool
from tests.routing.batches import buyers, waiting

POISON = "poison@acme.example"
ALIVE = f"{HOST}:{os.getppid()}"
DEAD = f"{HOST}:4194001"


def ticks_until_nobody_dies():
    """In a process of its own: a poisonous event among others, and ticks in processes that it kills; the deaths."""
    from leads.models import Source

    source = Source.objects.get()
    waiting(source, *buyers(3), {"email": POISON}, *buyers(3, first=3))
    prepare = pipeline.prepare

    def deadly(*event):
        if POISON.encode() in event[3]:
            os.kill(os.getpid(), signal.SIGKILL)
        return prepare(*event)

    pipeline.prepare = deadly
    warm_up()  # once, and not in every child
    for deaths in range(10):
        connection.close()
        child = os.fork()
        if child == 0:
            tick(timezone.now)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            return deaths
    return -1


@pytest.mark.server
def test_an_event_that_kills_its_process_goes_to_review_after_three_more_deaths_and_harms_no_other():
    with database(seed_pool, [1]) as db:
        assert db.run(ticks_until_nobody_dies) == 1 + background.MAX_DEATHS
        assert db.rows("SELECT state, COUNT(*) FROM leads_rawevent GROUP BY state") == [(1, 7)]
        assert db.value("SELECT COUNT(*) FROM leads_lead WHERE state = 'assigned'") == 6
        assert db.rows("SELECT attempts, error FROM leads_rawevent WHERE attempts > 0") == [
            (4, "ProcessDied while routing")
        ]
        assert db.rows("SELECT reason, state FROM routing_reviewitem") == [("unresolved", "open")]
        assert db.rows("SELECT * FROM routing_batchunderway") == []


# What follows happens in one process ----------------------------------------------------------------------------


@pytest.fixture
def source(transactional_db):
    elena = make_owner("elena")
    source = make_source("web", elena)
    publish_pool_rule(elena, make_pool("all", [elena]))
    return source


def run():
    return background.route_waiting(lambda: NOW, lambda: True)


def attempts():
    return list(RawEvent.objects.order_by("id").values_list("state", "attempts"))


def test_what_is_begun_is_written_down_before_and_withdrawn_after(source, monkeypatch):
    ids, seen = waiting(source, *buyers(3)), []
    route = pipeline.route
    monkeypatch.setattr(pipeline, "route", lambda **more: seen.extend(BatchUnderWay.objects.all()) or route(**more))
    assert run() == 3
    assert [(batch.holder, batch.events) for batch in seen] == [(worker_name(), ids)]
    assert not BatchUnderWay.objects.exists()
    assert attempts() == [(1, 0)] * 3


def test_a_batch_of_a_living_process_is_left_alone_and_one_of_a_dead_process_is_tried_one_by_one(source):
    ids = waiting(source, *buyers(3))
    for holder, events in ((ALIVE, ids[:1]), (DEAD, ids[1:]), ("elsewhere:1", [])):
        BatchUnderWay.objects.create(holder=holder, events=events, begun_at=NOW)
    assert run() == 3
    assert {batch.holder for batch in BatchUnderWay.objects.all()} == {ALIVE, "elsewhere:1"}
    assert attempts() == [(1, 0)] * 3
    assert Lead.objects.count() == 3


def test_a_batch_of_another_host_belongs_to_nobody_after_five_minutes_whichever_way_its_clock_is_wrong(source):
    ids = waiting(source, *buyers(2))
    for n, shift in enumerate((-background.LOST_AFTER, background.LOST_AFTER)):
        BatchUnderWay.objects.create(holder=f"elsewhere:{n}", events=[ids[n]], begun_at=NOW + 1.1 * shift)
    assert run() == 2
    assert not BatchUnderWay.objects.exists()


def test_an_event_with_three_deaths_is_set_aside_without_another_try_and_may_be_put_back(source):
    [id] = waiting(source, *buyers(1))
    RawEvent.objects.update(attempts=background.MAX_DEATHS)
    BatchUnderWay.objects.create(holder=DEAD, events=[id], begun_at=NOW)
    assert run() == 1
    item = ReviewItem.objects.get()
    assert (item.event_id, item.state, item.detail.partition(":")[0]) == (id, "open", "ProcessDied while routing")
    assert put_back(id, NOW)
    assert attempts() == [(0, 0)]
    assert run() == 1
    assert Lead.objects.get().state == "assigned"


def test_a_database_that_goes_away_while_a_suspect_is_tried_counts_no_death(source, monkeypatch):
    [id] = waiting(source, *buyers(1))
    BatchUnderWay.objects.create(holder=DEAD, events=[id], begun_at=NOW)
    with monkeypatch.context() as away:
        away.setattr(pipeline, "route", lambda **more: (_ for _ in ()).throw(OperationalError("away")))
        with pytest.raises(OperationalError):
            run()
    assert attempts() == [(0, 0)]
    assert run() == 1
    assert attempts() == [(1, 0)]
