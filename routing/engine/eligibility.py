"""An owner and what is asked of them in, each check passed or failed with its reason out; leaves alone who is next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from routing.engine.people import Person
from routing.engine.values import Load

CHECKS = (
    "exists",
    "active",
    "accepts_leads",
    "right_team",
    "covers",
    "source_allowed",
    "speaks_language",
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
    keeps_hours: bool = True
    relation: bool = False
    by_hand: bool = False
    tried: tuple[int, ...] = ()


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
OF_THE_PERSON = frozenset({"exists", "active", "accepts_leads", "within_caps", "present"})


def check(person: Person | None, ask: Ask, load: Load) -> Checked:
    """All checks of one owner for one lead."""
    if person is None:
        return MISSING
    found = _found(person, ask, load)
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


def _found(person: Person, ask: Ask, load: Load) -> dict[str, str]:
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
    if full := full_cap(person, load):
        found["within_caps"] = full
    if away := absence(person, ask):
        found["present"] = away
    if person.id in ask.tried:
        found["not_tried"] = "had this lead before"
    return found


def full_cap(person: Person, load: Load) -> str:
    """The first cap that is reached, as a reason; empty when there is room."""
    if person.cap_open is not None and load.open >= person.cap_open:
        return f"{load.open} of {person.cap_open} open leads"
    if person.cap_day is not None and load.day >= person.cap_day:
        return f"{load.day} of {person.cap_day} leads today"
    if person.cap_week is not None and load.week >= person.cap_week:
        return f"{load.week} of {person.cap_week} leads this week"
    return ""


def absence(person: Person, ask: Ask) -> str:
    """Why the person is not present, as a reason; empty when they are. For relations, hours do not bind."""
    if person.absences and (until := person.absent_until(ask.now)):
        return f"is away until {until:%Y-%m-%d %H:%M} UTC"
    if person.hours is None:
        return "has working hours that cannot be read"
    if ask.keeps_hours and not person.hours.is_open(ask.now):
        return OFF_HOURS
    return ""


def room(person: Person, load: Load) -> str:
    """How much room the person has, for the reason sentence."""
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
