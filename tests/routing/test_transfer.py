"""The configuration as a file: out and in again is the same text; what is wrong is named with its path."""

import json
from datetime import date, timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from leads.models import Pipeline, Source, Stage
from owners.models import (
    Absence,
    Calendar,
    Installation,
    Membership,
    Owner,
    Pool,
    PoolMember,
    SpecialDay,
    Team,
    Territory,
    TerritoryArea,
    WeeklyHours,
)
from routing.models import Condition, Rule, RuleSetVersion, SlaPolicy
from routing.rulebook import publish
from routing.transfer import Refused, bring_in, export
from tests.builders import (
    NOW,
    make_lead_type,
    make_owner,
    make_pipeline,
    make_pool,
    make_rule,
    make_source,
    make_team,
    make_territory,
    make_version,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    """Some of everything that a file holds, and of what it must not hold."""
    Installation.objects.create(id=1, company_name="Firm & Söhne", time_zone="Europe/Berlin", open_until="touched")
    elena = make_owner("elena", time_zone="Europe/Berlin", languages=["it", "de"], cap_open=5)
    team = make_team("europe", lead=elena, fallback_owner=elena)
    marco = make_owner("marco", team, cover=elena, alert_channels=["email"])
    kim = make_owner("kim", team, state="inactive")
    Membership.objects.create(owner=elena, team=team)
    WeeklyHours.objects.create(owner=elena, weekday=1, start_minute=540, end_minute=1440)
    WeeklyHours.objects.create(owner=elena, weekday=0, start_minute=1320, end_minute=120)
    Absence.objects.create(owner=marco, starts_at=NOW, ends_at=NOW + timedelta(days=2), reason="flu", kind="sick")
    office = Calendar.objects.create(key="berlin", name="Berlin", time_zone="Europe/Berlin", holiday_country="DE")
    for kind, start, end in (("work", 540, 1020), ("break", 720, 765)):
        WeeklyHours.objects.create(calendar=office, weekday=2, kind=kind, start_minute=start, end_minute=end)
    for start, end in ((None, None), (600, 720)):
        day, name = date(2026, 12, 25 if start is None else 24), "Christmas"
        SpecialDay.objects.create(
            calendar=office, day=day, name=name, start_minute=start, end_minute=end, proposed=start is None
        )
    SpecialDay.objects.create(owner=elena, day=date(2026, 12, 24), name="Late", start_minute=1080, end_minute=60)
    Owner.objects.filter(pk=marco.pk).update(calendar=office, cover_until=NOW + timedelta(days=9))
    Team.objects.filter(pk=team.pk).update(calendar=office)
    pool = make_pool("emea", [marco, elena, kim], [1, 3, 2], team=team, when_empty="fallback", fallback_owner=elena)
    PoolMember.objects.filter(owner=kim).update(active=False)
    PoolMember.objects.filter(owner=elena).update(cap_open=12, cap_week=0)
    Team.objects.update(default_pool=pool)
    make_territory("dach", elena, ["DE", "AT"], team=team)
    make_territory("bavaria", marco, []).areas.create(country="DE", region="DE-BY")
    for position, key in enumerate(("urgent", "normal")):
        SlaPolicy.objects.create(key=key, name=key, lead_types=["demo"], position=position * 7, accept_minutes=5)
    pipeline = make_pipeline("sales", "new", "won")
    make_source("web", elena, defaults={"country": "DE"}, blocked_patterns=["*casino*"], rate_limit=60)
    version = make_version(elena)
    rule = make_rule(
        version, "territory_owner", "territory_owner", ("country", "one_of", ["DE", "AT"]), position=3,
        sla_policy=SlaPolicy.objects.get(key="normal"), pipeline=pipeline, stage=pipeline.stages.last(),
        starts_at=NOW, high_intent=False, fallback_owner=marco,
    )  # fmt: skip
    Condition.objects.create(rule=rule, group=2, field="lead_score", operator="at_least", value=70)
    make_rule(version, "round_robin_pool", "pool", pool=pool, position=9)
    make_rule(version, "round_robin_pool", "owner", owner=kim, position=5, enabled=False)
    publish(version, None, NOW)
    return version


def empty():
    """An installation into which nobody entered anything."""
    Team.objects.update(default_pool=None, lead=None, fallback_owner=None)
    Owner.objects.update(cover=None)
    order = (RuleSetVersion, Source, Territory, PoolMember, Pool, Team, Owner, Calendar, SlaPolicy, Pipeline)
    for model in (*order, Installation):
        model.objects.all().delete()


def changed(text=None, **sections):
    """A file that names only these sections."""
    return json.dumps({"format": "revroute.config", "version": 1, **sections}).encode()


def lines(data, **options):
    return [change.line for change in bring_in(data, NOW, **options).changes]


def problems(data, **options):
    with pytest.raises(Refused) as refused:
        bring_in(data, NOW, **options)
    return list(refused.value.problems)


def test_out_and_into_an_empty_installation_and_out_again_is_the_same_text(company):
    text = export()
    empty()
    assert export() != text
    report = bring_in(text.encode(), NOW, publish_rules=True)
    assert export() == text
    assert report.notes == ["Source web is new and has no token; make one under Sources."]
    assert {word: word in text for word in ("token", "a-token-for-tests", '"id"')} == {
        "token": False, "a-token-for-tests": False, '"id"': False,
    }  # fmt: skip


def test_draft_in_a_file_is_the_same_draft_elsewhere(company):
    draft = make_version(company.owner, purpose="tried out")
    make_rule(draft, "manual_review", "review", owner=company.owner, review_reason="unresolved")
    text = export(draft.pk)
    empty()
    assert export(bring_in(text.encode(), NOW).draft) == text


def test_own_text_changes_nothing(company):
    before = export()
    report = bring_in(before.encode(), NOW, prune=True)
    assert (report.changes, report.kept, report.notes, export()) == ([], [], [], before)
    assert RuleSetVersion.objects.count() == 1


def test_text_depends_on_the_configuration_and_not_on_when_rows_were_made(company):
    text = export()
    document = json.loads(text)
    assert list(document) == sorted(document)
    for section in ("owners", "teams", "territories", "lead_types"):
        document[section].reverse()
    assert lines(json.dumps(document).encode()) == []
    assert text.endswith("}\n")


@pytest.mark.parametrize("count", [1, 12])
def test_number_of_queries_is_fixed(company, count, django_assert_num_queries):
    for number in range(count):
        owner = make_owner(f"rep{number}")
        make_source(f"source{number}", owner)
        make_pool(f"pool{number}", [owner])
    with django_assert_num_queries(24):
        export()


def test_differences_are_told_field_by_field_and_applied(company):
    data = changed(
        company={"name": "Firm"},
        owners=[{"key": "elena", "cap_open": None, "hours": []}, {"key": "zoe", "name": "Zoe", "cover": "elena"}],
        pools=[{"key": "emea", "when_empty": "review", "members": [{"owner": "zoe", "weight": 2}]}],
        pipelines=[{"key": "sales", "stages": [{"key": "new", "name": "Fresh"}, {"key": "won", "name": "won"}]}],
    )  # fmt: skip
    expected = [
        'changed  company, name: "Firm & Söhne" → "Firm"',
        "changed  owners elena, cap_open: 5 → null",
        'changed  owners elena, hours: [{"from": "22:00", "to": "02:00", "weekday": 0}, {"from": "09:00", "to":'
        ' "24:00", "weekday": 1}] → []',
        "added    owners zoe",
        'changed  pools emea, when_empty: "fallback" → "review"',
        'changed  pools emea, members: [{"owner": "marco", "weight": 1}, {"cap_open": 12, "cap_week": 0, "owner":'
        ' "elena", "weight": 3}] →'
        ' [{"owner": "zoe", "weight": 2}]',
        'changed  pipelines sales, stages: [{"key": "new", "name": "new"}, {"key": "won", "name": "won"}] →'
        ' [{"key": "new", "name": "Fresh"}, {"key": "won", "name": "won"}]',
    ]  # fmt: skip
    before = export()
    assert (lines(data, dry_run=True), export()) == (expected, before)
    assert (lines(data), lines(data)) == (expected, [])
    zoe = Owner.objects.get(key="zoe")
    assert (zoe.cover.key, Owner.objects.get(key="elena").hours.count()) == ("elena", 0)
    assert list(PoolMember.objects.order_by("owner__key").values_list("owner__key", "active")) == [
        ("elena", False), ("kim", False), ("marco", False), ("zoe", True),
    ]  # fmt: skip
    assert [stage.name for stage in Stage.objects.all()] == ["Fresh", "won"]


def test_area_moves_from_one_territory_to_another(company):
    area = {"country": "AT", "region": "", "postal_prefix": ""}
    data = changed(territories=[{"key": "bavaria", "areas": [area]}, {"key": "dach", "areas": []}])
    bring_in(data, NOW)
    assert [str(area) for area in TerritoryArea.objects.select_related("territory")] == ["AT"]
    taken = changed(territories=[{"key": "east", "name": "East", "areas": [area]}])
    assert problems(taken) == ["territories[0].areas: AT belongs to territory Bavaria already."]


def test_areas_by_city_and_range_come_back_and_ranges_that_overlap_are_refused(company):
    span = {
        "country": "DE",
        "region": "",
        "city": "",
        "postal_prefix": "",
        "postal_from": "10100",
        "postal_to": "10199",
    }
    city = {**span, "city": "berlin", "postal_from": "", "postal_to": ""}
    bring_in(changed(territories=[{"key": "bavaria", "areas": [city, span]}]), NOW)
    held = next(row for row in json.loads(export())["territories"] if row["key"] == "bavaria")["areas"]
    assert sorted(held, key=str) == sorted([city, span], key=str)
    crossing = changed(territories=[{"key": "dach", "areas": [{**span, "postal_from": "10150", "postal_to": "10250"}]}])
    assert problems(crossing) == [
        "territories: DE 10150 to 10250 overlaps DE 10100 to 10199 of territory Bavaria, and neither lies within the"
        " other. Let one end before the other begins."
    ]


def test_new_policy_takes_its_place_in_the_order(company):
    policies = json.loads(export())["sla_policies"]
    policies.insert(1, {**policies[0], "key": "middle"})
    bring_in(changed(sla_policies=policies), NOW)
    assert list(SlaPolicy.objects.values_list("key", flat=True)) == ["urgent", "middle", "normal"]


def test_what_a_file_leaves_out_stays_until_it_is_pruned(company):
    make_pipeline("unused")
    data = changed(owners=[{"key": "elena"}], sources=[], pools=[], pipelines=[{"key": "sales"}])
    report = bring_in(data, NOW)
    assert [(change.section, change.key) for change in report.kept] == [
        ("owners", "kim"), ("owners", "marco"), ("pools", "emea"), ("pipelines", "unused"), ("sources", "web"),
    ]  # fmt: skip
    report = bring_in(data, NOW, prune=True)
    assert report.notes == ["pool emea is still used, so it stays."]
    assert list(Owner.objects.values_list("key", "state")) == [
        ("elena", "active"), ("kim", "departed"), ("marco", "departed"),
    ]  # fmt: skip
    assert (Source.objects.get().active, Pipeline.objects.count(), Pool.objects.count()) == (False, 1, 1)


def test_what_rules_or_sources_need_is_not_lost(company):
    gone = changed(pipelines=[{"key": "sales", "stages": [{"key": "new", "name": "New"}]}])
    assert problems(gone) == ["pipelines[0].stages: stage won is still used, so the file has to keep it."]
    report = bring_in(changed(lead_types=[], sla_policies=[], pipelines=[]), NOW, prune=True)
    stays = [f"{what} is still used, so it stays." for what in ("lead type contact", "SLA policy normal")]
    assert report.notes == [*stays, "pipeline sales is still used, so it stays."]
    assert list(SlaPolicy.objects.values_list("key", flat=True)) == ["normal"]


def test_rules_come_in_as_one_draft_and_count_only_when_published(company):
    document = json.loads(export())
    document["rules"]["rules"][0]["groups"][1][0]["value"] = 80
    data = json.dumps(document).encode()
    first, again = bring_in(data, NOW), bring_in(data, NOW)
    assert [change.line for change in first.changes] == [
        "changed  rules territory_owner “territory_owner to territory_owner”, groups:"
        ' without [{"field": "lead_score", "operator": "at_least", "value": 70}],'
        ' with [{"field": "lead_score", "operator": "at_least", "value": 80}]'
    ]
    assert (first.draft, first.published, again.draft) == (again.draft, False, first.draft)
    assert (again.changes, RuleSetVersion.objects.count()) == ([], 2)
    assert RuleSetVersion.objects.get(state="published") == company
    report = bring_in(data, NOW, publish_rules=True)
    assert (report.published, RuleSetVersion.objects.get(state="published").pk) == (True, first.draft)
    assert lines(data) == []


def test_rules_that_cannot_be_published_change_nothing_at_all(company):
    document = json.loads(export())
    document["rules"]["purpose"] = ""
    document["company"]["name"] = "Other"
    found = problems(json.dumps(document).encode(), publish_rules=True)
    assert found == ["rules: Write down what this version changes, and why."]
    assert (Installation.objects.get().company_name, RuleSetVersion.objects.count()) == ("Firm & Söhne", 1)


def test_half_right_file_is_refused_with_every_problem_and_its_path(company):
    before = export()
    document = json.loads(export())
    rule = document["rules"]["rules"][0]
    rule["pool"], rule["stage"], rule["groups"] = "nowhere", "lost", [[], [{"field": "colour", "operator": "is"}]]
    data = changed(
        company={"name": "Other"},
        owners=[{"key": "new", "name": "New"}, {"key": "new", "name": 5}, {"name": "no key"}, "marco"],
        pools=[{"key": "emea", "members": [{"owner": "sam", "weight": 1}, {"weight": 1}], "colour": "blue"}],
        sources=[{"key": "web", "active": "yes", "rate_limit": -1, "owner": None}],
        rules=document["rules"],
    )  # fmt: skip
    assert sorted(problems(data)) == [
        "owners[1].key: there are two with the key “new”.",
        "owners[1].name: a text is needed, not 5.",
        "owners[2].key: each owner needs a key.",
        "owners[3]: an object is needed.",
        "pools[0].colour: there is no field of that name here.",
        "pools[0].members[0].owner: there is no owner “sam”.",
        "pools[0].members[1].owner: it is missing.",
        "rules.rules[0].groups[0]: a group without conditions always holds; leave it out.",
        "rules.rules[0].groups[1][0]: a condition has field, operator and value.",
        "rules.rules[0].pool: there is no pool “nowhere”.",
        "rules.rules[0].stage: there is no stage “lost” in pipeline “sales”.",
        "sources[0].active: true or false is needed, not 'yes'.",
        "sources[0].owner: a key is needed, not None.",
        "sources[0].rate_limit: a whole number is needed, or null, not -1.",
    ]
    assert export() == before


def test_what_the_models_refuse_is_named_with_its_path_too(company):
    before = export()
    data = changed(
        owners=[{"key": "not a key", "name": "N"}, {"key": "zoe", "name": "Z", "email": "no", "time_zone": "Mars"}],
        pools=[{"key": "late", "name": "Late", "when_empty": "fallback"}],
    )  # fmt: skip
    assert problems(data) == [
        "owners[0].key: Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.",
        "owners[1].email: Enter a valid email address.",
        "owners[1].time_zone: “Mars” is not a time zone. Use a name such as Europe/Berlin.",
        "pools[0]: “when_empty” is “fallback”, so a fallback_owner has to be named.",
    ]
    hours = [{"weekday": 0, "from": "09:00", "to": "12:00"}, {"weekday": 0, "from": "11:00", "to": "13:00"}]
    absence = {"from": NOW.isoformat(), "to": NOW.isoformat(), "reason": ""}
    data = changed(
        owners=[
            {"key": "elena", "hours": hours}, {"key": "marco", "cover": "marco", "absences": [absence]},
            {"key": "kim", "hours": [{"weekday": 9, "from": "9", "to": "25:00"}]},
        ],
        pools=[{"key": "emea", "members": [{"owner": "elena", "weight": 0}]}],
    )  # fmt: skip
    found = problems(data)
    assert [problem.partition(":")[0] for problem in found] == [
        "owners[1].cover", "owners[0].hours", "owners[2].hours", "owners[1].absences", "pools[0].members[0].weight",
    ]  # fmt: skip
    assert export() == before


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is no JSON: line 1, column 1: Expecting value."),
        (b"key,name\nelena,Elena\n", "The file is no JSON: line 1, column 1: Expecting value."),
        (b"\xff\xfe\x00", "The file is no UTF-8 text."),
        (b"PK\x03\x04", "The file is no JSON: line 1, column 1: Expecting value."),
        (b"[]", "This is no RevRoute configuration: “format” has to be “revroute.config”."),
        (b'{"format": "revroute.config"}', "This is version None of the format, and this program reads 1."),
        (b'{"format": "revroute.config", "version": 2}', "This is version 2 of the format, and this program reads 1."),
        (b'{"format": 1, "format": 2}', "“format” stands twice in one object; which one is meant?"),
        (b"[" * 100_000, "The file is nested too deeply to be a configuration."),
        (b'{"a": NaN}', "The file cannot be read: NaN is no JSON number."),
        (b'{"a": 1' + b"0" * 5000 + b"}", "The file cannot be read"),
        (b'{"a": "\\u0000"}', "The file holds characters that no database keeps"),
        (b'{"a": "\\ud800"}', "The file holds characters that no database keeps"),
        (b" " * 20_000_001, "The file has 20,000,001 bytes; a configuration has 20,000,000 at most."),
    ],
)
def test_other_kind_of_file_is_one_sentence(data, sentence):
    found = problems(data)
    assert (len(found), found[0].startswith(sentence)) == (1, True), found


def test_commands_write_read_and_say_what_they_did(company, tmp_path, capsys):
    path = tmp_path / "company.json"
    call_command("export_config", str(path))
    call_command("export_config")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (path.read_text(), f"Wrote {path}.\n")
    call_command("import_config", str(path), "--dry-run")
    assert capsys.readouterr().out == "No differences.\n"
    path.write_bytes(changed(company={"name": "Other"}, sources=[]))
    call_command("import_config", str(path), "--dry-run")
    assert capsys.readouterr().out.splitlines() == [
        'changed  company, name: "Firm & Söhne" → "Other"',
        "Not in the file, and kept: sources web. --prune lets go of them.",
        "This was a dry run; nothing was changed.",
    ]
    path.write_bytes(changed(company={"name": 5}))
    with pytest.raises(CommandError) as refused:
        call_command("import_config", str(path))
    assert (str(refused.value), capsys.readouterr().err) == (
        "Nothing was brought in: 1 problem.", "company.name: a text is needed, not 5.\n",
    )  # fmt: skip
    with pytest.raises(CommandError, match=r"There is no version 99 of the rules\."):
        call_command("export_config", "--version", "99")
    with pytest.raises(CommandError, match="No such file or directory"):
        call_command("import_config", str(tmp_path / "none.json"))


def test_lead_type_that_a_company_added_comes_along():
    make_lead_type("contact")
    bring_in(changed(lead_types=[{"key": "event", "name": "Trade fair", "high_intent": True}]), NOW)
    assert '"name": "Trade fair"' in export()
    assert Rule.objects.count() == 0
