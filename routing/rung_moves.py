"""Climbs that move a silent lead in; the leads moved through the one door, or left where they are with the reason, out.

A move that finds nobody leaves the lead, unless no later rung of its ladder moves it: then it goes into review with the
person whom the ladder names. A lead that was moved so as often as its ladder has moving rungs goes there the next time.

A turn in a pool is charged like any other; the charge of the owner who let the lead lie stays.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from owners.models import PoolMember
from routing.current import Configuration, rules_of
from routing.engine.climbing import SEEKING, left
from routing.engine.people import People
from routing.engine.rules import Rule
from routing.engine.values import Decision as DecisionValue
from routing.models import Decision, Escalation
from routing.moving import REVROUTE, Asked, Standing, ask, decide_acts, standing
from routing.rows import Settled
from routing.rungs import Climb

Action = Escalation.Action
ACTIONS = {"assigned": Action.MOVE, "review": Action.REVIEW, "held": Action.QUEUE}
ORDINALS = {1: "second", 2: "third", 3: "fourth"}


def move(moving: Mapping[int, Climb], config: Configuration, now: datetime) -> list[Settled]:
    """Move the leads of the climbs; each climb says what came of it. Call inside the writer transaction."""
    at = standing(moving)
    found = {lead: climb for lead, climb in moving.items() if lead in at}
    times = Counter(_escalations(found))
    origins = _origins(found, at, config.people)
    asked = [_ask(at[lead], climb, times[lead], origins, config, now) for lead, climb in found.items()]

    def stays(one: Asked, decision: DecisionValue) -> bool:
        act, climb = one.case.act, found[one.at.lead.pk]
        assert act is not None
        nobody = act.move in SEEKING and not act.final and decision.outcome.status == "review"
        if nobody and not _is_last(climb):
            climb.found_nobody = left(act, decision.outcome.review_detail)
            return True
        return False

    settled = decide_acts(asked, REVROUTE, config, stays).write(now) if asked else []
    for one in settled:
        climb = found[one.lead]
        climb.action = ACTIONS[one.decision.outcome.status]
        climb.decision = one.id
    return settled


def manager_of(people: People, team: int | None, owner: int, rules_owner: int) -> int | None:
    """Who is told of the owner's silence: the lead of the lead's team, of another of theirs, or whoever answers for
    the rules; the first who is active and not the owner."""
    person = people.owners.get(owner)
    teams = [people.teams.get(id) for id in (team, *(person.teams if person else ())) if id is not None]
    line = [*(team.lead for team in teams if team), rules_owner]
    return next((id for id in line if id is not None and id != owner and is_active(people, id)), None)


def is_active(people: People, owner: int) -> bool:
    """Whether the owner is there to be told something."""
    person = people.owners.get(owner)
    return person is not None and person.state == "active"


def _is_last(climb: Climb) -> bool:
    """Whether no later rung moves the lead."""
    moves = [rung for rung in climb.clock.rungs if rung.move]
    return not moves or moves[-1].key == climb.rung.key


def _escalations(leads: Iterable[int]) -> list[int]:
    """The leads, each as often as it was moved by escalation."""
    rows = Decision.objects.filter(lead__in=list(leads), origin=Decision.Origin.ESCALATE)
    return list(rows.order_by().values_list("lead", flat=True))


# --- what is asked ----------------------------------------------------------------------------------------


def _ask(
    at: Standing, climb: Climb, times: int, origins: Mapping[int, tuple[int | None, Rule | None]],
    config: Configuration, now: datetime,
) -> Asked:  # fmt: skip
    clock, ladder = climb.clock, climb.clock.ladder
    final = climb.rung.move == "named" or times >= ladder.moves
    why = _why(climb)
    if final and times:
        why += f", for the {ORDINALS.get(times, f'{times + 1}th')} time"
    fields = {"move": climb.rung.move, **_of_move(at, climb, origins, config.people)}
    person = _named(at, climb, final, config)
    return Asked(at, ask(at, "escalate", REVROUTE, why, now, cause=clock.kind, reviewer=person, final=final, **fields))


def _why(climb: Climb) -> str:
    time = "minutes" if climb.clock.real_time else "minutes of working time"
    did = "accepted it" if climb.clock.kind == "accepted" else "acted on it"
    return f"nobody {did} for {climb.seconds // 60} {time}"


def _named(at: Standing, climb: Climb, final: bool, config: Configuration) -> int | None:
    """Who answers for the lead in review: who leads the team, for its queue; else whom the ladder names."""
    people, clock = config.people, climb.clock
    named = clock.ladder.named
    queue = climb.rung.move == "queue" and not final
    if named is not None and named != clock.owner and not queue and is_active(people, named):
        return named
    return manager_of(people, at.decision.team_id, clock.owner, config.rules.owner)


def _of_move(
    at: Standing, climb: Climb, origins: Mapping[int, tuple[int | None, Rule | None]], people: People
) -> dict[str, Any]:
    """The pool that is asked, and what is asked of its members."""
    kind = climb.rung.move
    if kind == "queue":
        return {"pool": _queue_of(at, climb, people)}
    if kind not in ("member", "pool"):
        return {}
    brought_by, rule = origins.get(at.lead.pk, (None, None))
    pool = climb.rung.pool if kind == "pool" else brought_by
    if rule is None:
        return {"pool": pool}
    return {
        "pool": pool, "language": rule.require_language, "service": rule.require_service, "skills": rule.require_skills,
    }  # fmt: skip


def _queue_of(at: Standing, climb: Climb, people: People) -> int | None:
    """The default pool of the team, if leads wait there to be claimed."""
    person = people.owners.get(climb.clock.owner)
    ids = (at.decision.team_id, *(person.teams if person else ()))
    team = next((people.teams[id] for id in ids if id in people.teams), None)
    pool = people.pools.get(team.pool or 0) if team else None
    return pool.id if pool is not None and pool.method == "claim" else None


def _origins(
    moving: Mapping[int, Climb], at: Mapping[int, Standing], people: People
) -> dict[int, tuple[int | None, Rule | None]]:
    """The pool that brought each lead to its owner, and the rule that gave it out, of leads that go to a member of a
    pool; two statements. Where no turn brought it, the pool is that of the rule."""
    asking = [lead for lead, climb in moving.items() if climb.rung.move in ("member", "pool")]
    if not asking:
        return {}
    rules = _rules(asking)
    members = {member for lead in asking if (member := at[lead].lead.member_id) is not None}
    pools = dict(PoolMember.objects.filter(id__in=members).values_list("id", "pool_id"))
    return {
        lead: (pools.get(at[lead].lead.member_id or 0) or _pool_of(rules.get(lead), people), rules.get(lead))
        for lead in asking
    }


def _rules(leads: list[int]) -> dict[int, Rule]:
    """The rule that gave out each lead last; acts that name somebody have none."""
    given = Decision.objects.filter(lead__in=leads, rule_id__isnull=False, version__isnull=False)
    found = {}
    for lead, version, id, row in given.order_by("id").values_list("lead_id", "version_id", "rule_id", "rule_row"):
        if rule := rules_of(version).ruling(id, row):
            found[lead] = rule
    return found


def _pool_of(rule: Rule | None, people: People) -> int | None:
    if rule is None:
        return None
    team = people.teams.get(rule.target_team or 0)
    return rule.target_pool or (team.pool if team and rule.target_kind == "team" else None)
