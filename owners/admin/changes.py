"""A saved form in, what it changed out, in words with the values before and after, for the object's history."""

from typing import Any

from django.contrib.admin.utils import construct_change_message
from django.db.models import Model, QuerySet

LONGEST = 80
"""Characters of a value that the history keeps."""


class ToldChangesMixin:
    """For a model admin: the history says who, when, and each field before and after."""

    tells_values = True
    """False where values are about people who wrote in: then the history names the fields only."""

    def construct_change_message(self, request, form, formsets, add=False):
        said = construct_change_message(form, formsets, add)
        if not self.tells_values:
            return said
        for part in said:
            changed = part.get("changed")
            if changed is not None and "name" not in changed:
                changed["fields"] = told(form)
        return [part for part in said if "name" not in part.get("changed", {})] + _rows_told(formsets)


def told(form: Any) -> list[str]:
    """Each changed field of a form as “label (before → after)”."""
    return [_told_field(form, name) for name in form.changed_data]


def _rows_told(formsets: Any) -> list[dict[str, Any]]:
    """Changed rows of inlines, in the shape of Django's own messages."""
    return [
        {"changed": {"name": str(form.instance._meta.verbose_name), "object": str(form.instance), "fields": told(form)}}
        for formset in formsets or ()
        for form in formset.initial_forms
        if form.has_changed() and form not in formset.deleted_forms
    ]


def _told_field(form: Any, name: str) -> str:
    field = form.fields[name]
    before, after = form.get_initial_for_field(field, name), form.cleaned_data.get(name)
    label = str(field.label or name)
    return f"{label} ({_in_words(field, before)} → {_in_words(field, after)})"


def _in_words(field: Any, value: Any) -> str:
    """A value as people read it: the name of a row, the label of a choice."""
    if isinstance(value, Model):
        text = str(value)
    elif hasattr(field, "queryset") and value is not None:
        text = _names(field.queryset, value)
    elif isinstance(value, list):
        text = ", ".join(map(str, value))
    else:
        choices = dict(_flat(getattr(field, "choices", ())))
        text = str(choices.get(value, "" if value is None else value))
    text = " ".join(text.split())
    return (f"{text[:LONGEST]}…" if len(text) > LONGEST else text) or "nothing"


def _names(rows: QuerySet, value: Any) -> str:
    keys = [getattr(key, "pk", key) for key in value] if isinstance(value, (list, tuple, QuerySet)) else [value]
    return ", ".join(str(row) for row in rows.model._default_manager.filter(pk__in=keys))


def _flat(choices: Any) -> list[tuple[Any, Any]]:
    """Choices without their groups."""
    pairs = []
    for value, label in choices:
        pairs += label if isinstance(label, (list, tuple)) else [(value, label)]
    return pairs
