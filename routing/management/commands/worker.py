"""`manage.py worker`: the background worker. Starts the queue's cluster and ticks; one line when it stops."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.utils import timezone

from routing.memory import settle
from routing.processes import Group
from routing.worker import Done, start_ticking, tick

TICK_SECONDS = 0.25
STOP_SECONDS = 10.0
"""How long what is under way may take to end; whatever takes longer is taken up again after its lease."""


class Command(BaseCommand):
    help = (
        "Run the background worker: queued tasks, follow-ups, alerts, and events that nobody took."
        " Example: manage.py worker. Ends with status 0 on SIGTERM or Ctrl-C."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Do what is due now, print counts, and end.")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once:
            connection.ensure_connection()  # a tick outlives an outage; a single one has nothing to wait for
            self.stdout.write(_counts(tick(timezone.now)))
            return
        settle()
        group = Group()
        group.stop_on_signals()
        cluster = [sys.executable, sys.argv[0], "qcluster"]
        group.start("queue", cluster)
        threads = start_ticking(timezone.now, TICK_SECONDS, group.stopping)
        try:
            while not group.stopping.wait(TICK_SECONDS):
                if group.children["queue"].poll() is not None:
                    group.start("queue", cluster)
        finally:
            group.stopping.set()
            group.stop()
            for thread in threads:
                thread.join(STOP_SECONDS)


def _counts(done: Done) -> str:
    return f"{done.routed} events routed, {done.followed_up} plan actions done, {done.delivered} deliveries sent."
