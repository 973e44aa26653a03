"""Every address of the resolver, asked by everybody with real rows of their own team and of another's.

What is expected stands in tests/access.py. Pages are not drawn here: who gets one is decided before.
"""

import re
from fnmatch import fnmatch
from functools import cache
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from django_q.models import Failure, OrmQ, Schedule, Success

from leads.models import Lead, RawEvent, Source
from leads.tokens import hash_token
from owners.models import User
from owners.roles import Role, give_role
from routing import prepare
from routing.lists import replace_entries
from routing.models import ApiToken, BulkMove, BulkMoveLead, Rule
from routing.rulebook import publish
from tests import access
from tests.once import on_sqlite_only
from tests.routing.rows import NOW, make_draft, make_owner, make_rule, make_story

pytestmark = [pytest.mark.django_db, on_sqlite_only]

TABLE = {
    "inputs": [{"field": "company_size", "operator": "between"}, {"field": "country", "operator": "one_of"}],
    "outputs": ["tier"],
    "rows": [{"in": [[250, None], ["DE", "AT"]], "out": ["priority"]}, {"in": [None, None], "out": [None]}],
}
METHODS = ("GET", "POST")
NARROW = (Role.MANAGER, Role.REP)
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)+")


@cache
def addresses():
    """(name, route) of each address; a nameless one goes by its route."""
    return tuple(_walk(get_resolver()))


def _walk(resolver, space="", prefix=""):
    for part in resolver.url_patterns:
        route = prefix + str(part.pattern)
        if hasattr(part, "url_patterns"):
            yield from _walk(part, space + (f"{part.namespace}:" if part.namespace else ""), route)
        else:
            yield (f"{space}{part.name}" if part.name else route, route)


@cache
def expected(name, method):
    """The cells of an address, or None: by its name, or by a pattern that fits its route."""
    table = access.rows()
    if (name, method) in table:
        return table[name, method]
    return next((cells for (known, m), cells in table.items() if m == method and fnmatch(name, known)), None)


def test_every_address_of_the_resolver_stands_in_the_table():
    missing = [
        f"{name} {method}"
        for name, _ in addresses()
        for method in METHODS
        if expected(name, method) is None and not (method == "POST" and only_shown(name))
    ]
    assert sorted(set(missing)) == [], "add them to tests/access.py"


def only_shown(name):
    """Django's history page, and its old addresses that lead on: what is posted there changes nothing."""
    return name.endswith("_history") or redirects(name)


def test_every_line_of_the_table_is_an_address():
    names = {name for name, _ in addresses()}
    strange = {known for known, _ in access.rows() if not any(fnmatch(name, known) for name in names)}
    assert {name for name in strange if name not in names} == set()


@pytest.fixture
def undrawn(monkeypatch, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    monkeypatch.setattr("django.template.backends.django.Template.render", lambda *args, **kwargs: "")


@pytest.fixture
def company():
    """A team with its lead, its rep and a story; and another's."""
    here, there = make_story(), make_story("-there", "FR")
    manager = make_owner("mia", user=User.objects.create(username="Manager"))
    here.team.lead = manager
    here.team.save()
    here.elena.user = User.objects.create(username="Rep")
    here.elena.save()
    for story in (here, there):
        Lead.objects.filter(pk=story.lead.pk).update(deal=story.deal)
        RawEvent.objects.filter(pk=story.event.pk).update(state=RawEvent.State.DONE)
        story.elena.hours.all().delete()  # takes leads at any hour
        replace_entries(story.named, ["acme.example", "globex.example"], None, NOW)
        Rule.objects.filter(pk=story.rule.pk).update(table=TABLE)
    _rows_of_the_queue(here)
    published = make_draft(manager)
    for story in (here, there):
        make_rule(
            published, "round_robin_pool", (1, "source", "is", story.source.key), target="owner", owner=story.elena
        )
    publish(published, None, NOW)
    for story in (here, there):
        story.routed = post(story.source)
        assert story.routed.owner == story.elena
    for role in Role:
        user = User.objects.get_or_create(username=role)[0]
        give_role(user, role)
        ApiToken.objects.create(name=role, scope="write", user=user, token_hash=hash_token(role))
    return SimpleNamespace(here=here, there=there)


def _rows_of_the_queue(story):
    story.move = BulkMove.objects.create(kind="reroute", state="ready", created_at=NOW)
    BulkMoveLead.objects.create(move=story.move, lead=story.lead, before=story.elena, would="review", reason="Why not.")
    story.schedule = Schedule.objects.create(func="math.floor")
    story.queued = OrmQ.objects.create(key="k", payload="p")
    for number, kind in enumerate((Success, Failure)):
        times = {"started": NOW, "stopped": NOW}
        kind.objects.create(id=str(number), name="n", func="f", success=kind is Success, **times)
        setattr(story, kind.__name__, kind(id=str(number)))


def post(source):
    """The id of a lead that came through the real pipeline: a story's own rows hold no decision to be told."""
    Source.objects.filter(pk=source.pk).update(token_hash=hash_token("posting"))
    prepare.forget_sources()
    body = {"email": f"bo@{source.key}.example", "source": source.key}
    token = {"Authorization": "Bearer posting"}
    answer = Client().post(f"/api/v1/intake/{source.key}", body, content_type="application/json", headers=token)
    assert answer.status_code == 201, answer.content
    return Lead.objects.latest("pk")


@pytest.mark.parametrize("role", access.ROLES)
def test_everybody_gets_what_the_table_says(role, company, undrawn):
    client = Client(raise_request_exception=False)
    headers = {"Authorization": f"Bearer {role}"} if role != "visitor" else {}
    cookies = {}
    if role != "visitor":
        client.force_login(User.objects.get(username=role))
        cookies = client.cookies.copy()
    wrong = []
    for name, route in addresses():
        for method in METHODS:
            if (cells := expected(name, method)) is None:
                continue
            promised = cells[access.ROLES.index(role)]
            for story, cell in asked(name, route, role, promised, company):
                client.cookies = cookies.copy() if cookies else type(client.cookies)()
                got = answer(client, method, path(route, story), headers if name.startswith("api:") else {})
                if got != cell:
                    wrong.append(f"{method} {name} ({route}): {got}, expected {cell}")
    assert not wrong, "\n" + "\n".join(wrong)


def asked(name, route, role, cell, company):
    """(story, cell) to ask with: one's own rows, and another team's, which are not there."""
    yield company.here, cell
    takes_row = {"object_id", "id", "lead_id", "event_id", "item"} & set(parameters(route))
    if takes_row and role in NARROW and cell == "ok" and not shared(name) and model_of(route) != "superuser":
        yield company.there, "404" if not redirects(name) else "ok"


def redirects(name):
    """Django's old address of an admin page, which leads to the page without a look at the row."""
    return name.startswith("admin/")


def shared(name):
    return any(name.startswith(f"admin:{model}_") for model in access.SHARED)


def answer(client, method, address, headers):
    """The status as the table writes it. What was done is undone."""
    with transaction.atomic():
        response = client.generic(method, address, headers=headers)
        transaction.set_rollback(True)
    if response.status_code == 302 and response.headers["Location"].startswith("/admin/login/"):
        return "login"
    return "ok" if response.status_code in (200, 201, 204, 301, 302) else str(response.status_code)


def parameters(route):
    return [one or other for one, other in PARAMETER.findall(route)]


def path(route, story):
    """The address with the story's values in the place of its parameters."""

    def value(found):
        name = found[1] or found[2]
        if name in ("object_id", "id") and route.startswith("admin/") and not route.startswith("admin/r/"):
            return str(key_of(model_of(route), story))
        return str(access.ARGUMENTS[name](story)) if name in access.ARGUMENTS else "1"

    return "/" + PARAMETER.sub(value, route).rstrip("$").replace("^", "").replace("\\", "")


def model_of(route):
    parts = route.split("/")
    if len(parts) < 3 or parts[0] != "admin":
        return None
    try:
        return apps.get_model(parts[1], parts[2])
    except LookupError:
        return None


def key_of(model, story):
    if model is Group:
        return Group.objects.first().pk
    if model._meta.label == "owners.PoolMember":
        return story.pool.members.first().pk
    return next((row.pk for row in vars(story).values() if type(row) is model), 1)


def test_each_screen_of_the_admin_is_of_a_known_kind():
    kinds = [name for models in access.MODELS.values() for name in models.split()]
    here = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
    assert set(kinds) == here
    assert len(kinds) == len(here)
