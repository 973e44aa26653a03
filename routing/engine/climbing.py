"""An escalation in, the verdict that it leads to out: a lead that somebody let lie, or that nobody claimed, goes on.

Where to, its rung says: to the cover person, the next member of a pool, another pool, the queue of the team, or the
person named. A move that finds nobody ends in review; whether that holds, or the lead stays until a later rung, is for
`routing.rung_moves` to say.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from routing.engine.eligibility import Ask
from routing.engine.found import ON_HOLD, TO_CLAIM, Nobody, Placed
from routing.engine.people import PoolOf
from routing.engine.placing import note_candidate
from routing.engine.pooling import by_turn, team_of
from routing.engine.text import ended
from routing.engine.values import Act
from routing.engine.verdict import Verdict
from routing.engine.work import Work


def escalated(work: Work, act: Act) -> Verdict:
    """Where the lead goes."""
    pool = work.people.pools.get(act.pool or 0)
    if pool is not None and not act.move:
        return _unclaimed(work, act, pool)
    if act.final:
        return _review(act, act.why)
    return MOVES[act.move or "cover"](work, act, pool)


def ask_of(work: Work, *, by_hand: bool) -> Ask:
    """What is asked of whoever an act names."""
    source_key = work.facts.get("source_key", "")
    return Ask(now=work.case.now, source_key=source_key, by_hand=by_hand, tried=work.case.tried)


def left(act: Act, detail: str) -> str:
    """Why a move found nobody, out of the detail of the review that it would end in."""
    return detail.removeprefix(f"{act.why}, and ")


# --- the moves of a rung ----------------------------------------------------------------------------------


def _to_cover(work: Work, act: Act, _: PoolOf | None) -> Verdict:
    """To whoever covers for the silent owner, if they pass the checks."""
    person = work.person(act.owner)
    cover = person.cover_at(work.case.now) if person else None
    if cover is None:
        return _nobody(act, f"nobody covers for {work.name(act.owner or 0)}")
    checked = note_candidate(work, cover, "cover", ask_of(work, by_hand=False))
    if not checked.passed:
        why = next(iter(checked.failed.values()), "cannot take it")
        return _nobody(act, f"{work.name(cover)}, who covers, {why}")
    placed = Placed(cover, "cover", team_of(work, cover, act.team), "")
    reason = f"Moved to {work.name(cover)}, who covers for {work.name(act.owner or 0)}, because {ended(act.why)}"
    return Verdict("assigned", act.step, None, owner=cover, placed=placed, reason=reason, flag="fallback")


def _to_member(work: Work, act: Act, pool: PoolOf | None) -> Verdict:
    """To the member whose turn it is among those who did not have it yet: a turn like any other."""
    if pool is None:
        return _nobody(act, "no pool brought it, which would have another member")
    found = by_turn(work, pool, _ask_member(work, act, pool))
    if isinstance(found, Placed):
        return _by_turn(act, found)
    if found.reason == TO_CLAIM:
        return _waits(act, found)
    return _nobody(act, found.detail if found.waits is not None else f"no other member of {pool.name} is available")


def _to_pool(work: Work, act: Act, pool: PoolOf | None) -> Verdict:
    """To the pool, as if a rule had named it: by turn, else as the pool says for when nobody is there."""
    if pool is None:
        return _nobody(act, "the pool that it would go to does not exist any more")
    ask = _ask_member(work, act, pool)
    found = by_turn(work, pool, ask)
    if isinstance(found, Placed):
        return _by_turn(act, found)
    if found.waits is None and pool.when_empty == "hold":
        found = Nobody(ON_HOLD, found.detail, pool.id)
    if found.waits is not None:
        return _waits(act, found)
    team = work.people.teams.get(pool.team or 0)
    line = {"pool_fallback": pool.fallback, "team_fallback": team.fallback if team else None}
    for role, owner in line.items():
        if owner is not None and note_candidate(work, owner, role, replace(ask, keeps_hours=True)).passed:
            placed = Placed(owner, role, team_of(work, owner, pool.team), "")
            reason = f"Moved to {work.name(owner)}, who stands in for {pool.name}, because {ended(act.why)}"
            return Verdict("assigned", act.step, None, owner=owner, placed=placed, reason=reason, flag="fallback")
    return _nobody(act, found.detail)


def _to_queue(work: Work, act: Act, pool: PoolOf | None) -> Verdict:
    """To be claimed, where the team has a pool for that; else into review with whoever leads the team."""
    if pool is not None and pool.method == "claim":
        return _waits(act, Nobody(TO_CLAIM, "", pool.id))
    team = work.people.teams.get(act.team or 0)
    return _review(act, f"{act.why}, and it waits in the queue of {team.name if team else 'its team'}")


def _to_named(_work: Work, act: Act, _pool: PoolOf | None) -> Verdict:
    return _review(act, act.why)


MOVES: Mapping[str, Callable[[Work, Act, PoolOf | None], Verdict]] = {
    "cover": _to_cover, "member": _to_member, "pool": _to_pool, "queue": _to_queue, "named": _to_named,
}  # fmt: skip
SEEKING = frozenset({"cover", "member", "pool"})
"""Moves that may find nobody."""


def _ask_member(work: Work, act: Act, pool: PoolOf) -> Ask:
    """What the rule that gave the lead out asked of its owner, it asks of the next one, too."""
    return replace(
        ask_of(work, by_hand=False), keeps_hours=pool.keeps_hours, skills=tuple(act.skills),
        language=work.facts.get("language", "") if act.language else "",
        service=work.facts.get("service_requested", "") if act.service else "",
    )  # fmt: skip


def _by_turn(act: Act, found: Placed) -> Verdict:
    reason = f"Moved on because {found.because}, and {ended(act.why)}"
    return Verdict("assigned", act.step, None, owner=found.owner, placed=found, reason=reason)


def _waits(act: Act, found: Nobody) -> Verdict:
    """Held for a pool. What is on hold says why nobody takes it now; what may be claimed says why it came there."""
    detail = act.why if found.reason == TO_CLAIM else found.detail
    flag = "ok" if found.reason == TO_CLAIM else "exception"
    return Verdict("held", act.step, None, review_reason=found.reason, detail=detail, waits=found.waits, flag=flag)


def _nobody(act: Act, why: str) -> Verdict:
    return _review(act, f"{act.why}, and {why}")


def _review(act: Act, detail: str) -> Verdict:
    return Verdict("review", act.step, None, review_reason="no_valid_owner", detail=detail, flag="exception")


# --- what nobody claimed ----------------------------------------------------------------------------------


def _unclaimed(work: Work, act: Act, pool: PoolOf) -> Verdict:
    """A lead that nobody of the pool claimed in time: to the next pool, where somebody is or it may wait; else to the
    person whom the pool names, charged to nobody; where they cannot take it either, into review."""
    following = work.people.pools.get(pool.next or 0)
    reason = f"because {ended(act.why)}"
    if following is not None:
        found = by_turn(work, following, replace(ask_of(work, by_hand=False), keeps_hours=following.keeps_hours))
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
    if named is not None and note_candidate(work, named, "named", ask_of(work, by_hand=True)).passed:
        placed = Placed(named, "named", team_of(work, named, act.team), "")
        said = f"Given to {work.name(named)}, who answers for {pool.name}, {reason}"
        return Verdict("assigned", act.step, None, owner=named, placed=placed, reason=said, flag="fallback")
    return _review(act, f"{act.why.rstrip('.')}, and nobody could take it instead")
