"""Roles: which one a user has, what it may do, and that the admin's permissions follow from it."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group

from owners.models import User
from owners.roles import ACTS, MACHINE, Act, Reach, Role, give_role, may, reach_of, role_of

pytestmark = pytest.mark.django_db


def user_with(*roles, **fields):
    user = User.objects.create(username="somebody", **fields)
    for role in roles:
        user.groups.add(Group.objects.get(name=role))
    return User.objects.get(pk=user.pk)


def test_the_migration_makes_a_group_for_each_role():
    assert set(Group.objects.values_list("name", flat=True)) == set(Role.values)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_comes_from_the_group_with_one_query(role, django_assert_num_queries):
    user = user_with(role)
    with django_assert_num_queries(1):
        assert (role_of(user), role_of(user), may(user, Act.SEE_REPORTS)) == (role, role, Act.SEE_REPORTS in ACTS[role])


def test_the_strongest_of_several_groups_wins():
    assert role_of(user_with(Role.REP, Role.MANAGER, Role.MARKETING)) == Role.MANAGER


def test_who_has_no_role_may_nothing_and_sees_nothing():
    for nobody in (AnonymousUser(), user_with(), None):
        assert (role_of(nobody), reach_of(nobody)) == (None, Reach.NOTHING)
        assert not any(may(nobody, act) for act in Act)


def test_an_inactive_superuser_may_nothing():
    assert role_of(user_with(is_superuser=True, is_active=False)) is None


def test_a_superuser_is_an_administrator_and_a_machine_an_integrator():
    assert role_of(user_with(is_superuser=True)) == Role.ADMINISTRATOR
    assert (role_of(MACHINE), reach_of(MACHINE)) == (Role.INTEGRATOR, Reach.ALL)


@pytest.mark.parametrize(
    ("role", "enters"),
    [
        (Role.ADMINISTRATOR, True), (Role.REVOPS, True), (Role.MANAGER, True), (Role.AUDITOR, True),
        (Role.REP, False), (Role.MARKETING, False), (Role.INTEGRATOR, False), (None, False),
    ],
)  # fmt: skip
def test_giving_a_role_replaces_the_last_and_opens_or_shuts_the_admin(role, enters):
    user = user_with(Role.REVOPS, is_staff=True)
    give_role(user, role)
    user = User.objects.get(pk=user.pk)
    assert (role_of(user), user.is_staff) == (role, enters)


PERMISSIONS = {
    "owners.change_user": {Role.ADMINISTRATOR},
    "owners.view_user": {Role.ADMINISTRATOR, Role.AUDITOR},
    "owners.change_team": {Role.ADMINISTRATOR, Role.REVOPS},
    "owners.add_absence": {Role.ADMINISTRATOR, Role.REVOPS, Role.MANAGER},
    "owners.delete_poolmember": {Role.ADMINISTRATOR, Role.REVOPS},
    "routing.add_apitoken": {Role.ADMINISTRATOR, Role.REVOPS},
    "routing.change_rule": {Role.ADMINISTRATOR, Role.REVOPS},
    "routing.view_rule": {Role.ADMINISTRATOR, Role.REVOPS, Role.AUDITOR},
    "leads.view_lead": {Role.ADMINISTRATOR, Role.REVOPS, Role.AUDITOR, Role.MANAGER},
    "leads.change_company": {Role.ADMINISTRATOR, Role.REVOPS},
    "django_q.add_schedule": set(),
    "auth.change_group": set(),
}


@pytest.mark.parametrize("role", list(Role))
def test_permissions_follow_from_the_role(role):
    user = user_with(role)
    held = {permission for permission in PERMISSIONS if user.has_perm(permission)}
    assert held == {permission for permission, roles in PERMISSIONS.items() if role in roles}


def test_an_auditor_writes_nothing():
    user = user_with(Role.AUDITOR)
    assert {permission.split(".")[1].split("_")[0] for permission in user.get_all_permissions()} == {"view"}
