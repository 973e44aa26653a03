"""A version in, the path of its steps and rules out, and each act on a draft's order, copies, switches and ends."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from owners.roles import Act, may
from routing import drafts
from routing.engine.rules import STEPS
from routing.models import Rule, RuleSetVersion
from routing.pages.rule_versions import LARGEST_ID, may_edit, of_version
from routing.refused import Refused
from routing.rule_path import path_of, versions_to_switch
from routing.rule_reviews import due_review, open_review_of
from routing.step_words import title
from routing.version_history import history_of

LONGEST_SEARCH = 100
TOOLS = (
    ("rules-compare", "Compare", "git-branch"),
    ("rules-tree", "In plain English", "file-text"),
    ("rules-export", "Export", "download"),
)
LOOKS = {"draft": ("warn", "pencil"), "published": ("good", "circle-check"), "retired": ("", "archive")}
MARKS = {
    "added": ("new", "info", "plus"), "changed": ("changed", "warn", "pencil"), "moved": ("moved", "", "arrow-up"),
}  # fmt: skip


@never_cache
@require_safe
@of_version
def rules(request: HttpRequest, version: RuleSetVersion) -> HttpResponse:
    """The path. `q`: words to look for; `page-STEP`: which page of a step."""
    search = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    pages = {step: _whole(request.GET.get(f"page-{step}")) or 1 for step in STEPS}
    now, live = timezone.now(), version.state == RuleSetVersion.State.PUBLISHED
    path = path_of(version, now, search=search, pages=pages)
    editing = version.state == RuleSetVersion.State.DRAFT and may_edit(request.user)
    context = {
        "version": version, "path": path, "search": search, "editing": editing, "look": LOOKS[version.state],
        "copies": may_edit(request.user), "publishes": editing and may(request.user, Act.PUBLISH_RULES),
        "versions": versions_to_switch(version), "looks": LOOKS, "marks": MARKS, "tools": _tools(version),
        "simulator": _address("rules-simulate"), "steps": [(step, title(step)) for step in version.step_order],
        "help_topic": "rules", "asked": _asked(request), "history": history_of(version), "now": now,
        "may_publish": may(request.user, Act.PUBLISH_RULES), "review": open_review_of(version) if live else None,
        "review_due": live and due_review(now) is not None,
    }  # fmt: skip
    return render(request, "pages/rules_path.html", context)


def _tools(version: RuleSetVersion) -> list[tuple[str, str, str]]:
    """(address, words, icon) of what can be done with a version besides."""
    found = ((_address(name, version.pk), words, icon) for name, words, icon in TOOLS)
    return [tool for tool in found if tool[0]]


def _address(name: str, *args: int) -> str:
    try:
        return reverse(f"pages:{name}", args=args)
    except NoReverseMatch:
        return ""


def _asked(request: HttpRequest) -> str:
    """What the address asks for, to come back to."""
    kept = {key: value for key, value in request.GET.items() if key == "q" or key.startswith("page-")}
    return urlencode(kept)


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and int(text) < LARGEST_ID else None


@require_POST
@of_version
def act(request: HttpRequest, version: RuleSetVersion) -> HttpResponse:
    """One act on the draft, then back to the path where it was done."""
    if not may_edit(request.user):
        raise PermissionDenied
    rule = _whole(request.POST.get("rule")) or 0
    told = ACTS.get(request.POST.get("act", ""), _unknown)
    try:
        said, at = told(request, version.pk, rule)
    except Refused as refused:
        messages.error(request, refused.sentence)
        where = ""  # to the head of the page, where it is said
    else:
        messages.success(request, said)
        where = f"#rule-{at}" if at else f"#{_step_of(request)}"
    query = request.POST.get("asked", "")
    return redirect(reverse("pages:rules", args=[version.pk]) + (f"?{query}" if query else "") + where)


def _step_of(request: HttpRequest) -> str:
    step = request.POST.get("step", "")
    return f"step-{step}" if step in STEPS else "path"


Answer = tuple[str, int]
"""What to say, and the rule to come back to; 0 for the step."""


def _seen(request: HttpRequest) -> int | None:
    return _whole(request.POST.get("seen"))


def _nudge(by: int) -> Callable[[HttpRequest, int, int], Answer]:
    def nudge(request: HttpRequest, version: int, rule: int) -> Answer:
        return drafts.nudge_rule(version, rule, by, _seen(request), request.user, timezone.now()), rule

    return nudge


def _place(request: HttpRequest, version: int, rule: int) -> Answer:
    step, before = request.POST.get("step", ""), _whole(request.POST.get("before"))
    place = _whole(request.POST.get("place"))
    if place is not None:
        ids = list(
            Rule.objects.filter(version=version, step=step)
            .exclude(pk=rule)
            .order_by("position", "id")
            .values_list("id", flat=True)
        )
        before = ids[place - 1] if 0 < place <= len(ids) else None
    said = drafts.place_rule(version, rule, step, before, _seen(request), request.user, timezone.now())
    return said, rule


def _step(request: HttpRequest, version: int, rule: int) -> Answer:
    place = _whole(request.POST.get("place")) or 0
    step = request.POST.get("step", "")
    return drafts.place_step(version, step, place, _seen(request), request.user, timezone.now()), 0


def _copy(request: HttpRequest, version: int, rule: int) -> Answer:
    copy = drafts.duplicate_rule(version, rule, _seen(request), request.user, timezone.now())
    return f"“{copy.name}” is a copy, asked right after the first. Change what is different about it.", copy.pk


def _switch(on: bool) -> Callable[[HttpRequest, int, int], Answer]:
    def switch(request: HttpRequest, version: int, rule: int) -> Answer:
        return drafts.switch_rule(version, rule, on, _seen(request), request.user, timezone.now()), rule

    return switch


def _delete(request: HttpRequest, version: int, rule: int) -> Answer:
    if request.POST.get("sure") != "yes":
        raise Refused("not_sure", "Nothing was deleted. Tick the box that says so first.")
    return drafts.delete_rule(version, rule, _seen(request), request.user, timezone.now()), 0


def _unknown(request: HttpRequest, version: int, rule: int) -> Any:
    raise Refused("unknown_kind", "There is no such act on a rule.")


ACTS: dict[str, Callable[[HttpRequest, int, int], Answer]] = {
    "up": _nudge(-1), "down": _nudge(1), "place": _place, "step": _step, "copy": _copy, "on": _switch(True),
    "off": _switch(False), "delete": _delete,
}  # fmt: skip
