"""Two versions in, what changed between them in sentences, out."""

from itertools import groupby

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from routing.compare import changes
from routing.models import RuleSetVersion
from routing.names import read_names
from routing.pages.rule_versions import LARGEST_ID, find_version, of_version
from routing.rule_path import versions_to_switch
from routing.rulebook import content_of
from routing.step_words import title

PAGE = 100
KINDS = {
    "added": ("new", "info", "plus"), "removed": ("removed", "bad", "trash-2"),
    "changed": ("changed", "warn", "pencil"), "moved": ("moved", "", "arrow-up"),
    "set": ("of the version", "warn", "settings"),
}  # fmt: skip


@never_cache
@require_safe
@of_version
def compare(request: HttpRequest, version: RuleSetVersion) -> HttpResponse:
    """`with`: the older version; without it the one in force, else the one that this was copied from."""
    other = _other(request, version)
    found = (
        changes(content_of(other, everything=True), content_of(version, everything=True), read_names()) if other else []
    )
    counts = {kind: sum(change.kind == kind for change in found) for kind in KINDS}
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    steps = [
        (title(step) if step else "The version itself", list(rows))
        for step, rows in groupby(page.object_list, key=lambda change: change.step)
    ]
    context = {
        "version": version, "other": other, "page": page, "steps": steps, "kinds": KINDS, "total": len(found),
        "counts": [(KINDS[kind], count) for kind, count in counts.items() if count],
        "versions": [row for row in versions_to_switch(version) if row.pk != version.pk], "now": timezone.now(),
        "help_topic": "rules",
    }  # fmt: skip
    return render(request, "pages/rules_compare.html", context)


def _other(request: HttpRequest, version: RuleSetVersion) -> RuleSetVersion | None:
    text = request.GET.get("with", "")
    if text:
        if not (text.isascii() and text.isdigit() and int(text) < LARGEST_ID):
            raise Http404
        return find_version(int(text))
    rows = RuleSetVersion.objects.select_related("owner")
    if version.state == RuleSetVersion.State.DRAFT:
        live = rows.filter(state=RuleSetVersion.State.PUBLISHED).first()
        if live is not None:
            return live
    if version.based_on_id:
        return rows.filter(pk=version.based_on_id).first()
    earlier = rows.filter(published_at__isnull=False, pk__lt=version.pk)
    return earlier.order_by("-published_at").first()
