"""Owners, teams and pools as they are in, the members whom a pool's query finds out; leaves members by name alone.

Runs at the end of every writer transaction that changed configuration (`owners.configuration.on_change`), so that no
door can forget it: an owner who learns German is in the German pool when the edit is, or neither is.

A member by query who is not found any more leaves as anybody does: the row stays, inactive, with the instant, and
comes back into use when they are found again. Whoever was entered by name stays as they were entered.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q
from django.utils.timezone import now as clock

from owners.acting import because
from owners.configuration import on_change
from owners.models import Membership, Owner, Pool, PoolMember

GONE = "the pool’s query finds them no longer"
PARTS = ("languages", "service_lines", "skills", "teams")


class Found(NamedTuple):
    """What a query can ask of an active owner. `teams`: keys."""

    id: int
    languages: frozenset[str]
    service_lines: frozenset[str]
    skills: frozenset[str]
    teams: frozenset[str]


def fits(query: Mapping[str, Any], owner: Found) -> bool:
    """Whether all that the query names holds of the owner; a query that names nothing finds nobody.

    Who names no service line covers all of them, as in routing.
    """
    asked = {part: words for part in PARTS if (words := query.get(part))}
    return bool(asked) and all(
        (part == "service_lines" and not owner.service_lines) or getattr(owner, part).issuperset(words)
        for part, words in asked.items()
    )


def in_words(query: Mapping[str, Any]) -> str:
    """“languages de, fr; teams europe”; empty for a query that asks for nothing."""
    parts = [f"{part.replace('_', ' ')} {', '.join(words)}" for part in PARTS if (words := query.get(part))]
    return "; ".join(parts)


def found_now(query: Mapping[str, Any]) -> list[int]:
    """Ids of the active owners whom the query finds, by name; two statements."""
    return [owner.id for owner in _owners() if fits(query, owner)] if query else []


def problem_of(query: object) -> str:
    """What is wrong with a query that somebody wrote, in a sentence; empty where nothing is."""
    if not isinstance(query, dict):
        return "A query is an object, such as {“languages”: [“de”]}."
    if unknown := sorted(str(part) for part in query.keys() - set(PARTS)):
        return f"A query cannot ask for “{unknown[0][:40]}”; it asks for {', '.join(PARTS[:-1])} and {PARTS[-1]}."
    for part, words in query.items():
        if not isinstance(words, list) or not all(isinstance(word, str) and 0 < len(word) <= 80 for word in words):
            return f"What a query asks for as {part} is a list of short texts."
    return ""


@on_change
def follow() -> None:
    """Bring the members of all pools with a query in step; one statement where there is none, else six at most."""
    pools = dict(Pool.objects.exclude(member_query={}).order_by("id").values_list("id", "member_query"))
    rows = PoolMember.objects.filter(Q(pool__in=list(pools)) | Q(by_query=True)).order_by("id")
    members: dict[int, dict[int, PoolMember]] = {pool: {} for pool in pools}
    for member in rows:
        members.setdefault(member.pool_id, {})[member.owner_id] = member
    if members:
        owners = list(_owners()) if pools else []
        _keep_in_step({pool: (pools.get(pool, {}), known) for pool, known in members.items()}, owners, clock())


def _owners() -> Iterator[Found]:
    teams: dict[int, set[str]] = {}
    for owner, team in Membership.objects.order_by("id").values_list("owner_id", "team__key"):
        teams.setdefault(owner, set()).add(team)
    rows = Owner.objects.filter(state=Owner.State.ACTIVE).order_by("name", "id")
    for id, *words in rows.values_list("id", "languages", "service_lines", "skills"):
        yield Found(id, *(frozenset(part) for part in words), frozenset(teams.get(id, ())))


def _keep_in_step(
    pools: Mapping[int, tuple[Mapping[str, Any], Mapping[int, PoolMember]]], owners: list[Found], now: datetime
) -> None:
    joining, leaving, back = [], [], []
    for pool, (query, known) in pools.items():
        wanted = [owner.id for owner in owners if fits(query, owner)]
        last = max((member.position for member in known.values()), default=-1)
        # Whoever is found when the query is new is there from the start; whoever comes later has a day of joining.
        since = now if any(member.by_query for member in known.values()) else None
        new = [owner for owner in wanted if owner not in known]
        joining += [
            PoolMember(pool_id=pool, owner_id=owner, position=last + place, by_query=True, starts_at=since)
            for place, owner in enumerate(new, start=1)
        ]
        followed = [member for member in known.values() if member.by_query]
        found = set(wanted)
        back += [member.pk for member in followed if not member.active and member.owner_id in found]
        leaving += [member.pk for member in followed if member.active and member.owner_id not in found]
    if joining:
        PoolMember.objects.bulk_create(joining)
    if back:
        PoolMember.objects.filter(pk__in=back).update(active=True, starts_at=now, ends_at=None)
    if leaving:
        with because(GONE):
            PoolMember.objects.filter(pk__in=leaving).update(active=False, starts_at=None, ends_at=now)
