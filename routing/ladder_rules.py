"""Ladders and policies as somebody entered them in, what is wrong with them as (field, sentence) out.

What one row of the database may hold is its constraints'; what only several rows say together is here, asked by
forms and files alike: the order of rungs, pools that have nobody, people who left, calendars that never open.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import combinations, pairwise
from typing import NamedTuple

from django.db.models import Q, QuerySet

from owners.business_time import HoursError
from owners.models import LONGEST_MINUTES, Calendar, Owner, Pool, PoolMember
from owners.week import week_of_calendar
from routing.engine.ladder import Rung
from routing.ladder_words import when
from routing.models import SlaPolicy, SlaRung

MOST_RUNGS = 20
MINUTES_OF = {
    "accept_ladder": "accept_minutes", "first_touch_ladder": "first_touch_minutes",
    "no_activity_ladder": "no_activity_minutes", "review_ladder": "review_minutes", "crm_ladder": "crm_minutes",
}  # fmt: skip
"""By the column of the ladder, that of the budget which its shares are of."""
PROMISES = {
    "accept_ladder": "acceptance", "first_touch_ladder": "the first touch", "no_activity_ladder": "no activity",
    "review_ladder": "review", "crm_ladder": "the CRM",
}  # fmt: skip

Problem = tuple[str, str]
"""(field, sentence)."""


class Use(NamedTuple):
    """A clock that climbs a ladder: of which policy, for which promise, with a budget of so many minutes."""

    policy: str
    promise: str
    minutes: int

    @property
    def said(self) -> str:
        return f"{self.policy} ({self.promise} in {self.minutes:,} min)"


# --- rungs ----------------------------------------------------------------------------------------------------


def rung_problems(rung: Rung) -> Iterator[Problem]:
    """What is wrong with one rung by itself; zeros stand for nothing given."""
    if rung.percent and rung.minutes:
        yield "minutes", f"Give {rung.percent} % or {rung.minutes:,} minutes, not both: a rung is due once."
    elif not (rung.percent or rung.minutes):
        yield "percent", "Say when the rung is due: at which percent of the budget, or after how many minutes."
    if rung.percent > 1000:
        yield "percent", f"A rung is due at 1 to 1,000 % of the budget, not at {rung.percent:,} %."
    if rung.minutes > LONGEST_MINUTES:
        yield "minutes", f"A rung is due within {LONGEST_MINUTES:,} minutes, a year, not after {rung.minutes:,}."
    if rung.move == SlaRung.Move.POOL and not rung.pool:
        yield "pool", "Name the pool that the lead moves to."
    elif rung.pool and rung.move != SlaRung.Move.POOL:
        yield (
            "pool",
            "Only a rung that moves the lead to another pool names one: choose that move, or leave this empty.",
        )
    if not (rung.remind or rung.tell_lead or rung.move or rung.priority or rung.webhook):
        yield "move", "This rung does nothing. Tick or choose what is done, or leave the rung out."


def order_problems(rungs: Sequence[Rung]) -> Iterator[tuple[int, str]]:
    """(place, sentence) of each rung that comes before the one above it. Shares are compared with shares and minutes
    with minutes; how the two stand to each other depends on the budget: `mixed_problem`."""
    for of_shares in (True, False):
        places = [place for place, rung in enumerate(rungs) if (rung.percent if of_shares else rung.minutes)]
        for above, place in pairwise(places):
            before, rung = rungs[above], rungs[place]
            here, there = (rung.percent, before.percent) if of_shares else (rung.minutes, before.minutes)
            if here == there:
                yield place, f"There are two rungs {when(rung)}. Do both in one rung, or set another time."
            elif here < there:
                told = f"This rung, {when(rung)}, comes before the one above it, {when(before)}."
                yield place, f"{told} Give rungs in the order in which they are climbed."


def mixed_problem(rungs: Iterable[Rung], uses: Iterable[Use]) -> str:
    """Shares and minutes in one ladder: the rungs have to follow each other in one order for every budget that the
    ladder is climbed with, and no two of them at the same instant."""
    rungs = list(rungs)
    orders: list[tuple[Use, list[Rung]]] = []
    for use in uses:
        at = {rung: rung.seconds(use.minutes * 60) for rung in rungs}
        order = sorted(rungs, key=lambda rung: at[rung])
        for one, two in pairwise(order):
            if at[one] == at[two]:
                return (
                    f"By policy {use.said} the rungs {when(one)} and {when(two)} fall on one instant. Set another time,"
                    " or do both in one rung."
                )
        orders.append((use, order))
    for (first, one), (second, two) in combinations(orders, 2):
        if one != two:
            here, there = next((a, b) for a, b in zip(one, two, strict=True) if a != b)
            return (
                f"By policy {first.said} the rung {when(here)} comes before the one {when(there)}, by policy"
                f" {second.said} after it. Use shares alone or minutes alone, or make a ladder for each."
            )
    return ""


def policies_of(ladder: int) -> QuerySet[SlaPolicy]:
    """The policies that name the ladder."""
    return SlaPolicy.objects.filter(Q(*((f"{column}_id", ladder) for column in MINUTES_OF), _connector=Q.OR))


def uses_of(ladder: int, but: int | None = None) -> list[Use]:
    """Which promises climb the ladder as the rows stand, without those of the policy `but`."""
    found = []
    for row in SlaPolicy.objects.exclude(pk=but).order_by("position", "id"):
        found += uses_in(row, ladder)
    return found


def uses_in(row: SlaPolicy, ladder: int) -> list[Use]:
    """The same of one policy, saved or not."""
    return [
        Use(row.name, PROMISES[column], minutes)
        for column, of in MINUTES_OF.items()
        if getattr(row, f"{column}_id") == ladder and (minutes := getattr(row, of))
    ]


# --- people, pools and calendars ------------------------------------------------------------------------------


def person_problem(owner: Owner) -> str:
    """Why somebody cannot be the end of a ladder; empty where they can."""
    if owner.state == Owner.State.ACTIVE:
        return ""
    return f"{owner.name} is {owner.get_state_display()}, so nobody would answer in the end. Name somebody active."


def pool_problem(pool: Pool) -> str:
    """Why a ladder cannot move leads to a pool; empty where it can."""
    states = list(PoolMember.objects.filter(pool=pool, active=True).values_list("owner__state", flat=True))
    if not states:
        return f"Pool {pool.name} has no members, so no lead can move there. Add somebody, or choose another pool."
    if Owner.State.ACTIVE not in states:
        return f"All members of pool {pool.name} have left, so no lead can move there. Choose another pool."
    return ""


def calendar_problem(calendar: Calendar, now: datetime) -> str:
    """Why nobody can count by a calendar; empty where they can."""
    if not calendar.time_zone:
        return (
            f"Calendar {calendar.name} has no time zone of its own, so its hours are no instants by themselves. Give it"
            " one, or choose another calendar."
        )
    try:
        week = week_of_calendar(calendar)
        opens = bool(week.work) and week.hours().next_open(now) is not None
    except HoursError:
        opens = False
    if not opens:
        return f"Calendar {calendar.name} never opens, so no time would ever count. Give it hours, or choose another."
    return ""


def hours_problem(hours_of: str, calendar: int | None) -> Problem | None:
    """What is wrong with the working time of a policy, and the id of the calendar that it names."""
    named = hours_of == SlaPolicy.HoursOf.POLICY
    if named and calendar is None:
        return "calendar", "Name the calendar that the policy counts by."
    if calendar is not None and not named:
        return "calendar", (
            "This calendar would not be used. Choose “the calendar named here” as working time, or leave it empty."
        )
    return None


def unknown(words: Iterable[str], known: Mapping[str, str], what: str) -> str:
    """A sentence about the first word that is no key of `known`; empty where all are."""
    missing = next((word for word in words if word not in known), None)
    if missing is None:
        return ""
    meant = next((key for key, name in known.items() if missing.casefold() in (key.casefold(), name.casefold())), None)
    there = f"Did you mean {meant}?" if meant else f"There are {_listed(known)}."
    return f"There is no {what} “{missing}”. {there}" if known else f"There is no {what} “{missing}”, and no other yet."


def _listed(keys: Iterable[str], most: int = 8) -> str:
    keys = sorted(keys)
    return ", ".join(keys[:most]) + (f" and {len(keys) - most} more" if len(keys) > most else "")
