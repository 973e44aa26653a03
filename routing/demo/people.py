"""Users in; the demo's owners with calendars, hours, absences and covers, its teams, territories and pools out."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from owners.holidays import holidays_of
from owners.models import (
    Absence,
    Calendar,
    Membership,
    Owner,
    Pool,
    PoolMember,
    SpecialDay,
    Team,
    Territory,
    TerritoryArea,
    User,
    WeeklyHours,
)
from routing.demo.access import DOMAIN


class Shift(NamedTuple):
    """Days of the week from 0 for Monday; on each the same blocks, in minutes after midnight."""

    days: range
    blocks: tuple[tuple[int, int], ...]


OFFICE = Shift(range(5), ((9 * 60, 17 * 60 + 30),))
EARLY = Shift(range(5), ((7 * 60, 15 * 60 + 30),))
WEEKEND = Shift(range(2, 7), ((8 * 60 + 30, 12 * 60 + 30), (13 * 60 + 15, 17 * 60 + 15)))  # from Wednesday
ANY_HOUR = Shift(range(0), ())
LUNCH = ((12 * 60 + 30, 13 * 60 + 15),)

# key, name, zone, country and region of its holidays. Who works there in office hours has the office's calendar.
OFFICES = (
    ("berlin", "Berlin office", "Europe/Berlin", "DE", "BE"),
    ("new_york", "New York office", "America/New_York", "US", "NY"),
    ("singapore", "Singapore office", "Asia/Singapore", "SG", ""),
)


class Rep(NamedTuple):
    """`cover`: who takes this rep's leads when they cannot."""

    key: str
    name: str
    team: str
    zone: str
    shift: Shift
    cover: str
    fields: dict[str, Any]


# Covers never go round in a circle: each line ends with Nadia.
REPS = (
    Rep("elena", "Elena Rossi", "operations_architecture", "Europe/Berlin", ANY_HOUR, "nadia",
        {"languages": ["en", "it", "de"], "service_lines": ["crm_workflow_repair", "automation_audit"],
         "cap_open": 200}),
    Rep("marco", "Marco Weber", "operations_architecture", "Europe/Berlin", OFFICE, "elena",
        {"languages": ["en", "de"], "cap_open": 60, "cap_day": 20}),
    Rep("ingrid", "Ingrid Solberg", "operations_architecture", "Europe/Berlin", WEEKEND, "marco",
        {"languages": ["en", "de", "no"], "cap_open": 40, "cap_day": 15}),
    Rep("maya", "Maya Johnson", "americas", "America/New_York", OFFICE, "dylan",
        {"languages": ["en"], "cap_open": 60, "cap_day": 20}),
    Rep("carlos", "Carlos Mendes", "americas", "America/New_York", EARLY, "maya",
        {"languages": ["en", "es", "pt"], "cap_open": 40}),
    Rep("dylan", "Dylan Brooks", "americas", "America/New_York", WEEKEND, "nadia",
        {"languages": ["en"], "cap_week": 60}),
    Rep("kenji", "Kenji Tanaka", "asia_pacific", "Asia/Singapore", OFFICE, "liam",
        {"languages": ["en", "ja"], "cap_open": 60, "cap_day": 20}),
    Rep("priya", "Priya Nair", "asia_pacific", "Asia/Singapore", EARLY, "kenji",
        {"languages": ["en", "hi"], "service_lines": ["api_integration", "data_migration"], "cap_open": 40}),
    Rep("liam", "Liam Chen", "asia_pacific", "Asia/Singapore", WEEKEND, "nadia",
        {"languages": ["en", "zh"], "cap_open": 40, "cap_day": 15}),
    Rep("sofia", "Sofia Duarte", "customer_success", "Europe/Berlin", OFFICE, "omar",
        {"languages": ["en", "pt", "es"], "cap_open": 60}),
    Rep("omar", "Omar Haddad", "customer_success", "America/New_York", OFFICE, "nadia",
        {"languages": ["en", "fr", "ar"], "cap_open": 60}),
    Rep("nadia", "Nadia Petrova", "customer_success", "Europe/Berlin", ANY_HOUR, "",
        {"languages": ["en", "de", "ru"]}),
)  # fmt: skip

# They answer for rules, sources and review items, and take no leads themselves.
OTHERS = (("admin", "Victor Lang"), ("revops", "Rita Moreno"), ("manager", "Miriam Cole"))

# key, name, fallback owner, default pool
TEAMS = (
    ("operations_architecture", "Operations architecture", "elena", "architects"),
    ("americas", "Americas", "nadia", ""),
    ("asia_pacific", "Asia-Pacific", "nadia", ""),
    ("customer_success", "Customer success", "nadia", ""),
)

# key, name, owner, team, countries
TERRITORIES = (
    ("europe", "Europe", "elena", "operations_architecture",
     "AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK UA"),
    ("americas", "Americas", "maya", "americas",
     "AR BO BR CA CL CO CR DO EC GT HN JM MX NI PA PE PR PY SV TT US UY VE"),
    ("asia_pacific", "Asia-Pacific", "kenji", "asia_pacific",
     "AU BD CN HK ID IN JP KH KR LK MO MY NP NZ PH PK SG TH TW VN"),
)  # fmt: skip

# key, name, team, members with weight; when nobody is in, Nadia
POOLS = (
    ("follow_the_sun", "Follow the sun", "",
     {"marco": 2, "ingrid": 1, "maya": 2, "dylan": 1, "kenji": 2, "liam": 1}),
    ("architects", "Architects", "operations_architecture", {"elena": 1, "marco": 2, "ingrid": 1}),
    ("german_desk", "German desk", "", {"marco": 1, "ingrid": 1}),
)  # fmt: skip


def make_calendars(now: datetime, by: User) -> dict[str, Calendar]:
    """The offices by zone: hours with a break at noon, and the holidays that `by` accepted."""
    years = range((now - timedelta(days=90)).year, now.year + 2)  # the past that is played has its holidays, too
    calendars = {}
    for key, name, zone, country, region in OFFICES:
        calendar = Calendar.objects.create(
            key=key, name=name, time_zone=zone, holiday_country=country, holiday_region=region
        )
        WeeklyHours.objects.bulk_create(
            WeeklyHours(calendar=calendar, kind=kind, weekday=weekday, start_minute=start, end_minute=end)
            for weekday in OFFICE.days
            for kind, blocks in ((WeeklyHours.Kind.WORK, OFFICE.blocks), (WeeklyHours.Kind.BREAK, LUNCH))
            for start, end in blocks
        )
        SpecialDay.objects.bulk_create(
            SpecialDay(calendar=calendar, day=holiday.day, name=holiday.name, proposed=True, recorded_by=by)
            for holiday in holidays_of(country, region, years)
        )
        calendars[zone] = calendar
    return calendars


def make_owners(users: dict[str, User], offices: dict[str, Calendar]) -> dict[str, Owner]:
    """The owners by key, with their office or their own hours, and their covers."""
    rows = [Owner(key=key, name=name, accepts_leads=False, **_account(users[key])) for key, name in OTHERS]
    rows += [
        Owner(
            key=rep.key, name=rep.name.partition(" ")[0], time_zone=rep.zone, **rep.fields, **_account(users[rep.key]),
            booking_url=f"https://meet.demo.example/{rep.key}",
            calendar=offices[rep.zone] if rep.shift is OFFICE else None,
        )
        for rep in REPS
    ]  # fmt: skip
    owners = {owner.key: owner for owner in Owner.objects.bulk_create(rows)}
    for rep in REPS:
        owners[rep.key].cover = owners.get(rep.cover)
    Owner.objects.bulk_update(owners.values(), ["cover"])
    WeeklyHours.objects.bulk_create(
        WeeklyHours(owner=owners[rep.key], weekday=weekday, start_minute=start, end_minute=end)
        for rep in REPS
        if rep.shift is not OFFICE
        for weekday in rep.shift.days
        for start, end in rep.shift.blocks
    )
    return owners


def _account(user: User) -> dict[str, Any]:
    return {"user": user, "email": user.username + DOMAIN}


def make_absences(owners: dict[str, Owner], now: datetime) -> None:
    """One that is over and one to come, so that the company is fully staffed on its first day."""
    week = timedelta(days=7)
    Absence.objects.bulk_create(
        Absence(owner=owners[key], starts_at=starts_at, ends_at=starts_at + week, reason="Holiday")
        for key, starts_at in (("carlos", now - 3 * week), ("ingrid", now + 2 * week))
    )


def make_teams(owners: dict[str, Owner]) -> dict[str, Team]:
    """The teams by key, with members, territories and the manager as their lead."""
    rows = [
        Team(key=key, name=name, lead=owners["manager"], fallback_owner=owners[fallback])
        for key, name, fallback, _ in TEAMS
    ]
    teams = {team.key: team for team in Team.objects.bulk_create(rows)}
    Membership.objects.bulk_create(Membership(owner=owners[rep.key], team=teams[rep.team]) for rep in REPS)
    for key, name, owner, team, countries in TERRITORIES:
        territory = Territory.objects.create(key=key, name=name, owner=owners[owner], team=teams[team])
        TerritoryArea.objects.bulk_create(
            TerritoryArea(territory=territory, country=country) for country in countries.split()
        )
    return teams


def make_pools(teams: dict[str, Team], owners: dict[str, Owner]) -> dict[str, Pool]:
    """The pools by key with their members; then each team's default pool."""
    rows = [
        Pool(
            key=key, name=name, team=teams.get(team), when_empty=Pool.WhenEmpty.FALLBACK, fallback_owner=owners["nadia"]
        )
        for key, name, team, _ in POOLS
    ]  # fmt: skip
    pools = {pool.key: pool for pool in Pool.objects.bulk_create(rows)}
    PoolMember.objects.bulk_create(
        PoolMember(pool=pools[key], owner=owners[member], weight=weight, position=position)
        for key, _, _, members in POOLS
        for position, (member, weight) in enumerate(members.items())
    )
    for key, _, _, pool in TEAMS:
        teams[key].default_pool = pools.get(pool)
    Team.objects.bulk_update(teams.values(), ["default_pool"])
    return pools
