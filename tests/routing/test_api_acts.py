"""The writing side of the HTTP API over real rows: acts by a token's person, refusals with a code, the queue."""

import pytest
from django.test import Client

from leads.models import Activity, Lead
from leads.tokens import hash_token
from owners.models import User
from routing.api.site import api
from routing.models import ApiToken, ReviewItem, SlaClock
from tests.routing.test_queue import arrive, shop  # noqa: F401 - the fixture is used by its name

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def tokens(shop):  # noqa: F811
    for name in ("elena", "marco", "mia"):
        user = User.objects.get(username=name)
        ApiToken.objects.create(name=name, scope="write", token_hash=hash_token(name), user=user)
    ApiToken.objects.create(name="CRM sync", scope="write", token_hash=hash_token("machine"))
    ApiToken.objects.create(name="reader", scope="read", token_hash=hash_token("reader"))


def call(who, path, body=None, method="post"):
    given = {} if method == "get" else {"data": body or {}, "content_type": "application/json"}
    answer = getattr(Client(), method)(f"/api/v1/{path}", headers={"Authorization": f"Bearer {who}"}, **given)
    return answer.status_code, answer.json()


def refused(who, path, **body):
    status, problem = call(who, path, body)
    return status, problem["code"]


def test_queue_is_listed_within_sight_and_filtered(shop):  # noqa: F811
    first, second = arrive(shop["source"], 2)
    ReviewItem.objects.filter(pk=second.pk).update(reason="critical_severity")

    def ids(who, query=""):
        return [row["id"] for row in call(who, f"review{query}", method="get")[1]["items"]]

    assert ids("elena") == ids("machine") == [first.pk, second.pk]
    assert ids("mia", "?reason=critical_severity") == [second.pk]
    assert ids("mia", "?state=closed") == ids("mia", "?high_intent=false") == []
    assert call("mia", "review?colour=red", method="get")[1]["code"] == "bad_request"


def test_one_claims_and_the_other_is_told_who_was_faster(shop):  # noqa: F811
    [item] = arrive(shop["source"])
    assert refused("machine", f"review/{item.pk}/claim") == (422, "no_owner")
    assert refused("reader", f"review/{item.pk}/claim") == (403, "forbidden")
    status, done = call("elena", f"review/{item.pk}/claim")
    assert (status, done["owner_id"], done["status"]) == (200, shop["elena"].pk, "assigned")
    status, problem = call("marco", f"review/{item.pk}/claim")
    assert (status, problem["code"]) == (409, "taken")
    assert "Claimed by Elena" in problem["detail"]
    assert refused("marco", f"leads/{item.lead_id}/claim") == (409, "taken")
    assert refused("marco", "review/999999/claim") == (404, "not_found")
    assert call("elena", f"review/{item.pk}/claim")[0] == 200  # a double click


def test_review_acts_are_those_of_the_page(shop):  # noqa: F811
    first, second, third = arrive(shop["source"], 3)
    elena = shop["elena"].pk
    assert refused("elena", f"review/{first.pk}/assign", owner_id=elena, reason="x") == (403, "forbidden")
    assert refused("mia", f"review/{first.pk}/assign", owner_id=999, reason="x") == (422, "unknown_owner")
    assert refused("mia", f"review/{first.pk}/assign", owner_id=elena) == (422, "why_missing")
    assert call("mia", f"review/{first.pk}/assign", {"owner_id": elena, "reason": "hers"})[1]["owner_id"] == elena
    assert refused("mia", f"review/{second.pk}/merge") == (422, "not_yet")
    assert refused("mia", f"review/{second.pk}/dance") == (404, "unknown_action")
    assert refused("mia", f"review/{second.pk}/fix", fields={"shoe": "42"}) == (422, "unknown_field")
    assert call("mia", f"review/{second.pk}/fix", {"fields": {"country": "DE"}})[1]["status"] == "assigned"
    assert call("machine", f"review/{third.pk}/reject", {"reason": "spam"})[1]["status"] == "rejected"
    assert ReviewItem.objects.get(pk=third.pk).resolution.startswith("Rejected by CRM sync")


def test_an_owner_works_a_lead_and_its_decisions_are_told(shop):  # noqa: F811
    [item] = arrive(shop["source"])
    lead = f"leads/{item.lead_id}"
    call("elena", f"{lead}/claim")
    assert call("elena", f"{lead}/accept")[1]["sentence"] == "Accepted by Elena."
    assert refused("marco", f"{lead}/accept") == (404, "not_found")
    assert refused("machine", f"{lead}/accept") == (422, "no_owner")
    assert refused("elena", f"{lead}/activities", kind="fax") == (422, "unknown_kind")
    assert refused("elena", f"{lead}/activities", kind="call", at="2026-01-01T10:00:00") == (422, "bad_time")
    assert refused("elena", f"{lead}/activities", kind="call", actor="mia") == (422, "unknown_owner")
    status, activity = call("machine", f"{lead}/activities", {"kind": "call", "actor": "elena", "outcome": "reached"})
    assert (status, activity["actor_id"]) == (201, shop["elena"].pk)
    assert Activity.objects.count() == 1
    assert set(SlaClock.objects.values_list("state", flat=True)) <= {"met", "cancelled"}
    assert refused("elena", f"{lead}/reassign", owner_id=shop["marco"].pk, reason="x") == (403, "forbidden")
    moved = {"owner_id": shop["marco"].pk, "reason": "knows them", "seen_owner_id": shop["marco"].pk}
    assert refused("mia", f"{lead}/reassign", **moved) == (409, "changed")
    assert call("mia", f"{lead}/reassign", moved | {"seen_owner_id": shop["elena"].pk})[0] == 200
    told = call("mia", f"{lead}/decision", method="get")[1]["routing_decision"]
    assert (told["target_owner_id"], told["routing_status"]) == (shop["marco"].pk, "assigned")
    history = call("mia", f"{lead}/decisions", method="get")[1]["items"]
    assert [(row["origin"], row["actor"]) for row in history] == [
        ("reassign", "mia"), ("claim", "elena"), ("routing", None),
    ]  # fmt: skip
    assert refused("marco", f"{lead}/convert", outcome="forgotten") == (400, "bad_request")
    assert call("marco", f"{lead}/convert", {"outcome": "lost"})[1]["status"] == "closed"
    assert refused("marco", f"{lead}/convert") == (409, "no_change")
    assert Lead.objects.get().state == "closed"


def test_owner_declines_and_the_rules_look_for_somebody_else(shop):  # noqa: F811
    [item] = arrive(shop["source"])
    call("elena", f"leads/{item.lead_id}/claim")
    assert refused("elena", f"leads/{item.lead_id}/decline") == (422, "why_missing")
    assert call("elena", f"leads/{item.lead_id}/decline", {"reason": "no time"})[1]["status"] == "review"
    assert refused("elena", f"leads/{item.lead_id}/decline", reason="again") == (409, "not_yours")


def test_every_act_tells_its_errors_in_the_openapi_document():
    acts = [
        path["post"]
        for name, path in api.get_openapi_schema()["paths"].items()
        if "post" in path and "intake" not in name
    ]
    assert len(acts) == 10
    assert all({400, 401, 403, 404, 409, 422} <= set(map(int, act["responses"])) for act in acts)
