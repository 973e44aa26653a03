"""What was seen in, problems with pools whose leads wait, whose members come by a query or have dates, out."""

from collections.abc import Iterator
from datetime import timedelta

from owners.models import Pool
from owners.query import Found, fits, in_words
from owners.waiting import needs_named, rounds
from routing.coverage import DAYS
from routing.doctor.finding import ERROR, WARNING, Finding, listed
from routing.doctor.people import POOL
from routing.doctor.seen import Seen
from routing.engine.people import PoolOf


def problems(seen: Seen) -> Iterator[Finding]:
    """Waiting leads first: of them somebody has to know."""
    pools = seen.people.pools
    for pool in pools.values():
        if needs_named(pool.method, pool.when_empty):
            yield from _waits(seen, pool)
        yield from _dated(seen, pool)
    following = {pool.id: pool.next for pool in pools.values() if pool.next and pool.method == Pool.Method.CLAIM}
    for sentence in rounds(following, {pool.id: pool.name for pool in pools.values()}):
        yield Finding(ERROR, "claim_round", sentence, *POOL)
    yield from _queries(seen)


def _waits(seen: Seen, pool: PoolOf) -> Iterator[Finding]:
    if pool.named is None or (gone := seen.state(pool.named)):
        who = "nobody answers for them" if pool.named is None else f"{seen.name(pool.named)}, who answers for them, "
        sentence = f"Leads of pool {pool.name} may wait, and {who}{'' if pool.named is None else gone}. Name somebody."
        yield Finding(ERROR, "waiting_unanswered", sentence, *POOL, pool.id)
    if pool.when_empty == Pool.WhenEmpty.HOLD and pool.keeps_hours:
        yield from _held_for_ever(seen, pool)
    if pool.method != Pool.Method.CLAIM:
        return
    for rule in seen.published["content"]["rules"] if seen.published else ():
        promised = _promised(seen, rule) if _leads_to(seen, rule, pool) else None
        if promised is not None and pool.wait * 60 >= promised:
            sentence = (
                f"Rule {rule['name']} lets high-intent leads wait up to {pool.wait:,} minutes to be claimed in pool"
                f" {pool.name}, and promises them an answer within {promised // 60:,}. Let them wait for less."
            )
            yield Finding(ERROR, "claim_waits_too_long", sentence, *POOL, pool.id)


def _held_for_ever(seen: Seen, pool: PoolOf) -> Iterator[Finding]:
    """Leads on hold for people who are not there within two weeks; who has no hours at all is another finding."""
    soon = seen.now + timedelta(days=DAYS)
    able = [
        person
        for member in pool.members
        if (person := seen.person(member.owner)) and person.state == "active" and person.accepts and person.hours
    ]
    if able and not any((there := person.hours.next_open(seen.now)) and there < soon for person in able):
        sentence = (
            f"Pool {pool.name} holds leads until somebody is there, and nobody works in it within {DAYS} days. Add"
            " somebody, or let them go to review."
        )
        yield Finding(WARNING, "held_for_nobody", sentence, *POOL, pool.id)


def _leads_to(seen: Seen, rule: dict, pool: PoolOf) -> bool:
    target = rule["target"]
    if target["kind"] == "team":
        team = seen.people.teams.get(target["team"])
        return team is not None and team.pool == pool.id
    return target["kind"] == "pool" and target["pool"] == pool.id


def _promised(seen: Seen, rule: dict) -> int | None:
    """The shortest first touch, in seconds, that the rule's high-intent leads are promised; None: it has none."""
    if rule.get("high_intent") is False:
        return None
    asked = [row for group in rule["groups"] for row in group if row["field"] == "lead_type"]
    named = {word for row in asked for word in (row["value"] if isinstance(row["value"], list) else [row["value"]])}
    high = [key for key, is_high in seen.people.high_intent.items() if is_high or rule.get("high_intent")]
    types = [key for key in high if not named or key in named]
    tier = rule.get("tier") or "standard"
    return min(
        (seen.people.policy_for(rule.get("sla_policy") or "", key, tier).first_touch for key in types), default=None
    )


def _dated(seen: Seen, pool: PoolOf) -> Iterator[Finding]:
    """Members whose time in the pool is over stay on its list until somebody takes them off."""
    over = [
        seen.name(member.owner)
        for member in pool.members
        if (terms := pool.terms.get(member.id)) and terms.ends and terms.ends <= seen.now
    ]
    if over and len(over) == len(pool.members):
        sentence = f"The time of all members of pool {pool.name} in it is over ({listed(over)}), so nobody takes turns."
        yield Finding(WARNING, "pool_members_over", sentence, *POOL, pool.id)


def _queries(seen: Seen) -> Iterator[Finding]:
    """Teams are named by key, so a query outlives them; and people change what they are."""
    teams = {team.key for team in seen.people.teams.values()}
    rows = Pool.objects.exclude(member_query={}).order_by("name")
    for pk, name, query in rows.values_list("pk", "name", "member_query"):
        if missing := [key for key in query.get("teams", ()) if key not in teams]:
            sentence = f"Pool {name} looks for members of team {listed(missing)}, which does not exist, and finds none."
            yield Finding(ERROR, "query_without_team", sentence, *POOL, pk)
        elif not any(fits(query, person) for person in _asked_of(seen)):
            sentence = f"Pool {name} looks for members by what they are and finds nobody: {in_words(query)}."
            yield Finding(WARNING, "query_finds_nobody", sentence, *POOL, pk)


def _asked_of(seen: Seen) -> Iterator[Found]:
    """The active owners as queries see them."""
    keys = {team.id: team.key for team in seen.people.teams.values()}
    for one in seen.people.owners.values():
        if one.state == "active":
            yield Found(one.id, one.languages, one.services, one.skills, frozenset(keys[team] for team in one.teams))
