"""What is wrong in one place, as a value: how bad, a stable code, a plain sentence, and the row to open."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]
ERROR: Severity = "error"
WARNING: Severity = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem. Errors keep leads from their owners or people from their messages; warnings will some day.

    `app`, `model`, `pk` name the row that mends it, for a door that makes a link: `pk` None means the list of
    the model, an empty `app` that no screen mends it.
    """

    severity: Severity
    code: str
    sentence: str
    app: str = ""
    model: str = ""
    pk: int | None = None


def listed(names: list[str], most: int = 3) -> str:
    """Names as people write them: “Elena, Marco and 4 more”."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def counted(number: int, one: str, many: str = "") -> str:
    """“1 pool”, “3 pools”."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
