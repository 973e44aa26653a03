"""A changed SLA policy in; the running clocks that were started under earlier terms, and moved to the new ones, out.

A policy that is changed leaves its clocks alone: what was promised stands until a person moves it. Here they see
first which clocks those are and when each would be due, and confirm what they saw. The move itself is a `BulkMove`
(`routing.bulk`), so it goes on in batches, survives its request, and is carried on by the worker.

Only clocks of owners that still run are moved, and only as previewed: one that was started, paused, climbed or
answered since is left as it is, and counted as left. A clock is changed in place. It counts from its start by the new
terms, less the pauses of its lead; rungs that it climbed stay climbed. One whose new end has passed is breached by
the next sweep. A clock whose time has run out is past moving: nothing after a breach is undone.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from django.core import signing
from django.db.models import BooleanField, Count, ExpressionWrapper, F, Max, Min, Q, QuerySet
from django.db.models.expressions import RawSQL

from leads.clean import clean_text
from leads.models import Note
from owners.business_time import Span
from owners.writer import writing
from routing.current import in_force, people_now
from routing.engine.counting import calendar_of
from routing.engine.ladder import Ladder, after, counted, rung_at
from routing.engine.people import People, Policy
from routing.engine.text import canonical
from routing.models import BulkMove, Escalation, SlaClock, SlaPause, SlaPolicy
from routing.moved import lock_leads
from routing.moving import By
from routing.pausing import pauses_of
from routing.refused import Refused
from routing.write import Target, write

MAX_WHY = 140
PAGE = 50
LOOKED_AT = 500
"""Clocks of which the preview counts how many would be breached at once."""
HOUR = 3600
SALT = "routing.retime"
TERMS = Target(
    SlaClock,
    ("id", "budget_seconds", "real_time", "calendar", "terms", "due_at", "revision", "next_rung_at"),
    update=True,
)
Kind = SlaClock.Kind

CRITICAL = Q(decision__snapshot__contains='"urgency":"critical"')
"""Leads that count nights whatever the policy says; the snapshot is canonical JSON, in which texts escape quotes."""


# SQLite uses the partial index `clock_due` only for a condition that is written like the index's own.
RUNNING = RawSQL("routing_slaclock.state = 'running'", (), output_field=BooleanField())


class Terms(NamedTuple):
    """What a clock is under: seconds, whether nights count, by which calendar, the ladder's digest (None: built in)."""

    budget: int
    real_time: bool
    calendar: int | None
    ladder: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """A clock of the preview: when it is due and when it would be. `stays`: why it would not move; else empty."""

    clock: SlaClock
    due_then: datetime
    climbed: tuple[int, ...]
    at_once: bool
    stays: str = ""

    @property
    def climbed_in_words(self) -> str:
        return ", ".join(f"{key} %" if key > 0 else f"{-key} min" for key in self.climbed)


@dataclass(frozen=True, slots=True)
class Preview:
    """`lines`: a page of them. `breached`: how many of the first `looked_at` would be breached at once. `token`: what
    was seen, to be confirmed."""

    count: int
    lines: tuple[Line, ...]
    breached: int
    looked_at: int
    token: str


# --- which clocks ---------------------------------------------------------------------------------------------


def count(key: str, now: datetime) -> int:
    """How many running clocks of the policy were started under earlier terms; one statement."""
    people = people_now()
    policy = _named(people, key)
    return _stale(people, policy, now).filter(RUNNING).count() if policy else 0


def preview(key: str, now: datetime, page: int = 1) -> Preview:
    """The clocks that a move would change, the first due first; a fixed number of statements."""
    people = people_now()
    policy = _named(people, key)
    if policy is None:
        return Preview(0, (), 0, 0, "")
    stale = _stale(people, policy, now).filter(RUNNING)
    totals = stale.aggregate(until=Max("pk"))
    found = stale.count()
    rows = _read(stale).select_related("lead", "owner").order_by("due_at", "pk")
    first = _lines(rows[:LOOKED_AT], people, policy, now)
    begin = (page - 1) * PAGE
    lines = first[begin : begin + PAGE]
    if begin >= LOOKED_AT:
        lines = _lines(rows[begin : begin + PAGE], people, policy, now)
    seen = {"policy": key, "terms": digest_of(policy), "until": totals["until"] or 0, "seen": now.isoformat()}
    breached = sum(1 for line in first if line.at_once and not line.stays)
    return Preview(found, tuple(lines), breached, len(first), signing.dumps(seen, salt=SALT))


def _named(people: People, key: str) -> Policy | None:
    return next((policy for policy in people.policies if policy.key == key), None)


def digest_of(policy: Policy) -> str:
    """Tells the terms of a policy's owner clocks apart."""
    ladders = [policy.ladder(kind).terms for kind in SlaClock.OF_OWNER]
    told = [*_budgets(policy).items(), policy.real_time, policy.hours_of, policy.calendar, *ladders]
    return sha256(canonical(told).encode()).hexdigest()[:16]


def _budgets(policy: Policy) -> dict[str, int]:
    budgets = {Kind.ACCEPTED: policy.accept, Kind.FIRST_TOUCH: policy.first_touch, Kind.NO_ACTIVITY: policy.no_activity}
    return {kind.value: budget for kind, budget in budgets.items() if budget is not None}


def _stale(people: People, policy: Policy, now: datetime) -> QuerySet[SlaClock]:
    """Running clocks, not overdue, of which something is other than the policy says now. A promise that the policy
    does not make any more is kept."""
    budgets = _budgets(policy)
    differs = Q()
    for kind, budget in budgets.items():
        terms = policy.ladder(kind).terms
        ladder = ~Q(terms=terms) if terms else Q(terms__isnull=False)
        differs |= Q(kind=kind) & (~Q(budget_seconds=budget) | ladder)
    if policy.real_time:
        differs |= Q(real_time=False)
    else:
        differs |= (Q(real_time=True) & ~CRITICAL) | (Q(real_time=False) & _other_calendar(people, policy))
    running = SlaClock.objects.filter(state=SlaClock.State.RUNNING, due_at__gt=now, policy_key=policy.key)
    return running.filter(differs, kind__in=list(budgets))


def _other_calendar(people: People, policy: Policy) -> Q:
    """Clocks in working time that count by another calendar than they would now: `calendar_of`, as a condition."""
    if policy.hours_of != SlaPolicy.HoursOf.TEAM:
        calendar = calendar_of(people, policy, None, None)
        return Q(calendar__isnull=False) if calendar is None else ~Q(calendar=calendar)
    by_calendar: dict[int, Q] = {}
    teams, owners = defaultdict(list), defaultdict(list)
    for team in people.teams.values():
        if (calendar := calendar_of(people, policy, None, team.id)) is not None:
            teams[calendar].append(team.id)
    for person in people.owners.values():
        if (calendar := calendar_of(people, policy, person, None)) is not None:
            owners[calendar].append(person.id)
    for calendar in {*teams, *owners}:
        of_owner = Q(decision__team__isnull=True, owner__in=owners[calendar])
        by_calendar[calendar] = Q(decision__team__in=teams[calendar]) | of_owner
    differs, has_one = Q(pk__in=[]), Q(pk__in=[])
    for calendar, whose in by_calendar.items():
        differs |= whose & ~Q(calendar=calendar)
        has_one |= whose
    return differs | (~has_one & Q(calendar__isnull=False))


# --- what becomes of each -------------------------------------------------------------------------------------


def _read(clocks: QuerySet[SlaClock]) -> QuerySet[SlaClock]:
    return clocks.select_related("decision").defer("decision__snapshot", "decision__trace")


def _lines(rows: QuerySet[SlaClock], people: People, policy: Policy, now: datetime) -> list[Line]:
    clocks = list(rows.annotate(critical=ExpressionWrapper(CRITICAL, BooleanField())))
    climbed = _climbed(clocks)
    pauses = pauses_of({clock.lead_id for clock in clocks if clock.lead_id})
    return [
        _line(clock, people, policy, climbed[clock.pk], pauses.get(clock.lead_id or 0, []), now) for clock in clocks
    ]


def _climbed(clocks: Iterable[SlaClock]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    rows = Escalation.objects.filter(clock__in=[clock.pk for clock in clocks]).order_by("id")
    for clock, rung in rows.values_list("clock_id", "rung"):
        found[clock].append(rung)
    return found


def _line(
    clock: Any, people: People, policy: Policy, climbed: Sequence[int], pauses: list[Span], now: datetime
) -> Line:
    terms = _terms(clock, people, policy)
    due = _due(clock, terms, people, pauses)
    rungs = policy.ladder(clock.kind).in_order(terms.budget)
    end = next(rung for rung in rungs if rung.seconds(terms.budget) == terms.budget)
    stays = "the rung at its new end was climbed already" if end.key in climbed else ""
    return Line(clock, due, tuple(climbed), due <= now, stays)


def _terms(clock: Any, people: People, policy: Policy) -> Terms:
    """What the clock would be under; `critical` was read with it."""
    real = policy.real_time or (clock.real_time and clock.critical)
    person = people.owners.get(clock.owner_id)
    calendar = None if real else calendar_of(people, policy, person, clock.decision.team_id)
    return Terms(_budgets(policy)[clock.kind], real, calendar, policy.ladder(clock.kind).terms or None)


def _due(clock: SlaClock, terms: Terms, people: People, pauses: list[Span]) -> datetime:
    person = people.owners.get(clock.owner_id)
    hours = None
    if not terms.real_time:
        hours = people.calendars[terms.calendar] if terms.calendar is not None else person.hours if person else None
    return after(clock.started_at, terms.budget, counted(hours, pauses, clock.started_at))


def _hint(clock: SlaClock, ladder: Ladder, line: Line, budget: int, pauses: list[Span]) -> datetime | None:
    """When to look again: by real time, in which no rung comes later than in working time."""
    any_time = counted(None, pauses, clock.started_at)
    todo = [rung for rung in ladder.in_order(budget) if rung.key not in line.climbed]
    return min((rung_at(rung, clock.started_at, line.due_then, budget, any_time) for rung in todo), default=None)


# --- the move -------------------------------------------------------------------------------------------------


def start(token: str, why: str, by: By, now: datetime) -> BulkMove:
    """Confirm a preview; `routing.bulk` does the move. Raises Refused: why_missing, changed, no_change."""
    why = clean_text(" ".join(why.split()), MAX_WHY)
    if not why:
        raise Refused("why_missing", "Say why, in a few words: it stands on every lead whose clock moves.")
    try:
        seen = signing.loads(token, salt=SALT, max_age=HOUR)
    except signing.BadSignature:
        raise Refused("changed", "Nothing was moved: the preview is older than an hour. Look again.") from None
    with writing():
        people = in_force().people
        policy = _named(people, seen["policy"])
        if policy is None or digest_of(policy) != seen["terms"]:
            raise Refused("changed", "Nothing was moved: the policy was changed since this preview. Look again.")
        stale = _stale(people, policy, now).filter(RUNNING, pk__lte=seen["until"])
        total, first = stale.aggregate(total=Count("pk"), first=Min("pk")).values()
        if not total:
            raise Refused("no_change", "Nothing was moved: no running clock is under earlier terms any more.")
        name = SlaPolicy.objects.values_list("name", flat=True).get(key=seen["policy"])
        return BulkMove.objects.create(
            kind=BulkMove.Kind.RETIME, state=BulkMove.State.RUNNING, choice={**seen, "name": name}, why=why,
            actor_id=by.user, created_at=now, started_at=now, total=total, after=first - 1,
        )  # fmt: skip


def is_off(move: BulkMove) -> bool:
    """Whether the policy was changed after the move was confirmed: then what is left keeps its terms."""
    policy = _named(people_now(), move.choice["policy"])
    return policy is None or digest_of(policy) != move.choice["terms"]


def next_clocks(move: BulkMove, size: int) -> list[int]:
    """The next clocks, by id. Inside the writer transaction."""
    people = in_force().people
    policy = _named(people, move.choice["policy"])
    if policy is None or digest_of(policy) != move.choice["terms"]:
        return []
    rows = _stale(people, policy, _seen(move)).filter(pk__gt=move.after, pk__lte=move.choice["until"])
    return list(rows.order_by("pk").values_list("pk", flat=True)[:size])


def _seen(move: BulkMove) -> datetime:
    return datetime.fromisoformat(move.choice["seen"])


def move_clocks(move: BulkMove, ids: Sequence[int], by: By, now: datetime) -> None:
    """Put these clocks under the new terms, and note how far the move is. Inside the writer transaction; leads first,
    then clocks, like everybody who changes both."""
    config = in_force()
    policy = _named(config.people, move.choice["policy"])
    lines: list[Line] = []
    pauses: dict[int, list[Span]] = {}
    if policy is not None:
        leads = lock_leads(SlaClock.objects.filter(pk__in=ids).values_list("lead_id", flat=True))
        pauses = pauses_of(leads)
        rows = _stale(config.people, policy, now).filter(pk__in=ids).exclude(pk__in=_changed_since(ids, leads, move))
        mine = SlaClock.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
        locked = list(mine.values_list("pk", flat=True))
        found = _lines(_read(rows.filter(pk__in=locked)), config.people, policy, now)
        lines = [line for line in found if not line.stays]
        _write(lines, config.people, policy, pauses)
        _note(lines, move, by, now)
    BulkMove.objects.filter(pk=move.pk).update(
        after=max(ids), done=F("done") + len(ids), moved=F("moved") + len(lines), left=F("left") + len(ids) - len(lines)
    )


def _changed_since(ids: Sequence[int], leads: Iterable[int], move: BulkMove) -> set[int]:
    """Clocks that are not as they were previewed: a rung was climbed since, or their lead's pause set or ended."""
    seen = _seen(move)
    climbed = Escalation.objects.filter(clock__in=ids, fired_at__gt=seen).values_list("clock", flat=True)
    paused = SlaPause.objects.filter(
        Q(starts_at__gt=seen) | Q(ended_by__isnull=False, ends_at__gt=seen), lead__in=leads
    )
    of_paused = SlaClock.objects.filter(pk__in=ids, lead__in=paused.values("lead")).values_list("pk", flat=True)
    return {*climbed, *of_paused}


def _write(lines: Iterable[Line], people: People, policy: Policy, pauses: dict[int, list[Span]]) -> None:
    rows = []
    for line in lines:
        clock = line.clock
        terms = _terms(clock, people, policy)
        hint = _hint(clock, policy.ladder(clock.kind), line, terms.budget, pauses.get(clock.lead_id or 0, []))
        rows.append((clock.pk, *terms, line.due_then, people.revision, hint))
    write([(TERMS, rows)])


def _note(lines: Iterable[Line], move: BulkMove, by: By, now: datetime) -> None:
    """A line in the history of each lead."""
    Note.objects.bulk_create(
        Note(
            lead_id=line.clock.lead_id, created_at=now,
            text=f"{by.name} put the clock “{line.clock.get_kind_display()}” under the present terms of SLA policy"
            f" {move.choice['name']}: due {_at(line.due_then)}, before it was {_at(line.clock.due_at)}. {move.why}",
        )
        for line in lines
    )  # fmt: skip


def _at(moment: datetime) -> str:
    return f"{moment:%d %b %Y, %H:%M} UTC"
