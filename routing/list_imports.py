"""Text or a spreadsheet in, the values of a named list as leads carry them out; and what a change of it would bring."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError

from routing.engine.conditions import NAMED_LISTS, fold
from routing.lists import LARGEST_LIST
from routing.models import ListEntry, NamedList, Rule, RuleSetVersion
from routing.spreadsheet import MOST_COLUMNS, MOST_LINES
from routing.vocabulary import read_word

MOST_FAULTS = 50
LONGEST_VALUE = 200


class Values(NamedTuple):
    """`values`: read, each once; `faults`: sentences, for those that no lead can have."""

    values: list[str]
    faults: list[str]


def read_values(field: str, lines: Iterable[tuple[int, Sequence[str]]]) -> Values:
    """Every cell of every line as a value of the field; a line that only names the column is left out."""
    found: dict[str, str] = {}
    faults: list[str] = []
    for number, cells in lines:
        if number > MOST_LINES:
            faults.append(f"The file has more than {MOST_LINES:,} lines. Split it.")
            break
        if any(cells[MOST_COLUMNS:]):
            faults.append(f"Line {number} has more than {MOST_COLUMNS} cells. Put one value on each line.")
        for cell in cells:
            value = " ".join(cell.split())
            if not value or (number == 1 and fold(value).replace(" ", "_") == field):
                continue
            try:
                word = read_word(field, value)
            except ValidationError as error:
                faults.append(f"Line {number}: {error.messages[0]}")
                continue
            if len(word) > LONGEST_VALUE or not fold(word):
                faults.append(f"Line {number}: “{word[:40]}…” is longer than {LONGEST_VALUE} characters.")
                continue
            found.setdefault(fold(word), word)
        if len(faults) >= MOST_FAULTS:
            break
    if len(found) > LARGEST_LIST:
        faults.insert(0, f"A list has at most {LARGEST_LIST:,} values; these are {len(found):,}.")
    return Values(list(found.values()), faults)


class Change(NamedTuple):
    """What a list would be: how many values come, go and stay; the first of those that come and go."""

    added: int
    removed: int
    kept: int
    some_added: list[str]
    some_removed: list[str]


def change_of(named: NamedList, values: Iterable[str], *, replace: bool) -> Change:
    """What these values would change, as more of them or in place of all."""
    wanted = {fold(value): value for value in values}
    held = dict(ListEntry.objects.filter(list=named).values_list("folded", "value"))
    added = [value for folded, value in wanted.items() if folded not in held]
    removed = [value for folded, value in held.items() if folded not in wanted] if replace else []
    return Change(len(added), len(removed), len(held) - len(removed), added[:12], removed[:12])


def asked_by(named: NamedList) -> list[tuple[RuleSetVersion, list[str]]]:
    """The drafts and the version in force that ask about the list, each with names of such rules."""
    states = (RuleSetVersion.State.DRAFT, RuleSetVersion.State.PUBLISHED)
    rows = Rule.objects.filter(version__state__in=states, enabled=True)
    direct = rows.filter(conditions__operator__in=NAMED_LISTS, conditions__value=named.key)
    found: dict[int, list[str]] = {}
    for version, name in direct.distinct().order_by("version_id", "position").values_list("version_id", "name"):
        found.setdefault(version, []).append(name)
    tables = rows.exclude(table=None).values_list(
        "id", "table__inputs"
    )  # rows are megabytes: only where lists are asked
    asking = [id for id, inputs in tables if any(column["operator"] in NAMED_LISTS for column in inputs)]
    for version, name, table in rows.filter(id__in=asking).values_list("version_id", "name", "table"):
        if _asks(table, named.key):
            found.setdefault(version, []).append(name)
    versions = RuleSetVersion.objects.only("id", "state").in_bulk(found)
    return [(versions[version], names) for version, names in sorted(found.items(), reverse=True)]


def _asks(table: dict[str, Any], key: str) -> bool:
    places = [at for at, column in enumerate(table["inputs"]) if column["operator"] in NAMED_LISTS]
    return any(row["in"][at] == key for at in places for row in table["rows"])
