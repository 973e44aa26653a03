"""Admin of the manual-review queue: records with questions, and acts on several items at once as the queue does."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Q, Subquery
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from owners.admin.base import RecordAdmin
from owners.models import Owner
from owners.roles import Act, may
from owners.scopes import owner_of, visible_owners
from routing import today
from routing.admin.questions import ItemQuestion
from routing.models import ReviewItem, SlaClock
from routing.moving import by_user
from routing.queue import Wish, allowed
from routing.refused import Refused
from routing.wishes import Asked, do

MOST_AT_ONCE = 200
"""Each act is a transaction of its own; a page of hundreds would be waited for too long."""


class ReviewQuestion(ItemQuestion):
    questions = {
        **ItemQuestion.questions,
        "mine": ("Named to me", lambda now: today.OPEN_ITEM),
        "leadless": ("Without a lead", lambda now: today.OPEN_ITEM & Q(lead=None)),
    }

    def queryset(self, request, queryset):
        rows = super().queryset(request, queryset)
        return rows.filter(owner=owner_of(request.user)) if self.value() == "mine" else rows


@admin.register(ReviewItem)
class ReviewItemAdmin(RecordAdmin):
    list_display = [
        "id", "in_queue", "reason", "state", "owner", "lead", "source", "due_at", "next_rung", "occurrences", "detail",
    ]  # fmt: skip
    list_filter = [ReviewQuestion, "state", "reason", "due_at", "source"]
    list_select_related = ["owner", "lead", "source"]
    search_fields = ["id__exact", "lead__id__exact", "lead__email", "owner__name", "detail"]
    date_hierarchy = "opened_at"
    actions = ["reject_selected", "name_selected"]

    def get_queryset(self, request):
        first = SlaClock.objects.filter(item=OuterRef("pk")).values("next_rung_at")[:1]
        return super().get_queryset(request).annotate(next_rung_at=Subquery(first))

    @admin.display(description="next rung", ordering="next_rung_at")
    def next_rung(self, item):
        return item.next_rung_at

    @admin.display(description="queue")
    def in_queue(self, item):
        return format_html('<a href="{}">Open item {}</a>', reverse("pages:queue-item", args=[item.pk]), item.pk)

    def get_readonly_fields(self, request, obj=None):
        return [*super().get_readonly_fields(request, obj), "in_queue", "next_rung"]

    def has_review_permission(self, request):
        return may(request.user, Act.REVIEW_ANY)

    @admin.action(description="Reject or close with a reason", permissions=["review"])
    def reject_selected(self, request, queryset):
        return self._several(request, queryset, Wish.REJECT, "Reject")

    @admin.action(description="Name somebody else", permissions=["review"])
    def name_selected(self, request, queryset):
        return self._several(request, queryset, Wish.NAME, "Name somebody else")

    def _several(self, request, queryset, wish, title):
        """Ask for what the act needs; then do it item by item, and say what was done and what was not."""
        if queryset.count() > MOST_AT_ONCE:
            messages.error(request, f"Nothing was done: choose at most {MOST_AT_ONCE} items at once.")
            return None
        if "confirm" not in request.POST:
            context = {
                **self.admin_site.each_context(request), "title": title, "opts": self.opts, "items": queryset,
                "action": f"{wish}_selected", "names": wish == Wish.NAME,
                "owners": visible_owners(request.user).filter(state=Owner.State.ACTIVE).order_by("name"),
            }  # fmt: skip
            return TemplateResponse(request, "admin/routing/reviewitem/several.html", context)
        to = request.POST.get("to", "")
        known = to.isdecimal() and len(to) < 19 and visible_owners(request.user).filter(pk=to).exists()
        asked = Asked(to=int(to) if known else None, why=request.POST.get("why", ""))
        self._do(request, queryset, wish, asked)
        return HttpResponseRedirect(request.get_full_path())

    def _do(self, request, queryset, wish, asked):
        by, now, done = by_user(request.user), timezone.now(), 0
        for item in queryset:
            if wish not in allowed(request.user, item):
                raise PermissionDenied
            try:
                do(wish, item.pk, asked, by, now)
                done += 1
            except Refused as refused:
                messages.error(request, f"Item {item.pk}: {refused.sentence}")
        if done:
            messages.success(request, f"{done} item{'' if done == 1 else 's'} done.")
