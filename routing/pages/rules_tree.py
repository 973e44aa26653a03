"""A version in, its plain-English decision tree on one printable page out."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from routing.models import RuleSetVersion
from routing.names import read_names
from routing.pages.rule_versions import of_version
from routing.rulebook import content_of
from routing.tree import tree_of


@never_cache
@require_safe
@of_version
def tree(request: HttpRequest, version: RuleSetVersion) -> HttpResponse:
    """The whole page; `?all=1` names every rule and row."""
    whole = request.GET.get("all") == "1"
    drawn = tree_of(content_of(version), read_names(), whole=whole)
    return render(request, "pages/rules_tree.html", {"version": version, "tree": drawn, "whole": whole})
