"""A configuration revision (JSON) in; compiled people, pools, territories and policies out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from owners.business_time import ALWAYS, Hours, HoursError
from routing.engine.ladder import BUILT_IN, OF_ITEMS, Ladder, read_ladder
from routing.engine.map import Key, Map
from routing.engine.rotation import Member


@dataclass(frozen=True, slots=True)
class Person:
    """An owner as the checks see them. `absences`: (start, end) half-open, UTC. `hours`: working time with
    absences; None where it cannot be read, and then they take no lead. `cover_ends`: from when on nobody covers."""

    id: int
    key: str
    name: str
    state: str
    accepts: bool
    teams: tuple[int, ...]
    cover: int | None
    cover_ends: datetime | None
    zone: str
    hours: Hours | None
    absences: tuple[tuple[datetime, datetime], ...]
    languages: frozenset[str]
    services: frozenset[str]
    skills: frozenset[str]
    sources: frozenset[str]
    cap_open: int | None
    cap_day: int | None
    cap_week: int | None
    booking_url: str
    channels: tuple[str, ...]
    tightest: bool = False
    """Whether the tightest cap is named, with the zone of its day; revisions from before name the first one."""

    def cover_at(self, now: datetime) -> int | None:
        """Who takes this person's leads at `now`."""
        return None if self.cover_ends is not None and self.cover_ends <= now else self.cover

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
    calendar: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds of a member besides their turn: half-open [`starts`, `ends`), and caps of this pool alone."""

    starts: datetime | None = None
    ends: datetime | None = None
    cap_open: int | None = None
    cap_day: int | None = None
    cap_week: int | None = None

    @property
    def capped(self) -> bool:
        return not (self.cap_open is None and self.cap_day is None and self.cap_week is None)


NO_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class PoolOf:
    """A pool. `when_empty`: review, fallback or hold; `method`: rotation, least_loaded, fixed_order or claim.

    `wait`: minutes that a lead is held or waits to be claimed, before `next` or, without one, `named` is asked.
    `terms`: by member id, of those who have any.
    """

    id: int
    key: str
    name: str
    team: int | None
    keeps_hours: bool
    fallback: int | None
    members: tuple[Member, ...]
    former: tuple[int, ...]
    method: str = "rotation"
    when_empty: str = "review"
    wait: int = 60
    next: int | None = None
    named: int | None = None
    catch_up: int = 0
    terms: Mapping[int, Terms] = field(default_factory=dict)

    @property
    def capped(self) -> dict[int, int]:
        """Owner by member id, of members who have caps."""
        terms = self.terms
        if not terms:
            return {}
        return {row.id: row.owner for row in self.members if row.id in terms and terms[row.id].capped}

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
    """An SLA policy; budgets in seconds; `accept` may be missing. `hours_of`: owner, team or policy, which then names
    its `calendar`. `ladders` by kind of clock, of those that are not built in."""

    key: str
    lead_types: frozenset[str]
    tiers: frozenset[str]
    accept: int | None
    first_touch: int
    no_activity: int
    review: int
    real_time: bool
    sources: frozenset[str] = frozenset()
    assign: int = 60
    crm: int = 15 * 60
    hours_of: str = "owner"
    calendar: int | None = None
    ladders: Mapping[str, Ladder] = field(default_factory=dict)

    def fits(self, lead_type: str, tier: str, source: str) -> bool:
        """Whether it is for such a lead; a criterion that it does not name fits any."""
        asked = ((self.lead_types, lead_type), (self.tiers, tier), (self.sources, source))
        return all(not named or value in named for named, value in asked)

    def ladder(self, kind: str) -> Ladder:
        """What is done about clocks of the kind. Items that wait for a pool have the ladder of items in review."""
        return self.ladders.get("review" if kind in OF_ITEMS else kind) or BUILT_IN[kind]


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
    map: Map
    by_area: Mapping[Key, TerritoryOf]
    """The territories by what areas of the map name them by."""
    policies: tuple[Policy, ...]
    high_intent: Mapping[str, bool]
    pipelines: Mapping[str, Mapping[str, tuple[int, int]]]
    """Pipeline key → stage key → (pipeline id, stage id)."""
    sources: Mapping[int, SourceOf]
    around: dict[int, frozenset[int]] = field(default_factory=dict, compare=False, repr=False)
    """What `routing.engine.needs` worked out: pool → owners whose numbers it may need."""
    no_caps: frozenset[str] = frozenset()
    """Keys of the lead types that fill no cap."""
    until_touched: bool = False
    """Whether a lead stops counting as open with its first human touch."""
    capped: Mapping[int, int] = field(default_factory=dict)
    """Owner by member id, of all members of pools who have caps there."""
    calendars: Mapping[int, Hours] = field(default_factory=dict)
    """Working time by calendar, of those that have an open hour."""
    lists: Mapping[str, str] = field(default_factory=dict)
    """Named lists: key → digest of what it holds."""

    def fills(self, lead_type: str) -> bool:
        """Whether leads of the type fill caps at all."""
        return lead_type not in self.no_caps

    def territory_of(self, country: str, region: str, postal_code: str, city: str = "") -> TerritoryOf | None:
        """The territory of a place, as `Map` finds it."""
        found = self.map.find(country, region, city, postal_code)
        return None if found is None else self.by_area.get(found)

    def policy_for(self, key: str, lead_type: str, tier: str, source: str = "") -> Policy:
        """The policy a rule names, else the first that fits; the built-in one when none does."""
        for policy in self.policies:
            if policy.key == key:
                return policy
        for policy in self.policies:
            if policy.fits(lead_type, tier, source):
                return policy
        return BUILT_IN_POLICY


BUILT_IN_POLICY = Policy("built_in", frozenset(), frozenset(), None, 15 * 60, 30 * 60, 60 * 60, False)


def compile_people(revision: int, content: Mapping[str, Any], map: Map | None = None) -> People:
    """`content` as `routing.revision` writes it; ids as JSON numbers, keyed lists as arrays of objects. `map`: the one
    that the content names; earlier revisions hold their areas themselves."""
    territories = [TerritoryOf(**row) for row in content["territories"]]
    pools = {row["id"]: _pool(row) for row in content["pools"]}
    return People(
        revision=revision,
        owners=_persons(content),
        teams={row["id"]: TeamOf(**row) for row in content["teams"]},
        pools=pools,
        territories={territory.key: territory for territory in territories},
        map=_map_within(content) if map is None else map,
        by_area={name: territory for territory in territories for name in (territory.id, territory.key)},
        policies=tuple(_policy(row) for row in content["policies"]),
        high_intent={row["key"]: row["high_intent"] for row in content["lead_types"]},
        pipelines={row["key"]: {key: (row["id"], id) for key, id in row["stages"]} for row in content["pipelines"]},
        sources={row["id"]: SourceOf(**row) for row in content["sources"]},
        no_caps=frozenset(row["key"] for row in content["lead_types"] if not row.get("fills_caps", True)),
        until_touched=content.get("open_until") == "touched",
        calendars=_calendars(content),
        lists=content.get("lists", {}),
        capped=dict(pair for pool in pools.values() for pair in pool.capped.items()) if _tightest(content) else {},
    )


def _map_within(content: Mapping[str, Any]) -> Map:
    """The map of a revision from before maps were revisions of their own."""
    areas = content.get("areas", ())
    rows = ((area["country"], area["region"], "", area["postal_prefix"], "", "", area["territory"]) for area in areas)
    return Map(rows, by_letter=True)


Row = Mapping[str, Any]
Spans = tuple[tuple[datetime, datetime], ...]
NO_CALENDAR: Row = {"zone": "", "hours": [], "breaks": [], "days": []}


def _tightest(content: Row) -> bool:
    """Whether the revision is of a time when members' caps bound and the tightest cap was named."""
    return "open_until" in content


def _calendars(content: Row) -> dict[int, Hours]:
    rows = content.get("calendars", ())
    built: dict[Any, Hours | None] = {}
    weeks = {row["id"]: _week_of(NO_CALENDAR, row) for row in rows if row["hours"]}
    found = {id: _hours(week, (), built) for id, week in weeks.items()}
    return {id: hours for id, hours in found.items() if hours is not None}


def _persons(content: Row) -> dict[int, Person]:
    """Everybody with their hours: their own blocks, else those of their calendar, else of the first team with one."""
    calendars = {row["id"]: row for row in content.get("calendars", ())}
    of_team = {row["id"]: row.get("calendar") for row in content["teams"]}
    built: dict[Any, Hours | None] = {}
    found = {}
    for row in content["owners"]:
        named = row.get("calendar") or next((of_team[team] for team in row["teams"] if of_team.get(team)), None)
        found[row["id"]] = _person(row, calendars.get(named, NO_CALENDAR), built, _tightest(content))
    return found


def _person(row: Row, calendar: Row, built: dict[Any, Hours | None], tightest: bool) -> Person:
    absences = tuple((datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in row["absences"])
    hours = _hours(_week_of(row, calendar), absences, built)
    until = row.get("cover_until")
    return Person(
        id=row["id"],
        key=row["key"],
        name=row["name"],
        state=row["state"],
        accepts=row["accepts"],
        teams=tuple(row["teams"]),
        cover=row["cover"],
        cover_ends=datetime.fromisoformat(until) if until else None,
        zone=row["zone"] if hours else "UTC",
        hours=hours,
        absences=absences,
        languages=frozenset(row["languages"]),
        services=frozenset(row["services"]),
        skills=frozenset(row.get("skills", ())),
        sources=frozenset(row["sources"]),
        cap_open=row["cap_open"],
        cap_day=row["cap_day"],
        cap_week=row["cap_week"],
        booking_url=row["booking_url"],
        channels=tuple(row["channels"]),
        tightest=tightest,
    )


Week = tuple[str, tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]
"""(zone, work blocks, breaks, special days)."""


def _week_of(row: Row, calendar: Row) -> Week:
    """Own work blocks are read in the person's zone and outrank the calendar's, with their breaks; an own special
    day outranks the calendar's of that date."""
    own = row["hours"]
    source = row if own else calendar
    zone = row["zone"] if own else calendar["zone"] or row["zone"]
    days = _days(calendar["days"]) | _days(row.get("days", ()))
    breaks = (*map(tuple, source.get("breaks", ())),) if source["hours"] else ()
    return zone, (*map(tuple, source["hours"]),), breaks, (*sorted(days.items()),)


def _days(rows: Any) -> dict[date, tuple[tuple[int, int], ...]]:
    """Rows (date, start minute, end minute) by date; a date without minutes is closed."""
    found: dict[date, tuple[tuple[int, int], ...]] = {}
    for day, start, end in rows:
        at = date.fromisoformat(day)
        found[at] = (*found.get(at, ()), *(((start, end),) if start is not None else ()))
    return found


def _hours(week: Week, absences: Spans, built: dict[Any, Hours | None]) -> Hours | None:
    """Working time. Without blocks it is any time. One bad row must not stop everybody else's routing.

    `built`: what was made for others already; people of one calendar without absences share it.
    """
    zone, blocks, breaks, days = week
    if not blocks and not absences and not days and zone == ALWAYS.zone:
        return ALWAYS
    key = (week, absences)
    if key not in built:
        try:
            built[key] = Hours(zone, blocks or ALWAYS.weekly, absences, breaks, days)
        except HoursError:
            built[key] = None
    return built[key]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _terms(members: Any) -> dict[int, Terms]:
    """Dates and caps by member id, of members who have any; rows of earlier revisions have none."""
    return {
        id: Terms(_moment(terms[0]), _moment(terms[1]), *terms[2:])
        for id, _owner, _weight, _position, *terms in members
        if any(term is not None for term in terms)
    }


def _pool(row: Mapping[str, Any]) -> PoolOf:
    return PoolOf(
        id=row["id"],
        key=row["key"],
        name=row["name"],
        team=row["team"],
        keeps_hours=row["keeps_hours"],
        fallback=row["fallback"],
        members=tuple(Member(*member[:4]) for member in row["members"]),
        former=tuple(row["former"]),
        method=row.get("method", "rotation"),
        when_empty=row.get("when_empty", "fallback" if row["fallback"] else "review"),
        wait=row.get("wait", 60),
        next=row.get("next"),
        named=row.get("named"),
        catch_up=row.get("catch_up", 0),
        terms=_terms(row["members"]),
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
        sources=frozenset(row.get("sources", ())),
        assign=row.get("assign_minutes", 1) * 60,
        crm=row.get("crm_minutes", 15) * 60,
        hours_of=row.get("hours_of", "owner"),
        calendar=row.get("calendar"),
        ladders={kind: read_ladder(content) for kind, content in row.get("ladders", {}).items()},
    )
