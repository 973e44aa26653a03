"""How far the facts have been read in, what is not in the cache yet out: leads with newer facts, and leads of which
something can be judged by now. Changes nothing.

A fact's id is given before its transaction commits, so a lower id can appear after a higher one was read. Ids that
were passed over are kept as gaps and asked for again for a while; those of transactions that failed never come.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from django.db.models import Q, QuerySet

from routing.models import Fact, ReportArrival, ReportState

KEPT = timedelta(minutes=15)
"""How long a gap is asked for: no transaction lasts as long."""
MOST_GAPS = 400
Gap = tuple[int, int, str]
"""First id, last id, since when."""


class News(NamedTuple):
    """`leads`: whose rows are out of date; `mark` and `gaps`: how far the facts are read once they are renewed."""

    leads: frozenset[int]
    mark: int
    gaps: list[Gap]


def news(state: ReportState, now: datetime, limit: int) -> News:
    """About `limit` leads at most; two statements."""
    mark, gaps = state.mark, [tuple(gap) for gap in state.gaps]
    rows = list(_unread(mark, gaps).order_by("id").values_list("id", "lead_id")[:limit])
    ids = [id for id, _ in rows]
    later = [id for id in ids if id > mark]
    kept = _still_missing(gaps, ids, now)
    kept += missing([mark, *later] if mark else later, now)
    ripe = ReportArrival.objects.filter(ripe_at__lte=now).order_by("ripe_at").values_list("lead", flat=True)
    leads = frozenset(lead for _, lead in rows) | frozenset(ripe[:limit])
    return News(leads, later[-1] if later else mark, kept[-MOST_GAPS:])


def _unread(mark: int, gaps: Iterable[Gap]) -> QuerySet[Fact]:
    wanted = Q(id__gt=mark)
    for first, last, _ in gaps:
        wanted |= Q(id__gte=first, id__lte=last)
    return Fact.objects.filter(wanted)


def missing(ids: Sequence[int], now: datetime) -> list[Gap]:
    """What lies between neighbours."""
    return [(before + 1, after - 1, now.isoformat()) for before, after in pairwise(ids) if after - before > 1]


def _still_missing(gaps: Iterable[Gap], found: Sequence[int], now: datetime) -> list[Gap]:
    """What is left of the gaps, without those that are too old."""
    kept: list[Gap] = []
    for first, last, since in gaps:
        if datetime.fromisoformat(since) < now - KEPT:
            continue
        edges = [first - 1, *(id for id in found if first <= id <= last), last + 1]
        kept += [(a + 1, b - 1, since) for a, b in pairwise(edges) if b - a > 1]
    return kept
