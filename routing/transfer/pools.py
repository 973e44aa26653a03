"""Pools of a file in; what is wrong with one or a chain of them, in sentences, and a member as it says, out."""

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q

from owners.models import Pool, PoolMember
from owners.query import problem_of
from owners.waiting import needs_named, rounds
from routing.transfer.shape import MEMBER_CAPS

CAPPED = ~Q(**{f"{name}__isnull": True for name in MEMBER_CAPS})
IN_A_FILE = Q(active=True) & (Q(by_query=False) | ~Q(weight=1) | CAPPED) | Q(active=False, by_query=False) & ~Q(
    pool__member_query={}
)
"""Members that a file names: by name, by query with something of their own, and whom a query is not to bring in."""
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
    """The member as the file says: by name, unless it says otherwise."""
    member.weight, member.position = row["weight"], position
    member.active, member.by_query = not row.get("kept_out"), bool(row.get("by_query"))
    for name in MEMBER_CAPS:
        setattr(member, name, row.get(name))
    for name in ("starts_at", "ends_at"):
        setattr(member, name, datetime.fromisoformat(row[name]) if row.get(name) else None)


def leave_out(member: PoolMember, asks: bool) -> None:
    """Whoever a file does not name leaves; in a pool that `asks` by attributes the query says whether they do."""
    if asks and not (member.by_query and _is_plain(member)):
        row = {"weight": 1, "by_query": True, "kept_out": not member.active}
        set_member(member, row, member.position)
        member.save(update_fields=MEMBER_COLUMNS)
    elif member.active and not asks:
        member.active = False
        member.save(update_fields=["active"])


def _is_plain(member: PoolMember) -> bool:
    return member.weight == 1 and all(getattr(member, name) is None for name in MEMBER_CAPS)


MEMBER_COLUMNS = ("weight", "position", "active", "by_query", *MEMBER_TERMS)
