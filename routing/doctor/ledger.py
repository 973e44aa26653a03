"""An instant in, what does not add up in the ledger and whoever got leads out of line, as findings, out."""

from collections.abc import Iterator
from datetime import datetime

from routing.adding_up import problems_now
from routing.doctor.finding import ERROR, Finding


def problems(now: datetime) -> Iterator[Finding]:
    """Errors: a rotation whose numbers are wrong gives leads to the wrong people."""
    for problem in problems_now(now):
        yield Finding(ERROR, problem.code, problem.sentence, "owners", "pool", problem.pool)
