"""Admin of rule-set versions: their list, who answers for them, copies. Steps and rules are edited on their path."""

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.timezone import localtime, now

from owners.admin.base import LockedAdmin, pretty_json
from routing.admin.rules import DRAFT
from routing.copying import copy
from routing.models import RuleSetVersion
from routing.revision import canonical_json

BADGES = {"draft": ("warn", "draft"), "published": ("good", "live"), "retired": ("", "retired")}


@admin.register(RuleSetVersion)
class VersionAdmin(LockedAdmin):
    ordering = ["-id"]  # said here: a list with counts is grouped, and then the model's own order is not kept
    list_display = ["version_shown", "state_shown", "purpose", "rule_count", "owner", "published_shown"]
    list_display_links = None  # the first column leads to the rules, not to the settings
    list_filter = ["state"]
    list_select_related = ["owner", "published_by"]
    search_fields = ["id__exact", "purpose", "owner__name"]
    autocomplete_fields = ["owner"]
    readonly_fields = [
        "state", "rules_link", "created_at", "based_on", "restores", "published_at", "published_by", "digest",
        "content_shown",
    ]  # fmt: skip
    actions = ["copy_selected"]

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(rules_in_all=Count("rules"))

    def get_fieldsets(self, request, obj=None):
        own = ["owner", "purpose", "time_zone", "review_days"]
        if obj is None:
            return [(None, {"fields": own})]
        about = ["state", "rules_link", "created_at", "based_on", "restores"]
        if obj.state == DRAFT:
            return [(None, {"fields": own}), ("About it", {"fields": about})]
        return [
            (None, {"fields": own}),
            ("About it", {"fields": [*about, "published_at", "published_by", "digest"]}),
            ("What routing reads", {"fields": ["content_shown"], "classes": ["collapse"]}),
        ]

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (obj is None or obj.state == DRAFT)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and (obj is None or obj.state == DRAFT)

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        # Whoever has read the draft in order to publish, approve or edit it is told that it changed.
        RuleSetVersion.objects.filter(pk=form.instance.pk, state=DRAFT).update(edition=F("edition") + 1)

    def response_add(self, request, obj, post_url_continue=None):
        messages.success(request, f"Draft {obj.pk} is made. Add its rules step by step.")
        return self._back_to(obj)

    @admin.display(description="version", ordering="id")
    def version_shown(self, version):
        word = "Draft" if version.state == DRAFT else "Version"
        return format_html('<a href="{}">{} {}</a>', reverse("pages:rules", args=[version.pk]), word, version.pk)

    @admin.display(description="state", ordering="state")
    def state_shown(self, version):
        return format_html('<span class="badge {}">{}</span>', *BADGES[version.state])

    @admin.display(description="rules", ordering="rules_in_all")
    def rule_count(self, version):
        return f"{version.rules_in_all:,}"

    @admin.display(description="published", ordering="published_at")
    def published_shown(self, version):
        if version.publish_at:
            return f"scheduled for {localtime(version.publish_at):%-d %b %Y, %H:%M %Z}"
        if version.published_at is None:
            return "refused when its time came" if version.publish_refused else "not yet"
        who = version.published_by
        by = f", {who.get_full_name() or who.username}" if who else ""
        return f"{localtime(version.published_at):%-d %b %Y, %H:%M %Z}{by}"

    @admin.display(description="Frozen content")
    def content_shown(self, version):
        return pretty_json(canonical_json(version.content))

    @admin.display(description="Rules")
    def rules_link(self, version):
        address = reverse("pages:rules", args=[version.pk])
        return format_html('<a href="{}">Steps and rules of this version</a>', address)

    # --- copying ---

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path("<path:object_id>/copy/", view(self.copy_view), name="routing_rulesetversion_copy"),
            *super().get_urls(),
        ]

    def render_change_form(self, request, context, *args, obj=None, **kwargs):
        context["may_publish"] = obj is not None and self.has_change_permission(request, obj)
        context["may_copy"] = obj is not None and self.has_add_permission(request)
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def copy_view(self, request, object_id):
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_add_permission(request):
            raise PermissionDenied
        version = self.get_object(request, unquote(object_id))
        if version is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self._back_to(self._copy(request, version))

    @admin.action(description="Copy to a new draft", permissions=["add"])
    def copy_selected(self, request, queryset):
        for version in queryset:
            self._copy(request, version)

    def _copy(self, request, version):
        draft = copy(version, request.user, now())
        messages.success(request, f"Version {draft.pk} is a new draft, a copy of version {version.pk}.")
        return draft

    def _back_to(self, version):
        return HttpResponseRedirect(reverse("pages:rules", args=[version.pk]))
