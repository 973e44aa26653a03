"""The number of a version as it was typed in, the version out; the one in force where none was."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from routing.management.ids import id_of
from routing.models import RuleSetVersion


def version_of(number: str | None) -> RuleSetVersion:
    """Raises CommandError with a sentence."""
    rows = RuleSetVersion.objects.select_related("owner")
    if number is None:
        published = rows.filter(state=RuleSetVersion.State.PUBLISHED).first()
        if published is None:
            raise CommandError("No rule set is published. Name a draft by its number.")
        return published
    version = rows.filter(pk=id_of(number, "a version")).first()
    if version is None:
        raise CommandError(f"There is no version {number}.")
    return version


class VersionCommand(BaseCommand):
    """A command about one version, named by --version V."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Django's own --version, which tells Django's, makes room for that of the rules."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--version", metavar="V", dest="number", help="Number of a version, drafts too.")
