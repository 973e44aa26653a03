"""A call's token in, who acts by it out; what an act refused, as a problem document with its status and code."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest

from owners.roles import MACHINE, Act, may
from routing.api.access import viewer
from routing.api.problems import Problem
from routing.moving import By, by_user
from routing.refused import CONFLICTS, Refused

ERRORS = {
    400: {"description": "The request cannot be understood."},
    401: {"description": "The token is missing or wrong."},
    403: {"description": "The token's scope or its person's role does not allow this."},
    404: {"description": "There is no such row within the token's sight (`not_found`, `gone`)."},
    409: {"description": "Somebody was faster, or the lead's state does not allow it; `code` and `detail` say what."},
    422: {"description": "The act cannot be done as it was asked for; `code` says why."},
}
"""For the OpenAPI entries of all acts."""


def actor(request: HttpRequest, act: Act | None = None) -> By:
    """Who acts. `act`: what the person's role must include. A machine's token acts under the token's name."""
    person = viewer(request)
    if person is MACHINE:
        return By(None, None, request.auth.name)  # type: ignore[attr-defined]
    if act is not None and not may(person, act):
        raise Problem(403, "forbidden", "The role of the person this token stands for does not allow the act.")
    return by_user(person)  # type: ignore[arg-type]


def as_owner(request: HttpRequest, act: Act) -> By:
    """Who acts as an owner. Raises Problem (422, no_owner) where the token stands for nobody who takes leads."""
    by = actor(request, act)
    if by.owner is None:
        raise Problem(
            422, "no_owner", "This token stands for nobody who takes leads; use the token of an owner's user."
        )
    return by


@contextmanager
def told() -> Iterator[None]:
    """What is refused inside becomes a problem: 404 gone, 409 another state is to blame for, else 422."""
    try:
        yield
    except Refused as refused:
        status = 404 if refused.code == "gone" else 409 if refused.code in CONFLICTS else 422
        raise Problem(status, refused.code, refused.sentence) from refused
