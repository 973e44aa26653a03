"""Every change of configuration, whichever way it is made, happens under the writer lock and raises the stamp."""

from datetime import timedelta

import pytest
from django.db import connection

from owners.configuration import ConfigStamp, changing, touch
from owners.models import Absence, Membership, Owner, Pool, PoolMember, Team
from owners.writer import is_writing
from tests.builders import NOW, make_owner, make_pool, make_team

pytestmark = pytest.mark.django_db(transaction=True)


def number():
    return ConfigStamp.objects.values_list("number", flat=True).first() or 0


@pytest.fixture
def elena():
    return make_owner("elena", make_team("europe"))


CHANGES = {
    "save": lambda elena: elena.save(),
    "save of some fields": lambda elena: elena.save(update_fields=["name"]),
    "create": lambda elena: Team.objects.create(key="new", name="New"),
    "get_or_create": lambda elena: Team.objects.get_or_create(key="new", defaults={"name": "New"}),
    "update_or_create": lambda elena: Team.objects.update_or_create(key="europe", defaults={"name": "E"}),
    "update": lambda elena: Owner.objects.filter(pk=elena.pk).update(cap_open=3),
    "bulk_create": lambda elena: Team.objects.bulk_create([Team(key="new", name="New")]),
    "bulk_update": lambda elena: Owner.objects.bulk_update([elena], ["name"]),
    "delete of a row": lambda elena: Membership.objects.get().delete(),
    "delete of many": lambda elena: Membership.objects.all().delete(),
    "teams.add": lambda elena: elena.teams.add(make_team("other")),
    "teams.remove": lambda elena: elena.teams.clear(),
    "teams.set": lambda elena: elena.teams.set([]),
    "through a related manager": lambda elena: elena.absences.create(starts_at=NOW, ends_at=NOW + timedelta(days=1)),
    "members of a pool": lambda elena: PoolMember.objects.create(
        pool=Pool.objects.create(key="p", name="P"), owner=elena
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_raises_the_stamp(elena, change):
    before = number()
    change(elena)
    assert number() > before


def test_every_statement_of_a_change_runs_under_the_writer_lock(elena):
    writes = []

    def watch(execute, sql, params, many, context):
        if sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            writes.append(is_writing())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        for name, change in CHANGES.items():
            if not name.startswith(("create", "get_or", "bulk_create")):
                change(elena)
    assert writes
    assert all(writes)


def test_reading_raises_nothing(elena):
    before = number()
    list(Owner.objects.all())
    Owner.objects.filter(key="elena").exists()
    assert number() == before


def test_a_bulk_change_that_fails_leaves_the_stamp_as_it_was(elena):
    before = number()

    def fail_half_way():
        with changing():
            Absence.objects.create(owner=elena, starts_at=NOW, ends_at=NOW + timedelta(days=1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert (number(), Absence.objects.count()) == (before, 0)


def test_the_first_touch_of_an_empty_database_makes_the_row():
    ConfigStamp.objects.all().delete()
    touch()
    touch()
    assert list(ConfigStamp.objects.values_list("id", "number")) == [(1, 2)]


def test_deleting_a_pool_takes_its_members_along_and_is_one_change_at_least(elena):
    pool = make_pool("p", [elena])
    before = number()
    pool.delete()
    assert (PoolMember.objects.count(), number() > before) == (0, True)


def test_a_manager_has_no_delete_that_would_empty_the_table():
    assert not hasattr(Owner.objects, "delete")
