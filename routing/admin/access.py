"""Admin of API tokens. A token is shown once, when it is made; only its hash is kept."""

from django.contrib import admin

from leads.admin.sources import show_token
from leads.tokens import hash_token, new_token
from owners.admin.changes import ToldChangesMixin
from owners.admin.scoped import ScopedMixin
from routing.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(ScopedMixin, ToldChangesMixin, admin.ModelAdmin):
    """There is no second token of a row: make a new row, and switch the old one off when nobody uses it."""

    secret = ("token_hash",)
    list_display = ["name", "scope", "user", "active", "created_at"]
    list_filter = ["scope", "active"]
    list_select_related = ["user"]
    search_fields = ["name", "user__username"]
    autocomplete_fields = ["user"]
    fields = ["name", "scope", "user", "active", "created_at"]
    readonly_fields = ["created_at"]

    def save_model(self, request, obj, form, change):
        token = None if change else new_token()
        if token:
            obj.token_hash = hash_token(token)
        super().save_model(request, obj, form, change)
        if token:
            show_token(request, obj.name, token)
