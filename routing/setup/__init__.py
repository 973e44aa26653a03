"""The answers of the first-run wizard in, a company that can route its first lead out.

The door to it is a token that the server prints. It is kept as a hash, the newest one holds, and it ends when
the first administrator exists: from then on there is no door.
"""

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from django.db.models import Q
from django.utils.text import slugify

from leads.models import LeadType, Source
from leads.tokens import hash_token, new_token
from owners.configuration import changing
from owners.models import (
    Calendar,
    Installation,
    Membership,
    Owner,
    Pool,
    PoolMember,
    Team,
    Territory,
    TerritoryArea,
    User,
    WeeklyHours,
)
from owners.roles import Role, give_role
from owners.writer import writing
from routing.models import RuleSetVersion
from routing.setup.answers import Answers, Area, Colleague, Hours, Template
from routing.setup.rules import make_rules

__all__ = [
    "Answers", "Area", "Closed", "Colleague", "Hours", "Made", "Template", "WrongToken", "first_run", "new_door",
    "opens", "waits", "was_opened_with",
]  # fmt: skip


class Closed(Exception):
    """There is an administrator already: somebody else was faster, or the set-up is long over."""


class WrongToken(Exception):
    """The token is not the one that was printed last."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the first run made; the source's token is kept nowhere else."""

    user: User
    source: Source
    token: str
    version: RuleSetVersion


def waits() -> bool:
    """Whether nobody can administer this installation yet."""
    strong = Q(is_superuser=True) | Q(groups__name=Role.ADMINISTRATOR)
    return not User.objects.filter(strong, is_active=True).exists()


def new_door() -> str:
    """A fresh token for the wizard; the one before holds no longer. Raises Closed."""
    token = new_token()
    with writing():
        if not waits():
            raise Closed
        Installation.objects.update_or_create(id=1, defaults={"setup_token_hash": hash_token(token)})
    return token


def was_opened_with(token: str) -> bool:
    """Whether the set-up was finished with this token: whoever still holds its page was not the first."""
    return _holds("used_token_hash", token)


def opens(token: str) -> bool:
    """Whether the token is the one printed last, compared in constant time."""
    return _holds("setup_token_hash", token)


def _holds(column: str, token: str) -> bool:
    held = Installation.objects.filter(id=1).values_list(column, flat=True).first()
    return bool(held) and compare_digest(held, hash_token(token))


def first_run(answers: Answers, token: str, now: datetime) -> Made:
    """Make the administrator, the company and its first rules, all or nothing, in one writer transaction.

    Raises Closed when there is an administrator by now, WrongToken when the door's token is another.
    """
    with writing(), changing():
        if not waits():
            raise Closed
        if not opens(token):
            raise WrongToken
        Installation.objects.update_or_create(
            id=1,
            defaults={
                "company_name": answers.company,
                "time_zone": answers.time_zone,
                "setup_token_hash": "",
                "used_token_hash": hash_token(token),
            },
        )
        owners = _people(answers)
        admin = owners[answers.email]
        pool = _team(answers, owners)
        _territories(answers, owners, pool.team)
        source, secret = _source(answers, admin)
        version = make_rules(answers.template, admin, pool, answers.first_touch_minutes, now)
    return Made(admin.user, source, secret, version)


def _people(answers: Answers) -> dict[str, Owner]:
    """The owners by e-mail, each with a user: the administrator, and reps who cannot sign in until they have a
    password."""
    admin = User(username=answers.username, email=answers.email, password=answers.password_hash, is_superuser=True)
    owners = {answers.email: _owner(admin, answers.name, Role.ADMINISTRATOR, answers, answers.takes_leads)}
    for colleague in answers.colleagues:
        user = User(username=colleague.email[:150], email=colleague.email)
        user.set_unusable_password()
        owners[colleague.email] = _owner(user, colleague.name, Role.REP, answers, True)
    return owners


def _owner(user: User, name: str, role: Role, answers: Answers, takes_leads: bool) -> Owner:
    user.first_name, _, user.last_name = (part[:150] for part in name.partition(" "))
    user.save()
    give_role(user, role)
    return Owner.objects.create(
        user=user, key=_key(Owner, name), name=name, email=user.email, time_zone=answers.time_zone,
        accepts_leads=takes_leads,
    )  # fmt: skip


def _calendar(answers: Answers) -> Calendar:
    """The company's hours, which the team shares; holidays are proposed there once its country is given."""
    calendar = Calendar.objects.create(key="office_hours", name="Office hours", time_zone=answers.time_zone)
    hours = answers.hours
    WeeklyHours.objects.bulk_create(
        WeeklyHours(calendar=calendar, weekday=day, start_minute=hours.start_minute, end_minute=hours.end_minute)
        for day in hours.days
    )
    return calendar


def _team(answers: Answers, owners: dict[str, Owner]) -> Pool:
    """The team with everybody in it, and its pool with those who take leads, of whom one owner is the first.

    It takes leads at night too: their clocks begin in the morning, and nobody has to claim them from review.
    """
    admin = owners[answers.email]
    takers = answers.takers[:1] if answers.template == Template.ONE_OWNER else answers.takers
    key = _key(Team, answers.team)
    team = Team.objects.create(
        key=key,
        name=answers.team,
        lead=admin,
        fallback_owner=admin,
        calendar=_calendar(answers) if answers.hours.days else None,
    )
    Membership.objects.bulk_create(Membership(owner=owner, team=team) for owner in owners.values())
    pool = Pool.objects.create(
        key=_key(Pool, answers.team), name=answers.team, team=team, keeps_hours=False,
        when_empty=Pool.WhenEmpty.FALLBACK, fallback_owner=admin,
    )  # fmt: skip
    PoolMember.objects.bulk_create(
        PoolMember(pool=pool, owner=owners[email], position=position) for position, email in enumerate(takers)
    )
    team.default_pool = pool
    team.save(update_fields=["default_pool"])
    return pool


def _territories(answers: Answers, owners: dict[str, Owner], team: Team) -> None:
    for area in answers.areas if answers.template == Template.TERRITORIES else ():
        territory = Territory.objects.create(
            key=_key(Territory, area.name), name=area.name, owner=owners[area.email], team=team
        )
        TerritoryArea.objects.bulk_create(
            TerritoryArea(territory=territory, country=country) for country in area.countries
        )


def _source(answers: Answers, admin: Owner) -> tuple[Source, str]:
    token = new_token()
    source = Source.objects.create(
        key=_key(Source, answers.source_name), name=answers.source_name, kind=answers.source_kind, owner=admin,
        lead_type=LeadType.objects.get(key=answers.lead_type), token_hash=hash_token(token),
    )  # fmt: skip
    return source, token


def _key(model: type, name: str) -> str:
    """A free key made from a name; numbered where it is taken."""
    stem = slugify(name).replace("-", "_")[:70] or model.__name__.lower()
    taken = set(model.objects.filter(key__startswith=stem).values_list("key", flat=True))
    return next(key for key in (stem, *(f"{stem}_{n}" for n in range(2, len(taken) + 3))) if key not in taken)
