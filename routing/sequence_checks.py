"""A frozen content and the names of sequences that published rules start in; names that look mistyped out.

A sequence is a name that whoever follows up knows, so none can be missing; one that nobody ever published, and that is
a letter or two away from one that was, is most likely not meant.
"""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from routing.models import Rule, RuleSetVersion
from routing.publish_checks import Problem

State = RuleSetVersion.State
ALIKE = 0.85
"""Share of letters that two names have in common in the same order."""


def published_sequences() -> set[str]:
    """The names that rules of versions in force, now or once, start, and those in tables of the one in force. Two
    statements."""
    rules = Rule.objects.exclude(version__state=State.DRAFT).exclude(sequence="")
    names = set(rules.order_by().values_list("sequence", flat=True).distinct())
    tables = Rule.objects.filter(version__state=State.PUBLISHED, table__isnull=False)
    for table in tables.values_list("table", flat=True):
        names.update(_in_rows(table))
    return names


def mistyped(content: Mapping[str, Any], known: Collection[str]) -> Iterator[Problem]:
    """A warning for each rule and name that nobody published and that is close to one of `known`."""
    meant: dict[str, list[str]] = {}
    for rule in content["rules"]:
        for name in _named(rule):
            if name not in known:
                if name not in meant:
                    meant[name] = get_close_matches(name, known, 1, ALIKE)
                if meant[name]:
                    what = f"starts the sequence “{name}”, which no version named so far. Is “{meant[name][0]}” meant?"
                    yield Problem(False, "sequence_unknown", what, rule["id"], rule["name"])


def _named(rule: Mapping[str, Any]) -> list[str]:
    """The sequences of a rule and of the rows of its table, each once."""
    return [name for name in dict.fromkeys((rule["sequence"], *_in_rows(rule.get("table")))) if name]


def _in_rows(table: Mapping[str, Any] | None) -> list[str]:
    if not table or "sequence" not in table["outputs"]:
        return []
    place = table["outputs"].index("sequence")
    return [row["out"][place] for row in table["rows"] if row["out"][place]]
