"""Pools whose leads may wait in, who has to be named for them, and the circles of next pools, out; changes nothing."""

from collections.abc import Iterator, Mapping

from owners.cover import circle
from owners.models import Pool


def needs_named(method: str, when_empty: str) -> bool:
    """Whether leads of such a pool may wait, so that somebody has to answer for them."""
    return method == Pool.Method.CLAIM or when_empty == Pool.WhenEmpty.HOLD


def round_of(pool: int, following: int | None) -> str:
    """The circle that `pool` with this next pool would close, in a sentence; empty when there is none. One query."""
    rows = {pk: (name, after) for pk, name, after in Pool.objects.values_list("pk", "name", "next_pool_id")}
    found = circle(pool, following, {pk: after for pk, (_, after) in rows.items() if after})
    return _sentence([rows[pk][0] for pk in found]) if found else ""


def rounds(following: Mapping[int, int], names: Mapping[int, str]) -> Iterator[str]:
    """A sentence for each circle; `following`: the next pool by pool."""
    told: set[int] = set()
    for pool, after in following.items():
        found = circle(pool, after, following)
        if found and not told.intersection(found):
            told.update(found)
            yield _sentence([names[pk] for pk in found])


def _sentence(names: list[str]) -> str:
    shown = " → ".join([*names[:5], *(["…"] if len(names) > 5 else []), names[0]])
    return f"Leads that nobody claims would go round: {shown}. Let one of them end with its named person."
