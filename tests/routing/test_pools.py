"""Pools through the pipeline: their methods, dates and skills; leads on hold and their release; leads to be claimed."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Lead
from leads.scopes import visible_leads
from owners.models import Absence, Owner, Pool, PoolMember, User
from owners.roles import Role, give_role
from routing import acts, holding
from routing.adding_up import check
from routing.models import Decision, LedgerEntry, ReviewItem
from routing.moving import By
from routing.pipeline import drain
from routing.refused import Refused
from routing.replay import verify
from routing.rulebook import publish
from routing.scopes import visible_review_items
from routing.why_not import why_not
from tests.builders import (
    NOW,
    make_owner,
    make_pool,
    make_rule,
    make_source,
    make_team,
    make_version,
    publish_pool_rule,
)
from tests.routing.batches import buyers, waiting

pytestmark = pytest.mark.django_db
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def desk():
    """Anna, Bert and Carl work always; Rita answers for the rules."""
    rita = make_owner("rita", accepts_leads=False)
    return {"rita": rita, **{key: make_owner(key) for key in ("anna", "bert", "carl")}}


def company(desk, **fields):
    """One pool of the three, to which everything goes; and a source."""
    pool = make_pool("desk", [desk["anna"], desk["bert"], desk["carl"]], **fields)
    publish_pool_rule(desk["rita"], pool)
    return pool, make_source("web", desk["rita"])


def route(*events, now=NOW):
    drain(lambda: now)
    found = Lead.objects.in_bulk(events)
    return [found[id].owner.key if found[id].owner else found[id].state for id in events]


def away(*owners, until=NOW + DAY, since=NOW - DAY):
    return [Absence.objects.create(owner=owner, starts_at=since, ends_at=until) for owner in owners]


def replays():
    checked, differences = verify(None)
    assert (checked > 0, differences) == (True, [])


# --- methods ------------------------------------------------------------------------------------------------


def test_fixed_order_asks_the_first_who_can_and_charges_like_a_turn(desk):
    company(desk, method="fixed_order")
    desk["anna"].cap_open = 2
    desk["anna"].save()
    source = make_source("more", desk["rita"])
    assert route(*waiting(source, *buyers(4))) == ["anna", "anna", "bert", "bert"]
    charged = LedgerEntry.objects.filter(kind="charge").order_by("id").values_list("member__owner__key", flat=True)
    assert list(charged) == ["anna", "anna", "bert", "bert"]
    assert Lead.objects.first().reason.count("comes first in Desk") == 1
    assert why_not(Lead.objects.order_by("pk")[0].pk, desk["bert"]).sentences[0] == (
        "Bert passed all checks, but Anna comes first in Desk."
    )
    replays()


def test_least_loaded_is_the_smallest_share_of_the_caps_where_all_have_one(desk):
    _, source = company(desk, method="least_loaded")
    for key, cap in (("anna", 2), ("bert", 4), ("carl", 8)):
        Owner.objects.filter(key=key).update(cap_open=cap)
    got = route(*waiting(source, *buyers(14)))
    assert {key: got.count(key) for key in ("anna", "bert", "carl")} == {"anna": 2, "bert": 4, "carl": 8}
    assert got[:3] == ["anna", "bert", "carl"]  # nobody has any: the line as it stands
    replays()


def test_least_loaded_goes_by_weight_where_somebody_has_no_cap(desk):
    pool, source = company(desk, method="least_loaded")
    PoolMember.objects.filter(pool=pool, owner=desk["carl"]).update(weight=2)
    got = route(*waiting(source, *buyers(8)))
    assert (got.count("anna"), got.count("bert"), got.count("carl")) == (2, 2, 4)


def test_members_take_part_between_their_dates_only(desk):
    pool, source = company(desk)
    PoolMember.objects.filter(pool=pool, owner=desk["anna"]).update(starts_at=NOW + HOUR)
    PoolMember.objects.filter(pool=pool, owner=desk["bert"]).update(ends_at=NOW + HOUR)
    assert route(*waiting(source, *buyers(4))) == ["bert", "carl", "bert", "carl"]
    assert sorted(route(*waiting(source, *buyers(4, 10)), now=NOW + HOUR)) == ["anna", "anna", "carl", "carl"]
    trace = Decision.objects.order_by("-id")[0].trace
    assert "left the pool on 2026-11-23 11:00 UTC" in trace


def test_a_rule_may_ask_for_skills_before_fairness(desk):
    version = make_version(desk["rita"])
    pool = make_pool("desk", [desk["anna"], desk["bert"]])
    make_rule(version, "round_robin_pool", "pool", pool=pool, require_skills=["enterprise", "health"])
    publish(version, None, NOW)
    Owner.objects.filter(key="bert").update(skills=["health", "enterprise"])
    Owner.objects.filter(key="anna").update(skills=["health"])
    assert route(*waiting(make_source("web", desk["rita"]), *buyers(3))) == ["bert"] * 3
    assert "lacks enterprise" in Decision.objects.order_by("id")[0].trace


def test_who_comes_back_may_catch_up_as_many_turns_as_the_pool_says(desk):
    _, source = company(desk, catch_up=2)
    assert route(*waiting(source, *buyers(3))) == ["anna", "bert", "carl"]
    away(desk["anna"], until=NOW + HOUR)
    assert set(route(*waiting(source, *buyers(20, 100)), now=NOW + MINUTE)) == {"bert", "carl"}
    back = route(*waiting(source, *buyers(8, 200)), now=NOW + HOUR)
    assert back == ["anna", "anna", "bert", "carl", "anna", "bert", "carl", "anna"]
    said = why_not(Lead.objects.order_by("-pk")[7].pk, desk["bert"]).sentences
    assert said[1].startswith("Bert stood at place 2 of 3 with v ")
    assert check(NOW + 2 * HOUR) == []  # the nightly look at the ledger knows of catching up
    replays()


# --- on hold ------------------------------------------------------------------------------------------------


@pytest.fixture
def held(desk):
    """A pool that holds its leads: everybody is away until in an hour."""
    pool, source = company(desk, when_empty="hold", named_owner=desk["rita"], wait_minutes=90)
    away(desk["anna"], desk["bert"], desk["carl"], until=NOW + HOUR)
    return pool, source


def test_a_lead_is_held_with_a_named_person_and_a_clock(desk, held):
    pool, source = held
    [event] = waiting(source, *buyers(1))
    assert route(event) == ["held"]
    item = ReviewItem.objects.get()
    assert (item.reason, item.pool, item.owner, item.due_at) == ("on_hold", pool, desk["rita"], NOW + 90 * MINUTE)
    decision = Decision.objects.get()
    assert (decision.status, decision.route_flag) == ("held", "exception")
    assert decision.reason == "Held for Desk because nobody in Desk is available; Rita answers for it."
    replays()


def test_held_leads_go_out_when_somebody_returns_high_intent_first_then_the_oldest(desk, held):
    _, source = held
    demos = make_source("demos", desk["rita"], "demo")
    plain = waiting(source, *buyers(2))
    hot = waiting(demos, *buyers(2, 10), intent_class=0)
    route(*plain, *hot)
    assert holding.tend(NOW + 30 * MINUTE) == 0
    assert Decision.objects.count() == 4  # nobody is there: no new decision
    assert holding.tend(NOW + HOUR) == 4
    moved = Decision.objects.filter(origin="again").order_by("id")
    assert list(moved.values_list("lead", flat=True)) == [*hot, *plain]
    assert list(moved.values_list("owner__key", flat=True)) == ["anna", "bert", "carl", "anna"]
    assert not ReviewItem.objects.filter(state="open").exists()
    replays()


def test_new_leads_wait_behind_held_ones_of_their_class_and_hot_ones_do_not(desk, held):
    _, source = held
    demos = make_source("demos", desk["rita"], "demo")
    first = waiting(source, *buyers(1))
    route(*first)
    late, hot = waiting(source, *buyers(1, 5)), waiting(demos, *buyers(1, 7), intent_class=0)
    assert route(*late, *hot, now=NOW + HOUR) == ["held", "anna"]
    assert "1 lead waits for Desk already" in Lead.objects.get(pk=late[0]).reason
    assert holding.tend(NOW + HOUR) == 2
    order = Decision.objects.filter(origin="again").order_by("id").values_list("lead", flat=True)
    assert list(order) == [*first, *late]
    replays()


def test_room_lets_held_leads_out_one_by_one(desk):
    _, source = company(desk, when_empty="hold", named_owner=desk["rita"])
    Owner.objects.exclude(key="rita").update(cap_open=1)
    events = waiting(source, *buyers(5))
    assert route(*events) == ["anna", "bert", "carl", "held", "held"]
    assert holding.tend(NOW + MINUTE) == 0
    acts.close(events[1], "lost", By(None, desk["bert"].pk, "Bert"), NOW + MINUTE)
    assert holding.tend(NOW + 2 * MINUTE) == 1
    assert Lead.objects.get(pk=events[3]).owner == desk["bert"]
    assert Lead.objects.get(pk=events[4]).state == "held"


def test_a_rule_outranks_its_pool_and_a_named_fallback_is_asked_before_a_lead_is_held(desk):
    version = make_version(desk["rita"])
    team = make_team("desk", fallback_owner=desk["carl"])
    pool = make_pool("desk", [desk["anna"]], team=team, named_owner=desk["rita"])
    make_rule(version, "campaign_source_owner", "pool", ("campaign", "is", "x"), pool=pool, on_nobody="hold")
    make_rule(
        version, "round_robin_pool", "pool", ("campaign", "is", "y"), pool=pool, on_nobody="hold",
        fallback_owner=desk["bert"],
    )  # fmt: skip
    make_rule(version, "manual_review", "pool", pool=pool)
    publish(version, None, NOW)
    away(desk["anna"])
    x, y, z = waiting(
        make_source("web", desk["rita"]), *({**buyer, "campaign": c} for buyer, c in zip(buyers(3), "xyz", strict=True))
    )
    assert route(y, z, x) == ["bert", "carl", "held"]


def test_a_lead_that_nobody_can_take_keeps_back_no_other(desk, monkeypatch):
    monkeypatch.setattr(holding, "BATCH", 2)
    version = make_version(desk["rita"])
    pool = make_pool("desk", [desk["anna"]], when_empty="hold", named_owner=desk["rita"])
    make_rule(version, "campaign_source_owner", "pool", ("campaign", "is", "x"), pool=pool, require_skills=["opera"])
    make_rule(version, "round_robin_pool", "pool", pool=pool)
    publish(version, None, NOW)
    source = make_source("web", desk["rita"])
    stuck = waiting(source, *buyers(5, campaign="x"))
    assert route(*stuck) == ["held"] * 5
    [other] = waiting(source, *buyers(1, 50))
    assert route(other) == ["held"]
    assert holding.tend(NOW + MINUTE) == 1
    assert Lead.objects.get(pk=other).owner == desk["anna"]


def test_a_tick_looks_at_new_ones_only_until_somebody_else_is_free(desk, monkeypatch):
    pool, source = company(desk, when_empty="hold", named_owner=desk["rita"])
    Owner.objects.exclude(key="rita").update(skills=["x"])
    version = make_version(desk["rita"])
    make_rule(version, "round_robin_pool", "pool", pool=pool, require_skills=["opera"])
    publish(version, None, NOW)
    away(desk["bert"], desk["carl"], until=NOW + HOUR)
    looked = []
    monkeypatch.setattr(holding, "_give_out", lambda held, leads, now: looked.append(len(leads)) or 0)
    assert route(*waiting(source, *buyers(3))) == ["held"] * 3
    for after in (0, 1, 2):
        holding.tend(NOW + after * MINUTE)
    route(*waiting(source, *buyers(1, 10)))
    holding.tend(NOW + 3 * MINUTE)
    holding.tend(NOW + 4 * MINUTE)
    assert looked == [3, 1]
    holding.tend(NOW + 6 * MINUTE)  # by then a rule may have begun to hold
    holding.tend(NOW + HOUR)
    assert looked == [3, 1, 4, 4]
    Owner.objects.filter(key="bert").update(skills=["opera"])
    holding.tend(NOW + HOUR + MINUTE)
    assert looked[4:] == [4]


def test_caps_of_the_day_and_of_the_pool_keep_leads_on_hold_without_deciding_them(desk, monkeypatch):
    pool, source = company(desk, when_empty="hold", named_owner=desk["rita"])
    PoolMember.objects.filter(pool=pool).update(cap_day=1)
    assert route(*waiting(source, *buyers(4))).count("held") == 1
    holding.tend(NOW)
    monkeypatch.setattr(holding, "_give_out", None)  # would fail
    assert holding.tend(NOW + 10 * MINUTE) == 0
    monkeypatch.undo()
    assert holding.tend(NOW + DAY) == 1


def test_a_lead_that_cannot_be_decided_is_set_aside_and_the_others_go_out(desk, held, monkeypatch):
    _, source = held
    first, second, third = waiting(source, *buyers(3))
    route(first, second, third)
    real = holding._asked_again

    def fails(at, now):
        if at.lead.pk == second:
            raise ValueError
        return real(at, now)

    monkeypatch.setattr(holding, "_asked_again", fails)
    assert holding.tend(NOW + HOUR) == 2
    assert holding.tend(NOW + HOUR + MINUTE) == 0
    monkeypatch.undo()
    assert holding.tend(NOW + 3 * HOUR) == 1


def test_the_statements_of_a_release_do_not_grow(desk, held):
    _, source = held
    holding.tend(NOW)

    def released(count, first, at):
        route(*waiting(source, *buyers(count, first)), now=NOW + MINUTE)
        with CaptureQueriesContext(connection) as queries:
            assert holding.tend(at) == count
        return len(queries)

    one = released(1, 0, NOW + HOUR)
    away(desk["anna"], desk["bert"], desk["carl"], since=NOW, until=NOW + 2 * HOUR)
    assert released(30, 100, NOW + 2 * HOUR) <= one


def test_with_nothing_on_hold_a_tick_reads_once(desk, held, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert holding.tend(NOW) == 0


# --- to be claimed ------------------------------------------------------------------------------------------


@pytest.fixture
def claimable(desk):
    """A claim pool of Anna and Bert, after half an hour Carl's, in the end Rita's."""
    second = make_pool("late", [desk["carl"]], method="claim", wait_minutes=20, named_owner=desk["rita"])
    first = make_pool(
        "early", [desk["anna"], desk["bert"]], method="claim", wait_minutes=30, next_pool=second,
        named_owner=desk["rita"],
    )  # fmt: skip
    publish_pool_rule(desk["rita"], first)
    return first, second, make_source("web", desk["rita"])


def seen_by(owner):
    user = User.objects.get_or_create(username=owner.key)[0]
    give_role(user, Role.REP)
    Owner.objects.filter(pk=owner.pk).update(user=user)
    user = User.objects.get(pk=user.pk)
    items = visible_review_items(user)
    assert set(visible_leads(user)) == {item.lead for item in items}
    return set(items.values_list("pk", flat=True))


def test_a_claim_pool_offers_its_leads_to_its_members_and_charges_who_claims(desk, claimable):
    first, _, source = claimable
    [event] = waiting(source, *buyers(1))
    assert route(event) == ["held"]
    item = ReviewItem.objects.get()
    assert (item.reason, item.pool, item.due_at) == ("waiting_to_be_claimed", first, NOW + 30 * MINUTE)
    assert (seen_by(desk["anna"]), seen_by(desk["carl"])) == ({item.pk}, set())
    done = acts.claim(item.pk, By(None, desk["bert"].pk, "Bert"), NOW + MINUTE)
    assert done.owner == desk["bert"].pk
    entry = LedgerEntry.objects.get(kind="claim")
    assert (entry.member.pool, entry.member.owner, entry.amount) == (first, desk["bert"], "1")
    with pytest.raises(Refused) as refused:
        acts.claim(item.pk, By(None, desk["anna"].pk, "Anna"), NOW + MINUTE)
    assert refused.value.code == "taken"
    replays()


def test_what_nobody_claims_goes_to_the_next_pool_and_then_to_the_named_person_each_once(desk, claimable):
    _, second, source = claimable
    [event] = waiting(source, *buyers(1))
    route(event)
    assert holding.tend(NOW + 29 * MINUTE) == 0
    assert holding.tend(NOW + 30 * MINUTE) == 1
    item = ReviewItem.objects.get(state="open")
    assert (item.pool, item.due_at) == (second, NOW + 50 * MINUTE)
    assert seen_by(desk["carl"]) == {item.pk}
    Owner.objects.filter(key="rita").update(accepts_leads=True)
    assert holding.tend(NOW + 51 * MINUTE) == 1
    lead = Lead.objects.get(pk=event)
    assert (lead.owner, lead.state) == (desk["rita"], "assigned")
    assert lead.reason == "Given to Rita, who answers for Late, because nobody claimed it in time."
    assert not LedgerEntry.objects.exists()
    assert holding.tend(NOW + DAY) == 0
    replays()


def test_the_next_pool_may_be_a_rotation_and_a_named_person_who_is_away_leaves_it_in_review(desk, claimable):
    first, second, source = claimable
    Pool.objects.filter(pk=second.pk).update(method="rotation")
    [one] = waiting(source, *buyers(1))
    route(one)
    holding.tend(NOW + 30 * MINUTE)
    assert Lead.objects.get(pk=one).owner == desk["carl"]
    Pool.objects.filter(pk=first.pk).update(next_pool=None)
    away(desk["rita"])
    [other] = waiting(source, *buyers(1, 9))
    route(other)
    holding.tend(NOW + 30 * MINUTE)
    assert Lead.objects.get(pk=other).state == "review"
    assert ReviewItem.objects.get(lead=other, state="open").reason == "no_valid_owner"
    replays()
