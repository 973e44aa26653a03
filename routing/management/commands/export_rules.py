"""`manage.py export_rules`: one version of the rules as canonical JSON."""

from typing import Any

from routing.management.versions import VersionCommand, version_of
from routing.version_files import export


class Command(VersionCommand):
    help = (
        "Write the rules in force as one JSON text, sorted, so that two of them can be compared: manage.py export_rules"
        " > rules.json. Another version: manage.py export_rules --version 14. Ends with status 1 when there is none."
    )

    def handle(self, *args: Any, number: str | None = None, **options: Any) -> None:
        self.stdout.write(export(version_of(number)), ending="")
