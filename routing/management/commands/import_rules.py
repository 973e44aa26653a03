"""`manage.py import_rules FILE`: a file of rules as a new draft."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from routing.compare import changes
from routing.models import RuleSetVersion
from routing.names import read_names
from routing.version_files import Refused, bring_in


class Command(BaseCommand):
    help = (
        "Make a draft from a file that export_rules wrote, and say what it changes beside the rules in force:"
        " manage.py import_rules rules.json. Only look: --dry-run. From standard input: manage.py import_rules -."
        " Every problem is printed with its path, and then nothing is made and the status is 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="A file, or - for standard input.")
        parser.add_argument("--dry-run", action="store_true", help="Say what it would change, and make nothing.")

    def handle(self, *args: Any, file: str, dry_run: bool = False, **options: Any) -> None:
        try:
            data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
            draft, content = bring_in(data, None, timezone.now(), dry_run=dry_run)
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error.strerror}.") from error
        except Refused as refused:
            raise CommandError("\n".join(refused.problems)) from refused
        live = RuleSetVersion.objects.filter(state=RuleSetVersion.State.PUBLISHED).first()
        for change in changes(live.content, content, read_names()) if live else ():
            self.stdout.write(f"{change.rule or 'The version'}: {' '.join(change.sentences)}")
        rules = len(content["rules"])
        self.stdout.write(f"{rules} rules. Nothing was made." if dry_run else f"Draft {draft.pk} holds {rules} rules.")
