"""A value in, its one JSON text out, and back: what decisions store and digest.

orjson, because encoding is a fifth of deciding: snapshot, trace and outcome are texts of every decision.
"""

from typing import Any

import orjson


def canonical(value: Any) -> str:
    """JSON without spaces; key order is that of construction; aware datetimes as ISO 8601; named tuples as lists.

    Raises TypeError for what has no place in a decision (numbers past 64 bits, objects).
    """
    return orjson.dumps(value, default=_as_list).decode()


def _as_list(value: object) -> list[Any]:
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no place in a decision")


def mapping(text: str) -> dict[str, Any]:
    """The JSON object that the text is; an empty one for anything else, such as a trace that was erased."""
    try:
        found = orjson.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def ended(text: str) -> str:
    """A sentence with its end."""
    text = text.strip()
    return text if text.endswith((".", "?", "!")) else f"{text}."
