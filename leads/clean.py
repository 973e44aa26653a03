"""Text and JSON in; the same without what a database column or jsonb cannot hold out; meaning is left alone.

PostgreSQL refuses U+0000 in text and jsonb, and no UTF-8 encoder takes a lone surrogate; the other control
characters hold nothing a person typed. Overrides of the writing direction are no part of a name either, and would
turn the sentence around it. Raw bodies are kept as bytes elsewhere, so nothing is lost here.
"""

import math
import re
from typing import Any
from unicodedata import combining, normalize

MAX_TEXT = 10_000
MAX_JSON_TEXT = 4_000_000
MAX_DEPTH = 64

# Normalising sorts a run of combining marks in quadratic time: 400 kB of them take half a minute. No writing
# has more than 30 in a row (UAX #15, Stream-Safe Text Format); what comes after is dropped.
MAX_MARKS = 30
_SHORT = 500

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# str.strip() knows white space but neither the byte order mark nor the zero-width space, which come along
# when an address is copied from a web page and would make it invalid.
_EDGES = (
    " \t\n\r\x0b\x0c\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u200b\u2060\ufeff"
)


class NestedTooDeep(ValueError):
    """A JSON value is nested deeper than allowed (`MAX_DEPTH` levels unless told)."""


def clean_text(value: str, limit: int = MAX_TEXT) -> str:
    """Give `value` in NFC, stripped, without control characters (tab and newline stay), overrides of direction and
    lone surrogates.

    `limit` is in characters; what is longer is cut. Cleaning twice changes nothing more.
    """
    if value.isascii() and value.isprintable():
        value = value.strip()
        return value if len(value) <= limit else value[:limit].rstrip()
    return clean_unstripped(value).strip(_EDGES)[:limit].rstrip(_EDGES)


def clean_unstripped(value: str) -> str:
    """Clean as `clean_text` does, but keep white space at the edges and the length."""
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    value = _FORBIDDEN.sub("", value)
    return normalize("NFC", value if len(value) <= _SHORT else _without_long_runs(value))


def _without_long_runs(value: str) -> str:
    kept: list[str] = []
    run = 0
    for character in value:
        run = run + 1 if combining(character) else 0
        if run <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def clean_json(value: Any, max_depth: int = MAX_DEPTH) -> Any:
    """Give a JSON value with every text and every key cleaned; of keys that become equal the last wins.

    Tuples become lists. A number that JSON has no spelling for (NaN, infinity) becomes None: parsing refuses
    those, so here they can only come from inside. Other types become their cleaned `str`.
    Raises NestedTooDeep below `max_depth` levels; never RecursionError.
    """
    if isinstance(value, str):
        return clean_text(value, MAX_JSON_TEXT)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if max_depth <= 0:
        raise NestedTooDeep("nested too deep")
    if isinstance(value, dict):
        return {_clean_key(key): clean_json(item, max_depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item, max_depth - 1) for item in value]
    return clean_text(str(value), MAX_JSON_TEXT)


def _clean_key(key: Any) -> str:
    return clean_text(key if isinstance(key, str) else str(key), MAX_JSON_TEXT)
