"""`manage.py webhook_secret`: what receivers of our webhooks check signatures with."""

from typing import Any

from django.core.management.base import BaseCommand

from routing.channels.webhook import secret


class Command(BaseCommand):
    help = (
        "Print the secret that webhooks are signed with (Standard Webhooks): WEBHOOK_SECRET, or the one made from"
        " SECRET_KEY. Give it to receivers only."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(secret())
