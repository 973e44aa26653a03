"""A lead and an owner in, where that owner dropped out of its decision out; says only what is certain.

Read from the stored trace and the snapshot, never from what the rows say today: who left since, or joined a
pool since, changes nothing about a decision that was made.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from leads.models import Lead
from owners.models import Owner
from routing.current import no_rules, people_of, rules_of
from routing.engine.people import People, Person, PoolOf
from routing.engine.pooling import LARGEST_LINE_UP, MOST_FAILED
from routing.engine.rotation import Rotation
from routing.engine.rules import Rule, RuleSet, rows_of
from routing.engine.snapshot import read_snapshot
from routing.engine.values import Numbers
from routing.explain import ROLES, decided, rule_lines
from routing.models import Decision


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Where an owner dropped out.

    `code`: chosen, not_known_then, failed_checks, not_their_turn, earlier_rule_won, conditions_failed,
    not_a_candidate, nobody_chosen or unlisted. `sentences`: for people, the answer first.
    """

    owner_id: int
    name: str
    code: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Then:
    """What held when the decision was made."""

    told: Mapping[str, Any]
    rules: RuleSet
    people: People
    numbers: Numbers

    @property
    def decision(self) -> Mapping[str, Any]:
        return self.told["routing_decision"]

    @property
    def winner(self) -> Rule | None:
        """The rule whose target was taken; None where no rule decided."""
        rows = [row for step in self.told["routing_trace"]["steps"] for row in step["rules"]]
        if not rows or not self.decision["hierarchy_step"]:
            return None
        return self.rules.ruling(rows[-1]["rule"], rows[-1].get("row", 0))


def find_owner(text: str, among: QuerySet[Owner] | None = None) -> Owner:
    """The owner of that id, key, or name when only one has it; `among` those whom the asker sees.

    Raises Owner.DoesNotExist with a sentence.
    """
    owners = Owner.objects.all() if among is None else among
    if text.isascii() and text.isdigit() and len(text) < 19 and (owner := owners.filter(pk=int(text)).first()):
        return owner
    if owner := owners.filter(key=text).first():
        return owner
    named = list(owners.filter(name__iexact=text)[:2])
    if len(named) == 2:
        raise Owner.DoesNotExist(f"Several owners are called {text}; give the key.")
    if not named:
        raise Owner.DoesNotExist(f"There is no owner “{text}”.")
    return named[0]


def why_not(lead: int, owner: Owner) -> WhyNot:
    """Why the lead did not go to this owner. Raises routing.explain.Undecided."""
    told = decided(lead)
    snapshot, revision = Decision.objects.values_list("snapshot", "revision_id").get(pk=lead)
    _, numbers, version, _ = read_snapshot(snapshot)
    people = people_of(revision)
    then = _Then(told, rules_of(version, people.lists) if version else no_rules(0), people, numbers)
    person = then.people.owners.get(owner.pk)
    if person is None:
        sentence = f"{owner.name} was not an owner yet when this was decided."
        return WhyNot(owner.pk, owner.name, "not_known_then", (sentence,))
    code, sentences = _answer(then, person)
    return WhyNot(person.id, person.name, code, (*sentences, *_since(lead, then)))


def _since(lead: int, then: _Then) -> Iterator[str]:
    """That somebody else owns it by now, which no decision of then can tell."""
    owner, reason = Lead.objects.values_list("owner_id", "reason").get(pk=lead)
    if owner is not None and owner != then.decision["target_owner_id"]:
        yield f"The lead moved since: {reason}"


def _answer(then: _Then, person: Person) -> tuple[str, list[str]]:
    decision, name = then.decision, person.name
    if decision["target_owner_id"] == person.id and decision["routing_status"] == "assigned":
        return "chosen", [f"{name} was chosen. {decision['routing_reason']}"]
    asked = [entry for entry in then.told["candidates"] if entry["owner_id"] == person.id]
    if asked and (asked[-1]["failed"] or not asked[-1]["rotation"]):
        return "failed_checks", _failed(name, asked)
    if waiting := _line_up(then, person, bool(asked)):
        return waiting
    if decision["routing_status"] != "assigned":
        return "nobody_chosen", [f"Nobody was chosen. {decision['routing_reason']}", *_elsewhere(then, person)]
    return _not_asked(then, person)


def _failed(name: str, asked: list[Mapping[str, Any]]) -> list[str]:
    reasons = dict.fromkeys(
        f"has {why}" if check == "within_caps" else why for entry in asked for check, why in entry["failed"].items()
    )
    first = f"{name} was asked as {ROLES[asked[-1]['as']]} and could not take it: {name} {', '.join(reasons)}."
    checks = dict.fromkeys(check for entry in asked for check in entry["failed"])
    return [first, f"Failed checks: {', '.join(checks)}."]


# --- the turn --------------------------------------------------------------------------------------------


def _line_up(then: _Then, person: Person, listed: bool) -> tuple[str, list[str]] | None:
    """The place in the pool that gave the lead; None when the person is no member of it."""
    pool = _pool_of(then, then.winner)
    if pool is None or person.id not in {member.owner for member in pool.members}:
        return None
    chosen = then.told["candidates"][-1] if then.told["candidates"] else None
    if chosen is None or chosen["as"] != "turn" or "v_after" not in (chosen["rotation"] or {}):
        return None
    failed = _failed_of(then, pool)
    if not listed and len(failed) >= MOST_FAILED:
        return "unlisted", [f"{pool.name} is too large for its trace to name everybody; {person.name} was not chosen."]
    eligible = {member.id for member in pool.members if member.owner not in failed}
    if pool.method != "rotation":
        said = {"least_loaded": "was less loaded", "fixed_order": "comes first"}.get(pool.method, "was chosen")
        return "not_their_turn", [f"{person.name} passed all checks, but {chosen['name']} {said} in {pool.name}."]
    places = Rotation(pool.members, then.numbers.turns, pool.catch_up).order(eligible)
    rank = next(number for number, place in enumerate(places, start=1) if place.member.owner == person.id)
    v, first = places[rank - 1].v, places[0]
    same = " The same v: who waited longest, then the order in the pool, decides." if v == first.v else ""
    return "not_their_turn", [
        f"{person.name} passed all checks, but it was {chosen['name']}’s turn in {pool.name}.",
        f"{person.name} stood at place {rank} of {len(places)} with v {v}; {chosen['name']} had v {first.v}.{same}",
    ]


def _failed_of(then: _Then, pool: PoolOf) -> set[int]:
    """Owners whom this pool's line-up in the trace shows as failed: its last entries."""
    most = len(pool.members) if len(pool.members) <= LARGEST_LINE_UP else MOST_FAILED + 1
    members = {member.owner for member in pool.members}
    seen: dict[int, bool] = {}
    for entry in reversed(then.told["candidates"][-most:]):
        if entry["as"] != "turn" or entry["owner_id"] in seen or entry["owner_id"] not in members:
            break
        seen[entry["owner_id"]] = bool(entry["failed"])
    return {owner for owner, failed in seen.items() if failed}


def _pool_of(then: _Then, rule: Rule | None) -> PoolOf | None:
    if rule is None or rule.target_kind not in ("pool", "team"):
        return None
    team = then.people.teams.get(rule.target_team or 0)
    return then.people.pools.get((rule.target_pool if rule.target_kind == "pool" else team and team.pool) or 0)


# --- never asked -----------------------------------------------------------------------------------------


def _not_asked(then: _Then, person: Person) -> tuple[str, list[str]]:
    winner = then.winner
    step = then.decision["hierarchy_step"]
    by = f"rule “{winner.name}” in step {step}" if winner else step
    won = f"{then.told['routing_decision']['routing_reason']} It was decided by {by}."
    others = list(_elsewhere(then, person))
    if winner and person.id == winner.fallback_owner:
        others.insert(0, f"{person.name} is the rule’s fallback owner, and nobody had to stand in.")
    if not others:
        return "not_a_candidate", [
            f"{person.name} is no candidate of that rule, and no other rule leads to them. {won}"
        ]
    failed = all(line.startswith("Rule") for line in others)
    return "conditions_failed" if failed else "earlier_rule_won", [f"{person.name} was never asked. {won}", *others]


def _elsewhere(then: _Then, person: Person) -> Iterator[str]:
    """The rules that lead to the person: those asked whose conditions did not hold, those never asked."""
    rows = {row["rule"]: row for step in then.told["routing_trace"]["steps"] for row in step["rules"]}
    reached = {step["step"] for step in then.told["routing_trace"]["steps"]}
    unasked = []
    for step in then.rules.order:
        for rule in then.rules.in_step(step):
            leading = [row for row in rows_of(rule) if _leads_to(then, row, person)]
            if then.winner and rule.id == then.winner.id:
                unasked += [f"“{row.name}” in step {step}" for row in leading if row.row > then.winner.row]
                yield from (_passed_over(row, step, person) for row in leading if row.row < then.winner.row)
                continue
            if not leading:
                continue
            row = rows.get(rule.id)
            if row is None and step in reached and step != then.decision["hierarchy_step"]:
                yield _passed_over(rule, step, person)
            elif row is None:
                unasked.append(f"“{rule.name}” in step {step}")
            elif row["result"] in ("no_match", "outside_window"):
                yield "\n".join([f"Rule “{rule.name}” in step {step} leads to {person.name}:", *rule_lines(row)])
    if unasked:
        yield f"What also leads to {person.name} was not asked any more: {'; '.join(unasked)}."


def _passed_over(rule: Rule, step: str, person: Person) -> str:
    return f"Rule “{rule.name}” in step {step} leads to {person.name} and did not hold."


def _leads_to(then: _Then, rule: Rule, person: Person) -> bool:
    """Whether the rule's own target is the person, or a pool or territory of theirs."""
    if rule.target_kind == "owner":
        return rule.target_owner == person.id
    if rule.target_kind == "territory_owner":
        return any(territory.owner == person.id for territory in then.people.territories.values())
    pool = _pool_of(then, rule)
    return pool is not None and any(member.owner == person.id for member in pool.members)
