"""The ledger through the pipeline, with real rows: credits, edits of a pool, a vacation, adjustments by hand."""

from collections import Counter
from datetime import timedelta
from fractions import Fraction
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from leads.models import Lead, Source
from owners.models import Absence, Owner, Pool, PoolMember, User
from owners.roles import Role, give_role
from owners.writer import writing
from routing import acts
from routing.ledger import adjust, credit
from routing.models import Decision, LedgerEntry, RotationState
from routing.moving import REVROUTE, By
from routing.pipeline import drain
from routing.refused import Refused
from tests.builders import NOW, make_owner, make_pool, make_source, make_team, publish_pool_rule
from tests.routing.batches import buyers, waiting

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def sales() -> SimpleNamespace:
    """Ann, Ben and Cleo share a pool, Ann with twice the weight; Rita is RevOps."""
    team = make_team("sales")
    ann, ben, cleo = (make_owner(name, team) for name in ("ann", "ben", "cleo"))
    pool = make_pool("everybody", [ann, ben, cleo], [2, 1, 1], team=team, keeps_hours=False)
    publish_pool_rule(ann, pool)
    make_source("web", ann)
    rita = User.objects.create(username="rita", is_staff=True)
    give_role(rita, Role.REVOPS)
    members = {member.owner_id: member for member in pool.members.all()}
    return SimpleNamespace(
        ann=ann, ben=ben, cleo=cleo, pool=pool, rita=rita, by=By(rita.pk, None, "Rita"), came=0,
        member=lambda owner: members[owner.pk],
    )  # fmt: skip


def route(sales, count: int, now=NOW) -> Counter:
    """So many new buyers; who got how many."""
    ids = waiting(Source.objects.get(key="web"), *buyers(count, sales.came))
    sales.came += count
    drain(lambda: now)
    return Counter(Lead.objects.filter(pk__in=ids).values_list("owner__key", flat=True))


def v(sales, owner) -> Fraction:
    return Fraction(RotationState.objects.get(member=sales.member(owner)).v)


def entries(sales, owner) -> list[tuple]:
    """Kind, amount and reason of the owner's rows, the oldest first."""
    rows = LedgerEntry.objects.filter(member=sales.member(owner)).order_by("id")
    return list(rows.values_list("kind", "amount", "reason"))


def adds_up() -> bool:
    for state in RotationState.objects.all():
        rows = LedgerEntry.objects.filter(member=state.member_id).values_list("amount", flat=True)
        assert sum(map(Fraction, rows)) == Fraction(state.v)
    return True


@pytest.mark.parametrize("cause", ["spam", "duplicate", "misroute"])
def test_a_lead_that_should_not_have_cost_a_turn_gives_back_what_it_cost_once(sales, cause):
    assert route(sales, 4) == {"ann": 2, "ben": 1, "cleo": 1}
    lead = Lead.objects.filter(owner=sales.ann).first()
    PoolMember.objects.filter(pk=sales.member(sales.ann).pk).update(weight=3)  # what was charged is given back
    done = acts.reject(lead.pk, sales.by, "as seen", NOW, cause=cause)
    assert done.sentence.endswith("Ann has the turn in Everybody back.")
    given = LedgerEntry.objects.get(kind="credit")
    charged = LedgerEntry.objects.get(kind="charge", decision__lead=lead)
    assert (given.amount, given.decision, given.actor, given.member) == (
        "-1/2",
        charged.decision,
        sales.rita,
        charged.member,
    )
    assert given.reason
    assert v(sales, sales.ann) == Fraction(1, 2)
    with writing():
        assert credit(lead.pk, given.member_id, cause, sales.by, NOW) == ""
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry.objects.create(
            member=given.member, decision=given.decision, kind="credit", amount="-1/2", v_before="1/2", v_after="0",
            reason="again", at=NOW,
        )  # fmt: skip
    assert adds_up()
    assert route(sales, 1) == {"ann": 1}


def test_a_misrouted_lead_is_given_on_and_its_next_owner_is_charged(sales):
    route(sales, 4)
    lead = Lead.objects.filter(owner=sales.ben).first()
    acts.reassign(lead.pk, sales.cleo.pk, sales.by, "speaks Greek", NOW, cause="misroute")
    assert [row[:2] for row in entries(sales, sales.ben)] == [("join", "0"), ("charge", "1"), ("credit", "-1")]
    lead.refresh_from_db()
    assert lead.owner == sales.cleo
    assert adds_up()


def test_other_endings_give_nothing_back(sales):
    route(sales, 4)
    first, second, third = Lead.objects.order_by("pk")[:3]
    acts.reject(first.pk, sales.by, "a competitor", NOW)
    acts.reassign(second.pk, sales.cleo.pk if second.owner != sales.cleo else sales.ann.pk, sales.by, "holiday", NOW)
    acts.reject(third.pk, sales.by, "too late", NOW, cause="missed_sla")
    assert not LedgerEntry.objects.filter(kind="credit").exists()


def test_a_lead_that_came_by_hand_has_no_turn_to_give_back(sales):
    route(sales, 4)
    lead = Lead.objects.filter(owner=sales.ann).first()
    acts.decline(lead.pk, By(None, sales.ann.pk, "Ann"), "no time", NOW)
    Lead.objects.filter(pk=lead.pk).update(member=None)
    acts.reject(lead.pk, sales.by, "spam", NOW, cause="spam")
    assert not LedgerEntry.objects.filter(kind="credit").exists()


def test_editing_a_pool_moves_nobody_and_says_who_did_it(sales):
    route(sales, 7)
    before = dict(RotationState.objects.values_list("member_id", "v"))
    client = Client()
    client.force_login(sales.rita)
    dana = make_owner("dana")
    form = {"key": "everybody", "name": "All", "team": sales.pool.team_id, "keeps_hours": "", "when_empty": "review"}
    page = client.get(f"/admin/owners/pool/{sales.pool.pk}/change/")
    given = page.context["adminform"].form.initial
    form = {name: value for name, value in given.items() if value is not None and value is not False} | form
    form["member_query"] = "{}"
    inline = page.context["inline_admin_formsets"][0].formset
    form |= {f"members-{name}": value for name, value in inline.management_form.initial.items()}
    order = [sales.cleo, sales.ben, sales.ann]  # the other way round; Ann's weight changes, Ben leaves
    for number, owner in enumerate(order):
        member = sales.member(owner)
        form |= {
            f"members-{number}-id": member.pk, f"members-{number}-pool": sales.pool.pk,
            f"members-{number}-owner": owner.pk, f"members-{number}-position": number,
            f"members-{number}-weight": 4 if owner == sales.ann else 1,
        }  # fmt: skip
        if owner != sales.ben:
            form[f"members-{number}-active"] = "on"
    form |= {
        "members-3-pool": sales.pool.pk, "members-3-owner": dana.pk, "members-3-position": 3, "members-3-weight": 1,
        "members-3-active": "on", "members-TOTAL_FORMS": 4, "members-INITIAL_FORMS": 3,
    }  # fmt: skip
    answer = client.post(f"/admin/owners/pool/{sales.pool.pk}/change/", form)
    assert answer.status_code == 302, answer.context["errors"]
    assert dict(RotationState.objects.values_list("member_id", "v")) == before
    assert entries(sales, sales.ann)[-1] == ("weight", "0", "weight 2 → 4")
    assert entries(sales, sales.ben)[-1] == ("leave", "0", "made inactive")
    assert set(LedgerEntry.objects.filter(kind__in=("weight", "leave")).values_list("actor", flat=True)) == {
        sales.rita.pk
    }
    assert entries(sales, sales.cleo)[-1][0] in ("charge", "join")
    got = route(sales, 12)
    assert got == {"ann": 8, "cleo": 2, "dana": 2}
    assert adds_up()


def test_edits_of_many_rows_at_once_and_of_the_method_are_told_too(sales):
    route(sales, 4)
    sales.pool.members.update(weight=5, position=0)
    assert [entries(sales, owner)[-1] for owner in (sales.ann, sales.ben)] == [
        ("weight", "0", "weight 2 → 5"), ("weight", "0", "weight 1 → 5"),
    ]  # fmt: skip
    rows = LedgerEntry.objects.count()
    sales.pool.members.update(weight=5)
    PoolMember.objects.create(pool=sales.pool, owner=make_owner("dana"))
    assert LedgerEntry.objects.count() == rows
    pool = Pool.objects.get()
    pool.method = "fixed_order"
    pool.save()
    assert entries(sales, sales.cleo)[-1] == ("adjust", "0", "method weighted rotation → fixed order")
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry.objects.create(
            member=sales.member(sales.ann), kind="weight", amount="1", v_before="0", v_after="1", at=NOW
        )


def test_two_weeks_of_vacation_end_without_a_flood(sales):
    Absence.objects.create(owner=sales.ben, starts_at=NOW + DAY, ends_at=NOW + 15 * DAY)
    route(sales, 8)
    for day in range(1, 15):
        assert route(sales, 6, NOW + day * DAY) == {"ann": 4, "cleo": 2}
    back = NOW + 15 * DAY
    assert route(sales, 1, back).total() == 1
    returned = LedgerEntry.objects.get(kind="return")
    assert returned.member == sales.member(sales.ben)
    assert Fraction(returned.v_after) == min(v(sales, sales.ann), v(sales, sales.cleo), Fraction(returned.v_after))
    total = sum((route(sales, 4, back) for _ in range(5)), Counter())
    assert total["ann"] == 10
    assert abs(total["ben"] - 5) <= 1
    assert adds_up()


def test_an_adjustment_moves_a_member_by_turns_and_is_signed(sales):
    route(sales, 4)
    said = adjust(sales.member(sales.ann).pk, Fraction(2), sales.by, "  helped  out ", NOW)
    assert said == "Ann comes 2 turns later in Everybody: helped out"
    row = LedgerEntry.objects.get(kind="adjust")
    assert (row.amount, row.reason, row.actor) == ("1", "helped out", sales.rita)
    assert route(sales, 2) == {"ben": 1, "cleo": 1}
    assert adds_up()


@pytest.mark.parametrize(
    ("turns", "why", "code"),
    [(1, " ", "why_missing"), (0, "x", "bad_amount"), (101, "x", "bad_amount"), (1, "x", "no_turn")],
)
def test_an_adjustment_that_says_nothing_is_refused(sales, turns, why, code):
    with pytest.raises(Refused) as refused:
        adjust(sales.member(sales.ann).pk, Fraction(turns), REVROUTE, why, NOW)
    assert refused.value.code == code
    assert not Decision.objects.exists()


@pytest.mark.time_machine(NOW, tick=False)
def test_who_joins_and_leaves_by_a_query_is_in_the_ledger_with_the_reason(sales):
    for owner in (sales.ann, sales.ben, sales.cleo):
        Owner.objects.filter(pk=owner.pk).update(skills=["enterprise"])
    PoolMember.objects.exclude(owner=sales.ann).update(by_query=True)
    Pool.objects.update(member_query={"skills": ["enterprise"]})
    assert route(sales, 4) == {"ann": 2, "ben": 1, "cleo": 1}
    dora = make_owner("dora", skills=["enterprise"])
    Owner.objects.exclude(pk=dora.pk).update(skills=[])
    for owner in (sales.ben, sales.cleo):
        assert entries(sales, owner)[-1] == ("leave", "0", "the pool’s query finds them no longer")
    assert route(sales, 3, NOW + DAY) == {"ann": 2, "dora": 1}  # Ann was entered by name
    joined = LedgerEntry.objects.filter(member__owner=dora).order_by("id").values_list("kind", flat=True)
    assert list(joined) == ["join", "charge"]
    Owner.objects.filter(pk=sales.ben.pk).update(skills=["enterprise"])
    assert route(sales, 4, NOW + DAY) == {"ann": 2, "ben": 1, "dora": 1}
    assert [kind for kind, *_ in entries(sales, sales.ben)] == ["join", "charge", "leave", "return", "charge"]
    assert adds_up()
