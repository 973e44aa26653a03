"""A way to make a database in, one such database for the whole run out: every process of it copies, none makes another.

Migrating takes five seconds of computing, copying a fraction of one. The folder of the run is in the environment,
so that the processes of pytest-xdist and whatever they start find what the first of them made.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parent.parent
SERVER_URL = os.environ.get("DATABASE_URL", "")
ON_POSTGRES = SERVER_URL.startswith(("postgres", "psql", "pgsql"))
FOLDER = "REVROUTE_KEPT"


def begin() -> None:
    """Make the folder of this run; the process that does it is the one to `end` it."""
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="revroute-kept-")


def end() -> None:
    """Take away what the run kept, databases of the server among it."""
    folder = Path(os.environ.pop(FOLDER))
    for made in (folder / "databases").glob("*"):
        drop(made.read_text())
    shutil.rmtree(folder, ignore_errors=True)


def once(name: str, make: Callable[[], Any]) -> Any:
    """What `make` gives back, as JSON keeps it; only the first process of the run that asks for the name calls it."""
    path = Path(os.environ[FOLDER], name)
    with path.with_suffix(".lock").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        if not path.exists():
            path.write_text(json.dumps(make()))
        return json.loads(path.read_text())


def migrated() -> str:
    """The address of an empty database with all tables, which nobody connects to."""
    return once("migrated", _migrate)


def _migrate() -> str:
    url = kept_copy()
    env = {**os.environ, "DATABASE_URL": url, "VAR_DIR": os.environ[FOLDER]}
    command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr)
    return url


def kept_copy(template: str | None = None) -> str:
    """The address of a new database of the run, a copy of the template or empty; it is there until the run ends."""
    folder = Path(os.environ[FOLDER])
    if not ON_POSTGRES:
        return copy(template, folder / f"{uuid.uuid4().hex}.sqlite3")
    url = copy(template)
    (folder / "databases").mkdir(exist_ok=True)
    (folder / "databases" / path_of(url)).write_text(url)
    return url


def copy(template: str | None, path: Path | None = None) -> str:
    """The address of a new database, a copy of one that nobody is using or empty: a file at `path`, or on the server.

    Whoever asks for it takes it away: the file, or by `drop`.
    """
    if ON_POSTGRES:
        name = f"revroute_serve_{uuid.uuid4().hex[:12]}"
        _on_server(f"CREATE DATABASE {name}" + (f" TEMPLATE {path_of(template)}" if template else ""))
        return urlunsplit(urlsplit(SERVER_URL)._replace(path=f"/{name}"))
    if template:
        shutil.copy(urlsplit(template).path, path)
    return f"sqlite:///{path}"


def path_of(url: str) -> str:
    """The file of an SQLite database, or the name of one on the server."""
    return urlsplit(url).path[1:] if ON_POSTGRES else urlsplit(url).path


def drop(url: str) -> None:
    """Take a database off the server, and whoever is connected to it."""
    _on_server(f"DROP DATABASE IF EXISTS {path_of(url)} WITH (FORCE)")


def _on_server(sql: str) -> None:
    with psycopg.connect(SERVER_URL, autocommit=True) as connection:
        connection.execute(sql)
