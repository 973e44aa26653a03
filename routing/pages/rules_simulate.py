"""A lead, one or two versions and an instant in; what would be decided by each, as a story, out. Writes nothing."""

import json
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from leads.models import Lead, Source
from leads.scopes import visible_leads
from owners.roles import Act, may
from routing.engine.fields import FIELDS as FIELD_NAMES
from routing.models import Decision, RuleSetVersion
from routing.pages.reader import zone_named
from routing.pages.rule_fields import InstantField
from routing.pages.rule_versions import may_read
from routing.refused import Refused
from routing.simulate import Simulated, differences, simulate, stored, typed

LATEST = 30
LONGEST_PAYLOAD = 100_000
FIELDS = (
    "email", "phone", "first_name", "last_name", "company_name", "job_title", "country", "postal_code", "lead_type",
    "service_requested", "urgency", "lead_score", "company_size", "campaign", "language",
)  # fmt: skip
"""What the form asks of a typed lead; anything else goes into the payload."""
LABELS = {
    "routing_status": "Becomes", "hierarchy_step": "Decided in step", "rule": "By rule", "target_owner_id": "Owner",
    "target_team": "Team", "routing_tier": "Tier", "sla_policy": "SLA policy", "due_at": "First due",
    "high_intent": "High intent", "target_pipeline": "Pipeline", "target_stage": "Stage",
    "follow_up_sequence": "Sequence", "review_reason": "Review reason", "reviewer_id": "Reviewer",
    "fallback_owner_id": "Fallback owner", "notification_path": "Alerts by",
}  # fmt: skip
"""Of each thing that is compared (routing.simulate.WATCHED), in the order it is shown."""
PEOPLE = ("target_owner_id", "reviewer_id", "fallback_owner_id")
NO_VERSION = {"invalid_choice": "There is no such version any more. Choose one of the list."}


class VersionField(forms.ModelChoiceField):
    """A version by its number, its state and what it changed."""

    def label_from_instance(self, obj: RuleSetVersion) -> str:
        state = "in force" if obj.state == RuleSetVersion.State.PUBLISHED else obj.get_state_display()
        purpose = f": {obj.purpose}" if obj.purpose else ""
        return f"{obj.pk}, {state}{purpose}"[:80]


class Asked(forms.Form):
    """What to try: by which versions, when, and which lead. Nothing has to be said: then the latest lead, now."""

    version = VersionField(
        RuleSetVersion.objects.all(),
        required=False,
        empty_label="the rules in force",
        label="By version",
        error_messages=NO_VERSION,
    )
    beside = VersionField(
        RuleSetVersion.objects.all(),
        required=False,
        empty_label="nothing",
        label="Beside it",
        error_messages=NO_VERSION,
    )
    at = InstantField(label="At", error_messages={"invalid": "This is no date and time. Write it as 2026-03-31T09:30."})
    lead = forms.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, label="Lead number",
        error_messages={"invalid": "A lead has a number. Choose one below."},
    )  # fmt: skip


class Typed(forms.Form):
    """A lead that nobody sent: a few fields, or a whole payload."""

    source = forms.ModelChoiceField(Source.objects.filter(active=True), empty_label=None)
    payload = forms.CharField(
        required=False, max_length=LONGEST_PAYLOAD, widget=forms.Textarea({"rows": 4, "spellcheck": "false"}),
        label="Anything else, as JSON", help_text="As the form would send it. The fields above are added to it.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="typed_%s", **kwargs)
        for name in FIELDS:
            self.fields[name] = forms.CharField(
                required=False, max_length=200, label=FIELD_NAMES[name][:1].upper() + FIELD_NAMES[name][1:]
            )
            self.fields[name].widget.attrs["autocomplete"] = "off"

    def clean_payload(self) -> dict[str, Any]:
        text = self.cleaned_data["payload"].strip()
        try:
            payload = json.loads(text) if text else {}
            json.dumps(payload, allow_nan=False)  # NaN and 1e999 are read, and no sender could post them
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError('This is not JSON. Write an object, such as {"budget": "5000"}.') from error
        if not isinstance(payload, dict):
            raise forms.ValidationError("A payload is one JSON object, with { and }.")
        return payload

    def body(self) -> bytes:
        """What a sender would post."""
        said = {name: self.cleaned_data[name] for name in FIELDS if self.cleaned_data[name]}
        return json.dumps({**self.cleaned_data["payload"], **said}).encode()


STATUS = {"gone": 404, "instant": 422, "erased": 409, "rules": 409}


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def simulator(request: HttpRequest) -> HttpResponse:
    """GET tries a stored lead, which its address may name; POST one that was typed, which no address ever names."""
    if not may_read(request.user) or not may(request.user, Act.SEE_LEADS):
        raise PermissionDenied
    zone = _zone()
    with timezone.override(zone_named(zone)):
        return _try(request, zone)


def _zone() -> str:
    """That of the rules in force; instants are typed in it."""
    live = RuleSetVersion.objects.filter(state=RuleSetVersion.State.PUBLISHED)
    return live.values_list("time_zone", flat=True).first() or timezone.get_default_timezone_name()


def _try(request: HttpRequest, zone: str) -> HttpResponse:
    asked = Asked(request.POST if request.method == "POST" else request.GET or None)
    typing = Typed(request.POST if request.method == "POST" else None)
    said, tried, subject, status = "", [], None, 200
    valid = asked.is_valid() if asked.is_bound else True
    wanted: dict[str, Any] = asked.cleaned_data if asked.is_bound and valid else {}
    at: datetime = wanted.get("at") or timezone.now()
    if valid and (request.method != "POST" or typing.is_valid()):
        try:
            subject = _subject(request, typing, wanted, at)
            tried = [simulate(subject, version) for version in _versions(wanted)] if subject else []
        except Refused as refused:
            said, status = refused.sentence, STATUS[refused.code]
            if refused.code == "instant":
                asked.add_error("at", said)
    else:
        status = 422
    rows = _rows(tried)
    context = {
        "asked": asked, "typing": typing, "said": said, "tried": _drawn(tried), "at": at, "zone": zone,
        "leads": _latest(request), "lead": wanted.get("lead"), "find": _words(request),
        "rows": rows, "more_fields": [typing[name] for name in FIELDS], "typed": request.method == "POST",
        "buyer": _buyer(subject) if tried else "", "help_topic": "simulator", "typed_asked": _again(asked),
        "differ": sum(row["differs"] for row in rows), "wrong": status == 422,
        "once": bool(wanted.get("beside")) and len(tried) == 1,
    }  # fmt: skip
    return render(request, "pages/rules_simulate.html", context, status=status)


def _again(asked: Asked) -> list[forms.BoundField]:
    """The same questions for the form of a typed lead, which has ids of its own."""
    again = Asked(asked.data if asked.is_bound else None, auto_id="typed_%s")
    return [again[name] for name in ("version", "beside", "at")]


def _subject(request: HttpRequest, typing: Typed, wanted: dict[str, Any], at: datetime) -> Any:
    if request.method == "POST":
        return typed(typing.body(), "application/json", typing.cleaned_data["source"].pk, at)
    lead = wanted.get("lead")
    if not lead:
        return None
    if not visible_leads(request.user).filter(pk=lead).exists():
        raise Refused("gone", f"There is no decided lead {lead}.")
    return stored(lead, at)


def _versions(wanted: dict[str, Any]) -> list[int | None]:
    """One or two; the same one is not shown twice, be it chosen by its number or as the rules in force."""
    first, second = wanted.get("version"), wanted.get("beside")
    in_force = first is None and second is not None and second.state == RuleSetVersion.State.PUBLISHED
    beside = second is not None and second != first and not in_force
    return [first.pk if first else None, *([second.pk] if beside else [])]


def _words(request: HttpRequest) -> str:
    """What leads are looked for by. PostgreSQL takes no NUL."""
    return request.GET.get("find", "").replace("\0", "").strip()[:100]


def _latest(request: HttpRequest) -> list[Lead]:
    """The latest leads, or those that the words fit, for choosing from."""
    decided = Decision.objects.filter(lead=OuterRef("pk"), origin=Decision.Origin.ROUTING)
    rows = visible_leads(request.user).filter(Exists(decided))
    if words := _words(request):
        among = Q(email__icontains=words) | Q(name__icontains=words) | Q(contact__company__name__icontains=words)
        among |= Q(company__name__icontains=words)
        if words.isascii() and words.isdecimal() and len(words) < 19:
            among |= Q(pk=int(words))
        rows = rows.filter(among)
    return list(rows.order_by("-id")[:LATEST])


def _buyer(subject: Any) -> str:
    facts = subject.case.facts
    name = " ".join(filter(None, (facts.get("first_name"), facts.get("last_name")))) or facts.get("email", "")
    return ", ".join(filter(None, (name, facts.get("company_name"), facts.get("country")))) or "A lead without a name"


def _drawn(tried: list[Simulated]) -> list[dict[str, Any]]:
    """Each with the word for its version's state."""
    states = RuleSetVersion.objects.filter(pk__in=[one.version for one in tried if one.version])
    words = {pk: "in force" if state == "published" else state for pk, state in states.values_list("pk", "state")}
    return [{**_one(one), "state": words.get(one.version or 0, "")} for one in tried]


def _one(one: Simulated) -> dict[str, Any]:
    """`zone`: the owner's, in which they read when something is due; empty without an owner."""
    owner = one.people.owners.get(one.decision.outcome.owner or 0)
    clocks = [
        {
            "kind": clock.kind.replace("_", " "), "due_at": clock.due_at, "minutes": clock.budget // 60,
            "real": clock.real_time,
        }
        for clock in one.decision.clocks
    ]  # fmt: skip
    return {"version": one.version, "told": one.told, "clocks": clocks, "zone": owner.zone if owner else ""}


def _rows(tried: list[Simulated]) -> list[dict[str, Any]]:
    """What is decided, a line each, with a cell for every version and whether they differ."""
    differ = differences(*tried) if len(tried) == 2 else frozenset()
    found = []
    for key, label in LABELS.items():
        cells = [_cell(one, key) for one in tried]
        if any(cells):
            found.append({"label": label, "cells": cells, "differs": key in differ})
    return found


def _cell(one: Simulated, key: str) -> Any:
    value = one.rule if key == "rule" else one.told["routing_decision"][key]
    if key in PEOPLE:
        person = one.people.owners.get(value or 0)
        return person.name if person else ""
    if key in ("due_at", "rule"):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(value) if isinstance(value, list | tuple) else str(value or "")).replace("_", " ")
