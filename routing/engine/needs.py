"""A case, rules and people in, the pools and owners whose numbers its decision may read out; reads no numbers.

A superset is fine, a gap is not: `Work.load` refuses a number that was not read.
"""

from routing.engine.facts import derive
from routing.engine.people import People
from routing.engine.rules import Rule, RuleSet
from routing.engine.values import Act, Case


def needs(case: Case, rules: RuleSet, people: People) -> tuple[set[int], set[int]]:
    """(pool ids, owner ids)."""
    facts = derive(case, people)
    pools: set[int] = set()
    owners = {
        owner for owner in (case.company.owner, case.contact.owner, *(deal.owner for deal in case.deals)) if owner
    }
    territory = people.territories.get(facts.get("territory", ""))
    if territory and territory.owner:
        owners.add(territory.owner)
    for step in rules.order:
        for rule in rules.matching(step, facts, case.now):
            _of_rule(rule, people, pools, owners)
    if case.act:
        _of_act(case.act, people, pools, owners)
    found = _with_stand_ins(owners, territory.team if territory else None, people)
    for pool in pools:
        found |= _around(pool, people)
    return pools, found


def _of_rule(rule: Rule, people: People, pools: set[int], owners: set[int]) -> None:
    team = people.teams.get(rule.target_team or 0)
    named = (rule.target_owner, rule.fallback_owner, team.fallback if team else None)
    owners.update(owner for owner in named if owner)
    leads_to = (rule.target_pool, team.pool if team else None)  # which of them binds is for the rule's kind to say
    pools.update(pool for pool in leads_to if pool is not None and pool in people.pools)


def _of_act(act: Act, people: People, pools: set[int], owners: set[int]) -> None:
    """Who had the lead, who shall have it, and the pool that a lead taken out of turn is charged to."""
    owners.update(owner for owner in (act.owner, act.to) if owner)
    if act.pool is not None and (pool := people.pools.get(act.pool)):
        pools.add(pool.id)
        if act.kind == "escalate" and not act.move:  # nobody claimed it: the next pool is asked, then the person named
            pools.update(id for id in (pool.next,) if id is not None and id in people.pools)
            owners.update(owner for owner in (pool.named,) if owner)


def _around(id: int, people: People) -> frozenset[int]:
    """A pool's members and whoever may stand in for them; worked out once per revision."""
    if id not in people.around:
        pool = people.pools[id]
        owners = {member.owner for member in pool.members}
        if pool.fallback:
            owners.add(pool.fallback)
        people.around[id] = frozenset(_with_stand_ins(owners, pool.team, people))
    return people.around[id]


def _with_stand_ins(owners: set[int], team: int | None, people: People) -> set[int]:
    """The owners with their cover persons, and the fallbacks of the teams that they may lead to."""
    found = set(owners)
    teams = {team} if team else set()
    for owner in owners:
        person = people.owners.get(owner)
        if person:
            found.update(cover for cover in (person.cover,) if cover)
            teams.update(person.teams)
    fallbacks = (people.teams[team].fallback for team in teams if team in people.teams)
    found.update(fallback for fallback in fallbacks if fallback)
    return found
