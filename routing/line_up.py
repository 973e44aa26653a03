"""Pools and now in; who is next and why, what everybody got beside what they were due, and why others wait, out.

The order is that of `engine.rotation` among those who could take a lead now; languages, services and sources depend
on the lead, so whoever is next is next for a lead that anybody may take. Five statements, however many pools.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from django.db.models import Count, Min

from routing.current import people_now
from routing.engine.eligibility import OF_THE_PERSON, Ask, Cap, Seat, caps, check
from routing.engine.people import NO_TERMS, People, Person, PoolOf
from routing.engine.rotation import ZERO, Member, Rotation, Turn, fraction
from routing.engine.shares import entitled
from routing.engine.values import NO_LOAD, Numbers
from routing.models import LedgerEntry
from routing.numbers import read_numbers

TAKEN = ("charge", "claim")


@dataclass(frozen=True, slots=True)
class Place:
    """A member. `place`: 1 is next, None for whoever could take nothing now, and then `why` says why, `until` when it
    ends if that is known. `v`: as a selection would see it, None before the first turn. `ahead`: turns of theirs
    above the lowest in the line. `received`: leads in the window, less the credited; `due`: what the weight says.
    """

    member: int
    owner: int
    name: str
    weight: int
    v: Fraction | None
    place: int | None = None
    arrives: str = ""
    why: str = ""
    until: datetime | None = None
    ahead: Fraction | None = None
    caps: tuple[Cap, ...] = ()
    received: int = 0
    credited: int = 0
    due: Fraction = ZERO

    @property
    def gap(self) -> Fraction:
        """Leads more (or fewer, negative) than due."""
        return self.received - self.due


@dataclass(frozen=True, slots=True)
class LineUp:
    """A pool's places: the line first, then the others by name. `because`: why the first is first, in a sentence."""

    pool: PoolOf
    places: tuple[Place, ...]
    because: str
    since: datetime

    @property
    def line(self) -> tuple[Place, ...]:
        return tuple(place for place in self.places if place.place is not None)

    @property
    def next(self) -> Place | None:
        return self.places[0] if self.line else None

    @property
    def received(self) -> int:
        return sum(place.received for place in self.places)


class _Got(NamedTuple):
    """What the window's entries say. By member: leads taken, credits, and the joins and returns as (before, after);
    by pool: the v that the window began at."""

    taken: Mapping[int, int]
    credited: Mapping[int, int]
    arrivals: Mapping[int, list[tuple[Fraction, Fraction]]]
    began: Mapping[int, Fraction]


def line_ups(pools: Iterable[int], now: datetime, since: datetime) -> dict[int, LineUp]:
    """The line-up of each of the pools (ids) that exists; what was received is counted from `since`."""
    people = people_now()
    wanted = [people.pools[id] for id in pools if id in people.pools]
    owners = {member.owner for pool in wanted for member in pool.members}
    numbers = read_numbers([pool.id for pool in wanted], owners, people, now)
    got = _got(wanted, since)
    return {pool.id: _line_up(pool, people, numbers, got, now, since) for pool in wanted}


def _line_up(pool: PoolOf, people: People, numbers: Numbers, got: _Got, now: datetime, since: datetime) -> LineUp:
    turns = {id: numbers.turns[id] for id in pool.standing_ids if id in numbers.turns}
    found = {member.id: _standing(pool, member, people, numbers, now) for member in pool.members}
    able = {id for id, place in found.items() if not place.why}
    ordered = Rotation(pool.members, turns).order(able)
    level = ordered[0].v if ordered else min((turn.v for turn in turns.values()), default=ZERO)
    for number, one in enumerate(ordered, start=1):
        place = found[one.member.id]
        found[one.member.id] = replace(
            place, v=one.v, place=number, arrives=one.kind or "", ahead=(one.v - level) * place.weight
        )
    dues = _dues(pool, found, got, turns, level)
    for id, place in found.items():
        given = got.credited.get(id, 0)
        found[id] = replace(place, received=got.taken.get(id, 0) - given, credited=given, due=dues[id])
    line = [found[one.member.id] for one in ordered]
    rest = sorted((place for place in found.values() if place.place is None), key=lambda place: place.name)
    return LineUp(pool, (*line, *rest), _because(pool, line, turns), since)


def _standing(pool: PoolOf, member: Member, people: People, numbers: Numbers, now: datetime) -> Place:
    """A member, and what keeps them from taking any lead at all."""
    id = member.id
    person, load = people.owners[member.owner], numbers.loads.get(member.owner, NO_LOAD)
    terms = pool.terms.get(id, NO_TERMS)
    seat = Seat(pool.name, terms, numbers.member_loads[id]) if id in numbers.member_loads else None
    failed = check(person, Ask(now, "", keeps_hours=pool.keeps_hours), load, seat).failed
    whys = [why for name, why in failed.items() if name in OF_THE_PERSON]
    turn = numbers.turns.get(id)
    place = Place(
        id, member.owner, person.name, member.weight, turn.v if turn else None,
        caps=tuple(caps(person, load, seat)), why=whys[0] if whys else "",
    )  # fmt: skip
    if terms.starts is not None and now < terms.starts:
        return replace(place, why="is not in the pool yet", until=terms.starts)
    if terms.ends is not None and now >= terms.ends:
        return replace(place, why="has left the pool")
    return replace(place, until=_back(person, now, pool.keeps_hours), why=_said(failed, whys)) if whys else place


def _said(failed: Mapping[str, str], whys: Sequence[str]) -> str:
    """The reason without the instant, which a page says in the reader's zone."""
    if failed.get("present") == whys[0] and whys[0].startswith("is away until"):
        return "is away"
    if "within_caps" in failed and failed["within_caps"] == whys[0]:
        return f"has {whys[0]}"
    return whys[0]


def _back(person: Person, now: datetime, keeps_hours: bool) -> datetime | None:
    """When an absence or the night ends, if that is all that is in the way."""
    if person.state != "active" or not person.accepts:
        return None
    until = person.absent_until(now)
    if until is None and (person.hours is None or not keeps_hours or person.hours.is_open(now)):
        return None
    if not keeps_hours or person.hours is None:
        return until
    return person.hours.next_open(until or now)


def _got(pools: Sequence[PoolOf], since: datetime) -> _Got:
    of = {id: pool.id for pool in pools for id in pool.standing_ids}
    rows = LedgerEntry.objects.filter(member__in=list(of), at__gte=since).order_by()
    taken: dict[int, int] = defaultdict(int)
    credited: dict[int, int] = {}
    firsts: list[int] = []
    for member, kind, count, first in (
        rows.filter(kind__in=(*TAKEN, "credit")).values_list("member", "kind").annotate(Count("id"), Min("id"))
    ):
        if kind == "credit":
            credited[member] = count
        else:
            taken[member] += count
            firsts.append(first)
    arrivals: dict[int, list[tuple[Fraction, Fraction]]] = defaultdict(list)
    began: dict[int, Fraction] = {}
    for member, before, after in rows.filter(kind__in=("join", "return")).values_list("member", "v_before", "v_after"):
        arrivals[member].append((fraction(before), fraction(after)))
    for member, text in LedgerEntry.objects.filter(pk__in=firsts).order_by().values_list("member", "v_before"):
        pool, before = of[member], fraction(text)
        began[pool] = min(began.get(pool, before), before)
    return _Got(taken, credited, arrivals, began)


def _dues(
    pool: PoolOf, found: Mapping[int, Place], got: _Got, turns: Mapping[int, Turn], level: Fraction
) -> dict[int, Fraction]:
    """What each was due of what the pool's present members received. Who is away now misses what the others get."""
    began = got.began.get(pool.id, ZERO)
    missed: dict[int, Fraction] = {}
    for id, place in found.items():
        gone = sum((max(after - max(before, began), ZERO) for before, after in got.arrivals.get(id, ())), ZERO)
        turn = turns.get(id)
        if place.place is None or turn is None or turn.away:
            gone += max(level - max(turn.v if turn else ZERO, began), ZERO)
        missed[id] = gone
    received = sum(got.taken.get(id, 0) - got.credited.get(id, 0) for id in found)
    return entitled(max(received, 0), {id: place.weight for id, place in found.items()}, missed)


def _because(pool: PoolOf, line: Sequence[Place], turns: Mapping[int, Turn]) -> str:
    if not line:
        return f"Nobody in {pool.name} could take a lead now."
    first = line[0]
    if len(line) == 1:
        return f"{first.name} is next: nobody else could take a lead now."
    second = line[1]
    assert first.v is not None
    if first.v != second.v:
        return f"{first.name} is next: their v is the lowest, {first.v}. {second.name} follows with {second.v}."
    mine, other = (turns[place.member].last if place.member in turns else 0 for place in (first, second))
    if mine == other:
        return f"{first.name} is next: v is {first.v} like that of {second.name}, but they stand earlier in the list."
    waited = "had no lead yet" if not mine else "waited longer for theirs"
    return f"{first.name} is next: v is {first.v} like that of {second.name}, but {first.name} {waited}."
