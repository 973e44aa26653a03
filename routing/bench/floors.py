"""The folder of floors in, their leads a second out, each run as a process of its own; measures nothing of ours.

A floor is the least durable work for one routed lead, written by hand, in a database beside ours: `floor` on
the same PostgreSQL server, a file of its own for SQLite. Only a database that is not there yet is made.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

DATABASE = "floor"


class Unusable(Exception):
    """The floors cannot be run; the text says why, in one sentence."""


class Floors:
    """Floors over as many stored leads as the program has."""

    def __init__(self, folder: Path, leads: int) -> None:
        self._folder, self._leads = folder, leads
        self._postgres = connection.vendor == "postgresql"
        script = folder / ("floor_pg.py" if self._postgres else "floor_sqlite.py")
        if not script.exists():
            raise Unusable(f"There is no {script.name} in {folder}.")
        self._command = [sys.executable, str(script)]
        self._home = tempfile.TemporaryDirectory(prefix="revroute-floors-")
        if self._postgres:
            self._make_postgres()
        else:
            file = str(Path(self._home.name, "floor.sqlite3"))
            self._command += ["--db", file]
            self._run("full", 1, 0.2, ["--init", str(leads)])

    def rate(self, variant: str, clients: int, seconds: float) -> float:
        """Leads a second of one run."""
        name, figures = self._run(variant, clients, seconds, [])
        return figures[name]["rate"]

    def close(self) -> None:
        self._home.cleanup()

    def _run(
        self, variant: str, clients: int, seconds: float, more: list[str]
    ) -> tuple[str, dict[str, dict[str, float]]]:
        out = Path(self._home.name, "figures.json")
        command = [*self._command, "--clients", str(clients), "--seconds", str(seconds), "--repeats", "1"]
        command += ["--variants", variant, "--out", str(out), *more]
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True)
        if done.returncode:
            raise Unusable(f"The floor {variant} failed: {done.stderr.strip()[-300:]}")
        figures = json.loads(out.read_text())
        return next(iter(figures)), figures

    def _environment(self) -> dict[str, str]:
        own: dict[str, Any] = {"BENCH_NLEADS": str(self._leads), "PYTHONWARNINGS": "ignore"}
        if self._postgres:
            named = connection.settings_dict
            own |= {"PGHOST": named["HOST"], "PGPORT": str(named["PORT"]), "PGUSER": named["USER"]}
            own |= {"PGPASSWORD": named["PASSWORD"], "PGDATABASE": DATABASE}
        return {**os.environ, **{name: value for name, value in own.items() if value}}

    def _make_postgres(self) -> None:
        """Make the database with its schema; one that is there already has to be of this size."""
        with self._connect(connection.settings_dict["NAME"]) as ours:
            there = ours.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not there:
                ours.execute(f"CREATE DATABASE {DATABASE}")
        with self._connect(DATABASE) as theirs:
            if not there:
                schema = (self._folder / "schema_pg.sql").read_text()
                theirs.execute(schema.replace(":nleads", str(self._leads)).encode())
            elif not theirs.execute("SELECT to_regclass('fl.lead')").fetchone()[0]:
                raise Unusable(f"The database {DATABASE} is there and is no floor; drop or rename it.")
            stored = theirs.execute("SELECT count(*) FROM fl.lead WHERE event_id IS NULL").fetchone()[0]
            if stored != self._leads:
                raise Unusable(f"The database {DATABASE} is a floor of {stored} leads; drop it for another size.")

    def _connect(self, name: str) -> psycopg.Connection:
        named = connection.settings_dict
        return psycopg.connect(
            host=named["HOST"], port=named["PORT"] or None, user=named["USER"], password=named["PASSWORD"],
            dbname=name, autocommit=True,
        )  # fmt: skip
