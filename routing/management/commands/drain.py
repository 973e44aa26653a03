"""`manage.py drain`: routes what waits and prints how many."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from routing.pipeline import drain


class Command(BaseCommand):
    help = "Route every waiting event and print the count. Example: manage.py drain"

    def handle(self, *args: Any, **options: Any) -> None:
        connection.ensure_connection()  # where it cannot be had, its own words are the clearest
        self.stdout.write(f"{drain()} events routed.")
