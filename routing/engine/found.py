"""What asking for an owner leads to, as values. Computes nothing."""

from dataclasses import dataclass

from routing.engine.rotation import Selection

TO_CLAIM, ON_HOLD = "waiting_to_be_claimed", "on_hold"
"""Why nobody gets a lead that waits for a pool, as review reasons."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Who gets the lead. `role`: target, cover, rule_fallback, team_fallback, pool_fallback or turn, or the act
    that named them: claim, assign or reassign."""

    owner: int
    role: str
    team: int | None
    because: str
    instead_of: str = ""
    pool: int | None = None
    selection: Selection | None = None

    @property
    def flag(self) -> str:
        return "ok" if self.role in ("target", "turn") else "fallback"


@dataclass(frozen=True, slots=True)
class Nobody:
    """The rule names a target, but nobody can take the lead. `reason`: a review reason. `waits`: the pool that the
    lead is to wait for."""

    reason: str
    detail: str
    waits: int | None = None


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The rule's target does not exist for this lead (no territory, no open deal): the next rule is asked."""

    note: str


Found = Placed | Nobody | NotApplicable
