"""A lead in, its clocks as receipts out: what was promised, how the time was counted, what was done, how it ended.

A receipt is worked out from the clock's row, the pauses of its lead and the configuration that it was promised under,
so that calendars, people and policies that are changed later change no receipt.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models.functions import Coalesce

from leads.models import Lead
from owners.business_time import ALWAYS, Hours, Span
from routing.engine.ladder import BUILT_IN, Ladder, Rung, counted, rung_at
from routing.engine.receipt import Counting, Lateness, count, lateness
from routing.ladder_words import done_in_words, when
from routing.models import Escalation, ReviewItem, SlaClock, SlaPolicy
from routing.pausing import pauses_of
from routing.promise import hours_promised, people_promised
from routing.terms import ladders

MOST = 30
MOST_LINES = 8
"""Stretches of a clock's time that a page shows; the API has them all."""
WHY = {
    "absence": "away", "pause": "waited for the buyer", "holiday": "holiday", "day": "other hours that day",
    "break": "break", "closed": "outside working hours",
}  # fmt: skip
State = SlaClock.State
LOOKS = {
    State.RUNNING: ("info", "timer"), State.MET: ("good", "circle-check"), State.CANCELLED: ("", "ban"),
    State.BREACHED: ("bad", "triangle-alert"), SlaClock.ANSWERED: ("warn", "alarm-clock"),
}  # fmt: skip


class RungSeen(NamedTuple):
    """A rung that was climbed, or (`fired_at` is None) is to come. `when`: “at 80 %”; `what`: what is done at it."""

    key: int
    when: str
    what: str
    due_at: datetime
    fired_at: datetime | None = None
    late_seconds: int = 0
    note: str = ""


class Line(NamedTuple):
    """A stretch of a clock's time; `why` it was not counted, in words."""

    start: datetime
    end: datetime
    counted: bool
    why: str
    length: timedelta


class Receipt(NamedTuple):
    """One clock. `code` and `kind`: what was promised; `policy`: its name; `by`: by whose working time, in words, and
    `zone` where; `standing`, `tone`, `icon` and `word`: how it stands; `runs`: whether it binds somebody now; `waits`:
    whether a pause would do anything; `adds_up`: whether the counted time up to its end is its budget, as it is unless
    its end was set otherwise."""

    id: int
    code: str
    kind: str
    owner_id: int
    owner: str
    policy: str
    budget_seconds: int
    real_time: bool
    by: str
    zone: str
    started_at: datetime
    due_at: datetime
    standing: str
    tone: str
    icon: str
    word: str
    ended_at: datetime | None
    answered_at: datetime | None
    late: Lateness | None
    runs: bool
    waits: bool
    counting: Counting
    adds_up: bool
    rungs: tuple[RungSeen, ...]

    @property
    def over(self) -> datetime | None:
        """When it was answered or ended."""
        return self.answered_at or self.ended_at

    @property
    def lines(self) -> tuple[Line, ...]:
        """The first stretches of its time, in words."""
        return tuple(
            Line(one.start, one.end, one.counted, WHY.get(one.why, one.why), one.end - one.start)
            for one in self.counting.segments[:MOST_LINES]
        )

    @property
    def more(self) -> int:
        """How many stretches the lines leave out."""
        return len(self.counting.segments) - len(self.lines)


class Due(NamedTuple):
    """What the lead waits for next: until when, counted from when, and what for, in words."""

    started_at: datetime
    due_at: datetime
    what: str


def receipts(lead: Lead, now: datetime) -> list[Receipt]:
    """The newest first. Four statements; besides, what this process reads once: revisions and terms."""
    rows = SlaClock.objects.filter(lead=lead).select_related("owner", "calendar")
    rows = rows.annotate(promised_by=Coalesce("revision_id", "decision__revision_id"))
    clocks = list(rows.order_by("-started_at", "due_at")[:MOST])
    names = dict(SlaPolicy.objects.filter(key__in={c.policy_key for c in clocks}).values_list("key", "name"))
    pauses = pauses_of([lead.pk]).get(lead.pk, [])
    climbed: dict[int, list[Escalation]] = defaultdict(list)
    for row in Escalation.objects.filter(clock__in=[clock.pk for clock in clocks]).order_by("due_at", "id"):
        climbed[row.clock_id].append(row)
    ladders(clock.terms_id for clock in clocks)  # all of them with one statement
    return [_receipt(clock, names, lead, pauses, climbed[clock.pk], now) for clock in clocks]


def _receipt(
    clock: Any, names: Mapping[str, str], lead: Lead, pauses: Sequence[Span], climbed: list[Escalation], now: datetime
) -> Receipt:
    """`clock`: with the id of the revision that it was `promised_by`."""
    hours = _hours(clock)
    kind, binds = clock.get_kind_display(), _binds(clock, lead)
    whole = clock.state in (State.RUNNING, State.BREACHED)
    counting = count(hours, pauses, clock.started_at, clock.due_at if whole else clock.ended_at)
    tone, icon = LOOKS[clock.standing]
    policy = names.get(clock.policy_key) or clock.policy_key.replace("_", " ") or "none"
    return Receipt(
        clock.pk, clock.kind, kind[:1].upper() + kind[1:], clock.owner_id, clock.owner.name,
        policy, clock.budget_seconds, hours is None, _by(clock, hours),
        hours.zone if hours else "", clock.started_at, clock.due_at, clock.standing, tone, icon, clock.stands,
        clock.ended_at, clock.answered_at, _late(clock, hours, pauses, now if binds else None), binds,
        clock.kind in SlaClock.OF_OWNER and (clock.state == State.RUNNING or clock.next_rung_at is not None),
        counting, not whole or counting.working == timedelta(seconds=clock.budget_seconds),
        _rungs(clock, hours, pauses, climbed),
    )  # fmt: skip


def _hours(clock: Any) -> Hours | None:
    """The working time that it was promised in; None where all time counts. The time of an item that was opened for
    an hour on the wall clock counts so, whatever its named person works."""
    if clock.kind not in SlaClock.OF_OWNER and clock.due_at - clock.started_at == timedelta(
        seconds=clock.budget_seconds
    ):
        return None
    return hours_promised(clock.promised_by, clock.owner_id, clock.calendar_id, clock.real_time)


def _by(clock: Any, hours: Hours | None) -> str:
    """By what the time was counted, as the rest of “counted in …”."""
    if hours is None:
        return "real time: nights and weekends count"
    if clock.calendar_id is None:
        always = hours.weekly == ALWAYS.weekly and not hours.days
        return f"the working time of {clock.owner.name}{', who has no set hours' if always else ''}"
    name = f"the calendar “{clock.calendar.name}”" if clock.calendar else "a calendar that is gone"
    policies = people_promised(clock.promised_by).policies
    policy = next((one for one in policies if one.key == clock.policy_key), None)
    return f"{name} of the team" if policy and policy.hours_of == "team" else name


def _late(clock: SlaClock, hours: Hours | None, pauses: Sequence[Span], now: datetime | None) -> Lateness | None:
    """How late it was answered, or is by now. `now`: None where nobody can answer any more."""
    at = clock.answered_at or now
    if at is None or at <= clock.due_at or clock.state in (State.MET, State.CANCELLED):
        return None
    return lateness(hours, pauses, clock.started_at, clock.due_at, at)


def _binds(clock: SlaClock, lead: Lead) -> bool:
    """Nobody has acted yet, and its owner has the lead still."""
    open_still = clock.state == State.RUNNING or (clock.state == State.BREACHED and clock.answered_at is None)
    return open_still and lead.state == Lead.State.ASSIGNED and lead.owner_id == clock.owner_id


# --- rungs ------------------------------------------------------------------------------------------------


def _rungs(clock: Any, hours: Hours | None, pauses: Sequence[Span], climbed: list[Escalation]) -> tuple[RungSeen, ...]:
    """Those that were climbed, then those to come while the clock is open, each in order."""
    done = [
        RungSeen(
            row.rung, when(_keyed(row.rung)), row.get_action_display(), row.due_at, row.fired_at, row.late_seconds,
            row.note,
        )
        for row in climbed
    ]  # fmt: skip
    if clock.next_rung_at is None:
        return tuple(done)
    ladder: Ladder = ladders((clock.terms_id,))[clock.terms_id] if clock.terms_id else BUILT_IN[clock.kind]
    budget, effective = clock.budget_seconds, counted(hours, pauses, clock.started_at)
    todo = [rung for rung in ladder.in_order(budget) if rung.key not in {row.rung for row in climbed}]
    coming = [
        RungSeen(
            rung.key, when(rung), _words(rung, ladder, clock),
            rung_at(rung, clock.started_at, clock.due_at, budget, effective),
        )
        for rung in todo
    ]  # fmt: skip
    return (*done, *coming)


def _keyed(key: int) -> Rung:
    return Rung(percent=key) if key > 0 else Rung(minutes=-key)


def _words(rung: Rung, ladder: Ladder, clock: Any) -> str:
    pools, named = {}, "the team lead"
    if rung.move in ("pool", "named"):
        people = people_promised(clock.promised_by)
        person = people.owners.get(ladder.named or 0)
        pools, named = {id: pool.name for id, pool in people.pools.items()}, person.name if person else named
    return done_in_words(rung, named, pools) or "the breach is noted"


# --- what is due next -------------------------------------------------------------------------------------


def next_due(leads: Sequence[Lead]) -> dict[int, Due]:
    """By lead, what is due first: a clock of its owner, or its item in review. Two statements, whatever the number."""
    owners = {lead.pk: lead.owner_id for lead in leads if lead.state == Lead.State.ASSIGNED}
    waiting = [lead.pk for lead in leads if lead.state in Lead.UNPLACED]
    return {**_of_items(waiting), **_of_clocks(owners)}


def _of_clocks(owners: dict[int, int | None]) -> dict[int, Due]:
    open_still = SlaClock.objects.filter(state__in=(State.RUNNING, State.BREACHED), answered_at=None)
    rows = open_still.filter(lead__in=list(owners), kind__in=SlaClock.OF_OWNER)
    labels = dict(SlaClock.Kind.choices)
    found = rows.order_by("due_at", "id").values_list("lead_id", "owner_id", "started_at", "due_at", "kind")
    return _first(
        (lead, Due(start, due, labels[kind])) for lead, owner, start, due, kind in found if owners[lead] == owner
    )


def _of_items(leads: list[int]) -> dict[int, Due]:
    rows = ReviewItem.objects.filter(lead__in=leads, state=ReviewItem.State.OPEN).order_by("due_at", "id")
    return _first(
        (lead, Due(start, due, "review")) for lead, start, due in rows.values_list("lead_id", "opened_at", "due_at")
    )


def _first(found: Iterable[tuple[int, Due]]) -> dict[int, Due]:
    first: dict[int, Due] = {}
    for lead, due in found:
        first.setdefault(lead, due)
    return first
