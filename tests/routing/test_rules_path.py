"""The path of a draft: order, copies, switches, ends; whoever is second is told what the first one did."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from routing import drafts
from routing.bench.rules import draft as bench_draft
from routing.models import Rule, RuleSetVersion
from routing.refused import Refused
from routing.rule_path import path_of
from routing.rulebook import copy_to_draft, publish
from tests.routing.people import sign_in, sign_up
from tests.routing.rows import NOW, make_crm, make_draft, make_owner, make_people, make_pool, make_rule

pytestmark = pytest.mark.django_db
STEP = "territory_owner"


@pytest.fixture
def draft():
    version = make_draft(make_owner("elena"))
    for place, name in enumerate("abcd", start=1):
        make_rule(version, STEP, (1, "country", "is", "DE"), name=name, position=place * 10)
    return version


@pytest.fixture
def rita():
    return sign_in("rita", "RevOps")


def order(version, step=STEP):
    rows = Rule.objects.filter(version=version, step=step).order_by("position", "id")
    return "".join(rows.values_list("name", flat=True))


def post(client, version, **fields):
    return client.post(f"/admin/routing/rulesetversion/{version.pk}/rules/act/", fields, follow=True)


def rule_of(version, name):
    return Rule.objects.get(version=version, name=name).pk


def edition(version):
    return RuleSetVersion.objects.values_list("edition", flat=True).get(pk=version.pk)


@pytest.mark.parametrize(
    ("name", "act", "more", "after"),
    [
        ("c", "up", {}, "acbd"), ("a", "down", {}, "bacd"), ("d", "place", {"step": STEP, "place": 1}, "dabc"),
        ("a", "place", {"step": STEP, "place": 9}, "bcda"), ("a", "place", {"step": "open_deal_owner"}, "bcd"),
        ("b", "delete", {"sure": "yes"}, "acd"), ("b", "delete", {}, "abcd"), ("a", "up", {}, "abcd"),
    ],
)  # fmt: skip
def test_each_act_of_the_path_changes_the_order_that_it_says(draft, rita, name, act, more, after):
    answer = post(rita, draft, act=act, rule=rule_of(draft, name), seen=edition(draft), **more)
    assert answer.status_code == 200
    assert order(draft) == after


def test_rules_keep_their_order_when_there_is_no_room_between_them_any_more(draft):
    by = sign_up("rita", "RevOps")
    for _ in range(12):
        drafts.place_rule(draft.pk, rule_of(draft, "d"), STEP, rule_of(draft, "b"), None, by, NOW)
        assert order(draft) == "adbc"
        drafts.place_rule(draft.pk, rule_of(draft, "c"), STEP, rule_of(draft, "d"), None, by, NOW)
        assert order(draft) == "acdb"
        drafts.place_rule(draft.pk, rule_of(draft, "c"), STEP, None, None, by, NOW)


def test_a_copy_is_a_rule_of_its_own_right_after_the_first(draft, rita):
    page = post(rita, draft, act="copy", rule=rule_of(draft, "b"), seen=edition(draft)).content.decode()
    assert order(draft) == "abb (copy)cd"
    copy = Rule.objects.get(version=draft, name="b (copy)")
    assert list(copy.conditions.values_list("field", "operator", "value")) == [("country", "is", "DE")]
    assert copy.key != Rule.objects.get(version=draft, name="b").key
    assert "“b (copy)” is a copy, asked right after the first." in page


def test_a_rule_is_switched_off_and_on(draft, rita):
    post(rita, draft, act="off", rule=rule_of(draft, "a"), seen=edition(draft))
    assert Rule.objects.get(name="a").enabled is False
    post(rita, draft, act="on", rule=rule_of(draft, "a"), seen=edition(draft))
    assert Rule.objects.get(name="a").enabled is True
    said = LogEntry.objects.order_by("id").values_list("change_message", "user__username")
    assert list(said) == [("Switched the rule “a” off.", "rita"), ("Switched the rule “a” on.", "rita")]


def test_the_second_of_two_is_told_what_the_first_did_and_nothing_is_done(draft, rita):
    seen, other = edition(draft), sign_up("omar", "RevOps")
    drafts.switch_rule(draft.pk, rule_of(draft, "a"), False, seen, other, NOW)
    drafts.nudge_rule(draft.pk, rule_of(draft, "d"), -1, None, other, NOW)
    answer = post(rita, draft, act="down", rule=rule_of(draft, "b"), seen=seen)
    page = answer.content.decode()
    assert order(draft) == "abdc"
    assert "#" not in answer.redirect_chain[-1][0]  # the head of the page is where it is said
    assert "Nothing was done, because the draft changed since you opened it." in page
    assert "Switched the rule “a” off." in page
    assert "Moved the rule “d” to place 3 of “Owner of the territory”." in page


def test_steps_move_but_the_catch_all_stays_last(draft, rita):
    post(rita, draft, act="step", step=STEP, place=1, seen=edition(draft))
    assert RuleSetVersion.objects.get().step_order[:2] == [STEP, "reject_invalid_or_spam"]
    page = post(rita, draft, act="step", step="manual_review", place=1, seen=edition(draft)).content.decode()
    assert "Manual review catches what no other step took, so it stays last." in page
    assert RuleSetVersion.objects.get().step_order[-1] == "manual_review"


def test_a_published_version_refuses_every_act(draft):
    by, rule = sign_up("rita", "RevOps"), rule_of(draft, "a")
    publish(draft, None, NOW)
    acts = (
        lambda: drafts.nudge_rule(draft.pk, rule, 1, None, by, NOW),
        lambda: drafts.place_step(draft.pk, STEP, 1, None, by, NOW),
        lambda: drafts.duplicate_rule(draft.pk, rule, None, by, NOW),
        lambda: drafts.switch_rule(draft.pk, rule, False, None, by, NOW),
        lambda: drafts.delete_rule(draft.pk, rule, None, by, NOW),
    )
    for act in acts:
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == "not_a_draft"
    assert order(draft) == "abcd"


def test_the_path_marks_what_differs_from_the_rules_in_force(draft, rita):
    publish(draft, None, NOW)
    copy = copy_to_draft(draft)
    Rule.objects.filter(version=copy, name="a").update(tier="priority")
    Rule.objects.filter(version=copy, name="b").delete()
    Rule.objects.filter(version=copy, name="c").update(enabled=False)
    make_rule(copy, STEP, name="e", position=99)
    path = path_of(copy, NOW)
    (step,) = [step for step in path.steps if step.step == STEP]
    assert [(line.name, line.change and line.change.kind) for line in step.rules] == [
        ("a", "changed"), ("c", "changed"), ("d", None), ("e", "added"),
    ]  # fmt: skip
    assert [change.rule for change in step.gone] == ["b"]
    assert (path.live, path.rules, path.off, path.differences) == (draft.pk, 4, 1, 4)
    page = rita.get(f"/admin/routing/rulesetversion/{copy.pk}/rules/").content.decode()
    assert "Tier: priority instead of nothing." in page


def test_a_search_leaves_the_rules_that_have_its_words(draft, rita):
    make_rule(draft, STEP, (1, "city", "is", "Bern"), name="Swiss", position=99)
    page = rita.get(f"/admin/routing/rulesetversion/{draft.pk}/rules/?q=bern").content.decode()
    assert page.count('data-rule="') == 1
    assert "Swiss" in page


def test_a_rule_says_what_keeps_its_draft_from_being_published(draft, rita):
    marco = make_owner("marco", state="departed")
    make_rule(draft, STEP, name="gone", target="owner", owner=marco, position=50)
    make_rule(draft, STEP, name="off", target="owner", owner=marco, position=60, enabled=False)
    make_rule(draft, STEP, (1, "territory", "is", "atlantis"), name="odd", target="nurture", position=70)
    path = path_of(draft, NOW)
    told = {line.name: [(one.blocks, one.code) for one in line.problems] for step in path.steps for line in step.rules}
    assert {name: said for name, said in told.items() if name not in "abcd"} == {
        "gone": [(True, "rule_owner_gone")], "off": [], "odd": [(False, "rule_asks_for_nothing")],
    }  # fmt: skip
    page = rita.get(f"/admin/routing/rulesetversion/{draft.pk}/rules/").content.decode()
    assert "Leads to Marco, who has left, and nobody stands in: its leads go to review." in page
    assert "Asks for territory atlantis, which does not exist." in page
    Rule.objects.filter(owner=marco).delete()
    publish(draft, None, NOW)
    draft.refresh_from_db()
    assert all(line.problems == () for step in path_of(draft, NOW).steps for line in step.rules)


def test_the_page_reads_as_many_statements_for_two_thousand_rules_as_for_few(rita):
    people = make_people()
    make_crm(people)
    make_pool("all", people.elena)
    counts = []
    for size in (10, 10, 2000):  # the first page reads the people, whom the process then keeps
        version = bench_draft(size)
        with CaptureQueriesContext(connection) as seen:
            page = rita.get(f"/admin/routing/rulesetversion/{version.pk}/rules/")
        assert page.status_code == 200
        counts.append(len(seen))
    assert counts[1] == counts[2]
    assert page.content.decode().count('data-rule="') <= 9 * 50
