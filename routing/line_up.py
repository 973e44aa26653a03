"""Pools and now in; who is next and why, what everybody got beside what they were due, and why others wait, out.

The order is that of `engine.rotation` among those who could take a lead now; languages, services and sources depend
on the lead, so whoever is next is next for a lead that anybody may take. Four statements, however many pools.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from routing.current import people_now
from routing.engine.eligibility import OF_THE_PERSON, Ask, Cap, Seat, caps, check
from routing.engine.people import NO_TERMS, People, Person, PoolOf
from routing.engine.pooling import able_owners, by_method
from routing.engine.rotation import ZERO, Member, Rotation, Turn
from routing.engine.shares import Able, entitled
from routing.engine.text import mapping
from routing.engine.values import NO_LOAD, Numbers
from routing.models import LedgerEntry
from routing.numbers import read_numbers

MOST_COUNTED = 3_000
"""Leads whose decisions are looked through for who could have taken them."""


@dataclass(frozen=True, slots=True)
class Place:
    """A member. `place`: 1 is next, None for whoever could take nothing now, and then `why` says why, `until` when it
    ends if that is known. `v`: as a selection would see it, None before the first turn. `ahead`: turns of theirs
    above the lowest in the line. `received`, `due`: leads they got, and their part by weight of those they could take.
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
    """A pool's places: the line first, then the others, whoever is back first before the rest. `because`: why the
    first is first, in a sentence."""

    pool: PoolOf
    places: tuple[Place, ...]
    because: str

    @property
    def line(self) -> tuple[Place, ...]:
        return tuple(place for place in self.places if place.place is not None)

    @property
    def next(self) -> Place | None:
        """Nobody is, where leads wait to be claimed."""
        return self.places[0] if self.line and self.pool.method != "claim" else None

    @property
    def received(self) -> int:
        return sum(place.received for place in self.places)


class _Got(NamedTuple):
    """Since the window began, without the leads that gave their turn back: what was taken and what was due, by
    member, and how many were credited."""

    taken: Mapping[int, int]
    due: Mapping[int, Fraction]
    credited: Mapping[int, int]


NOTHING = _Got({}, {}, {})


def line_ups(pools: Iterable[int], now: datetime, since: datetime | None = None) -> dict[int, LineUp]:
    """The line-up of each of the pools (ids) that exists. What everybody got and was due is counted from `since`, over
    the newest `MOST_COUNTED` leads; None: not at all."""
    people = people_now()
    wanted = [people.pools[id] for id in pools if id in people.pools]
    owners = {member.owner for pool in wanted for member in pool.members}
    numbers = read_numbers([pool.id for pool in wanted], owners, people, now)
    got = _got(wanted, since) if since else NOTHING
    return {pool.id: _line_up(pool, people, numbers, got, now) for pool in wanted}


def _line_up(pool: PoolOf, people: People, numbers: Numbers, got: _Got, now: datetime) -> LineUp:
    turns = {id: numbers.turns[id] for id in pool.standing_ids if id in numbers.turns}
    found = {member.id: _standing(pool, member, people, numbers, now) for member in pool.members}
    able = {id for id, place in found.items() if not place.why}
    ordered = list(Rotation(pool.members, turns, pool.catch_up).order(able))
    level = ordered[0].v if ordered else ZERO
    if pool.method != "rotation":
        open_leads = {place.owner: numbers.loads.get(place.owner, NO_LOAD).open for place in found.values()}
        members = by_method(pool, [one.member for one in ordered], people, open_leads, turns)
        at = {member.id: number for number, member in enumerate(members)}
        ordered.sort(key=lambda one: at[one.member.id])
    for number, one in enumerate(ordered, start=1):
        place = found[one.member.id]
        found[one.member.id] = replace(
            place, v=one.v, place=number, arrives=one.kind or "", ahead=(one.v - level) * place.weight
        )
    for id, place in found.items():
        found[id] = replace(
            place, received=got.taken.get(id, 0), due=got.due.get(id, ZERO), credited=got.credited.get(id, 0)
        )
    line = [found[one.member.id] for one in ordered]
    rest = sorted((place for place in found.values() if place.place is None), key=_soonest)
    return LineUp(pool, (*line, *rest), _because(pool, line, rest, turns))


def _soonest(place: Place) -> tuple[bool, float, str]:
    """Who is back first stands first; then those of whom that is unknown, by name."""
    return place.until is None, place.until.timestamp() if place.until else 0.0, place.name


def _standing(pool: PoolOf, member: Member, people: People, numbers: Numbers, now: datetime) -> Place:
    """A member, and what keeps them from taking any lead at all."""
    id = member.id
    person, load = people.owners[member.owner], numbers.loads.get(member.owner, NO_LOAD)
    seat = Seat(pool.name, pool.terms[id], numbers.member_loads[id]) if id in numbers.member_loads else None
    terms = pool.terms.get(id, NO_TERMS)
    ask = Ask(now, "", keeps_hours=pool.keeps_hours)
    failed = check(person, ask, load, seat, terms).failed
    whys = [why for name, why in failed.items() if name in OF_THE_PERSON]
    turn = numbers.turns.get(id)
    place = Place(
        id, member.owner, person.name, member.weight, turn.v if turn else None, caps=tuple(caps(person, load, seat))
    )
    if "takes_part" in failed:
        joins = terms.starts if terms.starts is not None and now < terms.starts else None
        return replace(place, why="joins the pool later" if joins else "has left the pool", until=joins)
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
    """From the ledger who got what, from the decisions who could have taken it."""
    of = {id: pool for pool in pools for id in pool.standing_ids}
    rows = LedgerEntry.objects.filter(member__in=list(of), at__gte=since)
    back = set(rows.filter(kind="credit").values_list("member", "decision"))
    taken: Counter[int] = Counter()
    credited: Counter[int] = Counter()
    leads: Counter[Able] = Counter()
    newest = rows.filter(kind__in=("charge", "claim")).order_by("-id")
    for member, kind, decision, trace in newest.values_list("member", "kind", "decision", "decision__trace")[
        :MOST_COUNTED
    ]:
        if (member, decision) in back:
            credited[member] += 1
            continue
        taken[member] += 1
        leads[_able(of[member], member, trace if kind == "charge" else "")] += 1
    return _Got(taken, entitled(leads), credited)


def _able(pool: PoolOf, member: int, trace: str) -> Able:
    """Who could have taken a lead that came by turn, with their weights then; one taken by hand is its taker's due."""
    known = mapping(trace)
    weights = {one.id: one.weight for one in pool.members}
    then = {
        entry["owner"]: entry["rotation"]["weight"]
        for entry in known.get("candidates", ())
        if entry["as"] == "turn" and entry.get("rotation")
    }
    passed = able_owners(known)
    found = {(one.id, then.get(one.owner, one.weight)) for one in pool.members if passed(one.owner)}
    return frozenset(found | ({(member, weights.get(member, 1))} if member not in dict(found) else set()))


OTHERWISE = {
    "least_loaded": "{name} is next: of those who could take a lead now they are the least loaded.",
    "fixed_order": "{name} is next: of those who could take a lead now they come first in the order.",
    "claim": "Nobody is next: leads of this pool wait until a member claims them.",
}


def _because(pool: PoolOf, line: Sequence[Place], rest: Sequence[Place], turns: Mapping[int, Turn]) -> str:
    if not line:
        back = f" {rest[0].name} is the first to be back." if rest and rest[0].until else ""
        return f"Nobody in {pool.name} could take a lead now.{back}"
    first = line[0]
    if pool.method != "rotation":
        return OTHERWISE[pool.method].format(name=first.name)
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
