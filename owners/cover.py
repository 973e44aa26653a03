"""An owner and who is to cover for them in; the circle that this would close, in words, out. Changes nothing.

A chain is fine: whoever covers may be covered. In a circle nobody would be asked when all of it is away.
"""

from collections.abc import Mapping
from datetime import datetime

from owners.models import Owner

LONGEST = 5
"""Of a longer circle so many people are named."""


def circle(owner: int, cover: int | None, covers: Mapping[int, int]) -> list[int]:
    """The owners of the circle that `owner` covered by `cover` would close, `owner` first; empty when there is none.

    `covers`: who covers for whom now, by owner; that of `owner` itself does not count.
    """
    line, at = [owner], cover
    while at is not None and at != owner:
        if at in line:  # a circle beyond, which is not of this owner's making
            return []
        line.append(at)
        at = covers.get(at)
    return line if at == owner and len(line) > 1 else []


def covers_at(now: datetime) -> dict[int, int]:
    """Who covers for whom, without the covers that have ended; one query."""
    rows = Owner.objects.filter(cover__isnull=False).values_list("pk", "cover_id", "cover_until")
    return {owner: cover for owner, cover, until in rows if until is None or until > now}


def refusal(owner: int, cover: int, now: datetime) -> str:
    """Why `cover` cannot cover for `owner`, naming the circle; empty when they can."""
    found = circle(owner, cover, covers_at(now))
    return sentence(found, dict(Owner.objects.filter(pk__in=found).values_list("pk", "name"))) if found else ""


def sentence(found: list[int], names: Mapping[int, str]) -> str:
    """A circle in words, and what to do about it."""
    shown = [names[pk] for pk in found[:LONGEST]] + (["…"] if len(found) > LONGEST else [])
    return (
        f"Covers would go round in a circle: {' → '.join([*shown, names[found[0]]])}. When they are all away, nobody"
        " stands in. Choose somebody else, or change one of the other covers first."
    )
