"""`manage.py doctor`: what is wrong with configuration, rules and work, in plain sentences."""

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.utils import timezone

from routing.doctor import ERROR, Finding, findings
from routing.doctor.finding import counted


class Command(BaseCommand):
    help = (
        "Say what is wrong with the configuration, the rules, the work that stands still and the settings."
        " Example: manage.py doctor. Ends with status 1 when there are errors, with 0 when there are only warnings."
    )
    requires_system_checks = ()  # they are among what is reported

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print a list of objects instead of sentences.")

    def handle(self, *args: Any, **options: Any) -> None:
        connection.ensure_connection()  # where it cannot be had, its own words are the clearest
        found = findings(timezone.now(), thorough=True)
        self.stdout.write(
            json.dumps([asdict(finding) for finding in found], indent=2) if options["json"] else _text(found)
        )
        if any(finding.severity == ERROR for finding in found):
            raise SystemExit(1)


def _text(found: list[Finding]) -> str:
    lines = [f"{finding.severity:<8} {finding.sentence} ({finding.code})" for finding in found]
    numbers = Counter(finding.severity for finding in found)
    ends = [counted(numbers[severity], severity) for severity in ("error", "warning") if numbers[severity]]
    return "\n".join([*lines, f"{' and '.join(ends)}." if ends else "No problems found."])
