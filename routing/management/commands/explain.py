"""`manage.py explain`: a lead's decision in words, or why it did not go to somebody."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from owners.models import Owner
from routing.explain import Undecided, explain
from routing.management.ids import id_of
from routing.why_not import find_owner, why_not


class Command(BaseCommand):
    help = (
        "Tell who got a lead, when and why, step by step, and what came since: manage.py explain 1042."
        " Or where somebody dropped out: manage.py explain 1042 --why-not sam."
        " Ends with status 1 when there is no such lead, decision or owner."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("lead", help="Number of a lead.")
        parser.add_argument("--why-not", metavar="OWNER", help="Key, name or id of an owner.")

    def handle(self, *args: Any, lead: str, **options: Any) -> None:
        number = id_of(lead, "a lead")
        try:
            asked = options["why_not"]
            self.stdout.write(_why_not(number, asked) if asked else explain(number, timezone.now()))
        except (Undecided, Owner.DoesNotExist) as error:
            raise CommandError(str(error)) from error


def _why_not(lead: int, owner: str) -> str:
    return "\n".join(why_not(lead, find_owner(owner)).sentences)
