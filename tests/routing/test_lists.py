"""Named lists: what a decision cites is what the list held then."""

import json

import pytest

from owners.writer import writing
from routing.current import rules_of
from routing.lists import add_entries, lists_now, remove_entries, replace_entries, values_of
from routing.models import ListEntry, ListText, NamedList
from routing.refused import Refused
from routing.revision import current_revision
from routing.rulebook import publish
from tests.routing.rows import NOW, make_draft, make_owner, make_rule

pytestmark = pytest.mark.django_db


def make_list(key="partners", *values):
    named = NamedList.objects.create(key=key, name=key.capitalize(), field="company_domain")
    return replace_entries(named, values, None, NOW) if values else named


def test_spellings_that_compare_alike_are_one_entry_and_the_first_stays():
    named = make_list("cities", "Zürich", "ZURICH", " zürich ", "", "Bern")
    entries = ListEntry.objects.filter(list=named).order_by("folded").values_list("value", "folded")
    assert list(entries) == [("Bern", "bern"), ("Zürich", "zurich")]
    assert (named.size, named.edition, json.loads(ListText.objects.get(pk=named.digest).content)) == (
        2,
        2,
        ["bern", "zurich"],
    )


def test_entries_are_added_and_removed_and_equal_contents_are_one_text():
    named = make_list("partners", "a.example", "b.example")
    first = named.digest
    named = add_entries(named, ["c.example", "A.example"], None, NOW)
    assert values_of(named.digest) == {"a.example", "b.example", "c.example"}
    gone = ListEntry.objects.get(list=named, folded="c.example").pk
    other = make_list("others", "z.example")
    named = remove_entries(named, [gone, other.entries.get().pk], None, NOW)
    assert (named.digest, named.size, other.entries.count()) == (first, 2, 1)
    assert lists_now() == {"others": {"z.example"}, "partners": {"a.example", "b.example"}}


@pytest.mark.parametrize("change", [add_entries, replace_entries, remove_entries])
def test_who_saw_another_edition_changes_nothing(change):
    named = make_list("partners", "a.example")
    values = [named.entries.get().pk] if change is remove_entries else ["b.example"]
    with pytest.raises(Refused) as refused:
        change(named, values, None, NOW, named.edition - 1)
    assert (refused.value.code, lists_now()) == ("changed", {"partners": {"a.example"}})
    NamedList.objects.filter(pk=named.pk).delete()
    with pytest.raises(Refused) as refused:
        change(named, values, None, NOW)
    assert refused.value.code == "gone"


def test_a_list_belongs_to_the_revision_and_old_revisions_keep_what_it_held():
    elena = make_owner("elena")
    named = make_list("partners", "a.example")
    version = make_draft(elena)
    make_rule(version, "territory_owner", (1, "company_domain", "in_list", "partners"), target="owner", owner=elena)
    publish(version, None, NOW)
    with writing():
        _, before = current_revision(NOW)
    add_entries(named, ["b.example"], None, NOW)
    with writing():
        _, after = current_revision(NOW)
    assert before["lists"] != after["lists"]

    def holds(content, domain):
        rules = rules_of(version.pk, content["lists"])
        return [rule.name for rule in rules.matching("territory_owner", {"company_domain": domain}, NOW)]

    assert (holds(before, "b.example"), holds(after, "b.example")) == ([], ["territory_owner"])
    assert holds(before, "A.example") == ["territory_owner"]
    assert rules_of(version.pk, before["lists"]) is rules_of(version.pk, dict(before["lists"]))
