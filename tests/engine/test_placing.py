"""Who gets a lead whose rule holds: the target, whoever stands in, or nobody; each check named."""

import pytest

from routing.engine.eligibility import CHECKS
from routing.engine.values import NO_LOAD, CompanyMatch, ContactMatch, DealSeen, Load
from tests.engine.cases import (
    ELENA,
    MARCO,
    NOW,
    RUTH,
    SAM,
    away,
    candidates,
    decided,
    people,
    person,
    pool,
    rule,
    rules,
    team,
    territory,
)  # fmt: skip

POOL = 7
TO_ELENA = rule(1, "service_line_owner", "owner", owner=ELENA, fallback_owner=SAM)
TEAM = team(5, fallback=RUTH)
NIGHT = [[day, 1200, 1260] for day in range(7)]  # 20:00 to 21:00


def staff(**of_elena):
    """Elena of team 5 with Marco as cover; Sam and Ruth are free."""
    elena = person(ELENA, **{"teams": [5], "cover": MARCO, **of_elena})
    return people(elena, person(MARCO, languages=["de"]), person(SAM), person(RUTH), teams=[TEAM])


@pytest.mark.parametrize(
    ("fields", "facts", "asked", "check", "why"),
    [
        ({"state": "inactive"}, {}, {}, "active", "is inactive"),
        ({"state": "departed"}, {}, {}, "active", "is departed"),
        ({"accepts": False}, {}, {}, "accepts_leads", "does not accept leads"),
        ({}, {}, {"team": 6}, "right_team", "is not in the team"),
        (
            {"services": ["audit"]}, {"service_requested": "repair"}, {"require_service": True},
            "covers", "does not cover repair",
        ),
        ({"sources": ["chat"]}, {}, {}, "source_allowed", "takes no leads from web"),
        ({"languages": ["en"]}, {"language": "de"}, {"require_language": True}, "speaks_language", "does not speak de"),
        ({"cap_open": 2}, {}, {}, "within_caps", "2 of 2 open leads"),
        ({"cap_day": 1}, {}, {}, "within_caps", "1 of 1 leads today"),
        ({"cap_week": 2}, {}, {}, "within_caps", "2 of 2 leads this week"),
        ({"absences": away()}, {}, {}, "present", "is away until 2026-11-23 23:00 UTC"),
        ({"hours": NIGHT}, {}, {}, "present", "is outside working hours"),
        ({}, {}, {"tried": (ELENA,)}, "not_tried", "had this lead before"),
    ],
)  # fmt: skip
def test_a_failed_check_is_named_and_the_cover_person_takes_the_lead(fields, facts, asked, check, why):
    assert check in CHECKS
    tried = asked.get("tried", ())
    to_elena = rule(1, "service_line_owner", "owner", owner=ELENA, **{k: v for k, v in asked.items() if k != "tried"})
    decision = decided(rules(to_elena), staff(**fields), facts, {ELENA: Load(2, 1, 2)}, tried=tried)
    assert candidates(decision) == [(ELENA, "target", {check: why}), (MARCO, "cover", {})]
    outcome = decision.outcome
    assert (outcome.status, outcome.owner, outcome.flag) == ("assigned", MARCO, "fallback")
    assert f"Elena {why}, so Marco, who covers for them, takes it." in outcome.reason


def test_an_owner_who_does_not_exist_fails_that_check():
    to_nobody = rule(1, "service_line_owner", "owner", owner=99, fallback_owner=SAM)
    decision = decided(rules(to_nobody), staff(), loads={99: NO_LOAD})
    assert candidates(decision) == [(99, "target", {"exists": "no such owner"}), (SAM, "rule_fallback", {})]


@pytest.mark.parametrize(
    ("gone", "taker", "role"),
    [
        ((), ELENA, "target"),
        ((ELENA,), MARCO, "cover"),
        ((ELENA, MARCO), SAM, "rule_fallback"),
        ((ELENA, MARCO, SAM), RUTH, "team_fallback"),
    ],
)
def test_cover_rule_fallback_and_team_fallback_are_asked_in_that_order(gone, taker, role):
    owners = [person(id, state="departed" if id in gone else "active") for id in (ELENA, MARCO, SAM, RUTH)]
    owners[0] |= {"teams": [5], "cover": MARCO}
    decision = decided(rules(TO_ELENA), people(*owners, teams=[TEAM]))
    assert (decision.outcome.owner, candidates(decision)[-1]) == (taker, (taker, role, {}))
    assert len(candidates(decision)) == len(gone) + 1
    assert decision.outcome.flag == ("fallback" if gone else "ok")


def test_when_nobody_stands_in_it_goes_to_review_with_every_candidate_in_the_trace():
    owners = [
        person(id, absences=away(), **({"teams": [5], "cover": MARCO} if id == ELENA else {})) for id in (1, 2, 3, 4)
    ]
    decision = decided(rules(TO_ELENA), people(*owners, teams=[TEAM]))
    assert (decision.outcome.status, decision.outcome.review_reason) == ("review", "no_valid_owner")
    assert [(id, role) for id, role, _ in candidates(decision)] == [
        (ELENA, "target"), (MARCO, "cover"), (SAM, "rule_fallback"), (RUTH, "team_fallback"),
    ]  # fmt: skip
    assert (decision.outcome.reviewer, decision.outcome.due_at is not None) == (ELENA, True)


def test_a_stand_in_who_failed_for_another_rule_is_asked_again():
    german = rule(1, "service_line_owner", "owner", owner=SAM, require_language=True, on_nobody="next_step")
    to_pool = rule(2, "round_robin_pool", "pool", pool=POOL, fallback_owner=SAM)
    of = people(person(ELENA, absences=away()), person(SAM), pools=[pool(POOL, ELENA)])
    decision = decided(rules(german, to_pool), of, {"language": "de"})
    assert (decision.outcome.status, decision.outcome.owner, decision.outcome.rule) == ("assigned", SAM, 2)


def test_a_target_named_as_fallback_too_is_asked_once():
    to_elena = rule(1, "service_line_owner", "owner", owner=ELENA, fallback_owner=ELENA)
    of = people(person(ELENA, absences=away(), teams=[5]), teams=[team(5, fallback=ELENA)])
    assert [(id, role) for id, role, _ in candidates(decided(rules(to_elena), of))] == [(ELENA, "target")]


# Relationships ---------------------------------------------------------------------------------------------

CUSTOMER = CompanyMatch("certain", 70, ELENA, True, ((70, ("domain",)),))
TO_CUSTOMER_OWNER = rule(1, "existing_customer_owner", "customer_owner")
TO_DEAL_OWNER = rule(2, "open_deal_owner", "deal_owner")
RELATIONS = rules(TO_CUSTOMER_OWNER, TO_DEAL_OWNER)


@pytest.mark.parametrize(
    ("fields", "check", "why"),
    [
        ({"cap_open": 2}, "within_caps", "2 of 2 open leads"),
        ({"sources": ["chat"]}, "source_allowed", "takes no leads from web"),
        ({"hours": NIGHT}, "present", "is outside working hours"),
    ],
)
def test_a_relationship_owner_gets_the_lead_with_the_other_checks_noted(fields, check, why):
    for company, deals in ((CUSTOMER, ()), (CompanyMatch(), (DealSeen(80, ELENA, "sales", True),))):
        decision = decided(RELATIONS, staff(**fields), loads={ELENA: Load(2, 2, 2)}, company=company, deals=deals)
        assert (decision.outcome.status, decision.outcome.owner, decision.outcome.flag) == ("assigned", ELENA, "ok")
        assert decision.trace["candidates"][0]["noted"] == {check: why}
        assert "has room (2 of 2" not in decision.outcome.reason


@pytest.mark.parametrize("fields", [{"state": "inactive"}, {"state": "departed"}, {"absences": away()}])
def test_a_relationship_owner_who_is_absent_inactive_or_gone_gives_way_to_the_cover_person(fields):
    decision = decided(RELATIONS, staff(**fields), company=CUSTOMER)
    assert (decision.outcome.owner, decision.outcome.step) == (MARCO, "existing_customer_owner")


def test_caps_bind_whoever_stands_in_for_a_relationship_owner():
    of = people(person(ELENA, absences=away(), cover=MARCO), person(MARCO, cap_open=1))
    decision = decided(RELATIONS, of, loads={MARCO: Load(1, 0, 0)}, company=CUSTOMER)
    assert candidates(decision)[1] == (MARCO, "cover", {"within_caps": "1 of 1 open leads"})
    assert decision.outcome.review_reason == "no_valid_owner"


def test_a_named_account_counts_like_a_customer_and_a_stranger_goes_on():
    named = decided(RELATIONS, staff(), company=CompanyMatch("certain", 70, ELENA, False))
    assert (named.outcome.owner, named.outcome.step) == (ELENA, "existing_customer_owner")
    stranger = decided(RELATIONS, staff())
    rows = {step["step"]: [row["result"] for row in step["rules"]] for step in stranger.trace["steps"]}
    assert (rows["existing_customer_owner"], rows["open_deal_owner"]) == (["not_applicable"], ["not_applicable"])
    assert stranger.outcome.review_reason == "unresolved"


def test_a_customer_without_an_owner_falls_to_the_owner_of_the_contact():
    decision = decided(
        RELATIONS, staff(), company=CompanyMatch("certain", 70, None, True), contact=ContactMatch("certain", 60, SAM)
    )
    assert (decision.outcome.owner, decision.outcome.step) == (SAM, "existing_customer_owner")


def test_the_persons_own_deal_outranks_the_companys_and_equal_rights_are_a_conflict():
    own, others = DealSeen(80, SAM, "sales", True), DealSeen(81, ELENA, "sales", False)
    assert decided(RELATIONS, staff(), deals=(own, others)).outcome.owner == SAM
    conflict = decided(RELATIONS, staff(), deals=(own, own._replace(id=82, owner=MARCO)))
    assert (conflict.outcome.review_reason, conflict.outcome.status) == ("ownership_conflict", "review")
    assert "Sam and Marco have the same right to this lead" in conflict.outcome.reason


# Pools -----------------------------------------------------------------------------------------------------


def to_pool(**fields):
    return rules(
        rule(1, "round_robin_pool", "pool", pool=POOL, **fields), rule(2, "manual_review", "owner", owner=RUTH)
    )


def empty_pool(**fields):
    owners = (person(ELENA, absences=away()), person(MARCO, state="departed"), person(SAM), person(RUTH))
    return people(*owners, pools=[pool(POOL, ELENA, MARCO, **fields)])


def test_a_pool_with_nobody_available_goes_to_review_with_every_member_checked():
    decision = decided(to_pool(), empty_pool())
    assert (decision.outcome.status, decision.outcome.review_reason) == ("review", "no_valid_owner")
    assert "nobody in Pool 7 is available" in decision.outcome.reason
    assert candidates(decision) == [
        (ELENA, "turn", {"present": "is away until 2026-11-23 23:00 UTC"}),
        (MARCO, "turn", {"active": "is departed"}),
    ]
    assert decision.selection is None


@pytest.mark.parametrize(
    ("on_nobody", "status", "owner"),
    [("", "assigned", SAM), ("review", "review", None), ("next_step", "assigned", RUTH)],
)
def test_a_rules_policy_for_nobody_outranks_its_pools(on_nobody, status, owner):
    outcome = decided(to_pool(on_nobody=on_nobody), empty_pool(fallback=SAM)).outcome
    assert (outcome.status, outcome.owner) == (status, owner)


def test_the_rules_own_fallback_is_asked_whatever_its_policy_for_nobody():
    for on_nobody in ("", "review", "next_step"):
        outcome = decided(to_pool(on_nobody=on_nobody, fallback_owner=SAM), empty_pool(fallback=RUTH)).outcome
        assert (outcome.owner, outcome.rule) == (SAM, 1)


def test_a_pool_without_members_goes_to_review_like_one_where_all_are_away():
    assert decided(to_pool(), people(person(ELENA), pools=[pool(POOL)])).outcome.review_reason == "no_valid_owner"


@pytest.mark.parametrize("target", [{"kind": "team", "team": 5}, {"kind": "pool", "pool": 99}])
def test_a_team_without_a_pool_and_a_pool_that_is_gone_fall_to_the_stand_ins(target):
    kind = target.pop("kind") if "kind" in target else "pool"
    with_fallback = rules(rule(1, "round_robin_pool", kind, fallback_owner=SAM, **target))
    assert decided(with_fallback, staff()).outcome.owner == SAM
    without = decided(rules(rule(1, "round_robin_pool", kind, **target)), staff()).outcome
    assert (without.owner, without.review_reason) == ((RUTH, "") if kind == "team" else (None, "no_valid_owner"))


def test_hours_bind_in_a_pool_that_keeps_them_and_only_there():
    for keeps, taker in ((True, MARCO), (False, ELENA)):
        of = people(person(ELENA, hours=NIGHT), person(MARCO), pools=[pool(POOL, ELENA, MARCO, keeps_hours=keeps)])
        assert decided(to_pool(), of).outcome.owner == taker


def test_absence_binds_in_every_pool():
    of = people(person(ELENA, absences=away()), person(MARCO), pools=[pool(POOL, ELENA, MARCO, keeps_hours=False)])
    assert decided(to_pool(), of).outcome.owner == MARCO


def test_a_territory_without_an_owner_is_an_invalid_one():
    to_territory = rules(rule(1, "territory_owner", "territory_owner"))
    area = {"country": "DE", "region": "", "postal_prefix": "", "territory": "europe"}
    of = people(person(ELENA), territories=[territory("europe", None)], areas=[area])
    assert decided(to_territory, of, {"country": "DE"}).outcome.review_reason == "invalid_territory"
    assert decided(to_territory, of, {"country": "FR"}).outcome.review_reason == "unresolved"


def test_a_lead_outside_an_owners_hours_goes_to_the_cover_person_and_inside_to_the_owner():
    decision = decided(rules(TO_ELENA), staff(hours=NIGHT), now=NOW.replace(hour=20, minute=30))
    assert decision.outcome.owner == ELENA
