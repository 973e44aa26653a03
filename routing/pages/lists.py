"""What list pages share: chips that filter, words that are searched for, and cells of a file for spreadsheets."""

import csv
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse

MOST_EXPORTED = 100_000
LONGEST_SEARCH = 200
MOST_WORDS = 8
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula when a cell begins with it."""


def chip(request: HttpRequest, name: str, value: str, word: str) -> dict[str, Any]:
    """A link that filters the list by `name`=`value`; a chosen one leads to the list without it."""
    query = request.GET.copy()
    chosen = query.get(name) == value
    query.pop("page", None)
    query.pop(name, None)
    if not chosen:
        query[name] = value
    return {"word": word, "address": f"?{query.urlencode()}", "chosen": chosen}


def searched(text: str) -> list[str]:
    """The words somebody searches for: few enough, short enough, and such as a database takes."""
    return text.replace("\x00", "")[:LONGEST_SEARCH].split()[:MOST_WORDS]


def plain_cell(value: Any) -> str:
    """The value as a cell that a spreadsheet shows and never calculates."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


class _Echo:
    """A file that hands back what is written into it."""

    def write(self, line: str) -> str:
        return line


def csv_file(name: str, lines: Iterable[Iterable[Any]]) -> StreamingHttpResponse:
    """The lines, the head among them, as a CSV file to be saved, in which no cell is a formula."""
    writer = csv.writer(_Echo())
    body = (writer.writerow([plain_cell(cell) for cell in line]) for line in lines)
    answer = StreamingHttpResponse(body, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer
