"""A city, a postal code, its beginning or a range as somebody writes them in, the form in which places are compared
out. Pure: the engine reads places by the same functions by which areas are stored.

Postal codes are compared in capitals without spaces and hyphens. British ones keep the space between their outward
and inward part, and have beginnings only where a part ends: E1 does not hold E10, nor S the codes of SW.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from unicodedata import combining, normalize

BRITISH = frozenset({"GB", "GG", "IM", "JE"})
_OUTWARD = r"[A-Z]{1,2}[0-9][A-Z0-9]?"
_BRITISH = re.compile(rf"({_OUTWARD}) ?([0-9][A-Z]{{0,2}})")
_PARTS = re.compile(r"([A-Z]{1,2})([0-9]{0,2})([A-Z]?)(?: ([0-9][A-Z]{0,2}))?")
_ZEROS = {"US": 5, "DE": 5, "FR": 5, "IT": 5, "ES": 5, "FI": 5, "MX": 5, "TR": 5, "UA": 5, "RO": 6, "NO": 4, "NZ": 4,
          "AU": 4}  # fmt: skip
"""Digits of the codes of countries where some begin with 0, which spreadsheets drop."""
LONGEST = 12
"""Characters of a postal code."""
LAST = "\U0010ffff"
"""Sorts after every character, so that a range ends after all codes that begin with its end."""


class Unreadable(ValueError):
    """What somebody wrote is no such thing; the text is a sentence with its remedy."""


def fold(name: str) -> str:
    """Give a name for comparison: no case, accents or punctuation, single spaces."""
    plain = "".join(c for c in normalize("NFKD", name.casefold()) if not combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


def postal_key(code: str, country: str) -> str:
    """A postal code, or its beginning, as it is compared; empty for none."""
    text = " ".join(code.upper().replace("-", " ").split())
    packed = text.replace(" ", "")
    if country not in BRITISH:
        return packed
    if " " not in text and re.fullmatch(rf"[A-Z]{{1,2}}|{_OUTWARD}", text):
        return text  # E11 is the outward code, not sector 1 of E1
    found = _BRITISH.fullmatch(text) or _BRITISH.fullmatch(packed)
    return f"{found[1]} {found[2]}" if found else packed


def beginnings(key: str, country: str) -> list[str]:
    """The beginnings of a `postal_key`, the longest first, itself included."""
    if country in BRITISH and (parts := _PARTS.fullmatch(key)):
        letters, digits, letter, inward = parts.groups(default="")
        outward = letters + digits + letter
        ends = [f"{outward} {inward[:length]}" for length in range(len(inward), 0, -1)]
        return list(dict.fromkeys([*ends, outward, letters + digits, letters]))
    return [key[:length] for length in range(len(key), 0, -1)]


def whole_code(code: str, country: str) -> str:
    """A whole postal code as it is compared, with the zero that a spreadsheet dropped. Raises Unreadable."""
    key = _checked(postal_key(code, country), code)
    length = _ZEROS.get(country, 0)
    return key.zfill(length) if key.isdigit() and len(key) == length - 1 else key


def prefix(text: str, country: str) -> str:
    """The beginning of postal codes as it is compared. Raises Unreadable."""
    key = _checked(postal_key(text, country), text)
    if country in BRITISH and not _PARTS.fullmatch(key):
        raise Unreadable(f"“{text}” is no beginning of a British postcode. Write SW, SW1, SW1A, SW1A 1 or SW1A 1AA.")
    return key


def postal_range(first: str, last: str, country: str) -> tuple[str, str]:
    """Both ends of a range as they are compared; two equal ends are one whole code. Raises Unreadable."""
    if country in BRITISH:
        raise Unreadable(
            f"Postcodes of {country} have no order that a range could follow. Give outward codes such as SW1A instead."
        )
    ends = whole_code(first, country), whole_code(last, country)
    if _pattern(ends[0]) != _pattern(ends[1]):
        raise Unreadable(
            f"“{first}” and “{last}” are codes of different kinds. Give both with as many digits and letters."
        )
    if ends[1] < ends[0]:
        raise Unreadable(f"The range ends before it begins. Exchange {first} and {last}.")
    return ends


def share(key: str, last: str = "") -> float:
    """How large a part of all postal codes begins with `key`, or lies from `key` to `last`: 1 is all of them."""
    size, first, end = 1.0, 0, 0
    for place, c in enumerate(key):
        base = 10 if c.isdigit() else 26
        size /= base
        first = first * base + _rank(c)
        end = end * base + _rank(last[place]) if last else 0
    return size * (end - first + 1) if last else size


def crossings(ranges: Iterable[tuple[str, str, Any]]) -> Iterator[tuple[Any, Any]]:
    """Pairs of ranges of one country that overlap without one being within the other, as (stays, goes).

    `ranges`: (first, last, rank); of two that cross, the one of the lower rank stays. Whatever stays does not cross.
    """
    standing: list[tuple[str, Any]] = []
    for first, last, rank in wide_first(ranges):
        end, stays = last + LAST, True
        while standing and standing[-1][0] < first:
            standing.pop()
        while stays and standing and standing[-1][0] < end:
            if stays := rank < standing[-1][1]:
                yield rank, standing.pop()[1]
            else:
                yield standing[-1][1], rank
        if stays:
            standing.append((end, rank))


def wide_first(ranges: Iterable[tuple[str, str, Any]]) -> list[tuple[str, str, Any]]:
    """Ranges by where they begin; of those that begin together the one that ends last first."""
    return sorted(sorted(ranges, key=lambda row: row[1] + LAST, reverse=True), key=lambda row: row[0])


def _rank(c: str) -> int:
    return int(c) if c.isdigit() else ord(c) - ord("A")


def _pattern(key: str) -> str:
    return "".join("0" if c.isdigit() else "A" for c in key)


def _checked(key: str, text: str) -> str:
    if not re.fullmatch(rf"[A-Z0-9 ]{{1,{LONGEST}}}", key):
        raise Unreadable(f"“{text[:40]}” is no postal code. Use up to {LONGEST} digits and letters.")
    return key
