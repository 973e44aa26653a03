"""A place as somebody writes it in, whose it is out: the territory, the area that decided, those that matched less
specifically, and whether the owner could take a lead now. Decides nothing.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from leads.places import country_code, postal_code, region_code
from routing.current import people_now
from routing.engine.eligibility import Ask, check
from routing.engine.map import Match
from routing.engine.people import People, Person, TerritoryOf
from routing.numbers import read_numbers

_BRITISH = re.compile(r"[A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """What was understood; what is unknown is empty."""

    country: str
    postal_code: str
    region: str
    city: str

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.postal_code, self.city.title(), self.region, self.country)))


class NoPlace(ValueError):
    """`field` cannot be read; the text is a sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Holder:
    """An area that holds the place and the territory it belongs to. `owner` and `team`: names, empty without one."""

    match: Match
    territory: TerritoryOf
    owner: str
    team: str

    @property
    def words(self) -> str:
        """“Postal prefix 101”."""
        kinds = {"range": "Postal range", "prefix": "Postal prefix", "city": "City", "region": "Region"}
        what = self.match.what.title() if self.match.kind == "city" else self.match.what
        return f"{kinds.get(self.match.kind, 'All of')} {what}"


def read_place(country: str, postal: str, region: str, city: str) -> Place:
    """The place in codes. A British postcode needs no country. Raises NoPlace."""
    code = country_code(country) if country.strip() else ""
    if country.strip() and not code:
        raise NoPlace("country", f"“{country[:40]}” is no country. Write its code, such as DE, or its name.")
    if not code and _BRITISH.fullmatch(postal.strip()):
        code = "GB"
    if not code:
        raise NoPlace("country", "Name the country: codes and names repeat from one country to another.")
    found = region_code(region, code) if region.strip() else ""
    if region.strip() and not found:
        raise NoPlace("region", f"“{region[:40]}” is no region of {code}. Write its ISO 3166-2 code, such as US-CA.")
    return Place(code, postal_code(postal, code)[0] if postal.strip() else "", found, " ".join(city.split())[:80])


def who_has(place: Place) -> list[Holder]:
    """Every area that holds the place with its territory, the one that decides first."""
    people = people_now()
    matches = people.map.matches(place.country, place.region, place.city, place.postal_code)
    return [
        Holder(match, territory, _name(people, territory.owner), _team(people, territory.team))
        for match in matches
        if (territory := people.by_area.get(match.territory))
    ]


def _name(people: People, owner: int | None) -> str:
    person = people.owners.get(owner or 0)
    return person.name if person else ""


def _team(people: People, team: int | None) -> str:
    found = people.teams.get(team or 0)
    return found.name if found else ""


@dataclass(frozen=True, slots=True)
class Able:
    """Whether an owner could take a lead now, in a sentence; `stands_in`: the same of their cover, or empty."""

    able: bool
    sentence: str
    stands_in: str = ""


def able_now(territory: TerritoryOf, now: datetime) -> Able:
    """Whether the territory's owner could take a lead that came at `now`, by the checks of a decision."""
    people = people_now()
    person = people.owners.get(territory.owner or 0)
    if person is None:
        team = people.teams.get(territory.team or 0)
        fallback = people.owners.get(team.fallback or 0) if team else None
        if fallback is None or team is None:
            return Able(False, f"{territory.name} has no owner.", "Its leads go to review.")
        return Able(
            False, f"{territory.name} has no owner.", f"{fallback.name}, the fallback owner of {team.name}, is asked."
        )
    why = _why_not(people, person, now)
    if not why:
        return Able(True, f"{person.name} could take a lead now.")
    cover = people.owners.get(person.cover_at(now) or 0)
    if cover is None:
        return Able(False, f"{person.name} {why}.", "Nobody covers; the rule’s and the team’s fallback are asked.")
    theirs = _why_not(people, cover, now)
    return Able(False, f"{person.name} {why}.", f"{cover.name} covers and {theirs or 'could take it'}.")


def _why_not(people: People, person: Person, now: datetime) -> str:
    load = read_numbers((), (person.id,), people, now).loads[person.id]
    failed = check(person, Ask(now, ""), load).failed
    return next((why for name, why in failed.items() if name != "source_allowed"), "")
