"""A random generator in, invented buyers out: names, companies under `.example`, reserved phone numbers. Pure.

The numbers are those that the regulators keep for fiction: 555-0100 to 0199 in North America, the drama ranges of
Ofcom, Bundesnetzagentur and Arcep.
"""

from collections.abc import Iterator
from itertools import count
from random import Random
from typing import NamedTuple


class Place(NamedTuple):
    """`zone`: when people there are at work; `phone`: a format that takes a running number, or nothing."""

    country: str
    zone: str
    language: str
    phone: str = ""
    first: int = 0


class Buyer(NamedTuple):
    first_name: str
    last_name: str
    company: str
    domain: str
    email: str
    phone: str
    place: Place


PLACES = {
    "europe": (
        Place("Germany", "Europe/Berlin", "de", "+493023125{:03}"),
        Place("United Kingdom", "Europe/London", "en", "+442079460{:03}", 300),
        Place("France", "Europe/Paris", "fr", "+33199000{:03}"),
        Place("Netherlands", "Europe/Amsterdam", "nl"),
        Place("Spain", "Europe/Madrid", "es"),
        Place("Sweden", "Europe/Stockholm", "sv"),
    ),
    "americas": (
        Place("United States", "America/New_York", "en", "+1{:03}55501{:02}"),
        Place("Canada", "America/Toronto", "en"),
        Place("Brazil", "America/Sao_Paulo", "pt"),
        Place("Mexico", "America/Mexico_City", "es"),
    ),
    "asia_pacific": (
        Place("Singapore", "Asia/Singapore", "en"),
        Place("Australia", "Australia/Sydney", "en"),
        Place("Japan", "Asia/Tokyo", "ja"),
        Place("India", "Asia/Kolkata", "en"),
    ),
    "elsewhere": (
        Place("South Africa", "Africa/Johannesburg", "en"),
        Place("United Arab Emirates", "Asia/Dubai", "en"),
        Place("Kenya", "Africa/Nairobi", "en"),
        Place("Israel", "Asia/Jerusalem", "en"),
    ),
}
"""By region; the last one belongs to no territory of the demo company."""

AREA_CODES = (212, 312, 415, 617, 206, 305, 303, 404)
FIRST_NAMES = (
    "Amelia", "Bruno", "Chiara", "Daniel", "Ebba", "Felix", "Grace", "Henrik", "Isabel", "Jonas", "Katya", "Lucas",
    "Mina", "Noah", "Olga", "Pedro", "Rosa", "Samuel", "Tessa", "Umar", "Vera", "William", "Xenia", "Yusuf", "Zoe",
    "Aisha", "Ben", "Clara", "Dario", "Elif", "Farah", "Goran", "Hana", "Ivo", "Julia", "Kofi", "Leila", "Mateo",
)  # fmt: skip
LAST_NAMES = (
    "Abbott", "Berger", "Castillo", "Dubois", "Eriksen", "Fischer", "Garcia", "Hughes", "Ito", "Jansen", "Keller",
    "Lopez", "Murphy", "Nakamura", "Okoye", "Patel", "Quist", "Rivera", "Schmidt", "Taylor", "Ueda", "Varga",
    "Walsh", "Xu", "Young", "Zimmer", "Brandt", "Costa", "Dlamini", "Evans", "Ferrari", "Gomez", "Haas",
)  # fmt: skip
NAMES = (
    "Alder", "Amber", "Anchor", "Aspen", "Beacon", "Birch", "Bramble", "Cedar", "Cobalt", "Copper", "Coral",
    "Crescent", "Delta", "Ember", "Falcon", "Fern", "Flint", "Garnet", "Granite", "Harbor", "Hazel", "Indigo",
    "Juniper", "Keystone", "Lantern", "Linden", "Maple", "Marble", "Meadow", "Meridian", "Onyx", "Orchard",
    "Pebble", "Pine", "Quartz", "Raven", "Ridge", "Saffron", "Silver", "Slate", "Spruce", "Summit", "Thistle",
    "Timber", "Topaz", "Vertex", "Willow", "Zephyr",
)  # fmt: skip
TRADES = (
    "Analytics", "Bakeries", "Cargo", "Clinics", "Components", "Dental", "Energy", "Finance", "Foods", "Freight",
    "Hotels", "Insurance", "Labs", "Legal", "Logistics", "Media", "Optics", "Packaging", "Pharma", "Plastics",
    "Retail", "Robotics", "Software", "Solar", "Textiles", "Tools", "Travel", "Works",
)  # fmt: skip


class Buyers:
    """As many as are asked for; no two share an address, a company or a phone."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._companies = [(name, trade) for name in NAMES for trade in TRADES]
        rng.shuffle(self._companies)
        self._numbers: dict[str, Iterator[int]] = {}

    def one(self, region: str) -> Buyer:
        """A new buyer of a region, which is a key of PLACES."""
        rng = self._rng
        name, trade = self._companies.pop()
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        domain = f"{name}-{trade}.example".lower()
        place = rng.choice(PLACES[region])
        phone = self._phone(place) if rng.random() < 0.7 else ""
        return Buyer(first, last, f"{name} {trade}", domain, f"{first}.{last}@{domain}".lower(), phone, place)

    def _phone(self, place: Place) -> str:
        """The next number of the place; none once they are used up."""
        number = next(self._numbers.setdefault(place.country, count(place.first)))
        if place.phone.count("{") == 2:
            area, line = divmod(number, 100)
            return place.phone.format(AREA_CODES[area], line) if area < len(AREA_CODES) else ""
        return place.phone.format(number) if place.phone and number < 1000 else ""
