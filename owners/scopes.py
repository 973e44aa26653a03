"""A user in, the people, teams, pools and territories they may see out, as querysets. Rows outside do not exist.

Each app keeps the scopes of its own models; `visible` finds the one of any model, for screens that are the same
for all of them.
"""

from collections.abc import Callable
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from owners.models import (
    Absence,
    Calendar,
    Delegation,
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
from owners.roles import Act, Machine, Reach, may, reach_of

Scope = Callable[[Any], QuerySet]
SCOPES: dict[type[models.Model], Scope] = {}


def scope_of(*kinds: type[models.Model]) -> Callable[[Scope], Scope]:
    """Make a function the scope of these models."""

    def register(scope: Scope) -> Scope:
        for kind in kinds:
            SCOPES[kind] = scope
        return scope

    return register


def visible(model: type[models.Model], user: Any) -> QuerySet:
    """Rows of `model` that `user` may see; of a model without a scope, those see all who see everything."""
    if scope := SCOPES.get(model):
        return scope(user)
    return only_all(model, user)


def only_all(model: type[models.Model], user: Any) -> QuerySet:
    """All rows for whoever sees everything, else none."""
    rows = model._default_manager.all()
    return rows if reach_of(user) == Reach.ALL else rows.none()


def shared(model: type[models.Model], user: Any) -> QuerySet:
    """All rows for everybody with a role: words of the company's own, such as its sources and stages."""
    rows = model._default_manager.all()
    return rows.none() if reach_of(user) == Reach.NOTHING else rows


def owner_of(user: Any) -> int | None:
    """The id of the owner that the user is; one query, kept on the object."""
    if isinstance(user, Machine) or not user.is_authenticated:
        return None
    if not hasattr(user, "_owner_id"):
        user._owner_id = Owner.objects.filter(user=user.pk).values_list("pk", flat=True).first()
    return user._owner_id


def managed_teams(user: Any) -> tuple[int, ...]:
    """Ids of the teams whose lead the user is, or which were delegated to them; one query, kept on the object."""
    if isinstance(user, Machine) or not user.is_authenticated:
        return ()
    if not hasattr(user, "_managed_teams"):
        # The database's own clock: a scope is asked for by every screen, and none of them moves time.
        held = Delegation.objects.filter(Q(until__isnull=True) | Q(until__gt=Now()), to__user=user.pk)
        teams = Team.objects.filter(Q(lead__user=user.pk) | Q(pk__in=held.values("team")))
        user._managed_teams = tuple(teams.order_by("pk").values_list("pk", flat=True))
    return user._managed_teams


def people_of(user: Any) -> tuple[int, ...]:
    """Ids of the owners within a manager's or a rep's reach: themselves, and members of managed teams.

    As numbers and not as a subquery, so that leads are found by their index; one query, kept on the object.
    """
    if reach_of(user) != Reach.TEAMS:
        return () if (owner := owner_of(user)) is None else (owner,)
    if not hasattr(user, "_people"):
        members = Membership.objects.filter(team__in=managed_teams(user)).values("owner")
        people = Owner.objects.filter(Q(user=user.pk) | Q(pk__in=members))
        user._people = tuple(people.order_by("pk").values_list("pk", flat=True))
    return user._people


def owned(user: Any, field: str = "owner") -> Q:
    """Rows whose owner is within a manager's or a rep's reach. Never those without an owner."""
    return Q(**{f"{field}__in": people_of(user)})


@scope_of(Owner)
def visible_owners(user: Any) -> QuerySet[Owner]:
    """Manager: members of managed teams and themselves. Rep: themselves."""
    return by_reach(Owner, user, lambda: Q(pk__in=people_of(user)))


@scope_of(Team)
def visible_teams(user: Any) -> QuerySet[Team]:
    """Manager: the managed ones. Rep: those they belong to."""
    return by_reach(Team, user, lambda: Q(pk__in=_team_ids(user)))


@scope_of(Pool)
def visible_pools(user: Any) -> QuerySet[Pool]:
    """Manager: pools of managed teams. Rep: those they take turns in."""
    if reach_of(user) == Reach.OWN:
        mine = PoolMember.objects.filter(owned(user), active=True)
        return Pool.objects.filter(pk__in=mine.values("pool"))
    return by_reach(Pool, user, lambda: Q(team__in=managed_teams(user)))


@scope_of(PoolMember)
def visible_members(user: Any) -> QuerySet[PoolMember]:
    """Members of pools that are seen: whose turn it is concerns all who share it."""
    return within(PoolMember, user, "pool", visible_pools)


@scope_of(Territory)
def visible_territories(user: Any) -> QuerySet[Territory]:
    """Manager: those of managed teams. Rep: their own and those of their teams."""
    return by_reach(Territory, user, lambda: _mine_or_my_teams(user))


def _mine_or_my_teams(user: Any) -> Q:
    of_teams = Q(team__in=_team_ids(user))
    return of_teams | owned(user) if reach_of(user) == Reach.OWN else of_teams


@scope_of(TerritoryArea)
def visible_areas(user: Any) -> QuerySet[TerritoryArea]:
    return within(TerritoryArea, user, "territory", visible_territories)


@scope_of(Absence)
def visible_absences(user: Any) -> QuerySet[Absence]:
    return _of_owners(Absence, user)


@scope_of(Calendar)
def visible_calendars(user: Any) -> QuerySet[Calendar]:
    """Those of offices are everybody's to read."""
    return shared(Calendar, user)


@scope_of(WeeklyHours)
def visible_hours(user: Any) -> QuerySet[WeeklyHours]:
    return _of_owners_or_calendars(WeeklyHours, user)


@scope_of(SpecialDay)
def visible_special_days(user: Any) -> QuerySet[SpecialDay]:
    return _of_owners_or_calendars(SpecialDay, user)


@scope_of(Membership)
def visible_memberships(user: Any) -> QuerySet[Membership]:
    return within(Membership, user, "team", visible_teams)


@scope_of(Delegation)
def visible_delegations(user: Any) -> QuerySet[Delegation]:
    return within(Delegation, user, "team", visible_teams)


@scope_of(User)
def visible_users(user: Any) -> QuerySet[User]:
    """Whoever sees all sees all users; everybody else sees themselves."""
    if isinstance(user, Machine) or not user.is_authenticated:
        return User.objects.none()
    return User.objects.all() if reach_of(user) == Reach.ALL else User.objects.filter(pk=user.pk)


def may_change_team(user: Any, team: int | None) -> bool:
    """Whether the user may change what belongs to this team: its pools' members, its people's absences."""
    if may(user, Act.EDIT_PEOPLE):
        return True
    return may(user, Act.EDIT_OWN_TEAMS) and team in managed_teams(user)


def _team_ids(user: Any) -> Any:
    if reach_of(user) == Reach.TEAMS:
        return managed_teams(user)
    return Membership.objects.filter(owned(user)).values("team")


def by_reach(model: Any, user: Any, narrow: Callable[[], Q]) -> QuerySet:
    """All rows, those of `narrow` for managers and reps, or none. Marketing sees how the company is made up."""
    reach = reach_of(user)
    if reach in (Reach.ALL, Reach.NUMBERS):
        return model.objects.all()
    return model.objects.none() if reach == Reach.NOTHING else model.objects.filter(narrow())


def within(model: Any, user: Any, field: str, parents: Scope) -> QuerySet:
    return by_reach(model, user, lambda: Q(**{f"{field}__in": parents(user).order_by().values("pk")}))


def _of_owners(model: Any, user: Any) -> QuerySet:
    """When somebody works or is away is for those who plan it, and for themselves."""
    if reach_of(user) == Reach.NUMBERS:
        return model.objects.none()
    return by_reach(model, user, lambda: owned(user))


def _of_owners_or_calendars(model: Any, user: Any) -> QuerySet:
    """Those of calendars are everybody's to read, those of a person are not."""
    of_calendars = Q(calendar__isnull=False)
    if reach_of(user) == Reach.NUMBERS:
        return model.objects.filter(of_calendars)
    return by_reach(model, user, lambda: of_calendars | owned(user))
