"""`manage.py recount`: what owners and members carry, counted from their leads again."""

from typing import Any

from django.core.management.base import BaseCommand

from routing.loads import recount


class Command(BaseCommand):
    help = (
        "Count the open leads of owners and of pool members with caps, and those of their day and week, from the leads"
        " themselves. Routing waits meanwhile. Needed only where manage.py doctor says that counts are wrong."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = recount()
        self.stdout.write(f"Set right: {wrong}." if wrong else "All counts are right.")
