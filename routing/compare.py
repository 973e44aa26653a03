"""Two frozen contents in, what changed between them out, in sentences; decides nothing, reads nothing.

Rules are the same by their key. Versions frozen before there were keys have none; they are told by step and name.
What differs and has no sentence of its own is named by its field, so that nothing can differ unsaid.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from routing.engine.tables import OUTPUTS
from routing.names import Names
from routing.rule_words import (
    FrozenRule,
    condition_words,
    row_words,
    sentence,
    target_words,
    when_words,
    window_words,
)
from routing.step_words import title

Content = Mapping[str, Any]
ADDED, REMOVED, CHANGED, MOVED, SET = "added", "removed", "changed", "moved", "set"
ROWS_SHOWN = 20
"""Rows of a table that are told one by one."""
_UNSEEN = frozenset({"id", "position", "key", "enabled"})
_WHEN = ("starts_at", "ends_at", "weekdays", "from_minute", "until_minute")
LABELS = {
    "tier": "Tier", "sla_policy": "SLA policy", "pipeline": "Pipeline", "stage": "Stage", "sequence": "Sequence",
    "alert_channels": "Alert channels", "review_reason": "Review reason", "high_intent": "High intent",
    "require_language": "Has to speak the lead’s language", "require_service": "Has to cover the service",
    "require_skills": "Skills", "fallback_owner": "Fallback owner", "on_nobody": "When nobody can take it",
}  # fmt: skip
_NOTHING = ("", None, [], False)


@dataclass(frozen=True, slots=True)
class Change:
    """`kind`: added, removed, changed, moved (a rule), or set (the version itself). `key`: of the rule; empty: of the
    version. `rule`: its name, `step`: where it stands (stood). `sentences`: what is different, never empty."""

    kind: str
    key: str
    rule: str
    step: str
    sentences: tuple[str, ...]


def changes(old: Content, new: Content, names: Names) -> list[Change]:
    """Everything that differs: the version's own settings, then rule by rule in the order of the new content; what was
    removed stands after the rules of its step. Nothing for contents that mean the same."""
    before, after = _by_key(old), _by_key(new)
    found = list(_of_version(old, new, names))
    moved = _moved(before, after)
    told = {key: _of_rule(key, before.get(key), rule, key in moved, old, new, names) for key, rule in after.items()}
    gone = [key for key in before if key not in after]
    for step in new["order"]:
        found += [change for key, change in told.items() if change and after[key]["step"] == step]
        found += [_gone(key, before[key], old, names) for key in gone if before[key]["step"] == step]
    return found


def rule_changes(old: FrozenRule, new: FrozenRule, names: Names, zones: tuple[str, str] = ("UTC", "UTC")) -> list[str]:
    """What is different about one rule, in sentences; its position is left out. `zones`: of the old and new version."""
    return list(_changed(old, new, names, zones))


# --- which rules are the same ----------------------------------------------------------------------------


def _by_key(content: Content) -> dict[str, FrozenRule]:
    met: Counter[tuple[str, str]] = Counter()
    found = {}
    for rule in content["rules"]:
        same = (rule["step"], rule["name"])
        met[same] += 1
        found[rule.get("key") or f"{'|'.join(same)}|{met[same]}"] = rule
    return found


def _moved(before: Mapping[str, FrozenRule], after: Mapping[str, FrozenRule]) -> set[str]:
    """The fewest rules whose moving explains the new order within each step."""
    moved = set()
    for step in {rule["step"] for rule in after.values()}:
        stay = [
            key for key, rule in before.items() if rule["step"] == step and key in after and after[key]["step"] == step
        ]
        place = {key: number for number, key in enumerate(stay)}
        order = [key for key, rule in after.items() if rule["step"] == step and key in place]
        moved |= set(order) - {order[at] for at in _rising([place[key] for key in order])}
    return moved


def _rising(numbers: list[int]) -> set[int]:
    """Indexes of a longest rising subsequence: patience sorting, as M. Fredman (1975) describes it."""
    tails: list[int] = []
    ends: list[int] = []
    previous: list[int | None] = []
    for index, number in enumerate(numbers):
        at = bisect_left(tails, number)
        previous.append(ends[at - 1] if at else None)
        tails[at : at + 1] = [number]
        ends[at : at + 1] = [index]
    chain: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        chain.add(last)
        last = previous[last]
    return chain


# --- the version itself ----------------------------------------------------------------------------------


def _of_version(old: Content, new: Content, names: Names) -> Iterator[Change]:
    said = []
    if old["owner"] != new["owner"]:
        who = names.owners.get(new["owner"], f"owner {new['owner']}")
        said.append(f"{who} answers for the rules instead of {names.owners.get(old['owner'], old['owner'])}.")
    if (old.get("zone") or "UTC") != (new.get("zone") or "UTC"):
        said.append(f"Dates and hours are read in {new.get('zone') or 'UTC'} instead of {old.get('zone') or 'UTC'}.")
    if old["order"] != new["order"]:
        said.append(f"The steps have another order: {_order(old['order'], new['order'])}.")
    if said:
        yield Change(SET, "", "", "", tuple(said))


def _order(old: list[str], new: list[str]) -> str:
    """The fewest steps that explain it, each as “Owner of the territory is number 7 instead of 5”."""
    places = [(step, at, old.index(step) + 1 if step in old else 0) for at, step in enumerate(new, start=1)]
    other = [place for place in places if place[1] != place[2]]
    stay = _rising([then for _, _, then in places])
    moved = [place for at, place in enumerate(places) if at not in stay]
    shorter = moved if len(moved) < len(other) and all(place in other for place in moved) else other
    return ", ".join(f"{title(step)} is number {now} instead of {then or 'none'}" for step, now, then in shorter)


# --- one rule --------------------------------------------------------------------------------------------


def _of_rule(
    key: str, old: FrozenRule | None, new: FrozenRule, moved: bool, before: Content, after: Content, names: Names
) -> Change | None:
    zones = before.get("zone") or "UTC", after.get("zone") or "UTC"
    if old is None:
        if not new.get("enabled", True):
            return None  # a new rule that is switched off is no difference that any lead would feel
        return Change(ADDED, key, new["name"], new["step"], (f"New: {sentence(new, names, zones[1])}.",))
    said = rule_changes(old, new, names, zones)
    if moved and old["step"] == new["step"]:
        said.append("Asked at another place in its step.")
    if not said:
        return None
    kind = CHANGED if len(said) > (moved and old["step"] == new["step"]) else MOVED
    return Change(kind, key, new["name"], new["step"], tuple(said))


def _gone(key: str, rule: FrozenRule, content: Content, names: Names) -> Change:
    said = f"Gone: {sentence(rule, names, content.get('zone') or 'UTC')}."
    return Change(REMOVED, key, rule["name"], rule["step"], (said,))


def _changed(old: FrozenRule, new: FrozenRule, names: Names, zones: tuple[str, str]) -> Iterator[str]:
    if old["name"] != new["name"]:
        yield f"Named “{new['name']}” instead of “{old['name']}”."
    if old["step"] != new["step"]:
        yield f"Asked in step “{title(new['step'])}” instead of “{title(old['step'])}”."
    if old.get("enabled", True) != new.get("enabled", True):
        yield "Switched on." if new.get("enabled", True) else "Switched off."
    yield from _conditions(old, new, names)
    if old["target"] != new["target"]:
        yield from _targets(old, new, names)
    if _windows_differ(old, new, zones):
        yield f"Holds {_window(new, zones[1])} instead of {_window(old, zones[0])}."
    for name, label in LABELS.items():
        if _value(old, name) != _value(new, name):
            yield f"{label}: {_told(new, name, names)} instead of {_told(old, name, names)}."
    yield from _tables(old.get("table"), new.get("table"), names)


def _value(rule: FrozenRule, name: str) -> Any:
    """What a rule says, nothing being nothing however it is written."""
    value = rule.get(name)
    return None if value in _NOTHING and name not in ("high_intent", "from_minute", "until_minute") else value


def _windows_differ(old: FrozenRule, new: FrozenRule, zones: tuple[str, str]) -> bool:
    """The same words in another zone are another window."""
    if any(_value(old, name) != _value(new, name) for name in _WHEN):
        return True
    return zones[0] != zones[1] and bool(window_words(old, zones[0]))


def _window(rule: FrozenRule, zone: str) -> str:
    return window_words(rule, zone) or "at any time"


def _conditions(old: FrozenRule, new: FrozenRule, names: Names) -> Iterator[str]:
    if old["groups"] == new["groups"]:
        return
    if len(old["groups"]) == len(new["groups"]) == 1:
        before, after = ([condition_words(row, names) for row in rule["groups"][0]] for rule in (old, new))
        gone, added = [row for row in before if row not in after], [row for row in after if row not in before]
        if gone and len(gone) == len(added):
            yield from (f"Asks that {now} instead of {then}." for then, now in zip(gone, added, strict=True))
            return
        if gone or added:
            yield from (f"Asks also that {row}." for row in added)
            yield from (f"Asks no more that {row}." for row in gone)
            return
    yield f"Asks: {_when(new, names)}; it asked: {_when(old, names)}."


def _when(rule: FrozenRule, names: Names) -> str:
    return when_words({**rule, "table": None}, names)


def _targets(old: FrozenRule, new: FrozenRule, names: Names) -> Iterator[str]:
    now, then = target_words(new, names), target_words(old, names)
    if now != then:
        yield (
            f"Leads go to {now} instead of {then}."
            if new["target"]["kind"] != "reject"
            else f"Leads are rejected instead of going to {then}."
        )
        return
    for name, known in (("owner", names.owners), ("pool", names.pools), ("team", names.teams)):
        here, there = new["target"].get(name), old["target"].get(name)
        if here != there:
            yield f"Names {name} {known.get(here, here) or 'nobody'} instead of {known.get(there, there) or 'nobody'}."


def _told(rule: FrozenRule, name: str, names: Names) -> str:
    value = _value(rule, name)
    if name == "fallback_owner" and value is not None:
        return str(names.owners.get(value, f"owner {value}"))
    if name == "sla_policy" and value:
        return str(names.policies.get(value, value))
    if name == "high_intent":
        return {True: "yes", False: "no", None: "as the lead type says"}[value]
    if name == "on_nobody":
        words = {"review": "review", "next_step": "the next rule", "hold": "wait for the pool"}
        return words.get(value, "as the pool says")
    if isinstance(value, bool):
        return "yes"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "nothing" if value is None else str(value)


# --- tables ----------------------------------------------------------------------------------------------


def _tables(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, names: Names) -> Iterator[str]:
    if old == new:
        return
    if not old or not new:
        yield f"Has a table of {len(new['rows']):,} rows now." if new else "Has no table any more."
        return
    if old["inputs"] != new["inputs"] or old["outputs"] != new["outputs"]:
        yield f"Its table has other columns: {_columns(new)} instead of {_columns(old)}."
        return
    yield from _rows(old, new, names)


def _columns(table: Mapping[str, Any]) -> str:
    inputs = [f"{column['field']} {column['operator']}".replace("_", " ") for column in table["inputs"]]
    return ", ".join((*inputs, *(f"→ {OUTPUTS.get(name, name)}" for name in table["outputs"])))


def _rows(old: Mapping[str, Any], new: Mapping[str, Any], names: Names) -> Iterator[str]:
    """Rows are told by what they ask and say; equal rows at other numbers are only moved."""
    before, after = (Counter(map(_row, table["rows"])) for table in (old, new))
    gone = [number for number, row in enumerate(old["rows"], start=1) if (before - after)[_row(row)]]
    added = [number for number, row in enumerate(new["rows"], start=1) if (after - before)[_row(row)]]
    told = [f"Row {number} of its table is new: {row_words(new, number, names)}." for number in added[:ROWS_SHOWN]]
    told += [f"Row {number} is gone from its table: {row_words(old, number, names)}." for number in gone[:ROWS_SHOWN]]
    yield from told
    more = max(len(added) - ROWS_SHOWN, 0) + max(len(gone) - ROWS_SHOWN, 0)
    if more:
        yield f"{more:,} more rows of its table are different."
    if not told:
        yield "The rows of its table have another order."


def _row(row: Mapping[str, Any]) -> str:
    return repr((row["in"], row["out"]))
