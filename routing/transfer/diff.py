"""Two documents in, what differs field by field out; judges nothing."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from routing.transfer.shape import SECTIONS

LONGEST = 100
"""Characters of a value."""
FEW = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `key`: of the row; `field`: empty where all of the row is meant."""

    kind: Literal["added", "changed", "removed"]
    section: str
    key: str
    field: str = ""
    before: Any = None
    after: Any = None

    @property
    def line(self) -> str:
        """“changed  pools emea, when_empty: "review" → "fallback"”."""
        where = " ".join(part for part in (self.section, self.key) if part)
        if not self.field:
            return f"{self.kind:<8} {where}"
        return f"{self.kind:<8} {where}, {self.field}: {_difference(self.before, self.after)}"


def _difference(before: Any, after: Any) -> str:
    """Both values; of long lists only what went and what came."""
    texts = _json(before), _json(after)
    lists = isinstance(before, list) and isinstance(after, list)
    if not lists or max(map(len, texts)) <= LONGEST:
        return " → ".join(_short(text) for text in texts)
    parts = [
        f"{word} {_few(rows)}"
        for word, rows in (
            ("without", [row for row in before if row not in after]),
            ("with", [row for row in after if row not in before]),
        )
        if rows
    ]
    return ", ".join(parts) or "in another order"


def _few(rows: list[Any]) -> str:
    more = f" and {len(rows) - FEW} more" if len(rows) > FEW else ""
    return ", ".join(_short(_json(row)) for row in rows[:FEW]) + more


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def compare(now: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Change]:
    """What `wanted` would change. What it does not name (a section, a field) stays as it is.

    `removed`: rows that are there and that a section of `wanted` leaves out.
    """
    for field, after in wanted.get("company", {}).items():
        if (before := now["company"][field]) != after:
            yield Change("changed", "company", "", field, before, after)
    for name in SECTIONS:
        if name in wanted:
            yield from _section(name, now[name], wanted[name])
    if wanted.get("rules") and wanted["rules"] != now["rules"]:
        yield from _rules(now["rules"], wanted["rules"])


def _section(name: str, now: list[Mapping[str, Any]], wanted: list[Mapping[str, Any]]) -> Iterator[Change]:
    held = {row["key"]: row for row in now}
    given = {row["key"]: row for row in wanted}
    for key, row in given.items():
        if key not in held:
            yield Change("added", name, key)
            continue
        for field, after in row.items():
            if held[key][field] != after:
                yield Change("changed", name, key, field, held[key][field], after)
    if SECTIONS[name].ordered:
        before = [key for key in held if key in given]
        after = [key for key in given if key in held]
        if before != after or _in_between(list(given), held):
            yield Change("changed", name, "", "order", before, list(given))
    yield from (Change("removed", name, key) for key, row in held.items() if key not in given and not _gone(row))


def _gone(row: Mapping[str, Any]) -> bool:
    """Owners who departed and sources that are off have gone as far as they can."""
    return row.get("state") == "departed" or row.get("active") is False


def _in_between(keys: list[str], held: Mapping[str, Any]) -> bool:
    """Whether a new one stands before an old one, so that positions move."""
    new = [key not in held for key in keys]
    return any(earlier and not later for earlier, later in pairwise(new))


def _rules(now: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> Iterator[Change]:
    if now is None:
        yield Change("added", "rules", f"a rule set of {len(wanted['rules'])} rules")
        return
    for field in ("owner", "purpose", "step_order", "time_zone", "review_days"):
        if now[field] != wanted[field] and not (field == "time_zone" and not wanted[field]):
            yield Change("changed", "rules", "", field, now[field], wanted[field])
    before, after = _named(now["rules"]), _named(wanted["rules"])
    for key, rule in after.items():
        if key not in before:
            yield Change("added", "rules", key)
            continue
        for field, value in rule.items():
            if before[key].get(field) != value and not (field == "key" and not value):
                yield Change("changed", "rules", key, field, before[key].get(field), value)
        for field in before[key].keys() - rule.keys():
            yield Change("changed", "rules", key, field, before[key][field], None)
    yield from (Change("removed", "rules", key) for key in before if key not in after)
    if set(before) == set(after) and list(before) != list(after):
        yield Change("changed", "rules", "", "order", list(before), list(after))


def _named(rules: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """By step and name, numbered where several share them."""
    found: dict[str, Mapping[str, Any]] = {}
    for rule in rules:
        key = f"{rule['step']} “{rule['name']}”"
        twin = 2
        while key in found:
            key = f"{rule['step']} “{rule['name']}” ({twin})"
            twin += 1
        found[key] = rule
    return found
