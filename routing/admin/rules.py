"""Admin of rules with their conditions. Rules of a draft are edited; all others are shown as they are."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Max

from owners.admin.base import LockedAdmin, PlainForm
from routing.admin.conditions import ConditionInline, in_words
from routing.models import Delivery, ReviewItem, Rule, RuleSetVersion

DRAFT = RuleSetVersion.State.DRAFT
GAP = 10  # between the positions of new rules, so that another fits in between


class RuleForm(PlainForm):
    sentences = {"rule_ends_after_it_starts": "The rule has to end after it starts."}
    review_reason = forms.ChoiceField(
        required=False, choices=[("", "---------"), *ReviewItem.Reason.choices],
        help_text="Shown when the target is manual review.",
    )  # fmt: skip

    def clean_alert_channels(self):
        channels = self.cleaned_data["alert_channels"]
        if unknown := [channel for channel in channels if channel not in Delivery.PERSONAL]:
            known = " and ".join(Delivery.PERSONAL)
            raise ValidationError(f"There is no channel “{unknown[0]}”; there are {known}.", code="no_channel")
        return channels

    def clean(self):
        cleaned = super().clean()
        target = cleaned.get("target")
        if target in ("owner", "pool", "team") and target not in self.errors and not cleaned.get(target):
            self.add_error(target, f"Name the {target} that the rule sends leads to.")
        self._check_stage(cleaned.get("pipeline"), cleaned.get("stage"))
        return cleaned

    def _check_stage(self, pipeline, stage) -> None:
        if stage and not pipeline:
            self.add_error("pipeline", "Name the pipeline that the stage belongs to.")
        elif stage and stage.pipeline_id != pipeline.pk:
            self.add_error("stage", f"{stage.name} is not a stage of {pipeline.name}.")


def target_in_words(rule: Rule) -> str:
    """Where a rule sends leads, with the name of who or what takes them."""
    named = {"owner": rule.owner, "pool": rule.pool, "team": rule.team, "review": rule.owner}.get(rule.target)
    return f"{rule.get_target_display()}: {named}" if named else rule.get_target_display()


class ConditionsShown:
    """Columns that say in words what a rule asks and where it leads."""

    @admin.display(description="when")
    def conditions_shown(self, rule):
        return in_words(list(rule.conditions.all()))

    @admin.display(description="goes to")
    def target_shown(self, rule):
        return target_in_words(rule)


@admin.register(Rule)
class RuleAdmin(ConditionsShown, LockedAdmin):
    form = RuleForm
    inlines = [ConditionInline]
    list_display = ["name", "version", "step", "position", "conditions_shown", "target_shown", "enabled"]
    list_filter = ["version__state", "step", "target", "enabled"]
    list_select_related = ["version", "owner", "pool", "team"]
    search_fields = ["name", "owner__name", "pool__name", "team__name"]
    autocomplete_fields = ["owner", "pool", "team", "fallback_owner", "sla_policy", "pipeline", "stage"]
    fieldsets = [
        (None, {"fields": ["version", "step", "position", "name", "enabled"]}),
        ("Target", {"fields": ["target", "owner", "pool", "team", "review_reason"]}),
        (
            "When the target cannot",
            {"fields": ["fallback_owner", "on_nobody", "require_language", "require_service", "require_skills"]},
        ),
        (
            "What goes with it",
            {
                "fields": [
                    "tier",
                    "high_intent",
                    "sla_policy",
                    "pipeline",
                    "stage",
                    "sequence",
                    "alert_channels",
                ]
            },
        ),
        ("Time window", {"fields": ["starts_at", "ends_at"]}),
    ]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("conditions")

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (obj is None or obj.version.state == DRAFT)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and (obj is None or obj.version.state == DRAFT)

    def get_readonly_fields(self, request, obj=None):
        return [*super().get_readonly_fields(request, obj), *(["version"] if obj else [])]

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "version":
            kwargs["queryset"] = RuleSetVersion.objects.filter(state=DRAFT)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request):
        """A link “add a rule to this step” names version and step; the new rule goes to the step's end."""
        initial = super().get_changeform_initial_data(request)
        version, step = initial.get("version", ""), initial.get("step")
        if version.isascii() and version.isdigit() and len(version) < 19 and step:
            rules = Rule.objects.filter(version_id=int(version), step=step)
            initial.setdefault("position", (rules.aggregate(last=Max("position"))["last"] or 0) + GAP)
        return initial
