"""Climbed rungs in; who is told what, and when, and the note of each rung, as rows out. Sends and writes nothing.

Owners are reminded within their working hours: what falls outside them is owed for their next open instant, or left
out where the time has run out by then. Nobody else is kept waiting. A message that is untrue by now, such as a reminder
about a lead that moves in the same breath, is left out, and the rung says why.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from leads.models import Lead
from routing.current import Configuration
from routing.engine.people import People
from routing.models import Delivery, Escalation
from routing.rows import Settled
from routing.rung_moves import is_active, manager_of
from routing.rungs import Climb, Clock
from routing.write import Row, Target

MOVED = "moved"
"""The occasion of the message that a lead went on."""
ESCALATIONS = Target(Escalation, ("clock", "rung", "action", "due_at", "fired_at", "late_seconds", "decision", "note"))
SKIPPING = Target(
    Delivery, ("decision", "owner", "kind", "channel", "next_try_at", "created_at", "occasion", "address"), skip=True,
    same=(("state", Delivery.State.OWED.value), ("attempts", 0), ("error", "")),
)  # fmt: skip
"""Messages that are owed, but for those that are already."""
LONGEST_NOTE = 300
MOVED_ON = "not told: the lead moved on in the same breath"
OVER = "not told: the time had run out already"
GONE = "not told: the owner is not active any more"
NOT_THERE = "not told: the owner works again only when the time is over"
LATER = "the owner is told at {:%Y-%m-%d %H:%M} UTC, when they work again"

Kind = Delivery.Kind
Channel = Delivery.Channel


def rows_of(
    climbs: Iterable[Climb], teams: Mapping[int, int | None], settled: Iterable[Settled], config: Configuration,
    now: datetime,
) -> list[tuple[Target, list[Row]]]:  # fmt: skip
    """A row for each rung, and the messages owed to whoever shall know. `teams`: of decisions, by id, as far as
    somebody else than the owner is told."""
    moved = {one.lead: one for one in settled}
    rungs: list[Row] = []
    owed: list[Row] = []
    for climb in climbs:
        team = teams.get(climb.clock.decision)
        owed += _messages(climb, team, moved.get(climb.clock.lead), config, now)
        late = int((now - climb.at).total_seconds())
        note = climb.note[:LONGEST_NOTE]
        rungs.append((climb.clock.id, climb.rung.key, climb.action, climb.at, now, late, climb.decision, note))
    return [(ESCALATIONS, rungs), (SKIPPING, owed)]


def _messages(climb: Climb, team: int | None, moved: Settled | None, config: Configuration, now: datetime) -> list[Row]:
    clock, rung, people = climb.clock, climb.rung, config.people
    notes = _did(climb)
    rows = [call(climb, now)] if rung.webhook else []
    manager = manager_of(people, team, clock.owner, config.rules.owner) if rung.tell_lead else None
    if climb.decision is not None and moved is not None:
        outcome = moved.decision.outcome  # the owner, and whoever has the lead now, are told by the move itself
        if manager is not None and manager not in (outcome.owner, outcome.reviewer):
            rows += letters(people, manager, climb.decision, Kind.ESCALATION, MOVED, now, now)
    elif moved is not None:
        notes.append(MOVED_ON)
    else:
        occasion = f"{clock.kind}:{rung.key}"
        if rung.remind:
            why, at = _when(climb, people, now)
            notes += [why] if why else []
            if at is not None:
                kind = Kind.REMINDER if climb.is_early else Kind.ESCALATION
                rows += letters(people, clock.owner, clock.decision, kind, occasion, now, at)
        if manager is not None:
            rows += letters(people, manager, clock.decision, Kind.ESCALATION, occasion, now, now)
    climb.note = "; ".join(notes)
    return rows


def _did(climb: Climb) -> list[str]:
    """What the rung did besides telling people."""
    notes = [f"the lead stays: {climb.found_nobody}"] if climb.found_nobody else []
    if climb.rung.priority:
        notes.append(f"priority at least {Lead.Priority(climb.rung.priority).label}")
    return notes


def _when(climb: Climb, people: People, now: datetime) -> tuple[str, datetime | None]:
    """When the owner is told (None: not at all), and a note where that is not at once."""
    clock: Clock = climb.clock
    if climb.is_early and clock.due_at <= now:
        return OVER, None
    if not is_active(people, clock.owner):
        return GONE, None
    hours = people.owners[clock.owner].hours
    if hours is None or hours.is_open(now):
        return "", now
    at = hours.next_open(now)
    if at is None or (climb.is_early and at >= clock.due_at):
        return NOT_THERE, None
    return LATER.format(at), at


def letters(
    people: People, owner: int, decision: int, kind: str, occasion: str, now: datetime, at: datetime
) -> list[Row]:
    """Messages to one person, over every channel they use."""
    channels = people.owners[owner].channels or ("in_app", "email")
    return [_delivery(decision, owner, kind, channel, occasion, now, at, "") for channel in channels]


def call(climb: Climb, now: datetime) -> Row:
    """What a program is told of the rung, by its address."""
    clock = climb.clock
    occasion = f"{clock.kind}:{climb.rung.key}"
    return _delivery(
        clock.decision, clock.owner, Kind.RUNG, Channel.WEBHOOK, occasion, now, now, climb.rung.webhook
    )  # fmt: skip


def _delivery(
    decision: int, owner: int, kind: str, channel: str, occasion: str, now: datetime, at: datetime, address: str
) -> Row:
    """A row in the order of `SKIPPING`."""
    return decision, owner, kind, channel, at, now, occasion, address
