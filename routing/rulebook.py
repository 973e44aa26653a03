"""Rule rows in, the frozen content that routing obeys out; leaves alone what the rules decide.

A draft is rows that people edit. Publishing copies them into `RuleSetContent`, which never changes
again: later edits of the rows, or of what they point to, cannot change what a published version means.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from leads.sql import execute, joined_by_hash
from owners.models import Owner, Pool, Team, User
from owners.roles import Act, may
from owners.writer import is_writing, writing
from routing.ahead import MANY_ROWS, give_notice, keep_content, lowered
from routing.current import people_now
from routing.drafts import log
from routing.engine.rules import RuleError, check_condition, compile_rules
from routing.lists import lists_now
from routing.models import Condition, Rule, RuleSetContent, RuleSetVersion
from routing.models.rules import validate_order
from routing.publish_checks import Problem, check
from routing.revision import canonical_json, digest_of, instant
from routing.rule_reviews import open_review, sections_now
from routing.sequence_checks import mistyped, published_sequences

State = RuleSetVersion.State
LATE_MINUTES = 5
"""From when on a scheduled publish says how late it was."""
Ids = dict[str, dict[str, int]]

_COLUMNS = (
    "id", "key", "step", "position", "name", "target", "owner_id", "pool_id", "team_id", "fallback_owner_id",
    "on_nobody", "tier", "sla_policy__key", "pipeline__key", "stage__key", "sequence", "alert_channels",
    "review_reason", "high_intent", "require_language", "require_service", "require_skills",
    "starts_at", "ends_at", "weekdays", "from_minute", "until_minute", "table",
)  # fmt: skip


class RulebookError(ValueError):
    """A version that cannot be published: `code` is stable, `problems` are sentences for people.

    Codes: `not_a_draft`, `gone`, `purpose_missing`, `order_wrong`, `condition_wrong`, `does_not_compile`,
    `approval_missing`, `changed`, or that of what is missing (routing.publish_checks).
    """

    def __init__(self, code: str, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.code = code
        self.problems = problems


def freeze(version: RuleSetVersion, *, everything: bool = False) -> dict[str, Any]:
    """The content of a version as its rows say it now: what `engine.rules.compile_rules` reads.

    In the version's order of steps, then by position and id. Rules that are switched off are left out, unless
    `everything` is asked for: then every rule says whether it is `enabled`. Two queries, three more with tables.
    """
    chosen = Rule.objects.filter(version=version) if everything else Rule.objects.filter(version=version, enabled=True)
    rules = _frozen(chosen, Condition.objects.filter(rule__version=version), *(("enabled",) if everything else ()))
    return _content(version, rules)


def _content(version: RuleSetVersion, rules: list[dict[str, Any]]) -> dict[str, Any]:
    order = list(version.step_order)
    rank = {step: place for place, step in enumerate(order)}
    rules.sort(key=lambda rule: rank.get(rule["step"], len(rank)))
    return {
        "version": version.pk, "owner": version.owner_id, "zone": version.time_zone, "order": order, "rules": rules,
    }  # fmt: skip


def freeze_unsaved(
    version: RuleSetVersion, rows: list[Rule], groups: list[list[list[dict[str, Any]]]], keys: list[dict[str, Any]]
) -> dict[str, Any]:
    """What `freeze` with everything would give of rows that are not stored: rules in their order, `groups` and `keys`
    (of SLA policy, pipeline and stage) of each. Ids are numbers of this content alone. Three queries with tables."""
    ids = ids_of_people() if any(row.table for row in rows) else {}
    rules = []
    for number, (row, own, named) in enumerate(zip(rows, groups, keys, strict=True), start=1):
        values = {
            name: named[name.removesuffix("__key")] if name.endswith("__key") else getattr(row, name)
            for name in (*_COLUMNS, "enabled")
        }
        rules.append(_frozen_rule({**values, "id": number}, own, ids))
    return _content(version, rules)


def freeze_rule(rule: Rule) -> dict[str, Any]:
    """One rule as `freeze` gives it with everything. Two queries, three more with a table."""
    (frozen,) = _frozen(Rule.objects.filter(pk=rule.pk), Condition.objects.filter(rule=rule), "enabled")
    return frozen


def _frozen(rules: QuerySet[Rule], conditions: QuerySet[Condition], *also: str) -> list[dict[str, Any]]:
    rows = list(rules.order_by("position", "id").values(*_COLUMNS, *also))
    groups = _groups(conditions)
    ids = ids_of_people() if any(row["table"] for row in rows) else {}
    return [_frozen_rule(row, groups.get(row["id"], []), ids) for row in rows]


def content_of(version: RuleSetVersion, *, everything: bool = False) -> dict[str, Any]:
    """What a version says: frozen for good once it was published, as its rows are now while it is a draft.
    `everything`: of a draft the rules that are switched off, too."""
    return freeze(version, everything=everything) if version.state == State.DRAFT else version.content


def ids_of_people() -> Ids:
    """Owners, pools and teams: output of a table -> key -> id. Three queries."""
    owners, pools, teams = (dict(model.objects.values_list("key", "id")) for model in (Owner, Pool, Team))
    return {"owner": owners, "fallback_owner": owners, "pool": pools, "team": teams}


def _frozen_table(table: dict[str, Any] | None, ids: Ids) -> dict[str, Any] | None:
    """The table with the people it names by id; whoever does not exist stays a key, which publishing refuses."""
    if not table:
        return None
    known = [ids.get(name, {}) for name in table["outputs"]]
    rows = [
        {"in": row["in"], "out": [by.get(cell, cell) for by, cell in zip(known, row["out"], strict=False)]}
        for row in table["rows"]
    ]
    return {**table, "rows": rows}


def _groups(conditions: QuerySet[Condition]) -> dict[int, list[list[dict[str, Any]]]]:
    """By rule id: its groups by number, in each the conditions by id."""
    rows = conditions.order_by("rule_id", "group", "id").values_list("rule_id", "group", "field", "operator", "value")
    numbered: dict[int, dict[int, list[dict[str, Any]]]] = defaultdict(dict)
    for rule_id, group, field, operator, value in rows:
        condition = {"field": field, "operator": operator, "value": value}
        numbered[rule_id].setdefault(group, []).append(condition)
    return {rule_id: list(by_number.values()) for rule_id, by_number in numbered.items()}


def _frozen_rule(row: dict[str, Any], groups: list[list[dict[str, Any]]], ids: Ids) -> dict[str, Any]:
    target = {
        "kind": row.pop("target"),
        "owner": row.pop("owner_id"),
        "pool": row.pop("pool_id"),
        "team": row.pop("team_id"),
    }
    frozen = {name.removesuffix("__key").removesuffix("_id"): value for name, value in row.items()}
    for name in ("sla_policy", "pipeline", "stage"):
        frozen[name] = frozen[name] or ""
    for name in ("starts_at", "ends_at"):
        frozen[name] = frozen[name] and instant(frozen[name])
    frozen["table"] = _frozen_table(frozen["table"], ids)
    return {**frozen, "target": target, "groups": groups}


def problems_of(version: RuleSetVersion, content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What forbids publishing this content: a code and a sentence each; nothing when it may be published."""
    if not version.purpose.strip():
        yield "purpose_missing", "Write down what this version changes, and why."
    try:
        validate_order(content["order"])
    except ValidationError as error:
        yield "order_wrong", error.messages[0]
    sentences = list(_condition_problems(content))
    yield from (("condition_wrong", sentence) for sentence in sentences)
    if not sentences:
        yield from _compile_problems(content)
        yield from ((problem.code, problem.sentence) for problem in missing(content) if problem.blocks)


def missing(content: dict[str, Any]) -> list[Problem]:
    """People, pools, stages, policies, lists and sequences that a content names and that are not as it needs them."""
    return [*check(content, people_now(), lists_now()), *mistyped(content, published_sequences())]


def _condition_problems(content: dict[str, Any]) -> Iterator[str]:
    for rule in content["rules"]:
        for group in rule["groups"]:
            for condition in group:
                if problem := check_condition(**condition):
                    yield f"Rule “{rule['name']}”: {problem}"


def _compile_problems(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        compile_rules(content)
    except RuleError as error:
        if error.code not in ("steps_incomplete", "catch_all_not_last"):  # said above, in more words
            yield "does_not_compile", f"{error}."


def may_publish(user: User) -> bool:
    """Whether somebody may put rules in force now: they are still here, and their role says so."""
    return user.is_staff and may(user, Act.PUBLISH_RULES)


def approval_problems(version: RuleSetVersion, content: dict[str, Any], by: User | None) -> Iterator[tuple[str, str]]:
    """That a second person has not approved exactly this content, where the settings ask for one. The program itself,
    which publishes the demo and the first rules, asks nobody."""
    if not settings.FOUR_EYES_PUBLISH or by is None:
        return
    if version.approved_by is None:
        yield "approval_missing", "A second person has to approve this draft before it is published."
        return
    who = version.approved_by.get_full_name() or version.approved_by.username
    if version.approved_by == by:
        yield "approval_missing", f"{who} approved this draft, so somebody else has to publish it."
    elif not may_publish(version.approved_by):
        yield "approval_missing", f"{who}, who approved it, may not publish rules any more. Ask somebody else."
    elif version.approved_digest != digest(content):
        yield "approval_missing", "The draft was changed since it was approved. Somebody has to approve it again."


def digest(content: dict[str, Any]) -> str:
    """What a content is known by: approvals and published versions carry it."""
    return digest_of(canonical_json(content))


# --- into force ------------------------------------------------------------------------------------------


class Prepared(NamedTuple):
    """What a publish needs and works out before it holds anything up. `edition`: of the draft as it was read."""

    edition: int
    content: dict[str, Any]
    digest: str
    seen: dict[str, str]
    """What the rules rest on, for the review that the publish opens."""


def publish(version: RuleSetVersion, by: User | None, now: datetime, instead_of: int | None = None) -> RuleSetVersion:
    """Freeze a draft and put it in force in place of the version that is; give it as it stands then. `instead_of`:
    only if that version is in force still, 0 for none.

    Reading and checking hold no lock. Of many rules the routing processes are given notice, so that they
    have them compiled when they come in force; the lock is held for a few statements. `by`: who asked, None for the
    program itself. Raises RulebookError, and then nothing has changed.
    """
    with lowered(somebody_waits=True):
        ready = _prepare(_draft(version.pk), by)
    if _rows(ready.content) > MANY_ROWS and not is_writing():
        give_notice(version.pk, ready.edition, ready.digest, ready.content)
    with writing():
        draft = _draft(version.pk)
        changed = _changed(draft, ready.edition, instead_of)
        if changed:
            RuleSetVersion.objects.filter(pk=draft.pk).update(digest="")
            RuleSetContent.objects.filter(pk=draft.pk).delete()
        else:
            _put_in_force(draft, ready, by, now)
    if changed:
        raise RulebookError("changed", changed)
    return draft


def _changed(draft: RuleSetVersion, edition: int, instead_of: int | None) -> str:
    """What is not any more as it was when somebody asked for the publish, as a sentence."""
    if draft.edition != edition:
        return "The draft was changed while it was being published. Look at it again, then publish."
    if instead_of is not None and instead_of != (live := live_version()):
        return f"Version {live} was published meanwhile. Look again, then publish."
    return ""


def live_version() -> int:
    """The number of the version in force; 0 where none is."""
    return RuleSetVersion.objects.filter(state=State.PUBLISHED).values_list("pk", flat=True).first() or 0


def _rows(content: dict[str, Any]) -> int:
    """Rules, and rows of tables."""
    return len(content["rules"]) + sum(len(rule["table"]["rows"]) for rule in content["rules"] if rule["table"])


def _draft(version: int) -> RuleSetVersion:
    draft = RuleSetVersion.objects.filter(pk=version).first()
    if draft is None:
        raise RulebookError("gone", f"Version {version} was deleted meanwhile.")
    if draft.state != State.DRAFT:
        raise RulebookError("not_a_draft", f"Version {draft.pk} is {draft.state}; only a draft can be published.")
    return draft


def _prepare(draft: RuleSetVersion, by: User | None) -> Prepared:
    content = freeze(draft)
    if problems := [*problems_of(draft, content), *approval_problems(draft, content, by)]:
        raise RulebookError(problems[0][0], *(sentence for _, sentence in problems))
    return Prepared(draft.edition, content, digest(content), sections_now())


def _put_in_force(draft: RuleSetVersion, ready: Prepared, by: User | None, now: datetime) -> None:
    RuleSetVersion.objects.filter(state=State.PUBLISHED).update(state=State.RETIRED)
    said = _published_words(draft, now)
    draft.state = State.PUBLISHED
    draft.published_at, draft.published_by = now, by
    draft.publish_at, draft.publish_refused = None, ""
    columns = ["state", "published_at", "published_by", "publish_at", "publish_refused"]
    if draft.digest != ready.digest:  # else it was written with the notice
        draft.digest = ready.digest
        columns.append("digest")
        keep_content(draft.pk, json.dumps(ready.content))
    draft.save(update_fields=columns)
    open_review(draft, ready.seen, now)
    if by is not None:
        log(draft, by, now, said)


def _published_words(draft: RuleSetVersion, now: datetime) -> str:
    """The line of its history. A scheduled publish that comes late, after a downtime, says how late."""
    if draft.publish_at is None or draft.publish_at > now:
        return f"Published: {draft.purpose}"
    late = int((now - draft.publish_at).total_seconds() // 60)
    delay = f", {late} minutes late" if late >= LATE_MINUTES else ""
    return f"Published as scheduled for {draft.publish_at:%Y-%m-%d %H:%M} UTC{delay}: {draft.purpose}"


def copy_to_draft(version: RuleSetVersion) -> RuleSetVersion:
    """A new draft with the rules and conditions of `version`, switched-off rules too; its purpose is empty.

    As many statements for many rules as for few: leads wait for the lock meanwhile.
    """
    with writing():
        draft = RuleSetVersion.objects.create(
            owner_id=version.owner_id, step_order=list(version.step_order), time_zone=version.time_zone,
            review_days=version.review_days, based_on_id=version.pk,
        )  # fmt: skip
        execute(*_copying_rules(version.pk, draft.pk))
        with joined_by_hash():
            execute(*_copying_conditions(version.pk, draft.pk))
    return draft


def _copying_rules(old: int, new: int) -> tuple[str, list[int]]:
    """The statement and its parameters. Rules keep their keys, of which a version has each once."""
    columns = _columns(Rule, "id", "version_id")
    asked = f"SELECT %s, {columns} FROM routing_rule WHERE version_id = %s ORDER BY id"
    return f"INSERT INTO routing_rule (version_id, {columns}) {asked}", [new, old]


def _copying_conditions(old: int, new: int) -> tuple[str, list[int]]:
    columns = _columns(Condition, "id", "rule_id")
    asked = (
        f"SELECT copy.id, {_columns(Condition, 'id', 'rule_id', of='one.')} FROM routing_condition AS one"
        " JOIN routing_rule AS rule ON rule.id = one.rule_id JOIN routing_rule AS copy ON copy.key = rule.key"
        " WHERE copy.version_id = %s AND rule.version_id = %s ORDER BY one.id"
    )
    return f"INSERT INTO routing_condition (rule_id, {columns}) {asked}", [new, old]


def _columns(model: type[Rule] | type[Condition], *but: str, of: str = "") -> str:
    names = (field.column for field in model._meta.concrete_fields if field.column not in but)
    return ", ".join(f'{of}"{name}"' for name in names)
