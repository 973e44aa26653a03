"""`manage.py drain`: routes what waits and prints how many."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from routing.pipeline import drain


class Command(BaseCommand):
    help = "Route every waiting event and print the count. Example: manage.py drain"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = drain()
        except DatabaseError as error:
            raise CommandError(f"The database cannot be had: {error}") from error
        self.stdout.write(f"{count} events routed.")
