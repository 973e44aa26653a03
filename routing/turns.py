"""An owner and now in, whose turn it is in each of their pools out; decides nothing and changes nothing."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from owners.models import Pool, PoolMember
from routing.line_up import Place, line_ups
from routing.models import LedgerEntry

LEDGER_LINES = 5
DAYS = 30
"""What was received is counted over these."""


@dataclass(frozen=True)
class Standing:
    """`me.place`: 1 is next; None for somebody who takes no leads now. `line`: how many stand in it; `next`: who is
    first."""

    pool: Pool
    me: Place
    line: int
    next: str
    because: str
    ledger: tuple[LedgerEntry, ...]


def standings(owner: int, now: datetime) -> list[Standing]:
    """The turns of `owner` (an id), by the pool's name; six statements, however many pools."""
    rows = PoolMember.objects.filter(owner=owner, active=True).select_related("pool").order_by("pool__name")
    mine = {row.pk: row.pool for row in rows}
    found = line_ups([pool.pk for pool in mine.values()], now, now - timedelta(days=DAYS)) if mine else {}
    ledger = _ledger(list(mine))
    told = []
    for member, pool in mine.items():
        line_up = found.get(pool.pk)
        me = next((place for place in line_up.places if place.member == member), None) if line_up else None
        if line_up and me:
            first = line_up.next.name if line_up.next else ""
            told.append(Standing(pool, me, len(line_up.line), first, line_up.because, tuple(ledger[member])))
    return told


def _ledger(members: list[int]) -> dict[int, list[LedgerEntry]]:
    """The newest lines of each member, cut by the database."""
    found: dict[int, list[LedgerEntry]] = defaultdict(list)
    if not members:
        return found
    number = Window(RowNumber(), partition_by=F("member"), order_by=F("id").desc())
    newest = LedgerEntry.objects.filter(member__in=members).annotate(number=number).filter(number__lte=LEDGER_LINES)
    for row in newest.select_related("actor__owner").order_by("-id"):
        found[row.member_id].append(row)
    return found
