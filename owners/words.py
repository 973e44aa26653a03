"""A line of words that people type in, a list out, and back; leaves alone what the words mean.

A list is written with commas; a word that holds a comma stands in double quotes (RFC 4180).
"""

import csv
import io

from django.core.exceptions import ValidationError


def split_words(text: str) -> list[str]:
    """The words of a line, stripped, empty ones left out. Raises ValidationError (`not_words`)."""
    line = " ".join(text.split())
    try:
        words = next(csv.reader([line], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise ValidationError(
            "Write a list with commas, and put quotation marks only around a whole word.", code="not_words"
        ) from error
    return [word.strip() for word in words if word.strip()]


def join_words(words: list[object]) -> str:
    """The line that `split_words` reads back as these words."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(words)
    return line.getvalue().replace(",", ", ") if '"' not in line.getvalue() else line.getvalue()
