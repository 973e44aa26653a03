"""`manage.py export_rules`: one version of the rules as canonical JSON."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from routing.management.versions import version_of
from routing.version_files import export


class Command(BaseCommand):
    help = (
        "Write the rules in force as one JSON text, sorted, so that two of them can be compared: manage.py export_rules"
        " > rules.json. Another version: manage.py export_rules --rules 14. Ends with status 1 when there is none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rules", metavar="V", dest="number", help="Number of a version, drafts too.")

    def handle(self, *args: Any, number: str | None = None, **options: Any) -> None:
        self.stdout.write(export(version_of(number)), ending="")
