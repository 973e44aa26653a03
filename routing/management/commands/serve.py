"""`manage.py serve`: web and worker together. Prepares the database, prints the address, keeps the worker going."""

import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from routing import demo, setup
from routing.processes import Group

WEB = "revroute.wsgi:application"
KILL_SECONDS = 5


class Command(BaseCommand):
    help = (
        "Run web and worker together until Ctrl-C. Example: manage.py serve --port 8123."
        " With DEMO=1 an empty database gets the demo company."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 for all.")
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--workers", type=int, help="Web processes; 1 on SQLite, else 2.")
        parser.add_argument("--threads", type=int, default=16, help="Threads of each web process.")
        parser.add_argument("--no-worker", action="store_true", help="Web only; the worker runs elsewhere.")

    def handle(self, *args: Any, **options: Any) -> None:
        _check_port(options["host"], options["port"])
        call_command("migrate", interactive=False, verbosity=0)
        self._load_demo()
        group = Group()
        group.stop_on_signals()
        connection.close()
        env = {"PORT": str(options["port"])}  # so that links in answers and mails name the port in use
        group.start("web", self._web(options), env)
        if not options["no_worker"]:
            group.keep("worker", [sys.executable, sys.argv[0], "worker"], env, self._worker_ended)
        self._greet(options)
        try:
            ended = group.wait()
        finally:
            group.stop()
        if ended:
            raise CommandError(f"The {ended[0]} process ended with status {ended[1]}; everything was stopped.")
        self.stdout.write("Stopped.")

    def _worker_ended(self, name: str, status: int) -> None:
        self.stderr.write(f"The {name} process ended with status {status} and is started again.")
        self.stderr.flush()

    def _load_demo(self) -> None:
        if not (settings.DEMO and demo.is_empty()):
            return
        try:
            demo.load(progress=demo.reporter(self.stdout))
        except demo.DemoError as error:
            raise CommandError(str(error)) from error

    def _web(self, options: dict[str, Any]) -> list[str]:
        """One web process on SQLite, where a second one only waits for the file's one writer.

        The kill timeout is for a process that is asked to end while it starts, and does not hear it.
        """
        workers = options["workers"] or (1 if connection.vendor == "sqlite" else 2)
        if workers > 1 and connection.vendor == "sqlite":
            self.stderr.write(
                f"{workers} web processes share one SQLite file, which is slower than one; see README.md."
            )
        granian = os.path.join(os.path.dirname(sys.executable), "granian")
        return [
            granian, "--interface", "wsgi", "--host", options["host"], "--port", str(options["port"]),
            "--workers", str(workers), "--blocking-threads", str(options["threads"]), "--no-ws",
            "--log-level", "error", "--respawn-failed-workers", "--workers-kill-timeout", str(KILL_SECONDS), WEB,
        ]  # fmt: skip

    def _greet(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"RevRoute listens on http://{options['host']}:{options['port']}/")
        if settings.DEMO and (login := demo.administrator()):
            self.stdout.write(f"Sign in as {login['username']} with the password {login['password']}")
            self.stdout.write("First lead: see README.md; tokens: manage.py demo --json")
        elif setup.waits():
            everywhere = options["host"] in ("0.0.0.0", "::")
            base = settings.BASE_URL if everywhere else f"http://{options['host']}:{options['port']}"
            self.stdout.write(f"Nobody can sign in yet; open {base}/setup/?token={setup.new_door()}")
        self.stdout.flush()


def _check_port(host: str, port: int) -> None:
    """Refuse a taken port: the web server would share it (SO_REUSEPORT) and get half of the other's requests."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise CommandError(f"Cannot listen on {host}, port {port}: {reason}.") from error
    except OverflowError as error:
        raise CommandError(f"Cannot listen on port {port}: ports go from 1 to 65535.") from error
