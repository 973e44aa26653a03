"""`manage.py tree`: the rules of a version as a plain-English decision tree."""

from typing import Any

from django.core.management.base import CommandParser

from routing.management.versions import VersionCommand, version_of
from routing.names import read_names
from routing.rulebook import content_of
from routing.tree import lines, tree_of


class Command(VersionCommand):
    help = (
        "Print the rules in force as a decision tree in plain English, one page however many there are: manage.py tree."
        " Another version, every rule and every row: manage.py tree --version 14 --all."
        " Ends with status 1 when there is no such version, or none is published."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--all", action="store_true", help="Every rule and every row of every table.")

    def handle(self, *args: Any, number: str | None = None, **options: Any) -> None:
        version = version_of(number)
        tree = tree_of(content_of(version), read_names(), whole=options["all"])
        self.stdout.write(f"Version {version.pk}, {version.get_state_display()}: {version.purpose or 'no purpose yet'}")
        self.stdout.write("\n".join(lines(tree)))
        if tree.shortened:
            self.stdout.write("Shortened to a page; --all prints every rule and row.")
