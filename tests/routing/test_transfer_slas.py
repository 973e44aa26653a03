"""Ladders and policies in files: the same text out and in, and half-right ones refused as a whole."""

import pytest

from owners.models import Calendar, PoolMember
from routing.models import SlaLadder, SlaPolicy, SlaRung
from routing.transfer import bring_in, export
from tests.builders import NOW, make_lead_type, make_owner, make_pool, make_source
from tests.routing.test_transfer import changed, lines, problems

pytestmark = pytest.mark.django_db

REMIND = {"percent": 50, "remind": True}


@pytest.fixture
def ada():
    """Who answers in the end; a pool of hers and a calendar that never opens."""
    ada = make_owner("ada")
    make_lead_type("demo")
    make_source("web", ada)
    make_pool("desk", [ada])
    Calendar.objects.create(key="never", name="Never", time_zone="UTC")
    return ada


def ladder(*rungs, key="hard", **fields):
    return {"key": key, "name": key.title(), "named_owner": "ada", "rungs": list(rungs), **fields}


def policy(key="fast", **fields):
    return {"key": key, "name": key.title(), **fields}


def test_a_file_is_written_as_it_is_read_whatever_the_order_of_its_kinds(ada):
    late, end = {"minutes": 90, "move": "pool", "pool": "desk"}, {"percent": 100, "move": "named", "priority": 1}
    hard = ladder(REMIND, late, end)
    data = changed(sla_ladders=[hard], sla_policies=[policy(sources=["web"], no_activity_ladder="hard")])
    assert lines(data) == ["added    sla_ladders hard", "added    sla_policies fast"]
    assert lines(data) == []
    text = export()
    assert lines(text.encode(), prune=True) == []
    assert list(SlaRung.objects.values_list("percent", "minutes", "pool__key", "priority")) == [
        (None, 90, "desk", None), (50, None, None, None), (100, None, None, 1),
    ]  # fmt: skip
    less = changed(sla_ladders=[ladder(REMIND)])
    assert lines(less) == [
        'changed  sla_ladders hard, rungs: without {"minutes": 90, "move": "pool", "pool": "desk"}, '
        '{"move": "named", "percent": 100, "priority": 1}'
    ]
    assert lines(changed(sla_ladders=[], sla_policies=[]), prune=True) == [
        "removed  sla_ladders hard", "removed  sla_policies fast",
    ]  # fmt: skip
    assert not SlaLadder.objects.exists()


WRONG = (
    (
        [ladder(REMIND, {"percent": 20, "remind": True})],
        [],
        "sla_ladders[0].rungs[1]: This rung, at 20 %, comes",
    ),
    ([ladder(REMIND, {"percent": 50, "tell_lead": True})], [], "sla_ladders[0].rungs[1]: There are two rungs at 50 %"),
    ([ladder({"remind": True})], [], "sla_ladders[0].rungs (after 0 min): Say when the rung is due"),
    ([ladder({"percent": 50})], [], "sla_ladders[0].rungs (at 50 %): This rung does nothing"),
    (
        [ladder({"percent": 5, "minutes": 5, "remind": True})],
        [],
        "sla_ladders[0].rungs (at 5 %): Give 5 % or 5",
    ),
    ([ladder({"percent": 0, "remind": True})], [], "sla_ladders[0].rungs (after 0 min): Say when the rung is due"),
    (
        [ladder({"percent": 2000, "remind": True})],
        [],
        "sla_ladders[0].rungs (at 2000 %): A rung is due at 1 to",
    ),
    ([ladder({"percent": 50, "move": "moon"})], [], "sla_ladders[0].rungs (at 50 %).move: Value 'moon' is not a valid"),
    ([ladder({"percent": 50, "move": "pool"})], [], "sla_ladders[0].rungs (at 50 %): Name the pool"),
    ([ladder({"percent": 50, "move": "pool", "pool": "gone"})], [], "sla_ladders[0].rungs[0].pool: there is no pool"),
    ([ladder({"percent": 50, "webhook": "ftp://x"})], [], "sla_ladders[0].rungs (at 50 %).webhook: Enter a valid URL."),
    ([ladder()], [], "sla_ladders[0].rungs: a ladder without a rung does nothing."),
    ([ladder(REMIND, named_owner="gone")], [], "sla_ladders[0].named_owner: there is no owner “gone”."),
    ([ladder(REMIND, named_owner=None)], [], "sla_ladders[0].named_owner: a key is needed, not None."),
    ([], [policy(hours_of="policy")], "sla_policies[0]: Name the calendar that the policy counts by."),
    ([], [policy(calendar="never")], "sla_policies[0]: This calendar would not be used."),
    ([], [policy(hours_of="policy", calendar="never")], "sla_policies[0].calendar: Calendar Never never opens"),
    ([], [policy(crm_minutes=0)], "sla_policies[0].crm_minutes: minutes are from 1 to"),
    ([], [policy(crm_ladder="gone")], "sla_policies[0].crm_ladder: there is no SLA ladder “gone”."),
    ([], [policy(hours_of="moon")], "sla_policies[0].hours_of: Value 'moon' is not a valid choice."),
    (
        [ladder(REMIND, {"minutes": 20, "remind": True})],
        [policy(no_activity_ladder="hard"), policy("slow", no_activity_ladder="hard", no_activity_minutes=60)],
        "sla_ladders[0].rungs: By policy Fast (no activity in 30 min) the rung at 50 % comes before the one after 20",
    ),
)


def test_half_right_files_are_refused_as_a_whole(ada):
    before = export()
    for ladders, policies, sentence in WRONG:
        right = ladder(REMIND, key="right")
        found = problems(changed(sla_ladders=[right, *ladders][::-1], sla_policies=policies))
        assert found[0].startswith(sentence), found
        assert export() == before
    assert not SlaPolicy.objects.exists()


def test_what_became_of_a_company_comes_in_and_is_noted(ada):
    kim = make_owner("kim", state="departed")
    PoolMember.objects.all().delete()
    hard = ladder({"percent": 100, "move": "pool", "pool": "desk"}, named_owner=kim.key)
    report = bring_in(changed(sla_ladders=[hard], sla_policies=[policy(lead_types=["fax"], sources=["web"])]), NOW)
    assert [note.split(". There are")[0] for note in report.notes] == [
        "SLA ladder hard: Kim is departed, so nobody would answer in the end. Name somebody active.",
        "SLA ladder hard: Pool Desk has no members, so no lead can move there. Add somebody, or choose another pool.",
        "SLA policy fast: There is no lead type “fax”",
    ]  # fmt: skip
