"""A bearer token in, who reads or acts by it out: what its scope allows, and within whose rows."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from ninja.security import HttpBearer

from leads.models import Lead, Source
from leads.scopes import visible_leads
from leads.tokens import hash_token
from owners.models import User
from owners.roles import MACHINE, Act, Machine, Role, may, role_of
from routing.api.problems import Problem
from routing.models import ApiToken

Scope = ApiToken.Scope

INCLUDED: dict[str, frozenset[str]] = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.WRITE: frozenset({Scope.READ, Scope.WRITE}),
    Scope.REPORTS: frozenset({Scope.REPORTS}),
}
"""What a token of each scope may ask for."""

ACT_OF = {Scope.READ: Act.READ_API, Scope.WRITE: Act.WRITE_API, Scope.REPORTS: Act.SEE_REPORTS}
"""What the person must be allowed by their role for whom a token stands. A machine's token stands for itself."""


class Token(HttpBearer):
    """A bearer token whose scope includes the one an address asks for. Wrong token: 401; wrong scope: 403."""

    def __init__(self, needs: str = Scope.READ) -> None:
        super().__init__()
        self.needs = needs

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        row = ApiToken.objects.select_related("user").filter(token_hash=hash_token(token), active=True).first()
        if row is None or (row.user is not None and not row.user.is_active):
            return None
        if self.needs not in INCLUDED[row.scope]:
            raise Problem(403, "forbidden", f"This token may {row.get_scope_display()}; the call needs “{self.needs}”.")
        if not _stands_for_machine(row) and not may(row.user, ACT_OF[self.needs]):
            raise Problem(403, "forbidden", "The role of the person this token stands for does not allow the call.")
        return row


class SourceToken(HttpBearer):
    """A source's own token: it may ask what became of what it sent."""

    def authenticate(self, request: HttpRequest, token: str) -> Source | None:
        given = hash_token(token)
        return Source.objects.filter(Q(token_hash=given) | Q(previous_token_hash=given), active=True).first()


def viewer(request: HttpRequest) -> User | Machine:
    """Whose row scope holds for the call: the token's person's, or all rows for a token of a machine."""
    token: Any = request.auth  # type: ignore[attr-defined]
    return MACHINE if _stands_for_machine(token) else token.user


def seen_lead(request: HttpRequest, lead: int) -> Lead:
    """The lead, with its source, if the caller sees it. Raises Problem (404), the same for one that never was."""
    row = visible_leads(viewer(request)).select_related("source").filter(pk=lead).first()
    if row is None:
        raise Problem(404, "not_found", f"There is no lead {lead}.")
    return row


def _stands_for_machine(token: ApiToken) -> bool:
    """A token of nobody, or of an integrator, whose own reach is that of their tokens."""
    return token.user is None or role_of(token.user) == Role.INTEGRATOR
