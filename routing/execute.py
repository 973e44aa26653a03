"""Decided events in; owner, state, reason, clocks, deliveries owed and the decisions themselves written out.

The one door to ownership: nothing else in the project gives a lead an owner. All of it commits together with
the caller's writer transaction. Leaves alone what follows the commit (routing.plan, routing.delivery).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from leads.models import RawEvent
from owners.writer import is_writing, writing
from routing.arrival_clocks import note_late
from routing.engine.acts import WALKS
from routing.engine.people import People
from routing.engine.values import Numbers
from routing.models import ReviewItem
from routing.moved import settle_lead_rows
from routing.review import answerable
from routing.rows import Context, Settled, rows_of
from routing.steps import step
from routing.targets import ACT_TARGETS, AGAIN_TARGETS, TARGETS
from routing.write import Target, write

UNREADABLE_MINUTES = 60


def apply(batch: Iterable[Settled], people: People, numbers: Numbers, now: datetime) -> None:
    """Write what was decided. `numbers` are those after the batch. Call inside `writing()`."""
    if not is_writing():
        raise RuntimeError("Ownership changes only inside the writer transaction.")
    settled = list(batch)
    acts = [one for one in settled if one.act]
    context = Context(now, people, numbers, settings.CRM_CONNECTOR, _targets(settled, acts))
    with step("update_owner"):
        if acts:
            settle_lead_rows(acts, now)
        rows = rows_of(settled, context)
    with step("write_reason"):
        write(rows)
        if not acts:
            note_late(settled, people, now)


def _targets(settled: list[Settled], acts: list[Settled]) -> tuple[Target, ...]:
    """Which rows the batch writes. Acts and new events never share one: their statements stay few and fixed."""
    if not acts:
        return TARGETS
    if len(acts) != len(settled):
        raise ValueError("A batch holds new events or acts, not both.")
    walks = [one for one in acts if one.act and one.act.kind in WALKS]
    if walks and len(walks) != len(acts):
        raise ValueError("Acts that ask the rules again are a batch of their own.")
    return AGAIN_TARGETS if walks else ACT_TARGETS


def set_aside(id: int, error: Exception, now: datetime) -> str:
    """Take an event that cannot be carried through out of the queue, into review; its error in one line."""
    sentence = f"{type(error).__name__} while routing"
    with writing():
        waiting = RawEvent.objects.filter(pk=id, state=RawEvent.State.WAITING)
        if waiting.update(state=RawEvent.State.DONE, error=sentence, attempts=F("attempts") + 1):
            event = RawEvent.objects.select_related("source").defer("body").get(pk=id)
            ReviewItem.objects.create(
                reason=ReviewItem.Reason.UNRESOLVED,
                detail=f"{sentence}: the event is kept as it came and can be routed again once the cause is mended.",
                owner_id=answerable(event.source.owner_id), source=event.source, event=event,
                opened_at=now, last_at=now, due_at=now + timedelta(minutes=UNREADABLE_MINUTES),
            )  # fmt: skip
    return sentence


def put_back(id: int, now: datetime) -> bool:
    """Let an event that was set aside wait again, and close its review item; whether there was one."""
    with writing():
        aside = RawEvent.objects.filter(pk=id, state=RawEvent.State.DONE, attempts__gt=0, decisions__isnull=True)
        if not aside.update(state=RawEvent.State.WAITING, error="", attempts=0):
            return False
        ReviewItem.objects.filter(
            event=id, lead=None, reason=ReviewItem.Reason.UNRESOLVED, state=ReviewItem.State.OPEN
        ).update(state=ReviewItem.State.CLOSED, closed_at=now, resolution="routed again")
        return True
