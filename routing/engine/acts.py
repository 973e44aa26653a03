"""An act on a lead that stands already in, the verdict that it leads to out; asks no rule whose turn it is.

A claim, an assignment by hand, a reassignment and an escalation name where the lead goes; the checks of that
person are made and noted like everywhere. Acts that only ask the rules again (`again`, `decline`) do not come
here: `routing.engine.decide` walks the hierarchy for them, with those who had the lead before left out.
"""

from routing.engine.climbing import ask_of, escalated
from routing.engine.found import Placed
from routing.engine.placing import note_candidate
from routing.engine.pooling import team_of
from routing.engine.text import ended
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
        return escalated(work, act)
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
    note_candidate(work, act.to, act.kind, ask_of(work, by_hand=True), seat)
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


def note(act: Act) -> str:
    """What was asked, as a line of the trace."""
    return f"{act.by} asked to {VERBS[act.kind]} lead {act.lead}: {ended(act.why)}"
