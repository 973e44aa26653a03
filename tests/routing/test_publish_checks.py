"""What keeps a version from being published: whom and what it names is not there, or not as it needs them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Stage
from owners.models import Owner, PoolMember, Team
from routing.bench.rules import draft as bench_draft
from routing.lists import replace_entries
from routing.models import NamedList, SlaPolicy
from routing.rulebook import RulebookError, freeze, missing, publish
from tests.routing.people import sign_in
from tests.routing.rows import NOW, make_crm, make_draft, make_owner, make_people, make_pool, make_rule

pytestmark = pytest.mark.django_db
STEP = "territory_owner"


@pytest.fixture
def people():
    people = make_people()
    people.crm = make_crm(people)
    people.sam = make_owner("sam")
    return people


@pytest.fixture
def draft(people):
    return make_draft(people.elena)


def told(draft):
    return [(problem.blocks, problem.code) for problem in missing(freeze(draft))]


def leave(owner, **changes):
    Owner.objects.filter(pk=owner.pk).update(**(changes or {"state": "departed"}))


def test_a_version_that_names_what_is_there_has_no_problems(people, draft):
    stage = people.crm.stage
    make_rule(
        draft, STEP, (1, "territory", "is", "dach"), target="owner", owner=people.elena, fallback_owner=people.marco,
        pipeline=stage.pipeline, stage=stage,
    )  # fmt: skip
    make_rule(draft, "round_robin_pool", target="pool", pool=people.pool)
    make_rule(draft, "manual_review", target="review")
    assert told(draft) == []


@pytest.mark.parametrize(
    ("state", "cover", "expected"),
    [
        ({"state": "departed"}, False, [(True, "rule_owner_gone")]),
        ({"state": "departed"}, True, [(True, "rule_owner_stood_in")]),
        ({"state": "inactive"}, False, [(True, "rule_owner_gone")]),
        ({"accepts_leads": False}, False, [(True, "rule_owner_paused")]),
        ({"accepts_leads": False}, True, [(False, "rule_owner_paused")]),
    ],
)
def test_an_owner_who_left_or_takes_nothing_blocks(people, draft, state, cover, expected):
    make_rule(draft, STEP, target="owner", owner=people.sam)
    leave(people.sam, **state, cover=people.marco if cover else None)
    assert told(draft) == expected


def test_fallbacks_reviewers_and_who_answers_for_the_rules_have_to_be_there(people, draft):
    make_rule(draft, STEP, target="owner", owner=people.elena, fallback_owner=people.sam)
    make_rule(draft, "manual_review", target="review", owner=people.sam)
    leave(people.sam)
    assert told(draft) == [(True, "rule_fallback_gone"), (True, "reviewer_gone")]
    draft.owner = people.sam
    draft.save()
    make_rule(draft, "manual_review", target="review", position=9)
    assert told(draft) == [
        (True, "rules_owner_gone"), (True, "rule_fallback_gone"), (True, "reviewer_gone"),
        (True, "review_without_reviewer"),
    ]  # fmt: skip


def test_pools_where_nobody_is_block_unless_somebody_stands_in(people, draft):
    empty = make_pool("empty")
    rule = make_rule(draft, "round_robin_pool", target="pool", pool=empty)
    make_rule(draft, STEP, target="team", team=Team.objects.create(key="bare", name="Bare"))
    assert told(draft) == [(True, "rule_team_without_pool"), (True, "rule_pool_empty")]
    rule.fallback_owner = people.marco
    rule.save()
    assert told(draft) == [(True, "rule_team_without_pool"), (False, "rule_pool_empty")]
    PoolMember.objects.create(pool=empty, owner=people.sam)
    assert told(draft) == [(True, "rule_team_without_pool")]


def test_what_goes_with_a_rule_has_to_be_there(people, draft):
    stage, policy = people.crm.stage, SlaPolicy.objects.create(key="fast", name="Fast")
    make_rule(draft, STEP, target="owner", owner=people.elena, pipeline=stage.pipeline, stage=stage, sla_policy=policy)
    content = freeze(draft)
    people.crm.deal.delete()
    Stage.objects.all().delete()
    policy.delete()
    assert [(one.blocks, one.code) for one in missing(content)] == [
        (True, "rule_stage_gone"), (True, "rule_policy_gone"),
    ]  # fmt: skip


def test_lists_keys_and_conditions_that_can_never_hold(people, draft):
    NamedList.objects.create(key="empty", name="Empty", field="company_domain")
    named = NamedList.objects.create(key="partners", name="Partners", field="company_domain")
    replace_entries(named, ["acme.example"], None, NOW)
    make_rule(
        draft, STEP, (1, "company_domain", "in_list", "partners"), (2, "company_domain", "in_list", "gone"),
        (3, "company_domain", "not_in_list", "empty"), (4, "territory", "one_of", ["dach", "atlantis"]),
        (5, "country", "is", "DE"), (5, "country", "is", "FR"),
    )  # fmt: skip
    assert told(draft) == [
        (True, "rule_list_gone"), (False, "rule_list_empty"), (False, "rule_asks_for_nothing"),
        (True, "condition_impossible"),
    ]  # fmt: skip


def test_rows_of_a_table_are_looked_at_and_named(people, draft):
    table = {
        "inputs": [{"field": "country", "operator": "is"}],
        "outputs": ["owner"],
        "rows": [{"in": ["DE"], "out": ["elena"]}, {"in": ["FR"], "out": ["sam"]}, {"in": ["US"], "out": ["nobody"]}],
    }
    make_rule(draft, STEP, name="By country", target="owner", owner=people.elena, table=table)
    leave(people.sam)
    assert [problem.sentence for problem in missing(freeze(draft))] == [
        "Rule “By country” in row 2 of its table leads to Sam, who has left, and nobody stands in: its leads go to"
        " review.",
        "Rule “By country” in row 3 of its table names owner “nobody”, which does not exist.",
    ]


def test_no_door_publishes_past_a_problem_and_the_page_links_to_what_mends_it(people, draft):
    rule = make_rule(draft, STEP, name="Sam's", target="owner", owner=people.sam)
    leave(people.sam)
    with pytest.raises(RulebookError) as refused:
        publish(draft, None, NOW)
    assert refused.value.code == "rule_owner_gone"
    client = sign_in("rita", "RevOps")
    page = client.get(f"/admin/routing/rulesetversion/{draft.pk}/publish/").content.decode()
    assert f'href="/admin/routing/rulesetversion/{draft.pk}/rules/{rule.pk}/"' in page
    assert f'href="/admin/owners/owner/{people.sam.pk}/change/"' in page
    answer = client.post(f"/admin/routing/rulesetversion/{draft.pk}/publish/", {"purpose": "x", "do": "publish"})
    assert answer.status_code == 409


def test_ten_times_the_rules_take_no_more_statements(people):
    make_pool("all", people.elena)
    counts = []
    for size in (20, 200):
        content = freeze(bench_draft(size))
        missing(content)
        with CaptureQueriesContext(connection) as seen:
            missing(content)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 4


def test_a_sequence_that_looks_mistyped_is_asked_about_and_keeps_nothing_from_being_published(people, draft):
    make_rule(draft, "round_robin_pool", target="pool", pool=people.pool, sequence="speed_to_lead")
    assert told(draft) == []  # nothing was published yet, so nothing is known
    publish(draft, None, NOW)
    version = make_draft(people.elena)
    for name, sequence in (("Same", "speed_to_lead"), ("Other", "partner_intro"), ("Typed", "speed_to_laed")):
        make_rule(
            version, STEP, (1, "country", "is", "DE"), name=name, target="pool", pool=people.pool, sequence=sequence
        )
    table = {
        "inputs": [{"field": "country", "operator": "is"}], "outputs": ["sequence"],
        "rows": [{"in": ["DE"], "out": ["sped_to_lead"]}, {"in": ["FR"], "out": [None]}],
    }  # fmt: skip
    make_rule(version, "round_robin_pool", name="Rows", target="pool", pool=people.pool, table=table)
    problems = missing(freeze(version))
    assert [(problem.blocks, problem.code, problem.sentence) for problem in problems] == [
        (False, "sequence_unknown", f"Rule “{rule}” starts the sequence “{typed}”, which no version named so far."
         " Is “speed_to_lead” meant?")
        for rule, typed in (("Typed", "speed_to_laed"), ("Rows", "sped_to_lead"))
    ]  # fmt: skip
    publish(version, None, NOW)
    assert missing(freeze(version)) == []
