"""What holds for every payload, whatever it is: no exception, plain JSON out, and stable when done twice."""

# ruff: noqa: SIM905 (a list of words reads best as words)

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.clean import MAX_DEPTH, NestedTooDeep, clean_json, clean_text
from leads.contract import EVENT_TYPE_KEYS, FIELDS, SPELLINGS, SUBMISSION_KEYS, TEST_KEYS, WRAPPERS
from leads.flatten import MAX_DEPTH as FLATTEN_DEPTH
from leads.normalise import VALIDITIES, Normalised, normalise
from leads.parse import UNREADABLE, Unreadable, canonical_digest, parse_body
from tests.once import examples

QUICK = settings(max_examples=examples(120), deadline=None, suppress_health_check=list(HealthCheck))

# Unlike st.text() alone, this makes NUL, lone surrogates and right-to-left marks often.
any_text = st.text(st.characters() | st.sampled_from("\0\x1b\ud800\udfff\u200b\ufeff\u202eİßŉΐ٣"), max_size=40)
likely_text = st.sampled_from(
    (
        "ops@example.com|İ@Straße.DE|a@b|+1 555 123 4567|030 1234567|0049301234567|000000|Deutschland|England"
        "|Atlantis|US-TX|Bayern|TX|de-CH|Klingon|11-50|1.000.000+|-5|91|101|NaN|1e400|inf|high|ASAP|demo|yes"
        "|on|no|N/A|null|https://www.Acme.co.uk/x|gmail.com|[|http://[::1|xn--|Europe/Berlin|sw1a1aa|D-10115"
        "|, |;|Null|Doe, Jane|{{lead.email}}|<test lead: dummy data for x>"
    ).split("|")
)
numbers = st.integers() | st.floats() | st.integers(min_value=10**20, max_value=10**3000)
scalars = st.none() | st.booleans() | numbers | any_text | likely_text
keys = any_text | st.sampled_from(
    sorted({*FIELDS, *SPELLINGS, *WRAPPERS, *SUBMISSION_KEYS, *EVENT_TYPE_KEYS, *TEST_KEYS, "name", "value"})
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=25,
)
payloads = st.dictionaries(keys, json_values, max_size=12)
contract_payloads = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, json_values | likely_text))


def texts_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in texts_in(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in texts_in(item)]
    return []


def outcome(body: bytes, content_type: str) -> tuple[str, dict[str, Any]]:
    try:
        return "", parse_body(body, content_type)
    except Unreadable as refusal:
        return refusal.code, {}


def assert_storable(lead: Normalised) -> None:
    plain = lead.as_dict()
    json.dumps(plain, allow_nan=False).encode("ascii")
    assert json.loads(json.dumps(plain)) == plain
    for text in texts_in(plain):
        assert "\0" not in text
        text.encode("utf-8")


@QUICK
@given(payloads | contract_payloads)
def test_normalise_takes_any_payload_and_gives_storable_json(payload):
    lead = normalise(payload, {})

    assert_storable(lead)
    assert lead.validity in VALIDITIES
    assert set(lead.fields) <= set(FIELDS)
    assert ("email" in lead.fields or "phone" in lead.fields) == (lead.validity == "usable") or lead.spam


@QUICK
@given(payloads | contract_payloads)
def test_normalising_its_own_fields_changes_nothing(payload):
    once = normalise(payload, {})
    twice = normalise(once.fields, {})

    assert twice.fields == once.fields
    assert {p.code for p in twice.problems} <= {"postal_code_unlikely"}


@QUICK
@given(contract_payloads, contract_payloads)
def test_defaults_never_replace_what_the_payload_said(payload, defaults):
    alone = normalise(payload, {})
    filled = normalise(payload, defaults)

    assert_storable(filled)
    context_free = set(alone.fields) - {"region", "postal_code", "phone", "country", "company_domain"}
    assert {k: filled.fields[k] for k in context_free} == {k: alone.fields[k] for k in context_free}


@QUICK
@given(payloads, st.dictionaries(any_text, st.sampled_from([*FIELDS, "submission_id", "custom.x", ""])))
def test_normalise_takes_any_mapping(payload, mapping):
    assert_storable(normalise(payload, {}, mapping))


@QUICK
@given(st.dictionaries(keys, scalars, max_size=10))
def test_the_order_of_keys_does_not_change_the_fields(payload):
    backwards = dict(reversed(payload.items()))

    assert normalise(payload, {}).fields == normalise(backwards, {}).fields


def test_normalise_takes_nesting_of_any_depth():
    payload: Any = "x"
    for level in range(50_000):
        payload = {"lead": payload} if level % 2 else [payload]

    lead = normalise({"email": "ops@example.com", "lead": payload}, {})

    assert lead.fields["email"] == "ops@example.com"
    assert FLATTEN_DEPTH < MAX_DEPTH


@QUICK
@given(any_text)
def test_cleaning_text_twice_changes_nothing(text):
    once = clean_text(text)

    assert clean_text(once) == once
    once.encode("utf-8")


@QUICK
@given(json_values)
def test_cleaned_json_is_stable_and_storable(value):
    once = clean_json(value)

    assert clean_json(once) == once
    json.dumps(once, allow_nan=False, ensure_ascii=False).encode("utf-8")


def test_clean_json_refuses_depth_without_recursion_error():
    value: Any = []
    for _ in range(100_000):
        value = [value]

    try:
        clean_json(value)
    except NestedTooDeep:
        return
    raise AssertionError("a hundred thousand levels were taken")


@QUICK
@given(
    st.binary(max_size=200)
    | st.builds(lambda text: text.encode("utf-8", "surrogatepass"), any_text)
    | st.builds(lambda value: json.dumps(value).encode(), json_values),
    st.sampled_from(
        (
            "", "application/json", "application/json; charset=latin-1", "application/vnd.api+json",
            "text/plain",
            "application/x-www-form-urlencoded", "multipart/form-data; boundary=X", "multipart/form-data",
            "application/json; charset=\0", "application/json; charset=hex", "image/png", ";;;=",
        )
    )
    | any_text,
)  # fmt: skip
def test_any_bytes_are_read_or_refused(body, content_type):
    code, payload = outcome(body, content_type)

    assert code in ("", *UNREADABLE)
    assert len(canonical_digest(payload)) == 64
    assert_storable(normalise(payload, {}))
