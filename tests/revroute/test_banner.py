"""Every screen of somebody who is signed in says that background work is late, with a way to what can be done."""

import pytest
from django.test import Client
from django.utils import timezone

from owners.models import User
from routing import health
from routing.health import remember, worker_state

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    client = Client()
    client.force_login(User.objects.create(username="admin", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def late(monkeypatch):
    monkeypatch.setattr(health, "_began", -1000.0)
    remember(worker_state(timezone.now()))
    yield
    remember(None)


SENTENCE = "Background work is late. No background worker is running; start one with manage.py worker."


@pytest.mark.parametrize("path", ["/admin/", "/admin/routing/reviewitem/", "/help/"])
def test_banner_stands_on_every_screen_when_background_work_is_late(client, late, path):
    page = client.get(path).content.decode()
    assert page.count(SENTENCE) == 1
    assert 'href="/help/health/"' in page


def test_no_banner_when_nothing_is_late_and_none_for_strangers(client, late):
    assert SENTENCE not in Client().get("/admin/login/").content.decode()
    remember(None)
    assert SENTENCE not in client.get("/admin/").content.decode()
