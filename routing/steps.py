"""The ten steps of a lead by name, in their fixed order, and the marker that says which one is under way.

`step(name)` marks where a step begins and ends. It does nothing else, unless CRASH_AT names that point: then
the process kills itself there, which is how the crash tests reach every boundary of the real program.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

STEPS = (
    "store_raw_event",
    "normalise",
    "validate",
    "deduplicate",
    "search_open_deals",
    "decide",
    "update_owner",
    "write_reason",
    "start_follow_up",
    "alert_owner",
)
CRASH_POINTS = tuple(f"{side}:{name}" for name in STEPS for side in ("before", "after"))

_crash_at: str = settings.CRASH_AT


@contextmanager
def step(name: str) -> Iterator[None]:
    """Mark a step's beginning and end."""
    if _crash_at == f"before:{name}":
        os.kill(os.getpid(), signal.SIGKILL)
    yield
    if _crash_at == f"after:{name}":
        os.kill(os.getpid(), signal.SIGKILL)
