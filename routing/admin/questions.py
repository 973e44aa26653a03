"""Questions asked of clocks, review items, messages and leads come in, filters of their lists out."""

from django.contrib import admin
from django.db.models import Q

from leads.admin.records import LeadAdmin
from leads.models import Lead
from owners.admin.questions import Question
from routing import today
from routing.models import Delivery
from routing.questions import LEADS


class ClockQuestion(Question):
    questions = {
        "waiting": ("Waiting for a first touch", lambda now: today.WAITING),
        "due": ("Due in ten minutes", today.due_soon),
        "overdue": ("Overdue", today.overdue),
    }


class ItemQuestion(Question):
    questions = {
        "open": ("Open", lambda now: today.OPEN_ITEM),
        "review": ("In review", lambda now: today.IN_REVIEW),
        "pool": ("Waiting for a pool", lambda now: today.FOR_A_POOL),
        "due": ("Due in ten minutes", lambda now: today.OPEN_ITEM & Q(due_at__gt=now, due_at__lte=now + today.SOON)),
        "overdue": ("Overdue", lambda now: today.OPEN_ITEM & Q(due_at__lte=now)),
    }


class DeliveryQuestion(Question):
    questions = {
        "undelivered": ("Not delivered", today.undelivered),
        "given_up": ("Given up", lambda now: Q(state=Delivery.State.DEAD)),
    }


class LeadQuestion(Question):
    questions = LEADS


admin.site.unregister(Lead)


@admin.register(Lead)
class AskedLeadAdmin(LeadAdmin):
    """The list of leads, which from here on answers what only routing knows."""

    list_filter = [LeadQuestion, *LeadAdmin.list_filter]
