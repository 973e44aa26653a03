"""The walk through the hierarchy: which step decides, what identity settles first, and what always holds."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.engine.decide import decide
from routing.engine.needs import needs
from routing.engine.rules import STEPS
from routing.engine.values import CompanyMatch, ContactMatch, DealSeen, Load, Numbers, OpenLead
from tests.engine.cases import (
    ELENA,
    MARCO,
    NOW,
    RUTH,
    SAM,
    SOURCE,
    again,
    away,
    case,
    decided,
    numbers,
    people,
    person,
    pool,
    rule,
    rules,
    team,
    territory,
)  # fmt: skip
from tests.once import examples

POOL = 7
EUROPE = [{"country": "DE", "region": "", "postal_prefix": "", "territory": "europe"}]


def company():
    return people(
        *map(person, (ELENA, MARCO, SAM, RUTH)),
        pools=[pool(POOL, MARCO, SAM)], territories=[territory("europe", ELENA)], areas=EUROPE,
    )  # fmt: skip


EVERY_STEP = [
    rule(1, "reject_invalid_or_spam", "reject", [("email", "is", "nobody@example.com")]),
    rule(2, "existing_customer_owner", "customer_owner"),
    rule(3, "open_deal_owner", "deal_owner"),
    rule(4, "critical_severity_founder_review", "review", [("urgency", "is", "critical")], owner=RUTH),
    rule(5, "territory_owner", "territory_owner"),
    rule(6, "service_line_owner", "owner", [("service_requested", "is", "repair")], owner=SAM),
    rule(7, "campaign_source_owner", "owner", [("campaign", "is", "spring")], owner=MARCO),
    rule(8, "round_robin_pool", "pool", [("lead_type", "is", "contact")], pool=POOL),
    rule(9, "manual_review", "review", owner=RUTH, review_reason="unclear_product_fit"),
]
EVERYTHING = {"country": "DE", "urgency": "critical", "service_requested": "repair", "campaign": "spring"}
RELATED = {"company": CompanyMatch("certain", 70, SAM, True), "deals": (DealSeen(80, MARCO, "sales", True),)}


@pytest.mark.parametrize("first", STEPS[1:-1])
def test_the_order_of_the_version_says_which_of_all_steps_that_hold_decides(first):
    order = (first, *(step for step in STEPS if step != first))
    outcome = decided(rules(*EVERY_STEP, order=order), company(), EVERYTHING, **RELATED).outcome
    assert outcome.step == first
    assert outcome.rule == STEPS.index(first) + 1


def test_a_step_is_decided_by_the_first_rule_by_position_that_leads_somewhere():
    nowhere = rule(11, "territory_owner", "territory_owner", position=0)
    second = rule(12, "territory_owner", "owner", owner=SAM, position=1)
    third = rule(10, "territory_owner", "owner", owner=MARCO, position=2)
    decision = decided(rules(nowhere, third, second), company())
    assert (decision.outcome.owner, decision.outcome.rule) == (SAM, 12)
    assert [row["rule"] for row in decision.trace["steps"][-1]["rules"]] == [11, 12]


def test_a_rule_outside_its_window_is_not_asked():
    rows = [
        rule(1, "service_line_owner", "owner", owner=SAM, ends_at=NOW.isoformat()),
        rule(2, "service_line_owner", "owner", owner=MARCO, starts_at=NOW.isoformat()),
    ]
    assert decided(rules(*rows), company()).outcome.owner == MARCO
    assert decided(rules(*rows), company(), now=NOW - timedelta(microseconds=1)).outcome.owner == SAM


NOT_USABLE = "Sent to nurture because neither the e-mail nor the phone number can be used."


@pytest.mark.parametrize(
    ("validity", "status", "reason"),
    [
        ("spam", "rejected", "Rejected because it is spam (honeypot filled)."),
        ("no_usable_contact", "nurture", NOT_USABLE),
        (
            "missing_contact_data", "review",
            "Sent to manual review with Elena because neither an e-mail nor a phone number was given.",
        ),
    ],
)  # fmt: skip
def test_what_is_invalid_is_told_apart_without_any_rule(validity, status, reason):
    spam = "honeypot_filled" if validity == "spam" else ""
    outcome = decided(rules(), company(), validity=validity, spam=spam).outcome
    assert (outcome.status, outcome.step, outcome.reason) == (status, "reject_invalid_or_spam", reason)


def test_nothing_decided_is_review_with_the_sources_person():
    outcome = decided(rules(), company()).outcome
    assert (outcome.status, outcome.step, outcome.review_reason) == ("review", "manual_review", "unresolved")
    assert (outcome.reviewer, outcome.due_at) == (ELENA, NOW + timedelta(hours=1))


def test_the_rules_own_review_reason_and_person_are_kept():
    critical = decided(rules(*EVERY_STEP), company(), {"urgency": "critical"}).outcome
    assert (critical.review_reason, critical.reviewer) == ("critical_severity", RUTH)
    last = decided(rules(*EVERY_STEP), company(), {"lead_type": "demo"}).outcome
    assert (last.review_reason, last.reviewer, last.flag) == ("unclear_product_fit", RUTH, "exception")


def test_a_reviewer_who_left_is_never_named_while_anybody_is_there():
    of = people(person(ELENA, state="departed"), person(MARCO, state="inactive"), person(SAM), person(RUTH))
    to_marco = rules(rule(1, "manual_review", "review", owner=MARCO), owner=MARCO)
    assert decided(to_marco, of).outcome.reviewer == SAM


def test_a_reviewer_without_any_working_time_still_has_a_due_time():
    of = people(person(ELENA, absences=[[NOW.isoformat(), NOW.replace(year=2060).isoformat()]]))
    assert decided(rules(), of).outcome.due_at == NOW + timedelta(hours=1)


# Identity --------------------------------------------------------------------------------------------------

TWO = ((60, ("email",)), (61, ("email",)))


def test_people_who_cannot_be_told_apart_go_to_review_before_any_owner_is_chosen():
    ambiguous = decided(rules(*EVERY_STEP), company(), EVERYTHING, contact=ContactMatch("ambiguous", candidates=TWO))
    assert (ambiguous.outcome.status, ambiguous.outcome.review_reason) == ("review", "ambiguous_duplicate")
    assert "2 people match and cannot be told apart" in ambiguous.outcome.reason
    assert ambiguous.trace["candidates"] == []


def test_companies_that_cannot_be_told_apart_go_to_review():
    outcome = decided(rules(*EVERY_STEP), company(), company=CompanyMatch("ambiguous", candidates=TWO)).outcome
    assert (outcome.review_reason, outcome.review_detail) == (
        "ambiguous_duplicate", "2 companies match and cannot be told apart",
    )  # fmt: skip


def test_a_known_person_is_appended_to_the_open_lead_and_its_owner_is_told():
    decision = decided(rules(*EVERY_STEP), company(), EVERYTHING, open_lead=OpenLead(40, SAM))
    outcome = decision.outcome
    assert (outcome.status, outcome.lead, outcome.owner, outcome.plan) == ("appended", 40, SAM, ())
    assert [clock.kind for clock in decision.clocks] == ["first_touch"]
    assert outcome.reason == "Appended to lead 40, which Sam owns, because the buyer is known and that lead is open."
    assert decision.selection is None


def test_spam_of_a_known_person_is_rejected_not_appended():
    assert decided(rules(), company(), validity="spam", open_lead=OpenLead(40, SAM)).outcome.status == "rejected"


# Claims, clocks, plan --------------------------------------------------------------------------------------


def test_claims_that_nothing_confirms_are_noted_and_do_not_decide():
    claims = {"existing_customer": True, "open_deal_exists": True, "territory": "atlantis", "country": "DE"}
    claimed = rule(1, "campaign_source_owner", "review", [("existing_customer", "is_true", None)], owner=RUTH)
    decision = decided(rules(claimed, *EVERY_STEP[1:]), company(), claims)
    assert decision.trace["notes"] == [
        "The payload says existing customer; the CRM does not know them as one.",
        "The payload says there is an open deal; the CRM has none.",
        "The payload names territory atlantis, which does not exist; it counts for nothing.",
    ]
    assert (decision.outcome.step, decision.outcome.owner) == ("territory_owner", ELENA)


def test_a_claim_that_the_crm_confirms_is_not_noted():
    decision = decided(rules(*EVERY_STEP), company(), {"existing_customer": True, "open_deal_exists": True}, **RELATED)
    assert decision.trace["notes"] == []


@pytest.mark.parametrize(
    ("stage", "detail"),
    [
        ({"pipeline": "gone", "stage": "new"}, "pipeline gone does not exist"),
        ({"pipeline": "sales", "stage": "gone"}, "stage gone does not exist in pipeline sales"),
        ({"pipeline": "sales"}, "no stage of pipeline sales is named"),
        ({"stage": "new"}, "stage new has no pipeline"),
    ],
)
def test_a_missing_pipeline_or_stage_sets_the_owner_and_stops_the_plan(stage, detail):
    outcome = decided(rules(rule(1, "manual_review", "owner", owner=SAM, **stage)), company()).outcome
    assert (outcome.status, outcome.owner, outcome.plan) == ("assigned", SAM, ("update_contact_owner",))
    assert (outcome.review_reason, outcome.review_detail) == ("pipeline_stage_mismatch", detail)
    assert (outcome.reviewer, outcome.flag) == (ELENA, "exception")


def test_an_own_open_deal_of_the_pipeline_is_updated_and_none_made():
    to_sales = rules(rule(1, "manual_review", "owner", owner=SAM, pipeline="sales", stage="new"))
    for deal, action in (
        (DealSeen(80, None, "sales", True), "update_deal"),
        (DealSeen(80, None, "sales", False), "create_deal"),
    ):
        assert decided(to_sales, company(), deals=(deal,)).outcome.plan[1] == action


def test_clocks_run_in_the_owners_hours_but_critical_ones_around_the_clock():
    of = people(person(ELENA, hours=[[day, 540, 600] for day in range(5)]))  # 09:00 to 10:00, and it is 10:00
    to_elena = rules(rule(1, "existing_customer_owner", "customer_owner"))
    known = {"company": CompanyMatch("certain", 70, ELENA, True)}
    normal = decided(to_elena, of, **known)
    tomorrow = NOW.replace(hour=9) + timedelta(days=1)
    assert [clock.due_at - tomorrow for clock in normal.clocks] == [timedelta(minutes=15), timedelta(minutes=30)]
    critical = decided(to_elena, of, {"urgency": "critical"}, **known)
    assert [clock.due_at - NOW for clock in critical.clocks] == [timedelta(minutes=15), timedelta(minutes=30)]


def test_a_test_lead_is_decided_like_any_other_but_counts_for_nobody():
    to_pool = rules(rule(1, "round_robin_pool", "pool", pool=POOL))
    read = numbers(company())
    decision = decide(case(is_test=True), read, to_pool, company())
    read.take(decision)
    assert (decision.outcome.owner, decision.selection, decision.counts) == (MARCO, None, False)
    assert (read.turns, set(read.loads.values())) == ({}, {Load(0, 0, 0)})


# What always holds -----------------------------------------------------------------------------------------

OWNERS = (1, 2, 3, 4, 5)
owner_ids = st.sampled_from(OWNERS)
maybe_owner = st.none() | owner_ids
conditions = st.sampled_from(
    [
        ("country", "one_of", ["DE", "FR"]), ("lead_score", "at_least", 50), ("urgency", "is", "critical"),
        ("language", "is_blank", None), ("existing_customer", "is_true", None), ("high_intent", "is_false", None),
    ]
)  # fmt: skip


groups = st.lists(conditions, min_size=1, max_size=2)


@st.composite
def drawn_people(draw):
    owners = [
        person(
            id,
            state=draw(st.sampled_from(["active", "active", "active", "inactive", "departed"])),
            accepts=draw(st.booleans() | st.just(True)), teams=draw(st.lists(st.sampled_from([5, 6]), unique=True)),
            cover=draw(maybe_owner), languages=draw(st.lists(st.sampled_from(["de", "en"]), unique=True)),
            cap_open=draw(st.none() | st.integers(0, 3)), cap_day=draw(st.none() | st.integers(0, 3)),
            absences=draw(st.sampled_from([[], [], away()])),
            hours=draw(st.sampled_from([[], [[0, 540, 1020]], [[2, 540, 1020]]])),
        )
        for id in OWNERS
    ]  # fmt: skip
    members = draw(st.lists(owner_ids, unique=True))
    return people(
        *owners,
        teams=[team(5, fallback=draw(maybe_owner), pool=POOL), team(6, fallback=draw(maybe_owner))],
        pools=[pool(POOL, *members, fallback=draw(maybe_owner), team=draw(st.none() | st.just(5)))],
        territories=[territory("europe", draw(maybe_owner), team=draw(st.none() | st.just(6)))], areas=EUROPE,
    )  # fmt: skip


@st.composite
def drawn_rule(draw, id):
    kind = draw(
        st.sampled_from(
            ["owner", "pool", "team", "territory_owner", "customer_owner", "deal_owner", "review", "nurture", "reject"]
        )
    )
    named = {"owner": draw(owner_ids)} if kind in ("owner", "review") else {}
    named |= {"pool": POOL} if kind == "pool" else {"team": draw(st.sampled_from([5, 6]))} if kind == "team" else {}
    return rule(
        id, draw(st.sampled_from(STEPS)), kind, *draw(st.lists(groups, max_size=2)),
        fallback_owner=draw(maybe_owner), on_nobody=draw(st.sampled_from(["", "review", "next_step"])),
        require_language=draw(st.booleans()), pipeline=draw(st.sampled_from(["", "sales", "gone"])),
        stage=draw(st.sampled_from(["", "new"])), **named,
    )  # fmt: skip


@st.composite
def drawn_rules(draw):
    order = (*draw(st.permutations(STEPS[:-1])), STEPS[-1])
    return rules(*(draw(drawn_rule(id)) for id in range(1, draw(st.integers(1, 7)))), order=order)


FACTS = {
    "country": st.sampled_from(["DE", "FR", "US"]), "lead_score": st.integers(0, 100),
    "urgency": st.sampled_from(["low", "critical"]), "language": st.sampled_from(["de", "en"]),
    "lead_type": st.sampled_from(["demo", "contact"]), "existing_customer": st.booleans(),
    "company_name": st.text(max_size=5),
}  # fmt: skip


companies = st.just(CompanyMatch()) | st.builds(
    CompanyMatch, st.just("certain"), st.just(70), maybe_owner, st.booleans()
)


@st.composite
def drawn_case(draw):
    names = draw(st.sets(st.sampled_from(sorted(FACTS))))
    deals = st.builds(DealSeen, st.integers(80, 85), maybe_owner, st.sampled_from(["sales", "other"]), st.booleans())
    validity = draw(st.sampled_from(["usable"] * 5 + ["spam", "missing_contact_data", "no_usable_contact"]))
    verdict = draw(st.sampled_from(["new", "certain", "certain", "ambiguous"]))
    known = verdict == "certain"
    return case(
        {name: draw(FACTS[name]) for name in sorted(names)},
        validity=validity, spam="honeypot_filled" if validity == "spam" else "",
        contact=ContactMatch("certain", 60, draw(maybe_owner)) if known else ContactMatch(verdict, candidates=TWO),
        company=draw(companies),
        deals=tuple(draw(st.lists(deals, max_size=2))), is_test=draw(st.booleans()),
        open_lead=draw(st.sampled_from([None, None, None, OpenLead(40, SAM), OpenLead(41, None, RUTH)])),
        tried=tuple(draw(st.lists(owner_ids, max_size=1))), source=draw(st.sampled_from([SOURCE, 999])),
    )  # fmt: skip


def read_as_the_pipeline_reads(of, rule_set, cases, loads):
    """Only what `needs` names: a number that is missing there fails the decision."""
    named = [needs(seen, rule_set, of) for seen in cases]
    owners = set().union(*(owners for _, owners in named))
    pools = set().union(*(pools for pools, _ in named))
    return Numbers(loads={id: loads.get(id, Load(0, 0, 0)) for id in owners}, pools_read=pools)


@settings(max_examples=examples(150), deadline=None)
@given(
    drawn_people(), drawn_rules(), st.lists(drawn_case(), min_size=1, max_size=4),
    st.dictionaries(owner_ids, st.builds(Load, st.integers(0, 4), st.integers(0, 4), st.integers(0, 4))),
)  # fmt: skip
def test_every_decision_of_a_batch_keeps_the_promises_and_replays_from_its_snapshot(of, rule_set, cases, loads):
    read = read_as_the_pipeline_reads(of, rule_set, cases, loads)
    for seen in cases:
        before = dict(read.loads)
        decision = decide(seen, read, rule_set, of)
        assert decide(seen, read, rule_set, of) == decision
        assert_promises(decision, seen, of, before)
        replayed = again(decision, rule_set, of)
        assert (replayed.digest, replayed.trace_text) == (decision.digest, decision.trace_text)
        read.take(decision)


def assert_promises(decision, seen, of, loads):
    outcome = decision.outcome
    assert outcome.reason.count("\n") == 0
    assert outcome.reason.endswith(".")
    assert ". " not in outcome.reason
    if outcome.status == "assigned":
        owner, load = of.owners[outcome.owner], loads[outcome.owner]
        assert (owner.state, owner.absent_until(seen.now)) == ("active", None)
        relation = decision.trace["candidates"][-1]["as"] == "target" and outcome.step in (
            "existing_customer_owner", "open_deal_owner",
        )  # fmt: skip
        if not relation:
            assert owner.accepts
            assert owner.cap_open is None or load.open < owner.cap_open
            assert owner.cap_day is None or load.day < owner.cap_day
            assert owner.id not in seen.tried
        assert decision.clocks
    elif outcome.status in ("review", "appended"):
        assert outcome.owner is not None or outcome.reviewer is not None
    if outcome.review_reason:
        assert outcome.reviewer in of.owners
        everybody_left = all(owner.state != "active" for owner in of.owners.values())
        assert of.owners[outcome.reviewer].state == "active" or everybody_left
        assert outcome.status == "assigned" or outcome.due_at > seen.now
    else:
        assert outcome.status in ("assigned", "appended", "nurture", "rejected")
