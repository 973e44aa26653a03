"""The queue's packages: taken a few times at most, dropped when they cannot be read, heartbeats to the right one."""

import os
import pickle
from datetime import timedelta

import pytest
from django.core import signing
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import PickleSerializer, SignedPackage

from routing import broker, heartbeat, tasks
from routing.broker import MAX_TAKES, Broker, given_up_key, line_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(Conf, "POLL", 0)


def queue(payload=None, key="revroute", lock=None):
    payload = payload or SignedPackage.dumps({"func": "routing.tasks.route_waiting"})
    return OrmQ.objects.create(key=key, payload=payload, lock=lock or timezone.now() - timedelta(seconds=1))


def lapse():
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))


def test_settings_name_this_broker():
    assert type(get_broker()) is Broker


def test_a_package_that_never_ends_is_taken_five_times_and_then_set_aside():
    package = queue()
    for takes in range(1, MAX_TAKES + 1):
        assert [id for id, _ in get_broker().dequeue()] == [package.pk]
        package.refresh_from_db()
        assert package.key == f"revroute#{takes}"
        assert not get_broker().dequeue(), "it is leased"
        lapse()
    assert not get_broker().dequeue()
    package.refresh_from_db()
    assert package.key == given_up_key()
    assert not get_broker().dequeue()
    assert not broker.waits_untaken("revroute"), "what is set aside wakes nobody"


def test_a_package_that_ends_is_gone():
    package = queue()
    get_broker().dequeue()
    get_broker().acknowledge(package.pk)
    assert not OrmQ.objects.exists()


class CutOff:
    """Pickles without their end."""

    @staticmethod
    def dumps(value):
        return pickle.dumps(value)[:-3]


def signed(key, serializer=PickleSerializer):
    return signing.dumps({"func": "x"}, key=key, salt="revroute", serializer=serializer)


@pytest.mark.parametrize(
    "payload",
    [
        lambda: signed("an earlier secret key"),
        lambda: signed(Conf.SECRET_KEY, CutOff),
        lambda: "no signature",
        lambda: "a:b:c",
    ],
    ids=["earlier key", "damaged", "no signature", "nonsense"],
)
def test_what_cannot_be_read_is_dropped_and_holds_up_nothing(payload):
    queue(payload())
    good = queue()
    taken = [get_broker().dequeue() for _ in range(2)]
    assert taken == [[], [(good.pk, good.payload)]]
    assert OrmQ.objects.get() == good


def test_a_heartbeat_comes_first_and_to_its_own_cluster_only():
    heartbeat.register(timezone.now())
    wake = queue()
    for cluster in (os.getpgid(0), 1):
        heartbeat.ask(cluster)
        heartbeat.ask(cluster)
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))
    own = OrmQ.objects.get(key=line_of(os.getpgid(0)))
    assert [get_broker().dequeue()[0][0] for _ in range(2)] == [own.pk, wake.pk]
    assert not get_broker().dequeue()
    task = SignedPackage.loads(own.payload)
    assert task["func"] == "routing.tasks.beat"
    tasks.beat(*task["args"])
    assert heartbeat.beats() == 1


def test_a_waiting_heartbeat_does_not_pass_for_a_wake_up():
    heartbeat.ask(1)
    tasks.wake_router()
    tasks.wake_router()
    assert OrmQ.objects.filter(key="revroute").count() == 1
