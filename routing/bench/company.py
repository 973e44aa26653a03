"""Nothing comes in, the people and pools of the benchmarks go out as rows; rules and leads are made elsewhere.

Twenty pools of twenty owners in four teams, all at work around the clock, so that a figure does not hang on
the hour of the day at which it was taken; their calendars are asked all the same.
"""

from leads.models import LeadType, Pipeline, Source, Stage
from leads.tokens import hash_token
from owners.models import Membership, Owner, Pool, PoolMember, Team, Territory, TerritoryArea, WeeklyHours
from routing.models import SlaPolicy

POOLS, MEMBERS, TEAMS = 20, 20, 4
SOURCE = "bench"
MARK = "revroute_bench"
"""System name of the one source of a database that belongs to the benchmarks."""
OWNER_PREFIX = "bench-"
TOKEN = "a-token-for-benchmarks"
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
TERRITORIES = {"us": "US", "dach": "DE", "france": "FR", "britain": "GB"}
ROOM = 100_000_000
"""Cap of open leads: it is checked for every owner, and never reached."""


def make_people() -> None:
    """Teams, owners, hours, pools, territories, policies, a pipeline, and last the source."""
    teams = Team.objects.bulk_create(
        Team(key=f"{OWNER_PREFIX}team-{number}", name=f"Team {number}") for number in range(1, TEAMS + 1)
    )
    owners = _make_owners()
    pool_of = [place // MEMBERS for place in range(len(owners))]
    Membership.objects.bulk_create(
        Membership(owner=owner, team=teams[pool % TEAMS]) for owner, pool in zip(owners, pool_of, strict=True)
    )
    pools = Pool.objects.bulk_create(
        Pool(key=f"line-{number + 1}", name=f"Line {number + 1}", team=teams[number % TEAMS]) for number in range(POOLS)
    )
    PoolMember.objects.bulk_create(
        PoolMember(pool=pools[pool], owner=owner, weight=1 + place % 3, position=place % MEMBERS)
        for place, (owner, pool) in enumerate(zip(owners, pool_of, strict=True))
    )
    _make_territories(teams[0])
    _make_promises()
    Source.objects.create(
        key=SOURCE, name="Benchmark", system_name=MARK, owner=owners[0], token_hash=hash_token(TOKEN),
        lead_type=LeadType.objects.get_or_create(key="contact", defaults={"name": "Contact"})[0],
    )  # fmt: skip


def _make_owners() -> list[Owner]:
    numbers = range(1, POOLS * MEMBERS + 1)
    owners = Owner.objects.bulk_create(
        Owner(
            key=f"{OWNER_PREFIX}{number}", name=f"Owner {number}", email=f"owner{number}@revroute.example",
            time_zone=ZONES[number % len(ZONES)], languages=["en"], cap_open=ROOM, cap_day=ROOM,
        )
        for number in numbers
    )  # fmt: skip
    WeeklyHours.objects.bulk_create(
        WeeklyHours(owner=owner, weekday=day, start_minute=0, end_minute=1440) for owner in owners for day in range(7)
    )
    return owners


def _make_territories(team: Team) -> None:
    territories = Territory.objects.bulk_create(Territory(key=key, name=key.title(), team=team) for key in TERRITORIES)
    TerritoryArea.objects.bulk_create(
        TerritoryArea(territory=territory, country=TERRITORIES[territory.key]) for territory in territories
    )


def _make_promises() -> None:
    SlaPolicy.objects.bulk_create(
        [
            SlaPolicy(key="hot", name="Hot", lead_types=["demo", "trial"], position=1, first_touch_minutes=5),
            SlaPolicy(key="usual", name="Usual", position=2, first_touch_minutes=30, no_activity_minutes=60),
        ]
    )
    pipeline = Pipeline.objects.create(key="sales", name="Sales")
    Stage.objects.create(pipeline=pipeline, key="new", name="New")
