"""Admin of rule-set versions: order of steps, rules, publishing, copying. A published one is only shown."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Count, F, Value, When
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode

from owners.admin.base import (
    LimitedInlines,
    LockedAdmin,
    PlainForm,
    ScopedInline,
    link_to_list,
    preformatted,
    pretty_json,
)
from routing import rulebook
from routing.admin.rules import DRAFT, ConditionsShown
from routing.engine.rules import STEPS
from routing.models import Rule, RuleSetVersion
from routing.models.rules import validate_order
from routing.revision import canonical_json

PLACES = {step: f"place_{step}" for step in STEPS}


def _place_field(step: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=step, min_value=1, max_value=999, widget=forms.NumberInput(attrs={"class": "vIntegerField"})
    )


_place_fields = {name: _place_field(step) for step, name in PLACES.items()}
StepPlaces = type(PlainForm)("StepPlaces", (PlainForm,), _place_fields)


class VersionForm(StepPlaces):
    """A version with one number for each step; the steps are tried in the order of their numbers."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for place, step in enumerate(self.instance.step_order, start=1):
            self.initial.setdefault(PLACES.get(step, step), place)

    def clean(self):
        cleaned = super().clean()
        places = {step: cleaned[name] for step, name in PLACES.items() if name in cleaned}
        if len(places) == len(STEPS) and not self._name_twins(places):
            self._take(sorted(places, key=places.__getitem__))
        return cleaned

    def _name_twins(self, places: dict[str, int]) -> bool:
        first: dict[int, str] = {}
        for step, place in places.items():
            if (other := first.setdefault(place, step)) != step:
                self.add_error(PLACES[step], f"{other} has the place {place} already.")
        return len(first) < len(places)

    def _take(self, order: list[str]) -> None:
        try:
            validate_order(order)
        except forms.ValidationError as error:
            self.add_error(PLACES["manual_review"], error)
        else:
            self.instance.step_order = order


class RuleInline(ConditionsShown, ScopedInline):
    model = Rule
    form = PlainForm
    can_delete = False
    show_change_link = True
    fields = ["step_shown", "position", "conditions_shown", "target_shown", "enabled"]
    readonly_fields = ["step_shown", "conditions_shown", "target_shown"]
    verbose_name_plural = "rules: within a step the first one that holds, by position"

    def get_queryset(self, request):
        related = super().get_queryset(request).select_related("version", "owner", "pool", "team")
        return related.prefetch_related("conditions")

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (obj is None or obj.state == DRAFT)

    @admin.display(description="step")
    def step_shown(self, rule):
        return rule.step


@admin.register(RuleSetVersion)
class VersionAdmin(LimitedInlines, LockedAdmin):
    form = VersionForm
    inlines = [RuleInline]
    ordering = ["-id"]  # said here: a list with counts is grouped, and then the model's own order is not kept
    list_display = ["__str__", "purpose", "owner", "rule_count", "created_at", "published_at", "published_by"]
    list_filter = ["state"]
    list_select_related = ["owner", "published_by"]
    search_fields = ["id__exact", "purpose", "owner__name"]
    autocomplete_fields = ["owner"]
    readonly_fields = [
        "state", "rule_links", "order_shown", "created_at", "published_at", "published_by", "digest",
        "content_shown",
    ]  # fmt: skip
    actions = ["copy_selected"]

    def get_queryset(self, request):
        return super().get_queryset(request).defer("content").annotate(rules_in_all=Count("rules"))

    def get_fieldsets(self, request, obj=None):
        head = (None, {"fields": ["owner", "purpose"]})
        if obj is None:
            return [head, ("Order of the steps", {"fields": list(PLACES.values())})]
        if self.has_change_permission(request, obj):
            return [
                (None, {"fields": ["owner", "purpose", "state", "rule_links"]}),
                ("Order of the steps", {"fields": list(PLACES.values())}),
            ]
        fields = ["owner", "purpose", "state", "rule_links", "order_shown"]
        if obj.state == DRAFT:
            return [(None, {"fields": fields})]
        return [
            (None, {"fields": [*fields, "published_at", "published_by", "digest"]}),
            # Collapsed: it is long, and the rules come after it.
            ("What routing reads", {"fields": ["content_shown"], "classes": ["collapse"]}),
        ]

    def get_formset_kwargs(self, request, obj, inline, prefix):
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        rank = Case(*(When(step=step, then=Value(place)) for place, step in enumerate(obj.step_order)))
        return {**kwargs, "queryset": kwargs["queryset"].order_by(rank, "position", "id")}

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (obj is None or obj.state == DRAFT)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and (obj is None or obj.state == DRAFT)

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        # Whoever has read the draft in order to publish, approve or edit it is told that it changed.
        RuleSetVersion.objects.filter(pk=form.instance.pk, state=DRAFT).update(edition=F("edition") + 1)

    @admin.display(description="rules", ordering="rules_in_all")
    def rule_count(self, version):
        return version.rules_in_all

    @admin.display(description="Order of the steps")
    def order_shown(self, version):
        lines = (f"{place}. {step}" for place, step in enumerate(version.step_order, start=1))
        return preformatted("\n".join(lines))

    @admin.display(description="Frozen content")
    def content_shown(self, version):
        return pretty_json(canonical_json(version.content))

    @admin.display(description="Rules")
    def rule_links(self, version):
        all_rules = link_to_list(Rule, "All rules of this version", version__id__exact=version.pk)
        if version.state != DRAFT:
            return all_rules
        add = reverse("admin:routing_rule_add")
        links = ((add, urlencode({"version": version.pk, "step": step}), step) for step in version.step_order)
        adding = format_html_join("", '<li><a href="{}?{}">Add a rule to {}</a></li>', links)
        return format_html("{}<ul>{}</ul>", all_rules, adding)

    # --- publishing and copying ---

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
        draft = rulebook.copy_to_draft(version)
        self.log_addition(request, draft, f"Copied from version {version.pk}.")
        messages.success(request, f"Version {draft.pk} is a new draft, a copy of version {version.pk}.")
        return draft

    def _back_to(self, version):
        return HttpResponseRedirect(reverse("admin:routing_rulesetversion_change", args=[version.pk]))
