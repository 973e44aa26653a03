"""The admin in a real browser: the policy is never violated, nothing errs, and axe finds nothing to mend."""

import os
import re

import pytest

from owners.models import Owner, User
from tests.once import on_sqlite_only
from tests.routing.rows import make_story

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
pytestmark = [
    on_sqlite_only,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not os.path.exists(CHROMIUM), reason="no Chromium"),
]
DESK, PHONE = {"width": 1360, "height": 850}, {"width": 390, "height": 844}


@pytest.fixture
def page(live_server, monkeypatch):
    """A superuser's page; what its console says of errors, violations of the policy among them, fails the test."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the browser driver runs an event loop in this thread
    User.objects.create_superuser("rita", password="rita")
    errors = []
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=live_server.url, viewport=DESK)
        page.set_default_timeout(8000)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto("/admin/")
        page.fill("#id_username", "rita")
        page.fill("#id_password", "rita")
        page.click("[type=submit]")
        page.wait_for_selector("text=Needs a person")
        page.wait_for_load_state()  # the words come before the script that listens to keys
        yield page
        browser.close()
    assert errors == []


def found(page):
    """What axe finds, in words, and whether the page is wider than its window."""
    violations = axe.Axe().run(page).response["violations"]
    words = [f"{violation['id']}: {violation['nodes'][0]['target']}" for violation in violations]
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return words + ["wider than the window"] * wide


def test_pages_of_each_kind_have_no_findings(page):
    story = make_story()
    pages = [
        "/admin/",
        "/admin/leads/lead/?show=no_owner",
        f"/admin/owners/owner/{story.elena.pk}/change/",
        f"/admin/routing/decision/{story.decision.pk}/change/",
        "/admin/password_change/",
        "/api/v1/docs",
    ]
    seen = {}
    for address in pages:
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            page.goto(address)
            seen[address, size["width"]] = found(page)
    page.emulate_media(color_scheme="dark")
    page.goto(pages[0])
    seen["dark"] = found(page)
    assert {place: findings for place, findings in seen.items() if findings} == {}


def test_widgets_of_the_stock_admin_work_within_the_policy(page):
    story = make_story()
    page.goto(f"/admin/owners/owner/{story.marco.pk}/change/")
    page.click("text=Add another Absence")
    rows = page.locator("#absences-group tr.dynamic-absences")
    row = rows.nth(rows.count() - 1)
    row.locator(".datetimeshortcuts >> text=Today").first.click()
    row.locator(".datetimeshortcuts >> text=Now").first.click()
    row.locator(".date-icon").nth(1).click()
    page.locator(".calendarbox:visible .calendar td a").last.click()
    row.locator(".datetimeshortcuts >> text=Now").nth(1).click()
    starts = row.locator("input").evaluate_all("fields => fields.filter(f => f.value && f.type === 'text').length")
    assert starts == 4
    row.locator(".inline-deletelink").click()

    page.click("#id_cover + .select2 .select2-selection")
    page.fill(".select2-search__field", "ela")
    page.keyboard.press("Escape")
    with page.expect_popup() as opened:
        page.click("#add_id_cover")
    popup = opened.value
    popup.locator("#id_name").press_sequentially("Nadia Okoye")
    assert popup.input_value("#id_key") == "nadia-okoye"
    popup.click("[name=_save]")
    page.wait_for_selector("#id_cover + .select2 >> text=Nadia Okoye")
    page.click("[name=_continue]")
    page.wait_for_selector(".message.success")
    assert Owner.objects.get(pk=story.marco.pk).cover.name == "Nadia Okoye"


def test_keys_menus_and_theme(page):
    page.keyboard.press("/")
    page.keyboard.type("ada")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"\?q=ada$"))
    page.click("details.menu > summary")
    page.click("button:has-text('Dark')")
    page.wait_for_selector("html[data-theme=dark]")
    page.set_viewport_size(PHONE)
    page.goto("/admin/")
    page.click(".footbar >> text=More")
    page.click("#menu >> text=Territories")
    page.wait_for_url("**/owners/territory/")
