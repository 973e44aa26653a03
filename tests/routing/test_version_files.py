"""A version as a file: the same bytes out and in again, every problem with its path, nothing half made."""

import json
from contextlib import contextmanager
from io import BytesIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from routing.compare import changes
from routing.engine.rules import compile_rules
from routing.lease import short_transaction
from routing.lists import lists_now, replace_entries
from routing.models import Condition, NamedList, Rule, RuleSetVersion
from routing.names import read_names
from routing.rulebook import copy_to_draft, freeze, publish
from routing.transfer import bring_in as bring_in_configuration
from routing.transfer import export as export_configuration
from routing.version_files import Refused, bring_in, export
from tests.routing.people import sign_in
from tests.routing.rows import NOW, make_crm, make_draft, make_people, make_rule

pytestmark = pytest.mark.django_db
IMPORT = "/admin/routing/rulesetversion/import/"
TABLE = {
    "inputs": [{"field": "company_size", "operator": "between"}, {"field": "company_domain", "operator": "in_list"}],
    "outputs": ["owner", "tier"],
    "rows": [{"in": [[50, None], "partners"], "out": ["elena", None]}, {"in": [None, None], "out": [None, "rest"]}],
}
CONDITION = {"field": "country", "operator": "is", "value": "DE"}


def make_version():
    people = make_people()
    crm = make_crm(people)
    named = NamedList.objects.create(key="partners", name="Partners", field="company_domain", note="Quarterly")
    replace_entries(named, ["zürich.example", "acme.example"], None, NOW)
    version = make_draft(people.elena, time_zone="Europe/Berlin", review_days=14)
    make_rule(
        version, "territory_owner", (1, "country", "one_of", ["DE", "AT"]), (2, "lead_score", "at_least", 70),
        name="DACH", target="owner", owner=people.elena, fallback_owner=people.marco, pipeline=crm.pipeline,
        stage=crm.stage, weekdays=[0, 4], from_minute=0, until_minute=1020, starts_at=NOW, position=5,
    )  # fmt: skip
    make_rule(version, "round_robin_pool", name="Table", target="pool", pool=people.pool, table=TABLE, position=7)
    make_rule(version, "manual_review", name="Off", target="review", enabled=False)
    return version


def told(data):
    with pytest.raises(Refused) as refused:
        bring_in(data, None, NOW)
    return list(refused.value.problems)


def test_what_goes_out_comes_in_as_a_draft_that_says_the_same():
    version = make_version()
    text = export(version)
    draft, content = bring_in(text.encode(), None, NOW)
    assert export(draft) == text
    assert changes(freeze(version, everything=True), content, read_names()) == []
    assert [rule["key"] for rule in content["rules"]] == [
        rule["key"] for rule in freeze(version, everything=True)["rules"]
    ]
    assert json.loads(text)["lists"] == ["partners"]


def test_a_small_change_is_a_small_difference():
    version = make_version()
    before = export(version).splitlines()
    Condition.objects.filter(operator="at_least").update(value=71)
    after = export(version).splitlines()
    assert [(one, two) for one, two in zip(before, after, strict=True) if one != two] == [
        ('              "value": 70', '              "value": 71')
    ]


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        (lambda file: file.update(format="other"), ["This is no file of rules: “format” has to be “revroute.rules”. A"
            " whole configuration has a command."]),
        (lambda file: file.update(version=2), ["This is version 2 of the format, and this program reads 1."]),
        (lambda file: file.update(extra=1), ["extra: there is no field of that name here."]),
        (lambda file: file["rules"].update(owner="nobody"), ["rules.owner: there is no owner “nobody”."]),
        (lambda file: file["rules"]["rules"][0].update(pool="lost", colour="red"), [
            "rules.rules[0].colour: there is no field of that name here.",
            "rules.rules[0].pool: there is no pool “lost”."]),
        (lambda file: file["rules"]["rules"][0]["groups"][0][0].update(operator="at_least"), [
            "rules.rules[0].groups[0][0]: “is at least” does not fit the field “country”, which is a text; what fits:"
            " is, is not, is one of, is none of, is in list, is not in list, contains, starts with, is blank, is not"
            " blank."]),
        (lambda file: file["rules"]["rules"][1]["table"]["rows"][0].update(out=["ghost"]), [
            "rules.rules[1].table: Row 1 has 3 cells; the table has 4 columns."]),
        (lambda file: file["rules"]["rules"][1]["table"]["rows"][0].update(out=["ghost", None]), [
            "rules.rules[1].table: row 1 names owner “ghost”, which does not exist."]),
        (lambda file: file["rules"]["rules"][1]["table"]["rows"][0].update({"in": [None, "gone"]}), [
            "lists: there is no list “gone”. Make it first, under Lists."]),
        (lambda file: file["rules"]["rules"][1].update(key=file["rules"]["rules"][0]["key"]), None),
        (lambda file: file["rules"].update(step_order=["manual_review"]), [
            "rules.step_order: Name each of the nine steps exactly once."]),
        (lambda file: file["rules"]["rules"][0].update(from_minute=1440, until_minute=5), [
            "rules “DACH”.until_minute: hours are minutes of a day, from 0 to 1439 and until 1 to 1440."]),
        (lambda file: file["rules"]["rules"][0].update(from_minute=0, until_minute=2000), [
            "rules “DACH”.until_minute: hours are minutes of a day, from 0 to 1439 and until 1 to 1440."]),
        (lambda file: file["rules"]["rules"][0].update(groups=[[CONDITION]] * 40_000), [
            "rules.rules[0].groups: a rule has 1,000 conditions at most, not 40,000. Make a list of the values, or a"
            " table."]),
        (lambda file: file.update(lists=3), [
            "lists: a list of keys is needed, of the named lists that the rules ask about."]),
        (lambda file: file.update(lists=["partners", "gone"]), [
            "lists: there is no list “gone”. Make it first, under Lists."]),
    ],
)  # fmt: skip
def test_every_problem_has_its_path_and_nothing_is_made(change, problems):
    file = json.loads(export(make_version()))
    change(file)
    found = told(json.dumps(file).encode())
    if problems is None:
        key = file["rules"]["rules"][0]["key"]
        problems = [f"rules “Table”.key: another rule has the key “{key}”, too."]
    assert found == problems
    assert RuleSetVersion.objects.count() == 1


@pytest.mark.parametrize("data", [b"", b"[", b"[]", b'{"format": "revroute.rules"', b"\xff\xfe", b'{"a": 1, "a": 2}'])
def test_what_is_no_file_of_rules_is_one_sentence(data):
    assert len(told(data)) == 1


def test_the_page_looks_first_then_makes_the_draft():
    version = make_version()
    publish(version, None, NOW)
    client = sign_in("rita", "RevOps")
    file = json.loads(client.get(f"/admin/routing/rulesetversion/{version.pk}/export.json").content)
    file["rules"]["rules"][0]["tier"] = "priority"
    text = json.dumps(file)
    page = client.post(IMPORT, {"text": text, "do": "look"}).content.decode()
    assert ("Tier: priority instead of nothing." in page, RuleSetVersion.objects.count()) == (True, 1)
    answer = client.post(IMPORT, {"text": text, "do": "make"})
    draft = RuleSetVersion.objects.get(state="draft")
    assert answer.url == f"/admin/routing/rulesetversion/{draft.pk}/rules/"
    assert client.post(IMPORT, {"text": "{", "do": "look"}).status_code == 422


def test_what_is_only_looked_at_is_what_the_draft_would_say():
    text = export(make_version())
    _, looked = bring_in(text.encode(), None, NOW, dry_run=True)
    assert RuleSetVersion.objects.count() == 1
    draft, made = bring_in(text.encode(), None, NOW)
    assert {**looked, "version": draft.pk} == made
    stored = freeze(draft, everything=True)
    for number, rule in enumerate(stored["rules"], start=1):
        rule["id"] = number
    assert made == stored


def test_a_file_is_read_before_anything_is_locked(monkeypatch):
    text = export(make_version())
    held = []

    @contextmanager
    def noted():
        with short_transaction(), CaptureQueriesContext(connection) as within:
            yield
        held.append(within)

    monkeypatch.setattr("routing.version_files.short_transaction", noted)
    bring_in(text.encode(), None, NOW)
    [within] = held
    assert [query["sql"].split()[0] for query in within if "SAVEPOINT" not in query["sql"]] == ["INSERT"] * 3


def test_whoever_is_deleted_in_the_instant_of_an_import_is_said_and_nothing_is_made(monkeypatch):
    text = export(make_version())
    monkeypatch.setattr("routing.version_files.store", deleted_meanwhile)
    assert told(text.encode()) == ["Something that the file names was deleted in this moment. Look again."]
    assert RuleSetVersion.objects.count() == 1


def deleted_meanwhile(read):
    read.version.save()
    raise IntegrityError("violates a foreign key")


def test_of_many_problems_the_page_tells_the_first_and_how_many_more_there_are():
    file = json.loads(export(make_version()))
    file["rules"]["rules"] = [{**file["rules"]["rules"][0], "pool": f"lost{number}"} for number in range(90)]
    page = sign_in("rita", "RevOps").post(IMPORT, {"text": json.dumps(file), "do": "look"}).content.decode()
    assert [f"pool “lost{number}”" in page for number in (49, 50)] == [True, False]
    assert "And 40 more." in page


def test_a_file_too_long_for_a_form_is_chosen_once_more(monkeypatch):
    monkeypatch.setattr("routing.pages.rule_files.LONGEST_TEXT", 100)
    text = export(make_version())
    client = sign_in("rita", "RevOps")
    page = client.post(IMPORT, {"file": BytesIO(text.encode()), "do": "look"}).content.decode()
    assert "Choose it once more to make the draft." in page
    assert text[:60] not in page
    pasted = client.post(IMPORT, {"text": text, "do": "make"})
    assert (pasted.status_code, "100 is the most. Save it, and choose the file." in pasted.content.decode()) == (
        422,
        True,
    )
    assert client.post(IMPORT, {"file": BytesIO(text.encode()), "do": "make"}).status_code == 302


def test_nothing_chosen_and_nothing_pasted_is_said_beside_the_field():
    answer = sign_in("rita", "RevOps").post(IMPORT, {"text": "  ", "do": "make"})
    assert (answer.status_code, "Choose a file, or paste its text below." in answer.content.decode()) == (422, True)


def test_the_commands_write_and_read_files(tmp_path, capsys):
    version = make_version()
    publish(version, None, NOW)
    call_command("export_rules")
    text = capsys.readouterr().out
    file = tmp_path / "rules.json"
    file.write_text(text.replace('"tier": ""', '"tier": "gold"', 1))
    call_command("import_rules", str(file), "--dry-run")
    out = capsys.readouterr().out
    assert out.endswith("3 rules. Nothing was made.\n")
    assert "Tier: gold instead of nothing." in out
    call_command("import_rules", str(file))
    assert capsys.readouterr().out.endswith(f"Draft {RuleSetVersion.objects.get(state='draft').pk} holds 3 rules.\n")
    with pytest.raises(CommandError, match=r"^The file cannot be read: No such file or directory"):
        call_command("import_rules", str(tmp_path / "none.json"))
    with pytest.raises(CommandError, match=r"^There is no version 99"):
        call_command("export_rules", "--version", "99")
    older = copy_to_draft(version)
    call_command("export_rules", "--version", str(older.pk))
    assert capsys.readouterr().out == export(older)


def test_the_whole_configuration_holds_lists_tables_and_hours_too():
    version = make_version()
    publish(version, None, NOW)
    text = export_configuration()
    document = json.loads(text)
    assert document["named_lists"] == [
        {
            "key": "partners", "name": "Partners", "field": "company_domain", "note": "Quarterly",
            "values": ["acme.example", "zürich.example"],
        }
    ]  # fmt: skip
    document["named_lists"][0]["values"] = ["other.example"]
    document["rules"]["rules"][1]["table"]["rows"][1]["out"] = [None, "last"]
    document["rules"]["rules"][0]["until_minute"] = 1080
    report = bring_in_configuration(json.dumps(document).encode(), NOW)
    assert [(change.section, change.field) for change in report.changes] == [
        ("named_lists", "values"), ("rules", "until_minute"), ("rules", "table"),
    ]  # fmt: skip
    assert lists_now() == {"partners": {"other.example"}}
    again = json.loads(export_configuration(report.draft))
    assert (again["rules"], again["named_lists"]) == (document["rules"], document["named_lists"])


countries = st.lists(st.sampled_from(["DE", "FR", "US"]), min_size=1, max_size=2, unique=True)
conditions = st.one_of(
    st.tuples(st.just("country"), st.sampled_from(["one_of", "none_of"]), countries),
    st.tuples(st.just("lead_score"), st.sampled_from(["at_least", "at_most"]), st.integers(0, 9)),
    st.tuples(st.just("company_domain"), st.sampled_from(["in_list", "not_in_list"]), st.just("partners")),
)
rules = st.lists(
    st.tuples(st.lists(st.lists(conditions, min_size=1, max_size=2), max_size=2), st.booleans(), st.integers(0, 3)),
    max_size=5,
)
leads = st.fixed_dictionaries(
    {
        "country": st.sampled_from(["DE", "FR", "US", None]), "lead_score": st.none() | st.integers(0, 9),
        "company_domain": st.sampled_from(["acme.example", "x.example", None]),
    }
)  # fmt: skip


class RoundTrips(TestCase):
    @settings(max_examples=25, deadline=None)
    @given(rules, st.lists(leads, min_size=1, max_size=6))
    def test_random_rules_come_back_as_the_same_bytes_and_decide_the_same(self, wanted, asked):
        version = make_version()
        for groups, enabled, position in wanted:
            rows = [(number, *row) for number, group in enumerate(groups, start=1) for row in group]
            make_rule(version, "campaign_source_owner", *rows, enabled=enabled, position=position)
        text = export(version)
        draft, _ = bring_in(text.encode(), None, NOW)
        assert export(draft) == text
        one, two = (compile_rules(freeze(each), lists_now()) for each in (version, draft))
        for facts in asked:
            for step in one.order:
                found = [[rule.key for rule in each.matching(step, facts, NOW)] for each in (one, two)]
                assert found[0] == found[1]


def test_a_copy_keeps_the_keys_by_which_its_rules_are_told():
    version = make_version()
    copy = copy_to_draft(version)
    keys = [sorted(Rule.objects.filter(version=each).values_list("key", flat=True)) for each in (version, copy)]
    assert keys[0] == keys[1]
