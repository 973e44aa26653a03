"""Somebody who leaves: what hangs on them is counted, handed over in one act, and nothing goes to them any more."""

from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Lead, Source, Task
from owners.models import Delegation, Owner, PoolMember, Territory, User
from routing import bulk, leaving
from routing.hanging import hanging, in_words
from routing.leaving import Wish, leave
from routing.loads import drift
from routing.models import ApiToken, BulkMove, Decision, Fact, LedgerEntry, ReviewItem, RuleSetVersion, SlaLadder
from routing.moving import By
from routing.refused import Refused
from routing.replay import verify
from routing.rulebook import copy_to_draft, publish
from tests import builders as make
from tests.builders import NOW
from tests.routing.batches import waiting
from tests.routing.ladders import MINUTE, change, drain, owned

pytestmark = pytest.mark.django_db
LATER = NOW + 10 * MINUTE
RITA = By(None, None, "Rita")


def clock():
    return LATER


def company(leads=3) -> SimpleNamespace:
    """Marco gets what comes from Germany and is named everywhere; the rest goes to a pool of Marco, Elena and Ada."""
    team = make.make_team("sales")
    marco, elena, ada, bo = (make.make_owner(key, team) for key in ("marco", "elena", "ada", "bo"))
    change(marco, user=User.objects.create_user("marco"))
    change(team, lead=marco, fallback_owner=marco)
    change(bo, cover=marco)
    pool = make.make_pool("inbound", [marco, elena, ada], when_empty="fallback", fallback_owner=marco)
    make.make_territory("dach", marco, ["AT"])
    Delegation.objects.create(team=make.make_team("south"), to=marco)
    source = make.make_source("web", marco)
    SlaLadder.objects.create(key="hard", name="Hard", named_owner=marco)
    ApiToken.objects.create(name="script", user=marco.user, token_hash="t" * 64)
    pipeline = make.make_pipeline("sales", "new")
    terms = {"pipeline": pipeline, "stage": pipeline.stages.get()}
    version = make.make_version(marco)
    make.make_rule(
        version, "existing_customer_owner", "customer_owner", ("company_is_customer", "is_true", None), **terms
    )
    make.make_rule(version, "campaign_source_owner", "owner", ("country", "is", "DE"), owner=marco, **terms)
    make.make_rule(version, "round_robin_pool", "pool", pool=pool, fallback_owner=marco, **terms)
    publish(version, None, NOW)
    copy_to_draft(version)
    acme = make.make_company("acme.example", owner=marco, is_customer=True, name="Acme")
    ann = make.make_contact("ann@acme.example", company=acme, owner=marco)
    make.make_deal(pipeline, contact=ann, company=acme, owner=marco, name="Acme renewal")
    found = owned(leads, country="DE")
    assert {lead.owner for lead in found} == {marco}
    return SimpleNamespace(
        marco=marco, elena=elena, ada=ada, bo=bo, team=team, pool=pool, source=source, version=version, ann=ann,
        acme=acme, leads=found, pipeline=pipeline,
    )  # fmt: skip


def finish(move):
    while bulk.go_on(move.pk, clock, lambda: True):
        pass
    move.refresh_from_db()


def counts(owner):
    return {one.kind.key: one.count for one in hanging(owner.pk)}


EVERYTHING = {
    "leads": 3, "published": 2, "drafts": 2, "versions": 2, "turns": 1, "pools": 1, "teams": 1, "territories": 1,
    "covers": 1, "delegations": 1, "sources": 1, "ladders": 1, "deals": 4, "companies": 1, "contacts": 4, "tokens": 1,
}  # fmt: skip


def test_what_hangs_on_somebody_is_counted_by_kind_in_a_fixed_number_of_queries():
    people = company()
    with CaptureQueriesContext(connection) as seen:
        found = hanging(people.marco.pk)
    assert {one.kind.key: one.count for one in found} == EVERYTHING
    assert len(seen) == 18
    assert in_words(found) == "3 open leads, 2 rules in force, 2 rules of drafts and more"
    owned(10, first=10, country="DE")
    with CaptureQueriesContext(connection) as more:
        leads = hanging(people.marco.pk)[0]
    assert (len(more), leads.said, len(leads.first), leads.more) == (18, "13 open leads", 5, 8)
    assert hanging(people.ada.pk) == [one for one in hanging(people.ada.pk) if one.kind.key == "turns"]


def test_one_act_hands_everything_over_and_decides_each_lead_anew():
    people = company(leads=120)
    [nobody] = waiting(people.source, {"company_name": "Nobody"})  # neither e-mail nor phone: for Marco to review
    drain(clock)
    assert ReviewItem.objects.get(lead=nobody).owner == people.marco
    charges = LedgerEntry.objects.count()
    wish = Wish("departed", " new  job ", heir=people.elena.pk, switch_off=True)
    move = leave(people.marco.pk, wish, RITA, clock)
    move.refresh_from_db()
    assert (move.total, move.done, move.moved, move.state) == (120, 100, 100, "running")  # what one commit holds
    people.marco.refresh_from_db()
    assert (people.marco.state, people.marco.user.is_active) == ("departed", False)

    finish(move)
    assert (move.state, move.done, move.moved, move.failed, move.finished_at) == ("finished", 120, 120, 0, LATER)
    assert counts(people.marco) == {}
    again = Decision.objects.filter(origin="again")
    assert (again.count(), set(again.values_list("previous_owner", "version__state"))) == (
        120, {(people.marco.pk, "published")},
    )  # fmt: skip
    first = again.order_by("id").first()
    assert first.reason.startswith("Marco left: new job. Assigned to Elena because ")
    assert first.lead.reason == first.reason
    assert set(Fact.objects.filter(kind="reassigned").values_list("detail", flat=True)) == {"owner_left"}
    assert first.lead.deal.owner == first.lead.contact.owner == first.lead.owner
    assert LedgerEntry.objects.filter(kind="credit").count() == 0
    assert list(LedgerEntry.objects.filter(kind="leave").values_list("reason", flat=True)) == []  # never took a turn
    assert LedgerEntry.objects.count() == charges  # the rule for Germany names Elena now: no turn is taken

    published = RuleSetVersion.objects.get(state="published")
    assert published.purpose == f"Marco left: Elena takes their place. A copy of version {people.version.pk}."
    assert published.owner == people.elena
    draft = RuleSetVersion.objects.get(state="draft")
    for version in (published, draft):
        assert set(version.rules.values_list("owner__key", "fallback_owner__key")) == {
            (None, None), ("elena", None), (None, "elena"),
        }  # fmt: skip
    assert {(rule["target"]["owner"], rule["fallback_owner"]) for rule in published.content["rules"]} == {
        (None, None), (people.elena.pk, None), (None, people.elena.pk),
    }  # fmt: skip
    for row in (people.team, people.pool, people.bo, people.ann, people.acme):
        row.refresh_from_db()
    elena = people.elena
    assert (people.team.lead, people.team.fallback_owner, people.pool.fallback_owner) == (elena, elena, elena)
    assert (people.bo.cover, people.ann.owner, people.acme.owner) == (elena, elena, elena)
    assert ReviewItem.objects.get(lead=nobody).owner == elena
    assert Lead.objects.get(pk=nobody).notes.get().text == (
        "Rita named Elena for the review item “no e-mail and no phone”; before it was Marco."
    )
    assert SlaLadder.objects.get().named_owner == elena
    assert Territory.objects.get().owner == Source.objects.get().owner == Delegation.objects.get().to == elena
    assert list(PoolMember.objects.filter(owner=people.marco).values_list("active", flat=True)) == [False]
    assert Lead.objects.filter(owner=people.marco, state="assigned").count() == 0
    assert verify()[1] == []
    assert drift() == []


def test_all_leads_to_one_person_cost_no_turn_and_stop_where_the_leaver_came_back():
    people = company(leads=105)
    move = leave(people.marco.pk, Wish("inactive", "on leave", people.ada.pk, people.elena.pk), RITA, clock)
    given = Decision.objects.filter(origin="reassign")
    assert set(given.values_list("owner__key", "reason")) == {
        ("ada", "Reassigned to Ada from Marco by Rita: Marco is inactive: on leave.")
    }
    assert LedgerEntry.objects.filter(decision__in=given).count() == 0
    change(people.marco, state="active")
    finish(move)
    assert (move.state, move.moved) == ("finished", 100)
    assert Lead.objects.filter(owner=people.marco).count() == 5
    # Ada leaves in the middle: the rules decide about what was still to go to her.
    move = leave(people.marco.pk, Wish("departed", "for good", people.ada.pk, people.elena.pk), RITA, clock)
    assert move.total == 5
    assert verify()[1] == []


def test_a_lead_that_cannot_be_decided_keeps_nobody_from_leaving(monkeypatch):
    people = company(leads=4)
    change(people.marco, name="M" * 120)
    change(people.elena, name="E" * 120)
    bad, decide = people.leads[1].pk, leaving.decide_acts

    def failing(asked, *args):
        if any(one.at.lead.pk == bad for one in asked):
            raise ValueError("a lead like no other")
        return decide(asked, *args)

    monkeypatch.setattr(leaving, "decide_acts", failing)
    move = leave(people.marco.pk, Wish("departed", "new job", heir=people.elena.pk), RITA, clock)
    assert Owner.objects.get(pk=people.marco.pk).state == "departed"
    finish(move)
    assert (move.state, move.moved, move.failed) == ("finished", 3, 1)
    assert list(Lead.objects.filter(owner=people.marco).values_list("pk", flat=True)) == [bad]


def test_what_cannot_be_done_is_refused_with_a_sentence_and_nothing_is_half_done():
    people = company()
    gone = make.make_owner("gone", state="departed")
    marco, elena = people.marco.pk, people.elena.pk

    def refused(wish, owner=marco):
        with pytest.raises(Refused) as refusal:
            leave(owner, wish, RITA, clock)
        return refusal.value.code, refusal.value.sentence

    assert refused(Wish("departed", "x", heir=elena), 0)[0] == "gone"
    assert refused(Wish("active", "x", heir=elena))[0] == "unknown_kind"
    assert refused(Wish("departed", "  ", heir=elena))[0] == "why_missing"
    assert refused(Wish("departed", "x"))[0] == "heir_missing"
    assert refused(Wish("departed", "x", heir=marco))[1] == (
        "Marco leaves, and cannot take over from themselves. Name somebody else."
    )
    assert refused(Wish("departed", "x", leads_to=gone.pk, heir=elena))[1] == (
        "Gone is departed and cannot take over. Name somebody who is active."
    )
    assert refused(Wish("departed", "x", heir=0))[0] == "unknown_owner"
    assert refused(Wish("departed", "x"), gone.pk)[0] == "no_change"
    PoolMember.objects.filter(owner=people.elena).update(active=False)
    people.version.rules.filter(step="round_robin_pool").update(name="Rest")
    RuleSetVersion.objects.filter(state="published").update(step_order=["manual_review"])
    code, sentence = refused(Wish("departed", "x", heir=elena))
    assert (code, sentence) == (
        "rules",
        "Nothing was done: the rules in force name them, and cannot be published again as they are."
        " Name each of the nine steps exactly once.",
    )  # fmt: skip
    assert counts(people.marco) == EVERYTHING
    assert not BulkMove.objects.exists()
    assert Task.objects.filter(owner=elena).count() == 0
