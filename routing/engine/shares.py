"""What members got, their weights and what each missed in; what each was entitled to by weight, exactly, out.

While somebody is in the line they are entitled to their weight's part of what is given out. In virtual time that is
short: the pool's own time grows by G over a period, everybody misses what it grew while they were not in the line
(the lift of a return, the level of a join), and is entitled to weight x (G - missed). G is the one number for which
all that was given out is somebody's due.
"""

from collections.abc import Mapping
from fractions import Fraction

from routing.engine.rotation import ZERO


def entitled(received: int, weights: Mapping[int, int], missed: Mapping[int, Fraction]) -> dict[int, Fraction]:
    """Each member's due of the leads `received` by all together; it adds up to `received`.

    `weights`: of every member, at least 1. `missed`: in virtual time, of those who missed anything.
    """
    growth = _growth(Fraction(received), weights, missed)
    return {id: weight * max(growth - missed.get(id, ZERO), ZERO) for id, weight in weights.items()}


def _growth(received: Fraction, weights: Mapping[int, int], missed: Mapping[int, Fraction]) -> Fraction:
    """G: the sum over all of weight x max(G - missed, 0) is what was received; members enter by what they missed."""
    total, given, at = 0, ZERO, ZERO
    for id in sorted(weights, key=lambda id: missed.get(id, ZERO)):
        enters = missed.get(id, ZERO)
        if total and given + total * (enters - at) >= received:
            break
        given, at = given + total * (enters - at), enters
        total += weights[id]
    return at + (received - given) / total if total else ZERO
