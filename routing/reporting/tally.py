"""Arrivals in, what is counted of them out: figures and breaches of any set of arrivals. Reads no rows, no time."""

from collections.abc import Iterable, Sequence
from typing import Any

from routing.reporting.arrivals import UNTOUCHED, Arrival
from routing.reporting.measures import MEASURES, MEDIANS, SHARES
from routing.reporting.values import Breaches, Figure

_FIELDS = tuple(Arrival._fields.index(measure.key) for measure in SHARES)


class Tally:
    """What is counted of some arrivals. `sample`: new leads; `shares`: (counted, judged) in the order of SHARES."""

    def __init__(self) -> None:
        self.sample = 0
        self.shares = [[0, 0] for _ in SHARES]
        self.waits: dict[str, list[int]] = {measure.key: [] for measure in MEDIANS}
        self.late: list[int] = []
        self.unanswered = 0

    def add(self, arrival: Arrival) -> None:
        """Count one more."""
        self.sample += arrival.new
        for place, field in enumerate(_FIELDS):
            value: Any = arrival[field]
            if value is not None:
                self.shares[place][0] += value
                self.shares[place][1] += 1
        if arrival.wait is not None:
            self.waits["touch"].append(arrival.wait)
            if arrival.high:
                self.waits["touch_high"].append(arrival.wait)
        self.late += arrival.late
        self.unanswered += arrival.unanswered

    def merge(self, other: "Tally") -> None:
        """Count what the other counts, too."""
        self.sample += other.sample
        for mine, theirs in zip(self.shares, other.shares, strict=True):
            mine[0] += theirs[0]
            mine[1] += theirs[1]
        for key, waits in other.waits.items():
            self.waits[key] += waits
        self.late += other.late
        self.unanswered += other.unanswered

    def figures(self, unrouted: int = 0) -> dict[str, Figure]:
        """By measure. `unrouted`: events without a lead, which count as leads without an owner."""
        found: dict[str, Figure] = {}
        for measure in MEDIANS:
            waits = self.waits[measure.key]
            found[measure.key] = Figure(measure, middle(waits), len(waits), len(waits))
        for measure, (count, base) in zip(SHARES, self.shares, strict=True):
            more = unrouted if measure.key == "owned_1" else 0
            value = count / (base + more) if base + more else None
            found[measure.key] = Figure(measure, value, count, base + more, unrouted=more)
        return {measure.key: found[measure.key] for measure in MEASURES}

    def breaches(self) -> Breaches:
        late = sorted(self.late)
        return Breaches(
            len(late) + self.unanswered, self.unanswered, quantile(late, 1, 2), quantile(late, 9, 10)
        )  # fmt: skip


def tally(arrivals: Iterable[Arrival]) -> Tally:
    """All of them counted."""
    counted = Tally()
    for arrival in arrivals:
        counted.add(arrival)
    return counted


def middle(waits: Sequence[int]) -> float | None:
    """The median, where what has no touch yet is longer than any; None where that is the middle, or nothing is."""
    ordered = sorted(waits)
    without = sum(wait == UNTOUCHED for wait in ordered)  # they are first, because they are below zero
    ordered = ordered[without:] + ordered[:without]
    size = len(ordered)
    pair = [ordered[(size - 1) // 2], ordered[size // 2]] if size else [UNTOUCHED]
    return None if UNTOUCHED in pair else sum(pair) / 2


def quantile(ordered: Sequence[int], share: int, whole: int) -> float | None:
    """The smallest value that at least `share` of `whole` of the sorted ones do not exceed; of halves the median."""
    size = len(ordered)
    if not size:
        return None
    if (share, whole) == (1, 2):
        return (ordered[(size - 1) // 2] + ordered[size // 2]) / 2
    return float(ordered[-(-size * share // whole) - 1])
