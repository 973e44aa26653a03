"""`manage.py export_config`: the configuration as one canonical JSON, on a terminal or into a file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from routing.models import RuleSetVersion
from routing.transfer import export


class Command(BaseCommand):
    help = (
        "Write sources, people, pools, territories, SLAs, pipelines and the published rules as one JSON text, sorted,"
        " with keys instead of ids and without secrets. Example: manage.py export_config company.json"
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="Where to write it; without one, on stdout.")
        parser.add_argument("--version", type=int, metavar="N", help="The rules of this version instead.")
        parser.add_argument("--no-absences", action="store_true", help="Leave out who is away when.")

    def handle(self, *args: Any, file: Path | None, version: int | None, **options: Any) -> None:
        try:
            text = export(version, absences=not options["no_absences"])
        except RuleSetVersion.DoesNotExist as error:
            raise CommandError(f"There is no version {version} of the rules.") from error
        if file is None:
            self.stdout.write(text, ending="")
            return
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"Cannot write {file}: {error.strerror}.") from error
        self.stderr.write(f"Wrote {file}.")
