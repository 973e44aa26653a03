"""What every test may rely on: caches of one test never reach the next."""

import os
import sqlite3
import time
from contextlib import closing

import pytest
from django.db import connection
from django.test import TransactionTestCase, override_settings
from hypothesis import settings

from routing import combine, current, holding, prepare
from tests import kept
from tests.cleaning import Cleaner

# The same examples in every `make test`, so that a red run is about the change; new ones in `make test-all`.
settings.register_profile("steady", derandomize=os.environ.get("REVROUTE_FULL") != "1", deadline=None)
settings.load_profile("steady")


@pytest.fixture(autouse=True, scope="session")
def cheap_passwords():
    """A real hash takes a third of a second by intent, and hundreds of tests sign somebody in."""
    cheap = "django.contrib.auth.hashers.MD5PasswordHasher"
    of_the_demo = "django.contrib.auth.hashers.PBKDF2PasswordHasher"  # which says so itself
    with override_settings(PASSWORD_HASHERS=[cheap, of_the_demo]):
        yield


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # the process that starts the others
        kept.begin()


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        kept.end()


def pytest_collection_modifyitems(config, items):
    """Leave out what touches no database, where it ran on another one already (TESTS_OF_THE_DATABASE_ONLY)."""
    if os.environ.get("TESTS_OF_THE_DATABASE_ONLY") != "1":
        return
    needing = [item for item in items if _needs_a_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(needing)])
    items[:] = needing


def _needs_a_database(item):
    marked = any(item.get_closest_marker(mark) for mark in ("django_db", "server", "postgres", "browser"))
    return marked or not {"db", "transactional_db"}.isdisjoint(item.fixturenames)


@pytest.fixture(autouse=True)
def forget_between_tests():
    """Processes cache sources, people and rules by ids, which a new test's rows may carry again."""
    yield
    prepare.forget_sources()
    current.forget_all()
    holding.forget_passes()
    combine.combiner._early.clear()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings):
    """Let the test database begin as a copy of the run's migrated one, instead of migrating in every process."""
    template, own = kept.migrated(), connection.settings_dict["TEST"]
    if connection.vendor == "postgresql":
        own["TEMPLATE"] = kept.path_of(template)
        yield
        return
    own["NAME"] = "file:memorydb_default?mode=memory&cache=shared"  # as Django names it; it is there while we hold it
    with closing(sqlite3.connect(own["NAME"], uri=True)) as memory:
        with closing(sqlite3.connect(kept.path_of(template))) as file:
            file.backup(memory)
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """As pytest-django's, but tests that commit are cleaned up after quickly, and servers are waited for at the end."""
    with django_db_blocker.unblock():
        cleaner = Cleaner()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", lambda case: cleaner.clean())
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
