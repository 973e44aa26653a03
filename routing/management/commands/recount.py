"""`manage.py recount`: what owners and members carry, counted from their leads again."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from routing.loads import recount
from routing.reporting.keeping import rebuild


class Command(BaseCommand):
    help = (
        "Count the open leads of owners and of pool members with caps, and those of their day and week, from the leads"
        " themselves. Routing waits meanwhile. Needed only where manage.py doctor says that counts are wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reports", action="store_true",
            help="Instead, make anew what the SLA report has read out of the facts. Routing goes on meanwhile.",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        if options["reports"]:
            read = rebuild(timezone.now, self._say)
            self.stdout.write(f"The reports are made anew: {read:,} inquiries.")
            return
        wrong = recount()
        self.stdout.write(f"Set right: {wrong}." if wrong else "All counts are right.")

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)
