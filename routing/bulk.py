"""A bulk move that is under way in, its next batches done out. Knows what a batch is, not what it moves.

Each batch is a writer transaction of its own and notes in the move's row how far it came, so a process that dies
loses nothing and another goes on: a request begins, the worker's tick finishes. A batch that fails is tried lead by
lead, so that a bad one holds up no other; it is counted and left where it is.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import F

from owners.writer import writing
from routing import leaving, rerouting, retime
from routing.current import forget
from routing.lease import budget
from routing.models import BulkMove
from routing.moving import By, by_user
from routing.pipeline import EVERYBODYS

logger = logging.getLogger(__name__)

BATCH = 100
AT_ONCE_SECONDS = 5.0
"""How long a request itself goes on; the worker does the rest."""

Clock = Callable[[], datetime]


class Work(NamedTuple):
    """What a kind of move does. `next`: the leads of the next batch, or clocks. `move`: them moved and noted. `fail`:
    one noted as failed. `rest`: what follows them, in parts; False when there is nothing (more)."""

    next: Callable[[BulkMove, int], list[int]]
    move: Callable[[BulkMove, Sequence[int], By, datetime], None]
    fail: Callable[[BulkMove, int], None]
    rest: Callable[[BulkMove], bool]


def _pass_over(move: BulkMove, lead: int) -> None:
    BulkMove.objects.filter(pk=move.pk).update(after=lead, done=F("done") + 1, failed=F("failed") + 1)


WORK = {
    BulkMove.Kind.LEAVER: Work(leaving.next_leads, leaving.move_leads, _pass_over, leaving.hand_over_rest),
    BulkMove.Kind.REROUTE: Work(rerouting.next_leads, rerouting.move_leads, rerouting.note_failed, lambda move: False),
    BulkMove.Kind.RETIME: Work(retime.next_clocks, retime.move_clocks, _pass_over, lambda move: False),
}


def carry_on(clock: Clock) -> int:
    """Go on with whatever is under way, the oldest first, for 20 seconds at most; how many batches were done."""
    has_time = budget()
    done = 0
    for id in list(BulkMove.objects.filter(state__in=BulkMove.UNDER_WAY).order_by("id").values_list("id", flat=True)):
        done += go_on(id, clock, has_time)
    return done


def begin(move: int, clock: Clock) -> None:
    """Go on with one move for as long as a request may take. What was confirmed stands: where the database is busy,
    the worker goes on."""
    try:
        go_on(move, clock, budget(AT_ONCE_SECONDS))
    except EVERYBODYS as error:
        logger.warning("Move %s is left to the worker (%s)", move, type(error).__name__)


def go_on(id: int, clock: Clock, has_time: Callable[[], bool]) -> int:
    """Batches of one move while there is time; how many. Raises OperationalError when the database cannot be had."""
    done = 0
    while has_time() and _batch(id, clock):
        done += 1
    return done


def _batch(id: int, clock: Clock) -> bool:
    """Whether there may be more to do."""
    row = BulkMove.objects.filter(pk=id).first()
    if row is None or row.state not in BulkMove.UNDER_WAY:
        return False
    if row.state == BulkMove.State.LOOKING:
        return rerouting.look_at_some(row, BATCH, clock())
    try:
        return _move(id, BATCH, clock)
    except EVERYBODYS:
        forget()
        raise
    except Exception as error:
        forget()
        logger.warning("A batch of move %s failed (%s); its leads are tried one by one", id, type(error).__name__)
        return _singly(id, clock)


def _move(id: int, size: int, clock: Clock) -> bool:
    """One batch, or the end of the move."""
    with writing():
        row = _running(id)
        if row is None:
            return False
        work, now = WORK[BulkMove.Kind(row.kind)], clock()
        if leads := work.next(row, size):
            work.move(row, leads, _by(row), now)
            return True
        if work.rest(row):
            return True
        BulkMove.objects.filter(pk=id).update(state=BulkMove.State.FINISHED, finished_at=now)
    return False


def _singly(id: int, clock: Clock) -> bool:
    """The leads of a batch that failed, each alone."""
    for _ in range(BATCH):
        try:
            if not _move(id, 1, clock):
                return False
        except EVERYBODYS:
            forget()
            raise
        except Exception:
            forget()
            if not _give_up_first(id):
                raise
    return True


def _give_up_first(id: int) -> bool:
    """Count the lead that failed and pass it over; whether there was one."""
    with writing():
        row = _running(id)
        work = WORK[BulkMove.Kind(row.kind)] if row else None
        first = work.next(row, 1) if row and work else []
        if row is None or work is None or not first:
            return False
        logger.exception("Lead or clock %s cannot be moved and stays as it is", first[0])
        work.fail(row, first[0])
    return True


def _running(id: int) -> BulkMove | None:
    rows = BulkMove.objects.select_related("actor__owner", "owner")
    return rows.filter(pk=id, state=BulkMove.State.RUNNING).first()


def _by(row: BulkMove) -> By:
    """Whoever confirmed it; each decision names them, done by the worker or not."""
    return by_user(row.actor) if row.actor else By(None, None, "RevRoute")
