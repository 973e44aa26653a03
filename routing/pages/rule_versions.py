"""A request and the number of a version in, the version for whoever may read rules out; writes nothing."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from owners.models import User
from owners.roles import Act, may
from routing.models import RuleSetVersion

LARGEST_ID = 2**63


def may_read(user: User) -> bool:
    """Whether somebody may look at the rules: RevOps, administrators and auditors."""
    return bool(user.is_staff and user.has_perm("routing.view_rulesetversion"))


def may_edit(user: User) -> bool:
    """Whether somebody may change drafts."""
    return may_read(user) and may(user, Act.EDIT_RULES)


def of_version(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For views of one version: `view(request, version, …)`. 403 for those who read no rules, 404 for no version."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, version: int, **kwargs: Any) -> HttpResponse:
        if not may_read(request.user):
            raise PermissionDenied
        return view(request, find_version(version), **kwargs)

    return guarded


def find_version(number: int) -> RuleSetVersion:
    """The version of that number. Raises Http404."""
    row = None
    if number < LARGEST_ID:
        row = RuleSetVersion.objects.select_related("owner", "published_by", "based_on").filter(pk=number).first()
    if row is None:
        raise Http404
    return row
