"""What every test may rely on: caches of one test never reach the next."""

import os
import time

import pytest
from django.db import connection
from hypothesis import settings

from routing import combine, current, prepare

# The same examples in every `make test`, so that a red run is about the change; new ones in `make test-all`.
settings.register_profile("steady", derandomize=os.environ.get("REVROUTE_FULL") != "1", deadline=None)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def forget_between_tests():
    """Processes cache sources, people and rules by ids, which a new test's rows may carry again."""
    yield
    prepare.forget_sources()
    current.forget_all()
    combine.combiner._early.clear()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """As pytest-django's, but the test database is dropped only when the servers that tests started have left it."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock():
            _wait_until_alone()


def _wait_until_alone(seconds=15.0):
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + seconds
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(f"SELECT count(*) {others}")
            if cursor.fetchone()[0] == 0:
                return
            time.sleep(0.1)
        cursor.execute(f"SELECT pg_terminate_backend(pid) {others}")
