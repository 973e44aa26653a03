"""Fixtures for all tests of routing."""

import pytest

from owners.models import User
from tests.routing.scripted_mail import HOST, ScriptedMail


@pytest.fixture
def admin_user(db):
    """A superuser without a password, because hashing one takes longer than most tests."""
    return User.objects.create(username="admin", is_staff=True, is_superuser=True)


@pytest.fixture
def server(settings):
    """The mail server: what its `opening` and `script` hold is what it answers."""
    settings.EMAIL_BACKEND = f"{ScriptedMail.__module__}.{ScriptedMail.__name__}"
    ScriptedMail.opening, ScriptedMail.script, ScriptedMail.opened = [], [], 0
    return ScriptedMail


@pytest.fixture
def base_url(settings):
    """The address that links in messages lead to."""
    settings.BASE_URL = f"https://{HOST}"
