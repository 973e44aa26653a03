"""The instant in; the cache of the reports brought up to date with the facts. Writes its own tables alone.

What is to be written is worked out without a lock and written only if nobody else has written meanwhile
(`ReportState.number`), so that several workers do no harm. An inquiry's arrival never changes, so the days whose
blocks a change makes stale are those of its rows.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Max, Q

from owners.models import Installation
from routing.lease import budget, short_transaction
from routing.models import Fact, ReportArrival, ReportBlock, ReportSpan, ReportState
from routing.reporting.arrivals import Arrival, arrivals_of
from routing.reporting.blocks import build, start_of, stored
from routing.reporting.news import Gap, news
from routing.reporting.values import instant

BATCH = 500
"""Facts, and leads, that are read at once."""
logger = logging.getLogger(__name__)

FIELDS = [name for name in Arrival._fields if name != "id"]
LOOK = timedelta(minutes=1)
"""How often it is looked for spans to build."""
SECONDS = 0.5
"""Of one tick: what is left over waits for the next, so that routing has the machine."""


class Overtaken(Exception):
    """Somebody else wrote the cache meanwhile: what was worked out is thrown away."""


def keep_up(clock: Callable[[], datetime], seconds: float = SECONDS) -> int:
    """Read what is new, for so long or a little longer; of how many leads. The worker's part for reports."""
    has_time, done = budget(seconds), 0
    try:
        while has_time() and (read := _read(clock(), BATCH)):
            done += read
        _build(clock(), has_time)
    except Overtaken:
        logger.info("Another process keeps the reports up at the same time")
    return done


def rebuild(clock: Callable[[], datetime], say: Callable[[str], None] = lambda text: None) -> int:
    """Throw the cache away and make it anew from the facts; how many inquiries it holds. A worker may help meanwhile,
    and goes on where this is ended."""
    with short_transaction():
        state_now()
        ReportState.objects.update(number=F("number") + 1, mark=0, gaps=[], looked_at=None)
        for model in (ReportArrival, ReportBlock, ReportSpan):
            model.objects.all().delete()
    top = Fact.objects.aggregate(top=Max("id"))["top"] or 0
    done = False
    while not done:
        try:
            while _read(clock(), 5 * BATCH):
                say(f"read facts up to {state_now().mark:,} of {top:,}")
            say("building blocks")
            _build(clock(), lambda: True)
            done = True
        except Overtaken:
            continue
    return ReportArrival.objects.count()


def _read(now: datetime, limit: int) -> int:
    """Read so many new facts; of how many leads they are, or 0 when there is nothing new."""
    state = state_now()
    found = news(state, now, limit)
    if found.leads or found.gaps != [tuple(gap) for gap in state.gaps]:
        _renew(state, found.leads, found.mark, found.gaps, now)
    return len(found.leads)


def state_now() -> ReportState:
    """How far the facts have been read; the row is made where there is none."""
    state = ReportState.objects.filter(pk=1).first()
    if state is None:
        with short_transaction():
            ReportState.objects.bulk_create([ReportState(pk=1)], ignore_conflicts=True)
        state = ReportState.objects.get(pk=1)
    return state


def _renew(state: ReportState, leads: Iterable[int], mark: int, gaps: list[Gap], now: datetime) -> None:
    """Write the rows of these leads as they are now, and mark the spans in which one counts for something else now."""
    leads = list(leads)
    known = {row.id: row for row in stored(Q(lead__in=leads))}
    found = list(arrivals_of(leads, now))
    changed = [row for row in found if row._replace(ripe_at=None) != known.get(row.id)]
    zone = ZoneInfo(state.zone) if state.zone else None
    days = {instant(row.at).astimezone(zone).date() for row in changed} if zone else set()
    rows = [row_of(arrival) for arrival in found]
    with short_transaction():
        _taken(state, mark=mark, gaps=gaps)
        ReportArrival.objects.bulk_create(
            rows, batch_size=500, update_conflicts=True, unique_fields=["id"], update_fields=FIELDS
        )
        if days:
            ReportSpan.objects.filter(_over(days), stale=False).update(stale=True)


def row_of(arrival: Arrival) -> ReportArrival:
    """As it is stored."""
    values: dict[str, Any] = arrival._asdict()
    values["late"] = " ".join(map(str, arrival.late))
    return ReportArrival(**values)


def _over(days: Iterable[date]) -> Q:
    """Spans in which one of the days lies."""
    starts = {(grain, start_of(day, grain)) for day in days for grain in ReportSpan.GRAINS}
    wanted = Q(pk__in=())
    for grain in ReportSpan.GRAINS:
        wanted |= Q(grain=grain, start__in=[start for of, start in starts if of == grain])
    return wanted


def _taken(state: ReportState, **changes: Any) -> int:
    """Claim the right to write; call in the transaction that writes. Raises Overtaken."""
    number = state.number + 1
    if not ReportState.objects.filter(pk=1, number=state.number).update(number=number, **changes):
        raise Overtaken
    return number


def _build(now: datetime, has_time: Callable[[], bool]) -> None:
    """Build spans that are missing or stale, if it was not looked for any a moment ago."""
    state = state_now()
    zone = Installation.objects.values_list("time_zone", flat=True).first() or "UTC"
    if zone != state.zone:
        with short_transaction():
            _taken(state, zone=zone)
            ReportBlock.objects.all().delete()
            ReportSpan.objects.all().delete()
        state = state_now()
    elif state.looked_at is not None and state.looked_at <= now < state.looked_at + LOOK:
        return
    if not build(state, now, has_time, _taken):
        ReportState.objects.filter(pk=1).update(looked_at=now)
