"""`manage.py worker`: the background worker. Starts the queue's cluster, ticks and supervises; ends on SIGTERM."""

import sys
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from routing.memory import settle
from routing.processes import Group
from routing.supervisor import Renewal, Supervisor, begin_again
from routing.worker import Ticking

TICK_SECONDS = 0.25
CLUSTER_SECONDS = 8.0
STOP_SECONDS = 10.0
"""How long what is under way may take to end; whatever takes longer is taken up again after its lease. The
cluster gets less than `serve` gives this process, so that it is ended here and not left behind."""


class Command(BaseCommand):
    help = (
        "Run the background worker: queued tasks, follow-ups, alerts, and events that nobody took."
        " Example: manage.py worker. Ends with status 0 on SIGTERM or Ctrl-C."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="As manage.py sweep: do what is due now, and end.")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once:
            call_command("sweep", stdout=self.stdout)
            return
        settle()
        group = Group(CLUSTER_SECONDS)
        group.stop_on_signals()
        ticking = Ticking(timezone.now, TICK_SECONDS, group.stopping)
        try:
            Supervisor(group, ticking, [sys.executable, sys.argv[0], "qcluster"], timezone.now).run()
        except Renewal:
            group.stop()
            begin_again()
        finally:
            group.stopping.set()
            group.stop()
            ticking.join(STOP_SECONDS)
