"""Admin of whose turn it is and what everybody carries, to be read only."""

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from owners.admin.base import RecordAdmin
from owners.admin.people import OwnerAdmin
from owners.models import Owner
from routing.loads import owner_in_words, places_in_words
from routing.models import LedgerEntry, MemberLoad, OwnerLoad, RotationState


@admin.register(RotationState)
class RotationStateAdmin(RecordAdmin):
    list_display = ["member", "v", "last", "away"]
    list_filter = ["away", "member__pool"]
    list_select_related = ["member__owner", "member__pool"]
    search_fields = ["member__owner__name", "member__pool__name"]


@admin.register(LedgerEntry)
class LedgerEntryAdmin(RecordAdmin):
    list_display = ["id", "member", "kind", "amount", "v_before", "v_after", "reason", "actor", "decision", "at"]
    list_filter = ["kind", "at", "member__pool"]
    list_select_related = ["member__owner", "member__pool", "decision", "actor"]
    search_fields = ["member__owner__name", "member__pool__name", "decision__id__exact"]


@admin.register(OwnerLoad)
class OwnerLoadAdmin(RecordAdmin):
    list_display = ["owner", "open_leads", "day", "day_count", "week", "week_count"]
    list_select_related = ["owner"]
    search_fields = ["owner__name", "owner__key"]


@admin.register(MemberLoad)
class MemberLoadAdmin(RecordAdmin):
    list_display = ["member", "open_leads", "day", "day_count", "week", "week_count"]
    list_filter = ["member__pool"]
    list_select_related = ["member__owner", "member__pool"]
    search_fields = ["member__owner__name", "member__pool__name"]


admin.site.unregister(Owner)


@admin.register(Owner)
class LoadedOwnerAdmin(OwnerAdmin):
    """The owner's page with what they carry beside their caps: the counts are routing's, which owners do not know."""

    readonly_fields = [*OwnerAdmin.readonly_fields, "carries"]
    fieldsets = [
        (name, {**rest, "fields": ["carries", *rest["fields"]]}) if name == "How much" else (name, rest)
        for name, rest in OwnerAdmin.fieldsets
    ]

    @admin.display(description="Now")
    def carries(self, owner):
        if not owner.pk:
            return "no leads yet"
        now = timezone.now()
        lines = [owner_in_words(owner, now), *places_in_words(owner, now)]
        return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines))
