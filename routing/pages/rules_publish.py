"""A draft in, what publishing it brings and what stands in its way out; and publishing, approving, going back."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from owners.roles import Act, may
from routing import bulk, publishing, rule_reviews, rulebook
from routing.compare import changes
from routing.models import Decision, RuleSetVersion
from routing.moving import by_user
from routing.names import read_names
from routing.offer import offered
from routing.pages.rule_fields import InstantField, zone_of
from routing.pages.rule_versions import may_read, of_version
from routing.publish_checks import Problem
from routing.refused import Refused
from routing.rerouting import Choice, preview
from routing.rulebook import RulebookError

SHOWN, MOST_PROBLEMS = 12, 50
ONE_CLICK = timedelta(minutes=1)
IN_FORCE = "Version {} is published: it decides from the next lead on."
BACK = "The rules of version {} are in force again, as version {}."
State = RuleSetVersion.State


class PublishForm(forms.Form):
    """Why, and when: now, or at an instant of the version's zone."""

    purpose = forms.CharField(
        max_length=300, widget=forms.Textarea({"rows": 3}), label="What this version changes, and why",
        help_text="It stands beside the version for good, and in its history.",
        error_messages={"required": "Write down what this version changes, and why."},
    )  # fmt: skip
    at = InstantField(label="At")


def may_publish(request: HttpRequest) -> bool:
    """Whether the reader may put rules in force."""
    return may_read(request.user) and rulebook.may_publish(request.user)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@of_version
def publish(request: HttpRequest, version: RuleSetVersion) -> HttpResponse:
    """GET asks, with what stands in the way; POST does what `do` says."""
    if not may_publish(request):
        raise PermissionDenied
    with timezone.override(zone_of(version)):
        if request.method != "POST":
            return render(
                request,
                "pages/rules_publish.html",
                _context(request, version, PublishForm(initial={"purpose": version.purpose})),
            )
        form = PublishForm(request.POST)
        do = DOES.get(request.POST.get("do", "publish"))
        if do is None:
            return _again(request, version, form, ["This page does not know that act. Use its buttons."])
        if do in (_publish, _schedule) and not form.is_valid():
            return render(request, "pages/rules_publish.html", _context(request, version, form), status=422)
        try:
            said = do(request, version, form)
        except Refused as refused:
            if refused.code == "in_the_past":
                form.add_error("at", refused.sentence)
                return render(request, "pages/rules_publish.html", _context(request, version, form), status=422)
            return _again(request, version, form, [refused.sentence])
        except RulebookError as error:
            if do is _publish and _just_done(request, pk=version.pk):
                messages.success(request, IN_FORCE.format(version.pk))
                return redirect("pages:rules", version.pk)
            return _again(request, version, form, publishing.first_of(error.problems))
        messages.success(request, said)
        return _published(request, version) if do is _publish else redirect("pages:rules", version.pk)


def _just_done(request: HttpRequest, **which: Any) -> RuleSetVersion | None:
    """The version in force that the same person has just published for the same purpose: a second click is no
    failure."""
    purpose = publishing.purpose_of(request.POST.get("purpose", ""))  # not empty, or it would have been refused before
    lately = timezone.now() - ONE_CLICK
    rows = RuleSetVersion.objects.filter(state=State.PUBLISHED, published_by=request.user, published_at__gte=lately)
    return rows.filter(purpose=purpose, **which).first()


def _again(request: HttpRequest, version: RuleSetVersion, form: PublishForm, said: list[str]) -> HttpResponse:
    version.refresh_from_db()
    context = _context(request, version, form) | {"said": said}
    return render(request, "pages/rules_publish.html", context, status=409)


def _publish(request: HttpRequest, version: RuleSetVersion, form: PublishForm) -> str:
    publishing.publish_draft(version.pk, form.cleaned_data["purpose"], request.user, timezone.now(), _seen(request))
    return IN_FORCE.format(version.pk)


def _schedule(request: HttpRequest, version: RuleSetVersion, form: PublishForm) -> str:
    at = form.cleaned_data["at"]
    if at is None:
        raise Refused("in_the_past", "Say when: choose the date and the time at which it is to be published.")
    return publishing.schedule(
        version.pk, form.cleaned_data["purpose"], at, request.user, timezone.now(), _seen(request)
    )


def _unschedule(request: HttpRequest, version: RuleSetVersion, form: PublishForm) -> str:
    return publishing.unschedule(version.pk, request.user, timezone.now())


def _approve(request: HttpRequest, version: RuleSetVersion, form: PublishForm) -> str:
    return publishing.approve(version.pk, _seen(request).edition, request.user, timezone.now())


def _seen(request: HttpRequest) -> publishing.Seen:
    """What the page showed from which this was sent."""
    edition, live = (request.POST.get(name, "") for name in ("seen", "live"))
    return publishing.Seen(*(int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
                             for text in (edition, live)))  # fmt: skip


DOES: dict[str, Callable[[HttpRequest, RuleSetVersion, PublishForm], str]] = {
    "publish": _publish, "schedule": _schedule, "unschedule": _unschedule, "approve": _approve,
}  # fmt: skip


def _context(request: HttpRequest, version: RuleSetVersion, form: PublishForm) -> dict[str, Any]:
    content = rulebook.content_of(version)
    live = RuleSetVersion.objects.filter(state=State.PUBLISHED).first()
    draft = version.state == State.DRAFT
    whole = rulebook.content_of(version, everything=True)
    found = changes(live.content, whole, read_names()) if live and draft else []
    problems = list(rulebook.problems_of(version, content)) if draft else []
    missing = sorted(rulebook.missing(content), key=lambda problem: not problem.blocks) if draft else []
    told = {problem.sentence for problem in missing}
    approval = list(rulebook.approval_problems(version, content, request.user)) if draft else []
    return {
        "version": version, "form": form, "live": live, "draft": draft, "rules": len(content["rules"]),
        "changes": found[:SHOWN], "more": max(len(found) - SHOWN, 0), "total": len(found),
        "problems": publishing.first_of([
            sentence for code, sentence in problems if code != "purpose_missing" and sentence not in told
        ]),
        "missing": [(problem, _mends(request, version, problem)) for problem in missing[:MOST_PROBLEMS]],
        "more_missing": max(len(missing) - MOST_PROBLEMS, 0),
        "blocked": bool([code for code, _ in problems if code != "purpose_missing"]),
        "warnings": list(publishing.warnings_of(version)) if draft else [],
        "approval": [sentence for _, sentence in approval], "four_eyes": settings.FOUR_EYES_PUBLISH,
        "now": timezone.now(), "help_topic": "rules",
    }  # fmt: skip


def _mends(request: HttpRequest, version: RuleSetVersion, problem: Problem) -> list[tuple[str, str]]:
    """(address, words) of what mends a problem: the rule, and the row that it is about where the reader may see it."""
    found = []
    if problem.rule is not None:
        found.append((reverse("pages:rule", args=[version.pk, problem.rule]), "Open the rule"))
    if problem.code == "rules_owner_gone":
        found.append((reverse("admin:routing_rulesetversion_change", args=[version.pk]), "Settings of the draft"))
    if problem.link:
        model, pk = problem.link
        app, _, name = model.partition(".")
        if request.user.has_perm(f"{app}.view_{name}"):
            page = f"admin:{app}_{name}_change" if pk else f"admin:{app}_{name}_changelist"
            with suppress(NoReverseMatch):
                found.append((reverse(page, args=[pk] if pk else []), WORDS[model]))
    return found


WORDS = {
    "owners.owner": "Open the person", "owners.pool": "Open the pool", "owners.team": "Open the team",
    "leads.pipeline": "Pipelines", "routing.slapolicy": "SLA policies", "routing.namedlist": "Named lists",
}  # fmt: skip


def _published(request: HttpRequest, version: RuleSetVersion) -> HttpResponse:
    """Where to go on once a version is in force: to the leads that it may move, and after a roll-back to those that
    were decided meanwhile and would go to somebody else."""
    now = timezone.now()
    undone = publishing.versions_after(version.restores_id) if version.restores_id else []
    if undone and may(request.user, Act.REASSIGN_ANY):
        try:
            move = preview(Choice(versions=tuple(undone)), by_user(request.user), now)
        except Refused:
            messages.info(request, "No lead that was decided meanwhile is still open, so none has to move.")
        else:
            bulk.begin(move.pk, timezone.now)
            return redirect("pages:move", move.pk)
    elif not undone and (sentence := offered(request.user, Choice(), now)):
        messages.info(request, sentence)
    return redirect("pages:rules", version.pk)


# --- back, and looking again -----------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@of_version
def restore(request: HttpRequest, version: RuleSetVersion) -> HttpResponse:
    """GET asks, with what going back would change; POST publishes the older content as a new version, and begins to
    look at what was decided meanwhile. With `do` = mend it only makes the draft."""
    if not may_publish(request):
        raise PermissionDenied
    said: list[str] = []
    if request.method == "POST":
        purpose, mend = request.POST.get("purpose", ""), request.POST.get("do") == "mend"
        try:
            made = publishing.restore(version.pk, purpose, request.user, timezone.now(), _seen(request), mend=mend)
        except (Refused, RulebookError) as error:
            said = [error.sentence] if isinstance(error, Refused) else publishing.first_of(error.problems)
            if error.code == "changed" and not mend and (done := _just_done(request, restores=version.pk)):
                messages.success(request, BACK.format(version.pk, done.pk))
                return redirect("pages:rules", done.pk)
        else:
            return _restored(request, version, made)
    live = RuleSetVersion.objects.filter(state=State.PUBLISHED).first()
    content = version.content
    found = changes(live.content, content, read_names()) if live and content else []
    undone = publishing.versions_after(version.pk)
    problems = _forbids(version, content)
    context = {
        "version": version, "live": live, "changes": found[:SHOWN], "more": max(len(found) - SHOWN, 0), "said": said,
        "total": len(found), "undone": undone, "decided": _decided(undone), "now": timezone.now(),
        "problems": publishing.first_of(problems), "places": len(problems),
        "as_draft": bool(problems) or settings.FOUR_EYES_PUBLISH,
        "purpose": request.POST.get("purpose", ""), "help_topic": "rules", "four_eyes": settings.FOUR_EYES_PUBLISH,
    }  # fmt: skip
    return render(request, "pages/rules_restore.html", context, status=409 if said else 200)


def _forbids(version: RuleSetVersion, content: dict[str, Any] | None) -> list[str]:
    """Who or what the older rules name and is not there any more: a publish would be refused for it."""
    if version.state != State.RETIRED or content is None:
        return []
    return [problem.sentence for problem in rulebook.missing(content) if problem.blocks]


def _decided(versions: list[int]) -> int:
    """Leads that these versions decided."""
    first = (
        RuleSetVersion.objects.filter(pk__in=versions)
        .order_by("published_at")
        .values_list("published_at", flat=True)
        .first()
    )
    if first is None:
        return 0
    rows = Decision.objects.filter(decided_at__gte=first, version__in=versions, origin=Decision.Origin.ROUTING)
    return rows.count()


def _restored(request: HttpRequest, version: RuleSetVersion, made: RuleSetVersion) -> HttpResponse:
    if made.state == State.DRAFT:
        mend = bool(_forbids(version, version.content))
        after = "mend what stands in the way, then publish it here" if mend else "a second person has to approve it"
        messages.info(request, f"Draft {made.pk} holds the rules of version {version.pk}; {after}.")
        return redirect("pages:rules-publish", made.pk)
    messages.success(request, BACK.format(version.pk, made.pk))
    return _published(request, made)


@require_POST
@of_version
def reviewed(request: HttpRequest, version: RuleSetVersion) -> HttpResponse:
    """Somebody looked at the rules in force and finds them right."""
    if not may_publish(request):
        raise PermissionDenied
    try:
        note, seen = request.POST.get("note", ""), request.POST.get("review")
        messages.success(request, rule_reviews.reviewed(version.pk, note, request.user, timezone.now(), seen))
    except Refused as refused:
        messages.error(request, refused.sentence)
    return redirect("pages:rules", version.pk)
