"""The leaves of a payload and what is known of its contacts in; the reason it is spam, or an empty text, out.

It only names the reason: the lead is stored and decided like any other, visibly rejected and restorable.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from leads.contract import squash
from leads.values import is_blank, read_flag, texts

REASONS = ("honeypot_filled", "disposable_email_no_phone", "blocked_pattern")

# Fields that forms hide from people, so that only a machine fills them (Formspree, Netlify, Elementor, Ninja
# Forms and our own examples). Compared as `squash` gives them.
HONEYPOT_FIELDS = (
    "_gotcha", "honeypot", "_honeypot", "honey_pot", "hp_field", "form_honeypot", "bot-field", "bot_field",
    "website_url_confirm", "leave_blank", "leave_this_blank", "leave_this_field_blank", "do_not_fill",
    "nf-field-hp", "b_honeypot", "_honey", "are_you_a_robot",
)  # fmt: skip
_HONEYPOTS = frozenset(squash(name) for name in HONEYPOT_FIELDS)

_LONGEST_HAYSTACK = 200_000
_MOST_PATTERNS = 1000


def spam_reason(
    leaves: Sequence[tuple[tuple[str, ...], Any, bool]],
    *,
    disposable_only: bool,
    blocked_patterns: Iterable[Any] = (),
    honeypot_fields: Iterable[Any] = (),
) -> str:
    """Give one of `REASONS`, or an empty text.

    `leaves` are (path, value, …) of the payload; `disposable_only` tells that the only contact is a
    throw-away address. A blocked pattern is a plain text that occurs in a value, or, with `*`, the shape of a
    whole value; case never matters. There are no regular expressions, so no pattern can hang.
    """
    more = [squash(str(name)) for name in honeypot_fields]
    if _honeypot_filled(leaves, _HONEYPOTS.union(more) if more else _HONEYPOTS):
        return "honeypot_filled"
    patterns = _usable_patterns(tuple(str(pattern) for pattern in blocked_patterns))
    if patterns and _blocked(leaves, patterns):
        return "blocked_pattern"
    return "disposable_email_no_phone" if disposable_only else ""


def _honeypot_filled(leaves: Sequence[tuple[tuple[str, ...], Any, bool]], names: frozenset[str]) -> bool:
    for path, value, _wrapped in leaves:
        if squash(path[-1]) in names and any(
            not is_blank(text) and read_flag(text) is not False for text in texts(value, 200)
        ):
            return True
    return False


@lru_cache(maxsize=64)
def _usable_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    # A pattern of nothing but stars would reject everybody.
    return tuple(p for p in (p.strip().casefold() for p in patterns[:_MOST_PATTERNS]) if p.strip("*"))


def _blocked(leaves: Sequence[tuple[tuple[str, ...], Any, bool]], patterns: tuple[str, ...]) -> bool:
    values: list[str] = []
    room = _LONGEST_HAYSTACK
    for _path, value, _wrapped in leaves:
        for text in texts(value, room):
            values.append(text.casefold())
            room -= len(text)
        if room <= 0:
            break
    everything = "\n".join(values)
    return any(
        any(matches(pattern, value) for value in values) if "*" in pattern else pattern in everything
        for pattern in patterns
    )


def matches(pattern: str, value: str) -> bool:
    """Tell whether the whole value has the shape of a pattern in which `*` is any text; in linear time."""
    if "*" not in pattern:
        return value == pattern
    first, *middle, last = pattern.split("*")
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    place, end = len(first), len(value) - len(last)
    for piece in middle:
        found = value.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True
