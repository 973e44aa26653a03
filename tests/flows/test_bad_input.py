"""What senders get wrong, over HTTP: a clear answer with a code, and the bytes kept; never a 5xx, never silence."""

import io
import json

import pytest
from django.http.request import UnreadablePostError
from django.test import Client, RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.models import Lead, RawEvent
from leads.tokens import hash_token
from routing import pipeline
from routing.api import intake as door
from routing.models import ApiToken, Decision, ReviewItem
from routing.replay import verify
from tests.builders import TOKEN, make_source
from tests.flows.posting import ADDRESS, FORM, GOOD, JSON, code_of, make_inbound, send
from tests.once import examples

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def elena():
    return make_inbound()


DEEP = b"[" * 100_000 + b"]" * 100_000
UNREADABLE = [
    (b"", JSON, "empty_body"),
    (b" \r\n\t", JSON, "empty_body"),
    (b"\x00\x00", JSON, "empty_body"),
    (b"", FORM, "empty_body"),
    (b'{"email": ', JSON, "malformed_json"),
    (b"{'email': 'x'}", JSON, "malformed_json"),
    (b"[]", JSON, "not_an_object"),
    (b"null", JSON, "not_an_object"),
    (b'"text"', JSON, "not_an_object"),
    (DEEP, JSON, "nested_too_deep"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, JSON, "nested_too_deep"),
    (b'{"lead_score": NaN}', JSON, "number_not_finite"),
    (b'{"lead_score": -Infinity}', JSON, "number_not_finite"),
    (b'{"lead_score": 1e999}', JSON, "number_not_finite"),
    (b'{"lead_score": ' + b"9" * 5000 + b"}", JSON, "number_not_finite"),
    (b'{"email": "\xff\xfe"}', JSON + "; charset=utf-8", "bad_encoding"),
    (b'{"email": "a@b.example"}', JSON + "; charset=no-such", "bad_encoding"),
    (b'{"email": "a@b.example"}', JSON + "; charset=utf-7", "bad_encoding"),
    (b"\xff\xfe{", JSON, "bad_encoding"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "unsupported_media_type"),
    (b"&".join(b"f%d=1" % number for number in range(1001)), FORM, "malformed_form"),
    (b"--x\r\nbroken", "multipart/form-data; boundary=x", "malformed_form"),
    (b"--x", "multipart/form-data", "malformed_form"),
]


@pytest.mark.parametrize(("body", "content_type", "code"), UNREADABLE)
def test_what_cannot_be_read_is_400_with_a_code_and_kept_as_it_came(elena, body, content_type, code):
    answer = send(body, content_type)
    assert (answer.status_code, code_of(answer)) == (400, code)
    event = RawEvent.objects.get()
    assert (event.pk, event.state, event.error) == (answer.json()["event_id"], RawEvent.State.UNREADABLE, code)
    assert bytes(event.body) == body
    item = ReviewItem.objects.get()
    assert (item.reason, item.event, item.owner) == ("unreadable_payload", event, elena)
    assert item.detail.startswith(f"{code}: ")
    assert item.due_at > item.opened_at
    assert (Lead.objects.count(), Decision.objects.count()) == (0, 0)


def test_unreadable_bodies_are_one_open_item_per_source_that_counts(elena):
    make_source("chat", elena)
    for _ in range(3):
        assert send(b"{").status_code == 400
    assert send(b"{", address="/api/v1/intake/chat").status_code == 400
    assert sorted(ReviewItem.objects.values_list("source__key", "occurrences")) == [("chat", 1), ("web", 3)]
    latest = ReviewItem.objects.get(source__key="web")
    assert latest.event_id == RawEvent.objects.filter(source__key="web").order_by("-id").first().pk
    ReviewItem.objects.update(state="closed", closed_at=latest.last_at, resolution="told the sender")
    send(b"{")
    assert ReviewItem.objects.filter(source__key="web").count() == 2


def test_nul_and_lone_surrogates_are_cleaned_in_columns_and_kept_in_the_bytes(elena):
    escaped = b'{"email": "ada@acme.example", "first_name": "A\\u0000d\\ud800a", "x\\udfffy": "\\ud83d\\ude00\\udc00"}'
    raw = b'{"email": "bob@acme.example", "company_name": "Ac\x00me \xed\xa0\x80"}'
    for body in (escaped, raw):
        answer = send(body)
        assert answer.status_code in (201, 400), answer.content
        assert bytes(RawEvent.objects.order_by("-id").first().body) == body
    lead = Lead.objects.get(email="ada@acme.example")
    assert "\x00" not in lead.name
    assert lead.name.encode()
    assert verify().differences == []


@pytest.mark.parametrize(
    ("body", "content_type", "name"),
    [
        ('{"email": "a@b.example", "first_name": "Jürgen"}'.encode("latin-1"), JSON, "Jürgen"),
        ('{"email": "a@b.example", "first_name": "Jürgen"}'.encode("utf-16"), JSON, "Jürgen"),
        ('{"email": "a@b.example", "first_name": "Jürgen"}'.encode("utf-8-sig"), JSON, "Jürgen"),
        (
            '{"email": "a@b.example", "first_name": "Łukasz"}'.encode("iso-8859-2"),
            JSON + "; charset=iso-8859-2",
            "Łukasz",
        ),
        ("email=a@b.example&first_name=Jürgen".encode("latin-1"), FORM, "Jürgen"),
        (b"email=a%40b.example&first_name=J%C3%BCrgen", FORM, "Jürgen"),
        (b'{"email": "a@b.example", "first_name": "Ann"}', "text/plain", "Ann"),
        (b'{"email": "a@b.example", "first_name": "Ann"}', "", "Ann"),
    ],
)
def test_other_encodings_arrive_as_the_sender_meant_them(elena, body, content_type, name):
    assert send(body, content_type).status_code == 201
    assert Lead.objects.get().name == name


def test_an_oversize_body_is_413_and_nothing_is_stored(elena, settings):
    settings.MAX_BODY_BYTES = 1000
    fits = b'{"email": "ada@acme.example", "message": "%s"}'
    fits = fits % (b"x" * (1000 - len(fits) + 2))
    assert (len(fits), send(fits).status_code) == (1000, 201)
    for answer in (send(fits + b" "), send(b"x" * 1_000_000, "text/plain")):
        assert (answer.status_code, code_of(answer)) == (413, "body_too_large")
    assert RawEvent.objects.count() == 1


def test_an_oversize_body_that_claims_to_be_small_is_cut_at_what_it_claims(elena, settings):
    settings.MAX_BODY_BYTES = 1000
    answer = send(b'{"email": "ada@acme.example"}' + b" " * 5000, **{"Content-Length": "29"})
    assert answer.status_code == 201
    assert bytes(RawEvent.objects.get().body) == GOOD


@pytest.mark.parametrize("length", ["", "abc", "-5", "1e3", "٣", "0"])
def test_a_content_length_that_is_no_length_is_never_a_server_error(elena, length):
    request = RequestFactory().post(ADDRESS, GOOD, content_type=JSON, headers={"Authorization": f"Bearer {TOKEN}"})
    request.META["CONTENT_LENGTH"] = length
    request._stream = io.BytesIO(GOOD)
    assert door.intake(request, "web").status_code in (201, 400)


def test_a_sender_who_hangs_up_in_the_middle_is_no_exception(elena):
    class Broken:
        def read(self, *_):
            raise UnreadablePostError("gone")

    request = RequestFactory().post(ADDRESS, GOOD, content_type=JSON, headers={"Authorization": f"Bearer {TOKEN}"})
    request._stream = Broken()
    assert door.intake(request, "web").status_code == 400


@pytest.mark.parametrize("key", ["nowhere", "web/more", "", "WEB", "we b", "ü", "..", "%2e%2e", "a" * 5000])
def test_an_unknown_source_is_404_and_nothing_is_stored(elena, key):
    answer = send(address=f"/api/v1/intake/{key}")
    assert answer.status_code == 404
    assert RawEvent.objects.count() == 0


def test_a_source_key_with_nul_is_404(elena):
    assert send(address="/api/v1/intake/we%00b").status_code == 404


@pytest.mark.parametrize("token", ["", "wrong", "a-token-for-tests2", "ü", "x" * 10_000])
def test_a_wrong_token_is_401_and_nothing_is_stored(elena, token):
    answer = send(token=token)
    assert (answer.status_code, code_of(answer), answer["WWW-Authenticate"]) == (401, "unauthorised", "Bearer")
    assert RawEvent.objects.count() == 0


@pytest.mark.parametrize("header", ["Bearer", f"Basic {TOKEN}", TOKEN, "Bearer  "])
def test_a_token_in_another_shape_is_401(elena, header):
    assert send(token="", Authorization=header).status_code == 401


def test_a_token_in_the_address_or_in_other_letters_is_taken(elena):
    assert send(token="", address=f"{ADDRESS}?token={TOKEN}").status_code == 201
    assert send(token="", Authorization=f"bEARER  {TOKEN} ").status_code == 200


def test_a_source_that_is_switched_off_is_403(elena):
    source = make_source("old", elena, active=False)
    answer = send(address=f"/api/v1/intake/{source.key}")
    assert (answer.status_code, code_of(answer)) == (403, "source_inactive")


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options", "trace"])
def test_every_method_but_post_is_405(elena, method):
    client = Client()
    answer = client.generic(method.upper(), ADDRESS, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert RawEvent.objects.count() == 0


def test_no_cookie_and_no_csrf_token_is_asked_for(elena):
    client = Client(enforce_csrf_checks=True)
    assert (
        client.post(ADDRESS, GOOD, content_type=JSON, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 201
    )


# Headers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["two words", "schlüssel", "x" * 201, "a\tb", "emoji😀".encode().decode("latin-1")])
def test_an_idempotency_key_that_cannot_be_one_is_400_with_a_code(elena, key):
    answer = send(**{"Idempotency-Key": key})
    assert (answer.status_code, code_of(answer)) == (400, "bad_idempotency_key")
    assert Lead.objects.count() == 0


def test_the_bytes_of_a_lead_with_a_bad_idempotency_key_are_kept(elena):
    send(**{"Idempotency-Key": "two words"})
    assert bytes(RawEvent.objects.get().body) == GOOD


@pytest.mark.parametrize(
    "prefer", ["nonsense", "wait", "wait=", "wait=soon", "wait=nan", "wait=-1e999", "=", ",,;", 'wait="2"', "wait=9e99"]
)
def test_a_preference_that_cannot_be_read_is_ignored(elena, prefer):
    answer = send(Prefer=prefer)
    assert answer.status_code == (202 if prefer == "wait=-1e999" else 201)
    assert RawEvent.objects.count() == 1


@pytest.mark.parametrize("prefer", ["respond-async", "RESPOND-ASYNC", "wait=9, respond-async", "wait=0"])
def test_who_will_not_wait_gets_202_and_the_lead_is_routed_later(elena, prefer):
    answer = send(Prefer=prefer)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    assert Lead.objects.count() == 0
    assert pipeline.drain() == 1
    assert Lead.objects.get().pk == answer.json()["event_id"]


def test_odd_headers_are_cut_and_never_harm(elena):
    odd = {"User-Agent": "u" * 9000, "Referer": "\x7f\xff", "X-Correlation-ID": "with space", "X-Forwarded-For": "é"}
    assert send(**odd).status_code == 201
    event = RawEvent.objects.get()
    assert len(json.loads(event.headers)["user-agent"]) == 500
    assert len(event.correlation_id) == 32
    given = send(b'{"email": "b@c.example"}', **{"X-Correlation-ID": "mine"}).json()["decision"]
    assert given["trace"]["correlation_id"] == "mine"


def test_too_many_posts_are_429_with_retry_after(elena):
    make_source("slow", elena, rate_limit=2)
    answers = [send(b'{"email": "a%d@b.example"}' % number, address="/api/v1/intake/slow") for number in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert int(answers[2]["Retry-After"]) in range(1, 61)
    assert RawEvent.objects.count() == 2


def test_reading_with_numbers_and_texts_that_no_column_holds_is_never_a_server_error(elena):
    ApiToken.objects.create(name="reader", token_hash=hash_token("reader"))
    client, huge = Client(raise_request_exception=False), 10**30
    addresses = [
        f"events/{huge}", f"leads/{huge}", f"leads/{huge}/decision", f"leads?limit={huge}", f"leads?offset={huge}",
        f"leads?owner_id={huge}", "leads?state=%00", "leads?lead_type=%00", "leads?limit=-1", "leads?owner_id=x",
    ]  # fmt: skip
    answers = {
        address: client.get(f"/api/v1/{address}", headers={"Authorization": "Bearer reader"}).status_code
        for address in addresses
    }
    assert {address: status for address, status in answers.items() if status >= 500} == {}


# Readable, but not a good lead -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "status", "reason"),
    [
        ({"first_name": "Ada"}, "review", "missing_contact_data"),
        ({"email": " ", "phone": "n/a"}, "review", "missing_contact_data"),
        ({}, "review", "missing_contact_data"),
        ({"phone": "12"}, "nurture", None),
        ({"email": "ada at acme", "phone": ""}, "nurture", None),
        ({"email": "x@mailinator.com"}, "rejected", None),
        ({"email": "ada@acme.example", "phone": "12"}, "assigned", None),
        ({"email": "ada@acme.example", "country": "Atlantis"}, "assigned", None),
        ({"email": "ada@acme.example", "lead_score": 10**400}, "assigned", None),
        ({"email": "ada@acme.example", "lead_score": [], "first_name": {"a": 1}, "country": True}, "assigned", None),
        ({"email": ["ada@acme.example", "b@c.example"], "utm_source": None}, "assigned", None),
    ],
)
def test_missing_and_malformed_fields_are_named_and_the_lead_ends_somewhere_visible(elena, payload, status, reason):
    answer = send(json.dumps(payload).encode())
    assert answer.status_code == 201, answer.content
    found = answer.json()["decision"]["routing_decision"]
    assert (found["routing_status"], found["review_reason"]) == (status, reason)
    assert Lead.objects.get().state == status
    assert ReviewItem.objects.count() == (1 if status == "review" else 0)
    assert verify().differences == []


def test_every_text_at_its_longest_fits_its_column(elena):
    names = (
        "first_name last_name job_title company_name industry source channel campaign utm_source utm_term"
        " service_requested territory city postal_code budget_range lifecycle_stage pain_summary product_interest"
    )
    long = "Ünïcödé 😀 " * 700
    payload = dict.fromkeys(names.split(), long) | {
        "email": f"{'a' * 64}@{'b' * 60}.{'c' * 60}.example",
        "event_type": long,
    }
    answer = send(json.dumps(payload | {"submission_id": "s" * 5000}).encode())
    assert answer.status_code == 201, answer.content
    assert Lead.objects.get().state == "assigned"
    assert verify().differences == []


# Whatever comes --------------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
)
keys = st.text(max_size=9) | st.sampled_from(
    [
        "email",
        "phone",
        "first_name",
        "company_domain",
        "country",
        "lead_score",
        "submission_id",
        "test",
        "source",
        "lead_type",
        "existing_customer",
    ]
)
objects = st.dictionaries(keys, values, max_size=6).map(lambda value: json.dumps(value, ensure_ascii=False))


def as_form(pairs):
    return "&".join(f"{name}={value}" for name, value in pairs.items()).encode("utf-8", "replace")


bodies = (
    st.binary(max_size=200)
    | objects.map(lambda text: text.encode("utf-8", "surrogatepass"))
    | objects.map(lambda text: text.encode("utf-16", "surrogatepass"))
    | st.dictionaries(keys, scalars.map(str), max_size=4).map(as_form)
)
types = st.sampled_from(
    [
        "",
        JSON,
        FORM,
        "text/plain",
        JSON + "; charset=latin-1",
        "multipart/form-data; boundary=b",
        "application/xml",
        ";;=",
        "a" * 300,
    ]
) | st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies, types, st.sampled_from(["", "k", "k 2", "ключ".encode().decode("latin-1")]))
def test_no_body_and_no_header_ever_makes_a_server_error_or_silence(elena, body, content_type, key):
    before = RawEvent.objects.count()
    headers = {"Idempotency-Key": key} if key else {}
    answer = send(body, content_type, **headers)
    assert answer.status_code in (200, 201, 400, 422), (answer.status_code, answer.content)
    if answer.status_code == 201:
        lead = Decision.objects.get(event=answer.json()["event_id"]).lead
        assert lead.owner_id or lead.state in ("nurture", "rejected") or ReviewItem.objects.filter(lead=lead).exists()
    elif answer.status_code == 400 and code_of(answer) != "bad_idempotency_key":
        assert bytes(RawEvent.objects.get(pk=answer.json()["event_id"]).body) == body
        assert RawEvent.objects.count() == before + 1
    assert not RawEvent.objects.filter(state=RawEvent.State.WAITING).exists()
