"""The whole installation in, its problems in plain sentences out, errors first; changes nothing.

One answer for `manage.py doctor`, the Today page and the API, so that all three say the same. The number of
queries is fixed, however many people, rules and leads there are.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from routing.doctor import calendars, coverage, installation, ledger, people, pools, rules, slas, work
from routing.doctor.finding import ERROR, WARNING, Finding
from routing.doctor.seen import look

__all__ = ["ERROR", "WARNING", "Finding", "findings"]

MOST = 10


def findings(now: datetime, thorough: bool = False) -> list[Finding]:
    """All problems at the aware instant `now`: errors first, each kind in the order in which it matters.

    `thorough`: what takes longer the more leads there are is looked at too; no screen waits for that.
    """
    if missing := installation.missing_tables():
        return missing  # nothing else can be read
    seen = look(now, thorough)
    found = [
        *work.problems(seen),
        *ledger.problems(now),
        *rules.problems(seen),
        *people.problems(seen),
        *pools.problems(seen),
        *slas.problems(seen),
        *calendars.problems(now),
        *coverage.problems(seen),
        *installation.problems(),
    ]
    return sorted(_few_of_each(found), key=lambda finding: finding.severity != ERROR)


def _few_of_each(found: list[Finding]) -> Iterator[Finding]:
    """At most `MOST` of a kind, then how many more there are: a list of thousands is read by nobody."""
    count = Counter((finding.code, finding.severity) for finding in found)
    given: Counter[tuple[str, str]] = Counter()
    for finding in found:
        kind = (finding.code, finding.severity)
        given[kind] += 1
        if given[kind] <= MOST:
            yield finding
        elif given[kind] == MOST + 1:
            sentence = f"{count[kind] - MOST:,} more like the last one."
            yield replace(finding, sentence=sentence, pk=None)
