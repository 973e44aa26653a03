"""The simulator: what live routing would decide, seen without a trace of it in the database."""

import json
import random
import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leads.tokens import hash_token
from owners.models import Absence, Owner, User
from routing.models import ApiToken, Decision, Rule, RuleSetVersion
from routing.pipeline import drain
from routing.rulebook import copy_to_draft, publish
from routing.simulate import simulate, stored, typed
from tests.builders import make_company, make_contact, make_source
from tests.routing.batches import waiting
from tests.routing.people import sign_in, sign_up
from tests.routing.rows import NOW, make_crm, make_draft, make_owner, make_people, make_pool, make_rule

pytestmark = pytest.mark.django_db
PAGE = "/admin/routing/rulesetversion/simulate/"


@pytest.fixture
def people():
    people = make_people()
    make_crm(people)
    people.zoe, people.sam = make_owner("zoe", languages=["fr"]), make_owner("sam", cap_open=3)
    people.big = make_pool("big", people.zoe, people.sam, people.elena, keeps_hours=False)
    version = make_draft(people.elena)
    make_rule(version, "existing_customer_owner", name="Customers", target="customer_owner")
    make_rule(
        version, "territory_owner", (1, "lead_score", "at_least", 70), (2, "company_size", "between", [10, 99]),
        name="Good ones", target="territory_owner", fallback_owner=people.zoe,
    )  # fmt: skip
    make_rule(
        version, "service_line_owner", (1, "language", "is_not_blank", None), name="Speakers", target="pool",
        pool=people.big, require_language=True, on_nobody="next_step",
    )  # fmt: skip
    make_rule(version, "round_robin_pool", name="All", target="pool", pool=people.big, tier="priority")
    publish(version, None, NOW)
    people.version = version
    people.forms = make_source("forms", people.elena)
    make_contact("old@customer.example", company=make_company("customer.example", owner=people.zoe, is_customer=True))
    return people


def payload(chance, number):
    """A lead at random; some say little, some are known."""
    said = {
        "email": chance.choice(["old@customer.example", f"n{number}@b{number}.example", "", "not an address"]),
        "country": chance.choice(["DE", "FR", "", "Atlantis"]), "lead_score": chance.choice([None, 10, 80]),
        "company_size": chance.choice(["", "50", "5000"]), "language": chance.choice(["", "fr", "de", "it"]),
        "lead_type": chance.choice(["demo", "contact", ""]), "phone": chance.choice(["", "+33 1 42 68 53 00"]),
    }  # fmt: skip
    return {name: value for name, value in said.items() if value not in ("", None)}


def rows():
    """Every row of every table of ours."""
    found = {}
    for model in apps.get_models():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")
            found[model._meta.db_table] = sorted(map(repr, cursor.fetchall()))
    return found


def test_what_is_simulated_is_what_is_decided_when_the_lead_comes(people):
    chance = random.Random(7)
    for number in range(40):
        said = payload(chance, number)
        now = timezone.now()
        would = simulate(typed(json.dumps(said).encode(), "application/json", people.forms.pk, now), None)
        (event,) = waiting(people.forms, said)
        drain()
        did = Decision.objects.get(event=event, origin="routing")
        trace = json.loads(did.trace)
        assert would.decision.outcome.status == did.status
        assert would.decision.outcome.owner == did.owner_id
        assert would.decision.outcome.rule == did.rule_id
        assert would.decision.trace["candidates"] == trace["candidates"]
        assert would.decision.outcome.reason == did.reason


def test_neither_page_nor_api_writes_anything(people):
    (event,) = waiting(people.forms, {"email": "jo@buyer.example", "country": "DE", "lead_score": 90})
    drain()
    draft = copy_to_draft(people.version)
    rita = sign_in("rita", "RevOps")
    ApiToken.objects.create(name="Reader", token_hash=hash_token("reader"), scope="read")
    rita.get(PAGE)  # the session is written once
    before = rows()
    assert rita.get(f"{PAGE}?lead={event}&version={draft.pk}&beside={people.version.pk}").status_code == 200
    answer = rita.post(PAGE, {"source": people.forms.pk, "email": "new@buyer.example", "version": draft.pk})
    assert answer.status_code == 200
    asked = {"payload": {"email": "new@buyer.example"}, "source": "forms", "version": draft.pk}
    headers = {"Authorization": "Bearer reader"}
    told = Client().post("/api/v1/decide", asked, content_type="application/json", headers=headers)
    assert told.status_code == 200
    assert rows() == before


def test_nothing_is_locked_and_no_more_is_asked_for_more_leads(people, django_assert_num_queries):
    (event,) = waiting(people.forms, {"email": "jo@buyer.example", "country": "FR"})
    drain()
    rita = sign_in("rita", "RevOps")
    address = f"{PAGE}?lead={event}&beside={copy_to_draft(people.version).pk}"
    rita.get(address)
    with CaptureQueriesContext(connection) as asked:
        rita.get(address)
    reads = [row["sql"].strip() for row in asked]
    assert [sql for sql in reads if not sql.startswith(("SELECT", "WITH", "DECLARE")) or "FOR UPDATE" in sql] == []
    waiting(people.forms, *({"email": f"n{number}@buyer.example"} for number in range(5)))
    drain()
    with django_assert_num_queries(len(asked)):
        rita.get(address)


def test_a_lead_out_of_sight_looks_as_if_it_never_was(people):
    (event,) = waiting(people.forms, {"email": "jo@buyer.example", "country": "FR"})
    drain()
    mia = sign_up("mia", "Manager")  # of no team
    mia.user_permissions.add(Permission.objects.get(codename="view_rulesetversion"))
    ApiToken.objects.create(name="Mia", token_hash=hash_token("mia"), scope="read", user=mia)
    client = Client()
    client.force_login(mia)
    headers = {"Authorization": "Bearer mia"}
    for lead in (event, 99999999):
        page = client.get(f"{PAGE}?lead={lead}")
        told = Client().post("/api/v1/decide", {"lead": lead}, content_type="application/json", headers=headers)
        sentence = f"There is no decided lead {lead}."
        assert (page.status_code, sentence in words(page)) == (404, True)
        assert (told.status_code, told.json()["detail"]) == (404, sentence)
    assert "buyer.example" not in words(client.get(f"{PAGE}?find=buyer"))


def test_the_page_of_a_lead_leads_to_the_simulator_for_those_who_read_rules(people):
    (event,) = waiting(people.forms, {"email": "jo@buyer.example", "country": "FR"})
    drain()
    link = f'href="{PAGE}?lead={event}"'
    rep = sign_in("rep", "Rep")
    Owner.objects.filter(leads=event).update(user=User.objects.get(username="rep"))
    pages = [client.get(f"/leads/{event}/") for client in (sign_in("rita", "RevOps"), rep)]
    assert [(page.status_code, link in page.content.decode()) for page in pages] == [(200, True), (200, False)]


def test_a_lead_whose_words_were_erased_is_not_tried(people):
    (event,) = waiting(people.forms, {"email": "jo@buyer.example"})
    drain()
    ApiToken.objects.create(name="Reader", token_hash=hash_token("reader"), scope="read")
    Decision.objects.filter(event=event).update(snapshot="{}")
    answer = sign_in("rita", "RevOps").get(f"{PAGE}?lead={event}")
    assert (answer.status_code, f"What lead {event} said was erased." in words(answer)) == (409, True)
    headers = {"Authorization": "Bearer reader"}
    told = Client().post("/api/v1/decide", {"lead": event}, content_type="application/json", headers=headers)
    assert (told.status_code, told.json()["code"]) == (409, "erased")


def words(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_a_draft_is_tried_beside_the_rules_in_force_and_what_differs_is_marked(people):
    (event,) = waiting(people.forms, {"email": "jo@buyer.example", "country": "FR"})
    drain()
    draft = copy_to_draft(people.version)
    Rule.objects.filter(version=draft, name="All").update(target="owner", owner=people.marco, tier="")
    rita = sign_in("rita", "RevOps")
    page = words(rita.get(f"{PAGE}?lead={event}&beside={draft.pk}"))
    assert f"Version {people.version.pk} in force Version {draft.pk} draft" in page
    assert "Tier differs priority standard" in page
    assert "Decided in step round robin pool round robin pool By rule All All Owner" in page
    typed_one = {"source": people.forms.pk, "email": "new@buyer.example", "beside": draft.pk}
    assert "Tier differs priority standard" in words(rita.post(PAGE, typed_one))
    same = words(rita.get(f"{PAGE}?lead={event}&beside={people.version.pk}"))
    assert "Both choices are the same version" in same
    copy = copy_to_draft(people.version)
    same = words(rita.get(f"{PAGE}?lead={event}&version={copy.pk}&beside={people.version.pk}"))
    assert "no difference Both versions decide the same about this lead." in same


def test_the_row_of_a_table_that_decided_is_named_and_told_from_the_whole_rule(people):
    (event,) = waiting(people.forms, {"email": "jo@buyer.example", "country": "FR"})
    drain()
    draft = copy_to_draft(people.version)
    table = {"inputs": [{"field": "country", "operator": "is"}], "outputs": ["owner"]}
    table["rows"] = [{"in": ["DE"], "out": ["sam"]}, {"in": ["FR"], "out": ["zoe"]}]
    Rule.objects.filter(version=draft, name="All").update(table=table)
    page = words(sign_in("rita", "RevOps").get(f"{PAGE}?lead={event}&beside={draft.pk}"))
    assert "By rule differs All All, row 2" in page


def test_who_is_there_is_looked_at_for_the_instant_asked_for(people):
    (event,) = waiting(people.forms, {"email": "jo@buyer.example", "country": "DE", "lead_score": 90})
    drain()
    monday = NOW + timedelta(days=7)  # Elena works on Mondays from nine in Berlin
    Absence.objects.create(owner=people.elena, starts_at=monday, ends_at=monday + timedelta(days=1))
    there = simulate(stored(event, NOW + timedelta(days=14)), None)
    away = simulate(stored(event, monday + timedelta(hours=1)), None)
    assert (there.decision.outcome.owner, there.decision.outcome.flag) == (people.elena.pk, "ok")
    assert (away.decision.outcome.owner, away.decision.outcome.flag) == (people.zoe.pk, "fallback")


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("lead=99999999", 404, "There is no decided lead 99999999."),
        ("lead=x", 422, "A lead has a number. Choose one below."),
        ("version=99999", 422, "There is no such version any more."),
        ("lead=1&at=9999-12-31T23:59", 422, "Choose a year from 1970 to 2200."),
        ("find=jo%00", 200, "No lead has these words."),
        ("at=soon", 422, "This is no date and time."),
    ],
)
def test_what_cannot_be_tried_is_said_beside_its_field(people, asked, status, said):
    answer = sign_in("rita", "RevOps").get(f"{PAGE}?{asked}")
    assert (answer.status_code, said in answer.content.decode()) == (status, True)


def test_a_draft_beside_nothing_is_told_from_no_rules(people):
    RuleSetVersion.objects.filter(pk=people.version.pk).update(state="retired")
    draft = copy_to_draft(people.version)
    asked = {"source": people.forms.pk, "email": "new@buyer.example", "beside": draft.pk}
    page = words(sign_in("rita", "RevOps").post(PAGE, asked))
    assert ("Version None" in page, page.count("No rules")) == (False, 2)


def test_versions_are_chosen_by_what_they_changed(people):
    draft = copy_to_draft(people.version)
    page = sign_in("rita", "RevOps").get(PAGE).content.decode()
    named = f">{people.version.pk}, in force: {people.version.purpose}</option>"
    assert (page.count(named), page.count(f">{draft.pk}, draft</option>")) == (4, 4)


def test_a_payload_that_is_no_object_is_refused(people):
    rita = sign_in("rita", "RevOps")
    refused = [(text, "This is not JSON.") for text in ("{", '{"a": NaN}', '{"a": 1e999}', "[" * 100_000)]
    for text, said in (*refused, ("[1]", "A payload is one JSON object")):
        answer = rita.post(PAGE, {"source": people.forms.pk, "payload": text})
        assert (answer.status_code, said in answer.content.decode()) == (422, True)


@pytest.mark.parametrize("at", ["0001-01-01T00:00", "1969-12-30T00:00", "2201-01-02T00:00", "9999-12-31T23:59"])
def test_instants_that_no_calendar_reaches_are_refused_beside_the_field(people, at):
    asked = {"source": people.forms.pk, "email": "new@buyer.example", "at": at}
    answer = sign_in("rita", "RevOps").post(PAGE, asked)
    assert (answer.status_code, "Choose a year from 1970 to 2200." in words(answer)) == (422, True)


@pytest.mark.parametrize("at", ["1970-01-02T00:00", "2200-12-31T23:59"])
def test_instants_at_both_ends_are_tried(people, at):
    answer = sign_in("rita", "RevOps").post(PAGE, {"source": people.forms.pk, "email": "new@buyer.example", "at": at})
    assert (answer.status_code, "Becomes" in words(answer)) == (200, True)


def test_a_draft_that_does_not_compile_says_why(people):
    (event,) = waiting(people.forms, {"email": "jo@buyer.example"})
    drain()
    draft = copy_to_draft(people.version)
    make_rule(draft, "manual_review", (1, "lead_score", "contains", 7), name="Wrong")
    answer = sign_in("rita", "RevOps").get(f"{PAGE}?lead={event}&version={draft.pk}")
    assert (answer.status_code, f"Draft {draft.pk} cannot be tried yet: rule" in words(answer)) == (409, True)


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({}, 422, "bad_request"),
        ({"payload": {}, "lead": 1}, 422, "bad_request"),
        ({"payload": {}}, 422, "bad_request"),
        ({"payload": {}, "source": "forms", "verison": 1}, 400, "bad_request"),
        ({"payload": {}, "source": "forms", "at": "2026-01-01T00:00:00"}, 400, "bad_request"),
        ({"payload": {}, "source": "forms", "at": "9999-12-31T23:59:59Z"}, 422, "bad_request"),
        ({"payload": {"a": "b" * 2_600_000}, "source": "forms"}, 413, "body_too_large"),
        ({"payload": {}, "source": "nobody"}, 404, "not_found"),
        ({"lead": 99999999}, 404, "not_found"),
        ({"payload": {}, "source": "forms", "version": 99999}, 404, "not_found"),
        ({"payload": {"a": "b" * 100_001}, "source": "forms"}, 413, "body_too_large"),
        ({"payload": {}, "source": "forms", "version": True}, 400, "bad_request"),
        ({"payload": {}, "source": "forms", "version": "1"}, 400, "bad_request"),
        ('{"payload": {"lead_score": NaN}, "source": "forms"}', 422, "bad_request"),
        ('{"payload": {"lead_score": 1e999}, "source": "forms"}', 422, "bad_request"),
    ],
)
def test_the_api_refuses_with_a_code(people, asked, status, code):
    ApiToken.objects.create(name="Reader", token_hash=hash_token("reader"), scope="read")
    headers = {"Authorization": "Bearer reader"}
    answer = Client().post("/api/v1/decide", asked, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_token_of_somebody_who_reads_no_rules_simulates_nothing(people):
    ApiToken.objects.create(name="Rep", token_hash=hash_token("rep"), scope="read", user=sign_up("rep", "Rep"))
    asked, headers = {"payload": {}, "source": "forms"}, {"Authorization": "Bearer rep"}
    answer = Client().post("/api/v1/decide", asked, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_the_api_gives_the_decision_document_of_a_dry_run(people):
    ApiToken.objects.create(name="Reader", token_hash=hash_token("reader"), scope="read")
    asked = {"payload": {"email": "new@buyer.example", "country": "FR"}, "source": "forms"}
    headers = {"Authorization": "Bearer reader"}
    told = Client().post("/api/v1/decide", asked, content_type="application/json", headers=headers).json()
    decision = told["routing_decision"]
    assert (told["dry_run"], decision["lead_id"], decision["routing_status"]) == (True, None, "assigned")
    plan = [(row["action"], row["state"], row["attempts"]) for row in told["crm_execution_plan"]]
    assert plan[:2] == [("update_contact_owner", "planned", 0), ("associate_contact_company_deal", "planned", 0)]
    assert [row.get("contact_id") for row in told["crm_execution_plan"]] == [None] * len(plan)
    assert told["trace"] == {"correlation_id": None, "idempotency_key": None}
    assert decision["ruleset_version"] == people.version.pk
    assert told["routing_trace"]["steps"][-1]["step"] == "round_robin_pool"
    assert Client().post("/api/v1/decide", asked, content_type="application/json").status_code == 401
