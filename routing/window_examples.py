"""Windows of rules and moments in; whether the engine finds the rule then, for the help, out. Decides nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from routing.engine.conditions import NO, YES
from routing.engine.rules import DEFAULT_ORDER, RuleSet, compile_rules
from routing.rule_words import window_words

ZONE = "Europe/Berlin"
ALWAYS: dict[str, Any] = {
    "id": 1, "name": "Always", "step": "territory_owner", "position": 10, "target": {"kind": "nurture"}, "groups": [],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant with its offset, whether the rule holds then, and why."""

    at: str
    expected: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Hours:
    """The window of a rule, and moments in and out of it."""

    window: Mapping[str, Any]
    moments: tuple[Moment, ...]


WINDOWS = (
    Hours(
        {"weekdays": [0, 1, 2, 3, 4], "from_minute": 540, "until_minute": 1020},
        (
            Moment("2026-03-02T09:00:00+01:00", True, "the beginning belongs to it"),
            Moment("2026-03-02T17:00:00+01:00", False, "the end does not"),
            Moment("2026-03-07T10:00:00+01:00", False, "a Saturday"),
            Moment("2026-03-30T09:00:00+02:00", True, "summer time began: still 9 on the clock"),
            Moment("2026-03-30T08:00:00+02:00", False, "9 in winter time, 8 on the clock"),
        ),
    ),
    Hours(
        {"weekdays": [4], "from_minute": 1320, "until_minute": 360},
        (
            Moment("2026-03-06T22:00:00+01:00", True, "Friday night begins"),
            Moment("2026-03-07T05:59:00+01:00", True, "belongs to the Friday on which it began"),
            Moment("2026-03-06T05:00:00+01:00", False, "that night began on Thursday"),
        ),
    ),
    Hours(
        {"from_minute": 120, "until_minute": 180},
        (
            Moment("2026-03-29T03:00:00+02:00", False, "that night has no hour from 2 to 3"),
            Moment("2026-10-25T02:30:00+02:00", True, "that night has it twice: the first time"),
            Moment("2026-10-25T02:30:00+01:00", True, "and the second"),
        ),
    ),
    Hours(
        {"starts_at": "2026-04-01T00:00:00+02:00", "ends_at": "2026-05-01T00:00:00+02:00"},
        (
            Moment("2026-03-31T23:59:59+02:00", False),
            Moment("2026-04-01T00:00:00+02:00", True, "the beginning belongs to it"),
            Moment("2026-05-01T00:00:00+02:00", False, "the end does not"),
        ),
    ),
)


def holds(hours: Hours, moment: Moment) -> bool:
    """Whether the engine finds a rule without conditions and with this window at that moment."""
    return next(compiled(hours).matching("territory_owner", {}, datetime.fromisoformat(moment.at)), None) is not None


def compiled(hours: Hours) -> RuleSet:
    """One rule without conditions that has the window."""
    return compile_rules(
        {
            "version": 1,
            "owner": 1,
            "zone": ZONE,
            "order": list(DEFAULT_ORDER),
            "rules": [ALWAYS | dict(hours.window)],
        }
    )


def windows() -> Iterator[dict[str, Any]]:
    """Each window in words, with its moments and the engine's answers."""
    for hours in WINDOWS:
        rows = [
            {"at": _at(moment.at), "answer": YES if holds(hours, moment) else NO, "why": moment.why}
            for moment in hours.moments
        ]
        yield {"window": window_words(hours.window, ZONE), "rows": rows}


def _at(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(ZoneInfo(ZONE)):%a %-d %b %Y, %H:%M:%S %Z}"
