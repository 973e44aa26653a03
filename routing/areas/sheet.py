"""The bytes of an uploaded file in, its lines as texts by column out; or one sentence about what is wrong with it.

Which columns there are is said here, how a file is read in `routing.spreadsheet`. Judges no cell.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from routing.spreadsheet import MOST_LINES, BadFile, Lines, read_lines

COLUMNS = {
    "territory": "territory territory_key territory_name gebiet",
    "country": "country country_code land iso",
    "region": "region state province county bundesland kanton",
    "city": "city town ort stadt",
    "postal_prefix": "postal_prefix prefix plz_prefix zip_prefix postcode_prefix outward_code",
    "postal_code": "postal_code postcode zip zip_code plz",
    "postal_from": "postal_from from zip_from plz_von von first",
    "postal_to": "postal_to to zip_to plz_bis bis last",
    "owner": "owner owner_key owner_email rep",
    "team": "team team_key",
}
"""What a column is called in a file, without case, spaces and hyphens."""
NAMES = {word: column for column, words in COLUMNS.items() for word in words.split()}
NEEDED = ("territory", "country")


@dataclass(slots=True)
class Sheet:
    """`lines`: (number of the line in the file, its cells by column); to be read once. `notes`: for people."""

    lines: Iterator[tuple[int, dict[str, str]]]
    notes: list[str] = field(default_factory=list)


def read_sheet(data: bytes) -> Sheet:
    """The lines of a file. Raises BadFile, also while its lines are read."""
    if not data:
        raise BadFile("The file is empty. Choose a CSV or XLSX file with one area on each line.")
    notes: list[str] = []
    lines = read_lines(data, notes)
    number, head = next(((number, cells) for number, cells in lines if any(cells)), (0, []))
    if not number:
        raise BadFile("The file has no line. It needs a line with the names of its columns, and one for each area.")
    columns = _columns(head, notes)
    return Sheet(_named(lines, columns), notes)


def _columns(head: list[str], notes: list[str]) -> list[str]:
    """The column of each cell; empty for one that is not read."""
    words = ["_".join(cell.casefold().replace("-", " ").replace("_", " ").split()) for cell in head]
    columns = [NAMES.get(word, "") for word in words]
    if missing := [name for name in NEEDED if name not in columns]:
        found = ", ".join(f"“{cell[:30]}”" for cell in head if cell)[:200]
        what = f"Columns {' and '.join(missing)} are" if len(missing) > 1 else f"Column {missing[0]} is"
        raise BadFile(
            f"{what} missing. The first line has to"
            f" name the columns, such as territory, country, region, city, postal_prefix; it says {found}."
        )
    for name in columns:
        if name and columns.count(name) > 1:
            raise BadFile(f"Two columns are the {name}. Delete or rename one of them.")
    if ignored := [cell[:30] for cell, name in zip(head, columns, strict=True) if cell and not name]:
        notes.append(f"Not read: {'column' if len(ignored) == 1 else 'columns'} {', '.join(ignored)}.")
    return columns


def _named(lines: Lines, columns: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    for count, (number, cells) in enumerate(lines):
        if count >= MOST_LINES:
            raise BadFile(f"The file has more than {MOST_LINES:,} lines. Split it.")
        if any(cells):
            yield number, {name: cell for name, cell in zip(columns, cells, strict=False) if name and cell}


def head_of() -> list[str]:
    """The columns of a file that this reads, in their usual order."""
    return [name for name in COLUMNS if name != "postal_code"]
