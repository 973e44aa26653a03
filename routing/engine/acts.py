"""An act on a lead that stands already in, the verdict that it leads to out; asks no rule whose turn it is.

A claim, an assignment by hand, a reassignment and an escalation name where the lead goes; the checks of that
person are made and noted like everywhere. Acts that only ask the rules again (`again`, `decline`) do not come
here: `routing.engine.decide` walks the hierarchy for them, with those who had the lead before left out.
"""

from dataclasses import replace
from typing import Any

from routing.engine.eligibility import Ask
from routing.engine.found import ON_HOLD, TO_CLAIM, Nobody, Placed
from routing.engine.people import PoolOf
from routing.engine.placing import note_candidate
from routing.engine.pooling import by_turn, team_of
from routing.engine.values import Act
from routing.engine.verdict import Verdict
from routing.engine.work import Work

WALKS = frozenset({"again", "decline"})
"""Acts that let the rules decide once more."""
VERBS = {
    "again": "route again", "assign": "assign", "claim": "claim", "decline": "give back", "escalate": "move on",
    "nurture": "nurture", "reassign": "reassign", "reject": "reject",
}  # fmt: skip


def obey(work: Work, act: Act) -> Verdict:
    """What the act leads to."""
    if act.kind in ("nurture", "reject"):
        return _closed(act)
    if act.kind == "escalate":
        return _escalated(work, act)
    return _given(work, act)


def _closed(act: Act) -> Verdict:
    status, verb = ("nurture", "Sent to nurture") if act.kind == "nurture" else ("rejected", "Rejected")
    return Verdict(status, act.step, None, reason=f"{verb} by {act.by}: {ended(act.why)}")


def _given(work: Work, act: Act) -> Verdict:
    """To the person named. Whether checks forbid it is for the caller to say: they stand in the trace. A lead that a
    member of the pool takes out of turn counts like one in turn."""
    assert act.to is not None
    pool = work.people.pools.get(act.pool or 0)
    member = next((member.id for member in pool.members if member.owner == act.to), None) if pool else None
    # Who is charged for a lead out of turn is held to the caps of their place in that pool, too.
    seat = work.seat(pool, member) if pool and member is not None else None
    note_candidate(work, act.to, act.kind, _ask(work, by_hand=True), seat)
    selection = work.rotation(pool).charge(member) if pool and member is not None else None
    placed = Placed(
        act.to, act.kind, team_of(work, act.to, act.team), "", pool=pool.id if selection and pool else None,
        selection=selection,
    )  # fmt: skip
    return Verdict("assigned", act.step, None, owner=act.to, placed=placed, reason=_given_reason(work, act))


def _given_reason(work: Work, act: Act) -> str:
    name = work.name(act.to) if act.to is not None else "nobody"
    if act.kind == "claim":
        return f"Claimed by {name} from the review queue, where it was because {ended(act.why)}"
    verb = "Reassigned" if act.owner is not None else "Assigned"
    away = f" from {work.name(act.owner)}" if act.owner is not None else ""
    return f"{verb} to {name}{away} by {act.by}: {ended(act.why)}"


def _escalated(work: Work, act: Act) -> Verdict:
    """To whoever covers for the silent owner, if they pass the checks; else, or the second time, into review."""
    if act.pool is not None and act.pool in work.people.pools:
        return _unclaimed(work, act, work.people.pools[act.pool])
    person = work.person(act.owner)
    cover = person.cover_at(work.case.now) if person else None
    if not act.final and cover is not None:
        checked = note_candidate(work, cover, "cover", _ask(work, by_hand=False))
        if checked.passed:
            placed = Placed(cover, "cover", team_of(work, cover, act.team), "")
            name = work.name(cover)
            reason = f"Moved to {name}, who covers for {work.name(act.owner or 0)}, because {ended(act.why)}"
            return Verdict("assigned", act.step, None, owner=cover, placed=placed, reason=reason, flag="fallback")
    detail = act.why if act.final else f"{act.why}, and {_cannot(work, act.owner, cover)}"
    return Verdict("review", act.step, None, review_reason="no_valid_owner", detail=detail, flag="exception")


def _unclaimed(work: Work, act: Act, pool: PoolOf) -> Verdict:
    """A lead that nobody of the pool claimed in time: to the next pool, where somebody is or it may wait; else to the
    person whom the pool names, charged to nobody; where they cannot take it either, into review."""
    following = work.people.pools.get(pool.next or 0)
    reason = f"because {ended(act.why)}"
    if following is not None:
        found = by_turn(work, following, replace(_ask(work, by_hand=False), keeps_hours=following.keeps_hours))
        if isinstance(found, Placed):
            said = f"Passed on to {work.name(found.owner)}, whose turn it is in {following.name}, {reason}"
            return Verdict("assigned", act.step, None, owner=found.owner, placed=found, reason=said)
        if found.waits is None and following.when_empty == "hold":
            found = Nobody(ON_HOLD, found.detail, following.id)
        if found.waits is not None:
            flag = "ok" if found.reason == TO_CLAIM else "exception"
            return Verdict(
                "held", act.step, None, review_reason=found.reason, detail=found.detail, waits=found.waits, flag=flag
            )
    named = pool.named
    if named is not None and note_candidate(work, named, "named", _ask(work, by_hand=True)).passed:
        placed = Placed(named, "named", team_of(work, named, act.team), "")
        said = f"Given to {work.name(named)}, who answers for {pool.name}, {reason}"
        return Verdict("assigned", act.step, None, owner=named, placed=placed, reason=said, flag="fallback")
    detail = f"{act.why.rstrip('.')}, and nobody could take it instead"
    return Verdict("review", act.step, None, review_reason="no_valid_owner", detail=detail, flag="exception")


def _cannot(work: Work, owner: int | None, cover: int | None) -> str:
    if cover is None:
        return f"nobody covers for {work.name(owner or 0)}"
    failed: dict[str, str] = work.candidates[-1].get("failed", {})
    return f"{work.name(cover)}, who covers, {next(iter(failed.values()), 'cannot take it')}"


def _ask(work: Work, *, by_hand: bool) -> Ask:
    facts: dict[str, Any] = work.facts
    return Ask(
        now=work.case.now, source_key=facts.get("source_key", ""), by_hand=by_hand, tried=work.case.tried
    )  # fmt: skip


def note(act: Act) -> str:
    """What was asked, as a line of the trace."""
    return f"{act.by} asked to {VERBS[act.kind]} lead {act.lead}: {ended(act.why)}"


def ended(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "?", "!")) else f"{text}."
