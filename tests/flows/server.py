"""A seeded database in, a real `manage.py serve` on it, with a client to post with, out. Asserts nothing itself.

    with database(seed_pool, [1, 2]) as db:     what the module-level function gives back is in db.seeded
        with serving(db) as server:
            answers = server.send([Post({"email": "ada@example.com"})], connections=1)
        db.rows("SELECT state FROM leads_lead")

Every server has a database, files and a port of its own, on the kind of database that the suite runs on: a
fresh SQLite file, or a fresh database on the PostgreSQL of DATABASE_URL.
"""

import contextlib
import hashlib
import json
import os
import queue
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests import kept
from tests.flows.sender import Answer, Post, Sender
from tests.kept import ON_POSTGRES, ROOT

FULL = bool(os.environ.get("REVROUTE_FULL"))
READY_SECONDS = 60.0


def wait_until(done: Callable[[], object], seconds: float, what: str) -> None:
    """Look every 50 ms. Raises AssertionError with `what` when it is still not so after `seconds`."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)


# Databases -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Database:
    """A database of its own with a folder for the files of whoever runs on it; what its seed gave back."""

    url: str
    home: Path
    seeded: Any = None

    def environment(self, **settings: str) -> dict[str, str]:
        """What the program's processes see; no setting of the developer's reaches them."""
        own = {
            "DJANGO_SETTINGS_MODULE": "revroute.settings",
            "DATABASE_URL": self.url,
            "VAR_DIR": str(self.home),
            "EMAIL_URL": f"filemail:///{self.home}/mail",
            "SECRET_KEY": "a-key-for-tests",
            "ALLOWED_HOSTS": "127.0.0.1",
            "BASE_URL": "http://localhost:8000",
            "DEMO": "0",
            "DEBUG": "0",
            "CRM_CONNECTOR": "",
            "CRASH_AT": "",
            "LOG_LEVEL": "INFO",
        }
        return {**os.environ, **own, **settings}

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a module-level function beside the program, in a process of its own; JSON in, JSON out."""
        done = subprocess.run(_call(function, args), cwd=ROOT, env=self.environment(), capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"{function.__name__} failed:\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    def start(self, function: Callable[..., Any], *args: Any) -> subprocess.Popen:
        """The same, without waiting for it."""
        return subprocess.Popen(_call(function, args), cwd=ROOT, env=self.environment(), stdout=subprocess.DEVNULL)

    def manage(self, *words: str, **settings: str) -> subprocess.CompletedProcess:
        """`manage.py` with these words, to its end."""
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=ROOT, env=self.environment(**settings), capture_output=True, text=True)

    def rows(self, sql: str) -> list[tuple]:
        """All rows of one statement, straight from the database."""
        with self._cursor() as cursor:
            return cursor.execute(sql).fetchall()

    def value(self, sql: str) -> Any:
        """The one value of a statement."""
        [(value,)] = self.rows(sql)
        return value

    def execute(self, sql: str) -> None:
        """One statement that changes rows, committed."""
        with self._cursor() as cursor:
            cursor.execute(sql)

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        if ON_POSTGRES:
            connection = psycopg.connect(self.url, autocommit=True)
        else:
            connection = sqlite3.connect(urlsplit(self.url).path, timeout=20, isolation_level=None)
        with contextlib.closing(connection):
            yield connection.cursor()

    def settle(self, seconds: float = 30.0) -> None:
        """Wait until the worker has nothing left that is due."""
        wait_until(lambda: self.value(UNSETTLED) == 0, seconds, "everything that is due is done")

    def mails(self) -> list[tuple[str, str]]:
        """(Message-ID, recipient) of every mail that was sent, in no order."""
        found = []
        for path in (self.home / "mail").glob("*.log"):
            for mail in path.read_text().split("-" * 79):
                lines = dict(line.split(": ", 1) for line in mail.strip().splitlines() if ": " in line)
                if "Message-ID" in lines:
                    found.append((lines["Message-ID"], lines["To"]))
        return sorted(found)


UNSETTLED = """
SELECT (SELECT COUNT(*) FROM leads_rawevent WHERE state = 0)
     + (SELECT COUNT(*) FROM routing_planaction WHERE state = 'pending')
     + (SELECT COUNT(*) FROM routing_delivery WHERE state IN ('blocked', 'owed', 'sending'))
"""


CALL = "import sys, django; django.setup(); from tests.flows.server import main; main(*sys.argv[1:])"


def _call(function: Callable[..., Any], args: Sequence[Any]) -> list[str]:
    name = f"{function.__module__}:{function.__name__}"
    return [sys.executable, "-c", CALL, name, json.dumps(args)]


@contextlib.contextmanager
def database(seed: Callable[..., Any] | None = None, *args: Any) -> Iterator[Database]:
    """A fresh database with all tables and what the module-level function `seed` puts there; gone in the end."""
    template, seeded = _seeded(seed, args) if seed else (kept.migrated(), None)
    home = Path(tempfile.mkdtemp(prefix="revroute-serve-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        url = kept.copy(template, home / "db.sqlite3")
        if ON_POSTGRES:
            stack.callback(kept.drop, url)
        yield Database(url, home, seeded)


def _seeded(seed: Callable[..., Any], args: Sequence[Any]) -> tuple[str, Any]:
    """The address of a database with what `seed` puts there, and what it gave back: made once per run, then copied."""

    def make() -> tuple[str, Any]:
        with tempfile.TemporaryDirectory(prefix="revroute-seeded-") as home:
            made = Database(kept.kept_copy(kept.migrated()), Path(home))
            return made.url, made.run(seed, *args)

    name = f"{seed.__module__}.{seed.__name__}{json.dumps(args)}"
    url, given = kept.once(hashlib.sha256(name.encode()).hexdigest(), make)
    return url, given


# The program -----------------------------------------------------------------------------------------------


@dataclass
class Server:
    """A running `manage.py serve`."""

    database: Database
    port: int
    process: subprocess.Popen
    log: Path

    def post(self, payload: dict[str, Any], **more: Any) -> Answer:
        """Post one lead over a connection of its own."""
        with contextlib.closing(Sender(self.port)) as sender:
            return sender.post(Post(payload, **more))

    def send(self, posts: Sequence[Post], connections: int, insist: bool = False) -> list[Answer]:
        """Post all over so many keep-alive connections at once; the answers in the order of the posts."""
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(len(posts)):
            waiting.put(number)
        answers: dict[int, Answer] = {}
        faults: list[Exception] = []
        together = threading.Barrier(connections)

        def work() -> None:
            with contextlib.closing(Sender(self.port)) as sender:
                together.wait()
                with contextlib.suppress(queue.Empty):
                    while True:
                        number = waiting.get_nowait()
                        try:
                            answers[number] = (sender.insist if insist else sender.post)(posts[number])
                        except Exception as error:
                            faults.append(error)

        threads = [threading.Thread(target=work, daemon=True) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if faults:
            raise AssertionError(f"{len(faults)} of {len(posts)} posts had no answer: {faults[0]!r}\n{self.tail()}")
        return [answers[number] for number in range(len(posts))]

    def web_processes(self) -> list[int]:
        """The processes that answer requests: the children of the web server's first process."""
        web = [pid for pid in self.processes() if "granian" in _read(pid, "cmdline")]
        return [pid for pid in web if _parent(pid) != self.process.pid]

    def child(self, name: str) -> int | None:
        """The process of that kind: web (the web server's first), worker, or the worker's qcluster."""
        parent = self.child("worker") if name == "qcluster" else self.process.pid
        word = "granian\0" if name == "web" else f"{name}\0"
        found = [pid for pid in self.processes() if word in _read(pid, "cmdline") and _parent(pid) == parent]
        return found[0] if found else None

    def processes(self) -> list[int]:
        """Everything that runs for this server, orphans too: whatever carries its folder in the environment."""
        mark = f"\0VAR_DIR={self.database.home}\0"
        return [pid for pid in _all_processes() if mark in f"\0{_read(pid, 'environ')}\0"]

    def stop(self, seconds: float = 20.0) -> int:
        """Ask it to end, as an operator does; its exit status. Raises TimeoutExpired."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """SIGKILL for all of it at once, as a power cut does."""
        while pids := self.processes():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)
        self.process.wait()

    def tail(self) -> str:
        """The last lines it wrote."""
        return self.log.read_text()[-3000:]


def _all_processes() -> Iterable[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid())


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:  # it is gone, or somebody else's
        return ""


def _parent(pid: int) -> int:
    stat = _read(pid, "stat")
    return int(stat.rpartition(")")[2].split()[1]) if stat else 0


@contextlib.contextmanager
def serving(db: Database, *words: str, workers: int | None = None, **settings: str) -> Iterator[Server]:
    """`manage.py serve` with these words and settings on a free port, answering; killed in the end.

    `workers`: web processes, else what serve takes: one on SQLite, two on PostgreSQL.
    """
    server = launch(db, *words, *(["--workers", str(workers)] if workers else []), **settings)
    try:
        wait_until(lambda: _answers(server), READY_SECONDS, "the server answers")
        yield server
    finally:
        server.kill()


def launch(db: Database, *words: str, port: int | None = None, **settings: str) -> Server:
    """Start `manage.py serve` and wait for nothing; the caller kills it."""
    port = port or free_port()
    log = db.home / f"serve-{uuid.uuid4().hex[:6]}.log"
    command = [sys.executable, "manage.py", "serve", "--port", str(port), *words]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=db.environment(**settings), stdout=out, stderr=out, start_new_session=True
        )
    return Server(db, port, process, log)


def _answers(server: Server) -> bool:
    if server.process.poll() is not None:
        raise AssertionError(f"serve ended with status {server.process.returncode}:\n{server.tail()}")
    try:
        return server.post({}, source="nobody").status == 404
    except (OSError, HTTPException):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main(name: str, arguments: str) -> None:
    """The other end of `Database.run`."""
    module, _, function = name.partition(":")
    print(json.dumps(getattr(import_module(module), function)(*json.loads(arguments))))
