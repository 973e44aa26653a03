"""The instant in; clocks of review items and of CRM writes started, and stopped when what they wait for is over, out.

Items and writes are made by whoever decides, confirms, closes; none of these writes a clock. A part of the worker's
tick does, for both: what was promised (`opened_at` and `due_at` of an item, the minutes of the policy for the CRM)
stands in the rows, so that a clock that is started late promises the same. Marks with indexes of their own
(`ClockState`) say what there is to do; a tick that finds nothing reads only these.

A clock ends at the instant at which its item was closed or its write confirmed, however late that is noticed: met if
that was in time, else breached and answered. An event that became a lead without an owner has another clock besides
(`routing.arrival_clocks`); CRM writes are `routing.write_clocks`.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from routing import arrival_clocks, write_clocks
from routing.arrival_clocks import of_lead
from routing.clock_rows import end, insert, new_clock, unended
from routing.current import people_now
from routing.engine.ladder import BUILT_IN
from routing.engine.people import People, Policy
from routing.lease import locked, short_transaction
from routing.models import ClockState, Decision, ReviewItem, SlaClock

BATCH = 500
# SQLite uses partial indexes only for conditions that are written like their own.
OWED = RawSQL("routing_reviewitem.clock = 0", (), output_field=BooleanField())
TO_STOP = RawSQL(
    "routing_reviewitem.clock = 1 AND routing_reviewitem.state = 'closed'", (), output_field=BooleanField()
)
KINDS: dict[str, str] = {
    ReviewItem.Reason.ON_HOLD: SlaClock.Kind.HELD,
    ReviewItem.Reason.WAITING_TO_BE_CLAIMED: SlaClock.Kind.CLAIM,
}
"""Of items that wait for people of a pool; all others are in review."""

Kind = SlaClock.Kind


def keep(now: datetime, limit: int = BATCH) -> int:
    """Start the clocks that are owed and stop those that are over, at most `limit` of each; how many."""
    return sum(
        _some(rows, work, now, limit)
        for rows, work in (
            (ReviewItem.objects.filter(OWED).order_by("id"), _start_items),
            (write_clocks.owed(now), write_clocks.start),
            (ReviewItem.objects.filter(TO_STOP).order_by("id"), _stop_items),
            (write_clocks.to_stop(), write_clocks.stop),
        )
    )


def _some(rows: QuerySet[Any], work: Callable[[list[int], datetime], None], now: datetime, limit: int) -> int:
    """Do the work for at most `limit` rows; how many. Of two workers each takes rows of its own."""
    if not rows.exists():  # a read, so that an idle tick never waits for writers
        return 0
    with short_transaction():
        ids = list(_locked(rows).values_list("id", flat=True)[:limit])
        if ids:
            work(ids, now)
    return len(ids)


def _locked(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Without the rows that are joined to tell which they are."""
    found = locked(rows)
    return found.select_for_update(skip_locked=True, of=("self",)) if found.query.select_for_update else found


# --- items ------------------------------------------------------------------------------------------------


class Owed(NamedTuple):
    """An item without a clock, in the order of its columns."""

    id: int
    reason: str
    lead: int | None
    decision: int | None
    owner: int
    opened_at: datetime
    due_at: datetime
    pool: int | None
    is_test: bool | None
    received_at: datetime | None
    origin: str | None
    status: str | None
    policy: str | None
    team: int | None

    @property
    def kind(self) -> str:
        return KINDS.get(self.reason, Kind.REVIEW)

    @property
    def had_no_owner(self) -> bool:
        """Whether the event's lead came without an owner."""
        return self.origin == Decision.Origin.ROUTING and self.status in (Decision.Status.REVIEW, Decision.Status.HELD)


OWED_COLUMNS = (
    "id", "reason", "lead", "decision", "owner", "opened_at", "due_at", "pool", "lead__is_test", "lead__received_at",
    "decision__origin", "decision__status", "decision__sla_policy", "decision__team",
)  # fmt: skip


def _start_items(ids: list[int], now: datetime) -> None:
    people = people_now()
    policies = {policy.key: policy for policy in people.policies}
    owed = [Owed(*row) for row in ReviewItem.objects.filter(id__in=ids).values_list(*OWED_COLUMNS)]
    real = [item for item in owed if not item.is_test]
    clocks = [_of_item(item, policies.get(item.policy or ""), people) for item in real]
    assigned = [
        of_lead(item.lead, item.decision, item.owner, item.received_at, policies.get(item.policy or ""))
        for item in real
        if item.lead and item.received_at and item.had_no_owner
    ]
    insert([*clocks, *assigned])
    of_tests = [item.id for item in owed if item.is_test]
    ReviewItem.objects.filter(id__in=[item.id for item in real]).update(clock=ClockState.KEPT)
    if of_tests:
        ReviewItem.objects.filter(id__in=of_tests).update(clock=ClockState.OVER)


def _of_item(item: Owed, policy: Policy | None, people: People) -> SlaClock:
    budget, real_time = _budget(item, policy, people)
    ladder = policy.ladder(item.kind) if policy else BUILT_IN[item.kind]
    return new_clock(
        item.kind, item.lead, item.decision, item.owner, policy, budget, item.opened_at, item.due_at, ladder,
        item_id=item.id, real_time=real_time, calendar_id=_calendar(item, policy, people),
        revision_id=people.revision or None,
    )  # fmt: skip


def _budget(item: Owed, policy: Policy | None, people: People) -> tuple[int, bool]:
    """The seconds promised, and whether nights count too: by the policy, or by the pool that the lead waits for, and
    where the item's due time is nearer than that, until then."""
    wait = people.pools.get(item.pool or 0)
    passing = int((item.due_at - item.opened_at).total_seconds())
    promised = wait.wait * 60 if wait and item.reason in KINDS else policy.review if policy else passing
    if passing > promised:
        return promised, bool(policy and policy.real_time)
    return max(1, passing), True


def _calendar(item: Owed, policy: Policy | None, people: People) -> int | None:
    """By whose working time the item counts; None for that of its named person."""
    if policy is None or policy.hours_of == "owner":
        return None
    found = policy.calendar
    if policy.hours_of == "team":
        person = people.owners.get(item.owner)
        teams = [item.team] if item.team is not None else list(person.teams if person else ())
        calendars = (people.teams[id].calendar for id in teams if id in people.teams)
        found = next((calendar for calendar in calendars if calendar is not None), None)
    return found if found in people.calendars else None


def _stop_items(ids: list[int], now: datetime) -> None:
    """End the clocks of closed items, whose rows are locked."""
    rows = ReviewItem.objects.filter(id__in=ids, state=ReviewItem.State.CLOSED)
    closed = dict(rows.values_list("id", "closed_at"))
    clocks = list(unended().filter(item__in=closed))
    end({clock.pk: closed[clock.item_id] for clock in clocks}, clocks)
    arrival_clocks.placed({clock.lead_id: closed[clock.item_id] for clock in clocks if clock.lead_id})
    rows.update(clock=ClockState.OVER)


def stop(about: Collection[tuple[int, int | None, int | None]], now: datetime) -> None:
    """End clocks (each with its item or its write) whose items are closed and whose writes are not pending."""
    if items := [item for _, item, _ in about if item]:
        _stop_items(items, now)
    if actions := [action for _, _, action in about if action]:
        write_clocks.stop(actions, now)
