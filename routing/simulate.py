"""A lead, a version and an instant in; what would be decided, with its whole trace, out. Writes nothing, locks nothing.

The same `decide` as live routing, by the people of now. A stored lead is seen as it was when it came: what it said,
whom and what it matched; a typed one is read and matched as if it came now. Turns, loads and who is there are those
of the instant asked for, turns and loads as they are now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from leads.models import Source
from routing.cases import case_of, known_of, numbers_of
from routing.current import no_rules, people_now, rules_of
from routing.document import document, story_of
from routing.engine.decide import decide
from routing.engine.people import People
from routing.engine.rules import RuleError, RuleSet, compile_rules
from routing.engine.snapshot import read_case
from routing.engine.values import Case
from routing.engine.values import Decision as Decided
from routing.lists import values_of
from routing.models import Decision, RuleSetVersion
from routing.prepare import Prepared, prepare
from routing.refused import Refused
from routing.rows import EventRef, Settled
from routing.rulebook import content_of, digest

State = RuleSetVersion.State


@dataclass(frozen=True, slots=True)
class Subject:
    """The lead that is asked about: its case at the instant, and where it came from."""

    case: Case
    source_key: str
    source_system: str
    event: EventRef | Prepared


@dataclass(frozen=True, slots=True)
class Simulated:
    """What would be decided. `told`: the decision document; `decision`: the value, with its clocks."""

    version: int | None
    told: dict[str, Any]
    decision: Decided
    people: People


def stored(lead: int, at: datetime) -> Subject:
    """A lead as it was when it came. Raises Refused: gone."""
    row = (
        Decision.objects.filter(lead=lead, origin=Decision.Origin.ROUTING)
        .values_list("snapshot", "event_id", "event__source_id", "event__received_at", "event__source__key",
            "event__source__system_name")
        .order_by("id")
        .first()
    )  # fmt: skip
    if row is None:
        raise Refused("gone", f"There is no decided lead {lead}.")
    snapshot, event, source, received_at, key, system = row
    try:
        case = read_case(snapshot)
    except (KeyError, ValueError) as error:
        raise Refused("gone", f"What lead {lead} said is not kept any more.") from error
    return Subject(replace(case, now=at), key, system or key, EventRef(event, source, received_at))


def typed(body: bytes, content_type: str, source: int, at: datetime) -> Subject:
    """A payload as a sender would post it, read and matched as if it came at `at`. Raises Refused: gone."""
    row = Source.objects.filter(pk=source).values_list("key", "system_name").first()
    if row is None:
        raise Refused("gone", "This source does not exist any more.")
    event = prepare(0, source, at, body, content_type)
    return Subject(case_of(event, known_of([event]), at), row[0], row[1] or row[0], event)


def simulate(subject: Subject, version: int | None) -> Simulated:
    """Decide it by a version, a draft as it is now, or by the rules in force (None).

    Raises Refused: gone, rules (the draft does not compile; the sentence says why).
    """
    people = people_now()
    rules = rules_by(version, people)
    numbers = numbers_of([subject.case], rules, people, subject.case.now)
    decision = decide(subject.case, numbers, rules, people)
    case = subject.case
    settled = Settled(
        subject.event, case, decision, contact=case.contact.id, company=case.company.id, new_contact=False,
        new_company=False,
    )  # fmt: skip
    source = {"source_key": subject.source_key, "source_system": subject.source_system}
    story = story_of(settled, **source, submission_id="", correlation_id="", people=people, rules=rules)
    return Simulated(rules.version, _nothing_stored(document(story)), decision, people)


def _nothing_stored(told: dict[str, Any]) -> dict[str, Any]:
    """A simulation is no decision: it has no id, and says so."""
    ids = dict.fromkeys(("decision_id", "lead_id", "event_id"))
    told["routing_decision"] |= ids
    told["source_event"]["raw_payload_stored"] = False
    told["dry_run"] = True
    return told


def rules_by(version: int | None, people: People) -> RuleSet:
    """The compiled rules of a version; those in force for None. Raises Refused: gone, rules."""
    rows = RuleSetVersion.objects.all()
    row = rows.filter(state=State.PUBLISHED).first() if version is None else rows.filter(pk=version).first()
    if row is None:
        if version is None:
            return no_rules(min(people.owners, default=0))
        raise Refused("gone", f"There is no version {version}.")
    if row.state != State.DRAFT:
        return rules_of(row.pk, people.lists)
    content = content_of(row)
    try:
        return _compiled_draft(_Frozen(digest(content), content), tuple(sorted(people.lists.items())))
    except RuleError as error:
        raise Refused("rules", f"Draft {row.pk} cannot be tried yet: {error}.") from error


class _Frozen:
    """A draft's content that is told from others by its digest."""

    def __init__(self, known_by: str, content: Mapping[str, Any]) -> None:
        self.known_by, self.content = known_by, content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and other.known_by == self.known_by

    def __hash__(self) -> int:
        return hash(self.known_by)


@lru_cache(maxsize=4)
def _compiled_draft(frozen: _Frozen, lists: tuple[tuple[str, str], ...]) -> RuleSet:
    return compile_rules(frozen.content, {key: values_of(known_by) for key, known_by in lists})


def differences(first: Simulated, second: Simulated) -> frozenset[str]:
    """The keys of the routing decision that two simulations of one lead differ in; whom, what and by which rule."""
    left, right = (one.told["routing_decision"] for one in (first, second))
    watched = (
        "routing_status", "hierarchy_step", "routing_tier", "target_owner_id", "target_team", "target_pipeline",
        "target_stage", "follow_up_sequence", "review_reason", "sla_policy", "due_at", "high_intent",
    )  # fmt: skip
    return frozenset(key for key in watched if left[key] != right[key])
