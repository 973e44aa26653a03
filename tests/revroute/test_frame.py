"""What surrounds every page: the policy for browsers, where each role may go, the reader's own theme."""

import pytest
from django.test import Client

from owners.models import Owner, User
from owners.roles import Role, give_role
from revroute.frame import Frame

pytestmark = pytest.mark.django_db

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def somebody(role):
    user = User.objects.create_user(f"user-{role.lower()}", password="x")
    give_role(user, role)
    return user


def policy(response):
    parts = [part.strip().partition(" ") for part in response.headers["Content-Security-Policy"].split(";")]
    return {name: value for name, _, value in parts}


def test_every_kind_of_answer_carries_the_strict_policy():
    visitor, admin = Client(), Client()
    admin.force_login(User.objects.create_superuser("ada"))
    answers = {
        "a redirect": visitor.get("/"),
        "sign-in": visitor.get("/admin/login/"),
        "nothing there": visitor.get("/nothing/"),
        "a refused form": Client(enforce_csrf_checks=True).post("/theme/"),
        "the wrong method": visitor.get("/theme/"),
        "today": admin.get("/admin/"),
        "a list": admin.get("/admin/leads/lead/"),
        "a form": admin.get("/admin/owners/owner/add/"),
        "the API's pages": visitor.get("/api/v1/docs"),
        "the API's document": visitor.get("/api/v1/openapi.json"),
    }
    assert {name: policy(answer) for name, answer in answers.items()} == dict.fromkeys(answers, POLICY)
    for answer in answers.values():
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]


def test_no_page_writes_style_or_script_into_itself():
    admin = Client()
    admin.force_login(User.objects.create_superuser("ada"))
    for address in ("/admin/", "/admin/login/", "/admin/owners/owner/", "/admin/owners/owner/add/", "/admin/all/"):
        page = admin.get(address).content.decode()
        assert [sign for sign in ("<style", " style=", " onclick=", "javascript:") if sign in page] == [], address


PAGES = ["queue", "my", "leads", "reports", "sla", "moves"]
PAGE_ENTRIES = {
    Role.ADMINISTRATOR: PAGES,
    Role.REVOPS: PAGES,
    Role.MANAGER: PAGES,
    Role.AUDITOR: ["queue", "leads", "reports", "sla"],
    Role.REP: ["queue", "my", "leads"],
    Role.MARKETING: ["reports", "sla"],
    Role.INTEGRATOR: [],
}
SET_UP = ["users", "tokens", "company", "everything"]
ROUTING = ["rules", "simulator", "lists", "pools", "territories", "people", "calendars", "sources", "slas"]
RECORDS = ["decisions", "clocks", "alerts", "events"]
ADMIN_ENTRIES = {
    Role.ADMINISTRATOR: ["today", *ROUTING, *RECORDS, *SET_UP],
    Role.REVOPS: ["today", *ROUTING, *RECORDS, *SET_UP[1:]],
    Role.AUDITOR: ["today", *ROUTING, *RECORDS, *SET_UP],
    Role.MANAGER: ["today", *ROUTING[3:], *RECORDS, "everything"],
    Role.REP: ["pools"],
    Role.MARKETING: [],
    Role.INTEGRATOR: [],
}


@pytest.mark.parametrize("role", list(Role))
def test_navigation_names_what_the_role_may_open(rf, role):
    request = rf.get("/admin/owners/pool/")
    request.user = somebody(role)
    entries = [entry for section in Frame(request).sections for entry in section.entries]
    assert [entry.key for entry in entries if entry.key not in PAGES] == ADMIN_ENTRIES[role]
    assert {entry.key for entry in entries} <= {*ADMIN_ENTRIES[role], *PAGE_ENTRIES[role]}
    assert [entry.key for entry in entries if entry.current] == ["pools"] * ("pools" in ADMIN_ENTRIES[role])
    client = Client()
    client.force_login(request.user)
    assert {entry.key: client.get(entry.href).status_code for entry in entries if entry.key != "today"} == {
        entry.key: 200 for entry in entries if entry.key != "today"
    }


@pytest.mark.parametrize(
    ("in_demo", "stands", "shown"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_trying_it_is_offered_where_the_demo_stands(client, settings, in_demo, stands, shown):
    settings.DEMO = in_demo
    if stands:
        Owner.objects.create(key="elena", name="Elena", email="elena@demo.example")
    client.force_login(somebody(Role.MARKETING))
    page = client.get("/reports/").content.decode()
    assert ('href="/try/"' in page) is shown


def test_theme_is_kept_and_written_by_the_server():
    client = Client()
    answer = client.post("/theme/", {"theme": "dark", "next": "/nothing/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/nothing/")
    assert '<html lang="en" data-theme="dark">' in client.get("/nothing/").content.decode()
    answer = client.post("/theme/", {"theme": "system", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"
    assert '<html lang="en">' in client.get("/nothing/").content.decode()


@pytest.mark.parametrize("role", Role)
def test_everybody_signs_in_by_the_same_door_and_reaches_a_page(role):
    somebody(role)
    client = Client()
    form = client.get("/admin/login/")
    answer = client.post(
        "/admin/login/",
        {"username": f"user-{role.lower()}", "password": "x", "next": form.context["next"]},
        follow=True,
    )
    assert (answer.status_code, answer.wsgi_request.user.is_authenticated) == (200, True)
    assert answer.redirect_chain[0][0] == "/"
