"""The watch in the web processes: one mail an incident whoever watches, one when it is over, none for a hiccup."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from owners.models import User
from routing import health
from routing.health import remember
from routing.models import WorkerHeartbeat, WorkerIncident
from routing.pulse import Ages
from routing.watch import LATE_LOOKS, WELL_LOOKS, Watch, operators
from tests.builders import NOW

pytestmark = pytest.mark.django_db


class Watchers:
    """Two web processes that look every five seconds."""

    def __init__(self):
        self.both, self.now, self.second = [Watch(), Watch()], NOW, 0.0

    def look(self, times):
        for _ in range(times):
            self.now += timedelta(seconds=5)
            self.second += 5
            beats = {"beats": F("beats") + 1, "reports": F("reports") + 1}
            if WorkerHeartbeat.objects.exists():
                WorkerHeartbeat.objects.update(**beats, beat_at=self.now, reported_at=self.now)
            for watch in self.both:
                watch.look(self.now, lambda: self.second)


@pytest.fixture
def watchers(monkeypatch):
    monkeypatch.setattr(health.worker_state, "__defaults__", (health.time.monotonic, Ages()))
    User.objects.create(username="ann", is_superuser=True, email="ann@acme.example")
    yield Watchers()
    remember(None)


def well(now):
    WorkerHeartbeat.objects.all().delete()
    WorkerHeartbeat.objects.create(
        name="w:1", host="w", pid=1, started_at=now, reported_at=now, beats=1, beat_at=now,
    )  # fmt: skip


def subjects():
    return [(message.subject, message.to) for message in mail.outbox]


LATE = ("RevRoute: background work is late", ["ann@acme.example"])
AGAIN = ("RevRoute: background work is on time again", ["ann@acme.example"])


def test_one_mail_when_it_is_late_and_one_when_it_is_over(watchers):
    watchers.look(LATE_LOOKS - 1)
    assert subjects() == []
    watchers.look(40)
    assert subjects() == [LATE]
    assert "No background worker is running;" in mail.outbox[0].body
    assert WorkerIncident.objects.get().told_at
    well(watchers.now)
    watchers.look(WELL_LOOKS - 1)
    assert subjects() == [LATE]
    watchers.look(1)
    assert subjects() == [LATE, AGAIN]
    assert mail.outbox[1].body.startswith("It was late for about 4 minutes. Nothing was lost.")
    WorkerHeartbeat.objects.all().delete()
    watchers.look(LATE_LOOKS)
    assert subjects() == [LATE, AGAIN, LATE]


def test_a_hiccup_is_not_worth_a_mail(watchers):
    for _ in range(5):
        watchers.look(LATE_LOOKS - 1)
        well(watchers.now)
        watchers.look(1)
        WorkerHeartbeat.objects.all().delete()
    assert subjects() == []


def test_a_mail_that_could_not_be_sent_is_tried_again_a_minute_later_by_one_of_them(watchers, monkeypatch):
    tries = []
    with monkeypatch.context() as broken:
        broken.setattr("routing.watch.EmailMessage.send", lambda self: tries.append(self) or 1 / 0)
        watchers.look(12)
    assert (len(tries), WorkerIncident.objects.get().told_at) == (1, None)
    watchers.look(12)
    assert subjects() == [LATE]


def test_a_clock_set_back_keeps_no_mail_from_going(watchers):
    WorkerIncident.objects.create(since=NOW, claimed_at=NOW + timedelta(days=1))
    watchers.look(LATE_LOOKS)
    assert subjects() == [LATE]


def test_operators_are_named_or_else_the_superusers_who_can_be_reached(watchers, settings):
    User.objects.create(username="gone", is_superuser=True, is_active=False, email="gone@acme.example")
    User.objects.create(username="rep", email="rep@acme.example")
    User.objects.create(username="mute", is_superuser=True)
    assert operators() == ["ann@acme.example"]
    settings.OPERATOR_EMAILS = ["ops@acme.example"]
    assert operators() == ["ops@acme.example"]


def test_a_long_incident_is_only_read(watchers):
    watchers.look(LATE_LOOKS)
    with CaptureQueriesContext(connection) as seen:
        watchers.look(1)
    assert [query["sql"][:6] for query in seen if not query["sql"].lstrip().startswith("SELECT")] == []
