"""The instant in; due rungs of the clocks of review items and CRM writes climbed once, and their messages owed, out.

As `routing.escalation` does for leads, whose rows these are too: hints are read, then what the clocks are about is
locked, then the clocks, each only if it is still as read. So of a person who closes an item and a rung of its ladder
exactly one is first: who comes second finds it closed, or answers what was breached.

What the rungs do here: *remind* tells the named person of the item (of a CRM write, the lead's owner), *tell the team
lead* their team's lead, and any *move* names another person for the item: whom the ladder names, or who leads the team,
or who answers for the rules; the first who is there and is not the one who let it lie. Priority and webhook are as on
leads. Where nobody could be told, the rung says why.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q, QuerySet

from leads.models import Lead
from routing import item_clocks, overdue, told
from routing.current import Configuration, forget, in_force
from routing.escalation import AGAIN, BREACHES, HINTS, TO_CLIMB, raise_priority
from routing.lease import budget, short_transaction
from routing.messages import OVERDUE
from routing.models import Delivery, Escalation, Fact, PlanAction, ReviewItem, SlaClock
from routing.moved import lock_leads
from routing.pipeline import EVERYBODYS
from routing.rung_moves import is_active, manager_of
from routing.rungs import COLUMNS, Climb, Clock, plan
from routing.targets import FACTS
from routing.write import Row, write

logger = logging.getLogger(__name__)

BATCH = 200
ABOUT_NOTHING = "not told: there is no decision that a message could be about; it stands on Today as overdue"
NOBODY = "not told: nobody else is there"
WENT_ON = "not told: another person is named in the same breath"
NOT_HELD = Q(item__isnull=False) | Q(action__isnull=False)
"""Clocks that are not those of leads."""

Action = Escalation.Action
Kind = Delivery.Kind


def climb_due(now: datetime, limit: int = 2000) -> int:
    """Climb the rungs that are due, those of about `limit` clocks at most; how many. Begins no new batch after 20
    seconds. Raises OperationalError when the database cannot be had; then everything waits as before."""
    has_time = budget()
    rungs = looked = 0
    while looked < limit and has_time():
        ids = list(_due(now).values_list("id", flat=True)[:BATCH])
        if not ids:
            break
        rungs += _batch(ids, now)
        looked += len(ids)
    return rungs


def _due(now: datetime) -> QuerySet[SlaClock]:
    return SlaClock.objects.filter(TO_CLIMB, NOT_HELD, next_rung_at__lte=now).order_by("next_rung_at", "id")


def _batch(ids: list[int], now: datetime) -> int:
    """One batch; where it fails as a whole, its halves, so that a bad clock holds up no other."""
    try:
        with short_transaction():
            return _climb(ids, now)
    except EVERYBODYS:
        forget()
        raise
    except Exception as error:
        forget()
        if len(ids) > 1:
            logger.warning("A batch of clocks failed (%s); its halves are tried apart", type(error).__name__)
            half = len(ids) // 2
            return _batch(ids[:half], now) + _batch(ids[half:], now)
        logger.exception("Clock %s cannot be escalated now; it is tried again in an hour", ids[0])
        SlaClock.objects.filter(pk=ids[0], next_rung_at__isnull=False).update(next_rung_at=now + AGAIN)
        return 0


class Subject(NamedTuple):
    """What a clock is about: an item, or a write of a decision. `team`: of its decision."""

    item: ReviewItem | None
    team: int | None


def _climb(ids: list[int], now: datetime) -> int:
    """One batch inside a transaction; how many rungs."""
    clocks, subjects = _locked(ids, now)
    if not clocks:
        return 0
    config = in_force()
    found = plan(clocks, {}, config.people, now)
    lock_leads(_urgent(found.climbs))
    write(_clock_rows(clocks, found.climbs, found.hints))
    raise_priority(found.climbs)
    write(_told(found.climbs, subjects, config, now))
    return len(found.climbs)


def _locked(ids: list[int], now: datetime) -> tuple[list[Clock], dict[int, Subject]]:
    """The clocks that are due still and what they are about, by clock; what is over by now is ended."""
    about = list(SlaClock.objects.filter(id__in=ids).values_list("id", "item_id", "action_id"))
    items = _items({item for _, item, _ in about if item})
    teams = _writes({action for _, _, action in about if action})
    rows = _due(now).filter(id__in=ids).select_for_update(no_key=True)
    clocks = {row[0]: Clock(*row) for row in rows.values_list(*COLUMNS)}
    open_still: dict[int, Subject] = {}
    for id, item, action in about:
        if id in clocks and item in items:
            open_still[id] = Subject(items[item], items[item].decision.team_id if items[item].decision else None)
            clocks[id] = clocks[id]._replace(owner=items[item].owner_id)
        elif id in clocks and action in teams:
            open_still[id] = Subject(None, teams[action])
    item_clocks.stop([row for row in about if row[0] in clocks and row[0] not in open_still], now)
    return [clock for id, clock in clocks.items() if id in open_still], open_still


def _items(ids: Iterable[int]) -> dict[int, ReviewItem]:
    """Those that are open, locked, lowest first."""
    rows = ReviewItem.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    found = rows.filter(pk__in=ids, state=ReviewItem.State.OPEN)
    return {row.pk: row for row in found.select_related("owner", "lead", "source", "decision__team")}


def _writes(ids: Iterable[int]) -> dict[int, int | None]:
    """The teams of the decisions whose writes are pending, by write; the writes are locked."""
    rows = PlanAction.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    found = rows.filter(pk__in=ids, state=PlanAction.State.PENDING)
    return dict(found.values_list("pk", "decision__team_id"))


def _urgent(climbs: Iterable[Climb]) -> set[int]:
    return {climb.clock.lead for climb in climbs if climb.rung.priority and climb.clock.lead}


def _clock_rows(clocks: Sequence[Clock], climbs: Iterable[Climb], hints: Mapping[int, datetime | None]) -> list[tuple]:
    """Clocks whose budget is used up are breached, at the instant at which it was; the others get their new hints."""
    ended = [climb.clock for climb in climbs if climb.ends and climb.clock.state == SlaClock.State.RUNNING]
    breached = {clock.id for clock in ended}
    breaches = [(clock.id, hints.get(clock.id, clock.hint), SlaClock.State.BREACHED, clock.due_at) for clock in ended]
    facts = [
        (clock.lead, Fact.Kind.BREACHED, clock.due_at, clock.decision, clock.owner, None, clock.kind)
        for clock in ended
        if clock.lead
    ]
    looks = [(id, at) for id, at in hints.items() if id not in breached]
    return [(HINTS, looks), (BREACHES, breaches), (FACTS, facts)]


# --- what is done, who is told ----------------------------------------------------------------------------


def _told(
    climbs: Sequence[Climb], subjects: Mapping[int, Subject], config: Configuration, now: datetime
) -> list[tuple]:
    """The rows of the rungs, and the messages owed; items that get another person have them after this."""
    given = _give(climbs, subjects, config, now)
    rungs: list[Row] = []
    owed: list[Row] = []
    for climb in climbs:
        subject = subjects[climb.clock.id]
        owed += _messages(climb, subject, given.get(climb.clock.id), config, now)
        late = int((now - climb.at).total_seconds())
        note = climb.note[: told.LONGEST_NOTE]
        rungs.append((climb.clock.id, climb.rung.key, climb.action, climb.at, now, late, None, note))
    return [(told.ESCALATIONS, rungs), (told.SKIPPING, owed)]


def _give(
    climbs: Sequence[Climb], subjects: Mapping[int, Subject], config: Configuration, now: datetime
) -> dict[int, Climb]:
    """Name other people for the items whose rungs say so; the climb that did it, by clock."""
    moving: dict[int, Climb] = {}
    to: dict[int, int] = {}
    for climb in climbs:
        item, team = subjects[climb.clock.id]
        if item is None or not climb.rung.move:
            continue
        person = _named(climb, team, config)
        if person is None:
            climb.note = f"it stays with {item.owner.name}: nobody else is there"
        elif item.pk not in to:
            to[item.pk] = person
            moving[climb.clock.id] = climb
            climb.action = climb.action if climb.ends else Action.REVIEW
    items = [item for climb in moving.values() if (item := subjects[climb.clock.id].item) is not None]
    overdue.give(items, to, {item.pk: "who had not dealt with it in time" for item in items}, now)
    return moving


def _named(climb: Climb, team: int | None, config: Configuration) -> int | None:
    """Whom the ladder names, or who leads the team, or who answers for the rules; never who let it lie."""
    named, people = climb.clock.ladder.named, config.people
    if named is not None and named != climb.clock.owner and is_active(people, named):
        return named
    return manager_of(people, team, climb.clock.owner, config.rules.owner)


def _messages(climb: Climb, subject: Subject, given: Climb | None, config: Configuration, now: datetime) -> list[Row]:
    clock, rung, people = climb.clock, climb.rung, config.people
    if clock.decision is None:
        climb.note = "; ".join(filter(None, (climb.note, ABOUT_NOTHING)))
        return []
    notes = [climb.note] if climb.note else []
    if rung.priority:
        notes.append(f"priority at least {Lead.Priority(rung.priority).label}")
    wanted = {}
    if given is climb and subject.item is not None:
        wanted[subject.item.owner_id] = OVERDUE
    if rung.remind and given is not None and given is not climb:
        notes.append(WENT_ON)
    elif rung.remind and given is None and is_active(people, clock.owner):
        wanted[clock.owner] = OVERDUE if climb.ends and subject.item else ""
    manager = manager_of(people, subject.team, clock.owner, config.rules.owner)
    alone = rung.remind and not is_active(people, clock.owner)
    if manager is not None and (rung.tell_lead or alone or (rung.move and subject.item is None)):
        wanted.setdefault(manager, "")
    elif rung.tell_lead and manager is None and is_active(people, clock.owner):
        wanted.setdefault(clock.owner, "")  # whoever is left is told, rather than nobody
    if not wanted and (rung.remind or rung.tell_lead) and given is None:
        notes.append(NOBODY)
    climb.note = "; ".join(notes)
    kind = Kind.REVIEW if subject.item else Kind.ESCALATION
    after = "" if climb.is_early else f"{OVERDUE}:" if subject.item else ""
    rows = [told.call(climb, now)] if rung.webhook else []
    for owner, occasion in wanted.items():
        about = occasion or f"{after}{clock.kind}:{rung.key}"
        rows += told.letters(people, owner, clock.decision, kind, about, now, now)
    return rows
