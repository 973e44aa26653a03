"""A version as a tree: every rule while they fit a page, sums beyond, all of them when asked."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from routing.bench.rules import draft
from routing.names import read_names
from routing.rulebook import content_of, publish
from routing.tree import lines, tree_of
from tests.routing.people import sign_in
from tests.routing.publishes import address, words
from tests.routing.rows import NOW, make_crm, make_draft, make_people, make_pool, make_rule

pytestmark = pytest.mark.django_db

TABLE = {
    "inputs": [{"field": "company_size", "operator": "at_least"}],
    "outputs": ["owner"],
    "rows": [{"in": [1000 - number], "out": ["elena"]} for number in range(40)],
}


@pytest.fixture
def people():
    people = make_people()
    make_crm(people)
    return people


def told(capsys, *words):
    call_command("tree", *words)
    return capsys.readouterr().out


def test_the_tree_names_each_rule_in_the_order_it_is_asked(people, capsys):
    version = make_draft(people.elena)
    make_rule(version, "territory_owner", name="Own", target="territory_owner", position=20)
    make_rule(
        version, "territory_owner", (1, "country", "one_of", ["FR"]), name="France", target="owner",
        owner=people.elena, fallback_owner=people.marco, position=10,
    )  # fmt: skip
    make_rule(version, "manual_review", target="review", name="Off", enabled=False)
    publish(version, None, NOW)
    text = told(capsys)
    assert text.startswith(
        f"Version {version.pk}, published: More demos for Elena.\n1. Invalid or spam: Spam is rejected."
    )
    assert (
        "5. Owner of the territory: Territory beats generic distribution.\n"
        "   France: country is FR → Elena, else Marco\n"
        "   Own: every lead → the owner of the territory\n"
        "6. Owner of the service line" in text
    )
    assert "Off" not in text
    assert "Shortened" not in text


def test_ten_thousand_rules_fit_a_page_and_none_is_left_out_of_the_sums(people):
    make_pool("all", people.elena)
    version = draft(2000)
    tree = tree_of(content_of(version), read_names())
    text = list(lines(tree))
    assert (tree.shortened, len(text) < 120) == (True, True)
    step = next(level for level in tree.levels if level.step == "campaign_source_owner")
    summed = sum(int(rest.split()[0].replace(",", "")) for rest in step.rest)
    whole = tree_of(content_of(version), read_names(), whole=True)
    assert len(step.branches) + summed == len(whole.levels[6].branches)
    assert whole.shortened is False


def test_rows_of_a_long_table_are_counted_and_printed_when_asked(people, capsys):
    version = make_draft(people.elena)
    make_rule(version, "territory_owner", name="By size", target="territory_owner", table=TABLE)
    short, whole = told(capsys, "--version", str(version.pk)), told(capsys, "--version", str(version.pk), "--all")
    assert "      row 12: Company size is at least 989 → Elena\n      … 28 more rows\n" in short
    assert short.endswith("Shortened to a page; --all prints every rule and row.\n")
    assert "      row 40: Company size is at least 961 → Elena\n" in whole


def test_the_command_says_what_it_cannot_find(people):
    with pytest.raises(CommandError, match=r"^No rule set is published\. Name a draft by its number\.$"):
        call_command("tree")
    with pytest.raises(CommandError, match=r"^There is no version 99\.$"):
        call_command("tree", "--version", "99")


def test_the_page_shows_drafts_too_and_links_to_all_rules(people):
    version = make_draft(people.elena)
    make_rule(version, "territory_owner", name="By size", target="territory_owner", table=TABLE)
    client = sign_in("rita", "RevOps")
    page = client.get(f"/admin/routing/rulesetversion/{version.pk}/tree/").content.decode()
    assert [part in page for part in ("By size", "28 more rows", 'href="?all=1"', "at least 960")] == [True] * 3 + [
        False
    ]
    whole = client.get(f"/admin/routing/rulesetversion/{version.pk}/tree/?all=1").content.decode()
    assert "at least 961 →" in whole
    assert client.get("/admin/routing/rulesetversion/99999/tree/").status_code == 404


def test_a_printed_page_says_whether_its_rules_are_in_force(people):
    first, second, third = (make_draft(people.elena) for _ in range(3))
    for version in (first, second):
        publish(version, None, NOW)
    rita = sign_in("rita", "RevOps")
    said = [words(rita.get(address(version, "tree"))) for version in (first, second, third)]
    heads = [f"Version {first.pk}", f"Version {second.pk}", f"Draft {third.pk}"]
    states = [
        "Not in force any more.", "In force since 2 Mar 2026, 09:00 UTC.",
        "A draft: it decides nothing until it is published.",
    ]  # fmt: skip
    for text, head, state in zip(said, heads, states, strict=True):
        assert f"{head} in plain English {state}" in text
