"""Compiled people and an instant in, how many could take a lead in each hour of the next fourteen days out.

A forecast of presence: who is active, takes leads and works then, by their hours, holidays and absences as they are
planned now. Caps are not in it, because nobody knows how many leads will come. Reads and changes no rows.

How it is computed: a person's presence is one whole number with a bit for each quarter of an hour; a group adds its
people's up in binary counters, so that two thousand people cost about as many additions. An hour has as many people
as its poorest quarter; a quarter counts where somebody is there all through it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from owners.business_time import ALWAYS, Hours, HoursError
from routing.engine.people import People, Person, PoolOf, TerritoryOf

DAYS = 14
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
QUARTERS = 4
KINDS = {
    "everybody": "Everybody", "territory": "Territories", "pool": "Pools", "language": "Languages",
    "service": "Service lines",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """People of whom one has to be there. `kind`: of KINDS; `key`: stable within its kind; `owners`: ids."""

    kind: str
    key: str
    name: str
    owners: frozenset[int]
    pool: PoolOf | None = None

    @property
    def words(self) -> str:
        """How a sentence names it."""
        named = {"territory": "Territory ", "language": "Language ", "service": "Service line ", "pool": "Pool "}
        return f"{named.get(self.kind, '')}{self.name}"


class Gap(NamedTuple):
    """Hours in which usually somebody is there, and nobody will be: from `start` to `end` (aware, UTC), of which
    `hours` are usual ones; `why`: who is missing, each with the reason."""

    start: datetime
    end: datetime
    hours: int
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """A group's forecast. `counts` and `usual`: people in each hour of the span, planned and without absences."""

    group: Group
    counts: tuple[int, ...]
    usual: tuple[int, ...]
    gaps: tuple[Gap, ...]

    @property
    def least(self) -> int:
        """The fewest people in an hour in which usually somebody is there; 0 when there is no such hour."""
        return min((count for count, usual in zip(self.counts, self.usual, strict=True) if usual), default=0)

    @property
    def covered(self) -> int:
        """Hours with at least one person."""
        return sum(count > 0 for count in self.counts)


class Span(NamedTuple):
    """Fourteen local days from midnight on; `hours`: the first instant of each hour, UTC."""

    zone: ZoneInfo
    start: datetime
    hours: tuple[datetime, ...]

    @property
    def end(self) -> datetime:
        return self.hours[-1] + HOUR


def span_of(now: datetime, zone: ZoneInfo) -> Span:
    """The days from today on in the zone. A day of a clock change has 23 or 25 hours."""
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    last = (midnight + timedelta(days=DAYS)).astimezone(UTC)
    start = midnight.astimezone(UTC)
    return Span(zone, start, tuple(start + HOUR * number for number in range(round((last - start) / HOUR))))


class Within(NamedTuple):
    """Whose groups somebody may see: ids of owners, territories and pools."""

    owners: frozenset[int]
    territories: frozenset[int]
    pools: frozenset[int]


def groups_of(people: People, within: Within | None = None) -> list[Group]:
    """Everybody; then each territory, pool, language and service line that somebody has. `within`: None is all."""
    seen = within or Within(frozenset(people.owners), _ids(people.territories), _ids(people.pools))
    active = {id: one for id, one in people.owners.items() if one.state == "active" and id in seen.owners}
    found = [Group("everybody", "all", "Everybody", frozenset(active))]
    for territory in sorted(people.territories.values(), key=lambda one: one.name):
        if territory.id in seen.territories:
            found.append(Group("territory", territory.key, territory.name, _stand_for(territory, people)))
    for pool in sorted(people.pools.values(), key=lambda one: one.name):
        if pool.id in seen.pools:
            found.append(Group("pool", pool.key, pool.name, frozenset(member.owner for member in pool.members), pool))
    for language in sorted({word for one in active.values() for word in one.languages}):
        speak = frozenset(id for id, one in active.items() if language in one.languages)
        found.append(Group("language", language, language, speak))
    for line in sorted({word for one in active.values() for word in one.services}):
        cover = frozenset(id for id, one in active.items() if not one.services or line in one.services)
        found.append(Group("service", line, line, cover))
    return found


def _ids(rows: Mapping[Any, Any]) -> frozenset[int]:
    return frozenset(row.id for row in rows.values())


def _stand_for(territory: TerritoryOf, people: People) -> frozenset[int]:
    """The territory's owner, whoever covers for them, and its team's fallback."""
    owner = people.owners.get(territory.owner or 0)
    team = people.teams.get(territory.team or 0)
    named = (owner and owner.id, owner and owner.cover, team and team.fallback)
    return frozenset(id for id in named if id)


class Forecast:
    """The forecast of one configuration over one span; what was worked out of a person is kept for every group."""

    def __init__(self, people: People, span: Span, now: datetime) -> None:
        self.people, self.span, self.now = people, span, now
        self._bits: dict[Hours, int] = {}
        self._size = len(span.hours) * QUARTERS

    def of(self, group: Group) -> Coverage:
        """The group hour by hour, with its gaps."""
        persons = [self.people.owners[id] for id in sorted(group.owners) if id in self.people.owners]
        active = [person for person in persons if person.state == "active"]
        usual = self._per_hour(self._presence(person, group, usual=True) for person in active)
        there = self._per_hour(self._presence(person, group, usual=False) for person in active if person.accepts)
        return Coverage(group, there, usual, tuple(self._gaps(active, group, there, usual)))

    def _presence(self, person: Person, group: Group, *, usual: bool) -> int:
        """The person's quarters as bits; `usual`: as if no absence and no special day were planned."""
        keeps = group.pool is None or group.pool.keeps_hours
        bits = self._of_hours(_hours_of(person, keeps_hours=keeps, usual=usual))
        return bits & self._dates_in(person, group)

    def _dates_in(self, person: Person, group: Group) -> int:
        """All quarters, or those between the dates of the person's membership."""
        whole = (1 << self._size) - 1
        pool = group.pool
        member = next((one for one in pool.members if one.owner == person.id), None) if pool else None
        terms = pool.terms.get(member.id) if pool and member else None
        if terms is None:
            return whole
        return self._between(terms.starts or self.span.start, terms.ends or self.span.end)

    def _of_hours(self, hours: Hours | None) -> int:
        if hours is None:
            return 0
        if hours not in self._bits:
            bits = 0
            for segment in hours.segments(self.span.start, self.span.end):
                if segment.counted:
                    bits |= self._between(segment.start, segment.end)
            self._bits[hours] = bits
        return self._bits[hours]

    def _between(self, start: datetime, end: datetime) -> int:
        """The quarters that lie wholly between the two instants."""
        first = max(0, -((self.span.start - start) // QUARTER))
        last = min(self._size, (end - self.span.start) // QUARTER)
        return ((1 << (last - first)) - 1) << first if last > first else 0

    def _per_hour(self, presences: Iterable[int]) -> tuple[int, ...]:
        """People in each hour: binary counters over all quarters, the least of each four."""
        planes: list[int] = []
        for carry in presences:
            for place, plane in enumerate(planes):
                planes[place], carry = plane ^ carry, plane & carry
                if not carry:
                    break
            if carry:
                planes.append(carry)
        texts = [f"{plane:0{self._size}b}"[::-1] for plane in planes]
        quarters = [sum((text[at] == "1") << place for place, text in enumerate(texts)) for at in range(self._size)]
        return tuple(min(quarters[at : at + QUARTERS]) for at in range(0, self._size, QUARTERS))

    def _gaps(
        self, persons: list[Person], group: Group, there: tuple[int, ...], usual: tuple[int, ...]
    ) -> Iterator[Gap]:
        """Runs of hours to come that usually have somebody and will have nobody; nights between them do not end one."""
        hours = self.span.hours
        asked = [at for at, hour in enumerate(hours) if usual[at] and hour + HOUR > self.now]
        for empty, run in groupby(asked, key=lambda at: there[at] == 0):
            places = list(run)
            if empty:
                why = self._why(persons, group, hours[places[0]])
                yield Gap(hours[places[0]], hours[places[-1]] + HOUR, len(places), why)

    def _why(self, persons: list[Person], group: Group, hour: datetime) -> tuple[str, ...]:
        """Of those who usually work through the hour, else in it: what keeps each from it."""
        at = self._between(hour, hour + HOUR)
        works = {person.id: self._presence(person, group, usual=True) & at for person in persons}
        whole = any(bits == at for bits in works.values())
        missing = [one for one in persons if (works[one.id] == at if whole else works[one.id])]
        return tuple(f"{person.name} {_reason(person, hour)}" for person in missing)


def _hours_of(person: Person, *, keeps_hours: bool, usual: bool) -> Hours | None:
    """When the person counts as there. Pools that keep no hours ask for absences alone."""
    hours = person.hours
    if hours is None or (keeps_hours and not usual):
        return hours
    try:
        if usual:
            return Hours(hours.zone, hours.weekly, (), hours.breaks) if keeps_hours else ALWAYS
        return Hours(ALWAYS.zone, ALWAYS.weekly, person.absences) if person.absences else ALWAYS
    except HoursError:
        return None


WHY = {
    "holiday": "has a holiday", "day": "has other hours that day", "pause": "is paused", "break": "has a break",
    "closed": "does not work then",
}  # fmt: skip


def _reason(person: Person, hour: datetime) -> str:
    if not person.accepts:
        return "does not accept leads"
    if until := person.absent_until(hour):
        return f"is away until {until:%-d %b %Y, %H:%M} UTC"
    segments = person.hours.segments(hour, hour + HOUR) if person.hours else []
    return next((WHY.get(segment.why, "is not there") for segment in segments if not segment.counted), "is not there")


def forecast(people: People, groups: Iterable[Group], span: Span, now: datetime) -> list[Coverage]:
    """The coverage of each group, in their order."""
    made = Forecast(people, span, now)
    return [made.of(group) for group in groups]


_held: tuple[People, datetime, list[Coverage]] | None = None


def gaps_ahead(people: People, now: datetime) -> list[Coverage]:
    """Territories and pools with gaps in the next fourteen days, counted in UTC days; kept for the hour.

    For doctor and Today, which are asked again and again: `people` as `routing.current.people_now` holds them.
    """
    global _held
    hour = now.replace(minute=0, second=0, microsecond=0)
    if _held is None or _held[0] is not people or _held[1] != hour:
        groups = [group for group in groups_of(people) if group.kind in ("territory", "pool")]
        found = forecast(people, groups, span_of(now, ZoneInfo("UTC")), now)
        _held = people, hour, [one for one in found if one.gaps]
    return _held[2]


def by_day(span: Span, counts: tuple[int, ...]) -> dict[date, list[int | None]]:
    """Counts by local date, a place for each hour of the clock: None where the clock skips it, the lower one where it
    repeats."""
    found: dict[date, list[int | None]] = {}
    for hour, count in zip(span.hours, counts, strict=True):
        local = hour.astimezone(span.zone)
        places = found.setdefault(local.date(), [None] * 24)
        held = places[local.hour]
        places[local.hour] = count if held is None else min(held, count)
    return found
