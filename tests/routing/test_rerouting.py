"""Leads that stand already, decided again after a change: a preview writes nothing, a run moves what nobody touched."""

from types import SimpleNamespace

import pytest
from django.db import OperationalError

from leads.models import Lead
from owners.models import PoolMember, Territory
from routing import bulk, rerouting, touch
from routing.acts import reassign
from routing.models import BulkMove, Decision, Fact, LedgerEntry, RotationState, SlaClock
from routing.moving import By
from routing.refused import Refused
from routing.replay import verify
from routing.rerouting import Choice, preview, run
from routing.rulebook import publish
from tests import builders as make
from tests.builders import NOW
from tests.routing.batches import waiting
from tests.routing.ladders import MINUTE, by, change, drain, owned

pytestmark = pytest.mark.django_db
LATER = NOW + 10 * MINUTE
RITA = By(None, None, "Rita")


def clock():
    return LATER


def company() -> SimpleNamespace:
    """Germany is Marco's, France Elena's; everything else goes in turn to Ada and Bo."""
    marco, elena, ada, bo = (make.make_owner(key) for key in ("marco", "elena", "ada", "bo"))
    pool = make.make_pool("inbound", [ada, bo])
    german = make.make_territory("german", marco, ["DE"])
    french = make.make_territory("french", elena, ["FR"])
    make.make_source("web", marco)
    version = make.make_version(marco)
    make.make_rule(version, "territory_owner", "territory_owner")
    make.make_rule(version, "round_robin_pool", "pool", pool=pool)
    publish(version, None, NOW)
    return SimpleNamespace(marco=marco, elena=elena, ada=ada, bo=bo, pool=pool, german=german, french=french)


def worked_out(choice=Choice()):  # noqa: B008 - a frozen value
    move = preview(choice, RITA, LATER)
    finish(move)
    return move


def finish(move):
    while bulk.go_on(move.pk, clock, lambda: True):
        pass
    move.refresh_from_db()


def lines(move):
    rows = move.leads.order_by("lead_id").values_list("lead", "before__key", "would", "to__key", "state")
    return list(rows)


def written():
    return [list(model.objects.order_by("pk").values()) for model in (Lead, Decision, LedgerEntry, RotationState)]


def test_a_changed_territory_moves_its_untouched_leads_and_nothing_else():
    people = company()
    leads = owned(105, country="DE") + owned(3, first=200, country="FR") + owned(6, first=300, country="US")
    touched, accepted, by_hand, later = (lead.pk for lead in leads[:4])
    marco = by(people.marco)
    touch.record(touched, "call", marco, NOW)
    touch.accept(accepted, marco, NOW)
    reassign(by_hand, people.ada.pk, RITA, "knows them", NOW)
    assert (preview(Choice(), RITA, LATER).total, rerouting.chosen(Choice(), LATER).count()) == (111, 111)

    change(people.german, owner=people.elena)
    before = written()
    move = worked_out()
    assert written() == before  # a preview writes its own rows only, and moves no turn
    german = [lead.pk for lead in leads[3:105]]
    assert lines(move) == [(lead, "marco", "assigned", "elena", "waiting") for lead in german]
    assert (move.state, move.total, move.done) == ("ready", 111, 111)
    assert move.leads.first().reason.startswith("Assigned to Elena because territory is German")

    touch.record(later, "call", marco, NOW)
    reassign(german[1], people.bo.pk, RITA, "knows them", NOW)
    clocks = SlaClock.objects.filter(lead__country__in=["FR", "US"], state="running").count()
    with pytest.raises(Refused, match="Say why"):
        run(move.pk, RITA, " ", LATER)
    run(move.pk, RITA, "Germany is Elena’s now", LATER)
    finish(move)
    assert (move.state, move.total, move.done, move.moved, move.left, move.failed) == ("finished", 102, 102, 100, 2, 0)
    assert [line[-1] for line in lines(move)] == ["touched", "changed"] + ["moved"] * 100
    assert dict(Lead.objects.filter(country="DE").values_list("pk", "owner__key")) == {
        **dict.fromkeys(german[2:], "elena"), touched: "marco", accepted: "marco", by_hand: "ada", later: "marco",
        german[1]: "bo",
    }  # fmt: skip
    decided = Decision.objects.filter(origin="again")
    assert decided.count() == 100  # none for a lead whose owner stays
    assert decided.first().reason.startswith("Germany is Elena’s now. Assigned to Elena because territory is German")
    assert set(Fact.objects.filter(decision__in=decided, kind="reassigned").values_list("detail")) == {("rerouted",)}
    assert SlaClock.objects.filter(lead__country__in=["FR", "US"], state="running").count() == clocks
    assert verify()[1] == []
    with pytest.raises(Refused, match="this is finished by now"):
        run(move.pk, RITA, "again", LATER)


def test_a_member_keeps_a_lead_whoever_is_next_and_loses_it_when_they_are_not_right_for_it_any_more():
    people = company()
    leads = owned(6, country="US")
    assert [lead.owner.key for lead in leads] == ["ada", "bo"] * 3
    change(people.ada, cap_open=1)
    assert lines(worked_out()) == []
    PoolMember.objects.create(pool=people.pool, owner=people.marco)
    assert lines(worked_out()) == []
    change(people.ada, source_keys=["chat"])
    move = worked_out(Choice(pool=people.pool.pk, days=30, state="assigned"))
    would = {(before, to) for _, before, _, to, _ in lines(move)}
    assert ({before for before, _ in would}, len(lines(move))) == ({"ada"}, 3)
    assert {to for _, to in would} <= {"bo", "marco"}
    charges = LedgerEntry.objects.filter(kind="charge").count()
    run(move.pk, RITA, "Ada works on chat alone", LATER)
    finish(move)
    assert move.moved == 3
    # Whoever got one in turn is charged; Ada, who had it, keeps her charge.
    assert LedgerEntry.objects.filter(kind="charge").count() == charges + 3
    assert not LedgerEntry.objects.filter(kind="credit").exists()


def test_leads_in_review_find_their_owner_and_a_choice_is_kept_to():
    people = company()
    Territory.objects.filter(pk=people.french.pk).update(owner=None)
    leads = owned(2, country="FR") + owned(2, first=50, country="DE")
    assert [lead.state for lead in leads] == ["review", "review", "assigned", "assigned"]
    assert lines(worked_out()) == []  # in review they were, and in review they would be
    Territory.objects.update(owner=people.elena)
    for choice, found in (
        (Choice(territory=people.german.pk), leads[2:]), (Choice(owner=people.marco.pk), leads[2:]),
        (Choice(territory=people.french.pk), leads[:2]), (Choice(state="review"), leads[:2]),
        (Choice(source=leads[0].source_id, days=1), leads),
    ):  # fmt: skip
        assert [line[0] for line in lines(worked_out(choice))] == [lead.pk for lead in found]
    with pytest.raises(Refused, match="No open lead fits"):
        preview(Choice(owner=people.ada.pk), RITA, LATER)
    move = worked_out(Choice(state="review"))
    run(move.pk, RITA, "France is Elena’s", LATER)
    finish(move)
    assert list(Lead.objects.filter(country="FR").values_list("state", "owner__key")) == [("assigned", "elena")] * 2
    rerouting.drop(BulkMove.objects.filter(state="ready").first().pk, LATER)


def test_a_bad_lead_fails_alone_and_a_run_that_died_is_finished_by_the_tick(monkeypatch):
    people = company()
    leads = owned(5, country="DE")
    change(people.german, owner=people.elena)
    move = worked_out()
    bad, decide = leads[2].pk, rerouting.decide_acts

    def failing(asked, *args):
        if any(one.at.lead.pk == bad for one in asked):
            raise ValueError("a lead like no other")
        return decide(asked, *args)

    def away(*_):
        raise OperationalError("no turn")

    monkeypatch.setattr(rerouting, "decide_acts", away)
    run(move.pk, RITA, "Germany is Elena’s now", LATER)
    bulk.begin(move.pk, clock)  # the database is busy: the request ends well all the same
    monkeypatch.setattr(rerouting, "decide_acts", failing)
    bulk.carry_on(clock)
    move.refresh_from_db()
    assert (move.state, move.moved, move.left, move.failed) == ("finished", 4, 0, 1)
    assert waiting(leads[0].source, {"email": "new@x.example", "country": "DE"})
    drain(clock)
    assert Lead.objects.latest("pk").owner == people.elena
