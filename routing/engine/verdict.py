"""What the hierarchy found, before policies, clocks and plan are added. A value; computes nothing."""

from dataclasses import dataclass

from routing.engine.found import Placed
from routing.engine.rules import Rule


@dataclass(frozen=True, slots=True)
class Verdict:
    """`status` as in Outcome; `reason` is composed already unless it is a review, which names its reviewer later."""

    status: str
    step: str
    rule: Rule | None
    reason: str = ""
    flag: str = "ok"
    owner: int | None = None
    lead: int | None = None
    reviewer: int | None = None
    placed: Placed | None = None
    review_reason: str = ""
    detail: str = ""
    waits: int | None = None
    """Of a lead that is held: the id of the pool that it waits for."""
