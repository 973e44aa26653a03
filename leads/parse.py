"""The bytes of a posted body and their content type in; one cleaned JSON object or `Unreadable` out.

It knows JSON (RFC 8259), URL-encoded forms (WHATWG URL, section 5) and multipart forms (RFC 7578), and leaves
alone what the keys mean. The caller keeps the bytes as they came, so every leniency here can be undone.
"""

import codecs
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import multipart

from leads.clean import NestedTooDeep, clean_json, clean_text

UNREADABLE = (
    "empty_body",
    "malformed_json",
    "malformed_form",
    "not_an_object",
    "nested_too_deep",
    "number_not_finite",
    "bad_encoding",
    "unsupported_media_type",
)

MAX_FORM_FIELDS = 1000

# Longest first: the mark of UTF-32-LE begins with the mark of UTF-16-LE.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# Python knows these as text encodings, but no sender means them: they are escapes, and some decode in
# quadratic time.
_NOT_CHARSETS = {
    "idna",
    "punycode",
    "unicode_escape",
    "raw_unicode_escape",
    "undefined",
    "utf-7",
    "mbcs",
    "oem",
}

# The WHATWG Encoding Standard reads these labels as windows-1252, because that is what their senders write.
_READ_AS_WINDOWS_1252 = {"iso8859-1", "ascii"}

_FORM_LIKE = re.compile(rb"[^\s<>{}\"=&]{1,200}=")
_JSON_TYPES = ("application/json", "text/json", "application/x-json")
_PARAMETER = re.compile(r';\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]*))')


class Unreadable(ValueError):
    """A body that is no lead: a stable `code` of `UNREADABLE`, and in `detail` a sentence without values."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Parsed:
    """A readable body: its payload, and how it was read.

    `notes` are words such as `duplicate_key:email`, `file:cv` and `decoded_as:windows-1252`.
    """

    payload: dict[str, Any]
    notes: tuple[str, ...] = ()


def parse_body(body: bytes, content_type: str = "") -> dict[str, Any]:
    """Give the payload of a body, cleaned; raises Unreadable. `read_body` also tells how it was read."""
    return read_body(body, content_type).payload


def read_body(body: bytes, content_type: str = "") -> Parsed:
    """Give payload and notes of a body; raises Unreadable.

    Of a key that occurs twice in one JSON object the last value wins, as in browsers, and a note says so. A
    form field that occurs more than once becomes a list. A file of a multipart form is left out; its name
    stands in its place. A missing or unknown type is sniffed.
    """
    if not body.strip(b" \t\r\n\0"):
        raise Unreadable("empty_body", "The body is empty.")
    media_type, parameters = split_content_type(content_type)
    notes: list[str] = []
    shape = _shape(body, media_type)
    if shape == "multipart":
        payload = _fold(_multipart_pairs(body, parameters, notes), parameters, notes)
    elif shape == "form":
        payload = _fold(_urlencoded_pairs(body, parameters), parameters, notes)
    else:
        payload = _json_object(_decode(body, parameters.get("charset", ""), notes, is_json=True), notes)
    try:
        return Parsed(clean_json(payload), tuple(notes))
    except NestedTooDeep:
        raise Unreadable("nested_too_deep", "The body is nested too deeply.") from None


def canonical_digest(payload: Mapping[str, Any]) -> str:
    """Give the SHA-256 of a payload as 64 hex digits; order of keys, white space and encoding do not matter.

    It serves as submission id for a sender that gives none.
    """
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return sha256(text.encode("ascii")).hexdigest()


def split_content_type(content_type: str | None) -> tuple[str, dict[str, str]]:
    """Split `text/plain; charset=utf-8` into lower-cased type and parameters (RFC 9110, section 8.3)."""
    head, _, rest = (content_type or "").partition(";")
    parameters: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(";" + rest):
        parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) or plain)
    return head.strip().lower(), parameters


def _shape(body: bytes, media_type: str) -> str:
    """Name how a body is to be read: `json`, `form` or `multipart`."""
    if media_type in _JSON_TYPES or media_type.endswith("+json"):
        return "json"
    if media_type == "multipart/form-data":
        return "multipart"
    looks_like = _sniff(body)
    if media_type == "application/x-www-form-urlencoded":
        # `curl -d '{"email": ...}'` declares a form. No form starts with a brace: a browser would escape it.
        return "json" if looks_like == "json" else "form"
    if looks_like:
        return looks_like
    if media_type:
        raise Unreadable("unsupported_media_type", "The body is neither JSON nor a form.")
    raise Unreadable("malformed_json", "The body has no content type and is neither JSON nor a form.")


def _sniff(body: bytes) -> str:
    start = body[:512]
    for mark, _encoding in _BYTE_ORDER_MARKS:
        start = start.removeprefix(mark)
    start = start.replace(b"\0", b"").lstrip()
    if start[:1] in (b"{", b"[", b'"'):
        return "json"
    return "form" if _FORM_LIKE.match(start) else ""


def _decode(body: bytes, charset: str, notes: list[str], is_json: bool = False) -> str:
    """Decode a body: byte order mark, then declared charset, then UTF-8, then windows-1252.

    The last step is for old forms that post "Müller" in one byte per letter and declare nothing. Their
    senders expect the name to arrive, browsers would read it so, and a note keeps the doubt visible; refusing
    would turn a buyer into a review item. What declares a charset and breaks it is refused: there the sender
    has told us that our guess would be wrong.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return _decode_strictly(body, encoding)
    if charset:
        return _decode_strictly(body, _python_encoding(charset))
    try:
        return body.decode(json.detect_encoding(body) if is_json else "utf-8")
    except UnicodeDecodeError:
        text = _decode_strictly(body, "windows-1252")
    notes.append("decoded_as:windows-1252")
    return text


def _decode_strictly(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding)
    except (UnicodeError, LookupError, ValueError):
        raise Unreadable("bad_encoding", "The body is not text in its encoding.") from None


def _python_encoding(charset: str) -> str:
    try:
        name = codecs.lookup(charset.strip()).name
    except (LookupError, ValueError):
        name = "undefined"
    if name in _NOT_CHARSETS:
        raise Unreadable("bad_encoding", "The declared charset is unknown.")
    return "windows-1252" if name in _READ_AS_WINDOWS_1252 else name


def _json_object(text: str, notes: list[str]) -> dict[str, Any]:
    def as_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            _note_duplicates(pairs, notes)
        return found

    if not text.strip():
        raise Unreadable("empty_body", "The body is empty.")
    try:
        value = json.loads(
            text,
            object_pairs_hook=as_dict,
            parse_float=_finite_float,
            parse_int=_bounded_int,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise Unreadable("nested_too_deep", "The JSON is nested too deeply.") from None
    except json.JSONDecodeError as error:
        detail = f"The JSON is broken at line {error.lineno}, column {error.colno}."
        raise Unreadable("malformed_json", detail) from None
    if not isinstance(value, dict):
        raise Unreadable("not_an_object", "The JSON is not an object.")
    return value


def _note_duplicates(pairs: list[tuple[str, Any]], notes: list[str]) -> None:
    seen: set[str] = set()
    for key, _value in pairs:
        if key in seen and len(notes) < 20:
            notes.append(f"duplicate_key:{clean_text(key, 80)}")
        seen.add(key)


def _finite_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Unreadable("number_not_finite", "A number is too large.")
    return number


def _bounded_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # more digits than sys.int_info.default_max_str_digits, 4300
        raise Unreadable("number_not_finite", "A number has too many digits.") from None


def _refuse_constant(name: str) -> float:
    raise Unreadable("number_not_finite", "JSON has no NaN and no Infinity.")


def _urlencoded_pairs(body: bytes, parameters: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Give names and values of a URL-encoded body as bytes, the percent escapes undone but not decoded."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            body = _decode_strictly(body, encoding).lstrip("\ufeff").encode()
    try:
        # Latin-1 maps each byte to one character and back, so it carries bytes through a text function.
        pairs = parse_qsl(
            body.strip().decode("latin-1"),
            keep_blank_values=True,
            max_num_fields=MAX_FORM_FIELDS,
            encoding="latin-1",
        )
    except ValueError:
        raise Unreadable("malformed_form", "The form has too many fields.") from None
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def _multipart_pairs(body: bytes, parameters: Mapping[str, str], notes: list[str]) -> list[tuple[bytes, bytes]]:
    """Give names and values of a multipart body as bytes; a file's value is its file name."""
    pairs: list[tuple[bytes, bytes]] = []
    current: multipart.MultipartSegment | None = None
    chunks: list[bytes] = []
    try:
        parser = multipart.PushMultipartParser(
            parameters.get("boundary", ""),
            max_segment_count=MAX_FORM_FIELDS,
            header_charset="latin-1",
        )
        with parser:
            for event in (*parser.parse(body), *parser.parse(b"")):
                if isinstance(event, multipart.MultipartSegment):
                    current, chunks = event, []
                elif event is not None:
                    chunks.append(bytes(event))
                elif current is not None:
                    pairs.append(_multipart_pair(current, b"".join(chunks), notes))
    except (multipart.MultipartError, UnicodeError, ValueError):
        raise Unreadable("malformed_form", "The multipart form is broken.") from None
    return pairs


def _multipart_pair(segment: multipart.MultipartSegment, content: bytes, notes: list[str]) -> tuple[bytes, bytes]:
    name = segment.name or ""
    if segment.filename is None:
        return name.encode("latin-1"), content
    if segment.filename:
        notes.append(f"file:{clean_text(name, 80)}")
    return name.encode("latin-1"), segment.filename.encode("latin-1")


def _fold(pairs: Iterable[tuple[bytes, bytes]], parameters: Mapping[str, str], notes: list[str]) -> dict[str, Any]:
    """Fold form pairs into one object. One encoding is chosen for all, so that names and values agree."""
    pairs = list(pairs)
    whole = b"\n".join(part for pair in pairs for part in pair)
    charset = parameters.get("charset", "")
    encoding = _python_encoding(charset) if charset else _form_encoding(whole, notes)
    payload: dict[str, Any] = {}
    for raw_name, raw_value in pairs:
        name, value = _decode_strictly(raw_name, encoding), _decode_strictly(raw_value, encoding)
        if name not in payload:
            payload[name] = value
        elif isinstance(payload[name], list):
            payload[name].append(value)
        else:
            payload[name] = [payload[name], value]
    if not payload:
        raise Unreadable("empty_body", "The form has no fields.")
    return payload


def _form_encoding(whole: bytes, notes: list[str]) -> str:
    try:
        whole.decode()
    except UnicodeDecodeError:
        _decode_strictly(whole, "windows-1252")
        notes.append("decoded_as:windows-1252")
        return "windows-1252"
    return "utf-8"
