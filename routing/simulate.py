"""A lead, a version and an instant in; what would be decided, with its whole trace, out. Writes nothing, locks nothing.

The same `decide` as live routing, by the people of now. A stored lead is seen as it was when it came: what it said,
whom and what it matched; a typed one is read and matched as if it came now. Turns, loads and who is there are those
of the instant asked for, turns and loads as they are now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
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
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)
"""Instants that a lead can be tried at: [from, until). Calendars are counted to both sides of them."""
WATCHED = (
    "routing_status", "hierarchy_step", "rule", "target_owner_id", "target_team", "routing_tier", "sla_policy",
    "due_at", "high_intent", "target_pipeline", "target_stage", "follow_up_sequence", "review_reason", "reviewer_id",
    "fallback_owner_id", "notification_path",
)  # fmt: skip
"""What two versions are compared by: keys of the routing decision, and the rule that decided."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The lead that is asked about: its case at the instant, and where it came from."""

    case: Case
    source_key: str
    source_system: str
    event: EventRef | Prepared


@dataclass(frozen=True, slots=True)
class Simulated:
    """What would be decided. `told`: the decision document; `decision`: the value, with its clocks.

    `rule`: the name of the rule that decided, with the row of its table; `ruled`: the same rule in every version.
    """

    version: int | None
    told: dict[str, Any]
    decision: Decided
    people: People
    rule: str
    ruled: tuple[str, int]


def stored(lead: int, at: datetime) -> Subject:
    """A lead as it was when it came. Raises Refused: gone, erased, instant."""
    _check(at)
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
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("erased", f"What lead {lead} said was erased. Try another lead, or type one.") from error
    return Subject(replace(case, now=at), key, system or key, EventRef(event, source, received_at))


def typed(body: bytes, content_type: str, source: int, at: datetime) -> Subject:
    """A payload as a sender would post it, read and matched as if it came at `at`. Raises Refused: gone, instant."""
    _check(at)
    row = Source.objects.filter(pk=source).values_list("key", "system_name").first()
    if row is None:
        raise Refused("gone", "This source does not exist any more.")
    event = prepare(0, source, at, body, content_type)
    return Subject(case_of(event, known_of([event]), at), row[0], row[1] or row[0], event)


def _check(at: datetime) -> None:
    if not EARLIEST <= at < LATEST:
        raise Refused("instant", f"{at.year} is too far away. Choose a year from 1970 to 2200.")


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
    told = _nothing_stored(document(replace(story, decision={**story.decision, **NO_IDS})))
    return Simulated(rules.version, told, decision, people, *_ruled(decision, rules))


NO_IDS = dict.fromkeys(("id", "lead", "event"))
"""Of a decision that is stored nowhere; what it would create has none either."""


def _nothing_stored(told: dict[str, Any]) -> dict[str, Any]:
    """A simulation is no decision, and says so: nothing of its plan was done or waits."""
    told["source_event"]["raw_payload_stored"] = False
    told["trace"] = dict.fromkeys(told["trace"])
    for action in told["crm_execution_plan"]:
        action |= {"state": "planned", "attempts": 0}
    told["dry_run"] = True
    return told


def _ruled(decision: Decided, rules: RuleSet) -> tuple[str, tuple[str, int]]:
    """The name of the rule that decided, and what tells it in every version; both empty where no rule did."""
    rule = rules.rules.get(decision.outcome.rule or 0)
    if rule is None:
        return "", ("", 0)
    row = decision.trace["steps"][-1]["rules"][-1]
    return row["name"], (rule.key or rule.name, row.get("row", 0))


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
    """Which of WATCHED two simulations of one lead differ in."""
    left, right = ({**one.told["routing_decision"], "rule": one.ruled} for one in (first, second))
    return frozenset(key for key in WATCHED if left[key] != right[key])
