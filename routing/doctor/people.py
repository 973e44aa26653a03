"""What was seen in, problems with owners, teams, pools, territories and sources out; leaves rules alone."""

from collections.abc import Iterator
from datetime import timedelta

from leads.models import Source
from owners.areas import crossing
from owners.cover import circle
from routing.doctor.finding import ERROR, WARNING, Finding, counted, listed
from routing.doctor.seen import Seen
from routing.engine.people import Person, PoolOf, TeamOf, TerritoryOf
from routing.engine.values import Load

OWNER, TEAM, POOL = ("owners", "owner"), ("owners", "team"), ("owners", "pool")
TERRITORY, SOURCE, USER = ("owners", "territory"), ("leads", "source"), ("owners", "user")
DAY = timedelta(days=1)
LONGEST_LOOP = 5
"""Of a longer circle so many people are named."""


def problems(seen: Seen) -> Iterator[Finding]:
    """Pools first, because most leads go through them."""
    used = pools_in_use(seen)
    for pool in seen.people.pools.values():
        yield from _pool(seen, pool, pool.id in used)
    for territory in seen.people.territories.values():
        yield from _territory(seen, territory)
    yield from _areas(seen)
    for person in seen.people.owners.values():
        yield from _owner(seen, person)
    yield from _drift(seen)
    yield from _cover_loops(seen)
    for team in seen.people.teams.values():
        yield from _team(seen, team)
    yield from _sources(seen)
    if names := list(seen.reps_without_owner):
        who = f"{listed(names)} {'are reps' if len(names) > 1 else 'is a rep'}"
        yield Finding(WARNING, "rep_without_owner", f"{who} without an owner, so they can get no lead.", *USER)


def _drift(seen: Seen) -> Iterator[Finding]:
    """Counts that are not what the rows say would give people too many leads, or none."""
    if not seen.drift:
        return
    first, more = seen.drift[0], len(seen.drift) - 1
    others = f", and {counted(more, 'other')}" if more else ""
    sentence = (
        f"Caps go by wrong counts: {first.who} has {_load(first.counted)} and is counted with"
        f" {_load(first.kept)}{others}. Run: manage.py recount"
    )
    yield Finding(ERROR, "loads_drifted", sentence, "routing", "ownerload")


def _load(load: Load) -> str:
    return f"{load.open} open, {load.day} of the day and {load.week} of the week"


def pools_in_use(seen: Seen) -> set[int | None]:
    """The pools that a published rule leads to, itself or by way of a team."""
    used: set[int | None] = set()
    for rule in seen.published["content"]["rules"] if seen.published else ():
        target = rule["target"]
        if target["kind"] == "pool":
            used.add(target["pool"])
        elif target["kind"] == "team" and (team := seen.people.teams.get(target["team"])):
            used.add(team.pool)
    return used


def _pool(seen: Seen, pool: PoolOf, used: bool) -> Iterator[Finding]:
    people = [seen.person(member.owner) for member in pool.members]
    if not any(person and person.state == "active" and person.accepts for person in people):
        severity = ERROR if used and not _stands_in(seen, pool) else WARNING
        sentence = f"Pool {pool.name} has no active member who accepts leads."
        if used:
            sentence += " A published rule leads to it."
        yield Finding(severity, "pool_empty", sentence, *POOL, pool.id)
    elif gone := [person.name for person in people if person and person.state != "active"]:
        sentence = (
            f"Pool {pool.name} still has {listed(gone)} as {'members' if len(gone) > 1 else 'a member'}, who left."
        )
        yield Finding(WARNING, "pool_member_gone", sentence, *POOL, pool.id)
    fallback = seen.person(pool.fallback)
    if fallback is None:
        return
    if gone := seen.state(fallback.id):
        sentence = f"Pool {pool.name} falls back to {fallback.name}, who {gone}. Choose somebody else."
        yield Finding(WARNING, "pool_fallback_gone", sentence, *POOL, pool.id)
    elif until := fallback.absent_until(seen.now):
        sentence = f"Pool {pool.name} falls back to {fallback.name}, who is away until {until:%Y-%m-%d %H:%M} UTC."
        yield Finding(WARNING, "pool_fallback_away", sentence, *POOL, pool.id)


def _stands_in(seen: Seen, pool: PoolOf) -> bool:
    team = seen.people.teams.get(pool.team or 0)
    return seen.active(pool.fallback) or (team is not None and seen.active(team.fallback))


def _territory(seen: Seen, territory: TerritoryOf) -> Iterator[Finding]:
    team = seen.people.teams.get(territory.team or 0)
    if territory.owner is None:
        if team is None or not seen.active(team.fallback):
            what = "has neither an owner nor a team that stands in" if team is None else f"has only team {team.name}"
            end = "." if team is None else ", which has no active fallback owner."
            sentence = f"Territory {territory.name} {what}{end} Its leads go to review."
            yield Finding(ERROR, "territory_unowned", sentence, *TERRITORY, territory.id)
    elif gone := seen.state(territory.owner):
        person = seen.person(territory.owner)
        stands_in = (person and seen.active(person.cover)) or (team and seen.active(team.fallback))
        end = "Others stand in; name a new owner." if stands_in else "Nobody stands in: its leads go to review."
        sentence = f"Territory {territory.name} belongs to {seen.name(territory.owner)}, who {gone}. {end}"
        yield Finding(WARNING if stands_in else ERROR, "territory_owner_gone", sentence, *TERRITORY, territory.id)


def _areas(seen: Seen) -> Iterator[Finding]:
    """Ranges that cross: forms and imports refuse them, so these came another way."""
    for area, other in crossing(seen.ranges):
        names = [seen.ranges[each] for each in (area, other)]
        sentence = (
            f"The ranges {area} of territory {names[0]} and {other} of territory {names[1]} overlap, and neither lies"
            " within the other. Let one end before the other begins."
        )
        yield Finding(ERROR, "areas_overlap", sentence, "owners", "territoryarea")


def _owner(seen: Seen, person: Person) -> Iterator[Finding]:
    if person.state != "active":
        return
    if person.hours is None:
        sentence = (
            f"The working hours of {person.name} cannot be read (blocks overlap, or the zone is unknown), so they"
            " get no lead."
        )
        yield Finding(ERROR, "hours_unreadable", sentence, *OWNER, person.id)
    until = person.absent_until(seen.now)
    if until and person.cover is not None and person.cover_at(seen.now) is None:
        sentence = (
            f"{person.name} is away until {until:%Y-%m-%d %H:%M} UTC, and {seen.name(person.cover)} covers no longer:"
            f" the cover ended at {person.cover_ends:%Y-%m-%d %H:%M} UTC. Set a later end, or empty it."
        )
        yield Finding(WARNING, "cover_ended", sentence, *OWNER, person.id)
    elif person.cover is not None and (gone := seen.state(person.cover)):
        sentence = f"{seen.name(person.cover)}, who covers for {person.name}, {gone}. Name another cover person."
        yield Finding(WARNING, "cover_gone", sentence, *OWNER, person.id)
    if not seen.emails.get(person.id) and (not person.channels or "email" in person.channels):
        only = person.channels == ("email",)
        end = "and nothing else, so no alert reaches them." if only else "so only the app tells them."
        sentence = f"{person.name} wants alerts by e-mail but has no address, {end}"
        yield Finding(ERROR if only else WARNING, "owner_without_email", sentence, *OWNER, person.id)


def _cover_loops(seen: Seen) -> Iterator[Finding]:
    """Each circle of covers once, from its first owner on; when all of it is away, nobody is asked."""
    active = {id: person for id, person in seen.people.owners.items() if person.state == "active"}
    covers = {id: cover for id, person in active.items() if (cover := person.cover_at(seen.now)) in active}
    told: set[int] = set()
    for start in covers:
        loop = circle(start, covers[start], covers)
        if loop and not told.intersection(loop):
            told.update(loop)
            shown = [seen.name(id) for id in loop[:LONGEST_LOOP]]
            shown += [f"{len(loop) - LONGEST_LOOP} more"] if len(loop) > LONGEST_LOOP else []
            names = " → ".join([*shown, seen.name(loop[0])])
            sentence = f"Covers go round in a circle: {names}. When they are all away, nobody stands in."
            yield Finding(WARNING, "cover_loop", sentence, *OWNER, loop[0])


def _team(seen: Seen, team: TeamOf) -> Iterator[Finding]:
    for role, owner in (("lead", team.lead), ("fallback owner", team.fallback)):
        code = f"team_{role.split()[0]}"
        if owner is None:
            sentence = f"Team {team.name} has no {role}."
            yield Finding(WARNING, f"{code}_missing", sentence, *TEAM, team.id)
        elif gone := seen.state(owner):
            sentence = f"{seen.name(owner)}, the {role} of team {team.name}, {gone}."
            yield Finding(WARNING, f"{code}_gone", sentence, *TEAM, team.id)


def _sources(seen: Seen) -> Iterator[Finding]:
    for source in seen.sources:
        id, name = source["id"], source["name"]
        if not source["active"]:
            if source["latest"] and source["latest"] > seen.now - DAY:
                sentence = f"Source {name} is switched off and still sends: what came within a day is in review."
                yield Finding(WARNING, "inactive_source_sends", sentence, *SOURCE, id)
            continue
        if gone := seen.state(source["owner_id"]):
            sentence = f"{seen.name(source['owner_id'])}, who answers for source {name}, {gone}. Name somebody else."
            yield Finding(WARNING, "source_owner_gone", sentence, *SOURCE, id)
        if not source["token_hash"] and source["kind"] != Source.Kind.IMPORT:
            sentence = f"Source {name} has no token, so nobody can post to it. Make one."
            yield Finding(ERROR, "source_without_token", sentence, *SOURCE, id)
    if not any(source["active"] for source in seen.sources):
        count = counted(len(seen.sources), "source")
        sentence = "There is no source, so no lead can come in." if not seen.sources else f"None of {count} is active."
        yield Finding(WARNING, "no_active_source", sentence, *SOURCE)
