"""`manage.py replay`: an event again, keeping its decision; or all stored decisions again, to compare."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from routing.management.ids import id_of
from routing.mending import carry_on
from routing.refused import Refused
from routing.replay import verify

MOST_DAYS = 36500


class Command(BaseCommand):
    help = (
        "Carry one event on where it stopped, keeping its decision: manage.py replay 1042."
        " Or decide all stored decisions again from their snapshots: manage.py replay --verify --days 30."
        " Ends with status 1 when a decision differs, and when the event has no decision to keep."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("event", nargs="?", help="Number of an event.")
        parser.add_argument("--verify", action="store_true", help="Compare instead of carrying on.")
        parser.add_argument("--days", type=int, help="With --verify: only decisions so young, in days.")

    def handle(self, *args: Any, event: str | None, verify: bool, days: int | None, **options: Any) -> None:
        if verify == (event is not None):
            raise CommandError("Name one event, or give --verify.")
        if days is not None and not (verify and 1 <= days <= MOST_DAYS):
            raise CommandError(f"--days goes with --verify and is a number from 1 to {MOST_DAYS}.")
        if event is None:
            self._verify(days)
        else:
            self._carry_on(id_of(event, "an event"))

    def _verify(self, days: int | None) -> None:
        since = timezone.now() - timedelta(days=days) if days is not None else None
        count, differences = verify(since)
        for difference in differences[:50]:
            self.stderr.write(f"Decision {difference.decision} {difference.why}.")
        summary = f"{count} decisions decided again, {len(differences)} differences."
        if differences:
            raise CommandError(summary)
        self.stdout.write(summary)

    def _carry_on(self, event: int) -> None:
        try:
            resumed = carry_on(event, timezone.now())
        except Refused as refused:
            raise CommandError(refused.sentence) from refused
        self.stdout.write(f"Event {event} keeps its decision; {resumed} plan actions go on.")
