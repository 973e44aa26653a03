"""An owner and what is asked of them in, each check passed or failed with its reason out; leaves alone who is next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from routing.engine.people import Person, Terms
from routing.engine.values import Load

CHECKS = (
    "exists",
    "active",
    "accepts_leads",
    "right_team",
    "covers",
    "source_allowed",
    "speaks_language",
    "has_skills",
    "takes_part",
    "within_caps",
    "present",
    "not_tried",
)
"""Every check of SPEC.md section 7, in the order in which a decision reports them; the switch apart from the state."""

BINDING_FOR_RELATIONS = frozenset({"exists", "active", "present", "not_tried"})
"""Owners of a customer or an open deal fail only on absence, inactivity or departure, and where they had this very
lead and gave it back; the rest is recorded."""

BINDING_BY_HAND = frozenset({"exists", "active", "within_caps", "present"})
"""Whoever claims a lead, or is given one by a person, may be outside their hours or of another team; not full."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a lead asks of its owner. `team`, `language`, `service`: empty where the rule asks for none.

    `keeps_hours`: presence includes working hours. `relation`, `by_hand`: customer and deal owners, and those whom
    a person chose, are asked for less.
    """

    now: datetime
    source_key: str
    team: int | None = None
    language: str = ""
    service: str = ""
    skills: tuple[str, ...] = ()
    keeps_hours: bool = True
    relation: bool = False
    by_hand: bool = False
    tried: tuple[int, ...] = ()


class Seat(NamedTuple):
    """A member of a pool with caps there: the pool's name, the caps, and what came to them by this pool."""

    pool: str
    terms: Terms
    load: Load


@dataclass(frozen=True, slots=True)
class Checked:
    """An owner's checks: `failed` ones bind, `noted` ones were seen and do not; both name → why."""

    failed: Mapping[str, str]
    noted: Mapping[str, str]
    available: bool
    """Whether the person could take any lead now: exists, active, within caps, present. So fairness sees it."""

    @property
    def passed(self) -> bool:
        return not self.failed


OFF_HOURS = "is outside working hours"
NOTHING: Mapping[str, str] = {}
PASSED = Checked(NOTHING, NOTHING, True)
MISSING = Checked({"exists": "no such owner"}, NOTHING, False)
OF_THE_PERSON = frozenset({"exists", "active", "accepts_leads", "takes_part", "within_caps", "present"})


def check(person: Person | None, ask: Ask, load: Load, seat: Seat | None = None, terms: Terms | None = None) -> Checked:
    """All checks of one owner for one lead. `seat`: their caps in the pool that it comes by; `terms`: their dates."""
    if person is None:
        return MISSING
    found = _found(person, ask, load, seat)
    if terms is not None and (why := _out_of_dates(terms, ask.now)):
        found["takes_part"] = why
    if not found:
        return PASSED
    available = OF_THE_PERSON.isdisjoint(found)
    if not (ask.relation or ask.by_hand):
        return Checked(found, NOTHING, available)
    binding = BINDING_FOR_RELATIONS if ask.relation else BINDING_BY_HAND
    failed = {name: why for name, why in found.items() if name in binding}
    if failed.get("present") == OFF_HOURS:
        del failed["present"]
    return Checked(failed, {name: why for name, why in found.items() if name not in failed}, available)


def _out_of_dates(terms: Terms, now: datetime) -> str:
    """Why a member of a pool takes no part yet, or no more; empty while they do."""
    if terms.starts is not None and now < terms.starts:
        return f"joins the pool on {terms.starts:%Y-%m-%d %H:%M} UTC"
    if terms.ends is not None and terms.ends <= now:
        return f"left the pool on {terms.ends:%Y-%m-%d %H:%M} UTC"
    return ""


def _found(person: Person, ask: Ask, load: Load, seat: Seat | None) -> dict[str, str]:
    found: dict[str, str] = {}
    if person.state != "active":
        found["active"] = f"is {person.state}"
    if not person.accepts:
        found["accepts_leads"] = "does not accept leads"
    if ask.team is not None and ask.team not in person.teams:
        found["right_team"] = "is not in the team"
    if ask.service and person.services and ask.service not in person.services:
        found["covers"] = f"does not cover {ask.service}"
    if person.sources and ask.source_key not in person.sources:
        found["source_allowed"] = f"takes no leads from {ask.source_key}"
    if ask.language and ask.language not in person.languages:
        found["speaks_language"] = f"does not speak {ask.language}"
    if ask.skills and (missing := [skill for skill in ask.skills if skill not in person.skills]):
        found["has_skills"] = f"lacks {' and '.join(missing)}"
    if full := full_cap(person, load, seat):
        found["within_caps"] = full
    if away := absence(person, ask):
        found["present"] = away
    if person.id in ask.tried:
        found["not_tried"] = "had this lead before"
    return found


def full_cap(person: Person, load: Load, seat: Seat | None = None) -> str:
    """The cap that is reached, as a reason; of several the tightest. Empty when there is room."""
    if not (_is_full(person, load) or (seat is not None and _is_full(seat.terms, seat.load))):
        return ""
    reached = [cap for cap in caps(person, load, seat) if cap.room <= 0]
    return str(min(reached, key=lambda cap: cap.room) if person.tightest else reached[0])


class Capped(Protocol):
    """Who has caps: a person, or a place in a pool."""

    @property
    def cap_open(self) -> int | None: ...
    @property
    def cap_day(self) -> int | None: ...
    @property
    def cap_week(self) -> int | None: ...


class Cap(NamedTuple):
    """A cap and how far it is filled. `what`: what it counts, in words."""

    taken: int
    limit: int
    what: str

    @property
    def room(self) -> int:
        return self.limit - self.taken

    def __str__(self) -> str:
        return f"{self.taken} of {self.limit} {self.what}"


def _is_full(of: Capped, load: Load) -> bool:
    return (
        (of.cap_open is not None and load.open >= of.cap_open)
        or (of.cap_day is not None and load.day >= of.cap_day)
        or (of.cap_week is not None and load.week >= of.cap_week)
    )


def caps(person: Person, load: Load, seat: Seat | None = None) -> list[Cap]:
    """All caps that there are: the person's, then those of their place in the pool."""
    zone = f" ({person.zone})" if person.tightest else ""
    found = caps_of(person, load, "", zone)
    return found + caps_of(seat.terms, seat.load, f" from {seat.pool}", zone) if seat is not None else found


def caps_of(of: Capped, load: Load, whence: str, zone: str) -> list[Cap]:
    """The caps that somebody has, with how far they are filled. `whence`, `zone`: as their words end."""
    limits = (
        (load.open, of.cap_open, f"open leads{whence}"),
        (load.day, of.cap_day, f"leads{whence} today{zone}"),
        (load.week, of.cap_week, f"leads{whence} this week{zone}"),
    )
    return [Cap(taken, limit, what) for taken, limit, what in limits if limit is not None]


def absence(person: Person, ask: Ask) -> str:
    """Why the person is not present, as a reason; empty when they are. For relations, hours do not bind."""
    if person.absences and (until := person.absent_until(ask.now)):
        return f"is away until {until:%Y-%m-%d %H:%M} UTC"
    if person.hours is None:
        return "has working hours that cannot be read"
    if ask.keeps_hours and not person.hours.is_open(ask.now):
        return OFF_HOURS
    return ""


def room(person: Person, load: Load, seat: Seat | None = None) -> str:
    """How much room the person has, for the reason sentence: what the tightest of their caps leaves."""
    if person.tightest and (found := caps(person, load, seat)):
        return str(min(found, key=lambda cap: cap.room))
    if person.cap_open is not None:
        return f"{load.open} of {person.cap_open} open leads"
    return f"{load.open} open leads"


def candidate(owner: int, name: str, role: str, checked: Checked) -> dict[str, Any]:
    """The trace's entry for one candidate; checks that are not named passed."""
    entry: dict[str, Any] = {"owner": owner, "name": name, "as": role}
    if checked.failed:
        entry["failed"] = dict(checked.failed)
    if checked.noted:
        entry["noted"] = dict(checked.noted)
    return entry
