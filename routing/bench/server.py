"""The database's address in, the running program on a free port out; stopped and cleared away at the end."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from routing.bench.company import SOURCE

START_SECONDS = 60
STOP_SECONDS = 30


class Server:
    """`manage.py serve` as a process group of its own; `url` is the intake of the benchmarks' source."""

    def __init__(self, worker: bool) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="revroute-server-")
        self._log = Path(self._home.name, "log")
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}/api/v1/intake/{SOURCE}"
        command = [sys.executable, "manage.py", "serve", "--port", str(self._port)]
        self._command = command if worker else [*command, "--no-worker"]

    def __enter__(self) -> "Server":
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                self._command, cwd=settings.BASE_DIR, env=self._environment(), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            self._await()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def _environment(self) -> dict[str, str]:
        """The same database, mail into nothing, everything else in a folder that goes away."""
        own = {
            "DATABASE_URL": database_url(), "VAR_DIR": self._home.name, "EMAIL_URL": "dummymail://", "DEMO": "0",
            "SECRET_KEY": secrets.token_urlsafe(32), "LOG_LEVEL": "WARNING", "DEBUG": "0", "CRASH_AT": "",
        }  # fmt: skip
        return {**os.environ, **own}

    def _await(self) -> None:
        """Until it answers; a refused token is an answer of the whole program."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._child.poll() is not None:
                break
            try:
                urllib.request.urlopen(urllib.request.Request(self.url, b"{}", method="POST"), timeout=5)
            except urllib.error.HTTPError as refusal:
                if refusal.code == 401:
                    return
            except OSError:
                pass
            time.sleep(0.2)
        raise RuntimeError(f"the server did not start: {self._log.read_text(errors='replace')[-500:]}")

    def _stop(self) -> None:
        self._child.terminate()
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        self._home.cleanup()


def database_url() -> str:
    """The address of the database that this process is connected to."""
    named = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{named['NAME']}"
    account = f"{quote(named['USER'], safe='')}:{quote(named['PASSWORD'], safe='')}"
    port = f":{named['PORT']}" if named["PORT"] else ""
    return f"postgresql://{account}@{named['HOST']}{port}/{quote(named['NAME'], safe='')}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
