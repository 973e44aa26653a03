"""The map as a table that an import reads again, out, as CSV lines or as an XLSX file; changes nothing."""

import io
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from owners.areas import Area
from owners.models import TerritoryArea

HEAD = ("territory", *Area._fields, "owner", "team")


def lines(areas: QuerySet[TerritoryArea]) -> Iterator[tuple[Any, ...]]:
    """The head and a line for each of the areas, with the keys of territory, owner and team."""
    yield HEAD
    columns = ("territory__key", *Area._fields, "territory__owner__key", "territory__team__key")
    ordered = areas.order_by("territory__key", *Area._fields)
    yield from ordered.values_list(*columns).iterator(chunk_size=5000)


def xlsx(areas: QuerySet[TerritoryArea]) -> bytes:
    """The same as an XLSX file in which every cell is text, so that no zero is lost and nothing is calculated."""
    from openpyxl import Workbook  # a quarter of a second that only an export pays
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Territories")
    for line in lines(areas):
        sheet.append([_text(WriteOnlyCell, sheet, value) for value in line])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _text(cell_of: Any, sheet: Any, value: str | None) -> Any:
    """A plain text costs less than a cell; a cell is needed where a text could be read as something else."""
    if not value or not value.startswith("="):
        return value
    cell = cell_of(sheet, value)
    cell.data_type = "s"
    return cell
