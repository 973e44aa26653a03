"""Arrivals or packed blocks in, what is counted of them out: figures and breaches. Reads no rows, no time."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from routing.reporting.arrivals import UNTOUCHED, Arrival
from routing.reporting.measures import BY_KEY, SHARES
from routing.reporting.packing import (
    BUCKETS,
    MIDDLES,
    STATED_ERROR,
    from_lanes,
    histogram,
    pack,
    to_lanes,
    unpack,
)
from routing.reporting.values import Breaches, Figure

FIELDS = tuple(Arrival._fields.index(measure.key) for measure in SHARES)
FIRST, LAST = min(FIELDS), max(FIELDS) + 1
assert tuple(range(FIRST, LAST)) == FIELDS, "an Arrival's measures stand in the order of SHARES"
SAMPLE, UNANSWERED, NONE_HIGH, NONE_LOW = 0, 1 + 2 * len(SHARES), 2 + 2 * len(SHARES), 3 + 2 * len(SHARES)
LANES = NONE_LOW + 1

_packed: dict[tuple, int] = {}
"""The counts of an arrival by what they follow from: there are few combinations, and many arrivals of each."""


def counts_of(arrival: Arrival) -> int:
    """What one arrival counts for, as lanes."""
    key = (arrival[3:5], arrival[FIRST:LAST], arrival.wait == UNTOUCHED, arrival.unanswered)
    found = _packed.get(key)
    if found is None:
        lanes = [0] * LANES
        lanes[SAMPLE] = int(arrival.new)
        for place, value in enumerate(arrival[FIRST:LAST]):
            if value is not None:
                lanes[1 + 2 * place] = value
                lanes[2 + 2 * place] = 1
        lanes[UNANSWERED] = arrival.unanswered
        lanes[NONE_HIGH if arrival.high else NONE_LOW] = int(arrival.wait == UNTOUCHED)
        if len(_packed) > 100_000:
            _packed.clear()
        found = _packed[key] = from_lanes(lanes)
    return found


class Tally:
    """What some arrivals add up to: `counts` as lanes; seconds to the first touch of high-intent leads (`high`) and of
    the others (`low`), between due and answered of breached clocks (`late`), and `hists`, the histograms of more."""

    __slots__ = ("counts", "high", "hists", "late", "low")

    def __init__(self) -> None:
        self.counts = 0
        self.high, self.low, self.late = array("I"), array("I"), array("I")
        self.hists = [0, 0, 0]

    def add(self, arrival: Arrival, counts: int | None = None) -> None:
        """Count one more. `counts`: of `counts_of`, where they are known."""
        self.counts += counts_of(arrival) if counts is None else counts
        wait = arrival.wait
        if wait is not None and wait >= 0:
            (self.high if arrival.high else self.low).append(wait)
        if arrival.late:
            self.late.extend(arrival.late)

    def merge(self, other: "Tally") -> None:
        """Count what the other counts, too."""
        self.counts += other.counts
        self.high.extend(other.high)
        self.low.extend(other.low)
        self.late.extend(other.late)
        self.hists = [mine + theirs for mine, theirs in zip(self.hists, other.hists, strict=True)]

    def packed(self, exact: bool) -> bytes:
        """As bytes; the values themselves if `exact`, else their histograms alone."""
        if exact:
            return pack((self.counts, *self.hists), (sorted(self.high), sorted(self.low), sorted(self.late)))
        return pack((self.counts, *self._histograms()), ((), (), ()))

    def unpack(self, data: Any) -> None:
        """Count what was packed, too."""
        unpack(data, self)

    @property
    def sample(self) -> int:
        """New leads."""
        return self.counts & 0xFFFF_FFFF

    def figures(self, unrouted: int = 0) -> dict[str, Figure]:
        """By measure. `unrouted`: events without a lead, which count as leads without an owner."""
        lanes = to_lanes(self.counts, LANES)
        high, low = self.hists[:2]
        some = Ordered([self.high], high)
        every = Ordered([some.values or self.high, self.low], high + low)  # what is in order is not sorted again
        found = {
            "touch_high": _median("touch_high", some, lanes[NONE_HIGH]),
            "touch": _median("touch", every, lanes[NONE_HIGH] + lanes[NONE_LOW]),
        }
        for place, measure in enumerate(SHARES):
            count, base = lanes[1 + 2 * place], lanes[2 + 2 * place]
            more = unrouted if measure.key == "owned_1" else 0
            value = count / (base + more) if base + more else None
            found[measure.key] = Figure(measure, value, count, base + more, 0.0, more)
        return found

    def breaches(self) -> Breaches:
        unanswered = to_lanes(self.counts, LANES)[UNANSWERED]
        known = Ordered([self.late], self.hists[2])
        return Breaches(
            known.size + unanswered, unanswered, known.median(), known.quantile(9, 10), known.error
        )  # fmt: skip

    def _histograms(self) -> list[int]:
        lists = (self.high, self.low, self.late)
        return [hist + histogram(values) if values else hist for hist, values in zip(self.hists, lists, strict=True)]


def _median(key: str, known: "Ordered", untouched: int) -> Figure:
    base = known.size + untouched
    return Figure(BY_KEY[key], known.median(untouched), base, base, known.error)


class Ordered:
    """Seconds in their order: `values` where all of them are known, else `sums`, how many are in each bucket or before.
    `error`: 0 where all are known."""

    __slots__ = ("error", "size", "sums", "values")

    def __init__(self, lists: Sequence[Sequence[int]], hist: int) -> None:
        self.error = STATED_ERROR if hist else 0.0
        self.values: Sequence[int] = ()
        self.sums: Sequence[int] = ()
        if hist:
            hist += sum(histogram(values) for values in lists if values)
            self.sums = list(accumulate(to_lanes(hist, BUCKETS)))
            self.size = self.sums[-1]
        else:
            self.values = sorted(lists[0] if len(lists) == 1 else [*lists[0], *lists[1]])
            self.size = len(self.values)

    def at(self, rank: int) -> float:
        """The value of that rank, from 0."""
        return MIDDLES[bisect_right(self.sums, rank)] if self.sums else float(self.values[rank])

    def median(self, longer: int = 0) -> float | None:
        """The median of them and of so many that are longer than any; None where it is one of those, or of nothing."""
        whole = self.size + longer
        if not whole or whole // 2 >= self.size:
            return None
        return (self.at((whole - 1) // 2) + self.at(whole // 2)) / 2

    def quantile(self, share: int, whole: int) -> float | None:
        """The smallest value that at least `share` of `whole` do not exceed."""
        return self.at(-(-self.size * share // whole) - 1) if self.size else None


def tally(arrivals: Iterable[Arrival]) -> Tally:
    """All of them counted."""
    counted = Tally()
    for arrival in arrivals:
        counted.add(arrival)
    return counted
