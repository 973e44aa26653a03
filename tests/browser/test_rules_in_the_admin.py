"""RevOps writes a rule in a real browser, and the next lead goes another way; no page logs an error."""

import json
import os

import pytest
from django.test import Client

from owners.models import User
from routing.models import Rule
from routing.rulebook import copy_to_draft
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
    page.goto(f"/admin/routing/rulesetversion/{version.pk}/publish/")
    page.fill("[name=purpose]", "Tried in a browser")
    page.click("[name=do][value=publish]")
    page.wait_for_selector("text=is published")


def press(page, key, until):
    """Press a key until what has the focus fits the selector."""
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate("selector => document.activeElement.matches(selector)", until):
            return
    raise AssertionError(f"{key} never led to {until}")


def test_a_rule_is_written_with_the_keyboard_alone_and_decides_once_it_is_published(page):
    elena, marco = make_owner("elena"), make_owner("marco")
    make_source("web", elena)
    version = make_version(elena)
    make_rule(version, "round_robin_pool", "pool", pool=make_pool("all", [marco]))
    publish(page, version)
    assert decided("one@acme.example") == ("round_robin_pool", marco.pk)

    draft = copy_to_draft(version)
    page.goto(f"/admin/routing/rule/add/?version={draft.pk}&step=territory_owner")
    press(page, "Tab", "#rule_name")
    page.keyboard.type("Germany is Elena's")
    press(page, "Tab", "[data-add-group]")
    page.keyboard.press("Enter")
    page.keyboard.type("country")
    press(page, "Tab", "[name=c-value]")
    page.keyboard.type("DE")
    press(page, "Tab", "#rule_target")
    page.keyboard.type("an owner")
    press(page, "Tab", "#rule_owner")
    page.keyboard.type("Elena")
    page.wait_for_selector("[data-says] >> text=Country is DE → Elena")
    assert not page.is_visible("#rule_pool")
    press(page, "Shift+Tab", "#rule_name")
    page.keyboard.press("Enter")  # as in any form: saves, and adds no condition

    page.wait_for_selector("text=Added the rule “Germany is Elena's”.")
    rule = Rule.objects.get(version=draft, name="Germany is Elena's")
    assert page.url.endswith(f"/rules/#rule-{rule.pk}")
    assert (rule.step, rule.owner, rule.conditions.count()) == ("territory_owner", elena, 1)
    publish(page, draft)
    assert decided("three@third.example") == ("territory_owner", elena.pk)
