"""The whole installation in, its problems in plain sentences out, errors first; changes nothing.

One answer for `manage.py doctor`, the Today page and the API, so that all three say the same. The number of
queries is fixed, however many people, rules and leads there are.
"""

from datetime import datetime

from routing.doctor import installation, people, rules, work
from routing.doctor.finding import ERROR, WARNING, Finding
from routing.doctor.seen import look

__all__ = ["ERROR", "WARNING", "Finding", "findings"]


def findings(now: datetime) -> list[Finding]:
    """All problems at the aware instant `now`: errors first, each kind in the order in which it matters."""
    if missing := installation.missing_tables():
        return missing  # nothing else can be read
    seen = look(now)
    found = [
        *work.problems(seen),
        *rules.problems(seen),
        *people.problems(seen),
        *installation.problems(),
    ]
    return sorted(found, key=lambda finding: finding.severity != ERROR)
