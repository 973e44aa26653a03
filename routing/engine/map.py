"""Areas of territories in, who has a place out: an index that is built once and asked for every lead.

The most specific area that holds the place wins, by this order, in which no two areas of a place are level:
1. areas by postal code: the one with the smallest share of all codes. A whole code is the smallest there is, the
   prefix 101 of five digits is 100 codes, the range 10115 to 10119 is five; a range goes before a prefix of its size;
2. the city; 3. the region; 4. the country.
Ranges of a country lie apart or one within the other; the narrowest wins. A look-up takes as many steps as the
postal code has characters, and a binary search among the ranges.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from owners.places import LAST, beginnings, fold, postal_key, share, wide_first

Key = int | str
"""Of a territory: its id; in maps of earlier revisions, its key."""


@dataclass(frozen=True, slots=True)
class Match:
    """An area that holds the place. `kind`: range, prefix, city, region or country; `what`: in the form stored."""

    kind: str
    what: str
    territory: Key


@dataclass(frozen=True, slots=True)
class _Range:
    first: str
    last: str
    territory: Key
    share: float
    around: "_Range | None"


class _Ranges:
    """The ranges of one country, cut where one begins or ends: between two cuts the same range is the narrowest."""

    __slots__ = ("cuts", "narrowest")

    def __init__(self, ranges: Iterable[tuple[str, str, Key]]) -> None:
        self.cuts: list[str] = []
        self.narrowest: list[_Range | None] = []
        open_: list[_Range] = []
        for first, last, territory in wide_first(ranges):
            self._close(open_, first)
            inner = _Range(first, last, territory, share(first, last), open_[-1] if open_ else None)
            open_.append(inner)
            self._cut(first, inner)
        self._close(open_, LAST)

    def _close(self, open_: list[_Range], before: str) -> None:
        while open_ and open_[-1].last + LAST <= before:
            end = open_.pop().last + LAST
            while open_ and open_[-1].last + LAST <= end:  # none, unless ranges cross that no check let in
                open_.pop()
            self._cut(end, open_[-1] if open_ else None)

    def _cut(self, at: str, narrowest: _Range | None) -> None:
        if self.cuts and self.cuts[-1] == at:
            self.narrowest[-1] = narrowest
        else:
            self.cuts.append(at)
            self.narrowest.append(narrowest)

    def at(self, code: str) -> _Range | None:
        place = bisect_right(self.cuts, code) - 1
        return self.narrowest[place] if place >= 0 else None


class Map:
    """All areas of all territories. Immutable once built."""

    __slots__ = ("_by_letter", "_cities", "_countries", "_longest", "_prefixes", "_ranges", "_regions")

    def __init__(self, areas: Iterable[Sequence[Any]], *, by_letter: bool = False) -> None:
        """`areas`: (country, region, city, postal prefix, first and last of a range, territory), as stored.

        `by_letter`: every beginning of a code counts, as in maps before parts of British codes were told apart.
        """
        self._countries: dict[str, Key] = {}
        self._regions: dict[str, Key] = {}
        self._cities: dict[str, dict[str, Key]] = {}
        self._prefixes: dict[str, dict[str, Key]] = {}
        self._longest: dict[str, int] = {}
        self._by_letter = by_letter
        ranges: dict[str, list[tuple[str, str, Key]]] = {}
        for country, region, city, prefix, first, last, territory in areas:
            if prefix:
                self._prefixes.setdefault(country, {})[prefix] = territory
                self._longest[country] = max(self._longest.get(country, 0), len(prefix))
            elif first:
                ranges.setdefault(country, []).append((first, last, territory))
            elif city:
                self._cities.setdefault(country, {})[city] = territory
            elif region:
                self._regions[region] = territory
            else:
                self._countries[country] = territory
        self._ranges = {country: _Ranges(of_country) for country, of_country in ranges.items()}

    def find(self, country: str, region: str, city: str, postal_code: str) -> Key | None:
        """The territory of the most specific area that holds the place; None without one, or without a country."""
        found = next(self.matches(country, region, city, postal_code), None)
        return found.territory if found else None

    def matches(self, country: str, region: str, city: str, postal_code: str) -> Iterator[Match]:
        """Every area that holds the place, the most specific first.

        `country` ISO 3166-1 alpha-2, `region` ISO 3166-2, `city` and `postal_code` in any spelling.
        """
        if not country:
            return
        if postal_code and (country in self._prefixes or country in self._ranges):
            yield from self._by_code(country, postal_code)
        if city and (cities := self._cities.get(country)) and (name := fold(city)) in cities:
            yield Match("city", name, cities[name])
        if region in self._regions and region.startswith(country):
            yield Match("region", region, self._regions[region])
        if country in self._countries:
            yield Match("country", country, self._countries[country])

    def _by_code(self, country: str, postal_code: str) -> Iterator[Match]:
        if self._by_letter:
            code = postal_code.replace(" ", "").upper()
            parts = beginnings(code, "")
        else:
            code = postal_key(postal_code, country)
            parts = beginnings(code, country)
        ranges = self._ranges.get(country)
        around = ranges.at(code) if ranges else None
        prefixes, longest = self._prefixes.get(country, {}), self._longest.get(country, 0)
        for prefix in parts:
            if len(prefix) > longest or prefix not in prefixes:
                continue
            while around and around.share <= share(prefix):
                yield _range(around)
                around = around.around
            yield Match("prefix", prefix, prefixes[prefix])
        while around:
            yield _range(around)
            around = around.around


def _range(found: _Range) -> Match:
    return Match("range", f"{found.first}–{found.last}", found.territory)
