"""Publishing: what is frozen, what is refused, what a copy holds."""

import json
from datetime import timedelta
from hashlib import sha256

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from owners.models import User
from routing.engine.rules import STEPS, compile_rules
from routing.models import Condition, Rule, RuleSetVersion, SlaPolicy
from routing.rulebook import RulebookError, copy_to_draft, freeze, problems_of, publish
from tests.routing.rows import NOW, make_crm, make_draft, make_owner, make_people, make_rule

pytestmark = pytest.mark.django_db


@pytest.fixture
def elena():
    return make_owner("elena")


def full_rule_version():
    """A version whose one rule fills every column, the owner, pool and keys it names."""
    people = make_people()
    crm = make_crm(people)
    policy = SlaPolicy.objects.create(key="fast", name="Fast")
    version = make_draft(people.elena)
    rule = make_rule(
        version, "territory_owner",
        (2, "lead_score", "at_least", 70), (1, "country", "one_of", ["DE", "AT"]),
        (2, "high_intent", "is_true", None),
        position=3, name="DACH", target="owner", owner=people.elena, pool=people.pool, team=people.team,
        fallback_owner=people.marco, on_nobody="next_step", tier="priority", sla_policy=policy,
        pipeline=crm.pipeline, stage=crm.stage, sequence="speed", alert_channels=["email"],
        review_reason="unresolved", high_intent=True, require_language=True, require_service=True,
        require_skills=["enterprise"],
        starts_at=NOW, ends_at=NOW + timedelta(days=1), weekdays=[0, 4], from_minute=540, until_minute=1020,
    )  # fmt: skip
    return people, version, rule


def test_a_frozen_rule_holds_every_column_and_keys_in_place_of_rows():
    people, version, rule = full_rule_version()
    assert freeze(version) == {
        "version": version.pk,
        "owner": people.elena.pk,
        "zone": "UTC",
        "order": list(STEPS),
        "rules": [
            {
                "id": rule.pk,
                "key": rule.key,
                "step": "territory_owner",
                "position": 3,
                "name": "DACH",
                "groups": [
                    [{"field": "country", "operator": "one_of", "value": ["DE", "AT"]}],
                    [
                        {"field": "lead_score", "operator": "at_least", "value": 70},
                        {"field": "high_intent", "operator": "is_true", "value": None},
                    ],
                ],
                "target": {
                    "kind": "owner",
                    "owner": people.elena.pk,
                    "pool": people.pool.pk,
                    "team": people.team.pk,
                },
                "fallback_owner": people.marco.pk,
                "on_nobody": "next_step",
                "tier": "priority",
                "sla_policy": "fast",
                "pipeline": "sales",
                "stage": "new",
                "sequence": "speed",
                "alert_channels": ["email"],
                "review_reason": "unresolved",
                "high_intent": True,
                "require_language": True,
                "require_service": True,
                "require_skills": ["enterprise"],
                "starts_at": "2026-03-02T09:00:00+00:00",
                "ends_at": "2026-03-03T09:00:00+00:00",
                "weekdays": [0, 4],
                "from_minute": 540,
                "until_minute": 1020,
                "table": None,
            }
        ],
    }


def test_a_frozen_full_rule_compiles_to_the_same_rule():
    people, version, row = full_rule_version()
    rule = compile_rules(freeze(version)).rules[row.pk]
    assert (rule.target_owner, rule.fallback_owner, rule.sla_policy, rule.stage, rule.window.starts_at) == (
        people.elena.pk,
        people.marco.pk,
        "fast",
        "new",
        NOW,
    )


def test_an_empty_rule_freezes_to_empty_values(elena):
    version = make_draft(elena)
    make_rule(version, "manual_review", target="review")
    (rule,) = freeze(version)["rules"]
    assert rule["target"] == {"kind": "review", "owner": None, "pool": None, "team": None}
    assert (rule["sla_policy"], rule["pipeline"], rule["stage"], rule["groups"]) == ("", "", "", [])
    assert (rule["starts_at"], rule["ends_at"], rule["high_intent"]) == (None, None, None)


def test_rules_are_frozen_in_the_order_of_the_version_then_by_position(elena):
    order = list(STEPS)
    order[4], order[5] = order[5], order[4]
    version = make_draft(elena, step_order=order)
    territory = make_rule(version, "territory_owner", position=1)
    late = make_rule(version, "service_line_owner", position=2)
    early = make_rule(version, "service_line_owner", position=1)
    make_rule(version, "service_line_owner", position=0, enabled=False)
    assert [rule["id"] for rule in freeze(version)["rules"]] == [early.pk, late.pk, territory.pk]


@pytest.mark.parametrize("count", [1, 30])
def test_freezing_takes_two_queries_however_many_rules(elena, count):
    version = make_draft(elena)
    for _ in range(count):
        make_rule(version, "territory_owner", (1, "country", "is", "DE"))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        freeze(version)
    assert len(queries) == 2


def test_publishing_freezes_digests_and_retires_the_version_in_force(elena):
    before = publish(make_draft(elena), None, NOW)
    version = make_draft(elena)
    make_rule(version, "territory_owner", (1, "lead_score", "between", [10, 90.5]))
    boss = User.objects.create_user("boss")
    expected = freeze(version)

    publish(version, boss, NOW)

    version.refresh_from_db()
    before.refresh_from_db()
    assert (before.state, version.state) == ("retired", "published")
    assert (version.content, version.published_at, version.published_by) == (expected, NOW, boss)
    canonical = json.dumps(version.content, sort_keys=True, separators=(",", ":"))
    assert version.digest == sha256(canonical.encode()).hexdigest()


def test_later_edits_of_rows_do_not_change_a_published_content():
    _, version, rule = full_rule_version()
    content = publish(version, None, NOW).content
    Condition.objects.all().delete()
    rule.pipeline.key = "other"
    rule.pipeline.save()
    version.refresh_from_db()
    assert version.content == content


@pytest.mark.parametrize("state", ["published", "retired"])
def test_publishing_anything_but_a_draft_is_refused(elena, state):
    version = publish(make_draft(elena), None, NOW)
    if state == "retired":
        publish(make_draft(elena), None, NOW)
    with pytest.raises(RulebookError) as refused:
        publish(version, None, NOW)
    assert refused.value.code == "not_a_draft"
    assert str(refused.value) == f"Version {version.pk} is {state}; only a draft can be published."


def test_publishing_reads_the_state_anew(elena):
    version = make_draft(elena)
    stale = RuleSetVersion.objects.get(pk=version.pk)
    publish(version, None, NOW)
    with pytest.raises(RulebookError) as refused:
        publish(stale, None, NOW)
    assert refused.value.code == "not_a_draft"


@pytest.mark.parametrize("purpose", ["", "   "])
def test_publishing_without_a_purpose_is_refused(elena, purpose):
    refuse(
        make_draft(elena, purpose=purpose),
        "purpose_missing",
        "Write down what this version changes, and why.",
    )


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ((1, "shoe_size", "is", "43"), "Rule “Bad”: There is no field called “shoe_size”."),
        ((1, "lead_score", "at_least", "many"), "Rule “Bad”: “lead score” is a number; “many” is not."),
    ],
)
def test_publishing_an_unsound_condition_is_refused_and_nothing_changes(elena, condition, sentence):
    in_force = publish(make_draft(elena), None, NOW)
    version = make_draft(elena)
    make_rule(version, "territory_owner", condition, name="Bad")
    refuse(version, "condition_wrong", sentence)
    in_force.refresh_from_db()
    assert in_force.state == "published"


def test_an_unsound_condition_of_a_switched_off_rule_does_not_matter(elena):
    version = make_draft(elena)
    make_rule(version, "territory_owner", (1, "shoe_size", "is", "43"), enabled=False)
    assert publish(version, None, NOW).content["rules"] == []


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (list(STEPS[:-1]), "Name each of the nine steps exactly once."),
        (list(reversed(STEPS)), "manual_review catches what no other step took, so it stays last."),
    ],
)
def test_publishing_a_wrong_order_is_refused(elena, order, sentence):
    refuse(make_draft(elena, step_order=order), "order_wrong", sentence)


def test_publishing_what_does_not_compile_is_refused(elena):
    version = make_draft(elena)
    rule = make_rule(version, "territory_owner")
    Rule.objects.filter(pk=rule.pk).update(step="coffee_break")
    refuse(version, "does_not_compile", f"rule {rule.pk}: step cannot be “coffee_break”.")


def refuse(version, code, sentence):
    with pytest.raises(RulebookError) as refused:
        publish(version, None, NOW)
    assert (refused.value.code, refused.value.problems) == (code, (sentence,))
    version.refresh_from_db()
    assert (version.state, version.content, version.digest) == ("draft", None, "")


def test_a_copy_is_a_draft_with_the_same_rules_and_no_purpose():
    _, version, rule = full_rule_version()
    make_rule(version, "manual_review", target="review", enabled=False)
    publish(version, None, NOW)

    draft = copy_to_draft(version)

    assert (draft.state, draft.purpose, draft.content) == ("draft", "", None)
    assert Rule.objects.filter(version=draft).count() == 2
    assert without_ids(freeze(draft)) == without_ids(freeze(version))
    assert not Rule.objects.filter(version=draft, pk=rule.pk).exists()
    assert Condition.objects.filter(rule__version=version).count() == 3


def without_ids(content):
    return {**content, "version": None, "rules": [{**rule, "id": None} for rule in content["rules"]]}


def test_copying_takes_as_many_queries_for_thirty_rules_as_for_one(elena):
    counts = []
    for number in (1, 30):
        version = make_draft(elena)
        for _ in range(number):
            make_rule(version, "territory_owner", (1, "country", "is", "DE"), (2, "country", "is", "AT"))
        with CaptureQueriesContext(connection) as queries:
            draft = copy_to_draft(version)
        counts.append(len(queries))
        assert without_ids(freeze(draft)) == without_ids(freeze(version))
    assert counts[0] == counts[1]


def test_copying_and_checking_two_thousand_rules_takes_as_many_queries_as_ten(elena):
    warm = make_draft(elena)
    list(problems_of(warm, freeze(warm)))  # compiles the people once
    counts = []
    for number in (10, 2000):
        version = make_draft(elena)
        made = [
            Rule(version=version, step="territory_owner", position=n, name=f"r{n}", target="owner", owner=elena)
            for n in range(number)
        ]
        Rule.objects.bulk_create(made)
        Condition.objects.bulk_create(Condition(rule=rule, field="city", operator="is", value="x") for rule in made)
        with CaptureQueriesContext(connection) as queries:
            draft = copy_to_draft(version)
            list(problems_of(draft, freeze(draft)))
        counts.append(len(queries))
        assert Condition.objects.filter(rule__version=draft).count() == number
    assert counts[0] == counts[1]
