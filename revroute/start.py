"""A visitor in, a redirect to where their work begins out."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse

from owners.roles import Role, role_of
from routing.setup import waits

STARTS: dict[Role, tuple[str, ...]] = {
    Role.ADMINISTRATOR: ("admin:index",),
    Role.REVOPS: ("admin:index",),
    Role.AUDITOR: ("admin:index",),
    Role.MANAGER: ("pages:reports", "admin:index"),
    Role.MARKETING: ("pages:reports",),
    Role.REP: ("pages:my",),
    Role.INTEGRATOR: ("api:openapi-view",),
}
"""Names of addresses by role; the first that exists is taken."""

NOWHERE = "api:openapi-view"
"""Open to everybody, for people whose pages are not there or who have no role."""


def start(request: HttpRequest) -> HttpResponse:
    """Send everybody to their own first page; while nobody can sign in, to what says how the first one can."""
    if not request.user.is_authenticated and waits():
        return redirect("pages:setup")
    return _start(request)


@login_required
def _start(request: HttpRequest) -> HttpResponse:
    return redirect(start_of(role_of(request.user)))


def start_of(role: Role | None) -> str:
    """The address at which somebody with this role begins."""
    names = STARTS[role] if role else ()
    for name in (*names, NOWHERE):
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return reverse("admin:index")
