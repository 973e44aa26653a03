"""What is promised in, clocks begun and ended as rows out. Whose promise it is, callers know."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import QuerySet

from routing.engine.clock import verdict
from routing.engine.ladder import Ladder, content_of, hint
from routing.engine.people import Policy
from routing.models import Fact, SlaClock, SlaTerms
from routing.targets import FACTS
from routing.write import Row, Target, write

ENDS = Target(SlaClock, ("id", "state", "ended_at", "answered_at", "next_rung_at"), update=True)

State = SlaClock.State


def new_clock(
    kind: str, lead: int | None, decision: int | None, owner: int, policy: Policy | None, budget: int,
    started_at: datetime, due_at: datetime, ladder: Ladder, real_time: bool = True, **of: int | None,
) -> SlaClock:  # fmt: skip
    """A running clock, which nobody has written yet. `budget` in seconds; `of`: its item, its action and the rest."""
    return SlaClock(
        kind=kind, lead_id=lead, decision_id=decision, owner_id=owner, policy_key=policy.key if policy else "",
        budget_seconds=budget, real_time=real_time, terms_id=_terms(ladder), started_at=started_at,
        due_at=max(due_at, started_at), next_rung_at=hint(ladder, started_at, budget), state=State.RUNNING, **of,
    )  # fmt: skip


def _terms(ladder: Ladder) -> str | None:
    """The digest by which the clock keeps its ladder, which is written down unless a revision did so before."""
    if not ladder.terms:
        return None
    text = content_of(ladder.name, ladder.named or 0, ladder.rungs)
    SlaTerms.objects.get_or_create(digest=ladder.terms, defaults={"content": text})
    return ladder.terms


def insert(clocks: Sequence[SlaClock]) -> None:
    """Write them; of two that begin one at once, the first does."""
    SlaClock.objects.bulk_create(clocks, ignore_conflicts=True)


def unended() -> QuerySet[SlaClock]:
    """Clocks that run, or ran out and nobody has acted since; locked."""
    rows = SlaClock.objects.filter(state__in=(State.RUNNING, State.BREACHED), answered_at=None)
    return rows.select_for_update(no_key=True, of=("self",)).order_by("pk")


def end(at: Mapping[int, datetime], clocks: Iterable[SlaClock]) -> None:
    """What they waited for happened at these instants (by clock): met if in time, else breached and answered."""
    facts = []
    clocks = list(clocks)
    for clock in clocks:
        when = at[clock.pk]
        if clock.state == State.RUNNING:
            clock.state = verdict(clock.due_at, when)
            clock.ended_at = min(max(when, clock.started_at), clock.due_at)
            facts.append(_fact(clock, clock.state, clock.ended_at))
        if clock.state == State.BREACHED:
            clock.answered_at = max(when, clock.ended_at or when)
            facts.append(_fact(clock, Fact.Kind.ANSWERED, clock.answered_at))
        clock.next_rung_at = None
    _save(clocks, facts)


def drop(clocks: Collection[SlaClock], at: Mapping[int, datetime] | datetime) -> None:
    """What they waited for will not happen (by lead, or at one instant): cancelled, or breached if time was over."""
    facts = []
    for clock in clocks:
        when = at if isinstance(at, datetime) else at[clock.lead_id or 0]
        if clock.state == State.RUNNING:
            late = clock.due_at < when
            clock.state = State.BREACHED if late else State.CANCELLED
            clock.ended_at = clock.due_at if late else when
            facts += [_fact(clock, Fact.Kind.BREACHED, clock.due_at)] if late else []
        clock.next_rung_at = None
    _save(clocks, facts)


def _save(clocks: Collection[SlaClock], facts: Iterable[Row]) -> None:
    if clocks:
        rows = [(one.pk, one.state, one.ended_at, one.answered_at, one.next_rung_at) for one in clocks]
        write([(ENDS, rows), (FACTS, [fact for fact in facts if fact[0] is not None])])


def _fact(clock: SlaClock, kind: str, at: datetime) -> Row:
    """In the order of `FACTS`."""
    return (clock.lead_id, kind, at, clock.decision_id, clock.owner_id, None, clock.kind)
