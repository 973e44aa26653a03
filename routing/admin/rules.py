"""The list of all rules in the admin: searched and filtered here, read and edited on the page of one rule."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from owners.admin.base import LockedAdmin
from routing.engine.rules import STEPS
from routing.models import Rule, RuleSetVersion
from routing.names import Names
from routing.rule_words import target_words, when_words

DRAFT = RuleSetVersion.State.DRAFT


def target_of(rule: Rule) -> str:
    """Where a rule sends leads, in the words that every other page has for it."""
    known = {"owner": rule.owner, "pool": rule.pool, "team": rule.team}
    target = {name: row and row.pk for name, row in known.items()}
    owners, pools, teams = ({row.pk: row.name} if row else {} for row in known.values())
    return target_words({"target": {"kind": rule.target, **target}}, Names(owners, pools, teams))


def asked_in_words(rule: Rule) -> str:
    """What a rule asks, in the words that every other page has for it."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in sorted(rule.conditions.all(), key=lambda row: (row.group, row.pk)):
        condition = {"field": row.field, "operator": row.operator, "value": row.value}
        groups.setdefault(row.group, []).append(condition)
    return when_words({"groups": list(groups.values()), "table": rule.table})


@admin.register(Rule)
class RuleAdmin(LockedAdmin):
    """Adding, changing and deleting lead to the pages of the version, which keep editions and say who changed what."""

    actions = None
    list_display = ["name", "version", "step", "position", "conditions_shown", "target_shown", "enabled"]
    list_filter = ["version__state", "step", "target", "enabled"]
    list_select_related = ["version", "owner", "pool", "team"]
    search_fields = ["name", "owner__name", "pool__name", "team__name"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("conditions")

    @admin.display(description="when")
    def conditions_shown(self, rule):
        return asked_in_words(rule)

    @admin.display(description="goes to")
    def target_shown(self, rule):
        return target_of(rule)

    def get_changelist(self, request, **kwargs):
        class Rows(super().get_changelist(request, **kwargs)):
            def url_for_result(self, result):
                return page_of(result)

        return Rows

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (obj is None or obj.version.state == DRAFT)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and (obj is None or obj.version.state == DRAFT)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """To the form of a new rule: in the draft that the address names, else in the latest one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        draft = _draft(request.GET.get("version", ""))
        if draft is None:
            messages.warning(request, "Rules are added to a draft, and there is none. Copy a version to a new draft.")
            return redirect("admin:routing_rulesetversion_changelist")
        step = request.GET.get("step", "")
        asked = f"?{urlencode({'step': step})}" if step in STEPS else ""
        return redirect(reverse("pages:rule-new", args=[draft]) + asked)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return self._lead_on(request, object_id, self.has_view_permission, self.has_change_permission)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return self._lead_on(request, object_id, self.has_delete_permission, self.has_delete_permission)

    def _lead_on(self, request: HttpRequest, object_id: str, may_ask: Any, may_post: Any) -> HttpResponse:
        rule = self.get_object(request, unquote(object_id))
        allowed = may_post if request.method == "POST" else may_ask
        if not allowed(request, rule):
            raise PermissionDenied
        if rule is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return redirect(page_of(rule))


def page_of(rule: Rule) -> str:
    """The address at which a rule is read and, in a draft, edited."""
    return reverse("pages:rule", args=[rule.version_id, rule.pk])


def _draft(named: str) -> int | None:
    drafts = RuleSetVersion.objects.filter(state=DRAFT)
    if named.isascii() and named.isdigit() and len(named) < 19:
        drafts = drafts.filter(pk=int(named))
    return drafts.order_by("-id").values_list("pk", flat=True).first()
