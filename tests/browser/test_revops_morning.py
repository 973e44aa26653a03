"""A morning of RevOps in a real browser: copy a rule, change it, try it, compare, publish, roll back; no page errs."""

import json
import os
import re

import pytest
from django.test import Client

from leads.models import Lead
from owners.models import User
from owners.roles import give_role
from routing.models import Decision, Rule, RuleSetVersion
from routing.rulebook import publish
from tests.builders import NOW, TOKEN, make_owner, make_pool, make_rule, make_source, make_version
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
def browser(live_server, monkeypatch):
    """Makes a page that RevOps is signed in on; what its console says of errors fails the test."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the browser driver runs an event loop in this thread
    user = User.objects.create_user("rita", password="rita")
    give_role(user, "RevOps")
    errors = []
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=live_server.url)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto("/admin/")
        page.fill("#id_username", "rita")
        page.fill("#id_password", "rita")
        page.press("#id_password", "Enter")
        page.wait_for_load_state()
        yield page
        browser.close()
    assert errors == []


@pytest.fixture
def company():
    """Elena takes what comes from Germany, everybody else goes to Marco's pool; one version is in force."""
    elena, marco = make_owner("elena"), make_owner("marco")
    make_source("web", elena)
    version = make_version(elena)
    make_rule(version, "territory_owner", "owner", ("country", "is", "DE"), owner=elena, name="Germany")
    make_rule(version, "round_robin_pool", "pool", pool=make_pool("all", [marco]), name="Everybody")
    publish(version, None, NOW)
    return version


def decided(email, country):
    body = json.dumps({"email": email, "country": country})
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = Client().post("/api/v1/intake/web", body, content_type="application/json", headers=headers)
    decision = answer.json()["decision"]["routing_decision"]
    return decision["lead_id"], decision["target_owner_id"]


def owner_of(lead):
    return Lead.objects.values_list("owner__key", flat=True).get(pk=lead)


def names(page, step="territory_owner"):
    return page.locator(f"#step-{step} .path-name a").all_inner_texts()


def test_copy_change_try_compare_publish_and_roll_back(browser, company):
    page = browser
    first, _ = decided("one@acme.example", "FR")
    page.goto(f"/admin/routing/rulesetversion/{company.pk}/rules/")
    page.click("text=Copy to a draft")
    draft = RuleSetVersion.objects.get(state="draft")

    # Copy a rule and change what is different about it.
    page.click("summary:has-text('More about “Germany”')")
    page.click("button:has-text('Duplicate')")
    assert names(page) == ["Germany", "Germany (copy)"]
    page.click("a:has-text('Germany (copy)')")
    page.fill("[name=name]", "France")
    page.fill("[data-condition] [name=c-value]", "France")
    page.wait_for_selector(".rule-sentence:has-text('Country is FR → Elena')")
    assert re.sub(r"\s+", " ", page.inner_text(".rule-met")).startswith("1 of the last 1 lead")
    page.click("button:has-text('Save the rule')")
    assert names(page) == ["Germany", "France"]

    # Drag it before the other.
    page.evaluate("scrollTo(0, 0)")
    page.locator(f"#rule-{Rule.objects.get(name='France').pk} [data-grip]").drag_to(
        page.locator(f"#rule-{Rule.objects.get(version=draft, name='Germany').pk}"), target_position={"x": 60, "y": 3}
    )
    page.wait_for_selector("text=Moved the rule “France” to place 1")
    assert names(page) == ["France", "Germany"]

    # Try it on the lead that came, beside the rules in force.
    page.click("a:has-text('Simulate')")
    page.select_option("[name=beside]", value=str(company.pk))
    page.click(f"button[name=lead][value='{first}']")
    assert "differs" in page.inner_text(".simulate-table")
    tables = page.locator(".table-wrap:has(.candidates)")
    room = tables.evaluate_all("all => all.map(each => each.clientWidth - each.scrollWidth)")
    assert room == [0] * len(room) != []  # why somebody was not chosen is seen without scrolling

    # What changes, then publish with a purpose.
    page.goto(f"/admin/routing/rulesetversion/{draft.pk}/compare/")
    assert "New: Country is FR → Elena." in page.inner_text("main")
    page.goto(f"/admin/routing/rulesetversion/{draft.pk}/publish/")
    page.fill("[name=purpose]", "France belongs to Elena")
    page.fill("[name=at]", "2190-01-01T09:00")
    page.press("[name=at]", "Enter")  # which means the instant beside it, and not “now”
    page.wait_for_selector("text=will be published on 1 Jan 2190")
    page.goto(f"/admin/routing/rulesetversion/{draft.pk}/publish/")
    page.click("button:has-text('Take that back')")
    page.wait_for_selector("text=is not scheduled any more")
    page.goto(f"/admin/routing/rulesetversion/{draft.pk}/publish/")
    page.click("button:has-text('now')")
    page.wait_for_selector("text=is published: it decides from the next lead on.")
    wrong, _ = decided("two@globex.example", "FR")
    assert owner_of(wrong) == "elena"

    # It was a mistake: the older rules come back, and the lead that nobody touched moves.
    page.goto(f"/admin/routing/rulesetversion/{company.pk}/restore/")
    page.fill("[name=purpose]", "France stays with everybody")
    page.click("button:has-text('back in force')")
    page.wait_for_selector("text=Move 1 lead")
    page.fill("[name=why]", "The rules went back")
    page.click("button:has-text('Move them')")
    page.wait_for_selector("text=finished")
    assert owner_of(wrong) == owner_of(first) == "marco"
    live = RuleSetVersion.objects.get(state="published")
    assert (live.restores_id, live.published_by.username) == (company.pk, "rita")
    assert Decision.objects.filter(lead=wrong).count() == 2


def test_the_same_by_keyboard_alone(browser, company):
    page = browser
    page.goto(f"/admin/routing/rulesetversion/{company.pk}/rules/")
    focus(page, "button", "Copy to a draft")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=is a new draft")
    draft = RuleSetVersion.objects.get(state="draft")

    focus(page, "summary", "More about “Germany”")
    page.keyboard.press("Enter")
    focus(page, "button", "Duplicate")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=is a copy, asked right after the first")
    focus(page, "a", "Germany (copy)")
    page.keyboard.press("Alt+ArrowUp")
    page.wait_for_selector("text=to place 1 of “Owner of the territory”")
    assert names(page) == ["Germany (copy)", "Germany"]
    assert page.evaluate("document.activeElement.dataset.rule") == str(Rule.objects.get(name="Germany (copy)").pk)

    focus(page, "a", "Germany (copy)")
    page.keyboard.press("Enter")
    page.wait_for_selector("#rule-form")
    page.focus("[data-condition] [name=c-value]")
    page.keyboard.press("Control+A")
    page.keyboard.type("AT")
    page.wait_for_selector(".rule-sentence:has-text('Country is AT → Elena')")
    focus(page, "button", "Save the rule")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Asks that country is AT instead of country is DE.")

    focus(page, "a", f"Publish draft {draft.pk}")
    page.keyboard.press("Enter")
    page.wait_for_selector("[name=purpose]")
    page.focus("[name=purpose]")
    page.keyboard.type("Austria, too")
    focus(page, "button", f"Publish version {draft.pk} now")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=is published")
    assert RuleSetVersion.objects.get(state="published").pk == draft.pk
    assert owner_of(decided("three@umbrella.example", "AT")[0]) == "elena"


def focus(page, kind, words):
    """Go to it with the tabulator, as somebody without a mouse does."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate(
            "([kind, words]) => { const at = document.activeElement;"
            " return at.matches(kind) && at.textContent.includes(words); }",
            [kind, words],
        ):
            return
    raise AssertionError(f"the tabulator never comes to {kind} “{words}”")
