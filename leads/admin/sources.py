"""Admin of lead types and sources. A source's token is shown once, when it is made; only its hash is kept."""

import json

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.utils.html import format_html

from leads.clean import NestedTooDeep, clean_json
from leads.models import LeadType, Source
from leads.tokens import rotate
from owners.admin.base import LockedAdmin, PlainForm

STILL_ACCEPTED = (
    "The previous token is still accepted, until a new token is made again or the action “Revoke the previous"
    " token” in the list ends it."
)


class ObjectField(forms.CharField):
    """A JSON object as text, cleaned of what a database cannot hold."""

    def __init__(self, **kwargs):
        kwargs.setdefault("required", False)
        kwargs.setdefault("max_length", 100_000)
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 6, "class": "vLargeTextField"}))
        super().__init__(**kwargs)

    def prepare_value(self, value):
        return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict) else value

    def clean(self, value):
        text = super().clean(value) or "{}"
        try:
            read = json.loads(text, parse_constant=_refuse)
            return clean_json(_object(read))
        except (ValueError, RecursionError, NestedTooDeep) as error:
            raise ValidationError('Write a JSON object, such as {"country": "DE"}.', code="not_an_object") from error

    def has_changed(self, initial, data):
        try:
            return self.clean(data) != (initial or {})
        except ValidationError:
            return True


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _object(value: object) -> dict:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


class SourceForm(PlainForm):
    defaults = ObjectField(help_text="Contract fields for leads that bring none, such as country.")
    field_mapping = ObjectField(help_text="Payload key to contract field.")


@admin.register(Source)
class SourceAdmin(LockedAdmin):
    form = SourceForm
    secret = ("token_hash", "previous_token_hash")
    list_display = ["name", "key", "kind", "lead_type", "owner", "active", "has_token"]
    list_filter = ["kind", "active", "lead_type"]
    list_select_related = ["lead_type", "owner"]
    search_fields = ["name", "key", "system_name"]
    autocomplete_fields = ["owner", "lead_type"]
    prepopulated_fields = {"key": ["name"]}
    readonly_fields = ["token_state"]
    actions = ["make_token", "revoke_previous_token"]
    fieldsets = [
        (None, {"fields": ["name", "key", "kind", "system_name", "owner", "lead_type", "active"]}),
        ("Access", {"fields": ["token_state", "rate_limit"]}),
        ("Reading", {"fields": ["defaults", "field_mapping", "blocked_patterns"]}),
    ]

    @admin.display(description="token", boolean=True)
    def has_token(self, source):
        return bool(source.token_hash)

    @admin.display(description="Token")
    def token_state(self, source):
        if not source.token_hash:
            return "None yet: one is made when the source is first saved."
        if source.previous_token_hash:
            return f"Set, not shown again. {STILL_ACCEPTED}"
        return (
            "Set, not shown again. The action “Make a new token” in the list makes another; this one then stays"
            " valid beside it, until it is revoked or yet another is made."
        )

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if not change:
            self._show_new_token(request, obj)

    @admin.action(description="Make a new token", permissions=["change"])
    def make_token(self, request, queryset):
        for source in queryset:
            self._show_new_token(request, source)
            self.log_change(request, source, "Made a new token.")

    @admin.action(description="Revoke the previous token", permissions=["change"])
    def revoke_previous_token(self, request, queryset):
        for source in queryset:
            if not source.previous_token_hash:
                messages.info(request, f"{source.name} has no previous token; nothing was revoked.")
                continue
            source.previous_token_hash = ""
            source.save(update_fields=["previous_token_hash"])
            self.log_change(request, source, "Revoked the previous token.")
            messages.success(request, f"The previous token of {source.name} is revoked; the newest stays valid.")

    def _show_new_token(self, request, source):
        show_token(request, source.name, rotate(source))
        if source.previous_token_hash:
            messages.warning(request, f"{source.name}: {STILL_ACCEPTED}")


def show_token(request, name: str, token: str) -> None:
    """Tell the person who made it, once."""
    messages.success(
        request, format_html("Token of {}: <code>{}</code> Copy it now: it is not shown again.", name, token)
    )


@admin.register(LeadType)
class LeadTypeAdmin(LockedAdmin):
    list_display = ["name", "key", "high_intent", "fills_caps"]
    list_filter = ["high_intent", "fills_caps"]
    search_fields = ["name", "key"]
    prepopulated_fields = {"key": ["name"]}
