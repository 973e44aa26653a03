"""`manage.py sweep`: everything that is due now is done once; prints how much of each."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection
from django.utils import timezone

from routing.worker import tick


class Command(BaseCommand):
    help = "Do everything that is due now, once, and print the counts. Example: manage.py sweep"

    def handle(self, *args: Any, **options: Any) -> None:
        connection.ensure_connection()  # a tick outlives an outage; a single one has nothing to wait for
        self.stdout.write(str(tick(timezone.now)))
