"""`manage.py replay`: an event again, keeping its decision; or all stored decisions again, to compare."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from leads.models import RawEvent
from routing import plan
from routing.execute import put_back
from routing.models import Decision, ReviewItem
from routing.pipeline import route
from routing.replay import verify

MOST_DAYS = 36500


class Command(BaseCommand):
    help = (
        "Carry one event on where it stopped, keeping its decision: manage.py replay 1042."
        " Or decide all stored decisions again from their snapshots: manage.py replay --verify --days 30."
        " Ends with status 1 when a decision differs, and when the event has no decision to keep."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("event", nargs="?", type=int)
        parser.add_argument("--verify", action="store_true", help="Compare instead of carrying on.")
        parser.add_argument("--days", type=int, help="With --verify: only decisions so young, in days.")

    def handle(self, *args: Any, event: int | None, verify: bool, days: int | None, **options: Any) -> None:
        if verify == (event is not None):
            raise CommandError("Name one event, or give --verify.")
        if days is not None and not (verify and 1 <= days <= MOST_DAYS):
            raise CommandError(f"--days goes with --verify and is a number from 1 to {MOST_DAYS}.")
        if verify:
            self._verify(days)
        else:
            self._carry_on(event)

    def _verify(self, days: int | None) -> None:
        since = timezone.now() - timedelta(days=days) if days is not None else None
        count, differences = verify(since)
        for difference in differences[:50]:
            self.stderr.write(f"Decision {difference.decision} {difference.why}.")
        summary = f"{count} decisions decided again, {len(differences)} differences."
        if differences:
            raise CommandError(summary)
        self.stdout.write(summary)

    def _carry_on(self, event: int | None) -> None:
        if not RawEvent.objects.filter(pk=event).exists():
            raise CommandError(f"There is no event {event}.")
        put_back(event, timezone.now())
        if RawEvent.objects.filter(pk=event, state=RawEvent.State.WAITING).exists():
            route(own=event, limit=1)
        if not Decision.objects.filter(pk=event).exists():
            raise CommandError(_undecided(RawEvent.objects.defer("body", "headers").get(pk=event)))
        resumed = plan.resume(event, timezone.now())
        self.stdout.write(f"Event {event} keeps its decision; {resumed} plan actions go on.")


def _undecided(event: RawEvent) -> str:
    """Why an event has no decision, in a sentence."""
    if event.state == RawEvent.State.UNREADABLE:
        return f"Event {event.pk} could not be read ({event.error}), so there is no decision to keep."
    if event.state == RawEvent.State.WAITING:
        return f"Event {event.pk} still waits and has no decision yet."
    in_review = ReviewItem.objects.filter(event=event, state=ReviewItem.State.OPEN).exists()
    where = "aside in review" if in_review else "aside"
    return f"Event {event.pk} was set {where} ({event.error}), so there is no decision to keep."
