"""Work that is due in; the right to it for a while out: short transactions, locks, leases. Knows no table.

Whoever works on a row outside a transaction first writes into it until when (`LEASE`), and how many attempts
that makes. A process that dies leaves a lease that runs out, and the row is due again. Who comes back too
late finds another count of attempts and writes nothing.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import QuerySet

from owners.writer import sqlite_turn

LEASE = timedelta(seconds=60)
BUDGET_SECONDS = 20.0
"""How long one call goes on beginning new work. With the 30 seconds that the last piece may take, it stays
within the lease, so that no other worker takes up what is still being done."""


@contextmanager
def short_transaction() -> Iterator[None]:
    """A transaction for a few statements that change no ownership. On SQLite writers take turns."""
    if connection.in_atomic_block:
        with transaction.atomic():
            yield
        return
    with sqlite_turn(), transaction.atomic():
        yield


def locked(rows: QuerySet) -> QuerySet:
    """The rows, locked, without those another worker holds. SQLite has one writer and no need."""
    if connection.features.has_select_for_update_skip_locked:
        return rows.select_for_update(skip_locked=True)
    return rows


def budget(seconds: float = BUDGET_SECONDS) -> Callable[[], bool]:
    """A function that tells whether there is still time to begin something."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end
