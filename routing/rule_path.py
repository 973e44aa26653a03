"""A version in, its path as the editor shows it out: steps, rules as sentences, what fired, what differs from live, and
of a draft what keeps it from being published.

Reads the version's content, the one in force, people, lists and what fired; a fixed number of statements, however many
rules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from routing.compare import REMOVED, Change, changes
from routing.fired import fired
from routing.models import RuleSetContent, RuleSetVersion
from routing.names import Names, read_names
from routing.publish_checks import Problem, by_rule
from routing.rule_words import FrozenRule, extras_words, when_words, where_words, window_words
from routing.rulebook import content_of, missing
from routing.step_words import BY_ITSELF, title

PAGE = 50
"""Rules of one step that are shown at once."""
State = RuleSetVersion.State


@dataclass(frozen=True, slots=True)
class Line:
    """One rule. `place` from 1 in its step; `change`: what differs from the version in force, None for nothing;
    `problems`: what publishing would say of it, what blocks first."""

    id: int
    key: str
    name: str
    place: int
    enabled: bool
    when: str
    leads_to: str
    extras: tuple[str, ...]
    window: str
    rows: int
    fired: int
    change: Change | None
    problems: tuple[Problem, ...]
    first: bool
    last: bool


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step. `rules` are one page of `count`; `found`: how many the search leaves."""

    number: int
    step: str
    title: str
    by_itself: str
    rules: tuple[Line, ...]
    count: int
    found: int
    page: int
    pages: int
    gone: tuple[Change, ...]
    fixed: bool


@dataclass(frozen=True, slots=True)
class Path:
    steps: tuple[PathStep, ...]
    rules: int
    off: int
    settings: tuple[str, ...]
    """What differs in the version's own settings, in sentences."""
    differences: int
    live: int | None
    """The version in force that the marks compare with; None while there is none, or for itself."""


def path_of(
    version: RuleSetVersion, now: datetime, *, search: str = "", pages: Mapping[str, int] | None = None
) -> Path:
    """The path of a version. `search`: words that a rule's name, conditions or target hold. `pages`: by step."""
    names = read_names()
    content = content_of(version, everything=True)
    told, live = _against_live(version, content, names)
    marks = {change.key: change for change in told if change.key and change.kind != REMOVED}
    chosen = {step: _choose(content, step, search, names, (pages or {}).get(step, 1)) for step in content["order"]}
    problems = _problems(version, content, [rule for one in chosen.values() for _, rule in one.shown])
    counts = fired(now)
    zone = content.get("zone") or "UTC"
    steps = []
    for number, (step, one) in enumerate(chosen.items(), start=1):
        lines = tuple(_line(rule, place, one.count, names, zone, counts, marks, problems) for place, rule in one.shown)
        gone = tuple(change for change in told if change.kind == REMOVED and change.step == step)
        steps.append(
            PathStep(
                number, step, title(step), BY_ITSELF[step], lines, one.count, one.found, one.page, one.pages, gone,
                step == content["order"][-1],
            )
        )  # fmt: skip
    off = sum(not rule.get("enabled", True) for rule in content["rules"])
    settings = tuple(sentence for change in told if not change.key for sentence in change.sentences)
    return Path(tuple(steps), len(content["rules"]), off, settings, len(told), live)


class _Chosen(NamedTuple):
    """What is shown of one step: (place, rule); the rest as in `PathStep`."""

    shown: list[tuple[int, FrozenRule]]
    count: int
    found: int
    page: int
    pages: int


def _choose(content: Mapping[str, Any], step: str, search: str, names: Names, page: int) -> _Chosen:
    rules = sorted(
        (rule for rule in content["rules"] if rule["step"] == step), key=lambda rule: (rule["position"], rule["id"])
    )
    chosen = [(place, rule) for place, rule in enumerate(rules, start=1) if _found(rule, search, names)]
    pages = max((len(chosen) + PAGE - 1) // PAGE, 1)
    page = min(max(page, 1), pages)
    return _Chosen(chosen[(page - 1) * PAGE : page * PAGE], len(rules), len(chosen), page, pages)


def _problems(
    version: RuleSetVersion, content: Mapping[str, Any], rules: list[FrozenRule]
) -> dict[int, tuple[Problem, ...]]:
    """What publishing a draft would say of these rules, as far as they are on, by their id. Only what is shown is asked
    about: of ten thousand rules it takes most of a second."""
    if version.state != State.DRAFT:
        return {}
    found = by_rule(missing({**content, "rules": [rule for rule in rules if rule["enabled"]]}))
    return {id: tuple(sorted(of, key=lambda problem: not problem.blocks)) for id, of in found.items()}


def _against_live(version: RuleSetVersion, content: Mapping[str, Any], names: Names) -> tuple[list[Change], int | None]:
    live = RuleSetContent.objects.filter(version__state=State.PUBLISHED).values_list("version", "content").first()
    if live is None or live[0] == version.pk or version.state != State.DRAFT:
        return [], None
    return changes(live[1], content, names), live[0]


def _found(rule: FrozenRule, search: str, names: Names) -> bool:
    if not search:
        return True
    text = " ".join((rule["name"], when_words(rule, names), where_words(rule, names), *extras_words(rule, names)))
    return all(word in text.casefold() for word in search.casefold().split())


def _line(
    rule: FrozenRule, place: int, count: int, names: Names, zone: str, counts: Mapping[str, int],
    marks: Mapping[str, Change], problems: Mapping[int, tuple[Problem, ...]],
) -> Line:  # fmt: skip
    key = rule.get("key", "")
    return Line(
        rule["id"], key, rule["name"], place, rule.get("enabled", True), when_words(rule, names),
        where_words(rule, names), tuple(extras_words(rule, names)), window_words(rule, zone),
        len(rule["table"]["rows"]) if rule.get("table") else 0, counts.get(key, 0), marks.get(key),
        problems.get(rule["id"], ()), place == 1, place == count,
    )  # fmt: skip


def versions_to_switch(version: RuleSetVersion) -> Iterable[RuleSetVersion]:
    """The version itself, the one in force and the latest others, newest first."""
    rows = RuleSetVersion.objects.only("id", "state", "purpose").order_by("-id")[:12]
    found = {row.pk: row for row in rows}
    live = RuleSetVersion.objects.only("id", "state", "purpose").filter(state=State.PUBLISHED).first()
    for row in (version, live):
        if row is not None:
            found.setdefault(row.pk, row)
    return [found[pk] for pk in sorted(found, reverse=True)]
