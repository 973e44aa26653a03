"""Frozen rule-set content comes in, a compiled RuleSet goes out; who gets the lead is left to the steps.

The content is the JSON of one published rule-set version. Nothing here reads a database or a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from routing.engine.conditions import (
    FIELD_KINDS,
    FIELDS,
    OPERATORS,
    OPERATORS_BY_KIND,
    Condition,
    check_condition,
    make_condition,
)
from routing.engine.index import RowIndex

__all__ = [
    "DEFAULT_ORDER",
    "FIELDS",
    "FIELD_KINDS",
    "OPERATORS",
    "OPERATORS_BY_KIND",
    "STEPS",
    "TARGET_KINDS",
    "Rule",
    "RuleError",
    "RuleSet",
    "check_condition",
    "compile_rules",
]

STEPS: tuple[str, ...] = (
    "reject_invalid_or_spam",
    "existing_customer_owner",
    "open_deal_owner",
    "critical_severity_founder_review",
    "territory_owner",
    "service_line_owner",
    "campaign_source_owner",
    "round_robin_pool",
    "manual_review",
)
DEFAULT_ORDER: tuple[str, ...] = STEPS
TARGET_KINDS: tuple[str, ...] = (
    "owner",
    "pool",
    "team",
    "territory_owner",
    "customer_owner",
    "deal_owner",
    "review",
    "nurture",
    "reject",
)
_NAMED_TARGETS = ("owner", "pool", "team")
_ON_NOBODY = ("", "review", "next_step", "hold")


class RuleError(ValueError):
    """A rule-set version's content cannot be compiled: `code` is stable, the message says where and why."""

    def __init__(self, code: str, where: str, sentence: str) -> None:
        super().__init__(f"{where}: {sentence}")
        self.code = code
        self.where = where


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a version. `groups` are alternatives, the conditions of a group are all required."""

    id: int
    step: str
    position: int
    name: str
    groups: tuple[tuple[Condition, ...], ...]
    target_kind: str
    target_owner: int | None = None
    target_pool: int | None = None
    target_team: int | None = None
    fallback_owner: int | None = None
    on_nobody: str = ""
    tier: str = ""
    sla_policy: str = ""
    pipeline: str = ""
    stage: str = ""
    sequence: str = ""
    alert_channels: tuple[str, ...] = ()
    review_reason: str = ""
    high_intent: bool | None = None
    require_language: bool = False
    require_service: bool = False
    require_skills: tuple[str, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def holds_at(self, now: datetime) -> bool:
        """Whether the aware instant lies in the window, from starts_at on and before ends_at."""
        if self.starts_at is not None and now < self.starts_at:
            return False
        return self.ends_at is None or now < self.ends_at


@dataclass(frozen=True, slots=True)
class StepRules:
    """The rules of one step as an index; `at_length[n]` is the rule of the row whose bits are n long."""

    index: RowIndex
    at_length: tuple[Rule, ...]
    count: int


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A compiled version of the rules. Its answers never change; its caches grow, within bounds."""

    version: int | None
    owner: int
    order: tuple[str, ...]
    rules: dict[int, Rule]
    _steps: dict[str, StepRules] = field(repr=False, compare=False)

    def matching(self, step: str, facts: Mapping[str, object], now: datetime) -> Iterator[Rule]:
        """Give the rules of the step that hold, lazily, by position, then id.

        facts: field name -> JSON value; absent or None is unknown. now: an aware instant.
        Raises RuleError (step_unknown).
        """
        rules = self._step(step)
        bits = rules.index.holding(facts)
        previous = None
        while bits:
            length = bits.bit_length()
            rule = rules.at_length[length]
            if rule is not previous and rule.holds_at(now):  # groups of one rule lie side by side
                yield rule
            previous = rule
            bits ^= 1 << (length - 1)

    def in_step(self, step: str) -> list[Rule]:
        """Return the rules of the step by position, then id."""
        return sorted(
            (rule for rule in self.rules.values() if rule.step == step),
            key=lambda rule: (rule.position, rule.id),
        )

    def count(self, step: str) -> int:
        """Return how many rules the step has. Raises RuleError (step_unknown)."""
        return self._step(step).count

    def explain(self, rule: Rule, facts: Mapping[str, object]) -> list[list[dict[str, object]]]:
        """Return a JSON-able list: per group its conditions as field, operator, value, saw and result."""
        return [[condition.explain(facts) for condition in group] for group in rule.groups]

    def _step(self, step: str) -> StepRules:
        try:
            return self._steps[step]
        except KeyError:
            raise RuleError("step_unknown", "rule set", f"there is no step called “{step}”") from None


def compile_rules(content: Mapping[str, Any]) -> RuleSet:
    """Compile the frozen content of a version (the dict that `RuleSetVersion.content` keeps).

    A key that a rule does not have takes the default of Rule, so that versions frozen before the key existed
    still compile; a key that is not known here is left out.
    Raises RuleError: content_malformed, steps_incomplete, catch_all_not_last, rule_repeated, step_unknown,
    group_empty, condition_unsound, target_unknown, target_incomplete, window_malformed.
    """
    if not isinstance(content, Mapping):
        raise RuleError("content_malformed", "rule set", "an object is needed")
    source = _Reader(content, "rule set")
    rules: dict[int, Rule] = {}
    for place, entry in enumerate(source.items("rules"), start=1):
        rule = _read_rule(entry, place)
        if rule.id in rules:
            raise RuleError("rule_repeated", f"rule {rule.id}", "the id occurs twice")
        rules[rule.id] = rule
    return RuleSet(
        version=source.number_or_none("version"),
        owner=source.number("owner"),
        order=_read_order(source),
        rules=rules,
        _steps=_index_steps(rules),
    )


def _index_steps(rules: Mapping[int, Rule]) -> dict[str, StepRules]:
    by_step: dict[str, list[Rule]] = {step: [] for step in STEPS}
    for rule in sorted(rules.values(), key=lambda rule: (rule.position, rule.id)):
        by_step[rule.step].append(rule)
    return {step: _index_step(ordered) for step, ordered in by_step.items()}


def _index_step(ordered: list[Rule]) -> StepRules:
    rows = [(rule, group) for rule in ordered for group in rule.groups or ((),)]
    at_length = [rule for rule, _ in reversed(rows)]
    # No bits are 0 long; what stands there is never read and keeps the list free of an offset.
    padded = (*at_length[:1], *at_length)
    return StepRules(RowIndex([group for _, group in rows]), padded, len(ordered))


# --- reading the content ---------------------------------------------------------------------------------


def _read_order(source: _Reader) -> tuple[str, ...]:
    order = source.items("order")
    if not all(isinstance(step, str) for step in order) or sorted(order) != sorted(STEPS):
        raise RuleError("steps_incomplete", "order", "each of the nine steps is needed exactly once")
    if order[-1] != "manual_review":
        raise RuleError("catch_all_not_last", "order", "manual_review catches what is left, so it stays last")
    return tuple(order)


def _read_rule(entry: object, place: int) -> Rule:
    if not isinstance(entry, Mapping):
        raise RuleError("content_malformed", f"rule number {place}", "an object is needed")
    rule_id = _Reader(entry, f"rule number {place}").number("id")
    source = _Reader(entry, f"rule {rule_id}")
    kind, targets = _read_target(source)
    starts_at, ends_at = _read_window(source)
    return Rule(
        id=rule_id,
        step=_read_choice(source, "step", STEPS, "step_unknown"),
        position=source.number("position"),
        name=source.text("name"),
        groups=_read_groups(source),
        target_kind=kind,
        target_owner=targets["owner"],
        target_pool=targets["pool"],
        target_team=targets["team"],
        fallback_owner=source.number_or_none("fallback_owner"),
        on_nobody=_read_choice(source, "on_nobody", _ON_NOBODY, "content_malformed"),
        tier=source.text("tier"),
        sla_policy=source.text("sla_policy"),
        pipeline=source.text("pipeline"),
        stage=source.text("stage"),
        sequence=source.text("sequence"),
        alert_channels=tuple(source.texts("alert_channels")),
        review_reason=source.text("review_reason"),
        high_intent=source.flag_or_none("high_intent"),
        require_language=source.flag_or_none("require_language") or False,
        require_service=source.flag_or_none("require_service") or False,
        require_skills=tuple(source.texts("require_skills")) if "require_skills" in entry else (),
        starts_at=starts_at,
        ends_at=ends_at,
    )


def _read_choice(source: _Reader, key: str, choices: tuple[str, ...], code: str) -> str:
    value = source.text(key)
    if value not in choices:
        raise RuleError(code, source.where, f"{key} cannot be “{value}”")
    return value


def _read_target(source: _Reader) -> tuple[str, dict[str, int | None]]:
    target = source.get("target")
    if not isinstance(target, Mapping):
        raise source.malformed("target", "an object")
    reader = _Reader(target, f"{source.where}, target")
    kind = _read_choice(reader, "kind", TARGET_KINDS, "target_unknown")
    named = {key: reader.number_or_none(key) for key in _NAMED_TARGETS}
    if kind in _NAMED_TARGETS and named[kind] is None:
        raise RuleError("target_incomplete", source.where, f"the target names no {kind}")
    return kind, named


def _read_groups(source: _Reader) -> tuple[tuple[Condition, ...], ...]:
    groups = []
    for number, rows in enumerate(source.items("groups"), start=1):
        if not isinstance(rows, list):
            raise source.malformed("groups", "a list of lists")
        if not rows:  # an alternative that always holds would make the others pointless: surely a mistake
            raise RuleError("group_empty", f"{source.where}, group {number}", "it has no conditions")
        groups.append(tuple(_read_condition(row, f"{source.where}, group {number}") for row in rows))
    return tuple(groups)


def _read_condition(row: object, where: str) -> Condition:
    if not isinstance(row, Mapping):
        raise RuleError("content_malformed", where, "a condition has to be an object")
    reader = _Reader(row, where)
    try:
        return make_condition(reader.text("field"), reader.text("operator"), row.get("value"))
    except RuleError:
        raise
    except ValueError as problem:
        raise RuleError("condition_unsound", where, str(problem)) from None


def _read_window(source: _Reader) -> tuple[datetime | None, datetime | None]:
    starts_at, ends_at = _read_instant(source, "starts_at"), _read_instant(source, "ends_at")
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise RuleError("window_malformed", source.where, "ends_at has to be after starts_at")
    return starts_at, ends_at


def _read_instant(source: _Reader, key: str) -> datetime | None:
    if source.get(key) is None:
        return None
    try:
        instant = datetime.fromisoformat(source.text(key))
    except ValueError:
        raise RuleError("window_malformed", source.where, f"{key} is no ISO 8601 instant") from None
    if instant.tzinfo is None:
        raise RuleError("window_malformed", source.where, f"{key} needs an offset from UTC")
    return instant


class _Reader:
    """Reads typed values out of one JSON object; raises RuleError (content_malformed) with key and place."""

    __slots__ = ("_source", "where")

    def __init__(self, source: Mapping[str, Any], where: str) -> None:
        self._source = source
        self.where = where

    def get(self, key: str) -> object:
        return self._source.get(key)

    def malformed(self, key: str, needed: str) -> RuleError:
        return RuleError("content_malformed", self.where, f"{key} has to be {needed}")

    def items(self, key: str) -> list[Any]:
        value = self._source.get(key)
        if not isinstance(value, list):
            raise self.malformed(key, "a list")
        return value

    def text(self, key: str) -> str:
        value = self._source.get(key, "")
        if not isinstance(value, str):
            raise self.malformed(key, "a text")
        return value

    def texts(self, key: str) -> list[str]:
        value = self._source.get(key, [])
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise self.malformed(key, "a list of texts")
        return value

    def number_or_none(self, key: str) -> int | None:
        value = self._source.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self.malformed(key, "a whole number")
        return value

    def number(self, key: str) -> int:
        value = self.number_or_none(key)
        if value is None:
            raise self.malformed(key, "a whole number")
        return value

    def flag_or_none(self, key: str) -> bool | None:
        value = self._source.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.malformed(key, "true or false")
        return value
