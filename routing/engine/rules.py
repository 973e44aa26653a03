"""Frozen rule-set content comes in, a compiled RuleSet goes out; who gets the lead is left to the steps.

The content is the JSON of one published rule-set version. Nothing here reads a database or a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from routing.engine.conditions import NAMED_LISTS, NO_LISTS, Condition, Lists, check_condition, make_condition
from routing.engine.fields import FIELD_KINDS, FIELDS, OPERATORS, OPERATORS_BY_KIND
from routing.engine.hierarchy import DEFAULT_ORDER, STEPS, TARGET_KINDS
from routing.engine.index import RowIndex
from routing.engine.reading import Reader, RuleError
from routing.engine.tables import Row, read_rows
from routing.engine.windows import ALWAYS, DAY, Window

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
    "lists_named",
    "rows_of",
]

_NAMED_TARGETS = ("owner", "pool", "team")
_ON_NOBODY = ("", "review", "next_step", "hold")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a version. `groups` are alternatives, the conditions of a group are all required.

    With a table, every row is a rule like this with the row's number: the groups with the row's conditions added.
    """

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
    window: Window = ALWAYS
    key: str = ""
    """The same for a rule in every version that it was copied into."""
    table: tuple[Row, ...] = ()
    row: int = 0
    """From 1: which row of its table this is; 0 for the rule itself."""


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
        """Give the rules of the step that hold, lazily, by position, then id; of a table the first row that holds.

        facts: field name -> JSON value; absent or None is unknown. now: an aware instant.
        Raises RuleError (step_unknown).
        """
        rules = self._step(step)
        bits = rules.index.holding(facts)
        previous = None
        while bits:
            length = bits.bit_length()
            rule = rules.at_length[length]
            if rule.id != previous:  # groups of one rule lie side by side, and so do the rows of its table
                previous = rule.id
                if rule.window.holds(now):
                    yield rule
            bits ^= 1 << (length - 1)

    def ruling(self, rule: int | None, row: int = 0) -> Rule | None:
        """The rule of that id, or what a row of its table makes of it; None when there is none."""
        whole = self.rules.get(rule or 0)
        if whole is None or not 0 < row <= len(whole.table):
            return whole
        return with_row(whole, whole.table[row - 1])

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


def compile_rules(content: Mapping[str, Any], lists: Lists = NO_LISTS) -> RuleSet:
    """Compile the frozen content of a version (the dict that `RuleSetVersion.content` keeps).

    `lists`: what the named lists hold, folded. A key that a rule does not have takes the default of Rule, so that
    versions frozen before the key existed still compile; a key that is not known here is left out.
    Raises RuleError: content_malformed, steps_incomplete, catch_all_not_last, rule_repeated, step_unknown,
    group_empty, condition_unsound, target_unknown, target_incomplete, window_malformed, table_unsound, zone_unknown.
    """
    if not isinstance(content, Mapping):
        raise RuleError("content_malformed", "rule set", "an object is needed")
    source = Reader(content, "rule set")
    terms = _Terms(_read_zone(source), lists)
    rules: dict[int, Rule] = {}
    for place, entry in enumerate(source.items("rules"), start=1):
        rule = _read_rule(entry, place, terms)
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


def lists_named(content: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of the named lists that a frozen content asks about, sorted."""
    found = set()
    for rule in content["rules"]:
        rows = [row for group in rule["groups"] for row in group]
        table = rule.get("table") or {"inputs": (), "rows": ()}
        for place, column in enumerate(table["inputs"]):
            rows += [{**column, "value": row["in"][place]} for row in table["rows"]]
        found |= {row["value"] for row in rows if row["operator"] in NAMED_LISTS and row["value"]}
    return tuple(sorted(found))


def _index_steps(rules: Mapping[int, Rule]) -> dict[str, StepRules]:
    by_step: dict[str, list[Rule]] = {step: [] for step in STEPS}
    for rule in sorted(rules.values(), key=lambda rule: (rule.position, rule.id)):
        by_step[rule.step].append(rule)
    return {step: _index_step(ordered) for step, ordered in by_step.items()}


def _index_step(ordered: list[Rule]) -> StepRules:
    rows = [(rule, group) for whole in ordered for rule in rows_of(whole) for group in rule.groups or ((),)]
    at_length = [rule for rule, _ in reversed(rows)]
    # No bits are 0 long; what stands there is never read and keeps the list free of an offset.
    padded = (*at_length[:1], *at_length)
    return StepRules(RowIndex([group for _, group in rows]), padded, len(ordered))


def rows_of(rule: Rule) -> Iterator[Rule]:
    """The rule itself, or what each row of its table makes of it."""
    if not rule.table:
        yield rule
    for row in rule.table:
        yield with_row(rule, row)


def with_row(rule: Rule, row: Row) -> Rule:
    """What a row of its table makes of a rule: more conditions, other targets, a name that says which row."""
    groups = tuple((*group, *row.conditions) for group in rule.groups or ((),))
    name = f"{rule.name}, row {row.number}"
    return replace(rule, **row.changes, groups=groups if any(groups) else (), name=name, row=row.number, table=())


# --- reading the content ---------------------------------------------------------------------------------


def _read_order(source: Reader) -> tuple[str, ...]:
    order = source.items("order")
    if not all(isinstance(step, str) for step in order) or sorted(order) != sorted(STEPS):
        raise RuleError("steps_incomplete", "order", "each of the nine steps is needed exactly once")
    if order[-1] != "manual_review":
        raise RuleError("catch_all_not_last", "order", "manual_review catches what is left, so it stays last")
    return tuple(order)


class _Terms(NamedTuple):
    """What all rules of a version are read by."""

    zone: tzinfo
    lists: Lists


def _read_zone(source: Reader) -> tzinfo:
    """Versions from before there was a zone had no hours of the week and no dates either."""
    name = source.text("zone")
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, KeyError):  # no such name, a name that is no path, a folder
        raise RuleError("zone_unknown", "rule set", f"there is no time zone called “{name}”") from None


def _read_rule(entry: object, place: int, terms: _Terms) -> Rule:
    if not isinstance(entry, Mapping):
        raise RuleError("content_malformed", f"rule number {place}", "an object is needed")
    rule_id = Reader(entry, f"rule number {place}").number("id")
    source = Reader(entry, f"rule {rule_id}")
    kind, targets = _read_target(source)
    return Rule(
        id=rule_id,
        step=_read_choice(source, "step", STEPS, "step_unknown"),
        position=source.number("position"),
        name=source.text("name"),
        groups=_read_groups(source, terms),
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
        window=_read_window(source, terms.zone),
        key=source.text("key"),
        table=_read_table(source, terms),
    )


def _read_choice(source: Reader, key: str, choices: tuple[str, ...], code: str) -> str:
    value = source.text(key)
    if value not in choices:
        raise RuleError(code, source.where, f"{key} cannot be “{value}”")
    return value


def _read_target(source: Reader) -> tuple[str, dict[str, int | None]]:
    target = source.get("target")
    if not isinstance(target, Mapping):
        raise source.malformed("target", "an object")
    reader = Reader(target, f"{source.where}, target")
    kind = _read_choice(reader, "kind", TARGET_KINDS, "target_unknown")
    named = {key: reader.number_or_none(key) for key in _NAMED_TARGETS}
    if kind in _NAMED_TARGETS and named[kind] is None:
        raise RuleError("target_incomplete", source.where, f"the target names no {kind}")
    return kind, named


def _read_groups(source: Reader, terms: _Terms) -> tuple[tuple[Condition, ...], ...]:
    groups = []
    for number, rows in enumerate(source.items("groups"), start=1):
        if not isinstance(rows, list):
            raise source.malformed("groups", "a list of lists")
        if not rows:  # an alternative that always holds would make the others pointless: surely a mistake
            raise RuleError("group_empty", f"{source.where}, group {number}", "it has no conditions")
        groups.append(tuple(_read_condition(row, f"{source.where}, group {number}", terms) for row in rows))
    return tuple(groups)


def _read_condition(row: object, where: str, terms: _Terms) -> Condition:
    if not isinstance(row, Mapping):
        raise RuleError("content_malformed", where, "a condition has to be an object")
    reader = Reader(row, where)
    return _make(reader.text("field"), reader.text("operator"), row.get("value"), where, terms)


def _make(field: str, operator: str, value: object, where: str, terms: _Terms) -> Condition:
    try:
        return make_condition(field, operator, value, terms.zone, terms.lists)
    except ValueError as problem:
        raise RuleError("condition_unsound", where, str(problem)) from None


def _read_table(source: Reader, terms: _Terms) -> tuple[Row, ...]:
    table = source.get("table")
    if table is None:
        return ()
    where = f"{source.where}, table"
    return read_rows(table, where, lambda field, operator, value: _make(field, operator, value, where, terms))


def _read_window(source: Reader, zone: tzinfo) -> Window:
    starts_at, ends_at = _read_instant(source, "starts_at"), _read_instant(source, "ends_at")
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise RuleError("window_malformed", source.where, "ends_at has to be after starts_at")
    weekdays = source.get("weekdays") or []
    start, end = source.number_or_none("from_minute"), source.number_or_none("until_minute")
    if not isinstance(weekdays, list) or not all(day in range(7) for day in weekdays):
        raise RuleError("window_malformed", source.where, "weekdays are numbers from 0, Monday, to 6")
    if (start is None) != (end is None) or (start is not None and not _fits(start, end or 0)):
        raise RuleError("window_malformed", source.where, "hours need a beginning and another end within the day")
    if (starts_at, ends_at, weekdays, start) == (None, None, [], None):
        return ALWAYS
    return Window(starts_at, ends_at, frozenset(weekdays), start, end, zone)


def _fits(start: int, end: int) -> bool:
    return 0 <= start < DAY and 0 < end <= DAY and start != end


def _read_instant(source: Reader, key: str) -> datetime | None:
    if source.get(key) is None:
        return None
    try:
        instant = datetime.fromisoformat(source.text(key))
    except ValueError:
        raise RuleError("window_malformed", source.where, f"{key} is no ISO 8601 instant") from None
    if instant.tzinfo is None:
        raise RuleError("window_malformed", source.where, f"{key} needs an offset from UTC")
    return instant
