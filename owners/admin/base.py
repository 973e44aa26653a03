"""What the admin screens of all apps share: saving under the writer lock, records that nobody edits, readable
texts. Leaves alone which models there are.
"""

import json
from typing import ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import IntegrityError
from django.db.models import BaseConstraint, PositiveIntegerField
from django.forms.models import _get_foreign_key
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from owners.acting import acting
from owners.admin import later
from owners.admin.changes import ToldChangesMixin
from owners.admin.scoped import ScopedMixin
from owners.inputs import WordsFormField
from owners.models import LONGEST_MINUTES, WordsField
from owners.writer import writing

INLINE_LIMIT = 100
"""Rows of a kind that one page edits: Django refuses over 1,000 fields, and a row has up to seven."""

LARGEST = 2**31 - 1
"""The largest number of a column."""


class PlainForm(forms.ModelForm):
    """A model form that says in `sentences` what a broken constraint means, by the constraint's name."""

    sentences: ClassVar[dict[str, str]] = {}

    def _update_errors(self, errors):
        default = BaseConstraint.default_violation_error_message
        known = {default % {"name": name}: sentence for name, sentence in self.sentences.items()}
        for error in getattr(errors, "error_dict", {}).get(NON_FIELD_ERRORS, []):
            error.message = known.get(error.message, error.message)
        super()._update_errors(errors)


class WordsMixin:
    """Shows lists of words as one line with commas, and takes no number that PostgreSQL or a calendar cannot."""

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if isinstance(db_field, PositiveIntegerField):  # SQLite alone would take any
            kwargs.setdefault("max_value", LONGEST_MINUTES if db_field.name.endswith("_minutes") else LARGEST)
        if isinstance(db_field, WordsField):
            return WordsFormField(label=db_field.verbose_name.capitalize(), help_text=db_field.help_text)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class LockedAdmin(ScopedMixin, ToldChangesMixin, WordsMixin, admin.ModelAdmin):
    """Every change runs under the writer lock from its first look at the rows on: what was checked holds
    when it is written, and routing never sees half of it.
    """

    form = PlainForm
    list_per_page = 50

    def response_change(self, request, obj):
        request.changed_row = obj
        return super().response_change(request, obj)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        answer = self._locked(request, super().changeform_view, object_id, form_url, extra_context)
        if changed := getattr(request, "changed_row", None):
            later.say_after(request, changed)  # after the commit: what it counts must hold no writer up
        return answer

    def delete_view(self, request, object_id, extra_context=None):
        return self._locked(request, super().delete_view, object_id, extra_context)

    def changelist_view(self, request, extra_context=None):
        return self._locked(request, super().changelist_view, extra_context)

    def _locked(self, request, view, *args):
        if request.method != "POST":
            return view(request, *args)
        try:
            with acting(request.user.pk), writing():
                return view(request, *args)
        except IntegrityError:
            # What no form sees: two rows that exchange a value which may occur only once.
            messages.error(
                request,
                "Nothing was saved: for a moment two rows would have had the same values. Save in two steps.",
            )
            return HttpResponseRedirect(request.get_full_path())


class LimitedInlines:
    """Leaves out the inlines of an object that has more rows than one page edits; those have a list."""

    def get_inlines(self, request, obj):
        inlines = super().get_inlines(request, obj)
        return [inline for inline in inlines if obj is None or _is_short(inline, obj)]


def _is_short(inline: type, obj) -> bool:
    key = _get_foreign_key(type(obj), inline.model, fk_name=inline.fk_name)
    rows = inline.model._default_manager.filter(**{key.name: obj})
    if shown := getattr(inline, "shown", None):
        rows = shown(rows)
    return rows[: INLINE_LIMIT + 1].count() <= INLINE_LIMIT


class ScopedInline(ScopedMixin, WordsMixin, admin.TabularInline):
    """Rows edited with their parent, as far as the person sees them."""

    extra = 0

    def get_formset(self, request, obj=None, **kwargs):
        """Django draws up to 2,000 rows that a post merely claims, for ten seconds under the writer lock."""
        formset = super().get_formset(request, obj, **kwargs)
        formset.absolute_max = 2 * INLINE_LIMIT
        return formset


class ReadOnlyInline(ScopedInline):
    """Rows shown with their parent; each links to its own page where it has one."""

    can_delete = False
    show_change_link = True

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False


class RecordAdmin(ScopedMixin, admin.ModelAdmin):
    """A record of what happened: shown, searched, never added, changed or deleted here."""

    list_per_page = 50
    show_full_result_count = False
    heavy: ClassVar[tuple[str, ...]] = ()
    """Columns that only the record's own page reads."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def get_queryset(self, request):
        return super().get_queryset(request).defer(*self.heavy)


def preformatted(text: str):
    """The text as it stands, escaped, in a block that keeps its lines."""
    return format_html("<pre>{}</pre>", text)


def pretty(value: object):
    """A JSON value with indentation, escaped."""
    return preformatted(json.dumps(value, indent=2, ensure_ascii=False))


def pretty_json(text: str):
    """A JSON text with indentation, escaped; as it stands where it is no JSON."""
    try:
        return pretty(json.loads(text))
    except (ValueError, RecursionError):
        return preformatted(text)


def link_to_list(model: type, label: str, **filters: object):
    """A link to the list of `model` that shows the rows with these values."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', address, urlencode(filters), label)
