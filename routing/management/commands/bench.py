"""`manage.py bench NAME`: one benchmark on an empty database of its own; prints one JSON line."""

import json
import signal
import sys
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from routing.bench import data, intake, ledger, matching, publishing, reports, route, sweep, territories
from routing.bench.floors import Floors, Unusable

LEADS = {"postgresql": 1_000_000, "sqlite": 300_000}


class Command(BaseCommand):
    help = (
        "Measure this program on DATABASE_URL, which has to be empty or filled by a former benchmark.\n"
        "  intake  post leads to `manage.py serve` over HTTP\n"
        "  route   route stored events in one process\n"
        "  ledger  add up the ledger of the pools, and read it against the bound of fairness\n"
        "  sweep   climb the rungs of open clocks: idle, all at once, in a stream, and moving leads\n"
        "  rules   find the rules that hold among 10 to 10,000, beside a scan of one rule after the other\n"
        "  publish  publish 10,000 rules while leads come in over HTTP\n"
        "  territories  import areas, look places up among them, and change people beside them\n"
        "  sla_report  the SLA report over 30, 90 and 365 days of a year's inquiries\n"
        "Progress goes to stderr, one JSON line to stdout.\n"
        "Example: python3 manage_dev.py bench intake"
    )

    def create_parser(self, *args: Any, **options: Any) -> CommandParser:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        names = ["intake", "route", "rules", "publish", "territories", "ledger", "sweep", "sla_report"]
        parser.add_argument("name", choices=names)
        parser.add_argument("--floors", type=Path, metavar="PATH", help="Folder of the floors to run beside.")
        parser.add_argument("--leads", type=int, metavar="N", help="Stored leads; 1,000,000, on SQLite 300,000.")
        parser.add_argument("--areas", type=int, default=50_000, metavar="N", help="territories: areas; 50,000.")
        parser.add_argument(
            "--rules", type=_sizes, default=None, metavar="N[,N]", help="rules: sizes; publish: the last of them."
        )
        parser.add_argument("--entries", type=int, default=1_000_000, metavar="N", help="ledger: rows; 1,000,000.")
        parser.add_argument("--clocks", type=int, default=100_000, metavar="N", help="sweep: open clocks; 100,000.")
        parser.add_argument("--seconds", type=float, default=10, metavar="S", help="Length of each run; 10.")
        parser.add_argument("--repeats", type=int, default=3, metavar="R", help="Repeats; 3. Medians are printed.")
        parser.add_argument("--no-worker", action="store_true", help="intake: web processes only.")
        parser.add_argument("--profile", action="store_true", help="route: say on stderr where the time goes.")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        repeats, seconds = options["repeats"], options["seconds"]
        if repeats < 1 or seconds <= 0:
            raise CommandError("--repeats has to be 1 at least, and --seconds more than 0.")
        floors = None
        signal.signal(signal.SIGTERM, _end)  # so that what was started is stopped on this way out too
        try:
            if name == "rules":  # in memory alone
                figures = matching.run(
                    options["rules"] or matching.SIZES, options["leads"] or 20_000, repeats, self.say
                )
                self.stdout.write(json.dumps({"bench": name, **figures}))
                return
            small = name in ("territories", "ledger", "sla_report", "publish")
            usual = data.LEAST if small else LEADS[connection.vendor]
            if name == "sweep":
                usual = max(data.LEAST, options["clocks"] * 20 // 19 + 1)
            asked = None if name == "sla_report" else options["leads"]  # its inquiries need no leads
            stored = data.ensure(asked or usual, self.say)
            if options["floors"]:
                self.say("preparing the floors")
                floors = Floors(options["floors"].resolve(), stored)
            head = {"bench": name, "database": connection.vendor, "leads": stored, "seconds": seconds}
            if name == "intake":
                figures = intake.run(stored, seconds, repeats, floors, not options["no_worker"], self.say)
            elif name == "publish":
                rules = (options["rules"] or matching.SIZES)[-1]
                figures = publishing.run(stored, rules, seconds, repeats, self.say)
            elif name == "territories":
                figures = territories.run(options["areas"], repeats, self.say)
            elif name == "ledger":
                figures = ledger.run(options["entries"], repeats, self.say)
            elif name == "sweep":
                figures = sweep.run(stored, options["clocks"], repeats, seconds, self.say)
            elif name == "sla_report":
                figures = reports.run(options["leads"] or 1_000_000, repeats, self.say)
            else:
                figures = route.run(stored, seconds, repeats, floors, options["profile"], self.say)
        except (data.Refused, Unusable, RuntimeError) as error:
            raise CommandError(str(error)) from error
        finally:
            if floors:
                floors.close()
        self.stdout.write(json.dumps({**head, "repeats": repeats, **figures}))

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def _sizes(text: str) -> tuple[int, ...]:
    """“10,1000” as numbers of rules."""
    sizes = tuple(int(part) for part in text.split(","))
    if not sizes or min(sizes) < 4 or max(sizes) > 100_000:
        raise ValueError(text)
    return sizes


def _end(*_: object) -> None:
    raise SystemExit(143)
