"""The bytes of a payload in; a text that is safe to be shown, its kind and its size, out."""

import json
from typing import NamedTuple
from urllib.parse import parse_qsl

SHOWN_CHARACTERS = 20_000
SHOWN_BYTES = 4_096


class Readable(NamedTuple):
    """`kind`: JSON, form, text or bytes; `size`: of the whole payload, in bytes; `cut`: whether there is more."""

    text: str
    kind: str
    size: int
    cut: bool


def readable(body: bytes, content_type: str = "") -> Readable:
    """The payload laid out: JSON indented, a form line by line, other text as it is, else hex digits."""
    text = _text(body)
    if text is None:
        rows = "\n".join(body[at : at + 32].hex(" ") for at in range(0, min(len(body), SHOWN_BYTES), 32))
        return Readable(rows, "bytes", len(body), len(body) > SHOWN_BYTES)
    laid_out, kind = _laid_out(text, content_type)
    # Half a surrogate pair, as "\\ud800" in JSON names it, is no text that a page can be sent with.
    laid_out = laid_out[: SHOWN_CHARACTERS + 1].encode("utf-8", "backslashreplace").decode("utf-8")
    return Readable(laid_out[:SHOWN_CHARACTERS], kind, len(body), len(laid_out) > SHOWN_CHARACTERS)


def _text(body: bytes) -> str | None:
    """UTF-8 text without control characters, else None."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if any(not (sign.isprintable() or sign in "\t\r\n\ufeff") for sign in text) else text


def _laid_out(text: str, content_type: str) -> tuple[str, str]:
    if "urlencoded" in content_type:
        return "\n".join(f"{name} = {value}" for name, value in parse_qsl(text, keep_blank_values=True)), "form"
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        try:
            return json.dumps(json.loads(text), ensure_ascii=False, indent=2), "JSON"
        except (ValueError, RecursionError):
            return text, "text"
    return text, "text"
