"""A rule's decision table in, its rows as conditions and what they change in the rule, or its faults, out.

A table has input columns (field and operator), output columns and rows; an empty input cell holds for everything, an
empty output cell leaves the rule's own value. The first row whose cells all hold wins. The shape, as JSON:
`{"inputs": [{"field": …, "operator": …}], "outputs": [name…], "rows": [{"in": [value…], "out": [value…]}]}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from routing.engine.conditions import Condition, check_condition
from routing.engine.fields import FIELD_KINDS, FIELDS, OPERATORS_BY_KIND
from routing.engine.hierarchy import TARGET_KINDS
from routing.engine.reading import RuleError

LONGEST_TABLE = 10_000
"""Rows."""
WIDEST_TABLE = 20
"""Input and output columns together."""
OUTPUTS: dict[str, str] = {
    "target": "goes to",
    "owner": "owner",
    "pool": "pool",
    "team": "team",
    "fallback_owner": "fallback owner",
    "tier": "tier",
    "sla_policy": "SLA policy",
    "pipeline": "pipeline",
    "stage": "stage",
    "sequence": "sequence",
    "review_reason": "review reason",
    "high_intent": "high intent",
}
NAMING = ("owner", "pool", "team")
"""Outputs that, filled in alone, say where the lead goes."""
PEOPLE = ("owner", "pool", "team", "fallback_owner")
"""Outputs that name rows: by key while it is edited, by id once it is frozen."""
_ATTRIBUTES = {"target": "target_kind", "owner": "target_owner", "pool": "target_pool", "team": "target_team"}


class Fault(NamedTuple):
    """What is wrong, where: `row` from 1, `column` from 0 over inputs, then outputs; None where it is the whole."""

    row: int | None
    column: int | None
    sentence: str


class Row(NamedTuple):
    """`number` from 1; `changes`: attribute of `engine.rules.Rule` -> value."""

    number: int
    conditions: tuple[Condition, ...]
    changes: dict[str, Any]


def operators_of(field: str) -> tuple[str, ...]:
    """The operators an input column of this field may have. A flag's cells say yes or no themselves."""
    kind = FIELD_KINDS[field]
    if kind == "flag":
        return ("is_true",)
    return tuple(operator for operator in OPERATORS_BY_KIND[kind] if operator not in ("is_blank", "is_not_blank"))


def as_condition(column: Mapping[str, str], cell: Any) -> tuple[str, str, Any]:
    """(field, operator, value) that a filled cell asks for. A range may have one end only: [50, null], [null, 200]."""
    if FIELD_KINDS.get(column["field"]) == "flag" and isinstance(cell, bool):
        return column["field"], "is_true" if cell else "is_false", None
    if column["operator"] == "between" and isinstance(cell, list) and len(cell) == 2 and None in cell:
        return column["field"], *_open_range(FIELD_KINDS.get(column["field"]) == "moment", *cell)
    return column["field"], column["operator"], cell


def _open_range(moment: bool, low: Any, high: Any) -> tuple[str, Any]:
    """Days are named whole: from a day on is not before it, which is after the day before; so times keep two ends."""
    if moment:
        return "between", [low, high]
    return ("at_most", high) if low is None else ("at_least", low)


def check_table(table: object) -> Iterator[Fault]:
    """Everything that is wrong with a table; nothing when it is sound. Whom it names is not looked up."""
    if (broken := _shape(table)) is not None:
        yield broken
        return
    assert isinstance(table, Mapping)
    columns = list(_columns(table))
    yield from columns
    if columns:
        return
    width, outs = len(table["inputs"]), len(table["outputs"])
    for number, row in enumerate(table["rows"], start=1):
        if len(row["in"]) != width or len(row["out"]) != outs:
            has, needs = len(row["in"]) + len(row["out"]), width + outs
            yield Fault(number, None, f"Row {number} has {has} cells; the table has {needs} columns.")
            continue
        yield from _cells(table, number, row)


def _shape(table: object) -> Fault | None:
    if not isinstance(table, Mapping) or not all(
        isinstance(table.get(key), list) for key in ("inputs", "outputs", "rows")
    ):
        return Fault(None, None, "A table needs inputs, outputs and rows, each a list.")
    if not table["inputs"] or not table["rows"]:
        return Fault(None, None, "A table needs at least one input column and one row.")
    if len(table["rows"]) > LONGEST_TABLE:
        return Fault(None, None, f"A table has at most {LONGEST_TABLE:,} rows; this one has {len(table['rows']):,}.")
    if len(table["inputs"]) + len(table["outputs"]) > WIDEST_TABLE:
        return Fault(None, None, f"A table has at most {WIDEST_TABLE} columns.")
    for number, row in enumerate(table["rows"], start=1):
        if not isinstance(row, Mapping) or not isinstance(row.get("in"), list) or not isinstance(row.get("out"), list):
            return Fault(number, None, f"Row {number} needs the lists “in” and “out”.")
    return None


def _columns(table: Mapping[str, Any]) -> Iterator[Fault]:
    for place, column in enumerate(table["inputs"]):
        field = column.get("field") if isinstance(column, Mapping) else None
        if not isinstance(field, str) or field not in FIELDS:
            yield Fault(None, place, f"There is no field called “{field}”.")
        elif column.get("operator") not in operators_of(field):
            yield Fault(None, place, f"“{column.get('operator')}” does not fit a column of “{FIELDS[field]}”.")
    seen: set[str] = set()
    for place, name in enumerate(table["outputs"], start=len(table["inputs"])):
        if not isinstance(name, str) or name not in OUTPUTS:
            yield Fault(None, place, f"There is no output called “{name}”.")
        elif name in seen:
            yield Fault(None, place, f"The output “{OUTPUTS[name]}” has two columns.")
        else:
            seen.add(name)


def _cells(table: Mapping[str, Any], number: int, row: Mapping[str, Any]) -> Iterator[Fault]:
    for place, (column, cell) in enumerate(zip(table["inputs"], row["in"], strict=True)):
        if cell is None:
            continue
        if FIELD_KINDS[column["field"]] == "flag" and not isinstance(cell, bool):
            yield Fault(number, place, f"Row {number}: “{FIELDS[column['field']]}” is yes or no; “{cell}” is neither.")
        elif problem := check_condition(*as_condition(column, cell)):
            yield Fault(number, place, f"Row {number}: {problem}")
    for place, (name, cell) in enumerate(zip(table["outputs"], row["out"], strict=True), start=len(table["inputs"])):
        if cell is not None and (problem := _output_problem(name, cell)):
            yield Fault(number, place, f"Row {number}: {problem}")


def _output_problem(name: str, cell: object) -> str | None:
    if name == "high_intent":
        return None if isinstance(cell, bool) else f"“high intent” is yes or no; “{cell}” is neither."
    if name == "target":
        return None if cell in TARGET_KINDS else f"Leads cannot go to “{cell}”; there are {', '.join(TARGET_KINDS)}."
    whole = isinstance(cell, int) and not isinstance(cell, bool) and name in PEOPLE
    return None if whole or (isinstance(cell, str) and cell) else f"“{OUTPUTS[name]}” cannot be “{cell}”."


def read_rows(table: object, where: str, make: Callable[[str, str, Any], Condition]) -> tuple[Row, ...]:
    """The rows of a frozen table. Raises RuleError (table_unsound)."""
    if (fault := next(check_table(table), None)) is not None:
        raise RuleError("table_unsound", where, fault.sentence)
    assert isinstance(table, Mapping)
    return tuple(_row(table, number, row, make) for number, row in enumerate(table["rows"], start=1))


def _row(table: Mapping[str, Any], number: int, row: Mapping[str, Any], make: Callable[..., Condition]) -> Row:
    asked = ((column, cell) for column, cell in zip(table["inputs"], row["in"], strict=True) if cell is not None)
    said = {name: cell for name, cell in zip(table["outputs"], row["out"], strict=True) if cell is not None}
    if "target" not in said and (named := next((name for name in NAMING if name in said), None)):
        said["target"] = named
    changes = {_ATTRIBUTES.get(name, name): cell for name, cell in said.items()}
    return Row(number, tuple(make(*as_condition(column, cell)) for column, cell in asked), changes)
