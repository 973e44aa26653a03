"""Admin of what was decided and what came of it, to be read only."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist
from django.utils.text import Truncator

from owners.admin.base import ReadOnlyInline, RecordAdmin, pretty, pretty_json
from routing.admin.questions import ClockQuestion, DeliveryQuestion
from routing.document import document, stories
from routing.models import ConfigRevision, Decision, Delivery, Escalation, Fact, PlanAction, SlaClock


class PlanInline(ReadOnlyInline):
    model = PlanAction
    fields = ["position", "action", "connector", "state", "attempts", "next_try_at", "confirmed_at", "error"]


class DeliveryInline(ReadOnlyInline):
    model = Delivery
    fields = ["kind", "channel", "owner", "state", "attempts", "next_try_at", "sent_at", "error"]


@admin.register(Decision)
class DecisionAdmin(RecordAdmin):
    heavy = ("snapshot", "trace")
    inlines = [PlanInline, DeliveryInline]
    list_display = [
        "id",
        "lead",
        "status",
        "hierarchy_step",
        "owner",
        "route_flag",
        "decided_at",
        "why",
    ]
    list_filter = ["status", "hierarchy_step", "route_flag", "lead_type", "high_intent", "decided_at"]
    list_select_related = ["lead", "owner"]
    search_fields = ["id__exact", "lead__id__exact", "lead__email", "owner__name"]
    search_help_text = "Number of the decision or lead, e-mail or owner"
    fieldsets = [
        (
            None,
            {"fields": ["id", "reason", "status", "hierarchy_step", "rule_id", "route_flag", "decided_at"]},
        ),
        ("Who", {"fields": ["lead", "event", "owner", "team", "lead_type", "high_intent", "review_reason"]}),
        ("What", {"fields": ["tier", "pipeline_key", "stage_key", "sequence", "sla_policy", "due_at"]}),
        ("Proof", {"fields": ["version", "revision", "digest"]}),
        ("Trace and candidates as stored", {"fields": ["trace_shown", "candidates_shown"], "classes": ["collapse"]}),
        ("Snapshot", {"fields": ["snapshot_shown"], "classes": ["collapse"]}),
    ]

    @admin.display(description="Reason")
    def why(self, decision):
        return Truncator(decision.reason).chars(90)

    def render_change_form(self, request, context, *args, obj=None, **kwargs):
        context["told"] = _told(obj) if obj else None
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    @admin.display(description="Trace")
    def trace_shown(self, decision):
        told = _told(decision)
        return pretty(told["routing_trace"]) if told else pretty_json(decision.trace)

    @admin.display(description="Candidates")
    def candidates_shown(self, decision):
        told = _told(decision)
        return pretty(told["candidates"]) if told else "-"

    @admin.display(description="Snapshot")
    def snapshot_shown(self, decision):
        return pretty_json(decision.snapshot)


def _told(decision: Decision) -> dict[str, Any] | None:
    """The decision document, worked out once a page; None where what it rests on cannot be read any more.

    The stored trace leaves out the rules that did not hold; the document has every rule that was asked.
    """
    if not hasattr(decision, "told"):
        try:
            decision.told = document(stories([decision.pk])[decision.pk])
        except (LookupError, TypeError, ValueError, AttributeError, ObjectDoesNotExist):
            decision.told = None
    return decision.told


@admin.register(PlanAction)
class PlanActionAdmin(RecordAdmin):
    list_display = [
        "decision",
        "position",
        "action",
        "connector",
        "state",
        "attempts",
        "next_try_at",
        "error",
    ]
    list_filter = ["state", "action", "connector"]
    list_select_related = ["decision"]
    search_fields = ["decision__id__exact", "action", "external_id__exact"]


@admin.register(Delivery)
class DeliveryAdmin(RecordAdmin):
    list_display = ["id", "kind", "channel", "owner", "state", "attempts", "sent_at", "error"]
    list_filter = [DeliveryQuestion, "state", "kind", "channel", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["decision__id__exact", "owner__name"]


@admin.register(SlaClock)
class SlaClockAdmin(RecordAdmin):
    list_display = ["lead", "kind", "owner", "stands", "due_at", "ended_at", "answered_at", "policy_key"]
    list_filter = [ClockQuestion, "state", "kind", "due_at"]
    list_select_related = ["lead", "owner"]
    search_fields = ["lead__id__exact", "lead__email", "owner__name", "policy_key"]


@admin.register(Escalation)
class EscalationAdmin(RecordAdmin):
    list_display = ["clock", "rung", "action", "due_at", "fired_at", "late_seconds"]
    list_filter = ["action", "fired_at"]
    list_select_related = ["clock"]
    search_fields = ["clock__lead__id__exact", "clock__lead__email"]


@admin.register(Fact)
class FactAdmin(RecordAdmin):
    list_display = ["lead", "kind", "at", "owner", "detail"]
    list_filter = ["kind", "at"]
    list_select_related = ["lead", "owner"]
    search_fields = ["lead__id__exact", "lead__email", "owner__name", "detail"]


@admin.register(ConfigRevision)
class ConfigRevisionAdmin(RecordAdmin):
    heavy = ("content",)
    list_display = ["id", "digest", "created_at"]
    list_filter = ["created_at"]
    search_fields = ["id__exact", "digest"]
    fields = ["id", "digest", "created_at", "content_shown"]

    @admin.display(description="Content")
    def content_shown(self, revision):
        return pretty_json(revision.content)
