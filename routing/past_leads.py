"""Stored decisions in, what rules saw of their leads out: the case and its facts. Decides nothing."""

from collections.abc import Iterable, Iterator
from typing import Any

from routing.engine.facts import derive
from routing.engine.people import People
from routing.engine.snapshot import read_case
from routing.engine.values import Case


def seen_by_rules(snapshots: Iterable[str], people: People) -> Iterator[tuple[Case, dict[str, Any]] | None]:
    """For each snapshot its case and facts; None for one that says nothing any more, as of an erased person."""
    for text in snapshots:
        try:
            case = read_case(text)
        except (KeyError, TypeError, ValueError):
            yield None
        else:
            yield case, derive(case, people)
