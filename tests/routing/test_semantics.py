"""Every example of the help: what it says, what a single condition answers, what the index finds, what is decided."""

import re
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from owners.models import User
from routing import giving_way, semantics, window_examples
from routing.engine.conditions import YES
from routing.engine.decide import decide
from routing.engine.fields import FIELD_KINDS, OPERATORS, OPERATORS_BY_KIND
from routing.engine.rules import compile_rules
from tests.engine.cases import ELENA, numbers, people, person
from tests.engine.cases import case as case_of
from tests.routing.people import sign_in

STEP = "territory_owner"


def compiled(*rules):
    return compile_rules(semantics.content_of(rules), semantics.LISTS)


@pytest.mark.parametrize("section", semantics.SECTIONS, ids=lambda section: section.slug)
def test_condition_index_and_page_answer_each_example_alike(section):
    for number, example in enumerate(section.examples):
        assert semantics.answer(example) == example.expected, example
        ruled = {"id": number, "name": "r", "step": STEP, "position": 1, "target": {"kind": "nurture"}}
        rules = compiled({**ruled, "groups": [[example.row]]})
        facts = {example.field: example.saw}
        found = [*rules.matching(STEP, facts, semantics.AT)]
        assert bool(found) == (example.expected == YES), example
        (((line,),),) = [rules.explain(rules.rules[number], facts)]
        assert line["result"] == example.expected


def test_every_operator_and_every_kind_of_field_has_an_example():
    examples = [example for section in semantics.SECTIONS for example in section.examples]
    tables = [
        column
        for choice in semantics.CHOICES
        for rule in choice.rules
        for column in (rule.get("table") or {"inputs": ()})["inputs"]
    ]
    asked = {example.operator for example in examples} | {column["operator"] for column in tables}
    assert asked == OPERATORS.keys()
    assert {FIELD_KINDS[example.field] for example in examples} == OPERATORS_BY_KIND.keys() == semantics.KINDS.keys()


@pytest.mark.parametrize("choice", semantics.CHOICES, ids=lambda choice: choice.title)
def test_the_rule_that_decides_is_the_one_the_page_names(choice):
    assert semantics.winner(choice) == choice.expected
    rules = compiled(*choice.rules)
    of = people(person(ELENA))
    decision = decide(case_of(dict(choice.facts), now=semantics.AT), numbers(of), rules, of)
    name, _, row = choice.expected.partition(", row ")
    decided = rules.rules.get(decision.outcome.rule)
    assert (decided.name if decided else "") == name
    rows = [
        seen.get("row")
        for step in decision.trace["steps"]
        for seen in step["rules"]
        if seen["rule"] == decision.outcome.rule
    ]
    assert rows == ([int(row)] if row else [None] if name else [])


@pytest.mark.parametrize("hours", window_examples.WINDOWS, ids=lambda hours: str(len(hours.moments)))
def test_windows_hold_from_their_beginning_on_and_before_their_end(hours):
    for moment in hours.moments:
        assert window_examples.holds(hours, moment) == moment.expected, moment
        (rule,) = window_examples.compiled(hours).rules.values()
        assert rule.window.holds(datetime.fromisoformat(moment.at)) == moment.expected


def test_who_stands_in_and_what_becomes_of_leads_that_nobody_takes():
    assert [giving_way.taken(row) for row in giving_way.MISSING] == [row.expected for row in giving_way.MISSING]
    grid = (*giving_way.EMPTY, *giving_way.STAND_INS)
    assert [giving_way.left(row) for row in grid] == [row.expected for row in grid]


def test_owners_of_a_relationship_fail_only_on_what_the_page_says():
    decided = [
        (row.title, giving_way.takes(row, customer=True), giving_way.takes(row, customer=False))
        for row in giving_way.CHECKS
    ]
    assert decided == [(row.title, row.customer, row.elsewhere) for row in giving_way.CHECKS]


@pytest.mark.django_db
def test_the_page_shows_each_example_with_its_answer():
    somebody = Client()
    somebody.force_login(User.objects.create(username="new"))
    page = somebody.get(reverse("pages:help-topic", args=["conditions"])).content.decode()
    rows = [row for section in semantics.shown()["sections"] for row in section["rows"]]
    assert len(rows) == sum(len(section.examples) for section in semantics.SECTIONS)
    for words in ("company size is at least 9", "Mon–Fri 09:00–17:00", "By size, row 2", "waits for the pool"):
        assert words in page
    assert page.count('class="answer') == len(rows) + sum(len(hours.moments) for hours in window_examples.WINDOWS)


@pytest.mark.django_db
def test_each_cell_says_its_column_where_a_phone_shows_cards():
    page = sign_in("rita", "RevOps").get("/help/conditions/").content.decode()
    cells = re.findall(r"<td[^>]*>", page)
    assert len(cells) > 200
    assert [cell for cell in cells if 'data-label="' not in cell] == []
