"""The bytes of a spreadsheet in, its lines as texts out; or one sentence about what is wrong with the file.

CSV with commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252, and XLSX. Knows no columns, judges no cell.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, time
from itertools import islice
from typing import Any

MOST_BYTES = 20_000_000
MOST_UNPACKED = 300_000_000
"""Bytes of an XLSX once unpacked; a small file can unpack to more than a server has."""
MOST_STRINGS = 60_000_000
"""Of its table of texts, which is read whole."""
MOST_LINES = 200_000
MOST_COLUMNS = 30
"""One cell more is given, so that whoever reads the lines can say that there are too many."""
LONGEST_CELL = 200
DELIMITERS = ",;\t"
FORMULA = ("=", "+", "-", "@")
MERGED = "The sheet has merged cells: the first of them holds the value, the others are empty."
UNCALCULATED = re.compile(
    rb'<(?:\w+:)?c r="([A-Z]{1,3}[0-9]{1,7})"(?![^>]*\bt="str")[^>]*>\s*<(?:\w+:)?f\b[^>]*(?:/>|>[^<]*</(?:\w+:)?f>)'
    rb"\s*(?:<(?:\w+:)?v>\s*</(?:\w+:)?v>|<(?:\w+:)?v\s*/>)?\s*</(?:\w+:)?c>"
)
"""A cell with a formula and without a value; one that was calculated to an empty text says that it is a text."""
OVERLAP = 10_000
"""Bytes of a sheet that are looked at twice, for what lies across two pieces."""
Lines = Iterator[tuple[int, list[str]]]
"""(number of the line in the file, its cells)."""


class BadFile(ValueError):
    """The file cannot be read at all; the text is a sentence with its remedy."""


def read_lines(data: bytes, notes: list[str], longest: int = LONGEST_CELL) -> Lines:
    """The lines of a file. `notes`: grows by what people should know. `longest`: characters of a cell; of a longer one
    there is one more, so that it can be told. Raises BadFile, also while lines are read."""
    if len(data) > MOST_BYTES:
        raise BadFile(f"The file has {len(data):,} bytes; {MOST_BYTES:,} is the most. Split it.")
    return _xlsx(data, notes, longest) if data.startswith(b"PK\x03\x04") else _csv(_text(data, notes), longest)


def _cell(text: str, longest: int) -> str:
    """Without the apostrophe that keeps a spreadsheet from calculating it."""
    text = " ".join(text.replace("\x00", "").split())
    text = text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
    return text[: longest + 1]


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


def _csv(text: str, longest: int) -> Lines:
    first = next((line for line in text.splitlines()[:50] if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    number = 1
    try:
        for cells in reader:
            yield number, [_cell(cell, longest) for cell in cells[: MOST_COLUMNS + 1]]
            number = reader.line_num + 1
    except csv.Error as error:
        raise BadFile(
            f"Line {number} cannot be read: {error}. Look for a quotation mark that is not closed."
        ) from error


# --- XLSX ------------------------------------------------------------------------------------------------


def _xlsx(data: bytes, notes: list[str], longest: int) -> Lines:
    """The first sheet, line by line; never more of it in memory than its table of texts."""
    _safe(data)
    from openpyxl import load_workbook  # a quarter of a second that only an import pays

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file claims of its size
        _look(data, sheet._worksheet_path, notes)
        rows = sheet.iter_rows(max_col=MOST_COLUMNS + 1, values_only=True)
        for number, row in enumerate(islice(rows, MOST_LINES + 2), start=1):
            yield number, [_cell(_plain(value), longest) for value in row]
    except BadFile:
        raise
    except Exception as error:  # whatever a foreign reader makes of a broken file: it is the file that is wrong
        raise BadFile(
            "The XLSX file cannot be read: it is damaged or has a password. Open it, save it anew, and choose that."
        ) from error


def _look(data: bytes, part: str, notes: list[str]) -> None:
    """What a reader that holds one line at a time does not say: merged cells, and formulas that have no value yet,
    which it takes for empty cells."""
    before, merged = b"", False
    with zipfile.ZipFile(io.BytesIO(data)) as packed, packed.open(part.lstrip("/")) as sheet:
        while piece := sheet.read(1_000_000):
            text = before + piece
            merged = merged or b"mergeCell" in text
            if found := UNCALCULATED.search(text):
                raise BadFile(
                    f"Cell {found[1].decode()} holds a formula that was never calculated. Open the file in a"
                    " spreadsheet program, save it, and choose that."
                )
            before = text[-OVERLAP:]
    if merged:
        notes.append(MERGED)


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
    """A number as a person typed it: 10115, not 10115.0; a day without the midnight that spreadsheets add."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
