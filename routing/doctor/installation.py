"""The settings and the program's own checks in, problems of the installation out; reads no leads."""

from collections.abc import Iterator
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from routing.doctor.finding import ERROR, WARNING, Finding, counted

LOCAL = {"localhost", "127.0.0.1", "[::1]", "::1", "testserver"}
SHORTEST_KEY = 50
"""Characters of a SECRET_KEY that Django itself asks for."""


def missing_tables() -> list[Finding]:
    """One finding when the database lacks migrations: until then nothing can be said about what it holds."""
    if not (count := _pending()):
        return []
    sentence = f"{counted(count, 'migration')} not applied to the database yet. Run: manage.py migrate"
    return [Finding(ERROR, "migrations_pending", sentence)]


_up_to_date = False


def _pending() -> int:
    """How many migrations wait; a process that saw none asks no more, since new ones come with a new process."""
    global _up_to_date
    if _up_to_date:
        return 0
    executor = MigrationExecutor(connection)
    count = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    _up_to_date = not count
    return count


def problems() -> Iterator[Finding]:
    """Settings first, then what Django's and our own system checks say."""
    yield from _exposed()
    yield from _addresses()
    for severity, code, sentence in _checks():
        yield Finding(ERROR if severity == "error" else WARNING, code, sentence)


def _exposed() -> Iterator[Finding]:
    key = settings.SECRET_KEY
    if len(key) < SHORTEST_KEY or key.startswith("django-insecure"):
        sentence = f"SECRET_KEY has {len(key)} characters and can be guessed; set one of {SHORTEST_KEY} or more."
        yield Finding(ERROR, "secret_key_weak", sentence)
    if settings.DEBUG and "*" in settings.ALLOWED_HOSTS:
        sentence = "DEBUG is on and ALLOWED_HOSTS takes any name: strangers may read the settings. Set DEBUG=0."
        yield Finding(ERROR, "debug_in_public", sentence)
    elif settings.DEBUG:
        yield Finding(WARNING, "debug_on", "DEBUG is on, which is for developers only. Set DEBUG=0.")
    elif "*" in settings.ALLOWED_HOSTS:
        yield Finding(WARNING, "any_host", "ALLOWED_HOSTS takes any name. List the names people use.")


def _addresses() -> Iterator[Finding]:
    host = urlsplit(settings.BASE_URL).hostname or ""
    outside = [name for name in settings.ALLOWED_HOSTS if name not in LOCAL]
    if host in LOCAL and outside:
        sentence = f"BASE_URL is {settings.BASE_URL}, so links in mails do not work elsewhere. Set it to your address."
        yield Finding(WARNING, "base_url_local", sentence)
    if settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"):
        sentence = "Mail is written to files, not sent: nobody gets an alert by e-mail. Set EMAIL_URL."
        yield Finding(WARNING, "mail_to_files", sentence)


@cache
def _checks() -> tuple[tuple[str, str, str], ...]:
    """Django's system checks; they depend on code and settings alone, so once for each process."""
    found = [
        message for message in checks.run_checks() if message.level >= checks.WARNING and not message.is_silenced()
    ]
    return tuple(
        (
            "error" if message.level >= checks.ERROR else "warning",
            message.id or "check",
            " ".join(str(part).rstrip(".") + "." for part in (message.msg, message.hint) if part),
        )
        for message in found
    )  # fmt: skip
