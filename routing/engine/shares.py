"""Leads, each with the members who could have taken it and their weights then, in; what each was entitled to, out.

A lead is due to all who could have taken it, by weight: of two with weights 2 and 1, two thirds and one third of it.
Whoever was away, full or without the language was entitled to nothing of that lead.
"""

from collections.abc import Mapping
from fractions import Fraction

from routing.engine.rotation import ZERO

Able = frozenset[tuple[int, int]]
"""(member id, weight) of all who could have taken a lead."""


def entitled(leads: Mapping[Able, int]) -> dict[int, Fraction]:
    """Each member's due, exactly; together as many as there are `leads` (how many, by who could take them)."""
    due: dict[int, Fraction] = {}
    for able, count in leads.items():
        total = sum(weight for _, weight in able)
        for member, weight in able:
            due[member] = due.get(member, ZERO) + Fraction(count * weight, total)
    return due
