"""Stored decisions in; decided again from their snapshots, and every difference out. Writes nothing."""

from datetime import datetime
from typing import NamedTuple

from routing.current import no_rules, people_of, rules_of
from routing.engine.decide import decide
from routing.engine.snapshot import read_snapshot
from routing.engine.values import Decision as Decided
from routing.models import Decision


class Difference(NamedTuple):
    """A stored decision that its snapshot does not give again. `why`: in a few words."""

    decision: int
    why: str


class Verified(NamedTuple):
    decisions: int
    differences: list[Difference]


def decide_again(snapshot: str) -> Decided:
    """The decision that a stored snapshot gives."""
    case, numbers, version, revision = read_snapshot(snapshot)
    people = people_of(revision)
    rules = rules_of(version, people.lists) if version else no_rules(_answerable(people.owners))
    return decide(case, numbers, rules, people)


def _answerable(owners: dict) -> int:
    """As routing.waiting reads it: the first active owner answers while nothing is published."""
    return min((id for id, person in owners.items() if person.state == "active"), default=0)


def verify(since: datetime | None = None) -> Verified:
    """Decide every stored decision (made since then) again and compare digests."""
    rows = Decision.objects.order_by("id").values_list("id", "snapshot", "trace", "digest")
    if since is not None:
        rows = rows.filter(decided_at__gte=since)
    count, differences = 0, []
    for id, snapshot, trace, digest in rows.iterator(chunk_size=1000):
        count += 1
        if why := _difference(snapshot, trace, digest):
            differences.append(Difference(id, why))
    return Verified(count, differences)


def _difference(snapshot: str, trace: str, digest: str) -> str:
    try:
        again = decide_again(snapshot)
    except Exception as error:
        return f"cannot be decided again: {type(error).__name__}"
    if again.digest == digest and again.trace_text == trace:
        return ""
    if again.snapshot != snapshot:
        return "reads other numbers than it read then"
    return "takes another way" if again.trace_text != trace else "has another outcome"
