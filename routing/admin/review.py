"""Admin of the manual-review queue, to be read only so far."""

from django.contrib import admin

from owners.admin.base import RecordAdmin
from routing.admin.questions import ItemQuestion
from routing.models import ReviewItem


@admin.register(ReviewItem)
class ReviewItemAdmin(RecordAdmin):
    list_display = ["id", "reason", "state", "owner", "lead", "source", "due_at", "occurrences", "detail"]
    list_filter = [ItemQuestion, "state", "reason", "due_at", "source"]
    list_select_related = ["owner", "lead", "source"]
    search_fields = ["id__exact", "lead__id__exact", "lead__email", "owner__name", "detail"]
    date_hierarchy = "opened_at"
