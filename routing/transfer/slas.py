"""Ladders and policies of a file in; their rungs, and what only several rows say together, out.

What could not be climbed or would never count refuses the file. People who left, pools that are empty and words that
nothing has any more do not: a file may be the copy of a company in which that happened. They are noted, and found by
the doctor.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Protocol

from owners.models import Calendar
from routing import ladder_rules
from routing.engine.ladder import Rung
from routing.ladder_words import rung_of
from routing.models import SlaLadder, SlaPolicy, SlaRung

COLUMNS = ("percent", "minutes", "remind", "tell_lead", "move", "pool__key", "priority", "webhook")
NAMES = tuple(column.removesuffix("__key") for column in COLUMNS)
WORDS = (("lead_types", "lead type"), ("sources", "source"))


class Writer(Protocol):
    """What is used of the one who writes the file."""

    ids: dict[str, dict[str, int]]
    problems: list[str]
    notes: list[str]
    now: Any

    def touched(self, name: str) -> Any: ...


def rungs() -> dict[str, list[Any]]:
    """The rungs by the key of their ladder, as they stand in a file: with what they have alone."""
    found: dict[str, list[Any]] = defaultdict(list)
    for key, *row in SlaRung.objects.values_list("ladder__key", *COLUMNS):
        found[key].append(
            {name: value for name, value in zip(NAMES, row, strict=True) if value not in (None, "", False)}
        )
    for rows in found.values():
        rows.sort(key=lambda row: (row.get("percent", 0), row.get("minutes", 0)))
    return found


def rung_in(row: Mapping[str, Any]) -> Rung:
    """When a rung of a file is due, as the engine's value."""
    return Rung(row.get("percent") or 0, row.get("minutes") or 0)


def rung(row: Mapping[str, Any], ladder: int, pools: Mapping[str, int]) -> SlaRung:
    """A rung of a file as a row."""
    values = {name: row[name] for name in NAMES if name != "pool" and name in row}
    pool = pools.get(row["pool"]) if row.get("pool") else None
    return SlaRung(ladder_id=ladder, pool_id=pool, **values)


def look(writer: Writer) -> None:
    """Ask the rows as they are now what they say together."""
    for path, given in writer.touched("sla_ladders"):
        _ladder(writer, path, SlaLadder.objects.select_related("named_owner").get(key=given["key"]))
    for path, given in writer.touched("sla_policies"):
        _policy(writer, path, SlaPolicy.objects.select_related("calendar").get(key=given["key"]))


def _ladder(writer: Writer, path: str, row: SlaLadder) -> None:
    rows = list(row.rungs.select_related("pool"))
    if not rows:
        writer.problems.append(f"{path}.rungs: a ladder without a rung does nothing.")
    if mixed := ladder_rules.mixed_problem([rung_of(one) for one in rows], ladder_rules.uses_of(row.pk)):
        writer.problems.append(f"{path}.rungs: {mixed}")
    if gone := ladder_rules.person_problem(row.named_owner):
        writer.notes.append(f"SLA ladder {row.key}: {gone}")
    for pool in {one.pool for one in rows if one.pool}:
        if empty := ladder_rules.pool_problem(pool):
            writer.notes.append(f"SLA ladder {row.key}: {empty}")


def _policy(writer: Writer, path: str, row: SlaPolicy) -> None:
    if isinstance(row.calendar, Calendar) and (never := ladder_rules.calendar_problem(row.calendar, writer.now)):
        writer.problems.append(f"{path}.calendar: {never}")
    for name, what in WORDS:
        known = {key: key for key in writer.ids["lead_types" if name == "lead_types" else "sources"]}
        if missing := ladder_rules.unknown(getattr(row, name), known, what):
            writer.notes.append(f"SLA policy {row.key}: {missing}")
    for column in SlaPolicy.LADDERS:
        if (ladder := getattr(row, column)) is None:
            continue
        rows = [rung_of(one) for one in ladder.rungs.all()]
        if mixed := ladder_rules.mixed_problem(rows, ladder_rules.uses_of(ladder.pk)):
            writer.problems.append(f"{path}.{column}: {mixed}")
