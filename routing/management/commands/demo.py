"""Options in, the demo company and its credentials out; whatever the demo did not make stays as it is."""

import json
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from routing import demo


class Command(BaseCommand):
    help = (
        "Load the demo company into an empty database, making its tables if need be, and print how to sign in and "
        "post. Where it stands already, nothing changes and the same is printed again. Exit status 1 when the "
        "database holds other data."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog="Example: manage.py demo --json > demo.json", **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reset",
            action="store_true",
            help="First delete ALL leads, people, rules and sources in this database. Refused, with nothing deleted, "
            "when a single owner or source is not the demo's; there is no way to force it. Users and lead "
            "types that the demo did not make stay.",
        )
        parser.add_argument(
            "--empty",
            action="store_true",
            help="Instead of the company: users, four reps in one pool, and one source with the key generic.",
        )
        parser.add_argument(
            "--no-history",
            action="store_true",
            help="The company without its two months of leads: loaded at once instead of in less than half a minute.",
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="Print one object: base_url, users (username, password, role, owner_id), sources (key, kind, "
            "token), api_tokens (scope, token). A token that was changed since is null.",
        )

    def handle(self, *args: Any, reset: bool, empty: bool, no_history: bool, json: bool, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        make = demo.reset if reset else demo.load
        try:
            make(empty=empty, history=not no_history, progress=demo.reporter(self.stderr))
        except demo.DemoError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_as_json() if json else _as_text())


def _as_json() -> str:
    return json.dumps(demo.credentials(), indent=2)


def _as_text() -> str:
    """The same for a terminal."""
    held = demo.credentials()
    lines = [f"RevRoute at {held['base_url']}", "", f"Sign in at {held['base_url']}/ as"]
    lines += [f"  {user['username']:<10} {user['password']}  {user['role']}" for user in held["users"]]
    lines += ["Administrator, RevOps and auditor begin in the admin, manager and marketing with reports, reps with"]
    lines += ["their own leads.", "", f"Send a lead and watch, without signing in: {held['base_url']}/try/"]
    lines += ["", f"Post leads to {held['base_url']}/api/v1/intake/KEY with the token of the source"]
    lines += [f"  {source['key']:<14} {source['token'] or '(changed since)'}" for source in held["sources"]]
    lines += ["", "Read with the API token"]
    lines += [f"  {token['scope']:<14} {token['token'] or '(changed since)'}" for token in held["api_tokens"]]
    return "\n".join(lines)
