"""A user and a lead in; what they may do with it out, and the act done: the list of acts behind the lead's page."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from leads.models import Activity, Lead
from owners.roles import Act, may
from owners.scopes import owner_of
from routing import acts, pausing, touch
from routing.engine.clock import is_touch
from routing.models import Decision
from routing.moving import By
from routing.refused import Refused

NOBODY = 0
"""Stands for no owner where a page says whose lead it saw."""
TELL = timedelta(days=1)
"""How long a former owner is told who has the lead now; afterwards it does not exist for them."""
LARGEST_ID = 2**63 - 1
TOUCHES = tuple(kind for kind in Activity.Kind if is_touch(kind))


class Work(StrEnum):
    """What somebody may do with a lead."""

    ACCEPT = "accept"
    DECLINE = "decline"
    TOUCH = "touch"
    REASSIGN = "reassign"
    NURTURE = "nurture"
    REJECT = "reject"
    CLOSE = "close"
    PAUSE = "pause"
    RESUME = "resume"


OWNERS_OWN = frozenset({Work.ACCEPT, Work.DECLINE})
"""Nobody does these for another person."""
GIVING_UP = frozenset({Work.NURTURE, Work.REJECT})
WAITING = frozenset({Work.PAUSE, Work.RESUME})


def allowed(user: Any, lead: Lead) -> frozenset[Work]:
    """What the user's role allows on a lead that they see, whatever became of it."""
    if not may(user, Act.WORK_LEADS):
        return frozenset()
    found = set(OWNERS_OWN) | {Work.TOUCH}
    if may(user, Act.REASSIGN_TEAM):
        return frozenset(Work)
    if _is_mine(user, lead):
        found |= GIVING_UP | WAITING | {Work.CLOSE}
    return frozenset(found)


def offered(user: Any, lead: Lead, paused: bool = False, runs: bool = True) -> frozenset[Work]:
    """What of it makes sense now: these are the buttons. `paused`: the buyer is waited for; `runs`: a clock of the
    owner does."""
    mine, assigned = _is_mine(user, lead), lead.state == Lead.State.ASSIGNED
    senseless = set()
    if not (mine and assigned):
        senseless |= OWNERS_OWN
    if lead.accepted_at:
        senseless.add(Work.ACCEPT)
    if lead.state not in Lead.OPEN or (not mine and not may(user, Act.REASSIGN_TEAM)):
        senseless.add(Work.TOUCH)
    if not assigned:
        senseless |= {Work.CLOSE, *WAITING}
    if paused or not runs:
        senseless.add(Work.PAUSE)
    if not paused:
        senseless.add(Work.RESUME)
    if lead.state == Lead.State.NURTURE:
        senseless.add(Work.NURTURE)
    if lead.state == Lead.State.REJECTED:
        senseless.add(Work.REJECT)
    return allowed(user, lead) - senseless


def _is_mine(user: Any, lead: Lead) -> bool:
    return lead.owner_id is not None and lead.owner_id == owner_of(user)


@dataclass(frozen=True, slots=True)
class Said:
    """Whatever an act may need. `to`: an owner id; `seen`: whose lead the page showed, NOBODY for none.

    `kind`: of a touch; `outcome`: of a touch, or how the work on the lead ended; `cause`: what the lead turned out to
    be that gives a turn back; `until`: how long the buyer is waited for.
    """

    to: int | None = None
    why: str = ""
    seen: int | None = None
    kind: str = ""
    outcome: str = ""
    cause: str = ""
    until: datetime | None = None


def do(work: Work, lead: int, said: Said, by: By, now: datetime) -> str:
    """Do it; what happened, in a sentence. Whether `by` may is for the caller to ask. Raises Refused as the acts do."""
    match work:
        case Work.ACCEPT:
            return f"Accepted by {by.name}." if touch.accept(lead, by, now) else f"{by.name} had accepted it already."
        case Work.DECLINE:
            return acts.decline(lead, by, said.why, now).sentence
        case Work.TOUCH:
            return _touch(lead, said, by, now)
        case Work.REASSIGN:
            if said.to is None:
                raise Refused("unknown_owner", "Choose a person from the list: whoever was named is not there.")
            return acts.reassign(lead, said.to, by, said.why, now, said.seen, said.cause).sentence
        case Work.NURTURE:
            return acts.nurture(lead, by, said.why, now, said.seen).sentence
        case Work.REJECT:
            return acts.reject(lead, by, said.why, now, said.seen, said.cause).sentence
        case Work.CLOSE:
            return acts.close(lead, said.outcome, by, now).sentence
        case Work.PAUSE:
            if said.until is None:
                raise Refused("bad_time", "Give the date and the time until which the buyer is waited for.")
            return pausing.pause(lead, by, said.until, said.why, now).sentence
        case Work.RESUME:
            return pausing.go_on(lead, by, now).sentence


def _touch(lead: int, said: Said, by: By, now: datetime) -> str:
    if said.kind not in TOUCHES:
        raise Refused("unknown_kind", f"Choose what you did: {', '.join(kind.label for kind in TOUCHES)}.")
    activity = touch.record(lead, said.kind, by, now, outcome=said.outcome)
    return f"Logged by {by.name}: {activity.get_kind_display()}{f', {activity.outcome}' if activity.outcome else ''}."


def lost(user: Any, lead: int, now: datetime) -> str | None:
    """For somebody who had the lead until lately: a sentence about where it is now; else None."""
    owner = owner_of(user)
    if owner is None or lead > LARGEST_ID:
        return None
    left = Decision.objects.filter(lead=lead, previous_owner=owner, decided_at__gte=now - TELL)
    row = left.order_by("-id").values_list("lead__owner__name", "lead__state").first()
    if row is None:
        return None
    name, state = row
    where = f"with {name} now" if name and state == Lead.State.ASSIGNED else Lead.State(state).label
    return f"This lead is not yours any more: it is {where}."
