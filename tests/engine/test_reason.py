"""The reason: one sentence that sales can read, made from the trace."""

import pytest

from routing.engine.reason import words
from routing.engine.values import DealSeen, Load
from tests.engine.cases import ELENA, MARCO, decided, people, person, rule, rules, territory


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("crm_workflow_repair", "CRM workflow repair"),
        ("data-audit", "data audit"),
        ("Roof repair", "Roof repair"),
        ("", ""),
    ],
)
def test_a_key_reads_as_words(key, text):
    assert words(key) == text


def to_elena(*conditions, **fields):
    return rules(
        rule(1, "service_line_owner", "owner", *([list(conditions)] if conditions else []), owner=ELENA, **fields)
    )


def test_the_buyer_the_rule_the_deal_and_the_room_are_named_in_one_sentence():
    facts = {
        "lead_score": 91, "urgency": "high", "service_requested": "crm_workflow_repair", "budget_range": "5000_15000",
        "country": "DE",
    }  # fmt: skip
    decision = decided(
        to_elena(("country", "is", "DE")), people(person(ELENA, cap_open=9)), facts, {ELENA: Load(4, 0, 0)}
    )
    assert decision.outcome.reason == (
        "Assigned to Elena because lead score is 91, urgency is high, the buyer asked for CRM workflow repair, budget"
        " is 5000 to 15000, country is DE, rule “rule 1” names Elena, there is no open deal and Elena has room"
        " (4 of 9 open leads)."
    )


def test_what_is_unknown_is_not_mentioned():
    decision = decided(to_elena(), people(person(ELENA)), deals=(DealSeen(80, None, "sales", True),))
    assert (
        decision.outcome.reason
        == "Assigned to Elena because rule “rule 1” names Elena and Elena has room (0 open leads)."
    )


def test_only_the_group_that_held_is_mentioned():
    either = rules(
        rule(1, "service_line_owner", "owner", [("country", "is", "FR")], [("city", "is", "Ulm")], owner=ELENA)
    )
    reason = decided(either, people(person(ELENA)), {"country": "DE", "city": "Ulm"}).outcome.reason
    assert "city is Ulm" in reason
    assert "country" not in reason


def test_a_buyers_long_message_in_a_condition_stays_one_short_line():
    message = "We lost\n\nour data. " * 200
    decision = decided(to_elena(("pain_summary", "contains", "data")), people(person(ELENA)), {"pain_summary": message})
    assert "\n" not in decision.outcome.reason
    assert (
        "pain summary is We lost our data. We lost our data. We lost our data. We los…, rule" in decision.outcome.reason
    )


def test_a_stand_in_is_explained_with_why_the_target_could_not():
    of = people(person(ELENA, state="departed", cover=MARCO), person(MARCO))
    assert decided(to_elena(), of).outcome.reason == (
        "Assigned to Marco because rule “rule 1” names Elena, there is no open deal and Marco has room (0 open leads);"
        " Elena is departed, so Marco, who covers for them, takes it."
    )


@pytest.mark.parametrize(
    ("fallback", "role"), [({"fallback_owner": MARCO}, "the rule’s fallback"), ({}, "the team’s fallback")]
)
def test_a_fallback_says_whose_it_is(fallback, role):
    europe = {"id": 5, "key": "t", "name": "T", "lead": None, "fallback": MARCO, "pool": None}
    of = people(person(ELENA, state="inactive", teams=[5]), person(MARCO), teams=[europe])
    assert f"Elena is inactive, so Marco, {role}, takes it." in decided(to_elena(**fallback), of).outcome.reason


def test_the_territory_is_named_as_people_know_it():
    area = {"country": "DE", "region": "", "postal_prefix": "", "territory": "north_sea"}
    of = people(person(ELENA), territories=[territory("north_sea", ELENA, name="North Sea")], areas=[area])
    to_territory = rules(rule(1, "territory_owner", "territory_owner"))
    assert "because territory is North Sea, there is no" in decided(to_territory, of, {"country": "DE"}).outcome.reason
