"""Admin of named lists: what they are called and of what; their values have a page of their own."""

from django.contrib import admin, messages
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from owners.admin.base import LockedAdmin
from routing.list_imports import asked_by
from routing.models import NamedList


@admin.register(NamedList)
class NamedListAdmin(LockedAdmin):
    list_display = ["name", "key", "field", "values_link", "edited_at", "editor"]
    list_filter = ["field"]
    list_select_related = ["edited_by"]
    search_fields = ["name", "key", "note"]
    fields = ["name", "key", "field", "note", "values_link"]
    prepopulated_fields = {"key": ["name"]}
    readonly_fields = ["values_link"]

    def get_prepopulated_fields(self, request, obj=None):
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def get_readonly_fields(self, request, obj=None):
        """Rules name a list by its key and ask it about its field, as which its values were read."""
        fixed = ["key", "field"] if obj and (obj.size or asked_by(obj)) else ["key"] if obj else []
        return [*super().get_readonly_fields(request, obj), *fixed]

    @admin.display(description="edited by", ordering="edited_by")
    def editor(self, named):
        by = named.edited_by
        return by and (by.get_full_name() or by.username)

    @admin.display(description="values", ordering="size")
    def values_link(self, named):
        if named.pk is None:
            return "after it is saved"
        words = f"{named.size:,} value{'' if named.size == 1 else 's'}"
        return format_html('<a href="{}">{}</a>', reverse("pages:list-values", args=[named.pk]), words)

    def response_add(self, request, obj, post_url_continue=None):
        """A new list has no values yet: to where they are given, unless somebody wants to stay."""
        answer = super().response_add(request, obj, post_url_continue)
        stays = {"_addanother", "_continue", "_popup"} & request.POST.keys()
        return answer if stays else redirect("pages:list-values", obj.pk)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and (obj is None or not asked_by(obj))

    def delete_queryset(self, request, queryset):
        """What a rule asks about stays."""
        asked = [named for named in queryset if asked_by(named)]
        for named in asked:
            messages.error(request, f"{named.name} was not deleted: a rule asks about it.")
        queryset.exclude(pk__in=[named.pk for named in asked]).delete()
