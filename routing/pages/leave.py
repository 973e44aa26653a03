"""Somebody who leaves in; what hangs on them, what will become of each, and the confirmed act out."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from owners.models import Owner, PoolMember
from owners.roles import Act, may
from owners.scopes import visible_owners
from routing import bulk, leaving
from routing.hanging import Hanging, hanging, needs_heir
from routing.leaving import MAX_WHY, Wish, may_switch_off
from routing.models import BulkMove
from routing.moving import by_user
from routing.refused import Refused

STATES = (("departed", "Has left for good"), ("inactive", "Is inactive for a while, or takes no leads any more"))
RULES, PERSON = "rules", "person"
PLACES = {
    "leads": "pages:lead", "items": "pages:queue-item", "turns": "admin:owners_pool_change", "tasks": "pages:lead",
}  # fmt: skip
"""Where a row of that kind is looked at; all others have their own page in the admin."""


class LeaveForm(forms.Form):
    """What shall become of somebody's work. Asks only for what hangs on them."""

    state = forms.ChoiceField(label="What happened", choices=STATES, widget=forms.RadioSelect, initial="departed")
    leads = forms.ChoiceField(label="Open leads", widget=forms.RadioSelect, initial=RULES, required=False)
    leads_to = forms.ChoiceField(
        label="Who gets all open leads",
        required=False,
        help_text="Where all go to one person; whatever their caps say.",
    )
    heir = forms.ChoiceField(label="Who takes over everything else", required=False)
    why = forms.CharField(
        label="Why", max_length=MAX_WHY, help_text="In a few words. It stands on every lead that moves."
    )
    switch_off = forms.BooleanField(label="Switch off their user: they cannot sign in any more", required=False)

    def __init__(self, *args: Any, owner: Owner, found: list[Hanging], switchable: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = Owner.objects.filter(state=Owner.State.ACTIVE).exclude(pk=owner.pk).order_by("name")
        people = [("", "Choose"), *((str(pk), name) for pk, name in others.values_list("pk", "name"))]
        self.fields["leads_to"].choices = self.fields["heir"].choices = people
        self.fields["leads"].choices = [
            (RULES, f"The rules decide about each, without {owner.name}"), (PERSON, "All go to one person"),
        ]  # fmt: skip
        kinds = {one.kind.key for one in found}
        if "leads" not in kinds:
            del self.fields["leads"], self.fields["leads_to"]
        if not needs_heir(found):
            del self.fields["heir"]
        if not switchable:
            del self.fields["switch_off"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("leads") == PERSON and not cleaned.get("leads_to"):
            self.add_error("leads_to", "Choose the person who gets all open leads.")
        if "heir" in self.fields and not cleaned.get("heir") and "heir" not in self.errors:
            self.add_error("heir", "Choose the person who takes over.")
        return cleaned

    def wish(self) -> Wish:
        """What was chosen. After `is_valid`."""
        said = self.cleaned_data
        to = said.get("leads_to") if said.get("leads") == PERSON else None
        heir = said.get("heir")
        return Wish(
            said["state"], said["why"], int(to) if to else None, int(heir) if heir else None,
            bool(said.get("switch_off")),
        )  # fmt: skip

    def named(self, field: str) -> str:
        """The name of the person chosen in a field."""
        return (
            dict(self.fields[field].choices).get(self.cleaned_data.get(field) or "", "") if field in self.fields else ""
        )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, person: int) -> HttpResponse:
    """GET shows what hangs on the person and, once the form is filled, what will become of it; POST does it."""
    if not (may(request.user, Act.EDIT_PEOPLE) and may(request.user, Act.PUBLISH_RULES)):
        raise PermissionDenied
    owner = visible_owners(request.user).select_related("user").filter(pk=person).first()
    if owner is None:
        raise Http404
    found = hanging(owner.pk)
    asked = request.POST if request.method == "POST" else request.GET if "why" in request.GET else None
    first = {"state": request.GET.get("state", "departed")} if asked is None else None
    form = LeaveForm(
        asked, initial=first, owner=owner, found=found, switchable=may_switch_off(request.user, owner.user)
    )
    sure = asked is not None and form.is_valid()
    if sure and request.method == "POST" and (move := _done(request, owner, form)):
        return redirect("pages:move", move=move.pk)
    running = BulkMove.objects.filter(owner=owner, kind=BulkMove.Kind.LEAVER, state=BulkMove.State.RUNNING).first()
    context = {
        "owner": owner, "form": form, "sure": sure and not form.errors, "running": running, "help_topic": "moves",
        "found": [_row(one, form, owner, sure) for one in found],
    }  # fmt: skip
    return render(request, "pages/leave.html", context)


def _done(request: HttpRequest, owner: Owner, form: LeaveForm) -> BulkMove | None:
    """The act, as far as a request goes; None when it was refused, and the form says why."""
    try:
        move = leaving.leave(owner.pk, form.wish(), by_user(request.user), timezone.now)
    except Refused as refused:
        form.add_error("heir" if refused.code == "heir_missing" and "heir" in form.fields else None, refused.sentence)
        return None
    said = f"Left by the page of leaving: {dict(STATES)[form.cleaned_data['state']].lower()}. {move.why}"
    LogEntry.objects.log_actions(request.user.pk, [owner], CHANGE, change_message=said, single_object=True)
    bulk.begin(move.pk, timezone.now)
    messages.success(request, f"{owner.name} gets no lead any more, and what hung on them is handed over.")
    return move


def _row(one: Hanging, form: LeaveForm, owner: Owner, sure: bool) -> dict[str, Any]:
    """A kind of things with links to the first, and what will become of them."""
    place = PLACES.get(one.kind.key, f"admin:{one.kind.model._meta.label_lower.replace('.', '_')}_change")
    links = [(reverse(place, args=[pk]), name) for pk, name in one.first]
    return {"said": one.said, "links": links, "more": one.more, "fate": _fate(one, form, owner) if sure else ""}


def _fate(one: Hanging, form: LeaveForm, owner: Owner) -> str:
    heir, name = form.named("heir"), owner.name
    if one.kind.key == "leads":
        to = form.named("leads_to") if form.cleaned_data.get("leads") == PERSON else ""
        how = f"All go to {to}, whatever caps say" if to else f"The rules decide about each again, without {name}"
        return f"{how}. The first hundred move at once, the rest in the next moments."
    if one.kind.key == "turns":
        return _turns(owner)
    if one.kind.key == "tokens":
        off = form.cleaned_data.get("switch_off")
        return "They stop working with the user." if off else "They stay as they are: switch off the user to end them."
    if one.kind.key == "delegations":
        return f"{heir} manages them instead." if heir else "They end."
    return FATES[one.kind.key].format(heir=heir, name=name)


FATES = {
    "items": "{heir} answers for them.",
    "published": "A copy of the version in force is published with {heir} instead; decisions name it from then on.",
    "drafts": "{heir} takes {name}’s place in them.",
    "versions": "{heir} answers for them.",
    "pools": "{heir} is named instead.",
    "teams": "{heir} is named instead, and manages the teams that {name} led.",
    "territories": "They belong to {heir}.",
    "covers": "{heir} covers instead; nobody does where that would go round in a circle.",
    "sources": "{heir} answers for them.",
    "ladders": "{heir} answers in the end; clocks that run keep their ladder, in which {name} is passed over.",
    "deals": "{heir} owns them; the deal of an open lead goes on to the lead’s new owner.",
    "companies": "{heir} owns them.",
    "contacts": "Those of open leads go on to the lead’s new owner, all others to {heir}.",
    "tasks": "Those of open leads end with them, all others go to {heir}.",
}


def _turns(owner: Owner) -> str:
    """Turns end; a pool in which nobody is left is named."""
    pools = PoolMember.objects.filter(owner=owner, active=True).values("pool")
    others = PoolMember.objects.filter(pool__in=pools, active=True, owner__state=Owner.State.ACTIVE).exclude(
        owner=owner
    )
    manned = set(others.values_list("pool", flat=True))
    rows = PoolMember.objects.filter(owner=owner, active=True).select_related("pool").order_by("pool__name")
    empty = [row.pool.name for row in rows if row.pool_id not in manned]
    said = "Their turns end; the ledger stays."
    return f"{said} Nobody is left in {', '.join(empty)}: add somebody." if empty else said
