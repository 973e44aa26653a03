"""A decision in words, and where somebody dropped out of it: over real decisions, by command and by API."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from leads.models import Activity
from leads.tokens import hash_token
from owners.models import Owner, PoolMember
from routing.models import ApiToken, Decision
from routing.pipeline import drain
from routing.rulebook import publish
from routing.why_not import why_not
from tests.builders import NOW, make_owner, make_pool, make_rule, make_source, make_team, make_version
from tests.routing.batches import waiting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people():
    """Elena takes France, Marco and Nadia share the rest, Omar is full, Sam is on his own, Zoe only falls back."""
    team = make_team("sales")
    named = {key: make_owner(key, team) for key in ("elena", "marco", "nadia", "sam", "zoe")}
    named["omar"] = make_owner("omar", team, cap_open=0)
    pool = make_pool("everybody", [named["marco"], named["nadia"], named["omar"]])
    version = make_version(named["elena"])
    make_rule(version, "territory_owner", "owner", ("country", "is", "FR"), owner=named["elena"], name="France")
    make_rule(version, "round_robin_pool", "pool", pool=pool, name="Everybody", fallback_owner=named["zoe"])
    make_rule(version, "round_robin_pool", "owner", owner=named["sam"], name="Sam's own")
    publish(version, None, NOW)
    return named


def routed(people, **fields):
    """The id of one decided lead; the database's ids, not the clock, order the leads."""
    source = people.get("source") or make_source("web", people["elena"])
    people["source"] = source
    (event,) = waiting(source, {"email": "jo@buyer.example", "first_name": "Jo", "lead_type": "contact", **fields})
    drain()
    return event


def told(capsys, *words):
    call_command("explain", *words)
    return capsys.readouterr().out


def test_decision_is_told_from_the_buyer_to_what_came_since(people, capsys):
    lead = routed(people)
    decision = Decision.objects.get(pk=lead)
    Activity.objects.create(
        lead_id=lead, kind="call", actor=people["marco"], outcome="left a message", happened_at=NOW, created_at=NOW
    )
    text = told(capsys, str(lead))
    titles = [line for line in text.splitlines() if line and not line.startswith((" ", "1", "2", "3", "4", "5", "6"))]
    assert titles[:2] == [f"Lead {lead}: Jo, jo@buyer.example", decision.reason]
    assert [title for title in ("The walk", "Candidates", "Plan", "Clocks", "Since") if title in titles] == [
        "The walk", "Candidates", "Plan", "Clocks", "Since",
    ]  # fmt: skip
    assert "   ✗ France: does not hold\n       ? country is FR (unknown)\n" in text
    assert "   → Everybody: whose turn it is\n" in text
    assert "   Omar as a pool member: ✗ within_caps (0 of 0 open leads); v none yet, weight 1\n" in text
    assert "   Marco as a pool member: ✓ all checks; v 0 → 1, weight 1; 0 open leads\n" in text
    assert "2026-11-23 10:00:00 UTC  call by Marco: left a message\n" in text


def test_each_owner_learns_where_they_dropped_out(people):
    first = routed(people)
    second = routed(people, email="di@other.example")
    answers = {key: why_not(second, people[key]) for key in ("nadia", "marco", "omar", "elena", "sam", "zoe")}
    assert {key: answer.code for key, answer in answers.items()} == {
        "nadia": "chosen", "marco": "not_their_turn", "omar": "failed_checks", "elena": "conditions_failed",
        "sam": "earlier_rule_won", "zoe": "earlier_rule_won",
    }  # fmt: skip
    assert answers["marco"].sentences == (
        "Marco passed all checks, but it was Nadia’s turn in Everybody.",
        "Marco stood at place 2 of 2 with v 1; Nadia had v 0.",
    )
    assert answers["omar"].sentences[0] == (
        "Omar was asked as a pool member and could not take it: Omar has 0 of 0 open leads."
    )
    assert answers["elena"].sentences[1].splitlines()[-1].strip() == "? country is FR (unknown)"
    assert answers["sam"].sentences[1] == (
        "What also leads to Sam was not asked any more: “Sam's own” in step round_robin_pool."
    )
    assert why_not(first, make_owner("late")).code == "not_known_then"


def test_answer_does_not_change_when_the_pool_does(people):
    lead = routed(people)
    before = why_not(lead, people["nadia"])
    PoolMember.objects.filter(owner=people["nadia"]).update(active=False)
    Owner.objects.filter(key="nadia").update(state="departed")
    assert why_not(lead, people["nadia"]) == before


def test_who_was_one_of_many_is_placed_although_the_trace_names_few(people):
    many = [make_owner(f"rep{number}") for number in range(20)]
    pool = make_pool("many", many)
    version = make_version(people["elena"])
    make_rule(version, "round_robin_pool", "pool", pool=pool)
    publish(version, None, NOW)
    answer = why_not(routed(people), many[-1])
    assert (answer.code, answer.sentences[1]) == (
        "not_their_turn",
        "Rep19 stood at place 20 of 20 with v 0; Rep0 had v 0. The same v: who waited longest, then the order in the"
        " pool, decides.",
    )


def test_review_says_that_nobody_was_chosen(people):
    answer = why_not(routed(people, email=""), people["sam"])
    assert (answer.code, answer.sentences[0].startswith("Nobody was chosen. ")) == ("nobody_chosen", True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("77",), "There is no decided lead 77."),
        (("{lead}", "--why-not", "nobody"), "There is no owner “nobody”."),
        (("{lead}", "--why-not", "Twin"), "Several owners are called Twin; give the key."),
    ],
)
def test_command_says_in_one_sentence_what_it_cannot_find(people, words, sentence):
    lead = routed(people)
    make_owner("twin-1", name="Twin")
    make_owner("twin-2", name="Twin")
    with pytest.raises(CommandError) as refused:
        call_command("explain", *(word.format(lead=lead) for word in words))
    assert str(refused.value) == sentence


def test_api_gives_the_same_answer(people, capsys):
    ApiToken.objects.create(name="reader", token_hash=hash_token("reader"))
    lead = routed(people)
    client = Client(headers={"Authorization": "Bearer reader"})
    answer = client.get(f"/api/v1/leads/{lead}/why-not/omar").json()
    assert (answer["lead_id"], answer["name"], answer["code"]) == (lead, "Omar", "failed_checks")
    assert told(capsys, str(lead), "--why-not", "Omar").splitlines() == answer["sentences"]
    missing = client.get(f"/api/v1/leads/{lead}/why-not/nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert client.get("/api/v1/leads/77/why-not/omar").json()["detail"] == "There is no decided lead 77."
