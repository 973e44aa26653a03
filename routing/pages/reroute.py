"""Filters of open leads in, a preview of who would get them now begun, out."""

from dataclasses import fields
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from leads.models import Lead, Source
from owners.models import Owner, Pool, Team, Territory
from owners.roles import Act, may
from routing import bulk
from routing.moving import by_user
from routing.refused import Refused
from routing.rerouting import MOST, Choice, chosen, preview

STATES = [("", "Any"), *((state.value, state.label.capitalize()) for state in Lead.OPEN)]
DAYS = ((None, "Any age"), (1, "Came within a day"), (7, "Came within 7 days"), (30, "Came within 30 days"),
        (90, "Came within 90 days"))  # fmt: skip


class RerouteForm(forms.Form):
    """Which leads to look at; what is left empty takes all."""

    territory = forms.ModelChoiceField(
        Territory.objects.order_by("name"), required=False, empty_label="Any", help_text="Leads from its countries."
    )
    owner = forms.ModelChoiceField(Owner.objects.order_by("name"), required=False, empty_label="Anybody or nobody")
    team = forms.ModelChoiceField(Team.objects.order_by("name"), required=False, empty_label="Any")
    pool = forms.ModelChoiceField(
        Pool.objects.order_by("name"), required=False, empty_label="Any", help_text="That the owner has the lead from."
    )
    source = forms.ModelChoiceField(Source.objects.order_by("name"), required=False, empty_label="Any")
    state = forms.ChoiceField(choices=STATES, required=False)
    days = forms.TypedChoiceField(label="Age", choices=DAYS, required=False, coerce=int, empty_value=None)

    def choice(self) -> Choice:
        """What was chosen. After `is_valid`."""
        said = self.cleaned_data
        return Choice(
            **{
                field.name: getattr(said[field.name], "pk", said[field.name])
                for field in fields(Choice)
                if field.name in said
            }
        )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def reroute(request: HttpRequest) -> HttpResponse:
    """GET shows the filters and how many leads fit; POST begins the preview."""
    if not may(request.user, Act.REASSIGN_ANY):
        raise PermissionDenied
    now = timezone.now()
    form = RerouteForm(request.POST if request.method == "POST" else request.GET)
    valid = form.is_valid()
    if request.method == "POST" and valid:
        try:
            move = preview(form.choice(), by_user(request.user), now)
        except Refused as refused:
            messages.info(request, refused.sentence)
        else:
            bulk.begin(move.pk, timezone.now)
            return redirect("pages:move", move=move.pk)
    count = chosen(form.choice(), now)[: MOST + 1].count() if valid else None
    context: dict[str, Any] = {"form": form, "count": count, "most": MOST, "help_topic": "moves"}
    return render(request, "pages/reroute.html", context)
