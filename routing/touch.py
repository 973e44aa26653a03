"""What a person did with a lead in; the activity, stopped clocks and facts out. Changes no owner.

Clocks believe the instant at which an act was recorded (`now`), not the one that was said (`at`), so that
back-dating cannot erase a breach. A clock that was breached before stays breached, and is answered late. What stops
what is the table of `routing.engine.clock`.
"""

from collections.abc import Iterable
from datetime import datetime

from leads.clean import clean_text
from leads.models import Activity, Lead
from owners.business_time import ALWAYS
from owners.writer import writing
from routing.current import people_now
from routing.engine.clock import STOPS, as_counted, is_touch, verdict
from routing.engine.people import People
from routing.lease import short_transaction
from routing.loads import ends_with_touch, free
from routing.models import Fact, SlaClock
from routing.moved import lock_clocks, lock_leads
from routing.moving import By
from routing.refused import Refused

MAX_OUTCOME = 200
KINDS = tuple(Activity.Kind.values)


def record(lead: int, kind: str, by: By, now: datetime, at: datetime | None = None, outcome: str = "") -> Activity:
    """Write an activity of `kind` (a value of Activity.Kind) and stop what it stops.

    Raises Refused: unknown_kind, in_the_future, gone, closed.
    """
    if kind not in KINDS:
        raise Refused("unknown_kind", f"There is no activity “{kind[:40]}”; use one of {', '.join(KINDS)}.")
    if at is not None and at > now:
        raise Refused("in_the_future", "The activity is said to have happened in the future; give a time that is past.")
    human = is_touch(as_counted(kind, by.user is not None or by.owner is not None))
    untouched = human and Lead.objects.filter(pk=lead, touched_at=None).values_list("state", flat=True).first()
    people = people_now() if untouched else None  # outside the lock: they may have to be compiled
    # The first touch may give its owner room again, and loads change under the writer lock alone.
    with writing() if untouched == Lead.State.ASSIGNED else short_transaction():
        row = _lead(lead)
        activity = Activity.objects.create(
            lead=row, kind=kind, actor_id=by.owner, happened_at=at or now, created_at=now,
            outcome=clean_text(outcome, MAX_OUTCOME),
        )  # fmt: skip
        if human:
            _touched(row, kind, by, now, people)
    return activity


def accept(lead: int, by: By, now: datetime) -> bool:
    """The owner says yes; whether it was the first time. Raises Refused: gone, closed, not_yours."""
    with short_transaction():
        row = _lead(lead)
        if row.owner_id is None or row.owner_id != by.owner:
            raise Refused("not_yours", "Only the owner of a lead can accept it, and it is not yours any more.")
        if not Lead.objects.filter(pk=lead, owner=by.owner, accepted_at=None).update(accepted_at=now):
            return False
        facts = [_fact(row, Fact.Kind.ACCEPTED, by, now, "pressed")]
        _note(row, [*facts, *_stop(row, "accept", by, now)])
    return True


def _lead(id: int) -> Lead:
    row = lock_leads([id]).get(id)  # before its clocks: a pause set meanwhile came before the act, or after it
    if row is None:
        raise Refused("gone", f"There is no lead {id}.")
    if row.state not in Lead.OPEN:
        raise Refused("closed", f"Lead {id} is {row.get_state_display()}; nothing more is logged on it.")
    return row


def _touched(row: Lead, kind: str, by: By, now: datetime, people: People | None) -> None:
    """A human touch: the first one is remembered on the lead, and whoever acts has accepted."""
    touched = _fact(row, Fact.Kind.TOUCHED, by, now, kind)
    if row.touched_at is None and people is not None:
        touched.working_seconds = _worked(row, people, now)
    facts = [touched]
    frees = row.touched_at is None and ends_with_touch(row.pk)
    if Lead.objects.filter(pk=row.pk, touched_at=None).update(touched_at=now) and frees:
        free(row)
    mine = Lead.objects.filter(pk=row.pk, owner=by.owner, accepted_at=None) if by.owner else Lead.objects.none()
    if mine.update(accepted_at=now):
        facts.append(_fact(row, Fact.Kind.ACCEPTED, by, now, "acted"))
    if kind in (Activity.Kind.MEETING, Activity.Kind.BOOKING):
        facts.append(_fact(row, Fact.Kind.BOOKED, by, now, ""))
    _note(row, [*facts, *_stop(row, kind, by, now)])


def _worked(row: Lead, people: People, now: datetime) -> int:
    """Whole seconds since the arrival in the working time of the lead's owner, or on the wall clock."""
    person = people.owners.get(row.owner_id) if row.owner_id is not None else None
    hours = person.hours if person and person.hours else ALWAYS
    return max(0, int(hours.elapsed(row.received_at, now).total_seconds()))


def _stop(row: Lead, act: str, by: By, now: datetime) -> Iterable[Fact]:
    """End the running clocks that the act stops, each only if it still runs, and answer the breached ones."""
    stopped: list[tuple[str, str, datetime, int]] = []
    clocks = SlaClock.objects.filter(lead=row.pk, kind__in=STOPS[act])
    running = lock_clocks(clocks.filter(state=SlaClock.State.RUNNING))
    for id, kind, due_at, owner in list(running.values_list("id", "kind", "due_at", "owner_id")):
        ended = verdict(due_at, now)
        late = {"answered_at": now, "ended_at": due_at} if ended == "breached" else {"ended_at": now}
        if SlaClock.objects.filter(pk=id, state=SlaClock.State.RUNNING).update(state=ended, next_rung_at=None, **late):
            stopped.append((kind, ended, due_at if ended == "breached" else now, owner))
            stopped += [(kind, Fact.Kind.ANSWERED, now, owner)] if ended == "breached" else []
    breached = clocks.filter(state=SlaClock.State.BREACHED, answered_at=None)
    stopped += [(kind, Fact.Kind.ANSWERED, now, owner) for kind, owner in breached.values_list("kind", "owner_id")]
    breached.update(answered_at=now, next_rung_at=None)
    return [
        Fact(lead=row, kind=ended, at=at, owner_id=owner, actor_id=by.user, detail=kind)
        for kind, ended, at, owner in stopped
    ]


def _note(row: Lead, facts: Iterable[Fact]) -> None:
    """Write the facts; those of test leads are in no report."""
    if not row.is_test:
        Fact.objects.bulk_create(facts)


def _fact(row: Lead, kind: str, by: By, now: datetime, detail: str) -> Fact:
    return Fact(lead=row, kind=kind, at=now, owner_id=row.owner_id, actor_id=by.user, detail=detail)
