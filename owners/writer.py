"""A block of code in; the same block inside the one writing transaction out; leaves alone what it writes.

Whatever changes who owns what (routing, claims, reassignment, publishing, editing people) runs in `writing()`:
one transaction at a time, over all processes and hosts. Ownership is then totally ordered. Nothing slow
(network, mail) may happen inside.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, transaction

# An arbitrary constant; every RevRoute process on this database must use the same one.
LOCK_KEY = 0x5265_7652_6F75_7465
LOCK_TIMEOUT_MS = 20_000
IDLE_TIMEOUT_MS = 30_000

NO_TURN = "another process keeps the writers' turn"

POSTGRES_LOCKED = "55P03"  # lock_not_available

_held = threading.local()
_turn = threading.Lock()


def is_writing() -> bool:
    """Whether this thread holds the writer lock now."""
    return getattr(_held, "depth", 0) > 0


@contextmanager
def writing() -> Iterator[None]:
    """Run the block in the one writing transaction; commit at its end, roll back on an exception.

    Re-entrant: an inner `writing()` joins the outer one (as a savepoint). Waits for the lock at most 20 s,
    then raises `django.db.OperationalError`.
    """
    try:
        with _joined() if is_writing() else _begun():
            yield
    except BaseException:
        for call in _after_rollback:
            call()
        raise


@contextmanager
def impatient(seconds: float) -> Iterator[None]:
    """Within the block this thread waits for any lock of the database so long at most, then an OperationalError says
    so (`is_locked`): for whoever watches others, and must not stand still with them. Not inside a transaction."""
    _held.wait = seconds
    try:
        _wait_at_most(round(seconds * 1000))
        yield
    finally:
        _held.wait = None
        with suppress(DatabaseError):  # a connection that is gone has nothing to be set back
            _wait_at_most(None)


def _wait_at_most(milliseconds: int | None) -> None:
    """None: as the connection began."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            usual = int(connection.settings_dict["OPTIONS"].get("timeout", 5) * 1000)
            cursor.execute(f"PRAGMA busy_timeout = {usual if milliseconds is None else milliseconds:d}")
        else:
            if milliseconds is None:
                cursor.execute("RESET lock_timeout")
            else:
                cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{milliseconds}ms"])


def is_locked(error: Exception) -> bool:
    """Whether the database could be had, but somebody kept what was asked for locked."""
    return getattr(error.__cause__, "sqlstate", "") == POSTGRES_LOCKED or any(
        word in str(error) for word in (NO_TURN, "database is locked", "database table is locked")
    )


_after_rollback: list[Callable[[], None]] = []


def after_rollback(call: Callable[[], None]) -> Callable[[], None]:
    """Have `call` called whenever a `writing()` block, or a part of one, was rolled back: for whoever keeps in memory
    what the block had written."""
    _after_rollback.append(call)
    return call


@contextmanager
def _joined() -> Iterator[None]:
    with transaction.atomic():
        yield


@contextmanager
def _begun() -> Iterator[None]:
    with ExitStack() as stack:
        if connection.vendor == "sqlite":
            if not connection.in_atomic_block:
                stack.enter_context(sqlite_turn())
            stack.enter_context(transaction.atomic())
        else:
            stack.enter_context(transaction.atomic())
            _lock_postgres()
        _held.depth = 1
        _held.at_end = {}
        try:
            yield
            _run_at_end()
        finally:
            _held.depth = 0
            _held.at_end = {}


def at_end(call: Callable[[], None]) -> None:
    """Have `call` called once, at the end of the outermost `writing()` block under way and within its transaction:
    for what follows from many changes together. Call inside `writing()`."""
    _held.at_end[call] = True


def _run_at_end() -> None:
    """What they change may ask for them again: until nothing is left to do."""
    while _held.at_end:
        call = next(iter(_held.at_end))
        del _held.at_end[call]
        call()


def _lock_postgres() -> None:
    """Take the transaction lock: commit, error or death releases it together with the data.

    A host that vanishes without a word (power, network) would keep it until TCP gives up; so the server ends a
    writing transaction that says nothing for half a minute.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, true),"
            " set_config('idle_in_transaction_session_timeout', %s, true), pg_advisory_xact_lock(%s)",
            [f"{LOCK_TIMEOUT_MS}ms", f"{IDLE_TIMEOUT_MS}ms", LOCK_KEY],
        )


@contextmanager
def sqlite_turn() -> Iterator[None]:
    """Wait in line at a file beside the database before BEGIN IMMEDIATE.

    SQLite's own busy handler sleeps and retries, so that of many writers some starve for more than a second;
    a lock in the process and one on a file let them in as they come. Inside a transaction that already began
    IMMEDIATE it must not be asked for (the order would be inverted): who is in `writing()` has the turn. No-op
    elsewhere.
    """
    path = None if is_writing() else _turn_path()
    if path is None:
        yield
        return
    wait = getattr(_held, "wait", None) or LOCK_TIMEOUT_MS / 1000
    deadline = time.monotonic() + wait
    if not _turn.acquire(timeout=wait):
        raise OperationalError(NO_TURN)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock_file(handle, deadline)
        yield
    finally:
        os.close(handle)  # releases the file lock
        _turn.release()


def _lock_file(handle: int, deadline: float) -> None:
    """The lock between processes; asked for by one thread of each, so that few poll.

    A blocking request could not be given a time-out, and the process that holds the lock may be stopped.
    """
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise OperationalError(NO_TURN) from None
            time.sleep(0.001)


def _turn_path() -> str | None:
    """The lock file's path; None where there is no SQLite database file (PostgreSQL, tests in memory)."""
    name = str(settings.DATABASES["default"]["NAME"])
    if connection.vendor != "sqlite" or ":memory:" in name or "mode=memory" in name:
        return None
    return f"{connection.settings_dict['NAME']}.writer"
