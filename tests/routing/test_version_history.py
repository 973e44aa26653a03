"""A published version stays as it is whoever asks; its history, its review and refused schedules are told."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from routing import publishing, rulebook
from routing.doctor import findings
from routing.drafts import log
from routing.models import Condition, Rule, RuleSetVersion
from routing.rulebook import RulebookError, copy_to_draft, publish
from routing.version_history import history_of
from tests.routing.forms import rule_address, rule_form, version_form
from tests.routing.people import sign_in, sign_up
from tests.routing.publishes import address, words
from tests.routing.rows import NOW, make_draft, make_owner, make_rule

pytestmark = pytest.mark.django_db
STEP = "round_robin_pool"


@pytest.fixture
def elena():
    return make_owner("elena")


@pytest.fixture
def draft(elena):
    version = make_draft(elena, time_zone="Europe/Berlin")
    make_rule(version, STEP, name="All", target="owner", owner=elena)
    return version


@pytest.fixture
def rita():
    return sign_in("rita", "RevOps")


def test_every_door_refuses_to_change_a_published_version(draft, elena, rita, admin_client):
    other = sign_up("omar", "RevOps")
    make_rule(draft, STEP, (1, "country", "is", "DE"), name="Second")
    first, second = Rule.objects.order_by("id")
    publish(draft, None, NOW)
    kept = stored()
    acts = {
        "up": {"rule": second.pk}, "down": {"rule": first.pk}, "place": {"rule": first.pk, "step": STEP},
        "step": {"step": STEP, "place": 1}, "copy": {"rule": first.pk}, "on": {"rule": first.pk},
        "off": {"rule": first.pk}, "delete": {"rule": first.pk, "sure": "yes"},
    }  # fmt: skip
    for act, fields in acts.items():
        answer = rita.post(f"{address(draft, 'rules')}act/", {"act": act, **fields}, follow=True)
        assert "is published by now and does not change any more" in words(answer), act
    for do in ("publish", "schedule", "unschedule", "approve"):
        asked = {"do": do, "purpose": "Another", "at": "2030-01-10T03:00", "seen": draft.edition}
        assert rita.post(address(draft), asked).status_code == 409, do
    assert rita.post(address(draft, "restore"), {"purpose": "Back"}).status_code == 409
    change = {"owner": elena.pk, "purpose": "Another"}
    assert admin_client.post(address(draft, "change"), change).status_code == 403
    assert admin_client.post(address(draft, "delete"), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [draft.pk], "post": "yes"}
    admin_client.post("/admin/routing/rulesetversion/", chosen)
    form = rule_form(STEP, "reject", seen="1")
    for page in (rule_address(draft, first.pk), rule_address(draft)):
        assert rita.post(page, form).status_code == 409
    with pytest.raises(RulebookError) as refused:
        publish(draft, other, NOW)
    assert (refused.value.code, stored()) == ("not_a_draft", kept)


def stored():
    return [list(model.objects.order_by("id").values()) for model in (RuleSetVersion, Rule, Condition)]


def test_an_edit_in_the_admin_while_it_is_published_is_not_published_over(draft, elena, admin_client, monkeypatch):
    ready = rulebook._prepare

    def edited_meanwhile(version, by):
        found = ready(version, by)
        admin_client.post(address(draft, "change"), version_form(elena, review_days="7"))
        return found

    monkeypatch.setattr(rulebook, "_prepare", edited_meanwhile)
    RuleSetVersion.objects.update(publish_at=NOW, publish_asked_by=sign_up("omar", "RevOps"))
    assert publishing.publish_due(NOW) == 0
    row = RuleSetVersion.objects.get()
    assert (row.state, row.publish_refused, row.review_days) == ("draft", "", 7)
    monkeypatch.undo()
    assert publishing.publish_due(NOW + timedelta(minutes=7)) == 1  # the next tick publishes it as it is now
    said = LogEntry.objects.latest("id").change_message
    assert said == f"Published as scheduled for {NOW:%Y-%m-%d %H:%M} UTC, 7 minutes late: {row.purpose}"


def test_long_histories_take_as_many_statements_as_short_ones(draft, rita, django_assert_num_queries):
    publish(draft, None, NOW)
    draft.refresh_from_db()
    ContentType.objects.clear_cache()
    with CaptureQueriesContext(connection) as few:
        history_of(draft)
    omar = sign_up("omar", "RevOps")
    for _ in range(40):
        log(draft, omar, NOW, "Changed.")
    ContentType.objects.clear_cache()
    with django_assert_num_queries(len(few)):
        found = history_of(draft)
    assert (len(found.lines), found.more) == (20, True)


def test_the_doctor_tells_of_due_reviews_and_refused_schedules(draft, rita):
    publish(draft, None, NOW)
    copy = copy_to_draft(draft)
    RuleSetVersion.objects.filter(pk=copy.pk).update(publish_refused="The pool is empty.")
    told = [
        finding.sentence
        for finding in findings(NOW + timedelta(days=30))
        if finding.code in ("rules_due_for_review", "scheduled_publish_refused")
    ]
    assert told == [
        f"Draft {copy.pk} was to be published and was not: The pool is empty. Mend it and schedule it again.",
        f"Version {draft.pk} of the rules is due for review. Its date, 2026-04-01, has come."
        " Look whether its rules are still right.",
    ]
    assert f'href="{address(copy)}"' in rita.get("/admin/").content.decode()
    page = words(rita.get(address(draft, "rules")))
    assert ("Reviewed: still right" in page, "Its date, 1 Apr 2026, has come." in page) == (True, True)
    auditor = words(sign_in("anna", "Auditor").get(address(draft, "rules")))
    assert ("Reviewed: still right" in auditor, "Its date, 1 Apr 2026, has come." in auditor) == (False, True)
