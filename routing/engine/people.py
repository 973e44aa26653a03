"""A configuration revision (JSON) in; compiled people, pools, territories and policies out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from owners.business_time import ALWAYS, Hours, HoursError
from routing.engine.rotation import Member


@dataclass(frozen=True, slots=True)
class Person:
    """An owner as the checks see them. `absences`: (start, end) half-open, UTC. `hours`: working time with
    absences; None where it cannot be read, and then they take no lead."""

    id: int
    key: str
    name: str
    state: str
    accepts: bool
    teams: tuple[int, ...]
    cover: int | None
    zone: str
    hours: Hours | None
    absences: tuple[tuple[datetime, datetime], ...]
    languages: frozenset[str]
    services: frozenset[str]
    sources: frozenset[str]
    cap_open: int | None
    cap_day: int | None
    cap_week: int | None
    booking_url: str
    channels: tuple[str, ...]

    def absent_until(self, now: datetime) -> datetime | None:
        """The end of the absence that `now` lies in; None when there is none."""
        return max((end for start, end in self.absences if start <= now < end), default=None)


@dataclass(frozen=True, slots=True)
class TeamOf:
    id: int
    key: str
    name: str
    lead: int | None
    fallback: int | None
    pool: int | None


@dataclass(frozen=True, slots=True)
class PoolOf:
    id: int
    key: str
    name: str
    team: int | None
    keeps_hours: bool
    fallback: int | None
    members: tuple[Member, ...]
    former: tuple[int, ...]

    @property
    def standing_ids(self) -> list[int]:
        """Whose turns the rotation reads: members, and former members, who come back like anybody away."""
        return [member.id for member in self.members] + list(self.former)


@dataclass(frozen=True, slots=True)
class TerritoryOf:
    id: int
    key: str
    name: str
    owner: int | None
    team: int | None


@dataclass(frozen=True, slots=True)
class Policy:
    """An SLA policy; budgets in seconds; `accept` may be missing."""

    key: str
    lead_types: frozenset[str]
    tiers: frozenset[str]
    accept: int | None
    first_touch: int
    no_activity: int
    review: int
    real_time: bool


@dataclass(frozen=True, slots=True)
class SourceOf:
    id: int
    key: str
    owner: int


@dataclass(frozen=True, slots=True)
class People:
    """Everything about people and policies that a decision reads; `revision` is the id of the stored JSON."""

    revision: int
    owners: Mapping[int, Person]
    teams: Mapping[int, TeamOf]
    pools: Mapping[int, PoolOf]
    territories: Mapping[str, TerritoryOf]
    areas: Mapping[tuple[str, str, str], str]
    longest_prefix: int
    policies: tuple[Policy, ...]
    high_intent: Mapping[str, bool]
    pipelines: Mapping[str, Mapping[str, tuple[int, int]]]
    """Pipeline key → stage key → (pipeline id, stage id)."""
    sources: Mapping[int, SourceOf]
    around: dict[int, frozenset[int]] = field(default_factory=dict, compare=False, repr=False)
    """What `routing.engine.needs` worked out: pool → owners whose numbers it may need."""

    def territory_of(self, country: str, region: str, postal_code: str) -> TerritoryOf | None:
        """The territory of a place: the longest postal prefix, then the region, then the country."""
        if not country:
            return None
        postal = postal_code.replace(" ", "").upper()
        for length in range(min(len(postal), self.longest_prefix), 0, -1):
            if key := self.areas.get((country, "", postal[:length])):
                return self.territories[key]
        key = (region and self.areas.get((country, region, ""))) or self.areas.get((country, "", ""))
        return self.territories[key] if key else None

    def policy_for(self, key: str, lead_type: str, tier: str) -> Policy:
        """The policy a rule names, else the first that fits; the built-in one when none does."""
        for policy in self.policies:
            if policy.key == key:
                return policy
        for policy in self.policies:
            if (not policy.lead_types or lead_type in policy.lead_types) and (not policy.tiers or tier in policy.tiers):
                return policy
        return BUILT_IN_POLICY


BUILT_IN_POLICY = Policy("built_in", frozenset(), frozenset(), None, 15 * 60, 30 * 60, 60 * 60, False)


def compile_people(revision: int, content: Mapping[str, Any]) -> People:
    """`content` as `routing.revision` writes it; ids as JSON numbers, keyed lists as arrays of objects."""
    areas = {(area["country"], area["region"], area["postal_prefix"]): area["territory"] for area in content["areas"]}
    return People(
        revision=revision,
        owners={row["id"]: _person(row) for row in content["owners"]},
        teams={row["id"]: TeamOf(**row) for row in content["teams"]},
        pools={row["id"]: _pool(row) for row in content["pools"]},
        territories={row["key"]: TerritoryOf(**row) for row in content["territories"]},
        areas=areas,
        longest_prefix=max((len(prefix) for _, _, prefix in areas), default=0),
        policies=tuple(_policy(row) for row in content["policies"]),
        high_intent={row["key"]: row["high_intent"] for row in content["lead_types"]},
        pipelines={row["key"]: {key: (row["id"], id) for key, id in row["stages"]} for row in content["pipelines"]},
        sources={row["id"]: SourceOf(**row) for row in content["sources"]},
    )


def _person(row: Mapping[str, Any]) -> Person:
    absences = tuple((datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in row["absences"])
    hours = _hours(row["zone"], row["hours"], absences)
    return Person(
        id=row["id"],
        key=row["key"],
        name=row["name"],
        state=row["state"],
        accepts=row["accepts"],
        teams=tuple(row["teams"]),
        cover=row["cover"],
        zone=row["zone"] if hours else "UTC",
        hours=hours,
        absences=absences,
        languages=frozenset(row["languages"]),
        services=frozenset(row["services"]),
        sources=frozenset(row["sources"]),
        cap_open=row["cap_open"],
        cap_day=row["cap_day"],
        cap_week=row["cap_week"],
        booking_url=row["booking_url"],
        channels=tuple(row["channels"]),
    )


def _hours(zone: str, blocks: list[list[int]], absences: tuple[tuple[datetime, datetime], ...]) -> Hours | None:
    """An owner without blocks works at any time. One bad row must not stop everybody else's routing."""
    if not blocks and not absences and zone == ALWAYS.zone:
        return ALWAYS
    weekly = [(day, start, end) for day, start, end in blocks] or list(ALWAYS.weekly)
    try:
        return Hours(zone, weekly, absences)
    except HoursError:
        return None


def _pool(row: Mapping[str, Any]) -> PoolOf:
    return PoolOf(
        id=row["id"],
        key=row["key"],
        name=row["name"],
        team=row["team"],
        keeps_hours=row["keeps_hours"],
        fallback=row["fallback"],
        members=tuple(Member(*member) for member in row["members"]),
        former=tuple(row["former"]),
    )


def _policy(row: Mapping[str, Any]) -> Policy:
    accept = row["accept_minutes"]
    return Policy(
        key=row["key"],
        lead_types=frozenset(row["lead_types"]),
        tiers=frozenset(row["tiers"]),
        accept=None if accept is None else accept * 60,
        first_touch=row["first_touch_minutes"] * 60,
        no_activity=row["no_activity_minutes"] * 60,
        review=row["review_minutes"] * 60,
        real_time=row["real_time"],
    )
