"""The snapshot's text: all a replay needs, the same however the numbers came; and the stories kept as text."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from routing.engine.decide import decide
from routing.engine.expand import expand
from routing.engine.people import compile_people
from routing.engine.rotation import Turn
from routing.engine.rules import compile_rules
from routing.engine.snapshot import read_snapshot
from routing.engine.values import NO_LOAD, CompanyMatch, ContactMatch, DealSeen, Load, Numbers, OpenLead
from tests.engine.cases import (
    ELENA,
    MARCO,
    NOW,
    SAM,
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
)  # fmt: skip

POOL = 7
TO_POOL = rules(rule(1, "round_robin_pool", "pool", pool=POOL))
STORIES = sorted((Path(__file__).parent.parent / "cases").glob("*.json"))


def test_a_case_and_the_numbers_read_come_back_equal():
    seen = case(
        {"lead_score": 91, "product_interest": ["a", "b"], "city": "Köln “am Rhein”", "consent_to_contact": None},
        contact=ContactMatch("certain", 60, SAM, ((60, ("email", "name")),)),
        company=CompanyMatch("certain", 70, None, False, ((70, ("contact",)), (71, ("domain",)))),
        deals=(DealSeen(80, None, "sales", True),), problems=(("phone_invalid", "phone"),),
        is_test=True, tried=(ELENA,),
    )  # fmt: skip
    of = people(person(ELENA), person(MARCO), person(SAM), pools=[pool(POOL, ELENA, MARCO)])
    read = numbers(of, {MARCO: Load(3, 2, 1)})
    read.turns.update({701: Turn(Fraction(7, 3), 5, False), 702: Turn(Fraction(2), 4, True)})
    back, numbers_back, version, revision = read_snapshot(decide(seen, read, TO_POOL, of).snapshot)
    assert (back, version, revision) == (seen, 3, 9)
    assert numbers_back.turns == read.turns
    assert numbers_back.loads == {ELENA: NO_LOAD, MARCO: Load(3, 2, 1)}


def test_an_open_lead_and_spam_come_back_equal():
    of = people(person(ELENA))
    for seen in (case(open_lead=OpenLead(40, None, ELENA)), case(validity="spam", spam="blocked_pattern")):
        assert read_snapshot(decide(seen, numbers(of), TO_POOL, of).snapshot)[0] == seen


def test_members_who_join_late_in_a_batch_do_not_change_the_text_that_a_replay_gives():
    of = people(person(ELENA), person(MARCO, languages=["de"]), pools=[pool(POOL, ELENA, MARCO)])
    to_pool = rules(rule(1, "round_robin_pool", "pool", pool=POOL, require_language=True))
    read = Numbers(loads={ELENA: NO_LOAD, MARCO: NO_LOAD}, pools_read={POOL})
    found = []
    for facts in ({"language": "de"}, {}, {}):  # Marco has a turn before Elena, who stands first in the pool
        decision = decide(case(facts), read, to_pool, of)
        read.take(decision)
        found.append(decision)
    assert [decision.outcome.owner for decision in found] == [MARCO, ELENA, MARCO]
    assert [again(decision, to_pool, of).digest for decision in found] == [decision.digest for decision in found]


def test_the_digest_changes_with_whatever_the_decision_saw_or_said():
    of = people(person(ELENA), person(MARCO), pools=[pool(POOL, ELENA, MARCO)])
    first = decided(TO_POOL, of)
    others = [
        decided(TO_POOL, of, {"city": "Ulm"}), decided(TO_POOL, of, loads={MARCO: Load(1, 0, 0)}),
        decided(TO_POOL, of, now=NOW.replace(microsecond=1)), decided(TO_POOL, replace(of, revision=10)),
        decided(rules(rule(1, "round_robin_pool", "pool", pool=POOL, tier="gold")), of),
    ]  # fmt: skip
    assert len({first.digest, *(other.digest for other in others)}) == 6
    assert decided(TO_POOL, of).digest == first.digest


def test_an_expanded_trace_lists_the_rules_up_to_the_one_that_decided():
    rows = [
        rule(1, "service_line_owner", "owner", [("country", "is", "DE")], owner=SAM),
        rule(2, "service_line_owner", "owner", owner=ELENA, on_nobody="next_step"),
        rule(3, "service_line_owner", "owner", [("lead_score", "at_least", 50)], owner=SAM),
        rule(4, "service_line_owner", "owner", owner=MARCO),
        rule(5, "service_line_owner", "owner", owner=SAM),
    ]
    of = people(person(ELENA, absences=away()), person(MARCO), person(SAM))
    decision = decided(rules(*rows), of, {"country": "FR"})
    entry = expand(decision.trace["steps"], case({"country": "FR"}), rules(*rows), of)[-1]
    assert [(row["rule"], row["result"]) for row in entry["rules"]] == [
        (1, "no_match"), (2, "nobody"), (3, "no_match"), (4, "target"),
    ]  # fmt: skip
    seen = entry["rules"][0]["conditions"][0][0]
    assert seen == {"field": "country", "operator": "is", "value": "DE", "saw": "FR", "result": "no"}


def test_an_expanded_trace_goes_on_after_a_rule_that_led_to_nobody():
    rows = [
        rule(1, "service_line_owner", "owner", owner=ELENA, on_nobody="next_step"),
        rule(2, "service_line_owner", "owner", [("lead_score", "at_least", 50)], owner=SAM),
    ]
    of = people(person(ELENA, absences=away()), person(SAM))
    decision = decided(rules(*rows), of)
    entry = next(
        step
        for step in expand(decision.trace["steps"], case(), rules(*rows), of)
        if step["step"] == "service_line_owner"
    )
    assert [(row["rule"], row["result"]) for row in entry["rules"]] == [(1, "nobody"), (2, "no_match")]
    assert entry["rules"][1]["conditions"][0][0]["result"] == "unknown"


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_ends_as_it_was_written_down(path):
    story = json.loads(path.read_text())
    seen, read, _, revision = read_snapshot(json.dumps(story["snapshot"]))
    decision = decide(seen, read, compile_rules(story["rules"]), compile_people(revision, story["people"]))
    outcome = {name: getattr(decision.outcome, name) for name in story["outcome"]}
    assert json.loads(json.dumps(outcome)) == story["outcome"]
    assert decision.trace["notes"] == story["notes"]
    candidates = [[row["name"], row["as"], row.get("failed", {})] for row in decision.trace["candidates"]]
    assert candidates == story["candidates"]


def test_there_are_stories():
    assert len(STORIES) >= 3
