"""Bodies as senders post them: what is read, and which code names what cannot be."""

import json

import pytest

from leads.parse import Parsed, Unreadable, canonical_digest, parse_body, read_body

MUELLER = {"name": "Müller"}
TEXT = json.dumps(MUELLER, ensure_ascii=False)
MULTIPART = "multipart/form-data; boundary=X"


def part(name: str, content: bytes, filename: str = "") -> bytes:
    file = f'; filename="{filename}"' if filename else ""
    head = f'--X\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (TEXT.encode(), "application/json"),
        (TEXT.encode(), "application/json; charset=UTF-8"),
        (TEXT.encode(), "application/vnd.api+json"),
        (TEXT.encode(), ""),
        (TEXT.encode(), "text/plain;charset=UTF-8"),
        (TEXT.encode(), "application/octet-stream"),
        (TEXT.encode(), "application/x-www-form-urlencoded"),  # what `curl -d` declares
        (TEXT.encode("utf-8-sig"), "application/json"),
        (TEXT.encode("utf-16"), "application/json"),
        (TEXT.encode("utf-16"), "application/json; charset=utf-8"),  # the byte order mark knows better
        (TEXT.encode("utf-16-le"), "application/json"),
        (TEXT.encode("utf-32"), ""),
        (TEXT.encode("latin-1"), "application/json; charset=iso-8859-1"),
        (TEXT.encode("cp1252"), "application/json"),
        ("name=Müller".encode(), "application/x-www-form-urlencoded"),
        (b"name=M%C3%BCller", "application/x-www-form-urlencoded"),
        (b"name=M%FCller", "application/x-www-form-urlencoded"),
        (b"name=M%FCller", ""),
        (b"name=M%FCller", "application/x-www-form-urlencoded; charset=latin-1"),
        (part("name", "Müller".encode()) + b"--X--\r\n", MULTIPART),
        (part("name", "Müller".encode("cp1252")) + b"--X--\r\n", 'multipart/form-data; boundary="X"'),
    ],
)
def test_a_name_arrives_in_every_encoding_and_shape(body, content_type):
    assert parse_body(body, content_type) == MUELLER


@pytest.mark.parametrize(
    ("code", "body", "content_type"),
    [
        ("empty_body", b"", "application/json"),
        ("empty_body", b" \r\n\0", ""),
        ("empty_body", b"&&", "application/x-www-form-urlencoded"),
        ("empty_body", b"--X--\r\n", MULTIPART),
        ("malformed_json", b'{"email": ', "application/json"),
        ("malformed_json", b"{'email': 'x'}", "application/json"),
        ("malformed_json", b"email=x", "application/json"),
        ("malformed_json", b"hello there", ""),
        ("malformed_form", part("email", b"x"), MULTIPART),
        ("malformed_form", b"x", "multipart/form-data"),
        ("malformed_form", b"a=1&" * 2000, "application/x-www-form-urlencoded"),
        ("not_an_object", b'[{"email": "x"}]', "application/json"),
        ("not_an_object", b"17", "application/json"),
        ("not_an_object", b"null", "application/json"),
        ("nested_too_deep", b'{"a":' * 100 + b"1" + b"}" * 100, "application/json"),
        ("nested_too_deep", b'{"a":' + b"[" * 200_000, "application/json"),
        ("number_not_finite", b'{"score": NaN}', "application/json"),
        ("number_not_finite", b'{"score": -Infinity}', "application/json"),
        ("number_not_finite", b'{"score": 1e999}', "application/json"),
        ("number_not_finite", b'{"score": ' + b"9" * 4301 + b"}", "application/json"),
        ("bad_encoding", TEXT.encode("latin-1"), "application/json; charset=utf-8"),
        ("bad_encoding", TEXT.encode(), "application/json; charset=klingon"),
        ("bad_encoding", TEXT.encode(), "application/json; charset=punycode"),
        ("bad_encoding", TEXT.encode(), "application/json; charset=hex"),
        ("bad_encoding", b'{"name": "\x81"}', "application/json"),
        ("bad_encoding", b"\xff\xfe{\x00x", "application/json"),
        ("bad_encoding", b"name=%81", ""),
        ("unsupported_media_type", b"<lead/>", "application/xml"),
        ("unsupported_media_type", b"\x89PNG\r\n", "image/png"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_code(code, body, content_type):
    with pytest.raises(Unreadable) as refusal:
        parse_body(body, content_type)

    assert refusal.value.code == code
    assert refusal.value.detail.endswith(".")


def test_a_refusal_names_the_place_but_no_value():
    with pytest.raises(Unreadable) as refusal:
        parse_body(b'{"email": "secret@example.com",}', "application/json")

    assert refusal.value.code == "malformed_json"
    assert refusal.value.detail == "The JSON is broken at line 1, column 32."
    assert "secret" not in str(refusal.value)


def test_nul_and_lone_surrogates_are_taken_out_and_pairs_kept():
    body = rb'{"na\u0000me": "A\u0000nn\ud800a \ud83d\ude00", "list": ["\udfff"]}'

    assert parse_body(body, "application/json") == {"name": "Anna 😀", "list": [""]}


def test_of_a_duplicate_key_the_last_value_wins_and_is_noted():
    parsed = read_body(b'{"email": "a", "email": "b"}', "application/json")

    assert parsed == Parsed({"email": "b"}, ("duplicate_key:email",))


def test_a_repeated_form_field_is_a_list():
    assert parse_body(b"a=1&b=2&a=3&a=4&c=", "") == {"a": ["1", "3", "4"], "b": "2", "c": ""}


def test_a_guessed_encoding_is_noted():
    assert read_body(TEXT.encode("cp1252"), "").notes == ("decoded_as:windows-1252",)
    assert read_body(TEXT.encode(), "").notes == ()


def test_a_file_is_named_and_left_out():
    body = part("email", b"a@example.com") + part("cv", b"\xff\0\xfe" * 50, "cv.pdf") + b"--X--\r\n"

    parsed = read_body(body, MULTIPART)

    assert parsed == Parsed({"email": "a@example.com", "cv": "cv.pdf"}, ("file:cv",))


def test_the_digest_ignores_order_and_sees_values():
    assert canonical_digest({"a": 1, "b": [2]}) == canonical_digest({"b": [2], "a": 1})
    assert canonical_digest({"a": 1}) != canonical_digest({"a": 2})
    assert canonical_digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
