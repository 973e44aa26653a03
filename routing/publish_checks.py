"""A frozen content and what exists now in; what is missing or in conflict out, each with a sentence and what mends it.

What blocks a publish, and what only warns. The doctor asks the same of the rules in force, so that both say the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from routing.engine.conditions import Lists, make_condition
from routing.engine.impossible import contradiction
from routing.engine.people import People, PoolOf
from routing.engine.tables import PEOPLE, as_condition
from routing.names import Names
from routing.rule_words import condition_words

FrozenRule = Mapping[str, Any]
Link = tuple[str, int | None]
"""(model, as “owners.owner”; id of the row, None for the list)."""
OWNER, POOL, TEAM = "owners.owner", "owners.pool", "owners.team"
PIPELINE, POLICY, LIST = "leads.pipeline", "routing.slapolicy", "routing.namedlist"
ACCEPTS_NOTHING = "takes no leads for the time being"


@dataclass(frozen=True, slots=True)
class Problem:
    """`blocks`: whether it keeps a version from being published. `what`: the end of a sentence that begins with the
    rule; `rule`: its id, None for the version itself. `link`: what mends it."""

    blocks: bool
    code: str
    what: str
    rule: int | None = None
    name: str = ""
    link: Link | None = None

    @property
    def sentence(self) -> str:
        """“Rule “DACH” leads to Marco, who has left. Name somebody who is here.”"""
        return f"Rule “{self.name}” {self.what}" if self.rule is not None else self.what


def check(content: Mapping[str, Any], people: People, lists: Lists) -> Iterator[Problem]:
    """Everything that is missing or in conflict, the version itself first, then rule by rule."""
    if gone := gone_of(people, content["owner"]):
        who = name_of(people, content["owner"])
        sentence = f"{who}, who answers for the rules, {gone}. Name somebody else in the settings of the draft."
        yield Problem(True, "rules_owner_gone", sentence, link=(OWNER, content["owner"]))
    zone = ZoneInfo(content.get("zone") or "UTC")
    for rule in content["rules"]:
        yield from of_rule(rule, content["owner"], people, lists, zone)


def of_rule(rule: FrozenRule, answerable: int, people: People, lists: Lists, zone: tzinfo) -> Iterator[Problem]:
    """What is wrong with one rule and the rows of its table. `zone`: of the version, where a date is a day."""
    told: set[tuple[str, str]] = set()
    for target, where in _targets(rule):
        for blocks, code, what, link in (*_of_target(target, answerable, people), *_of_fallback(target, people)):
            if (code, what) not in told:  # a table names the same person in a hundred rows
                told.add((code, what))
                yield Problem(blocks, code, f"{where}{what}", rule["id"], rule["name"], link)
        for blocks, code, what, link in (*_of_deal(target, people), *_of_policy(target, people)):
            if (code, what) not in told:
                told.add((code, what))
                yield Problem(blocks, code, f"{where}{what}", rule["id"], rule["name"], link)
    for blocks, code, what, link in _of_conditions(rule, people, lists, zone):
        yield Problem(blocks, code, what, rule["id"], rule["name"], link)


def by_rule(problems: Iterator[Problem] | list[Problem]) -> dict[int, list[Problem]]:
    """The problems of each rule, by its id."""
    found: dict[int, list[Problem]] = {}
    for problem in problems:
        if problem.rule is not None:
            found.setdefault(problem.rule, []).append(problem)
    return found


Told = tuple[bool, str, str, Link | None]


# --- who is there ----------------------------------------------------------------------------------------


def gone_of(people: People, owner: int | None) -> str:
    """What keeps an owner from taking anything for good, in words; empty for an active one."""
    person = None if owner is None else people.owners.get(owner)
    if person is None:
        return "no longer exists"
    return {"active": "", "inactive": "is inactive", "departed": "has left"}[person.state]


def name_of(people: People, owner: int | None) -> str:
    """The name of an owner, whoever they are."""
    person = None if owner is None else people.owners.get(owner)
    return person.name if person else "somebody who no longer exists"


def is_active(people: People, owner: int | None) -> bool:
    """Whether somebody is there and may take leads some day."""
    return owner is not None and not gone_of(people, owner)


# --- where it leads --------------------------------------------------------------------------------------


def _targets(rule: FrozenRule) -> Iterator[tuple[dict[str, Any], str]]:
    """What the rule says, and each row of its table, as flat values; where it is said, for the sentence."""
    target = rule["target"]
    own = {**rule, "kind": target["kind"], **{name: target[name] for name in ("owner", "pool", "team")}}
    table = rule.get("table")
    if not table or not {"target", "owner", "pool", "team"} & set(table["outputs"]):
        yield own, ""
    for number, row in enumerate(table["rows"] if table else (), start=1):
        said = {name: cell for name, cell in zip(table["outputs"], row["out"], strict=False) if cell is not None}
        if "target" in said:
            said["kind"] = said["target"]
        elif named := next((name for name in ("owner", "pool", "team") if name in said), None):
            said["kind"] = named
        if said:
            yield {**own, **said}, f"in row {number} of its table "


def _of_target(rule: Mapping[str, Any], answerable: int, people: People) -> Iterator[Told]:
    missing = [name for name in PEOPLE if isinstance(rule.get(name), str)]
    if missing:
        what = ", ".join(f"{name.replace('_', ' ')} “{rule[name]}”" for name in missing)
        yield True, "table_names_nobody", f"names {what}, which does not exist.", None
        return
    match rule["kind"]:
        case "owner":
            yield from _of_owner(rule, people)
        case "pool":
            yield from _of_pool(rule, people.pools.get(rule["pool"] or 0), people)
        case "team":
            yield from _of_team(rule, people)
        case "review":
            yield from _of_reviewer(rule, answerable, people)


def _of_owner(rule: Mapping[str, Any], people: People) -> Iterator[Told]:
    owner = rule["owner"]
    link: Link = (OWNER, owner)
    person = people.owners.get(owner or 0)
    stands_in = is_active(people, rule.get("fallback_owner")) or (person and is_active(people, person.cover))
    if gone := gone_of(people, owner):
        what = f"leads to {name_of(people, owner)}, who {gone}"
        if stands_in:
            yield True, "rule_owner_stood_in", f"{what}; others stand in. Name somebody who is here.", link
        else:
            yield True, "rule_owner_gone", f"{what}, and nobody stands in: its leads go to review.", link
    elif person and not person.accepts:
        what = f"leads to {person.name}, who {ACCEPTS_NOTHING}"
        if stands_in:
            yield False, "rule_owner_paused", f"{what}; others stand in.", link
        else:
            yield True, "rule_owner_paused", f"{what}, and nobody stands in. Name a cover or a fallback owner.", link


def _of_pool(rule: Mapping[str, Any], pool: PoolOf | None, people: People) -> Iterator[Told]:
    if pool is None:
        yield True, "rule_pool_gone", "leads to a pool that no longer exists.", (POOL, None)
        return
    members = (people.owners.get(member.owner) for member in pool.members)
    if any(person and person.state == "active" and person.accepts for person in members):
        return
    team = people.teams.get(pool.team or 0)
    stands_in = any(
        is_active(people, owner)
        for owner in (rule.get("fallback_owner"), pool.fallback, pool.named, team.fallback if team else None)
    )
    what = f"leads to pool {pool.name}, where nobody is who takes leads"
    if stands_in or pool.next is not None:
        yield False, "rule_pool_empty", f"{what}; others stand in.", (POOL, pool.id)
    else:
        yield True, "rule_pool_empty", f"{what}, and nobody stands in. Add a member or a fallback.", (POOL, pool.id)


def _of_team(rule: Mapping[str, Any], people: People) -> Iterator[Told]:
    team = people.teams.get(rule["team"] or 0)
    if team is None:
        yield True, "rule_team_gone", "leads to a team that no longer exists.", (TEAM, None)
    elif team.pool not in people.pools:
        what = f"leads to team {team.name}, which has no default pool. Choose one."
        yield True, "rule_team_without_pool", what, (TEAM, team.id)
    else:
        yield from _of_pool(rule, people.pools[team.pool or 0], people)


def _of_reviewer(rule: Mapping[str, Any], answerable: int, people: People) -> Iterator[Told]:
    """The rule's own person, else whoever answers for the rules, is named in the item; its clock is the policy's."""
    owner = rule["owner"]
    if owner is not None and (gone := gone_of(people, owner)):
        what = f"names {name_of(people, owner)} for its reviews, who {gone}. Name somebody who is here."
        yield True, "reviewer_gone", what, (OWNER, owner)
    elif owner is None and not is_active(people, answerable):
        what = "sends leads to review, and nobody is there who could be named. Name a reviewer."
        yield True, "review_without_reviewer", what, None


def _of_fallback(rule: Mapping[str, Any], people: People) -> Iterator[Told]:
    fallback = rule.get("fallback_owner")
    if isinstance(fallback, int) and (gone := gone_of(people, fallback)):
        what = f"falls back to {name_of(people, fallback)}, who {gone}. Name somebody who is here."
        yield True, "rule_fallback_gone", what, (OWNER, fallback)


# --- what goes with it -----------------------------------------------------------------------------------


def _of_deal(rule: Mapping[str, Any], people: People) -> Iterator[Told]:
    pipeline, stage = rule.get("pipeline"), rule.get("stage")
    stages = people.pipelines.get(pipeline or "")
    if pipeline and stages is None:
        what = f"puts deals into pipeline {pipeline}, which is gone: their plans stop."
        yield True, "rule_pipeline_gone", what, (PIPELINE, None)
    elif stage and (stages is None or stage not in stages):
        what = f"puts deals into stage {stage} of {pipeline or 'no pipeline'}, which is gone."
        yield True, "rule_stage_gone", what, (PIPELINE, None)


def _of_policy(rule: Mapping[str, Any], people: People) -> Iterator[Told]:
    policy = rule.get("sla_policy")
    if policy and all(known.key != policy for known in people.policies):
        what = f"asks for the SLA policy {policy}, which is gone. Choose another, or none for the first that fits."
        yield True, "rule_policy_gone", what, (POLICY, None)


# --- what it asks ----------------------------------------------------------------------------------------

KNOWN = {"territory": "territory", "source_key": "source", "lead_type": "lead type"}


def _of_conditions(rule: FrozenRule, people: People, lists: Lists, zone: tzinfo) -> Iterator[Told]:
    known = {
        "territory": people.territories.keys(),
        "source_key": {source.key for source in people.sources.values()},
        "lead_type": people.high_intent.keys(),
    }
    for group in rule["groups"]:
        for row in group:
            yield from _of_condition(row, known, lists)
        yield from _of_group(group, lists, zone)
    table = rule.get("table") or {"inputs": (), "rows": ()}
    asked = {
        repr(condition): condition
        for place, column in enumerate(table["inputs"])
        if column["field"] in known or column["operator"] in ("in_list", "not_in_list")
        for row in table["rows"]
        if (cell := row["in"][place]) is not None and (condition := as_condition(column, cell))
    }
    for field, operator, value in asked.values():
        yield from _of_condition({"field": field, "operator": operator, "value": value}, known, lists)


def _of_condition(row: Mapping[str, Any], known: Mapping[str, Any], lists: Lists) -> Iterator[Told]:
    """Keys that nothing has any more can never hold; a list that is gone holds nothing."""
    field, operator, value = row["field"], row["operator"], row["value"]
    if operator in ("in_list", "not_in_list"):
        if value not in lists:
            yield True, "rule_list_gone", f"asks for the list {value}, which does not exist.", (LIST, None)
        elif not lists[value]:
            yield False, "rule_list_empty", f"asks for the list {value}, which is empty.", (LIST, None)
    elif field in known and operator in ("is", "one_of"):
        for key in value if isinstance(value, list) else [value]:
            if key not in known[field]:
                yield False, "rule_asks_for_nothing", f"asks for {KNOWN[field]} {key}, which does not exist.", None


def _of_group(group: list[Mapping[str, Any]], lists: Lists, zone: tzinfo) -> Iterator[Told]:
    if any(row["operator"] == "in_list" and not lists.get(row["value"]) for row in group):
        return  # said of the list
    try:
        typed = [make_condition(row["field"], row["operator"], row["value"], zone, lists) for row in group]
    except ValueError:
        return  # said by the check of conditions, in more words
    if clash := contradiction(typed):
        said = " and ".join(
            condition_words({"field": one.field, "operator": one.operator, "value": one.value}, Names())
            for one in clash
        )
        yield True, "condition_impossible", f"asks for what no lead can satisfy: {said}.", None
