"""Rule-set versions in the admin: from an empty draft to rules in force, refusals, what stays."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from owners.models import User
from routing import drafts
from routing.copying import copy
from routing.engine.rules import STEPS
from routing.models import Condition, Rule, RuleSetVersion
from routing.rulebook import publish
from tests.routing.forms import address, publish_address, rule_address, rule_form, said, version_form
from tests.routing.rows import NOW, make_draft, make_owner, make_people, make_rule

pytestmark = pytest.mark.django_db


def test_from_an_empty_version_to_rules_in_force_entirely_in_the_admin(admin_client, admin_user):
    people = make_people()
    order = list(STEPS)
    order[4], order[6] = order[6], order[4]
    answer = admin_client.post(address(RuleSetVersion, "add"), version_form(people.elena))
    version = RuleSetVersion.objects.get()
    assert answer.url == f"/admin/routing/rulesetversion/{version.pk}/rules/"
    for place, step in enumerate(order, start=1):
        act = {"act": "step", "step": step, "place": place}
        admin_client.post(f"/admin/routing/rulesetversion/{version.pk}/rules/act/", act)
    for step in STEPS:
        form = rule_form(
            step, "pool", ("1", "country", "one_of", "DE, AT"),
            ("1", "lead_score", "at_least", "70"), ("2", "high_intent", "is_true", ""),
            pool=people.pool.pk, alert_channels=["email", "in_app"],
        )  # fmt: skip
        assert admin_client.post(rule_address(version), form).status_code == 302

    page = admin_client.get(publish_address(version))
    assert (page.context["problems"], page.context["rules"]) == ([], 9)
    answer = admin_client.post(publish_address(version), {"purpose": "The first rules"}, follow=True)

    assert said(answer) == [f"Version {version.pk} is published: it decides from the next lead on."]
    version.refresh_from_db()
    assert (version.state, version.published_by) == ("published", admin_user)
    assert [rule["step"] for rule in version.content["rules"]] == version.content["order"] == order
    for rule in version.content["rules"]:
        assert (rule["target"]["kind"], rule["target"]["pool"]) == ("pool", people.pool.pk)
        assert (rule["position"], rule["alert_channels"]) == (10, ["email", "in_app"])
        assert rule["groups"] == [
            [
                {"field": "country", "operator": "one_of", "value": ["DE", "AT"]},
                {"field": "lead_score", "operator": "at_least", "value": 70},
            ],
            [{"field": "high_intent", "operator": "is_true", "value": None}],
        ]


def test_a_version_with_thousands_of_rules_still_opens(admin_client):
    version = make_draft(make_owner("elena"))
    Rule.objects.bulk_create(
        Rule(version=version, step="territory_owner", name=str(number), target="nurture") for number in range(2000)
    )
    with CaptureQueriesContext(connection) as queries:
        page = admin_client.get(address(RuleSetVersion, "change", version.pk))
    assert page.status_code == 200
    assert len(queries) < 20


def test_publishing_asks_first_and_changes_nothing_by_itself(admin_client):
    version = make_draft(make_owner("elena"))
    page = admin_client.get(publish_address(version))
    assert f"Publish version {version.pk}" in page.content.decode()
    version.refresh_from_db()
    assert version.state == "draft"


def test_a_draft_offers_to_publish_and_to_copy_a_published_version_only_to_copy(admin_client):
    version = make_draft(make_owner("elena"))
    page, copy = address(RuleSetVersion, "change", version.pk), address(RuleSetVersion, "copy", version.pk)
    drafted = admin_client.get(page).content.decode()
    publish(version, None, NOW)
    published = admin_client.get(page).content.decode()
    assert (publish_address(version) in drafted, copy in drafted) == (True, True)
    assert (publish_address(version) in published, copy in published) == (False, True)


def test_publishing_needs_the_permission_to_change_versions(client):
    version = make_draft(make_owner("elena"))
    client.force_login(User.objects.create_user("reader", is_staff=True))
    assert client.get(publish_address(version)).status_code == 403
    assert client.post(publish_address(version)).status_code == 403
    assert client.post(address(RuleSetVersion, "copy", version.pk)).status_code == 403
    assert list(RuleSetVersion.objects.values_list("state", flat=True)) == ["draft"]


def test_publishing_or_copying_a_version_that_is_not_there_is_not_found(admin_client):
    assert admin_client.post("/admin/routing/rulesetversion/77/publish/").status_code == 404
    for pk in ("77", "x"):
        assert admin_client.post(address(RuleSetVersion, "copy", pk)).status_code == 404


def test_the_frozen_content_is_folded_away(admin_client):
    version = make_draft(make_owner("elena"))
    make_rule(version, "territory_owner", (1, "country", "is", "DE"))
    publish(version, None, NOW)
    page = admin_client.get(address(RuleSetVersion, "change", version.pk))
    *shown, last = page.context["adminform"].fieldsets
    assert last == ("What routing reads", {"fields": ["content_shown"], "classes": ["collapse"]})
    assert all("content_shown" not in options["fields"] for _, options in shown)
    text = page.content.decode()
    before, folded = text.split("<details>", 1)
    folded, after = folded.split("</details>", 1)
    assert [part.count("&quot;operator&quot;") for part in (before, folded, after)] == [0, 1, 0]


def test_copying_is_a_post_and_makes_a_draft(admin_client):
    version = make_draft(make_owner("elena"))
    make_rule(version, "territory_owner", (1, "country", "is", "DE"))
    publish(version, None, NOW)
    assert admin_client.get(address(RuleSetVersion, "copy", version.pk)).status_code == 405
    answer = admin_client.post(address(RuleSetVersion, "copy", version.pk), follow=True)
    draft = RuleSetVersion.objects.get(state="draft")
    assert said(answer) == [f"Version {draft.pk} is a new draft, a copy of version {version.pk}."]
    assert Condition.objects.filter(rule__version=draft).count() == 1


def test_the_list_leads_to_the_rules_the_newest_first(admin_client):
    elena = make_owner("elena")
    live = make_draft(elena)
    publish(live, None, NOW)
    drafts = [make_draft(elena).pk for _ in range(2)]
    page = admin_client.get(address(RuleSetVersion, "changelist")).content.decode()
    shown = [int(pk) for pk in re.findall(r'href="/admin/routing/rulesetversion/(\d+)/rules/"', page)]
    assert shown == [*sorted(drafts, reverse=True), live.pk]
    assert (page.count(">live</span>"), page.count('badge warn">draft</span>')) == (1, 2)


def test_the_action_copies_the_selected_versions(admin_client):
    version = make_draft(make_owner("elena"))
    admin_client.post(
        address(RuleSetVersion, "changelist"), {"action": "copy_selected", "_selected_action": [version.pk]}
    )
    assert RuleSetVersion.objects.count() == 2


def test_a_published_version_its_rules_and_conditions_are_only_shown(admin_client):
    elena = make_owner("elena")
    version = make_draft(elena)
    rule = make_rule(version, "territory_owner", (1, "country", "is", "DE"))
    publish(version, None, NOW)
    before = (
        list(Rule.objects.values()),
        list(Condition.objects.values()),
        list(RuleSetVersion.objects.values()),
    )

    attempts = [
        (address(RuleSetVersion, "change", version.pk), version_form(elena)),
        (address(RuleSetVersion, "delete", version.pk), {"post": "yes"}),
        (address(Rule, "change", rule.pk), {}),
        (address(Rule, "delete", rule.pk), {"post": "yes"}),
    ]
    for page, form in attempts:
        assert admin_client.post(page, form).status_code == 403
    form = rule_form("territory_owner", "reject", seen="1")
    for page in (rule_address(version, rule.pk), rule_address(version)):
        assert admin_client.post(page, form).status_code == 409
    deletion = {"action": "delete_selected", "_selected_action": [rule.pk], "post": "yes"}
    admin_client.post(address(Rule, "changelist"), deletion)

    assert before == (
        list(Rule.objects.values()), list(Condition.objects.values()), list(RuleSetVersion.objects.values())
    )  # fmt: skip
    page = admin_client.get(address(RuleSetVersion, "change", version.pk)).content.decode()
    assert "&quot;field&quot;: &quot;country&quot;" in page


def test_the_list_tells_drafts_that_wait_for_their_instant_and_those_that_were_refused(admin_client, admin_user):
    elena = make_owner("elena")
    waits, refused, _ = (make_draft(elena) for _ in range(3))
    RuleSetVersion.objects.filter(pk=waits.pk).update(publish_at=NOW, publish_asked_by=admin_user)
    RuleSetVersion.objects.filter(pk=refused.pk).update(publish_refused="The pool is empty.")
    page = admin_client.get("/admin/routing/rulesetversion/").content.decode()
    told = re.findall(r'class="field-published_shown[^"]*">([^<]*)', page)
    assert told == ["not yet", "refused when its time came", "scheduled for 2 Mar 2026, 09:00 UTC"]


def test_a_second_click_of_copy_leads_to_the_draft_that_the_first_one_made(admin_client, admin_user):
    people = make_people()
    version = make_draft(people.elena)
    make_rule(version, "round_robin_pool", name="All", target="pool", pool=people.pool)
    publish(version, None, NOW)
    first, again = (admin_client.post(address(RuleSetVersion, "copy", version.pk)) for _ in range(2))
    draft = RuleSetVersion.objects.get(state="draft")
    assert first.url == again.url == f"/admin/routing/rulesetversion/{draft.pk}/rules/"
    later = timezone.now() + timedelta(seconds=4)
    assert copy(version, admin_user, later) != draft
    colleague = User.objects.create_user("rita")
    assert copy(version, colleague, timezone.now()) not in (None, draft)
    assert RuleSetVersion.objects.filter(state="draft").count() == 3


def test_a_draft_that_somebody_changed_already_is_not_the_copy_that_is_asked_for(admin_user):
    people = make_people()
    version = make_draft(people.elena)
    rule = make_rule(version, "round_robin_pool", name="All", target="pool", pool=people.pool)
    now = timezone.now()
    draft = copy(version, admin_user, now)
    assert copy(version, admin_user, now) == draft
    drafts.switch_rule(draft.pk, Rule.objects.get(version=draft, key=rule.key).pk, False, None, admin_user, now)
    assert copy(version, admin_user, now) != draft
