"""An area of a territory as somebody gives it in, the same in its stored form out, or a sentence for each field that
is wrong; and which other area stands in its way.

One check for the admin's forms, files of configuration and imports. Countries and regions come as codes.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pycountry

from owners.models import TerritoryArea
from owners.places import LAST, Unreadable, crossings, fold, postal_range, prefix


class Area(NamedTuple):
    """A place as it is stored; what does not apply is empty."""

    country: str
    region: str = ""
    city: str = ""
    postal_prefix: str = ""
    postal_from: str = ""
    postal_to: str = ""

    def __str__(self) -> str:
        span = f"{self.postal_from} to {self.postal_to}" if self.postal_from else ""
        country = "" if self.region else self.country  # which a region's code begins with
        return " ".join(filter(None, (country, self.region, self.city.title(), self.postal_prefix, span)))


class NoArea(ValueError):
    """What was given is no area: `sentences` by field; the field is empty where all of them are meant."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        super().__init__(" ".join(sentences.values()))
        self.sentences = dict(sentences)


ONE_KIND = "Give a region, a city, the beginning of a postal code or a range, one of them; none is the whole country."


def read_area(given: Mapping[str, str]) -> Area:
    """The area in its stored form. `given`: its fields as text. Raises NoArea."""
    text = {name: " ".join(given.get(name, "").split()) for name in Area._fields}
    wrong: dict[str, str] = {}
    country, region = text["country"].upper(), text["region"].upper()
    if country != "XK" and pycountry.countries.get(alpha_2=country) is None:
        wrong["country"] = f"“{country}” is not a country code. Use its ISO 3166-1 code, such as DE."
    elif region and pycountry.subdivisions.get(code=region) is None:
        wrong["region"] = f"“{region}” is not a region. Use its ISO 3166-2 code, such as US-CA."
    elif region and not region.startswith(f"{country}-"):
        wrong["region"] = f"{region} is not a region of {country}."
    kinds = ("region", "city", "postal_prefix", "postal_from")
    if sum(bool(text[name]) or (name == "postal_from" and bool(text["postal_to"])) for name in kinds) > 1:
        wrong[""] = ONE_KIND
    city = fold(text["city"])
    if text["city"] and not 0 < len(city) <= 80:
        wrong["city"] = f"“{text['city'][:40]}” is no name of a city of up to 80 letters."
    postal = {} if wrong else _postal(text, country, wrong)
    if wrong:
        raise NoArea(wrong)
    return Area(country, region, city, **postal)


def _postal(text: Mapping[str, str], country: str, wrong: dict[str, str]) -> dict[str, str]:
    first, last = text["postal_from"], text["postal_to"]
    if bool(first) != bool(last):
        wrong["postal_to" if first else "postal_from"] = "A range needs its first and its last postal code."
        return {}
    try:
        if text["postal_prefix"]:
            return {"postal_prefix": prefix(text["postal_prefix"], country)}
        if not first:
            return {}
        ends = postal_range(first, last, country)
    except Unreadable as error:
        wrong["postal_prefix" if text["postal_prefix"] else "postal_from"] = str(error)
        return {}
    if ends[0] == ends[1]:
        return {"postal_prefix": ends[0]}  # a range of one code is that code, and stored in one form
    return {"postal_from": ends[0], "postal_to": ends[1]}


def cross(one: Area, other: Area) -> bool:
    """Whether both are ranges of a country of which each holds codes that the other does not, and some in common."""
    if one.country != other.country or not (one.postal_from and other.postal_from):
        return False
    first, second = sorted([(one.postal_from, one.postal_to + LAST), (other.postal_from, other.postal_to + LAST)])
    return first[0] < second[0] < first[1] < second[1]


def crossing(areas: Iterable[Area], rank: Mapping[Area, Any] | None = None) -> Iterator[tuple[Area, Area]]:
    """Pairs of ranges that cross, as `owners.places.crossings` finds them: (stays, goes).

    `rank`: of two that cross the one of the lower rank stays; without it, the one that begins first.
    """
    by_country: dict[str, list[Area]] = {}
    for area in areas:
        if area.postal_from:
            by_country.setdefault(area.country, []).append(area)
    for ranges in by_country.values():
        found = crossings((area.postal_from, area.postal_to, (rank[area] if rank else 0, area)) for area in ranges)
        yield from ((stays, goes) for (_, stays), (_, goes) in found)


Held = tuple[Area, int]
"""An area and the id of its territory."""


def in_the_way(area: Area, but: int | None, ranges: Iterable[Held] | None = None) -> Held | None:
    """The area that `area` may not stand beside: the same place, or a range that it crosses.

    `but`: the row that is being changed. `ranges`: those of the country, where they were read before.
    """
    same = TerritoryArea.objects.filter(**area._asdict()).exclude(pk=but).values_list("territory_id", flat=True).first()
    if same is not None:
        return area, same
    if not area.postal_from:
        return None
    found = ranges_of(area.country, but) if ranges is None else ranges
    return next((held for held in found if cross(area, held[0])), None)


def ranges_of(country: str, but: int | None = None) -> list[Held]:
    """All ranges of a country."""
    rows = TerritoryArea.objects.filter(country=country).exclude(postal_from="").exclude(pk=but)
    return [(Area(*area), territory) for *area, territory in rows.values_list(*Area._fields, "territory_id")]


def sentence(area: Area, other: Area, territory: str) -> str:
    """Why `area` cannot be: `other` of that territory stands in its way."""
    if area == other:
        return f"{area} belongs to {territory} already. Take it out there first, or leave it out here."
    return (
        f"{area} overlaps {other} of {territory}, and neither lies within the other."
        " Let one end before the other begins."
    )
