"""Nothing comes in, the address of a throw-away PostgreSQL goes out; no server that runs already is touched.

    with private_postgres() as address:
        subprocess.run(command, env={**os.environ, **address})

It uses the standard library only, because the bootstrap (manage_dev.py) starts it.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


class Unavailable(Exception):
    """This machine cannot give a PostgreSQL; the text is the reason, one sentence."""


@contextlib.contextmanager
def private_postgres(durable: bool = False) -> Iterator[dict[str, str]]:
    """A throw-away PostgreSQL on a free port of 127.0.0.1; yields the environment variables that lead to it.

    They are DATABASE_URL and libpq's own PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE. Without `durable`
    nothing is forced to disk. The server and its files are gone afterwards. Raises Unavailable.
    """
    programs = server_programs()
    account = server_account()
    home = Path(tempfile.mkdtemp(prefix="revroute-postgres-"))
    drop = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    try:
        secret = make_cluster(programs, home, drop)
        port = start_cluster(programs, home, drop, durable)
        try:
            yield {
                "DATABASE_URL": f"postgresql://revroute:{secret}@127.0.0.1:{port}/revroute",
                "PGHOST": "127.0.0.1",
                "PGPORT": str(port),
                "PGUSER": "revroute",
                "PGPASSWORD": secret,
                "PGDATABASE": "revroute",
            }
        finally:
            stop = [str(programs / "pg_ctl"), "-D", str(home / "data"), "-w", "-m", "immediate", "stop"]
            # In a session of its own, so that a second Ctrl-C does not leave the server behind.
            subprocess.run(stop, cwd=home, capture_output=True, start_new_session=True, **drop)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def server_programs() -> Path:
    """The folder of the newest PostgreSQL server; Debian keeps it off the PATH. Raises Unavailable."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    if shutil.which("pg_config"):
        asked = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True)
        folders.insert(0, Path(asked.stdout.strip() or "/nonexistent"))
    if shutil.which("initdb"):
        folders.append(Path(shutil.which("initdb")).resolve().parent)
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise Unavailable("no PostgreSQL server found (Debian: apt-get install postgresql) and no TEST_DATABASE_URL")


def server_account() -> pwd.struct_passwd | None:
    """The account to run the server as when this is root, which PostgreSQL refuses; else None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Unavailable("PostgreSQL refuses to run as root, and there is no account postgres or nobody")


def make_cluster(programs: Path, home: Path, drop: dict) -> str:
    """Make the cluster with one database, both named revroute; returns the password. Raises Unavailable."""
    secret, data = os.urandom(16).hex(), str(home / "data")
    (home / "password").write_text(secret)
    if drop:
        for path in (home, home / "password"):
            os.chown(path, drop["user"], drop["group"])
    initdb = [str(programs / "initdb"), "-D", data, "--username=revroute", "--encoding=UTF8"]
    initdb += ["--no-locale", "--no-sync", "--auth=scram-sha-256", f"--pwfile={home / 'password'}"]
    attempt(initdb, home, drop)
    single = [str(programs / "postgres"), "--single", "-D", data, "-F", "postgres"]
    attempt(single, home, drop, "CREATE DATABASE revroute;\n")
    return secret


def start_cluster(programs: Path, home: Path, drop: dict, durable: bool) -> int:
    """Start the server and wait until it answers; returns its port. Raises Unavailable."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "shared_buffers": "256MB",
        "max_connections": "100",
        "fsync": "on" if durable else "off",
        "synchronous_commit": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
    }
    with (home / "data" / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    start = [str(programs / "pg_ctl"), "-D", str(home / "data"), "-w", "-t", "60", "-l", str(home / "log")]
    for tries_left in (2, 1, 0):  # somebody may take the port between looking and listening
        port = free_port()
        try:
            attempt([*start, "-o", f"-p {port}", "start"], home, drop)
            break
        except Unavailable as reason:
            if not tries_left:
                log = home / "log"
                raise Unavailable(f"{reason} {log.read_text()[-300:] if log.exists() else ''}") from None
    return port


def attempt(command: list[str], home: Path, drop: dict, text: str = "") -> None:
    """Run one of the server's programs; its complaint becomes Unavailable."""
    done = subprocess.run(command, cwd=home, input=text, capture_output=True, text=True, umask=0o077, **drop)
    if done.returncode:
        raise Unavailable(f"{Path(command[0]).name} failed: {done.stderr.strip()[-300:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
