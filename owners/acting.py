"""A signed-in user, or a reason, for the length of a block in; who acts and why, for records that are written further
down, out."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_actor: ContextVar[int | None] = ContextVar("actor", default=None)
_why: ContextVar[str] = ContextVar("why", default="")


@contextmanager
def acting(user: int | None) -> Iterator[None]:
    """Say whose edits the block makes. `user`: an id; None: nobody in person, such as a command."""
    token = _actor.set(user)
    try:
        yield
    finally:
        _actor.reset(token)


def actor() -> int | None:
    """The user id of whoever acts now; None outside any `acting` block."""
    return _actor.get()


@contextmanager
def because(reason: str) -> Iterator[None]:
    """Say why the block makes its edits, where the edit alone does not tell."""
    token = _why.set(reason)
    try:
        yield
    finally:
        _why.reset(token)


def reason_given() -> str:
    """The reason that a `because` block gives; empty outside any."""
    return _why.get()
