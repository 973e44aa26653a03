"""Values that no browser sends by itself, given to admin forms, lists, actions and the API: refused in words."""

import json
import logging

import pytest
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction
from django.test import Client

from leads.models import Company, RawEvent
from leads.tokens import hash_token
from owners.models import Owner, Team, User
from owners.roles import Role, give_role
from routing.models import ApiToken, ReviewItem, SlaPolicy
from routing.prepare import source_by_key
from routing.review import note_unreadable
from routing.transfer import Refused, bring_in
from tests.routing.forms import address
from tests.routing.rows import NOW, make_event, make_story

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


def test_half_a_surrogate_pair_in_a_payload_is_shown_as_it_was_written(admin_client):
    source = make_story().source
    body = b'{"email": "ada@acme.example", "name": "\\ud800", "\\udfff": "x"}'
    event = make_event(source, body, content_type="application/json", state=RawEvent.State.UNREADABLE)
    note_unreadable(event.pk, source_by_key(source.key), "bad", NOW)
    item = ReviewItem.objects.get(event=event)
    for page in (f"/queue/{item.pk}/", address(RawEvent, "change", event.pk)):
        answer = admin_client.get(page, follow=True)
        assert (answer.status_code, "\\ud800" in answer.content.decode()) == (200, True), page
    assert admin_client.get(address(ReviewItem, "change", item.pk)).status_code == 200
    assert b"".join(admin_client.get(f"/queue/{item.pk}/payload/")) == body


def test_an_id_of_twenty_digits_is_no_lead_item_task_or_absence():
    story = make_story()
    story.elena.user = User.objects.create(username="elena")
    story.elena.save()
    give_role(story.elena.user, Role.REP)
    client = Client()
    client.force_login(story.elena.user)
    huge = "9" * 20
    for page in (f"/my/leads/{huge}/accept/", f"/my/leads/{huge}/log/", f"/my/tasks/{huge}/done/",
                 f"/my/away/{huge}/cancel/", f"/leads/{huge}/touch/", f"/queue/{huge}/claim/"):  # fmt: skip
        assert client.post(page, {"kind": "call", "outcome": "voicemail"}).status_code == 404, page
    for page in (f"/leads/{huge}/", f"/queue/{huge}/", f"/queue/{huge}/payload/"):
        assert client.get(page).status_code == 404, page


def test_admin_forms_take_no_number_that_a_column_cannot_hold(admin_client):
    owner = {"key": "kim", "name": "Kim", "state": "active", "time_zone": "UTC", "cap_open": str(2**31)}
    answer = admin_client.post(address(Owner, "add"), owner)
    assert answer.context["adminform"].form.errors["cap_open"] == [
        "Ensure this value is less than or equal to 2147483647."
    ]


def test_an_import_names_the_moment_that_no_calendar_has():
    make_story()
    absence = {"from": "0001-01-01T00:00:00+23:59", "to": "2026-01-01T00:00:00+00:00", "reason": "x"}
    owner = {"key": "kim", "name": "Kim", "absences": [absence]}
    data = json.dumps({"format": "revroute.config", "version": 1, "owners": [owner]}).encode()
    with pytest.raises(Refused) as refused:
        bring_in(data, NOW)
    assert [problem.split(":")[0] for problem in map(str, refused.value.problems)] == ["owners[0].absences[0].from"]
    assert not Owner.objects.filter(key="kim").exists()


@pytest.mark.parametrize("word", ["abc", "1" * 20, "9" * 19, "½", "-", "1.5"])
def test_a_word_that_is_no_number_is_one_sentence_on_the_command_line(word):
    for command, what in (("explain", "a lead"), ("replay", "an event")):
        with pytest.raises(CommandError) as refused:
            call_command(command, word)
        told = f"“{word}” is not the number of {what}. Give its number, such as 1042."
        assert str(refused.value) == told


NAMES = ("accept_minutes", "first_touch_minutes", "no_activity_minutes", "review_minutes")


@pytest.mark.parametrize("minutes", [0, 527_041, 2**31 - 1, 10**30])
def test_a_promise_has_one_minute_to_a_year_in_forms_imports_and_the_database(admin_client, minutes):
    given = {"key": "slow", "name": "Slow", "lead_types": "", "tiers": "", "position": "0"}
    given |= {"sources": "", "assign_minutes": "1", "crm_minutes": "15", "hours_of": "owner"}
    answer = admin_client.post(address(SlaPolicy, "add"), given | dict.fromkeys(NAMES, str(minutes)))
    form = answer.context["adminform"].form
    if minutes:
        told = ["Ensure this value is less than or equal to 527040."]
        assert [form.errors[name] for name in NAMES] == [told] * 4
    else:
        assert [form.errors[name] for name in NAMES] == [["A promise has at least one minute."]] * 4
    for name in NAMES:
        policy = {"key": "slow", "name": "Slow", name: minutes}
        data = {"format": "revroute.config", "version": 1, "sla_policies": [policy]}
        with pytest.raises(Refused) as refused:
            bring_in(json.dumps(data).encode(), NOW)
        assert len(refused.value.problems) == 1
        assert refused.value.problems[0].startswith(f"sla_policies[0].{name}: ")
        if minutes < 2**31:
            with pytest.raises(IntegrityError), transaction.atomic():
                SlaPolicy.objects.create(key="slow", **{name: minutes})
    assert not SlaPolicy.objects.exists()
