"""A visitor of the demo in; a lead sent through the usual way, and its decision as it is made, out. No sign-in.

The result is addressed by a signed value, which nobody can guess, so that no visitor sees another one's lead.
Where no demo stands, there is no such page.
"""

import time
from collections import defaultdict, deque
from typing import Any

from django import forms
from django.core.signing import BadSignature, dumps, loads
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from leads.models import Source
from owners.models import Owner
from owners.visitors import address_of
from routing import demo
from routing.demo.trying import PRESETS, payload_of, send
from routing.document import document, stories
from routing.engine.reason import words
from routing.models import ReviewItem

SALT = "routing.pages.try"
DAY = 24 * 60 * 60
MOST, SECONDS = 12, 60
_sent: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MOST))
"""When each address sent its last leads, on this process's monotonic clock."""

SERVICES = (("", "None"), ("crm_workflow_repair", "CRM workflow repair"), ("api_integration", "API integration"),
            ("data_migration", "Data migration"), ("automation_audit", "Automation audit"))  # fmt: skip
URGENCIES = (("", "Not said"), ("low", "Low"), ("normal", "Normal"), ("high", "High"), ("critical", "Critical"))


class TryForm(forms.Form):
    """A lead as a buyer types it. Everything but the form may stay empty: the router says what it makes of that."""

    source = forms.ChoiceField(label="Form")
    name = forms.CharField(max_length=120, required=False)
    email = forms.CharField(label="E-mail", max_length=254, required=False)
    company = forms.CharField(max_length=120, required=False)
    country = forms.CharField(max_length=80, required=False)
    service = forms.ChoiceField(choices=SERVICES, required=False)
    urgency = forms.ChoiceField(choices=URGENCIES, required=False)
    score = forms.IntegerField(label="Score, 0 to 100", min_value=0, max_value=100, required=False)
    message = forms.CharField(max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"].choices = list(
            Source.objects.filter(active=True).order_by("id").values_list("key", "name")
        )
        for bound in self:
            bound.field.widget.attrs["autocomplete"] = "off"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def try_it(request: HttpRequest) -> HttpResponse:
    """The form, filled with what was chosen; a lead that was sent leads to its own page."""
    if not demo.stands():
        raise Http404
    preset = next((one for one in PRESETS if one.key == request.GET.get("preset")), PRESETS[0])
    form = TryForm(request.POST or None, initial=preset.fresh())
    if request.method != "POST" or not form.is_valid():
        return _form(request, form, preset.key, 200)
    if _too_many(address_of(request)):
        response = _form(request, form, preset.key, 429)
        response["Retry-After"] = str(SECONDS)
        return response
    try:
        event = send(form.cleaned_data["source"], payload_of(form.cleaned_data), timezone.now())
    except LookupError:
        form.add_error("source", "This form was switched off meanwhile. Choose another one.")
        return _form(request, form, preset.key, 200)
    return redirect("pages:try-result", told=dumps(event, salt=SALT))


@never_cache
@require_safe
def result(request: HttpRequest, told: str) -> HttpResponse:
    """What became of a lead that was sent here, by its signed value."""
    if not demo.stands():
        raise Http404
    try:
        event = loads(told, salt=SALT, max_age=DAY)
    except BadSignature:
        raise Http404 from None
    return render(request, "pages/try_result.html", _outcome(event))


def _outcome(event: int) -> dict[str, Any]:
    """The decision with who answers until when; without one while it is under way."""
    story = stories([event]).get(event)
    if story is None:
        return {"told": None}
    told = document(story)
    decision = told["routing_decision"]
    item = ReviewItem.objects.filter(event=event).values_list("owner__name", "due_at").first()
    owner = Owner.objects.filter(pk=decision["target_owner_id"]).values_list("name", flat=True).first()
    waits = {action["state"] for action in told["crm_execution_plan"]} & {"pending", "blocked", "owed", "sending"}
    return {
        "told": told,
        "decision": decision,
        "promise": _title(decision["sla_policy"]),
        "follow_up": _title(decision["follow_up_sequence"]),
        "received_at": story.received_at,
        "decided_at": story.decision["decided_at"],
        "owner": owner,
        "reviewer": item[0] if item else None,
        "due_at": story.decision["due_at"] or (item[1] if item else None),
        "waits": bool(waits),
    }


def _title(key: str | None) -> str:
    """A key as people read it."""
    told = words(key or "")
    return told[:1].upper() + told[1:]


def _form(request: HttpRequest, form: TryForm, preset: str, status: int) -> HttpResponse:
    context = {"form": form, "presets": PRESETS, "chosen": preset, "too_many": status == 429}
    return render(request, "pages/try.html", context, status=status)


def _too_many(address: str) -> bool:
    """Whether the address has sent its share of this minute; counted in this web process."""
    if len(_sent) > 10_000:
        _sent.clear()
    now, sent = time.monotonic(), _sent[address]
    if len(sent) == MOST and now - sent[0] < SECONDS:
        return True
    sent.append(now)
    return False
