"""Open review items in, what is done next about each if nobody handles it, and when, out. Reads only.

Three statements for any number of items, besides what this process knows: configuration and terms.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from routing.current import people_now
from routing.engine.ladder import Ladder, Rung, rung_at
from routing.engine.people import People
from routing.models import Escalation, ReviewItem, SlaClock
from routing.rungs import COLUMNS, Clock
from routing.terms import ladders


class NextRung(NamedTuple):
    """`at`: when; `words`: what is done then, such as “Ada is reminded”."""

    at: datetime
    words: str


def next_rungs(items: Iterable[ReviewItem]) -> dict[int, NextRung]:
    """By item id; without those that have no clock yet, or whose ladder has nothing more. Wants `owner` loaded."""
    by_id = {item.pk: item for item in items}
    rows = SlaClock.objects.filter(item__in=list(by_id), next_rung_at__isnull=False).values_list("item_id", *COLUMNS)
    clocks = {item: Clock(*row) for item, *row in rows}
    climbed: dict[int, set[int]] = defaultdict(set)
    done = Escalation.objects.filter(clock__in=[clock.id for clock in clocks.values()]).order_by()
    for clock_id, rung in done.values_list("clock_id", "rung"):
        climbed[clock_id].add(rung)
    people = people_now()
    ladders(clock.terms for clock in clocks.values())  # all of them with one statement
    found = {item: _next(clock, climbed[clock.id], by_id[item], people) for item, clock in clocks.items()}
    return {item: rung for item, rung in found.items() if rung is not None}


def _next(clock: Clock, climbed: set[int], item: ReviewItem, people: People) -> NextRung | None:
    rung = next((rung for rung in clock.rungs if rung.key not in climbed), None)
    if rung is None:
        return None
    at = rung_at(rung, clock.started_at, clock.due_at, clock.budget, clock.hours(people))
    return NextRung(at, _words(rung, clock.ladder, item, people))


def _words(rung: Rung, ladder: Ladder, item: ReviewItem, people: People) -> str:
    named = people.owners.get(ladder.named or 0)
    parts = [f"{item.owner.name} is reminded"] if rung.remind else []
    parts += ["the team lead is told"] if rung.tell_lead and not rung.move else []
    if rung.move:
        parts.append(f"{named.name if named else 'the team lead'} answers for it")
    parts += ["its priority rises"] if rung.priority else []
    parts += ["another program is told"] if rung.webhook else []
    return " and ".join(parts) or "the breach is noted"
