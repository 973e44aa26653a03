"""Every page that a role may see, in a real browser as that role: nothing errs, the policy holds, axe finds nothing.

Which pages there are, the resolver says; who may see them, tests/access.py. `make test` visits the pages of work and
one of each kind of the admin; `make test-all` all of them, on a desk and on a phone, and prints what each weighs.
"""

import os
import re

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from owners.models import User
from tests import access
from tests.browser.test_frame import CHROMIUM, DESK, PHONE, found, sync_api
from tests.test_access import addresses, company, expected, path  # noqa: F401 - the fixture is used by its name

FULL = os.environ.get("REVROUTE_FULL") == "1"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not os.path.exists(CHROMIUM), reason="no Chromium"),
    pytest.mark.skipif(connection.vendor != "sqlite" and not FULL, reason="pages are the same on every database"),
]

NO_PAGE = re.compile(
    r"^(?:api:(?!openapi-view)|healthz|readyz|metrics|favicon|theme|admin:jsi18n|.*(?:export|csv|payload|hands|ledger|_add$|:rule-values$))"
)
"""What answers with data, with a part of a page or with another page."""
ONE_OF_EACH_KIND = {
    "admin:index", "admin:everything", "admin:leads_lead_changelist", "admin:owners_owner_change",
    "admin:routing_rulesetversion_change", "admin:routing_decision_change", "admin:routing_slapolicy_delete",
    "admin:leads_source_history", "api:openapi-view",
}  # fmt: skip


def pages_of(role, story):
    """(name, address) of what the role may see, without addresses that lead elsewhere."""
    for name, route in addresses():
        cells = expected(name, "GET")
        if not cells or cells[access.ROLES.index(role)] != "ok" or NO_PAGE.match(name) or name.startswith("admin/"):
            continue
        if FULL or not name.startswith(("admin:", "api:")) or name in ONE_OF_EACH_KIND:
            yield name, path(route, story)


@pytest.fixture
def browser(monkeypatch):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the browser driver runs an event loop in this thread
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Visit:
    """A page of the browser that keeps what its console says and what each page weighs."""

    def __init__(self, browser, base, role):
        self.page = browser.new_context(base_url=base, viewport=DESK).new_page()
        self.wrong, self.requests, self.bytes = [], 0, 0
        self.page.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("response", self._count)
        if role != "visitor":
            client = Client()
            client.force_login(User.objects.get(username=role))
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            self.page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": base}])

    def _note(self, text):
        self.wrong.append(f"{self.page.url}: {text}")

    def _count(self, response):
        self.requests += 1
        self.bytes += int(response.headers.get("content-length") or 0)

    def go(self, address):
        self.requests = self.bytes = 0
        answer = self.page.goto(address)
        if answer.status != 200:
            self._note(f"answers {answer.status}")


ROLES = access.ROLES if FULL else ("visitor", "RevOps", "Rep")
"""In the short form those who see and do the most; a manager sees pages that RevOps sees, too."""


@pytest.mark.parametrize("role", ROLES)
def test_every_page_of_a_role_is_sound(role, browser, live_server, company):  # noqa: F811
    visit, findings = Visit(browser, live_server.url, role), {}
    sizes = (DESK, PHONE) if FULL else (PHONE,) if role == "Rep" else (DESK,)
    for name, address in pages_of(role, company.here):
        for size in sizes:
            visit.page.set_viewport_size(size)
            visit.go(address)
            if complaints := found(visit.page):
                findings[name, size["width"]] = complaints
        if FULL:
            print(f"{role:<14} {name:<50} {visit.requests:>3} requests {visit.bytes // 1000:>5} kB")
    assert visit.wrong == []
    assert findings == {}
