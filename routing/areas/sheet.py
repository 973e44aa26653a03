"""The bytes of an uploaded file in, its lines as texts by column out; or one sentence about what is wrong with it.

CSV with commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252, and XLSX. Judges no cell.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

MOST_BYTES = 20_000_000
MOST_UNPACKED = 300_000_000
"""Bytes of an XLSX once unpacked; a small file can unpack to more than a server has."""
MOST_STRINGS = 60_000_000
"""Of its table of texts, which is read whole."""
MOST_LINES = 200_000
MOST_COLUMNS = 30
LONGEST_CELL = 200
DELIMITERS = ",;\t"
FORMULA = ("=", "+", "-", "@")

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


class BadFile(ValueError):
    """The file cannot be read at all; the text is a sentence with its remedy."""


@dataclass(slots=True)
class Sheet:
    """`lines`: (number of the line in the file, its cells by column); to be read once. `notes`: for people."""

    lines: Iterator[tuple[int, dict[str, str]]]
    notes: list[str] = field(default_factory=list)


Lines = Iterator[tuple[int, list[str]]]


def read_sheet(data: bytes) -> Sheet:
    """The lines of a file. Raises BadFile, also while its lines are read."""
    if not data:
        raise BadFile("The file is empty. Choose a CSV or XLSX file with one area on each line.")
    if len(data) > MOST_BYTES:
        raise BadFile(f"The file has {len(data):,} bytes; {MOST_BYTES:,} is the most. Split it.")
    notes: list[str] = []
    lines = _xlsx(data) if data.startswith(b"PK\x03\x04") else _csv(_text(data, notes))
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


def _cell(text: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from calculating it."""
    text = " ".join(text.replace("\x00", "").split())
    text = text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
    return text[: LONGEST_CELL + 1]


# --- CSV -------------------------------------------------------------------------------------------------


def _text(data: bytes, notes: list[str]) -> str:
    known = ((b"%PDF", "a PDF"), (b"\xd0\xcf\x11\xe0", "an old XLS file"), (b"\x89PNG", "an image"),
             (b"\xff\xd8\xff", "an image"), (b"<!doc", "a web page"), (b"<html", "a web page"))  # fmt: skip
    for start, what in known:
        if data[:5].lower().startswith(start.lower()):
            raise BadFile(f"This is {what}. Save the table as CSV or XLSX and choose that file.")
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig")):
        if data.startswith(mark):
            try:
                text = data.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    else:
        text = data.decode("cp1252", "replace")
        notes.append("The file is not UTF-8 and was read as Windows-1252. Look at a name with an accent.")
    if "\x00" in text[:10_000]:
        raise BadFile("This is no text. Save the table as CSV or XLSX and choose that file.")
    return text


def _csv(text: str) -> Lines:
    first = next((line for line in text.splitlines()[:50] if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    number = 1
    try:
        for cells in reader:
            yield number, [_cell(cell) for cell in cells[:MOST_COLUMNS]]
            number = reader.line_num + 1
    except csv.Error as error:
        raise BadFile(
            f"Line {number} cannot be read: {error}. Look for a quotation mark that is not closed."
        ) from error


# --- XLSX ------------------------------------------------------------------------------------------------


def _xlsx(data: bytes) -> Lines:
    """The first sheet, line by line; never more of it in memory than its table of texts."""
    _safe(data)
    from openpyxl import load_workbook  # a quarter of a second that only an import pays

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file claims of its size
        rows = sheet.iter_rows(max_col=MOST_COLUMNS, values_only=True)
        for number, row in enumerate(islice(rows, MOST_LINES + 2), start=1):
            yield number, [_cell(_plain(value)) for value in row]
    except Exception as error:  # whatever a foreign reader makes of a broken file: it is the file that is wrong
        raise BadFile(
            "The XLSX file cannot be read: it is damaged or has a password. Open it, save it anew, and choose that."
        ) from error


def _safe(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
            names = {part.filename for part in parts}
            if "xl/workbook.xml" not in names:
                raise BadFile("This is a ZIP file and no XLSX. Choose the table inside it.")
            texts = sum(part.file_size for part in parts if "sharedStrings" in part.filename)
            if sum(part.file_size for part in parts) > MOST_UNPACKED or texts > MOST_STRINGS:
                raise BadFile(f"The file unpacks to more than {MOST_UNPACKED:,} bytes. Save its first sheet as CSV.")
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        if isinstance(error, BadFile):
            raise
        raise BadFile("The XLSX file is damaged. Open it, save it anew, and choose that.") from error


def _plain(value: Any) -> str:
    """A number as a person typed it: 10115, not 10115.0."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def head_of() -> list[str]:
    """The columns of a file that this reads, in their usual order."""
    return [name for name in COLUMNS if name != "postal_code"]
