"""RevOps changes the rules in a real browser, and the next lead goes another way; no page logs an error."""

import json
import os

import pytest
from django.test import Client

from owners.models import User
from routing.models import RuleSetVersion
from tests.builders import TOKEN, make_owner, make_pool, make_rule, make_source, make_version
from tests.once import on_sqlite_only

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
pytestmark = [
    on_sqlite_only,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not os.path.exists(CHROMIUM), reason="no Chromium"),
]


@pytest.fixture
def page(live_server, monkeypatch):
    """A signed-in superuser's page; what its console says of errors fails the test."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the browser driver runs an event loop in this thread
    User.objects.create_superuser("rita", password="rita")
    errors = []
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=live_server.url)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto("/admin/")
        page.fill("#id_username", "rita")
        page.fill("#id_password", "rita")
        page.click("[type=submit]")
        yield page
        browser.close()
    assert errors == []


def decided(email):
    body = json.dumps({"email": email, "country": "DE", "urgency": "critical"})
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = Client().post("/api/v1/intake/web", body, content_type="application/json", headers=headers)
    decision = answer.json()["decision"]["routing_decision"]
    return decision["hierarchy_step"], decision["target_owner_id"]


def publish(page, version):
    page.goto(f"/admin/routing/rulesetversion/{version.pk}/change/")
    page.fill("#id_purpose", "Tried in a browser")
    page.click("[name=_continue]")
    page.click("text=Publish…")
    page.click("[type=submit][value^='Publish version']")
    page.wait_for_selector("text=is published")


def test_reordering_and_adding_a_rule_in_the_browser_changes_decisions(page):
    elena, marco = make_owner("elena"), make_owner("marco")
    make_source("web", elena)
    version = make_version(elena)
    make_rule(version, "critical_severity_founder_review", "owner", ("urgency", "is", "critical"), owner=elena)
    make_rule(version, "round_robin_pool", "pool", pool=make_pool("all", [marco]))
    publish(page, version)
    assert decided("one@acme.example") == ("critical_severity_founder_review", elena.pk)

    page.click("text=Copy to a new draft")
    draft = RuleSetVersion.objects.get(state="draft")
    page.fill("#id_place_round_robin_pool", "1")
    page.fill("#id_place_reject_invalid_or_spam", "8")
    page.click("[name=_continue]")
    publish(page, draft)
    assert decided("two@other.example") == ("round_robin_pool", marco.pk)

    page.click("text=Copy to a new draft")
    draft = RuleSetVersion.objects.get(state="draft")
    page.goto(f"/admin/routing/rule/add/?version={draft.pk}&step=round_robin_pool&position=0")
    page.fill("#id_name", "Germany is Elena's")
    page.select_option("#id_target", "owner")
    page.evaluate(
        "id => { const field = document.querySelector('#id_owner');"
        " field.append(new Option('Elena', id, true, true)); }",
        str(elena.pk),
    )  # the search field's list, filled as choosing from it would
    page.click("text=Add another Condition")
    page.select_option("#id_conditions-0-field", "country")
    page.select_option("#id_conditions-0-operator", "is")
    page.fill("#id_conditions-0-value", "DE")
    page.click("[name=_save]")
    publish(page, draft)
    assert decided("three@third.example") == ("round_robin_pool", elena.pk)
