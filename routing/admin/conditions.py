"""A condition's value as people type it in, the JSON value that rules compare with out, and back.

Numbers for number fields, yes/no words for flags, the codes of vocabularies, a list with commas where the
operator takes several; the engine's own check says what is wrong, beside the input that is.
"""

import re
from typing import Any

from django import forms

from owners.admin.base import PlainForm, ScopedInline
from owners.admin.words import join_words, split_words
from routing.admin.vocabulary import read_word
from routing.engine.conditions import FIELD_KINDS, OPERATORS, OPERATORS_BY_KIND
from routing.engine.rules import check_condition
from routing.models import Condition

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


def in_words(conditions: list[Condition]) -> str:
    """Conditions as one line: those of a group joined with “and”, groups with “or”; “always” without any."""
    groups: dict[int, list[str]] = {}
    for condition in sorted(conditions, key=lambda condition: (condition.group, condition.pk)):
        parts = (condition.get_field_display(), condition.get_operator_display(), show_value(condition.value))
        groups.setdefault(condition.group, []).append(" ".join(parts).strip())
    return "; or ".join(" and ".join(group) for group in groups.values()) or "always"


class ConditionForm(PlainForm):
    value = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="A text or a number; several with commas. Empty for “is blank” and “is yes”.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial["value"] = show_value(self.initial.get("value"))

    def clean(self):
        cleaned = super().clean()
        if {"field", "operator", "value"} <= cleaned.keys():
            self._read(cleaned)
        return cleaned

    def _read(self, cleaned: dict[str, Any]) -> None:
        field, operator = cleaned["field"], cleaned["operator"]
        try:
            cleaned["value"] = parse_value(field, operator, cleaned["value"])
        except forms.ValidationError as error:
            self.add_error("value", error)
            return
        if problem := check_condition(field, operator, cleaned["value"]):
            fits = operator in OPERATORS_BY_KIND[FIELD_KINDS[field]] and operator in OPERATORS
            self.add_error("value" if fits else "operator", problem)


class ConditionInline(ScopedInline):
    model = Condition
    form = ConditionForm
    fields = ["group", "field", "operator", "value"]
    verbose_name_plural = "conditions: all rows of a group are needed, groups are alternatives; none: always"

    def has_add_permission(self, request, obj=None):
        return super().has_add_permission(request, obj) and (obj is None or obj.version.state == "draft")

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (obj is None or obj.version.state == "draft")

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and (obj is None or obj.version.state == "draft")
