"""Fixtures for all tests of routing."""

import pytest

from owners.models import User


@pytest.fixture
def admin_user(db):
    """A superuser without a password, because hashing one takes longer than most tests."""
    return User.objects.create(username="admin", is_staff=True, is_superuser=True)
