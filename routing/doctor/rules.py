"""What was seen in, problems of the published rules and of drafts out; leaves alone what the linter weighs."""

from collections.abc import Iterator
from typing import Any

from routing.doctor.finding import ERROR, WARNING, Finding, Severity, counted
from routing.doctor.seen import Seen

VERSION = ("routing", "rulesetversion")


def problems(seen: Seen) -> Iterator[Finding]:
    """What keeps the rules in force from being obeyed, then what a draft would bring."""
    if seen.published is None:
        yield Finding(
            ERROR, "no_published_rules",
            "No rule set is published, so each lead that is not invalid waits in manual review. Publish a draft.",
            *VERSION,
        )  # fmt: skip
    else:
        yield from _published(seen, seen.published)
    for draft, name, count in seen.in_drafts:
        sentence = f"Draft {draft} names {name}, who does not take leads any more, in {counted(count, 'rule')}."
        yield Finding(WARNING, "draft_names_gone_owner", sentence, *VERSION, draft)


def _published(seen: Seen, version: dict[str, Any]) -> Iterator[Finding]:
    if gone := seen.state(version["owner_id"]):
        sentence = (
            f"{seen.name(version['owner_id'])}, who answers for the published rules, {gone}. Name somebody else in a"
            " draft and publish it."
        )
        yield Finding(WARNING, "rules_owner_gone", sentence, *VERSION, version["id"])
    for rule in version["content"]["rules"]:
        for severity, code, what in _of_rule(seen, rule):
            yield Finding(severity, code, f"Rule “{rule['name']}” {what}", *VERSION, version["id"])


def _of_rule(seen: Seen, rule: dict[str, Any]) -> Iterator[tuple[Severity, str, str]]:
    yield from _of_target(seen, rule)
    yield from _of_fallback(seen, rule)
    yield from _of_deal(seen, rule)
    yield from _of_conditions(seen, rule)
    policy = rule.get("sla_policy")
    if policy and policy not in {known.key for known in seen.people.policies}:
        yield (
            WARNING,
            "rule_policy_gone",
            f"asks for the SLA policy {policy}, which is gone; the first that fits holds.",
        )


def _of_target(seen: Seen, rule: dict[str, Any]) -> Iterator[tuple[Severity, str, str]]:
    target, people = rule["target"], seen.people
    kind, owner = target["kind"], target["owner"]
    if kind == "owner" and (gone := seen.state(owner)):
        person = seen.person(owner)
        stands_in = seen.active(rule.get("fallback_owner")) or (person is not None and seen.active(person.cover))
        what = f"leads to {seen.name(owner)}, who {gone}"
        if stands_in:
            yield WARNING, "rule_owner_gone", f"{what}; others stand in. Name somebody who is here."
        else:
            yield ERROR, "rule_owner_gone", f"{what}, and nobody stands in: its leads go to review."
    elif kind == "pool" and target["pool"] not in people.pools:
        yield ERROR, "rule_pool_gone", "leads to a pool that no longer exists."
    elif kind == "team":
        yield from _of_team(seen, target["team"])
    elif kind == "review":
        yield from _of_reviewer(seen, owner)


def _of_team(seen: Seen, team: int | None) -> Iterator[tuple[Severity, str, str]]:
    known = seen.people.teams.get(team or 0)
    if known is None:
        yield ERROR, "rule_team_gone", "leads to a team that no longer exists."
    elif known.pool not in seen.people.pools:
        yield ERROR, "rule_team_without_pool", f"leads to team {known.name}, which has no default pool. Choose one."


def _of_reviewer(seen: Seen, owner: int | None) -> Iterator[tuple[Severity, str, str]]:
    if owner is None:
        yield (
            WARNING,
            "review_without_reviewer",
            "sends leads to review and names nobody; the source’s person gets them.",
        )
    elif gone := seen.state(owner):
        yield WARNING, "reviewer_gone", f"names {seen.name(owner)} for its reviews, who {gone}; others get them."


def _of_fallback(seen: Seen, rule: dict[str, Any]) -> Iterator[tuple[Severity, str, str]]:
    fallback = rule.get("fallback_owner")
    if fallback is not None and (gone := seen.state(fallback)):
        yield WARNING, "rule_fallback_gone", f"falls back to {seen.name(fallback)}, who {gone}."


def _of_conditions(seen: Seen, rule: dict[str, Any]) -> Iterator[tuple[Severity, str, str]]:
    """Conditions on keys that nothing has any more: they can never hold."""
    known = {
        "territory": seen.people.territories.keys(),
        "source_key": {source.key for source in seen.people.sources.values()},
        "lead_type": seen.people.high_intent.keys(),
    }
    words = {"territory": "territory", "source_key": "source", "lead_type": "lead type"}
    for group in rule["groups"]:
        for condition in group:
            field, value = condition["field"], condition["value"]
            if field in known and condition["operator"] in ("is", "one_of"):
                for key in value if isinstance(value, list) else [value]:
                    if key not in known[field]:
                        yield WARNING, "rule_asks_for_nothing", f"asks for {words[field]} {key}, which does not exist."


def _of_deal(seen: Seen, rule: dict[str, Any]) -> Iterator[tuple[Severity, str, str]]:
    pipeline, stage = rule.get("pipeline"), rule.get("stage")
    stages = seen.people.pipelines.get(pipeline or "")
    if pipeline and stages is None:
        yield ERROR, "rule_pipeline_gone", f"puts deals into pipeline {pipeline}, which is gone: their plans stop."
    elif stage and (stages is None or stage not in stages):
        yield ERROR, "rule_stage_gone", f"puts deals into stage {stage} of {pipeline or 'no pipeline'}, which is gone."
