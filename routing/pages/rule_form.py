"""One rule of a version in, its form out; what was typed in, the saved rule, its sentence and what it meets out."""

import json
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from owners.roles import Act, may
from owners.scopes import visible
from routing.engine.fields import FIELDS
from routing.engine.rules import STEPS
from routing.models import Decision, NamedList, Rule, RuleSetVersion
from routing.names import read_names
from routing.pages.rule_fields import (
    Row,
    Rows,
    RuleForm,
    initial_of,
    mark,
    number_of,
    read_rows,
    rows_of,
    sound_rows,
    typed_rows,
    vocabulary,
    zone_of,
)
from routing.pages.rule_versions import LARGEST_ID, may_edit, of_version
from routing.refused import Refused
from routing.rule_edit import COLUMNS, Faulty, Wanted, faults, frozen_of, save_rule, wanted_of
from routing.rule_place import place_of
from routing.rule_suggest import DAYS, PERSONAL, SAMPLE, suggestions
from routing.rule_tries import MOST_BEFORE, asked_before, latest_met
from routing.rule_words import sentence
from routing.rulebook import content_of
from routing.step_words import title


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@of_version
def rule(request: HttpRequest, version: RuleSetVersion, rule: int | None = None) -> HttpResponse:
    """GET: the form, filled in. POST: `do` = save; or, saving nothing: say (in words), row, group (one more), drop."""
    if request.method == "POST" and not may_edit(request.user):
        raise PermissionDenied
    row = _find(version, rule, typed="seen" in request.POST)
    editing = version.state == RuleSetVersion.State.DRAFT and may_edit(request.user)
    with timezone.override(zone_of(version)):
        if request.method == "POST":
            return _posted(request, version, rule, row)
        if row is None and not editing:
            raise PermissionDenied
        wanted = wanted_of(row) if row else _new(request)
        form = RuleForm(initial=initial_of(wanted))
        context = _context(request, version, row, form, rows_of(wanted), editing=editing)
        context["says"] = _says(request, version, row, wanted) if row else None
        return render(request, "pages/rule_form.html", context)


def _find(version: RuleSetVersion, rule: int | None, *, typed: bool = False) -> Rule | None:
    """The rule. One that is gone is 404, save to whoever still `typed` into its form: that must not be lost."""
    if rule is None:
        return None
    row = Rule.objects.filter(version=version, pk=rule).first() if rule < LARGEST_ID else None
    if row is None and (not typed or rule >= LARGEST_ID):
        raise Http404
    return row


def _new(request: HttpRequest) -> Wanted:
    """A rule that says nothing yet, for the step that the address names."""
    empty = Rule(target=Rule.Target.POOL, step=request.GET.get("step", ""))
    if empty.step not in STEPS:
        empty.step = "campaign_source_owner"
    columns = {
        name: getattr(empty, f"{name}_id" if Rule._meta.get_field(name).is_relation else name) for name in COLUMNS
    }
    return Wanted(columns, [])


def _posted(request: HttpRequest, version: RuleSetVersion, rule: int | None, row: Rule | None) -> HttpResponse:
    form, rows = RuleForm(request.POST), typed_rows(request.POST)
    do = request.POST.get("do", "save")
    context = _context(request, version, row, form, rows, editing=True)
    if do.startswith(("row", "group", "drop")):
        form.unjudged()
        _one_more(rows, do)
        return _answer(request, context)
    wanted = _typed(form, rows, version)
    if wanted is None or do == "say":
        if wanted:
            context["says"] = _says(request, version, row, wanted)
        return _answer(request, context, 200 if wanted else 422)
    try:
        saved, said = save_rule(version.pk, rule, wanted, _seen(request), request.user, timezone.now())
    except Faulty as faulty:
        form.take(mark(rows, faulty.faults))
        return _answer(request, context, 422)
    except Refused as refused:
        return _refused(request, context, row, refused)
    messages.success(request, said)
    return redirect(f"{reverse('pages:rules', args=[version.pk])}#rule-{saved.pk}")


def _answer(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The form as it was typed, with what is wrong."""
    context["faulty"] = bool(context["form"].errors) or sound_rows(context["rows"]) != context["rows"]
    return render(request, "pages/rule_form.html", context, status=status)


def _refused(request: HttpRequest, context: dict[str, Any], row: Rule | None, refused: Refused) -> HttpResponse:
    """What was typed stays; after another's change it may be saved over it, knowingly."""
    context["refused"] = refused.sentence
    if row is not None and refused.code == "changed":
        context["over"] = Rule.objects.filter(pk=row.pk).values_list("edition", flat=True).first()
        context["seen"] = context["over"]
    if refused.code == "gone":
        context["action"] = reverse("pages:rule-new", args=[context["version"].pk])
    if refused.code == "not_a_draft":
        context["editing"] = False
    return render(request, "pages/rule_form.html", context, status=409)


def _typed(form: RuleForm, rows: Rows, version: RuleSetVersion) -> Wanted | None:
    """What was typed; None where something is wrong. All of that is said at once, each beside its field."""
    sound, groups = form.is_valid(), read_rows(rows)
    read = sound_rows(rows)
    wanted = Wanted(form.columns(), groups)
    found = faults(wanted, version.time_zone, timezone.now())
    form.take(mark(read, found))
    return wanted if sound and read == rows and not found else None


def _one_more(rows: Rows, do: str) -> None:
    """One row or alternative more, as `do` says."""
    if do.startswith("drop"):
        return  # left out as it was read
    if do == "group" or not rows:
        rows.append([Row()])
        return
    place = number_of(do.removeprefix("row-"))
    rows[-1 if place is None else min(place, len(rows) - 1)].append(Row())


def _seen(request: HttpRequest) -> int | None:
    return number_of(request.POST.get("seen", ""))


def _context(
    request: HttpRequest, version: RuleSetVersion, row: Rule | None, form: RuleForm, rows: Rows, *, editing: bool
) -> dict[str, Any]:
    words, step = vocabulary(), row.step if row else form["step"].value() or ""
    return {
        "rule_table_href": _table_href(version, row, editing),
        "version": version, "rule": row, "form": form, "rows": rows, "editing": editing, "words": words,
        "fitting": json.dumps(words["fitting"]), "seen": request.POST.get("seen") or (row.edition if row else ""),
        "lists": _lists(), "help_topic": "conditions",
        "sequences": _sequences(), "table": len(row.table["rows"]) if row and row.table else 0,
        "sample": SAMPLE, "days": DAYS,
        "step_title": title(step), "places": place_of(version, step, row),
    }  # fmt: skip


def _table_href(version: RuleSetVersion, row: Rule | None, editing: bool) -> str:
    """Where the rule's table is shown, or where it is made one; empty for a rule that neither has nor gets one."""
    return reverse("pages:rule-table", args=[version.pk, row.pk]) if row and (editing or row.table) else ""


def _lists() -> dict[str, list[tuple[str, str]]]:
    """The named lists of each field: (key, name)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for field, key, name in NamedList.objects.values_list("field", "key", "name"):
        found.setdefault(field, []).append((key, name))
    return found


def _sequences() -> list[str]:
    return list(
        Rule.objects.exclude(sequence="").order_by("sequence").values_list("sequence", flat=True).distinct()[:50]
    )


def _says(request: HttpRequest, version: RuleSetVersion, row: Rule | None, wanted: Wanted) -> dict[str, Any]:
    """The sentence of what is typed, and what it would have met."""
    frozen = frozen_of(wanted, table=row.table if row else None)
    said = sentence(frozen, read_names(), version.time_zone)
    if row and row.table:
        return {"sentence": said, "met": None}
    few = version.rules.count() <= MOST_BEFORE
    before = asked_before(content_of(version), row.pk if row else None, wanted.columns["step"]) if few else None
    return {
        "sentence": said, "met": latest_met(frozen, version.time_zone, visible(Decision, request.user), before),
    }  # fmt: skip


@require_POST
@of_version
def say(request: HttpRequest, version: RuleSetVersion, rule: int | None = None) -> HttpResponse:
    """The part of the page that says the rule in words, for the script that asks while somebody types."""
    if not may_edit(request.user):
        raise PermissionDenied
    row = _find(version, rule or None)
    with timezone.override(zone_of(version)):
        form, rows = RuleForm(request.POST), typed_rows(request.POST)
        if not form.data.get("name"):
            form.data = form.data.copy()
            form.data["name"] = "New rule"
        wanted = _typed(form, rows, version)
        wrong = [said for group in rows for one in group for said in one.errors]
        wrong += [str(error) for errors in form.errors.values() for error in errors]
        says = _says(request, version, row, wanted) if wanted else None
        return render(request, "pages/rule_form_says.html", {"says": says, "wrong": wrong[:3], "version": version})


@never_cache
@require_safe
@of_version
def values(request: HttpRequest, version: RuleSetVersion) -> HttpResponse:
    """Values of a field that leads of the last 90 days had, most frequent first, for autocompletion."""
    field = request.GET.get("field", "")
    if field not in FIELDS:
        return JsonResponse({"values": []})
    if field in PERSONAL and not may(request.user, Act.SEE_CONTACT_DATA):
        return JsonResponse({"values": []})
    now: datetime = timezone.now()
    return JsonResponse({"values": [{"value": value, "count": count} for value, count in suggestions(field, now)]})
