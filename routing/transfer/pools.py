"""Pools of a file in; what is wrong with one or a chain of them, in sentences, and a member as it says, out."""

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from owners.models import Pool, PoolMember
from owners.query import problem_of
from owners.waiting import needs_named, rounds
from routing.transfer.shape import MEMBER_CAPS

MEMBER_TERMS = ("starts_at", "ends_at", *MEMBER_CAPS)
"""Fields of a member that stand in the file only where they have a value."""


def broken_pool(row: Pool) -> str:
    """What the constraints of the database forbid of a pool, in a sentence; empty where it may be."""
    if row.when_empty == Pool.WhenEmpty.FALLBACK and row.fallback_owner_id is None:
        return "“when_empty” is “fallback”, so a fallback_owner has to be named."
    if needs_named(row.method, row.when_empty) and row.named_owner_id is None:
        return "its leads may wait, so a named_owner has to answer for them."
    return problem_of(row.member_query)


def broken_member(row: PoolMember) -> str:
    """The same of a member."""
    if row.starts_at and row.ends_at and row.ends_at <= row.starts_at:
        return "ends_at has to be after starts_at."
    return ""


def chains() -> Iterator[str]:
    """A sentence for each circle of next pools as they stand."""
    rows = list(Pool.objects.filter(next_pool__isnull=False).values_list("pk", "key", "next_pool_id"))
    yield from rounds({pk: after for pk, _, after in rows}, {pk: key for pk, key, _ in rows})


def unknown_teams(touched: Iterable[tuple[str, Mapping[str, Any]]], teams: Container[str]) -> Iterator[str]:
    """A sentence for each team that a query of a file's pools asks for and that does not exist; with paths."""
    for path, given in touched:
        for key in (given.get("member_query") or {}).get("teams", ()):
            if key not in teams:
                yield f"{path}.member_query: there is no team “{key}”."


def set_member(member: PoolMember, row: Mapping[str, Any], position: int) -> None:
    """The member as the file says; whoever stands in a file stands in it by name."""
    member.weight, member.position, member.active, member.by_query = row["weight"], position, True, False
    for name in MEMBER_CAPS:
        setattr(member, name, row.get(name))
    for name in ("starts_at", "ends_at"):
        setattr(member, name, datetime.fromisoformat(row[name]) if row.get(name) else None)


MEMBER_COLUMNS = ("weight", "position", "active", "by_query", *MEMBER_TERMS)
