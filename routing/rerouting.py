"""Leads that stand already in; those that the present rules give to somebody else out, and moved when a person says so.

Chosen are open leads that no person has put a hand on: untouched, not accepted, and not given to their owner by
somebody (a claim, an assignment). A preview decides each again in memory, by the rules and people of that moment, and
keeps the differences; nothing else is written. The run decides once more, under the writer lock, because both may have
changed; what was touched or moved meanwhile is left alone, and so is a lead whose owner stays: no new decision, no
clock that starts again.

A lead stays with its owner as long as a rule leads to them that this lead would come to now, as the target or as a
member of the pool: whose turn it is, hours, caps and absences are about who gets a new lead, not about who keeps one.

Turns: a preview moves none, and counts in memory as if its leads were given out in this order, so the run may choose
another member of the same pool. In a run whoever gets a lead by turn is charged for it, as for any lead. The former
owner keeps the charge: a lead that moves on is no reason for a credit, which is for spam, duplicates and misroutes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Min, OuterRef, Q, QuerySet, Subquery

from leads.clean import clean_text
from leads.models import Lead
from owners.models import Membership, TerritoryArea
from owners.writer import writing
from routing.again import ask_all_again
from routing.current import Configuration, in_force, no_rules, people_now, rules_of
from routing.engine.values import Decision as DecisionValue
from routing.lease import short_transaction
from routing.models import BulkMove, BulkMoveLead, Decision, RuleSetVersion
from routing.moving import REVROUTE, Asked, By, decide_acts, decide_in_turn, standing
from routing.pipeline import EVERYBODYS
from routing.refused import Refused
from routing.rows import STATES, Settled

CAUSE = "rerouted"
MOST = 5000
"""Leads that one preview looks at, the oldest first."""
MAX_WHY = 200
PREVIEW = "a preview"
OURS = frozenset({"active", "accepts_leads", "right_team", "covers", "source_allowed", "speaks_language", "exists"})
"""Checks that say somebody is not right for the lead; the others, that they have no time for a new one now."""
BY_HAND = (Decision.Origin.CLAIM, Decision.Origin.ASSIGN, Decision.Origin.REASSIGN)

LineState = BulkMoveLead.State


@dataclass(frozen=True, slots=True)
class Choice:
    """Which leads: ids, a state of `Lead.OPEN`, and how many days ago they came at most; None and empty: any."""

    territory: int | None = None
    owner: int | None = None
    pool: int | None = None
    team: int | None = None
    source: int | None = None
    state: str = ""
    days: int | None = None
    versions: tuple[int, ...] = ()
    """Only leads that these versions decided. What somebody worked on is looked at, too, and left alone."""


def chosen(choice: Choice, now: datetime) -> QuerySet[Lead]:
    """Open leads that no person put a hand on, of this choice. Of a territory: those from its countries."""
    rows = Lead.objects.filter(state__in=Lead.OPEN, touched_at=None, accepted_at=None, is_test=False)
    if choice.state:
        rows = rows.filter(state=choice.state)
    if choice.territory:
        areas = TerritoryArea.objects.filter(territory=choice.territory)
        rows = rows.filter(country__in=areas.order_by().values("country").distinct())
    if choice.owner:
        rows = rows.filter(owner=choice.owner)
    if choice.pool:
        rows = rows.filter(member__pool=choice.pool)
    if choice.team:
        rows = rows.filter(owner__in=Membership.objects.filter(team=choice.team).order_by().values("owner"))
    if choice.source:
        rows = rows.filter(source=choice.source)
    if choice.days:
        rows = rows.filter(received_at__gte=now - timedelta(days=choice.days))
    if choice.versions:
        rows = rows.filter(pk__in=_decided_by(choice.versions))
    ruling = Decision.objects.filter(lead=OuterRef("pk")).exclude(status=Decision.Status.APPENDED).order_by("-id")
    return rows.annotate(ruled=Subquery(ruling.values("origin")[:1])).filter(~Q(ruled__in=BY_HAND), ruled__isnull=False)


def _decided_by(versions: Sequence[int]) -> QuerySet[Decision]:
    """The leads that these versions decided, found by the time that they were in force: decisions have no index by
    version."""
    first = RuleSetVersion.objects.filter(pk__in=versions).aggregate(first=Min("published_at"))["first"]
    rows = Decision.objects.filter(version__in=versions, origin=Decision.Origin.ROUTING)
    return (rows.filter(decided_at__gte=first) if first else rows).order_by().values("lead")


def _looked_at(choice: Choice, now: datetime) -> QuerySet[Lead]:
    """The leads of a preview: those that may move, and of versions also those that somebody worked on."""
    if not choice.versions:
        return chosen(choice, now)
    return Lead.objects.filter(state__in=Lead.OPEN, is_test=False, pk__in=_decided_by(choice.versions))


# --- the preview ------------------------------------------------------------------------------------------------


def preview(choice: Choice, by: By, now: datetime) -> BulkMove:
    """Begin to work out who would get the leads now; `routing.bulk` goes on with it. Raises Refused: no_change."""
    total = _looked_at(choice, now)[:MOST].count()
    if not total:
        raise Refused("no_change", "No open lead fits that nobody has worked on, so nobody’s owner would change.")
    kept = {name: value for name, value in asdict(choice).items() if value}
    return BulkMove.objects.create(
        kind=BulkMove.Kind.REROUTE, state=BulkMove.State.LOOKING, choice=kept, total=total, actor_id=by.user,
        created_at=now,
    )  # fmt: skip


def look_at_some(move: BulkMove, size: int, now: datetime) -> bool:
    """Decide the next leads of a preview in memory and keep those that would change; whether there may be more.

    Of two processes that do the same batch one keeps it.
    """
    choice = Choice(**move.choice)
    size = min(size, MOST - move.done)
    rows = _looked_at(choice, move.created_at).filter(pk__gt=move.after, received_at__lte=move.created_at)
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:size]) if size > 0 else []
    looking = BulkMove.objects.filter(pk=move.pk, state=BulkMove.State.LOOKING, after=move.after)
    if not ids:
        looking.update(state=BulkMove.State.READY, total=F("done"))
        return False
    lines = _lines(ids, now)
    if choice.versions:
        _leave_touched(lines, choice, move.created_at)
    with short_transaction():
        if looking.update(after=ids[-1], done=F("done") + len(ids)):
            for line in lines:
                line.move_id = move.pk
            BulkMoveLead.objects.bulk_create(lines)
    return True


def _leave_touched(lines: Sequence[BulkMoveLead], choice: Choice, now: datetime) -> None:
    """What somebody worked on would be decided otherwise, too, and stays where it is."""
    free = set(chosen(choice, now).filter(pk__in=[line.lead_id for line in lines]).values_list("pk", flat=True))
    for line in lines:
        if line.lead_id not in free and line.state == LineState.WAITING:
            line.state = LineState.TOUCHED


def _lines(ids: Sequence[int], now: datetime) -> list[BulkMoveLead]:
    """The leads that would change; where some of them cannot be decided together, one by one."""
    try:
        return _decided(ids, now)
    except EVERYBODYS:
        raise
    except Exception:
        if len(ids) == 1:
            return [BulkMoveLead(lead_id=ids[0], state=LineState.FAILED, would="", reason="It could not be decided.")]
    return [line for id in ids for line in _lines([id], now)]


def _decided(ids: Sequence[int], now: datetime) -> list[BulkMoveLead]:
    config = _as_it_is()
    stood = standing(ids)
    asked = ask_all_again(list(stood.values()), REVROUTE, PREVIEW, now, CAUSE)
    if not asked:
        return []
    decided, _ = decide_in_turn(asked, config, _stays(config))
    return [_line(one, decision) for one, decision in decided]


def _line(one: Asked, decision: DecisionValue) -> BulkMoveLead:
    outcome = decision.outcome
    reason = outcome.reason.removeprefix(f"{PREVIEW}. ")
    to = outcome.owner if outcome.status == "assigned" else None
    return BulkMoveLead(
        lead_id=one.at.lead.pk, before_id=one.at.owner, would=outcome.status, to_id=to, reason=reason
    )  # fmt: skip


def _as_it_is() -> Configuration:
    """Rules and people for a reader outside the writer transaction."""
    published = RuleSetVersion.objects.filter(state=RuleSetVersion.State.PUBLISHED).values_list("id", flat=True).first()
    people = people_now()
    return Configuration(rules_of(published, people.lists) if published else no_rules(0), people)


def _stays(config: Configuration) -> Any:
    """Whether a lead is left as it is, given what the rules decide about it now."""

    def stays(asked: Asked, decision: DecisionValue) -> bool:
        lead, outcome = asked.at.lead, decision.outcome
        if outcome.status not in STATES:
            return True  # another open lead of the same buyer: two leads never become one here
        owner = asked.at.owner
        if owner is None:
            return STATES[outcome.status] == lead.state
        same = outcome.status == "assigned" and outcome.owner == owner
        return same or _is_right(config, decision, owner)

    return stays


def _is_right(config: Configuration, decision: DecisionValue, owner: int) -> bool:
    """Whether a rule leads to the owner, and nothing but time and room speaks against them."""
    named = [one for one in decision.trace["candidates"] if one["owner"] == owner and one["as"] in ("target", "turn")]
    if named:
        return any(OURS.isdisjoint(one.get("failed", {})) for one in named)
    # Of a large pool the trace names some of those who failed, and not those who passed.
    pool = config.people.pools.get(decision.pool or _pool_asked(config, decision) or 0)
    return pool is not None and any(member.owner == owner for member in pool.members)


def _pool_asked(config: Configuration, decision: DecisionValue) -> int | None:
    """The pool that the rule in question leads to, whoever got the lead in the end."""
    rule = config.rules.ruling(decision.outcome.rule, decision.row)
    if rule is None:
        return None
    team = config.people.teams.get(rule.target_team or 0) if rule.target_kind == "team" else None
    return team.pool if team else rule.target_pool


# --- the run ----------------------------------------------------------------------------------------------------


def run(move: int, by: By, why: str, now: datetime) -> None:
    """Confirm a preview that was looked at. Raises Refused: gone, changed, why_missing, no_change."""
    why = clean_text(" ".join(why.split()), MAX_WHY)
    if not why:
        raise Refused("why_missing", "Say why, in a few words: it stands on every lead that moves.")
    with writing():
        row = BulkMove.objects.filter(pk=move, kind=BulkMove.Kind.REROUTE).first()
        if row is None:
            raise Refused("gone", f"There is no move {move}.")
        if row.state != BulkMove.State.READY:
            raise Refused("changed", f"Nothing was done: this is {row.get_state_display()} by now.")
        waiting = row.leads.filter(state=LineState.WAITING).count()
        if not waiting:
            raise Refused("no_change", "No lead would change its owner, so there is nothing to run.")
        BulkMove.objects.filter(pk=move).update(
            state=BulkMove.State.RUNNING, why=why, actor=by.user, started_at=now, total=waiting, done=0
        )


def drop(move: int, now: datetime) -> None:
    """Put a preview aside, or stop a run: what moved stays where it is. Raises Refused: changed."""
    with writing():
        rows = BulkMove.objects.filter(pk=move, kind=BulkMove.Kind.REROUTE, finished_at=None)
        if not rows.update(state=BulkMove.State.DROPPED, finished_at=now):
            raise Refused("changed", "Nothing was done: it is over already.")


def next_leads(move: BulkMove, size: int) -> list[int]:
    """The next leads that wait, by id."""
    rows = move.leads.filter(state=LineState.WAITING).order_by("lead_id")
    return list(rows.values_list("lead", flat=True)[:size])


def move_leads(move: BulkMove, ids: Sequence[int], by: By, now: datetime) -> None:
    """Decide these leads again and move those that change, and note it. Inside the writer transaction."""
    lines = {line.lead_id: line for line in move.leads.filter(lead__in=ids)}
    free = set(chosen(Choice(), now).filter(pk__in=ids).values_list("pk", flat=True))
    stood = standing(ids)
    for id, line in lines.items():
        if id not in stood or stood[id].owner != line.before_id or stood[id].lead.state not in Lead.OPEN:
            line.state = LineState.CHANGED
        elif id not in free:
            line.state = LineState.TOUCHED
    waiting = [stood[id] for id, line in lines.items() if line.state == LineState.WAITING]
    if waiting:
        config = in_force()
        asked = ask_all_again(waiting, by, move.why, now, CAUSE)
        for one in decide_acts(asked, by, config, _stays(config)).write(now):
            _note_moved(lines[one.lead], one)
    for line in lines.values():
        if line.state == LineState.WAITING:
            line.state = LineState.SAME
    BulkMoveLead.objects.bulk_update(lines.values(), ["state", "would", "to", "reason"])
    states = [line.state for line in lines.values()]
    BulkMove.objects.filter(pk=move.pk).update(
        done=F("done") + len(lines), moved=F("moved") + states.count(LineState.MOVED),
        left=F("left") + len(states) - states.count(LineState.MOVED),
    )  # fmt: skip


def _note_moved(line: BulkMoveLead, one: Settled) -> None:
    outcome = one.decision.outcome
    line.state, line.would, line.reason = LineState.MOVED, outcome.status, outcome.reason
    line.to_id = outcome.owner if outcome.status == "assigned" else None


def note_failed(move: BulkMove, lead: int) -> None:
    """A lead that could not be decided stays where it is."""
    move.leads.filter(lead=lead).update(state=LineState.FAILED)
    BulkMove.objects.filter(pk=move.pk).update(done=F("done") + 1, failed=F("failed") + 1)
