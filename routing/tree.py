"""A frozen content and names in, the version as a plain-English decision tree out. One page, however many rules."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from routing.names import Names
from routing.rule_words import FrozenRule, extras_words, row_words, target_words, when_words, window_words
from routing.step_words import BY_ITSELF, GIVES_WAY, IDENTITY, title

SHOWN = 12
"""Rules of a step, and rows of a table, that the one page names; the rest is summed up by where it leads."""
INVALID = "reject_invalid_or_spam"


@dataclass(frozen=True, slots=True)
class Branch:
    """One rule: what it asks, where it leads, what goes with it. `rows`: of its table, as sentences; `hidden`: rows
    that are not shown."""

    id: int
    name: str
    when: str
    leads_to: str
    extras: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    """One step. `rest`: what the rules that are not shown lead to, “412 more → DACH”."""

    number: int
    step: str
    title: str
    by_itself: str
    branches: tuple[Branch, ...]
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """The steps in the order they are tried. `shortened`: whether rules or rows are summed up."""

    levels: tuple[Level, ...]
    identity: str
    gives_way: str
    shortened: bool


def tree_of(content: Mapping[str, Any], names: Names, *, whole: bool = False) -> Tree:
    """The tree of a version. `whole`: every rule and every row of every table."""
    most = None if whole else SHOWN
    by_step: dict[str, list[FrozenRule]] = {step: [] for step in content["order"]}
    for rule in content["rules"]:
        by_step[rule["step"]].append(rule)
    zone = content.get("zone") or "UTC"
    levels = tuple(
        _level(number, step, by_step[step], names, zone, most) for number, step in enumerate(content["order"], start=1)
    )
    shortened = any(level.rest or any(branch.hidden for branch in level.branches) for level in levels)
    return Tree(levels, IDENTITY, GIVES_WAY, shortened)


def _level(number: int, step: str, rules: list[FrozenRule], names: Names, zone: str, most: int | None) -> Level:
    ordered = sorted(rules, key=lambda rule: (rule["position"], rule["id"]))
    shown = ordered if most is None or len(ordered) <= most + 1 else ordered[:most]
    branches = tuple(_branch(rule, names, zone, most) for rule in shown)
    return Level(number, step, title(step), BY_ITSELF[step], branches, _rest(ordered[len(shown) :], names))


def _branch(rule: FrozenRule, names: Names, zone: str, most: int | None) -> Branch:
    when, window = when_words(rule, names), window_words(rule, zone)
    table = rule.get("table")
    rows = len(table["rows"]) if table else 0
    shown = rows if most is None or rows <= most + 1 else most
    return Branch(
        rule["id"],
        rule["name"],
        f"{when}, {window}" if window else when,
        target_words(rule, names),
        tuple(extras_words(rule, names)),
        tuple(row_words(table, number, names) for number in range(1, shown + 1)) if table else (),
        rows - shown,
    )


def _rest(rules: Iterable[FrozenRule], names: Names) -> tuple[str, ...]:
    """The others by where they lead, most first."""
    counts: dict[str, int] = {}
    for rule in rules:
        where = target_words(rule, names)
        counts[where] = counts.get(where, 0) + 1
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    lines = [f"{count:,} more → {where}" for where, count in ranked[:SHOWN]]
    if left := sum(count for _, count in ranked[SHOWN:]):
        lines.append(f"{left:,} more → {len(ranked) - SHOWN:,} other targets")
    return tuple(lines)


def lines(tree: Tree) -> Iterator[str]:
    """The tree as text, for a terminal."""
    for level in tree.levels:
        yield f"{level.number}. {level.title}: {level.by_itself}"
        for branch in level.branches:
            yield f"   {branch.name}: {branch.when} → {', '.join((branch.leads_to, *branch.extras))}"
            yield from (f"      row {number}: {row}" for number, row in enumerate(branch.rows, start=1))
            if branch.hidden:
                yield f"      … {branch.hidden:,} more rows"
        yield from (f"   … {rest}" for rest in level.rest)
        if level.step == INVALID:
            yield f"   {tree.identity}"
    yield ""
    yield tree.gives_way
