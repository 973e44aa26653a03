"""One version of the rules as a file out, and such a file in as a draft: canonical JSON that a person can compare.

Rules name people, pools, stages and lists by their keys, so that a file means the same on every installation that has
them. The shape of a rule is that of the configuration file; named lists that the rules ask about are listed by key.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.contrib.admin.models import ADDITION
from django.db import IntegrityError

from leads.models import Stage
from owners.models import User
from routing.drafts import log
from routing.lease import short_transaction
from routing.models import NamedList, RuleSetVersion
from routing.rulebook import freeze_unsaved
from routing.transfer.draft import Read, read_draft, store
from routing.transfer.parse import Refused, load_json, parse_rules
from routing.transfer.read import rules_of
from routing.transfer.shape import SECTIONS

FORMAT = "revroute.rules"
VERSION = 1
TOP = frozenset({"format", "version", "rules", "lists"})

__all__ = ["Refused", "bring_in", "export"]


def export(version: RuleSetVersion) -> str:
    """The text of a version: sorted, indented, the same bytes for the same rules."""
    rules = rules_of(version)
    return json.dumps(
        {"format": FORMAT, "version": VERSION, "rules": rules, "lists": sorted(set(_asked(rules)))},
        indent=2, sort_keys=True, ensure_ascii=False,
    ) + "\n"  # fmt: skip


def _asked(rules: Mapping[str, Any]) -> Iterator[str]:
    for rule in rules["rules"]:
        rows = [row for group in rule["groups"] for row in group]
        table = rule.get("table") or {"inputs": (), "rows": ()}
        for place, column in enumerate(table["inputs"]):
            rows += [{**column, "value": row["in"][place]} for row in table["rows"]]
        yield from (row["value"] for row in rows if row["operator"] in ("in_list", "not_in_list") and row["value"])


def bring_in(
    data: bytes, by: User | None, now: datetime, *, dry_run: bool = False
) -> tuple[RuleSetVersion, dict[str, Any]]:
    """A new draft with the rules of the file, and its content as routing would read it. With `dry_run` nothing is
    stored. All is read and checked before anything is written, so that ten thousand rules hold no lead up.

    Raises Refused with every problem, each with its path, and then nothing was made.
    """
    rules = read(data)
    ids = {name: dict(section.model.objects.values_list("key", "pk")) for name, section in SECTIONS.items()}
    problems = list(_nobody(rules, ids))
    made = read_draft(rules, ids, problems) if not problems else None
    if made is None or problems:
        raise Refused(*problems)
    if not dry_run:
        try:
            with short_transaction():
                _store(made, by, now)
        except IntegrityError as error:
            raise Refused("Something that the file names was deleted in this moment. Look again.") from error
    return made.version, freeze_unsaved(*made, rules["rules"])


def _store(made: Read, by: User | None, now: datetime) -> None:
    store(made)
    if by is not None:
        log(made.version, by, now, "Made from a file.", ADDITION)


def read(data: bytes) -> dict[str, Any]:
    """The rules of a file in normal form. Raises Refused."""
    value = load_json(data)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise Refused(f"This is no file of rules: “format” has to be “{FORMAT}”. A whole configuration has a command.")
    if value.get("version") != VERSION or isinstance(value["version"], bool):
        raise Refused(f"This is version {value.get('version')!r:.20} of the format, and this program reads {VERSION}.")
    unknown = [f"{name[:60]}: there is no field of that name here." for name in sorted(value.keys() - TOP)]
    if unknown:
        raise Refused(*unknown)
    lists = value.get("lists", [])
    if not (isinstance(lists, list) and all(isinstance(key, str) for key in lists)):
        raise Refused("lists: a list of keys is needed, of the named lists that the rules ask about.")
    rules = parse_rules(value.get("rules"), _known())
    missing = sorted({*lists, *_asked(rules)} - set(NamedList.objects.values_list("key", flat=True)))
    if missing:
        raise Refused(*(f"lists: there is no list “{key}”. Make it first, under Lists." for key in missing))
    return rules


def _known() -> dict[str, set[str]]:
    known = {name: set(section.model.objects.values_list("key", flat=True)) for name, section in SECTIONS.items()}
    stages = Stage.objects.values_list("pipeline__key", "key")
    return {**known, "stages": {f"{pipeline}/{key}" for pipeline, key in stages}}


def _nobody(rules: Mapping[str, Any], ids: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Whom a table names and who does not exist: a draft would keep the key, and nobody would notice."""
    keys = {"owner": ids["owners"], "fallback_owner": ids["owners"], "pool": ids["pools"], "team": ids["teams"]}
    for number, rule in enumerate(rules["rules"]):
        table = rule.get("table")
        for place, name in enumerate(table["outputs"]) if table else ():
            if name not in keys:
                continue
            for at, row in enumerate(table["rows"], start=1):
                if (key := row["out"][place]) is not None and key not in keys[name]:
                    word = name.replace("_", " ")
                    yield f"rules.rules[{number}].table: row {at} names {word} “{key}”, which does not exist."
