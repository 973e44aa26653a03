"""Two people save one rule in the same instant: one of them is first, the other is told, nothing is half saved."""

import pytest

from owners.models import User
from routing.lists import replace_entries
from routing.models import Condition, ListEntry, NamedList, Rule, RuleSetVersion
from routing.refused import Refused
from routing.rule_edit import Wanted, save_rule, wanted_of
from routing.rulebook import RulebookError, publish
from tests.builders import NOW
from tests.routing.rows import make_draft, make_owner, make_rule
from tests.routing.test_escalation_races import at_once, several_connections  # noqa: F401 - a fixture

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
STEP = "territory_owner"
ROUNDS = 10


@pytest.fixture
def elena():
    return make_owner("elena")


@pytest.fixture
def people():
    return [User.objects.create_user(name, password="x") for name in ("ann", "bob", "cem")]


def saving(rule, wanted, seen, by):
    def job():
        try:
            return save_rule(rule.version_id, rule.pk, wanted, seen, by, NOW)[1]
        except Refused as refused:
            return refused

    return job


def wants(rule, name, *countries):
    """Another name, and a condition for each country, each an alternative of its own."""
    rows = [[{"field": "country", "operator": "is", "value": country}] for country in countries]
    return Wanted({**wanted_of(rule).columns, "name": name}, rows)


def test_of_three_savers_one_is_first_and_the_others_are_told_by_whom(elena, people):
    draft = make_draft(elena)
    rule = make_rule(draft, STEP, (1, "country", "is", "CH"), name="Old", target="owner", owner=elena)
    asked = {"ann": ("DE",), "bob": ("FR", "BE", "LU"), "cem": ("AT", "IT")}
    for turn in range(1, ROUNDS + 1):
        told = at_once(*(saving(rule, wants(rule, who.username, *asked[who.username]), turn, who) for who in people))
        rule.refresh_from_db()
        (first,) = [who for who, said in zip(people, told, strict=True) if isinstance(said, str)]
        assert (rule.name, rule.edited_by, rule.edition) == (first.username, first, turn + 1)
        countries = Condition.objects.filter(rule=rule).order_by("group", "id").values_list("value", flat=True)
        assert tuple(countries) == asked[first.username]
        refused = [said for said in told if isinstance(said, Refused)]
        assert [one.code for one in refused] == ["changed", "changed"]
        assert all(f"{first.username}, just now: Changed the rule" in one.sentence for one in refused)
    assert RuleSetVersion.objects.get().edition == ROUNDS + 1


def publishing(draft):
    def job():
        try:
            return publish(draft, None, NOW)
        except RulebookError as refused:
            return refused

    return job


def test_a_rule_is_in_the_published_content_as_it_was_saved_or_not_saved_at_all(elena, people):
    """Whoever is second is refused: the saver by a published version, the publisher by a draft that has changed."""
    for _ in range(ROUNDS):
        draft = make_draft(elena)
        rule = make_rule(draft, STEP, (1, "country", "is", "CH"), name="Old", target="owner", owner=elena)
        save = saving(rule, wants(rule, "New", "DE", "AT"), 1, people[0])
        saved, published = at_once(save, publishing(draft))
        if isinstance(published, RulebookError):
            assert (published.code, isinstance(saved, str)) == ("changed", True)
            assert RuleSetVersion.objects.get(pk=draft.pk).state == "draft"
            publish(draft, None, NOW)
        (frozen,) = RuleSetVersion.objects.get(pk=draft.pk).content["rules"]
        asked = [group[0]["value"] for group in frozen["groups"]]
        assert Rule.objects.get(pk=rule.pk).name == frozen["name"]
        if isinstance(saved, Refused):
            assert (saved.code, frozen["name"], asked) == ("not_a_draft", "Old", ["CH"])
        else:
            assert (frozen["name"], asked) == ("New", ["DE", "AT"])


def test_of_three_who_change_a_list_one_is_first_and_nothing_of_the_others_is_done(people):
    named = NamedList.objects.create(key="dach", name="DACH", field="city")

    def putting(seen, *values):
        def job():
            try:
                return replace_entries(NamedList.objects.get(pk=named.pk), values, people[0], NOW, seen)
            except Refused as refused:
                return refused

        return job

    for _ in range(ROUNDS):
        named.refresh_from_db()
        told = at_once(*(putting(named.edition, f"{one} {named.edition}", one) for one in ("Bern", "Graz", "Ulm")))
        (first,) = [row for row in told if isinstance(row, NamedList)]
        assert [one.code for one in told if isinstance(one, Refused)] == ["changed", "changed"]
        held = set(ListEntry.objects.filter(list=named).values_list("value", flat=True))
        assert (first.edition, first.size, len(held)) == (named.edition + 1, 2, 2)
        assert {value.split()[0] for value in held} == {min(held).split()[0]}  # of one of them, whole
