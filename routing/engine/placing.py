"""A rule whose conditions hold in, the owner it leads to (or why nobody) out; leaves alone which rule is asked.

The way of a target: the owner named; their cover person; the rule's fallback owner; the team's fallback
owner; then nobody. Each is checked like the first, and each check that failed is noted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from routing.engine.eligibility import Ask, Checked, Seat, candidate, check, full_cap, room
from routing.engine.found import ON_HOLD, Found, Nobody, NotApplicable, Placed
from routing.engine.people import People, PoolOf
from routing.engine.pooling import by_turn, team_of
from routing.engine.rules import Rule
from routing.engine.values import Case
from routing.engine.work import Work

RELATION_STEPS = frozenset({"existing_customer_owner", "open_deal_owner"})


def place(work: Work, rule: Rule, step: str) -> Found:
    """Resolve an owning target of a rule."""
    kind = rule.target_kind
    if kind == "customer_owner":
        return _related(work, rule, step, _customer_owner(work))
    if kind == "deal_owner":
        return _related(work, rule, step, _deal_owner(work))
    if kind == "territory_owner":
        return _territory(work, rule, step)
    if kind == "owner":
        return _give(
            work,
            rule,
            step,
            rule.target_owner,
            None,
            f"rule “{rule.name}” names {_who(work, rule.target_owner)}",
        )
    if kind == "team":
        team = work.people.teams.get(rule.target_team or 0)
        return _pool(work, rule, team.pool if team else None)
    return _pool(work, rule, rule.target_pool)


def applies(rule: Rule, case: Case, facts: Mapping[str, object], people: People) -> bool:
    """Whether a rule whose conditions hold takes this lead: the owner of a customer, of a deal or of a territory is no
    target for a lead that has none, and the next rule is asked."""
    if rule.target_kind == "customer_owner":
        return bool(_customers(case))
    if rule.target_kind == "deal_owner":
        return bool(_deals(case))
    return rule.target_kind != "territory_owner" or facts.get("territory", "") in people.territories


def _customers(case: Case) -> tuple[int, ...]:
    """The owner of the customer or named account; for a customer without one, the contact's owner."""
    if case.company.owner is not None:
        return (case.company.owner,)
    return (case.contact.owner,) if case.company.customer and case.contact.owner is not None else ()


def _deals(case: Case) -> list[tuple[int, int]]:
    """(deal, owner): deals of the very person outrank those of their company; those without an owner do not count."""
    owned = [(deal.id, deal.owner, deal.own) for deal in case.deals if deal.owner is not None]
    best = [deal for deal in owned if deal[2]] or owned
    return [(id, owner) for id, owner, _ in best]


def _who(work: Work, owner: int | None) -> str:
    return work.name(owner) if owner is not None else "nobody"


@dataclass(frozen=True, slots=True)
class _Relation:
    """The owners whom a relationship points at, best first, each with the sentence that says so."""

    owners: tuple[int, ...]
    because: str
    none: str


def _related(work: Work, rule: Rule, step: str, relation: _Relation) -> Found:
    if not relation.owners:
        return NotApplicable(relation.none)
    if len(set(relation.owners)) > 1:
        names = " and ".join(work.name(owner) for owner in dict.fromkeys(relation.owners))
        return Nobody("ownership_conflict", f"{names} have the same right to this lead")
    return _give(work, rule, step, relation.owners[0], None, relation.because)


def _customer_owner(work: Work) -> _Relation:
    company, owners = work.case.company, _customers(work.case)
    if not owners:
        note = "the customer has no owner" if company.customer else "neither a customer nor a named account"
        return _Relation((), "", note)
    if company.owner is None:
        return _Relation(owners, f"{work.name(owners[0])} owns this contact of a customer", "")
    what = "customer" if company.customer else "named account"
    return _Relation(owners, f"the company is {work.name(owners[0])}’s {what}", "")


def _deal_owner(work: Work) -> _Relation:
    """Within a rank, several owners are a conflict."""
    deals = _deals(work.case)
    if not deals:
        return _Relation((), "", "no open deal with an owner")
    owners = tuple(owner for _, owner in deals)
    return _Relation(owners, f"open deal {deals[0][0]} is {work.name(owners[0])}’s", "")


def _territory(work: Work, rule: Rule, step: str) -> Found:
    territory = work.people.territories.get(work.facts.get("territory", ""))
    if territory is None:
        return NotApplicable("the territory is unknown")
    because = f"territory is {territory.name}"
    found = _give(work, rule, step, territory.owner, territory.team, because)
    if isinstance(found, Nobody) and territory.owner is None:
        return Nobody("invalid_territory", f"territory {territory.name} has no owner")
    return found


def _ask(work: Work, rule: Rule, *, keeps_hours: bool, relation: bool = False) -> Ask:
    facts = work.facts
    return Ask(
        now=work.case.now,
        source_key=facts.get("source_key", ""),
        team=rule.target_team,
        language=facts.get("language", "") if rule.require_language else "",
        service=facts.get("service_requested", "") if rule.require_service else "",
        skills=rule.require_skills,
        keeps_hours=keeps_hours,
        relation=relation,
        tried=work.case.tried,
    )


def _give(work: Work, rule: Rule, step: str, owner: int | None, team: int | None, because: str) -> Found:
    """A named owner, or whoever stands in. Caps and working hours bind; on relationship owners only absence does."""
    ask = _ask(work, rule, keeps_hours=True, relation=step in RELATION_STEPS)
    person = work.person(owner)
    if owner is not None:
        checked = note_candidate(work, owner, "target", ask)
        if checked.passed:
            return Placed(owner, "target", team_of(work, owner, team), because)
        team = team_of(work, owner, team)
        missing = f"{work.name(owner)} {_why(checked)}"
    else:
        missing = "nobody is named"
    cover = person.cover_at(work.case.now) if person else None
    found = _stand_in(work, rule, cover, team, because, missing, ask, target=owner)
    return found or Nobody("no_valid_owner", f"{missing}, and nobody could stand in")


def _stand_in(
    work: Work,
    rule: Rule,
    cover: int | None,
    team: int | None,
    because: str,
    missing: str,
    ask: Ask,
    *,
    target: int | None = None,
    pool_fallback: int | None = None,
) -> Placed | None:
    """Cover person, the rule's fallback, the pool's, the team's: the first who passes the checks.

    Each is asked once; what an earlier rule asked of them says nothing about this one.
    """
    its_team = work.people.teams.get(team) if team is not None else None
    line = (
        ("cover", cover),
        ("rule_fallback", rule.fallback_owner),
        ("pool_fallback", pool_fallback),
        ("team_fallback", its_team.fallback if its_team else None),
    )
    tried = {target}
    for role, owner in line:
        if owner is None or owner in tried:
            continue
        tried.add(owner)
        if note_candidate(work, owner, role, replace(ask, relation=False, team=None)).passed:
            return Placed(owner, role, team_of(work, owner, team), because, missing)
    return None


def note_candidate(work: Work, owner: int, role: str, ask: Ask, seat: Seat | None = None) -> Checked:
    """Check one owner and note it in the trace. `seat`: their place in the pool that is charged."""
    person = work.person(owner)
    load = work.load(owner)
    checked = check(person, ask, load, seat)
    entry = candidate(owner, work.name(owner), role, checked)
    if person is not None:
        entry["room"] = room(person, load, seat)
    work.candidates.append(entry)
    return checked


def _why(checked: Checked) -> str:
    return next(iter(checked.failed.values()), "cannot take it")


def _pool(work: Work, rule: Rule, pool_id: int | None) -> Found:
    pool = work.people.pools.get(pool_id or 0)
    if pool is None:
        return _no_pool(work, rule)
    ask = _ask(work, rule, keeps_hours=pool.keeps_hours)
    found = by_turn(work, pool, ask)
    if isinstance(found, Placed) or found.waits is not None:
        return found
    if (rule.on_nobody or pool.when_empty) == "hold":
        return _hold(work, rule, pool, ask)
    return _empty_pool(work, rule, pool, ask)


def _hold(work: Work, rule: Rule, pool: PoolOf, ask: Ask) -> Found:
    """Whom the rule itself names stands in; nobody else is asked, because waiting is what is wanted then."""
    missing = f"nobody in {pool.name} is available"
    because = f"{pool.name} has nobody available"
    found = _stand_in(work, rule, None, None, because, missing, ask)
    return found or Nobody(ON_HOLD, missing, pool.id)


def _no_pool(work: Work, rule: Rule) -> Found:
    """A team without a default pool, or a pool that is gone, is as good as one where nobody is."""
    missing = f"rule “{rule.name}” leads to no pool"
    ask = _ask(work, rule, keeps_hours=True)
    found = _stand_in(work, rule, None, rule.target_team, missing, missing, ask)
    return found or Nobody("no_valid_owner", missing)


def _empty_pool(work: Work, rule: Rule, pool: PoolOf, ask: Ask) -> Found:
    """The pool's own fallback is asked where the rule leaves it to the pool: a rule's policy outranks it."""
    missing = f"nobody in {pool.name} is available"
    because = f"{pool.name} has nobody available"
    fallback = None if rule.on_nobody else pool.fallback
    found = _stand_in(work, rule, None, pool.team, because, missing, ask, pool_fallback=fallback)
    return found or Nobody("no_valid_owner", missing)


def room_of(work: Work, placed: Placed) -> str:
    """The owner's room in words, for the reason sentence; empty where there is none, or nobody looked."""
    person = work.person(placed.owner)
    load = work.loads_read.get(placed.owner)
    if person is None or load is None:
        return ""
    pool, selection = work.people.pools.get(placed.pool or 0), placed.selection
    seat = work.seat(pool, selection.member.id) if pool and selection else None
    return "" if full_cap(person, load, seat) else room(person, load, seat)
