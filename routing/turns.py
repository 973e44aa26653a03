"""An owner and now in, whose turn it is in each of their pools out; decides nothing and changes nothing.

The line-up is that of `engine.rotation` among those who take leads and are not away. Hours, caps and skills are
looked at when a lead comes, so the first in line is not promised the next one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.db.models import Exists, OuterRef

from owners.models import Absence, Owner, PoolMember
from routing.engine.rotation import Member, Turn, fraction, order
from routing.models import LedgerEntry, RotationState

LEDGER_LINES = 5


@dataclass(frozen=True)
class Standing:
    """`place`: 1 is next; None for somebody who takes no leads now. `line`: how many stand in it."""

    pool: str
    weight: int
    v: Fraction
    place: int | None
    line: int
    next: str
    ledger: tuple[LedgerEntry, ...]


def standings(owner: int, now: datetime) -> list[Standing]:
    """The turns of `owner` (an id), by the pool's name; two queries, and two for each pool's last ledger lines."""
    mine = PoolMember.objects.filter(owner=owner, active=True).values("pool")
    away = Absence.objects.filter(owner=OuterRef("owner"), starts_at__lte=now, ends_at__gt=now)
    rows = PoolMember.objects.filter(pool__in=mine, active=True).select_related("pool", "owner")
    pools: dict[int, list[PoolMember]] = defaultdict(list)
    for row in rows.annotate(absent=Exists(away)).order_by("pool__name", "pool", "position", "pk"):
        pools[row.pool_id].append(row)
    turns = {
        member: Turn(fraction(v), last, away)
        for member, v, last, away in RotationState.objects.filter(member__pool__in=list(pools)).values_list(
            "member", "v", "last", "away"
        )
    }
    own = [member.pk for members in pools.values() for member in members if member.owner_id == owner]
    ledger = _ledger(own)
    return [_standing(members, turns, owner, ledger) for members in pools.values()]


def _standing(
    rows: Sequence[PoolMember], turns: dict[int, Turn], owner: int, ledger: dict[int, list[LedgerEntry]]
) -> Standing:
    members = [Member(row.pk, row.owner_id, row.weight, row.position) for row in rows]
    eligible = {row.pk for row in rows if _takes_leads(row)}
    own = {id: turn for id, turn in turns.items() if id in {row.pk for row in rows}}
    line = order(members, own, eligible)
    names = {row.pk: row.owner.name for row in rows}
    me = next(row for row in rows if row.owner_id == owner)
    place = next((number for number, one in enumerate(line, start=1) if one.member.id == me.pk), None)
    v = line[place - 1].v if place else own[me.pk].v if me.pk in own else Fraction(0)
    first = names[line[0].member.id] if line else ""
    return Standing(me.pool.name, me.weight, v, place, len(line), first, tuple(ledger[me.pk]))


def _takes_leads(row: PoolMember) -> bool:
    return row.owner.state == Owner.State.ACTIVE and row.owner.accepts_leads and not row.absent  # type: ignore[attr-defined]


def _ledger(members: list[int]) -> dict[int, list[LedgerEntry]]:
    """The newest lines of each member, cut by the database."""
    newest = LedgerEntry.objects.filter(member=OuterRef("member")).order_by("-id").values("id")[:LEDGER_LINES]
    rows = LedgerEntry.objects.filter(member__in=members, id__in=newest).select_related("decision__lead")
    found: dict[int, list[LedgerEntry]] = defaultdict(list)
    for row in rows.order_by("-id"):
        found[row.member_id].append(row)
    return found
