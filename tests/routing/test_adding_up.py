"""Every night the ledger is added up and read: a sound one says nothing, whatever is wrong with it is told once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Lead
from owners.models import Installation, User
from routing import acts, adding_up, doctor
from routing.adding_up import check, check_nightly, differences, is_due
from routing.models import LedgerCheck, LedgerEntry, RotationState
from tests.builders import NOW
from tests.routing.test_ledger import DAY, route, sales  # noqa: F401 - the same pool

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def operator():
    User.objects.create(username="op", email="op@revroute.example", is_superuser=True)


def at(now):
    return lambda: now


def codes(now=NOW):
    return [finding.code for finding in doctor.findings(now) if finding.model == "pool"]


def test_a_sound_ledger_says_nothing_night_after_night(sales):  # noqa: F811
    for night in range(4):
        route(sales, 9, NOW)
        sales.pool.members.filter(owner=sales.ben).update(weight=1 + night)
        acts.reject(Lead.objects.filter(owner=sales.ann).last().pk, sales.by, "junk", NOW, cause="spam")
        assert check_nightly(at(NOW + night * DAY)) == 1
        assert check_nightly(at(NOW + night * DAY)) == 0
        assert (LedgerCheck.objects.get().problems, differences(), codes()) == ([], [], [])
    assert LedgerCheck.objects.get().mark == LedgerEntry.objects.latest("id").pk
    assert mail.outbox == []


def test_a_turn_that_is_not_the_sum_of_its_entries_is_told_once_and_ends_when_mended(sales):  # noqa: F811
    route(sales, 4)
    check_nightly(at(NOW))
    sound = RotationState.objects.get(member=sales.member(sales.ann)).v
    RotationState.objects.filter(member=sales.member(sales.ann)).update(v="7/3")
    assert codes() == ["ledger_sum"]
    for day in (1, 1, 2):
        check_nightly(at(NOW + day * DAY))
    [letter] = mail.outbox
    assert letter.to == ["op@revroute.example"]
    assert "The v of Ann in Everybody is 7/3, but their ledger adds up to 1." in letter.body
    RotationState.objects.filter(member=sales.member(sales.ann)).update(v=sound)
    assert codes() == []
    check_nightly(at(NOW + 3 * DAY))
    assert LedgerCheck.objects.get().problems == []


def test_an_old_entry_that_was_changed_by_hand_is_found_by_the_next_night(sales):  # noqa: F811
    route(sales, 4)
    check_nightly(at(NOW))
    LedgerEntry.objects.filter(kind="charge", member=sales.member(sales.ben)).update(amount="2")
    assert differences() == []  # it stands before the mark
    assert [problem.code for problem in check(NOW + DAY)] == ["ledger_sum"]
    assert codes() == ["ledger_sum"]


def test_a_rotation_that_passes_somebody_over_is_found_by_the_decisions_own_words(sales, monkeypatch):  # noqa: F811
    from routing.engine.rotation import Rotation

    fair = Rotation.select

    def unfair(self, eligible, present, pick=None):
        return fair(self, set(eligible) - {sales.member(sales.cleo).pk}, set(present), pick)

    route(sales, 4)
    check_nightly(at(NOW))
    monkeypatch.setattr(Rotation, "select", unfair)
    assert "cleo" not in route(sales, 8)
    found = check(NOW + DAY)
    assert {problem.code for problem in found} == {"ledger_bound"}
    assert any("ahead of Cleo, who could have taken it" in problem.sentence for problem in found)
    monkeypatch.undo()
    route(sales, 8)
    assert {problem.code for problem in check(NOW + 2 * DAY)} == {"ledger_bound"}  # still told of
    assert check(NOW + 10 * DAY) == []


def test_who_cannot_take_the_leads_is_passed_over_without_an_alarm(sales):  # noqa: F811
    route(sales, 4)
    check_nightly(at(NOW))
    sales.cleo.source_keys = ["elsewhere"]
    sales.cleo.save()
    assert "cleo" not in route(sales, 20)
    assert check(NOW + DAY) == []


def test_a_turn_at_another_price_and_a_row_out_of_place_are_found(sales):  # noqa: F811
    route(sales, 4)
    check_nightly(at(NOW))
    route(sales, 4)
    newest = LedgerEntry.objects.filter(member=sales.member(sales.ann), kind="charge").order_by("-id")[0]
    LedgerEntry.objects.filter(pk=newest.pk).update(amount="1/3")
    assert sorted(problem.code for problem in check(NOW + DAY)) == ["ledger_price", "ledger_row", "ledger_sum"]


def test_a_night_is_two_o_clock_where_the_company_is_and_none_is_lost():
    Installation.objects.update_or_create(pk=1, defaults={"time_zone": "America/New_York"})
    checked = datetime(2026, 3, 7, 7, 30, tzinfo=UTC)  # 02:30; the next 02:00 does not exist
    assert not is_due(checked, datetime(2026, 3, 8, 6, 59, tzinfo=UTC))
    assert is_due(checked, datetime(2026, 3, 8, 7, 1, tzinfo=UTC))
    assert is_due(checked, checked + 40 * DAY)
    assert is_due(checked + 400 * DAY, checked)
    assert is_due(None, NOW)


def test_a_night_that_a_dead_worker_began_is_done_by_another(sales):  # noqa: F811
    route(sales, 4)
    LedgerCheck.objects.create(pk=1, claimed_at=NOW)
    assert check_nightly(at(NOW + timedelta(minutes=1))) == 0
    assert check_nightly(at(NOW + timedelta(minutes=16))) == 1
    assert LedgerCheck.objects.get().claimed_at is None


def test_a_mail_that_could_not_be_sent_is_tried_again(sales, monkeypatch):  # noqa: F811
    route(sales, 4)
    RotationState.objects.filter(member=sales.member(sales.ann)).update(v="9")
    monkeypatch.setattr(adding_up, "tell_operators", lambda subject, sentences: False)
    check_nightly(at(NOW))
    assert LedgerCheck.objects.get().told_at is None
    monkeypatch.undo()
    check_nightly(at(NOW))
    check_nightly(at(NOW))
    assert len(mail.outbox) == 1


def test_the_sum_of_one_pool_takes_two_queries(sales):  # noqa: F811
    route(sales, 8)
    check(NOW)
    route(sales, 2)
    with CaptureQueriesContext(connection) as asked:
        assert differences(sales.pool.pk) == []
    assert len(asked) <= 2  # the second is not counted where the server binds its parameters
