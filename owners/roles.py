"""A user in; their role, what the role may do and how far it sees out. Knows no rows but users and groups.

A role is a Django group. What it may do stands in the table below and nowhere in the database, so that an
upgrade changes it for everybody at once and no permission row is ever out of date.
"""

from enum import StrEnum
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group
from django.db import models, transaction

from owners.models import User


class Role(models.TextChoices):
    """Names of the groups; the strongest first, which wins where somebody is in several."""

    ADMINISTRATOR = "Administrator"
    REVOPS = "RevOps"
    MANAGER = "Manager"
    AUDITOR = "Auditor"
    REP = "Rep"
    MARKETING = "Marketing"
    INTEGRATOR = "Integrator"


class Act(StrEnum):
    """What somebody may do. Whose rows they may do it to is a matter of scopes."""

    SEE_LEADS = "see_leads"
    SEE_CONTACT_DATA = "see_contact_data"
    WORK_LEADS = "work_leads"  # accept, decline, log a touch: what one owns oneself
    CLAIM = "claim"
    REVIEW_OWN = "review_own"  # fix, replay, nurture, reject: items one is named in
    REVIEW_ANY = "review_any"  # the same for every item one sees
    ASSIGN = "assign"
    REASSIGN_TEAM = "reassign_team"
    REASSIGN_ANY = "reassign_any"
    EDIT_OWN_TEAMS = "edit_own_teams"  # absences, pool members, territories of the teams one leads
    DELEGATE = "delegate"
    EDIT_PEOPLE = "edit_people"
    EDIT_TERRITORIES = "edit_territories"
    EDIT_SOURCES = "edit_sources"
    EDIT_RULES = "edit_rules"
    PUBLISH_RULES = "publish_rules"
    SEE_REPORTS = "see_reports"
    SEE_ADMIN = "see_admin"
    SEE_HISTORY = "see_history"
    MANAGE_TOKENS = "manage_tokens"
    MANAGE_USERS = "manage_users"
    READ_API = "read_api"
    WRITE_API = "write_api"


class Reach(StrEnum):
    """How far somebody sees; what that means for each kind of row is in the scopes of each app."""

    ALL = "all"
    TEAMS = "teams"  # the teams one leads, and what waits for anybody
    OWN = "own"  # what one owns, and what waits for anybody
    NUMBERS = "numbers"  # the company's shape, but no lead and no contact
    NOTHING = "nothing"


_REP = {Act.SEE_LEADS, Act.SEE_CONTACT_DATA, Act.WORK_LEADS, Act.CLAIM, Act.REVIEW_OWN, Act.READ_API, Act.WRITE_API}
_MANAGER = _REP | {
    Act.REVIEW_ANY, Act.ASSIGN, Act.REASSIGN_TEAM, Act.EDIT_OWN_TEAMS, Act.DELEGATE, Act.SEE_REPORTS, Act.SEE_ADMIN,
    Act.SEE_HISTORY,
}  # fmt: skip
_REVOPS = _MANAGER | {
    Act.REASSIGN_ANY, Act.EDIT_PEOPLE, Act.EDIT_TERRITORIES, Act.EDIT_SOURCES, Act.EDIT_RULES, Act.PUBLISH_RULES,
    Act.MANAGE_TOKENS,
}  # fmt: skip

ACTS: dict[Role, frozenset[Act]] = {
    Role.ADMINISTRATOR: frozenset(Act),
    Role.REVOPS: frozenset(_REVOPS),
    Role.MANAGER: frozenset(_MANAGER),
    Role.AUDITOR: frozenset(
        {Act.SEE_LEADS, Act.SEE_CONTACT_DATA, Act.SEE_REPORTS, Act.SEE_ADMIN, Act.SEE_HISTORY, Act.READ_API}
    ),
    Role.REP: frozenset(_REP),
    Role.MARKETING: frozenset({Act.SEE_REPORTS, Act.READ_API}),
    Role.INTEGRATOR: frozenset({Act.READ_API, Act.WRITE_API}),
}

REACH: dict[Role, Reach] = {
    Role.ADMINISTRATOR: Reach.ALL,
    Role.REVOPS: Reach.ALL,
    Role.AUDITOR: Reach.ALL,
    Role.MANAGER: Reach.TEAMS,
    Role.REP: Reach.OWN,
    Role.MARKETING: Reach.NUMBERS,
    Role.INTEGRATOR: Reach.NOTHING,  # reads by an API token, and only so
}

OURS = ("owners", "leads", "routing")
"""Apps whose models the roles are about. All others, such as the queue's, are the superusers'."""

ADMINISTRATORS_ONLY = frozenset({"owners.user"})
"""Models that RevOps has no door to. Names as text: the table stands in one place and imports no later app."""

UNSEEN_BY_MANAGERS = frozenset(
    {
        "owners.user", "owners.areaimport", "owners.configstamp", "owners.installation", "routing.apitoken",
        "routing.configrevision", "routing.rulesetversion", "routing.rule", "routing.condition", "leads.idempotencykey",
        "routing.namedlist",
        "routing.listentry", "routing.listtext", "routing.rulereview", "routing.rulesready",
    }
)  # fmt: skip

WRITTEN_BY_MANAGERS = {
    "owners.absence": ("add", "change", "delete"),
    "owners.delegation": ("add", "change", "delete"),
    "owners.poolmember": ("add", "change"),
    "owners.territory": ("change",),
    "owners.territoryarea": ("add", "change", "delete"),
}

WRITING = ("add", "change", "delete")


class Machine:
    """Who reads through an API token that stands for no person: sees all rows, has no name and no page."""

    is_authenticated = True
    is_active = True
    is_superuser = False


MACHINE = Machine()


def role_of(user: Any) -> Role | None:
    """The strongest role of `user`; None for a visitor, an inactive user, or one without a role. One query at
    most, kept on the object: whoever changes groups loads the user anew.
    """
    if isinstance(user, Machine):
        return Role.INTEGRATOR
    if not (getattr(user, "is_authenticated", False) and user.is_active):
        return None
    if user.is_superuser:
        return Role.ADMINISTRATOR
    if not hasattr(user, "_role"):
        names = set(user.groups.values_list("name", flat=True))
        user._role = next((role for role in Role if role in names), None)
    return user._role


def may(user: Any, act: Act) -> bool:
    """Whether the user's role includes `act`. On which rows is asked of the scopes."""
    role = role_of(user)
    return role is not None and act in ACTS[role]


def reach_of(user: Any) -> Reach:
    """How far `user` sees."""
    if isinstance(user, Machine):
        return Reach.ALL
    role = role_of(user)
    return REACH[role] if role else Reach.NOTHING


def enters_admin(role: Role | None) -> bool:
    return role is not None and Act.SEE_ADMIN in ACTS[role]


def give_role(user: User, role: Role | None) -> None:
    """Make `role` the one role of a saved user; entry to the admin follows from it. Other groups stay.

    A superuser stays one: that is taken away by hand, never by the way.
    """
    with transaction.atomic():
        user.groups.remove(*Group.objects.filter(name__in=Role.values))
        if role:
            # Made by migration; a test that commits empties the table.
            user.groups.add(Group.objects.get_or_create(name=role)[0])
        user.is_staff = user.is_superuser or enters_admin(role)
        user.save(update_fields=["is_staff"])
    user._role = role


@cache
def permissions_of(role: Role) -> frozenset[str]:
    """The admin's permissions, such as `leads.view_lead`, that come with a role."""
    found = set()
    for label in OURS:
        for model in apps.get_app_config(label).get_models():
            name = f"{label}.{model._meta.model_name}"
            found |= {f"{label}.{verb}_{model._meta.model_name}" for verb in _verbs(role, name)}
    return frozenset(found)


def _verbs(role: Role, model: str) -> tuple[str, ...]:
    if role == Role.ADMINISTRATOR:
        return ("view", *WRITING)
    if role == Role.REVOPS:
        return () if model in ADMINISTRATORS_ONLY else ("view", *WRITING)
    if role == Role.AUDITOR:
        return ("view",)
    if role == Role.MANAGER and model not in UNSEEN_BY_MANAGERS:
        return ("view", *WRITTEN_BY_MANAGERS.get(model, ()))
    return ()


class RoleBackend(ModelBackend):
    """Django's own sign-in, with the role's permissions beside those that somebody was given by hand."""

    def get_group_permissions(self, user_obj, obj=None):
        given = super().get_group_permissions(user_obj, obj)
        role = role_of(user_obj) if obj is None else None
        return given | permissions_of(role) if role else given

    def get_all_permissions(self, user_obj, obj=None):
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if not hasattr(user_obj, "_all_permissions"):
            own = self.get_user_permissions(user_obj)
            user_obj._all_permissions = own | self.get_group_permissions(user_obj)
        return user_obj._all_permissions
