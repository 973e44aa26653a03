"""A lead that waits for its buyer in; the pause, and the ends of its owner's clocks worked out again, out.

A pause takes its time out of the count of the clocks that run when it is set: their ends move at once. Ending it
early brings them back by what it did not use. What was breached before stays breached; its later rungs wait too.
Moving the lead ends the pause (`routing.moved`), because a new owner has agreed to wait for nobody. A touch stops the
clocks as ever, and a new inquiry of the buyer has a clock of its own, which counts.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import F, Q
from django.utils import timezone

from leads.clean import clean_text
from leads.models import Lead
from leads.sql import among
from owners.business_time import Span
from routing.acts import Done
from routing.engine.ladder import BUILT_IN, Ladder, after, counted, rung_at
from routing.lease import short_transaction
from routing.models import Escalation, SlaClock, SlaPause
from routing.moved import lock_clocks, lock_leads
from routing.moving import By
from routing.promise import hours_promised
from routing.refused import Refused
from routing.terms import ladders
from routing.write import Target, write

LONGEST = timedelta(days=30)
MAX_REASON = 200
ENDS = Target(SlaClock, ("id", "due_at", "next_rung_at"), update=True)


def pauses_of(leads: Iterable[int]) -> dict[int, list[Span]]:
    """By lead, the spans [start, end) in which the buyer was waited for; one statement. Leads without any are left
    out. Which of them hold for a clock, `routing.engine.ladder.counted` says."""
    found: dict[int, list[Span]] = {}
    rows = SlaPause.objects.filter(among("routing_slapause.lead_id", leads), ends_at__gt=F("starts_at")).order_by(
        "starts_at"
    )
    for lead, start, end in rows.values_list("lead_id", "starts_at", "ends_at"):
        found.setdefault(lead, []).append((start, end))
    return found


def pause_now(lead: int, now: datetime) -> SlaPause | None:
    """The pause that the lead is in."""
    return SlaPause.objects.filter(lead=lead, ends_at__gt=now).select_related("set_by__owner").first()


def pause(lead: int, by: By, until: datetime, reason: str, now: datetime) -> Done:
    """Wait for the buyer until then. Only a person does: what a program could stop would prove nothing.

    Raises Refused: needs_person, why_missing, in_the_past, too_long, gone, closed, paused, nothing_runs.
    """
    why = _checked(by, until, reason, now)
    with short_transaction():
        row = _locked(lead)
        _not_yet_paused(lead, now)
        if not _open_clocks(lead):
            raise Refused("nothing_runs", "No clock of its owner runs, so that nothing has to wait.")
        SlaPause.objects.create(lead=row, starts_at=now, ends_at=until, reason=why, set_by_id=by.user)
        _work_out(lead, now)
    return Done(f"{by.name} waits for the buyer until {_at(until)}.", lead, None, row.owner_id, row.state)


def go_on(lead: int, by: By, now: datetime) -> Done:
    """End the pause now. Raises Refused: gone, closed, not_paused."""
    with short_transaction():
        row = _locked(lead)
        running = SlaPause.objects.filter(lead=lead, starts_at__lte=now, ends_at__gt=now)
        if not running.update(ends_at=now, ended_by=by.user):
            raise Refused("not_paused", "Nobody waits for this buyer now, so that there is nothing to end.")
        _work_out(lead, now)
    return Done(f"The clocks count again, since {by.name} went on.", lead, None, row.owner_id, row.state)


def _checked(by: By, until: datetime, reason: str, now: datetime) -> str:
    if by.user is None:
        raise Refused("needs_person", "A pause stops clocks, so a person sets it; use the token of one.")
    why = clean_text(" ".join(reason.split()), MAX_REASON)
    if not why:
        raise Refused(
            "why_missing", "Say why the buyer is waited for: it stands on the lead for everybody who reads it."
        )
    if until <= now:
        raise Refused("in_the_past", f"{_at(until)} is past. Give a time that is still to come.")
    if until > now + LONGEST:
        days = LONGEST.days
        raise Refused("too_long", f"{_at(until)} is more than {days} days away. Wait for {days} days at most.")
    return why


def _locked(lead: int) -> Lead:
    row = lock_leads([lead]).get(lead)
    if row is None:
        raise Refused("gone", f"There is no lead {lead}.")
    if row.state != Lead.State.ASSIGNED:
        raise Refused(
            "closed", f"Only a lead with an owner can wait for its buyer; this one is {row.get_state_display()}."
        )
    return row


def _not_yet_paused(lead: int, now: datetime) -> None:
    """One pause at a time. One that begins at this very instant or, on a machine whose clock stepped back, later,
    counts although it is over."""
    known = SlaPause.objects.filter(Q(ends_at__gt=now) | Q(starts_at__gte=now), lead=lead).first()
    if known is not None:
        raise Refused("paused", f"This buyer is waited for already, until {_at(known.ends_at)}. Go on first.")


def _at(moment: datetime) -> str:
    try:
        return f"{timezone.localtime(moment):%a %-d %b %Y, %H:%M %Z}"
    except OverflowError:  # beyond the first or the last day there is, in this zone
        return str(moment)


# --- the clocks -------------------------------------------------------------------------------------------


class Clock(NamedTuple):
    """An open clock of the lead's owner, in the order of its columns."""

    id: int
    kind: str
    state: str
    owner: int
    budget: int
    real_time: bool
    calendar: int | None
    terms: str | None
    revision: int | None
    decided_by: int
    started_at: datetime
    due_at: datetime

    @property
    def ladder(self) -> Ladder:
        return ladders((self.terms,))[self.terms] if self.terms else BUILT_IN[self.kind]


COLUMNS = (
    "id", "kind", "state", "owner_id", "budget_seconds", "real_time", "calendar_id", "terms_id", "revision_id",
    "decision__revision_id", "started_at", "due_at",
)  # fmt: skip


def _open_clocks(lead: int) -> list[Clock]:
    """Clocks that run, and breached ones that have rungs to come; locked."""
    open_still = Q(state=SlaClock.State.RUNNING) | Q(state=SlaClock.State.BREACHED, next_rung_at__isnull=False)
    rows = lock_clocks(SlaClock.objects.filter(open_still, lead=lead, kind__in=SlaClock.OF_OWNER))
    return [Clock(*row) for row in rows.values_list(*COLUMNS)]


def _work_out(lead: int, now: datetime) -> None:
    """The ends of the lead's clocks, and when the ladder has something to do next, with its pauses as they are."""
    clocks = _open_clocks(lead)
    pauses = pauses_of([lead]).get(lead, [])
    rungs = Escalation.objects.filter(clock__in=[clock.id for clock in clocks]).order_by()
    climbed = set(rungs.values_list("clock", "rung"))
    write([(ENDS, [_row(clock, pauses, climbed, now) for clock in clocks])])


def _row(
    clock: Clock, pauses: list[Span], climbed: set[tuple[int, int]], now: datetime
) -> tuple[int, datetime, datetime | None]:
    due_at = _due(clock, pauses, now)
    # By real time, in which no rung comes later than in working time: the hint is never late, and the sweep works out
    # the truth by the hours that are in force then.
    any_time = counted(None, pauses, clock.started_at)
    todo = [rung for rung in clock.ladder.in_order(clock.budget) if (clock.id, rung.key) not in climbed]
    hint = min((rung_at(rung, clock.started_at, due_at, clock.budget, any_time) for rung in todo), default=None)
    return clock.id, due_at, hint


def _due(clock: Clock, pauses: list[Span], now: datetime) -> datetime:
    """Its end by what was promised, less the pauses; of a clock whose time has run out, the end that it had."""
    if clock.state != SlaClock.State.RUNNING or clock.due_at <= now:
        return clock.due_at
    revision = clock.revision if clock.revision is not None else clock.decided_by
    hours = hours_promised(revision, clock.owner, clock.calendar, clock.real_time)
    return max(now, after(clock.started_at, clock.budget, counted(hours, pauses, clock.started_at)))
