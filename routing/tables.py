"""Lines of a spreadsheet in, a rule's decision table or every fault by its place out; and a table as such lines.

The first line names the columns: a field, with its operator where it is not the usual one (“Company size”, “Campaign
starts with”), or with an arrow what a row says (“→ Pool”, “→ Tier”). An empty cell holds for everything, or leaves what
the rule says. Several values stand in one cell with semicolons; ranges are 10-50, 50+ or up to 200.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError

from leads.models import Pipeline, Stage
from owners.models import Owner, Pool, Team
from routing.engine.conditions import NAMED_LISTS
from routing.engine.fields import FIELD_KINDS, FIELDS, OPERATORS
from routing.engine.hierarchy import TARGET_KINDS
from routing.engine.tables import LONGEST_TABLE, OUTPUTS, Fault, check_table, operators_of
from routing.models import NamedList, SlaPolicy
from routing.rule_values import parse_value
from routing.vocabulary import comparable, read_word

Table = dict[str, Any]
Names = Mapping[str, Mapping[str, str]]
USUAL = {"text": "one_of", "words": "one_of", "number": "between", "flag": "is_true", "moment": "between"}
"""The operator of a column that names none, by the kind of its field."""
ARROWS = ("→", "->", "=>")
MOST_FAULTS = 200
LONGEST_CELL = 2_000
_RANGE = re.compile(r"(-?[0-9.]+)\s*(?:-|–|—|to|\.\.)\s*(-?[0-9.]+)", re.I)
_FROM = re.compile(r"(?:>=|≥|from|at least)?\s*(-?[0-9.]+)\s*\+?", re.I)
_UP_TO = re.compile(r"(?:<=|≤|up to|at most)\s*(-?[0-9.]+)", re.I)
_DAYS = re.compile(r"(\S+)\s*(?:–|to|\.\.)\s*(\S+)")
_YES = {"yes": True, "true": True, "y": True, "x": True, "no": False, "false": False, "n": False}


class Read(NamedTuple):
    """`table` is None where there are faults. `line` of a fault: in the file, from 1."""

    table: Table | None
    faults: list[tuple[int | None, str]]


def read_table(lines: Iterable[tuple[int, Sequence[str]]]) -> Read:
    """The table that these lines are: (number of the line, cells). Nothing is half read."""
    rows = [
        (number, [cell.strip() for cell in cells]) for number, cells in lines if any(cell.strip() for cell in cells)
    ]
    if len(rows) < 2:
        return Read(None, [(None, "A table needs a line with the names of its columns, and a line for each row.")])
    if len(rows) - 1 > LONGEST_TABLE:
        return Read(None, [(None, f"A table has at most {LONGEST_TABLE:,} rows; this one has {len(rows) - 1:,}.")])
    head = _without_end(rows[0][1])
    columns, wrong = _columns(head)
    if wrong:
        return Read(None, [(rows[0][0], sentence) for sentence in wrong])
    return _read_rows(columns, head, rows[1:])


def _without_end(cells: list[str]) -> list[str]:
    """Spreadsheets end lines with cells that nobody filled."""
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells


# --- columns ---------------------------------------------------------------------------------------------


class Column(NamedTuple):
    """An input (`field` and `operator`), or an output by its name."""

    name: str
    operator: str = ""


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").split())


_FIELDS = {_plain(word): name for name, label in FIELDS.items() for word in (name, label)}
_OUTPUTS = {_plain(word): name for name, label in OUTPUTS.items() for word in (name, label)}
_OPERATORS = {
    _plain(word): name for name, label in OPERATORS.items() for word in (name, label, label.removeprefix("is "))
}


def _columns(head: list[str]) -> tuple[list[Column], list[str]]:
    columns, wrong = [], []
    for place, cell in enumerate(head, start=1):
        column = _column(cell)
        if isinstance(column, str):
            wrong.append(f"Column {place}, “{cell[:60]}”, {column}")
        elif column in columns:
            wrong.append(f"Column {place}, “{cell[:60]}”, is there twice.")
        else:
            columns.append(column)
    if not wrong and not any(column.operator for column in columns):
        wrong.append("No column asks anything. Name at least one field, such as Country.")
    return columns, wrong


def _column(cell: str) -> Column | str:
    """The column of a heading; a text says what is wrong with it."""
    if cell.startswith(ARROWS):
        name = _OUTPUTS.get(_plain(cell.lstrip("→->= ")))
        return Column(name) if name else f"is nothing that a row can say; there are {', '.join(OUTPUTS.values())}."
    words = _plain(cell).split()
    for length in range(len(words), 0, -1):
        field = _FIELDS.get(" ".join(words[:length]))
        if field is None:
            continue
        rest = " ".join(words[length:])
        operator = _OPERATORS.get(rest, "") if rest else USUAL[FIELD_KINDS[field]]
        if operator in operators_of(field):
            return Column(field, operator)
        fitting = ", ".join(OPERATORS[name] for name in operators_of(field))
        return f"has an operator that does not fit “{FIELDS[field]}”; what fits: {fitting}."
    if name := _OUTPUTS.get(" ".join(words)):
        return Column(name)
    return "is no field and nothing that a row can say. Write a field, such as Country, or → Pool."


# --- rows ------------------------------------------------------------------------------------------------


def _read_rows(columns: list[Column], head: list[str], rows: list[tuple[int, list[str]]]) -> Read:
    known = _Known()
    inputs = [place for place, column in enumerate(columns) if column.operator]
    outputs = [place for place, column in enumerate(columns) if not column.operator]
    found: list[dict[str, Any]] = []
    faults: list[tuple[int | None, str]] = []
    for number, cells in rows:
        if len(_without_end(cells)) > len(columns):
            faults.append(
                (number, f"Line {number} has {len(_without_end(cells))} cells; there are {len(columns)} columns.")
            )
            continue
        padded = [*cells[: len(columns)], *[""] * (len(columns) - len(cells))]
        read = [_cell(columns[place], padded[place], known) for place in range(len(columns))]
        for place, (_, wrong) in enumerate(read):
            if wrong:
                faults.append((number, f"Line {number}, {head[place]}: {wrong}"))
        found.append({"in": [read[place][0] for place in inputs], "out": [read[place][0] for place in outputs]})
        if len(faults) >= MOST_FAULTS:
            break
    table = {
        "inputs": [{"field": columns[place].name, "operator": columns[place].operator} for place in inputs],
        "outputs": [columns[place].name for place in outputs],
        "rows": found,
    }
    if not faults:
        faults = [_at(fault, rows) for fault in check_table(table)]
    return Read(None if faults else table, faults[:MOST_FAULTS])


def _at(fault: Fault, rows: list[tuple[int, list[str]]]) -> tuple[int | None, str]:
    return rows[fault.row - 1][0] if fault.row else None, fault.sentence


def _cell(column: Column, text: str, known: "_Known") -> tuple[Any, str]:
    """(value, what is wrong with it); an empty cell asks and says nothing."""
    if not text:
        return None, ""
    if len(text) > LONGEST_CELL:
        sentence = f"A cell has at most {LONGEST_CELL:,} characters."
        return None, f"{sentence} Keep so many values in a named list, or split the row."
    try:
        if not column.operator:
            return known.output(column.name, text), ""
        return _asked(column, text, known), ""
    except ValidationError as error:
        return None, error.messages[0]


def _asked(column: Column, text: str, known: "_Known") -> Any:
    kind, field, operator = FIELD_KINDS[column.name], column.name, column.operator
    if kind == "flag":
        if _plain(text) not in _YES:
            raise ValidationError(f"“{text[:40]}” is neither yes nor no.")
        return _YES[_plain(text)]
    if operator == "between":
        return _days(text) if kind == "moment" else _range(text)
    if operator in ("one_of", "none_of"):
        words = [word.strip() for word in re.split(r"[;|]", text) if word.strip()]
        return [parse_value(field, "is", read_word(field, word)) for word in words]
    if operator in NAMED_LISTS:
        return known.list_of(field, text)
    return parse_value(field, operator, text)


def _range(text: str) -> list[Any]:
    if match := _RANGE.fullmatch(text):
        return [_number(match[1]), _number(match[2])]
    if match := _UP_TO.fullmatch(text):
        return [None, _number(match[1])]
    if match := _FROM.fullmatch(text):
        number = _number(match[1])
        only = not text.rstrip().endswith("+") and not re.match(r"\s*(>=|≥|from|at least)", text, re.I)
        return [number, number if only else None]
    raise ValidationError(f"“{text[:40]}” is no range. Write 10-50, 50+ or up to 200.")


def _number(text: str) -> int | float:
    try:
        number = float(text)
    except ValueError:
        raise ValidationError(f"“{text[:40]}” is no number.") from None
    return int(number) if number.is_integer() else number


def _days(text: str) -> list[str]:
    match = _DAYS.fullmatch(text)
    return [match[1], match[2]] if match else [text, text]


class _Known:
    """Whom and what a row can name, by key and by name; read once a table."""

    def __init__(self) -> None:
        self._by: dict[str, dict[str, str]] = {}
        self._lists: list[tuple[str, str, str]] | None = None

    def output(self, name: str, text: str) -> Any:
        """The value that a cell of an output says. Raises ValidationError."""
        if name == "high_intent":
            if _plain(text) not in _YES:
                raise ValidationError(f"“{text[:40]}” is neither yes nor no.")
            return _YES[_plain(text)]
        if name == "target":
            word = _plain(text).replace(" ", "_")
            if word not in TARGET_KINDS:
                raise ValidationError(f"Leads cannot go to “{text[:40]}”; there are {', '.join(TARGET_KINDS)}.")
            return word
        if name not in _NAMED:
            return text
        found = self._keys(name).get(_plain(text))
        if found is None:
            raise ValidationError(
                f"There is no {OUTPUTS[name]} “{text[:40]}”. Write the name or the key of one that exists."
            )
        return found

    def list_of(self, field: str, text: str) -> str:
        """The key of a named list that values of the field can be in. Raises ValidationError."""
        if self._lists is None:
            self._lists = list(NamedList.objects.order_by("key").values_list("key", "name", "field"))
        fitting = [(key, name) for key, name, of in self._lists if comparable(of, field)]
        for key, name in fitting:
            if _plain(text) in (_plain(key), _plain(name)):
                return key
        offered = ", ".join(key for key, _ in fitting[:8]) or "none yet"
        raise ValidationError(f"There is no list “{text[:40]}” that fits. Lists that fit: {offered}.")

    def _keys(self, name: str) -> Mapping[str, str]:
        if name not in self._by:
            rows = list(_NAMED[name]._default_manager.values_list("key", "name"))
            self._by[name] = {_plain(word): key for key, label in rows for word in (label, key)}
        return self._by[name]


_NAMED: dict[str, Any] = {
    "owner": Owner, "fallback_owner": Owner, "pool": Pool, "team": Team, "sla_policy": SlaPolicy, "pipeline": Pipeline,
    "stage": Stage,
}  # fmt: skip


# --- and back --------------------------------------------------------------------------------------------


def lines_of(table: Mapping[str, Any]) -> list[list[str]]:
    """The lines that `read_table` reads back as this table: headings, then rows."""
    head = [_heading(column) for column in table["inputs"]]
    head += [f"→ {_capital(OUTPUTS[name])}" for name in table["outputs"]]
    return [head, *rows_of(table, table["rows"], {})]


def rows_of(table: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], names: Names) -> list[list[str]]:
    """Some of its rows as they are written; `names`: of whom and what they name, as `names_of` gives them."""
    inputs, by = table["inputs"], [names.get(name, {}) for name in table["outputs"]]
    return [
        [
            *(cell_words(column, cell) for column, cell in zip(inputs, row["in"], strict=True)),
            *(_said(known.get(cell, cell)) for known, cell in zip(by, row["out"], strict=True)),
        ]
        for row in rows
    ]


def names_of(table: Mapping[str, Any]) -> Names:
    """Output -> key -> name, of the outputs that name somebody or something; a query for each of them."""
    return {
        name: dict(_NAMED[name]._default_manager.values_list("key", "name"))
        for name in table["outputs"]
        if name in _NAMED
    }


def _heading(column: Mapping[str, str]) -> str:
    label = _capital(FIELDS[column["field"]])
    usual = USUAL[FIELD_KINDS[column["field"]]] == column["operator"]
    return label if usual else f"{label} {OPERATORS[column['operator']]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def cell_words(column: Mapping[str, str], cell: Any) -> str:
    """A cell as it is written."""
    if column["operator"] == "between" and isinstance(cell, list):
        low, high = cell
        if FIELD_KINDS[column["field"]] == "moment":
            return f"{low} to {high}"
        return f"{low}+" if high is None else f"up to {high}" if low is None else f"{low} to {high}"
    return _said(cell)


def _said(cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, list):
        return "; ".join(map(_said, cell))
    return "" if cell is None else str(cell)
