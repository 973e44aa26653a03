"""A failure and its attempts in; try again after so long, or never, out. Rows, clock and chance are others'.

One policy for everything that leaves this program: CRM writes, e-mail, later webhooks. Randomness is a
function that the caller hands in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

MAX_ATTEMPTS = 5
FIRST_DELAY = timedelta(seconds=15)
FACTOR = 4
"""15 s, 1 min, 4 min, 16 min: five attempts outlast a restart of the other side, and stay within the half
hour in which a person still wants to hear of the lead."""
JITTER = 0.5
"""Up to half of a delay is taken off by chance, so that what failed together does not come back together."""
LONGEST_WAIT = timedelta(hours=24)
"""What a `Retry-After` may ask for; beyond it is a mistake of the other side, and silence here."""
RETRY_AFTER_SPREAD = 0.1
"""Up to a tenth is added to a `Retry-After`: never earlier than asked, and not all at once."""

ZERO = timedelta(0)


class Failure(Exception):
    """Something beyond this program did not happen.

    `code` is stable and free of personal data, so that it may be logged. `detail` is for the row.
    `permanent`: trying again is no use. `after`: how long the other side asked to wait, None when it did not
    say.
    """

    permanent = False

    def __init__(self, code: str, detail: str = "", after: timedelta | None = None) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.after = after


class PermanentFailure(Failure):
    """Trying again would fail again."""

    permanent = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do now: `again` after `delay`; `dead`, all attempts are used up; `stopped`, it is no use."""

    outcome: str
    delay: timedelta = ZERO


DEAD = Verdict("dead")
STOPPED = Verdict("stopped")


def decide(failure: Failure, attempts: int, chance: Callable[[], float]) -> Verdict:
    """What follows from `failure` of attempt number `attempts` (the first is 1).

    `chance` gives a number in [0, 1), as `random.random` does. The delay before attempt n + 1 is
    `FIRST_DELAY * FACTOR ** (n - 1)`, less up to half of it, or what the other side asked for and a little
    more.
    """
    if failure.permanent:
        return STOPPED
    if attempts >= MAX_ATTEMPTS:
        return DEAD
    if failure.after is not None and failure.after > ZERO:
        return Verdict("again", min(failure.after, LONGEST_WAIT) * (1 + RETRY_AFTER_SPREAD * chance()))
    return Verdict("again", FIRST_DELAY * FACTOR ** (max(attempts, 1) - 1) * (1 - JITTER * chance()))


def unexpected(error: Exception) -> Failure:
    """An error nobody foresaw, worth another try. Its text may hold personal data: only the type is kept."""
    return Failure("unexpected_error", type(error).__name__)
