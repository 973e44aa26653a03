"""Where a rule stands: every step with its number, four neighbours on either side, and how many more there are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from routing.models import Rule
from routing.rule_place import Near, place_of
from tests.routing.people import sign_in
from tests.routing.rows import make_draft, make_owner, make_rule

pytestmark = pytest.mark.django_db
STEP = "territory_owner"


@pytest.fixture
def draft():
    return make_draft(make_owner("elena"))


def ten(draft):
    return [make_rule(draft, STEP, name=f"R{n}", target="nurture", position=n, enabled=n != 4) for n in range(10)]


def told(places):
    """The unfolded step: names as they stand, how many more before and after."""
    (place,) = (place for place in places if place.near)
    return [near.name for near in place.near], place.before, place.after, [near.here for near in place.near].index(True)


def test_neighbours_are_those_around_it_in_the_order_of_the_step(draft):
    rules = ten(draft)
    make_rule(draft, "round_robin_pool", name="Other", target="nurture")
    assert told(place_of(draft, STEP, rules[0])) == (["R0", "R1", "R2", "R3", "R4"], 0, 5, 0)
    assert told(place_of(draft, STEP, rules[5])) == ([f"R{n}" for n in range(1, 10)], 1, 0, 4)
    assert told(place_of(draft, STEP, rules[9])) == (["R5", "R6", "R7", "R8", "R9"], 5, 0, 4)
    counts = {place.step: place.count for place in place_of(draft, STEP, rules[0]) if place.count}
    assert counts == {STEP: 10, "round_robin_pool": 1}
    assert [place.step for place in place_of(draft, STEP, rules[0])] == draft.step_order


def test_rules_at_the_same_position_stand_in_the_order_in_which_they_were_made(draft):
    first, second = (make_rule(draft, STEP, name=name, target="nurture", position=1) for name in ("first", "second"))
    assert told(place_of(draft, STEP, second)) == (["first", "second"], 0, 0, 1)
    assert told(place_of(draft, STEP, first)) == (["first", "second"], 0, 0, 0)


def test_a_new_rule_comes_last_in_its_step(draft):
    ten(draft)
    names, before, after, here = told(place_of(draft, STEP, None))
    assert (names, before, after, here) == (["R6", "R7", "R8", "R9", ""], 6, 0, 4)
    (alone,) = (place.near for place in place_of(draft, "round_robin_pool", None) if place.near)
    assert alone == (Near(None, "", True, here=True),)
    assert not any(place.near for place in place_of(draft, "no_such_step", None))


def test_the_page_shows_it_with_links_and_what_is_off(draft):
    rules = ten(draft)
    rita = sign_in("rita", "RevOps")
    page = rita.get(f"/admin/routing/rulesetversion/{draft.pk}/rules/{rules[5].pk}/").content.decode()
    around = page[page.index("Where it stands") :]
    assert '<strong aria-current="true">R5</strong>' in around
    assert f'/rules/{rules[4].pk}/">R4</a> <span class="muted">off</span>' in around
    assert "1 more before" in around
    assert "This new rule" in rita.get(f"/admin/routing/rulesetversion/{draft.pk}/rules/new/").content.decode()


def test_it_takes_as_many_statements_for_many_rules(draft):
    def count(rule):
        with CaptureQueriesContext(connection) as seen:
            place_of(draft, STEP, rule)
        return len(seen)

    few = count(ten(draft)[5])
    Rule.objects.bulk_create(
        Rule(version=draft, step=STEP, name="x", target="nurture", position=20) for _ in range(300)
    )
    assert few == count(Rule.objects.filter(position=20)[100]) == 4
