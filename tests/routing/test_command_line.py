"""`manage.py` in a process of its own: what the installation is to blame for is one sentence, never a traceback."""

import json
import os
import signal
import socket
import subprocess
import sys
from itertools import cycle, product

import pytest
from django.conf import settings

from tests import kept
from tests.once import FULL


def environment(folder, **changed):
    """A database and files of its own in `folder`."""
    own = {"VAR_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder}/fresh.sqlite3", "DEMO": "0"}
    return {**os.environ, **own, **changed}


def manage(folder, *words, **changed):
    """`manage.py` with these words, to its end."""
    command = [sys.executable, "manage.py", *words]
    env = environment(folder, **changed)
    return subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True)


def test_demo_on_a_fresh_database_makes_the_tables_first(tmp_path):
    done = manage(tmp_path, "demo", "--empty", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [source["key"] for source in json.loads(done.stdout)["sources"]] == ["generic"]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"PORT": "abc"}, "PORT is “abc”, and has to be a whole number from 1 to 65535."),
        ({"PORT": "70000"}, "PORT is “70000”, and has to be a whole number from 1 to 65535."),
        ({"MAX_BODY_BYTES": "1MB"}, "MAX_BODY_BYTES is “1MB”, and has to be a whole number from 1 to 2147483648."),
        ({"TIME_ZONE": "Mars"}, "TIME_ZONE is “Mars”, and has to be an IANA name, as Europe/Berlin."),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is “loud”, and has to be one of DEBUG, INFO, WARNING, ERROR, CRITICAL."),
    ],
)
def test_setting_that_cannot_be_used_is_one_sentence(tmp_path, changed, sentence):
    done = manage(tmp_path, "demo", **changed)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"The settings cannot be used: {sentence}\n")


COMMANDS = [("demo",), ("drain",), ("replay", "--verify"), ("worker", "--once"), ("serve",)]
ADDRESSES = ["postgresql://u:hidden@127.0.0.1:1/none", "sqlite:////nowhere/at/all.sqlite3"]
IN_TURN = list(zip(COMMANDS, cycle(ADDRESSES), strict=False))
"""Each command and each kind of database; every command with both in the long form."""


@pytest.mark.parametrize(("words", "address"), list(product(COMMANDS, ADDRESSES)) if FULL else IN_TURN)
def test_database_that_cannot_be_reached_is_one_sentence(tmp_path, address, words):
    done = manage(tmp_path, *words, DATABASE_URL=address, PORT="8999")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("The database cannot be used: ")
    assert "hidden" not in done.stderr


def test_missing_tables_are_one_sentence(tmp_path):
    done = manage(tmp_path, "drain")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("The database cannot be used: no such table")


def test_error_of_our_own_keeps_its_traceback(tmp_path):
    done = manage(tmp_path, "shell", "--command", "raise ValueError('ours')")
    assert (done.returncode, done.stderr.startswith("Traceback")) == (1, True)


def test_foreign_host_is_refused_without_a_traceback_in_the_log(tmp_path):
    visit = "from django.test import Client; print(Client(headers={'Host': 'evil.example'}).get('/admin/').status_code)"
    done = manage(tmp_path, "shell", "--no-imports", "--command", visit)
    assert (done.stdout, done.stderr) == ("400\n", "")


def test_serve_without_any_administrator_prints_where_to_set_up(tmp_path):
    how = "/setup/?token="
    if not kept.ON_POSTGRES:  # it makes the tables itself, which takes five seconds
        kept.copy(kept.migrated(), tmp_path / "fresh.sqlite3")
    empty = greeting(tmp_path)
    secret = {"DJANGO_SUPERUSER_PASSWORD": "a long enough one"}
    made = manage(tmp_path, "createsuperuser", "--no-input", "--username", "ann", "--email", "a@b.example", **secret)
    assert (how in empty, made.returncode, how in greeting(tmp_path)) == (True, 0, False)


def greeting(folder):
    """What `serve` prints until it is asked to stop, once it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "manage.py", "serve", "--no-worker", "--port", port]
    env = environment(folder)
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env=env, stdout=subprocess.PIPE, text=True) as child:
        try:
            first = child.stdout.readline()
            child.send_signal(signal.SIGTERM)
            return first + child.stdout.read()
        finally:
            child.kill()
