"""Conditions of a rule as inputs of the admin; the engine's own check says what is wrong, beside the input that is."""

from typing import Any

from django import forms

from owners.admin.base import PlainForm, ScopedInline
from routing.engine.fields import FIELD_KINDS, OPERATORS, OPERATORS_BY_KIND
from routing.engine.rules import check_condition
from routing.models import Condition
from routing.rule_values import parse_value, show_value


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
