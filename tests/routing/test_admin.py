"""What holds for the admin of every model: pages open, records are not touched; how records are shown."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.tokens import hash_token
from routing.models import ApiToken
from tests.once import on_sqlite_only
from tests.routing.forms import address, said
from tests.routing.rows import make_story

pytestmark = pytest.mark.django_db

OURS = sorted(
    (model for model in admin.site._registry if model._meta.app_label in ("owners", "leads", "routing")),
    key=lambda model: model._meta.label,
)
RECORDS = {
    "leads.Activity", "leads.IdempotencyKey", "leads.Lead", "leads.Note", "leads.RawEvent", "leads.Task",
    "routing.ConfigRevision", "routing.Decision", "routing.Delivery", "routing.Escalation", "routing.Fact",
    "routing.LedgerEntry",
    "routing.MemberLoad", "routing.OwnerLoad", "routing.PlanAction", "routing.ReviewItem", "routing.RotationState",
    "routing.SlaClock",
}  # fmt: skip
PROTECTED = {
    "leads.Company", "leads.Contact", "leads.LeadType", "leads.Pipeline", "leads.Source", "leads.Stage",
    "owners.Owner", "owners.Pool", "owners.PoolMember", "owners.Team", "routing.SlaLadder",
}  # fmt: skip
EDITED = {
    "leads.Company", "leads.Contact", "leads.Deal", "leads.LeadType", "leads.Pipeline", "leads.Source",
    "leads.Stage", "owners.Absence", "owners.Calendar", "owners.Delegation", "owners.Installation", "owners.Owner",
    "owners.Pool",
    "owners.PoolMember", "owners.Team", "owners.Territory", "owners.TerritoryArea", "owners.User", "routing.ApiToken",
    "routing.NamedList", "routing.Rule", "routing.RuleSetVersion", "routing.SlaLadder", "routing.SlaPolicy",
}  # fmt: skip


def by_label(labels):
    return [pytest.param(model, id=model._meta.label) for model in OURS if model._meta.label in labels]


def test_every_model_is_either_edited_or_a_record():
    assert {model._meta.label for model in OURS} == EDITED | RECORDS


@pytest.mark.parametrize("model", by_label(EDITED | RECORDS))
def test_the_list_and_the_page_of_every_model_open(admin_client, model):
    make_story()
    assert admin_client.get(address(model, "changelist")).status_code == 200
    for row in model._default_manager.all():
        assert admin_client.get(address(model, "change", row.pk), follow=True).status_code == 200


@pytest.mark.parametrize("model", by_label(EDITED | RECORDS))
def test_searching_for_a_name_or_a_number_opens(admin_client, model):
    make_story()
    for text in ("elena", "12", "99999999999999999999"):
        assert admin_client.get(address(model, "changelist"), {"q": text}).status_code == 200


@on_sqlite_only
@pytest.mark.parametrize("model", by_label(EDITED))
def test_the_add_page_of_every_edited_model_opens(admin_client, model):
    assert admin_client.get(address(model, "add"), follow=True).status_code == 200


@on_sqlite_only
@pytest.mark.parametrize("model", by_label((EDITED | RECORDS) - {"owners.Installation"}))
def test_a_list_takes_as_many_queries_for_two_stories_as_for_one(admin_client, model):
    make_story()
    one = queries_of_list(admin_client, model)
    make_story(tag="2", country="AT")
    assert model._default_manager.count() > 1
    assert queries_of_list(admin_client, model) == one


def queries_of_list(client, model):
    with CaptureQueriesContext(connection) as queries:
        client.get(address(model, "changelist"))
    return len(queries)


@on_sqlite_only
@pytest.mark.parametrize("model", by_label(RECORDS))
def test_a_record_can_be_neither_added_changed_nor_deleted(admin_client, model):
    make_story()
    row = model._default_manager.first()
    before = list(model._default_manager.values())
    assert admin_client.get(address(model, "add")).status_code == 403
    for page, args in (("add", []), ("change", [row.pk]), ("delete", [row.pk])):
        assert admin_client.post(address(model, page, *args), {"post": "yes"}).status_code == 403
    admin_client.post(
        address(model, "changelist"),
        {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"},
    )
    assert list(model._default_manager.values()) == before


@pytest.mark.parametrize("model", by_label(PROTECTED))
def test_deleting_what_others_point_to_says_so_and_keeps_it(admin_client, model):
    make_story()
    row = model._default_manager.first()
    action = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    for page, form in (
        (address(model, "delete", row.pk), {"post": "yes"}),
        (address(model, "changelist"), action),
    ):
        answer = admin_client.post(page, form)
        assert answer.context["title"].startswith("Cannot delete")
        assert answer.context["protected"]
    assert model._default_manager.filter(pk=row.pk).exists()


def test_a_decision_shows_reason_trace_and_snapshot_escaped(admin_client):
    story = make_story()
    page = admin_client.get(address(type(story.decision), "change", story.decision.pk)).content.decode()
    assert "Assigned to Elena." in page
    assert "&quot;score&quot;: 91" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)</script>" not in page


def test_an_api_token_is_shown_once_and_kept_as_its_hash(admin_client):
    answer = admin_client.post(
        address(ApiToken, "add"), {"name": "Reports", "scope": "read", "active": "on"}, follow=True
    )
    shown = next(text for text in said(answer) if "<code>" in text).split("<code>")[1].split("</code>")[0]
    token = ApiToken.objects.get()
    assert (len(shown), token.token_hash) == (43, hash_token(shown))
    for page in (address(ApiToken, "changelist"), address(ApiToken, "change", token.pk)):
        assert shown not in admin_client.get(page).content.decode()
    admin_client.post(address(ApiToken, "change", token.pk), {"name": "Renamed", "scope": "read", "active": "on"})
    token.refresh_from_db()
    assert (token.name, token.token_hash) == ("Renamed", hash_token(shown))
