"""What was seen in, problems of the published rules and of drafts out; leaves alone what the linter weighs.

What is wrong with rules says `routing.publish_checks`, which publishing asks, too.
"""

from collections.abc import Iterator
from typing import Any

from routing.doctor.finding import ERROR, WARNING, Finding, counted
from routing.doctor.seen import Seen
from routing.lists import lists_now
from routing.publish_checks import check
from routing.rule_reviews import reasons

VERSION = ("routing", "rulesetversion")
STAND_INS = frozenset(
    {"rules_owner_gone", "rule_owner_stood_in", "reviewer_gone", "rule_fallback_gone", "rule_policy_gone"}
)
"""What forbids a publish, and in force is got over: somebody else is named, another policy fits."""


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
    for draft, why in seen.refused:
        sentence = f"Draft {draft} was to be published and was not: {why} Mend it and schedule it again."
        yield Finding(WARNING, "scheduled_publish_refused", sentence, *VERSION, draft)
    if seen.review is not None:
        version, why = seen.review.version_id, reasons(seen.review)
        sentence = f"Version {version} of the rules is due for review. {why} Look whether its rules are still right."
        yield Finding(WARNING, "rules_due_for_review", sentence, *VERSION, version)
    for draft, name, count in seen.in_drafts:
        sentence = f"Draft {draft} names {name}, who does not take leads any more, in {counted(count, 'rule')}."
        yield Finding(WARNING, "draft_names_gone_owner", sentence, *VERSION, draft)


def _published(seen: Seen, version: dict[str, Any]) -> Iterator[Finding]:
    """What a publish would be refused for, or warned of, now."""
    content = {**version["content"], "owner": version["owner_id"]}
    for problem in check(content, seen.people, lists_now()):
        if problem.code == "rule_pool_empty":
            continue  # said of the pool itself, once
        severity = ERROR if problem.blocks and problem.code not in STAND_INS else WARNING
        yield Finding(severity, problem.code, problem.sentence, *VERSION, version["id"])
