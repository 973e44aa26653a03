"""A pool and what a lead asks of its owner in; whose turn it is, or why nobody gets it now, out; stands nobody in.

The methods. *Rotation*: whoever has the lowest virtual time. *Least loaded*: the smallest share of open leads in
capacity; capacity is the cap on open leads where all who could take the lead have one, else the weight; ties go to
the longest since last, then position, then id. *Fixed order*: the first by position. Each enters its turn in the
ledger alike, so that what somebody got stands beside what they were entitled to. *Claim*: nobody's turn; the lead
waits to be claimed.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from routing.engine.eligibility import Ask, Checked, candidate, check, room
from routing.engine.found import ON_HOLD, TO_CLAIM, Nobody, Placed
from routing.engine.people import People, PoolOf
from routing.engine.rotation import Member, Selection, Turn
from routing.engine.work import Work

LARGEST_LINE_UP = 12
"""Of a larger pool the trace lists the chosen one and those who failed, and says how many passed: who passed and
was not next follows from the snapshot's turns, and would only be read by nobody with every lead."""
MOST_FAILED = 25

Results = list[tuple[Member, Checked]]


def by_turn(work: Work, pool: PoolOf, ask: Ask) -> Placed | Nobody:
    """The member whose turn it is by the pool's method."""
    if pool.method == "claim":
        return Nobody(TO_CLAIM, f"{pool.name} is claimed by hand", pool.id)
    results = _results(work, pool, ask)
    eligible = {member.id for member, checked in results if checked.passed}
    present = {member.id for member, checked in results if checked.available} | eligible
    if eligible and (ahead := work.waiting_before(pool)):
        others = "lead waits" if ahead == 1 else "leads wait"
        return Nobody(ON_HOLD, f"{ahead} {others} for {pool.name} already", pool.id)
    pick = None if pool.method == "rotation" else _pick(work, pool, [row for row, checked in results if checked.passed])
    selection = work.rotation(pool).select(eligible, present, pick)
    _line_up(work, pool, results, selection)
    if selection is None:
        return Nobody("no_valid_owner", f"nobody in {pool.name} is available")
    owner = selection.member.owner
    work.candidates[-1]["room"] = room(
        work.people.owners[owner], work.load(owner), work.seat(pool, selection.member.id)
    )
    because = f"{BECAUSE[pool.method].format(name=work.name(owner))} in {pool.name}"
    return Placed(owner, "turn", team_of(work, owner, pool.team), because, pool=pool.id, selection=selection)


BECAUSE = {
    "rotation": "it is {name}’s turn",
    "least_loaded": "{name} is the least loaded",
    "fixed_order": "{name} comes first",
}


def _results(work: Work, pool: PoolOf, ask: Ask) -> Results:
    """Every member with their checks; most pools have members without dates and caps, and most leads go to those."""
    owners, load, terms = work.people.owners, work.load, pool.terms
    if not terms:
        return [(member, check(owners.get(member.owner), ask, load(member.owner))) for member in pool.members]
    return [
        (
            member,
            check(owners.get(member.owner), ask, load(member.owner), work.seat(pool, member.id), terms.get(member.id)),
        )
        for member in pool.members
    ]


def _pick(work: Work, pool: PoolOf, able: list[Member]) -> int | None:
    """Whom another method than rotation chooses among those who could take the lead."""
    if not able:
        return None
    open_leads = {member.owner: work.load(member.owner).open for member in able}
    return by_method(pool, able, work.people, open_leads, work.rotation(pool).turns)[0].id


def by_method(
    pool: PoolOf, able: list[Member], people: People, open_leads: Mapping[int, int], turns: Mapping[int, Turn]
) -> list[Member]:
    """Those who could take a lead in the order of a method other than rotation. `open_leads`: by owner."""
    if pool.method != "least_loaded":
        return sorted(able, key=lambda member: (member.position, member.id))
    persons = [people.owners.get(member.owner) for member in able]
    caps = [person.cap_open for person in persons if person is not None and person.cap_open]
    capacity = dict(zip(able, caps, strict=True)) if len(caps) == len(able) else {one: one.weight for one in able}

    def loaded(member: Member) -> tuple[Fraction, int, int, int]:
        share = Fraction(open_leads[member.owner], capacity[member])
        return share, turns[member.id].last if member.id in turns else 0, member.position, member.id

    return sorted(able, key=loaded)


def _line_up(work: Work, pool: PoolOf, results: Results, selection: Selection | None) -> None:
    """Note the pool's members with their checks and rotation numbers; the chosen one last."""
    rotation = work.rotation(pool)
    chosen = selection.member.id if selection else None
    shown = results
    if len(results) > LARGEST_LINE_UP:
        shown = [result for result in results if not result[1].passed][:MOST_FAILED]
        passed = sum(checked.passed for _, checked in results)
        work.notes.append(f"{pool.name} has {len(results)} members; {passed} passed the checks.")
    for member, checked in shown:
        if member.id == chosen:
            continue
        entry = candidate(member.owner, work.name(member.owner), "turn", checked)
        turn = rotation.turns.get(member.id)
        entry["rotation"] = {"v": str(turn.v) if turn else None, "weight": member.weight}
        work.candidates.append(entry)
    if selection:
        charge = selection.entries[-1]
        entry = {"owner": selection.member.owner, "name": work.name(selection.member.owner), "as": "turn"}
        entry["rotation"] = {
            "v": str(charge.before),
            "weight": selection.member.weight,
            "v_after": str(charge.after),
        }
        work.candidates.append(entry)


def able_owners(trace: Mapping[str, Any]) -> Callable[[int], bool]:
    """Whether an owner passed the checks of the pool, as the decision's trace says; of a large pool it lists who
    failed and says that the others passed. Unknown counts as no: an alarm needs a proof."""
    line = [entry for entry in trace.get("candidates", ()) if entry["as"] == "turn"]
    passed = {entry["owner"] for entry in line if not entry.get("failed")}
    failed = {entry["owner"] for entry in line if entry.get("failed")}
    counted = any(note.endswith("passed the checks.") for note in trace.get("notes", ()) if isinstance(note, str))
    all_listed = not counted or len(failed) >= MOST_FAILED
    return lambda owner: owner in passed if all_listed else owner not in failed


def team_of(work: Work, owner: int, team: int | None) -> int | None:
    """The team asked for when the owner is in it, else the owner's first."""
    person = work.person(owner)
    if person is None or team in person.teams:
        return team
    return person.teams[0] if person.teams else team
