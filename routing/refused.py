"""Why an act was not done, as a value: a stable code for programs and a sentence for people."""


class Refused(Exception):
    """The act was not done and nothing changed.

    `code`: taken (somebody was faster), changed (the lead moved on meanwhile), gone, closed, not_yours, no_owner,
    at_capacity, not_available, no_change, unknown_owner, why_missing, no_lead, unknown_kind, in_the_future,
    unknown_field, not_replayable, heir_missing, rules; of simulations: erased, instant; of pauses:
    paused, not_paused, nothing_runs, needs_person, in_the_past, too_long.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


CONFLICTS = frozenset(
    {
        "taken", "changed", "closed", "not_yours", "at_capacity", "not_available", "no_change", "paused", "not_paused",
        "nothing_runs",
    }
)  # fmt: skip
"""Codes that another state of the lead is to blame for, not the request."""
