"""The reading side of the HTTP API, over real rows: tokens, filters, pages, errors with a stable code."""

import pytest
from django.test import Client

from leads.models import Lead, RawEvent
from leads.tokens import hash_token
from owners.models import User
from owners.roles import Role, give_role
from routing.api.site import api
from routing.models import ApiToken
from tests.builders import NOW, make_owner, make_source

pytestmark = pytest.mark.django_db

AUTH = {"Authorization": "Bearer reader"}


@pytest.fixture
def leads():
    ApiToken.objects.create(name="reader", token_hash=hash_token("reader"))
    elena = make_owner("elena")
    source = make_source("web", elena)
    common = {"source": source, "lead_type": "contact", "received_at": NOW}
    owned = Lead.objects.create(id=1, state="assigned", owner=elena, owned_at=NOW, reason="Hers.", **common)
    waiting = Lead.objects.create(id=2, state="review", **common)
    return owned, waiting


def get(path, **headers):
    return Client().get(f"/api/v1/{path}", headers=AUTH | headers)


def test_leads_come_newest_first_and_filtered(leads):
    assert [row["id"] for row in get("leads").json()["items"]] == [2, 1]
    page = get("leads?state=assigned").json()
    assert (page["count"], [row["source"] for row in page["items"]]) == (1, ["web"])
    assert [row["id"] for row in get("leads?limit=1&offset=1").json()["items"]] == [1]


@pytest.mark.parametrize("count", [1, 20])
def test_a_list_asks_as_often_for_one_lead_as_for_twenty(leads, count, django_assert_num_queries):
    owned, _ = leads
    for number in range(10, 10 + count):
        Lead.objects.create(id=number, state="review", source=owned.source, lead_type="contact", received_at=NOW)
    with django_assert_num_queries(3):  # the token, the count, the page
        get("leads")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("leads/99", 404, "not_found"),
        ("leads/1/decision", 404, "not_found"),
        ("events/99", 404, "not_found"),
        ("leads/99999999999999999999999", 400, "bad_request"),
        ("leads/99999999999999999999999/decision", 400, "bad_request"),
        ("events/99999999999999999999999", 400, "bad_request"),
        ("leads?limit=many", 400, "bad_request"),
    ],
)
def test_errors_are_problem_documents_with_a_code(leads, path, status, code):
    answer = get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("token", ["", "Bearer wrong", "Basic reader"])
def test_without_a_token_nothing_is_told(leads, token):
    answer = Client().get("/api/v1/leads", headers={"Authorization": token})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")


def test_an_inactive_token_is_no_token(leads):
    ApiToken.objects.update(active=False)
    assert get("leads").status_code == 401


def test_openapi_names_every_address():
    assert sorted(api.get_openapi_schema()["paths"]) == [
        "/api/v1/decide",
        "/api/v1/events/{event_id}",
        "/api/v1/intake/{source_key}",
        "/api/v1/leads",
        "/api/v1/leads/{lead_id}",
        "/api/v1/leads/{lead_id}/accept",
        "/api/v1/leads/{lead_id}/activities",
        "/api/v1/leads/{lead_id}/claim",
        "/api/v1/leads/{lead_id}/clocks",
        "/api/v1/leads/{lead_id}/convert",
        "/api/v1/leads/{lead_id}/decision",
        "/api/v1/leads/{lead_id}/decisions",
        "/api/v1/leads/{lead_id}/decline",
        "/api/v1/leads/{lead_id}/pause",
        "/api/v1/leads/{lead_id}/reassign",
        "/api/v1/leads/{lead_id}/resume",
        "/api/v1/leads/{lead_id}/why-not/{owner}",
        "/api/v1/pools/{key}/queue",
        "/api/v1/reports/overview",
        "/api/v1/reports/sla",
        "/api/v1/review",
        "/api/v1/review/{item_id}/{action}",
    ]
    assert Client().get("/api/v1/openapi.json").status_code == 200
    assert Client().get("/api/v1/docs").status_code == 200


# Scopes: of the token, and of the person it stands for ------------------------------------------------------------


def person(role, owner=None):
    user = User.objects.create(username=role.lower())
    give_role(user, role)
    if owner:
        owner.user = user
        owner.save()
    return user


def held(scope="read", user=None):
    """What GET /leads answers to a token: the ids, or status and code."""
    ApiToken.objects.all().delete()
    ApiToken.objects.create(name="t", scope=scope, token_hash=hash_token("reader"), user=user)
    answer = get("leads")
    body = answer.json()
    return [row["id"] for row in body["items"]] if answer.status_code == 200 else (answer.status_code, body["code"])


def test_a_token_reads_within_the_scope_of_its_person(leads):
    owned, _waiting = leads
    marco = make_owner("marco")
    Lead.objects.create(
        id=3, state="assigned", owner=marco, owned_at=NOW, reason="His.", source=owned.source, lead_type="contact",
        received_at=NOW, email="his@example.com",
    )  # fmt: skip
    assert held() == [3, 2, 1]
    assert held(user=person(Role.INTEGRATOR)) == [3, 2, 1]
    assert held(user=person(Role.AUDITOR)) == [3, 2, 1]
    assert held(user=person(Role.MARKETING)) == []
    assert held(user=person(Role.REP, owned.owner)) == [2, 1]
    assert get("leads?email=his@example.com").json()["count"] == 0
    assert get(f"leads?owner_id={marco.pk}").json()["items"] == []
    assert get("leads/1").status_code == 200
    for path in ("leads/3", "leads/3/decision", "leads/3/why-not/elena"):
        answer, missing = get(path), get(path.replace("3", "99"))
        assert answer.status_code == missing.status_code == 404
        assert answer.json()["detail"].replace("3", "99") == missing.json()["detail"]


def test_a_token_without_the_scope_or_whose_person_has_not_the_right_is_refused(leads):
    assert held("write") == [2, 1]
    assert held("reports") == (403, "forbidden")
    assert held(user=User.objects.create(username="no-role")) == (403, "forbidden")
    gone = person(Role.AUDITOR)
    gone.is_active = False
    gone.save()
    assert held(user=gone) == (401, "unauthorised")


def test_an_event_outside_the_scope_is_not_there(leads):
    owned, _ = leads
    event = RawEvent.objects.create(
        source=owned.source, body=b"", body_digest="d", correlation_id="c", received_at=NOW, state=2
    )
    held(user=person(Role.REP, make_owner("marco")))
    assert get(f"events/{event.pk}").status_code == 404
    held()
    assert get(f"events/{event.pk}").status_code == 200
