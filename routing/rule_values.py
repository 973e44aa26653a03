"""A condition's value as people type it in, the JSON value that rules compare with out, and back.

Numbers for number fields, yes/no words for flags, the codes of vocabularies, a list with commas where the
operator takes several; whether it fits, the engine's own check says.
"""

import re
from typing import Any

from owners.words import join_words, split_words
from routing.engine.fields import FIELD_KINDS
from routing.vocabulary import read_word

TAKE_SEVERAL = ("one_of", "none_of", "between")
COMPARE_WHOLE = ("is", "is_not", "one_of", "none_of")
"""Operators of whole words; a part of a word, as “starts with” takes it, is in no vocabulary."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


def parse_value(field: str, operator: str, text: str) -> Any:
    """The value that `text` means for this field and operator; None for an empty text.

    What cannot be read as the field's kind stays the text it is, so that the check can name it. Raises
    ValidationError: `not_words` for a list with stray quotation marks, `not_in_vocabulary` for a word that no
    lead can have.
    """
    text = text.strip()
    if not text:
        return None
    words = split_words(text) if operator in TAKE_SEVERAL else [text]
    if operator in COMPARE_WHOLE:
        words = list(dict.fromkeys(read_word(field, word) for word in words))
    values = [_parse_one(field, word) for word in words]
    return values if operator in TAKE_SEVERAL else values[0]


def _parse_one(field: str, text: str) -> Any:
    kind = FIELD_KINDS.get(field)
    if kind == "number" and _NUMBER.fullmatch(text):
        number = float(text)
        return int(number) if number.is_integer() else number
    if kind == "flag":
        return _FLAGS.get(text.lower(), text)
    return text


def show_value(value: Any) -> str:
    """The text that `parse_value` reads back as this value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return join_words(value) if isinstance(value, list) else str(value)
