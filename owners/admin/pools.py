"""Admin of pools and their members."""

from django.contrib import admin
from django.db.models import Count, Q

from owners.admin.base import LimitedInlines, LockedAdmin, PlainForm, ScopedInline, link_to_list
from owners.models import Pool, PoolMember


class MemberForm(PlainForm):
    sentences = {
        "member_weight_positive": "The weight is between 1 and 1000.",
        "owner_in_pool_once": "This owner is in the pool already.",
    }


class MemberInline(ScopedInline):
    model = PoolMember
    fields = ["owner", "weight", "position", "active", "cap_open", "cap_day", "cap_week"]
    form = MemberForm
    autocomplete_fields = ["owner"]
    verbose_name_plural = "members; who leaves is made inactive, because what they got stays on record"


class PoolForm(PlainForm):
    sentences = {"pool_fallback_is_named": "Name the fallback owner that the pool falls back to."}


@admin.register(Pool)
class PoolAdmin(LimitedInlines, LockedAdmin):
    form = PoolForm
    exclude = ["method", "wait_minutes", "next_pool", "named_owner", "catch_up", "member_query"]  # not asked yet
    inlines = [MemberInline]
    ordering = ["name"]  # said here: a list with counts is grouped, and then the model's own order is not kept
    list_display = ["name", "key", "team", "active_members", "keeps_hours", "when_empty", "fallback_owner"]
    list_select_related = ["team", "fallback_owner"]
    list_filter = ["team", "keeps_hours", "when_empty"]
    search_fields = ["name", "key"]
    autocomplete_fields = ["team", "fallback_owner"]
    prepopulated_fields = {"key": ["name"]}
    readonly_fields = ["all_members"]

    def get_queryset(self, request):
        active = Count("members", filter=Q(members__active=True))
        return super().get_queryset(request).annotate(member_count=active)

    @admin.display(description="active members", ordering="member_count")
    def active_members(self, pool):
        return pool.member_count

    @admin.display(description="Members")
    def all_members(self, pool):
        return link_to_list(PoolMember, "All members", pool__id__exact=pool.pk) if pool.pk else "none yet"


@admin.register(PoolMember)
class PoolMemberAdmin(LockedAdmin):
    form = MemberForm
    list_display = ["owner", "pool", "weight", "position", "active"]
    list_select_related = ["owner", "pool"]
    list_filter = ["active", "pool"]
    search_fields = ["owner__name", "owner__key", "pool__name"]
    autocomplete_fields = ["owner", "pool"]
