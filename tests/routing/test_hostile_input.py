"""Values that no browser sends by itself, given to admin forms, lists, actions and the API: refused in words."""

import json
import logging

import pytest
from django.contrib.messages import get_messages

from leads.models import Company
from leads.tokens import hash_token
from owners.models import Team
from routing.models import ApiToken, ReviewItem
from tests.routing.forms import address
from tests.routing.rows import make_story

pytestmark = pytest.mark.django_db

NO_IDS = ("\x00", "NaN", "½", "24:00", "1" * 20, "-9223372036854775809", "<b>", "x" * 5000, "0" * 5000)
NO_FILTERS = (
    {"opened_at__year": "2026", "opened_at__month": "9" * 20},
    {"opened_at__year": "2026", "opened_at__month": "13"},
    {"due_at__gte": "0000-01-01"},
    {"nothing": "1"},
)
EMPTY_FILTERS = (
    *({name: value} for name in ("opened_at__year", "source__id__exact") for value in ("0", "10000", "NaN", "1" * 30)),
    *({name: "\x00"} for name in ("reason__exact", "state__in", "due_at__gte", "detail", "q", "show")),
)


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


@pytest.mark.parametrize("value", NO_IDS, ids=lambda value: repr(value[:12]))
def test_a_choice_that_is_no_id_is_refused_by_its_field(admin_client, value):
    company = {"name": "Acme", "domain": "acme.example", "owner": value, "external_id": ""}
    answer = admin_client.post(address(Company, "add"), company)
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == ["owner"]
    team = {"key": "north", "name": "North", "lead": value, "fallback_owner": value, "default_pool": value}
    counts = {f"memberships-{name}": "1" for name in ("TOTAL_FORMS", "MAX_NUM_FORMS")}
    row = {"memberships-INITIAL_FORMS": "0", "memberships-0-owner": value, "memberships-0-id": value}
    answer = admin_client.post(address(Team, "add"), team | counts | row)
    assert answer.status_code == 200
    assert set(team) - {"key", "name"} <= set(answer.context["adminform"].form.errors)
    assert (Company.objects.filter(name="Acme").count(), Team.objects.filter(key="north").count()) == (0, 0)


def test_a_post_that_claims_thousands_of_rows_is_refused_before_they_are_drawn(admin_client):
    counts = {"memberships-TOTAL_FORMS": "5000", "memberships-INITIAL_FORMS": "0"}
    answer = admin_client.post(address(Team, "add"), {"key": "north", "name": "North", **counts})
    formset = answer.context["inline_admin_formsets"][0].formset
    assert (answer.status_code, len(formset.forms), Team.objects.filter(key="north").exists()) == (200, 200, False)
    assert formset.non_form_errors()


def test_a_filter_that_no_database_can_be_asked_is_left_out_and_said(admin_client):
    make_story()
    for query in NO_FILTERS:
        answer = admin_client.get(address(ReviewItem, "changelist"), query)
        assert answer.status_code == 302, query
        assert said(answer) == ["A filter in the address cannot be read, so the list shows all rows. Filter anew."]
        assert admin_client.get(answer.url).status_code == 200
    for query in EMPTY_FILTERS:  # SQLite keeps NUL, and has no row with it; Django itself sees the others
        assert admin_client.get(address(ReviewItem, "changelist"), query, follow=True).status_code == 200


def test_an_action_on_what_is_no_row_does_nothing_and_says_so(admin_client):
    make_story()
    for value in NO_IDS:
        post = {"action": "reject_selected", "_selected_action": [value], "confirm": "1", "why": "x"}
        answer = admin_client.post(address(ReviewItem, "changelist"), post)
        told = "Nothing was done: what was chosen is no row of this list. Choose again."
        assert (answer.status_code, said(answer)[-1]) == (302, told), value
    assert not ReviewItem.objects.exclude(state=ReviewItem.State.OPEN).exists()


def test_a_request_that_django_takes_for_an_attack_is_one_line_in_the_log_and_a_page_in_words(admin_client, caplog):
    with caplog.at_level(logging.WARNING):
        answer = admin_client.get(address(Company, "add"), {"_to_field": "x\nforged line"})
    assert answer.status_code == 400
    assert "This request cannot be understood" in answer.content.decode()
    record = next(record for record in caplog.records if record.name.startswith("django.security."))
    assert (record.exc_info, record.getMessage()) == (None, "The field x\\nforged line cannot be referenced.")


BODIES = (b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b'{"owner_id":' + b"9" * 5000 + b"}")


@pytest.mark.parametrize("call", ["leads/1/reassign", "leads/1/activities", "leads/1/convert", "review/1/claim"])
def test_a_body_that_is_no_json_is_a_problem_document(client, call):
    ApiToken.objects.create(name="crm", scope=ApiToken.Scope.WRITE, token_hash=hash_token("t"))
    for body in BODIES:
        answer = client.post(f"/api/v1/{call}", body, "application/json", headers={"Authorization": "Bearer t"})
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert json.loads(answer.content)["code"] == "malformed_json"
