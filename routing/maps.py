"""Areas as rows in, the map that routing looks places up in, and its stored revision, out.

The map is a revision of its own, cited by the configuration's: it has tens of thousands of areas and changes rarely,
so that an absence neither reads nor stores it again. Which map holds, tells one number, which rises with its areas.
"""

import json
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from owners.models import ConfigStamp, TerritoryArea
from owners.writer import is_writing
from routing.engine.map import Map
from routing.engine.text import canonical
from routing.models import ConfigRevision

Area = tuple[str, str, str, str, str, str, int]
"""(country, region, city, postal prefix, first and last of a range, id of the territory)."""

_stored: tuple[int, str] | None = None
"""(number of the map, digest of its revision) as read in the writer transaction."""
_seen: tuple[int, Map] | None = None
"""(number of the map, map) of readers outside of it."""


def stored_map(now: datetime) -> str:
    """The digest of the revision that the areas are now; stored when it is a new one. Call inside `writing()`.

    A digest and not an id: which id a revision got depends on what was rolled back before, and equal configuration
    has to be equal text.
    """
    global _stored
    number = map_number()
    if _stored is None or _stored[0] != number:
        text = canonical({"areas": areas()})
        digest = sha256(text.encode()).hexdigest()
        ConfigRevision.objects.get_or_create(digest=digest, defaults={"content": text, "created_at": now})
        _stored = (number, digest)
    return _stored[1]


def map_now() -> Map:
    """The map as the areas are, for readers outside the writer transaction."""
    global _seen
    if is_writing():  # what is read here may be undone, and is not kept
        return Map(areas())
    number = map_number()
    if _seen is None or _seen[0] != number:
        _seen = (number, Map(areas()))
    return _seen[1]


@lru_cache(maxsize=4)
def map_of(digest: str) -> Map:
    """The compiled map of a stored revision."""
    return Map(json.loads(ConfigRevision.objects.values_list("content", flat=True).get(digest=digest))["areas"])


def forget() -> None:
    """Drop what is kept: after a rolled-back transaction its numbers and ids are given to others."""
    global _stored, _seen
    _stored = _seen = None
    map_of.cache_clear()


def map_number() -> int:
    """Rises with every change of an area."""
    return ConfigStamp.objects.filter(pk=1).values_list("map_number", flat=True).first() or 0


def areas() -> list[Area]:
    """All areas in an order that depends on them alone."""
    return sorted(TerritoryArea.objects.order_by().values_list(
        "country", "region", "city", "postal_prefix", "postal_from", "postal_to", "territory_id"
    ))  # fmt: skip


def compiled_map(content: dict[str, Any]) -> Map | None:
    """The map that a configuration revision names; None for one that holds its areas itself."""
    return map_of(content["map"]) if "map" in content else None
