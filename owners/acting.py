"""A signed-in user for the length of a block in; who acts, for records that are written further down, out."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_actor: ContextVar[int | None] = ContextVar("actor", default=None)


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
