"""`manage.py import_config`: makes the configuration what a file says, or tells what that would change."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from routing.transfer import Refused, Report, bring_in

MOST_PROBLEMS = 200


class Command(BaseCommand):
    help = (
        "Bring in what export_config wrote, all of it or nothing, and print each difference. Rules come in as a draft."
        " What the file leaves out stays. Example: manage.py import_config company.json --dry-run."
        " Ends with status 1 when the file cannot be brought in; every reason is printed with its path."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The file; - for stdin.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would change, and change nothing.")
        parser.add_argument(
            "--prune",
            action="store_true",
            help="Let go of what the file leaves out: owners depart, sources are switched off, the rest is deleted"
            " where nothing uses it.",
        )
        parser.add_argument("--publish", action="store_true", help="Put the file's rules in force at once.")

    def handle(self, *args: Any, file: str, dry_run: bool, prune: bool, publish: bool, **options: Any) -> None:
        try:
            data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
            report = bring_in(data, timezone.now(), dry_run=dry_run, prune=prune, publish_rules=publish)
        except OSError as error:
            raise CommandError(f"Cannot read {file}: {error.strerror}.") from error
        except Refused as error:
            for problem in error.problems[:MOST_PROBLEMS]:
                self.stderr.write(problem)
            count = len(error.problems)
            raise CommandError(f"Nothing was brought in: {count} problem{'' if count == 1 else 's'}.") from error
        self.stdout.write(_text(report, dry_run))


def _text(report: Report, dry_run: bool) -> str:
    lines = [change.line for change in report.changes] or ["No differences."]
    if report.kept:
        named = ", ".join(f"{change.section} {change.key}" for change in report.kept[:10])
        more = f" and {len(report.kept) - 10} more" if len(report.kept) > 10 else ""
        lines.append(f"Not in the file, and kept: {named}{more}. --prune lets go of them.")
    lines += report.notes
    if dry_run:
        return "\n".join([*lines, "This was a dry run; nothing was changed."] if report.changes else lines)
    if report.draft:
        what = "is in force" if report.published else "is a draft; publish it to put it in force"
        lines.append(f"Version {report.draft} of the rules {what}.")
    return "\n".join(lines)
