"""Leads and a period in, what became of those that arrived in it out: counts and shares, from facts alone.

Every number is measured from the arrival on the wall clock, nights and weekends included, and never starts anew
for a new owner. Tests and probes leave no facts, so they are in none. Asks the database once a period, whatever
the number of leads, and once more for the median; changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from math import inf
from statistics import median
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate

from leads.models import Lead
from routing.models import Fact

MINUTE = timedelta(minutes=1)
DEMO = Q(lead__lead_type="demo")
VALID = ~Q(detail="rejected")
NEW = Q(detail__in=["assigned", "review", "held", "nurture"])
"""What became a lead of its own; an appended inquiry belongs to the lead that was there."""
FOR_SALES = Q(detail__in=["assigned", "review", "held"])


def _within(kind: str, wait: timedelta) -> Exists:
    """Whether the lead has such a fact at most `wait` after its arrival."""
    return Exists(Fact.objects.filter(lead=OuterRef("lead"), kind=kind, at__lte=OuterRef("at") + wait))


@dataclass(frozen=True)
class Measure:
    """A share of arrivals. `counted` and `among` say which facts "arrived" are above and below the line.

    `wait`: what must have passed since the arrival before it can be judged. `target`: a share, of which the
    number should stay at or below (`low` True) or reach (False); None: only to compare.
    """

    key: str
    label: str
    definition: str
    counted: Any
    among: Q
    of: str
    low: bool = True
    target: float | None = None
    wait: timedelta = timedelta()


MEASURES = (
    Measure(
        "owned_1", "Owned within 1 minute",
        "Leads for sales that had a named owner at most 1 minute after they arrived.",
        Q(_within(Fact.Kind.OWNED, MINUTE)), FOR_SALES, "leads for sales", low=False, target=0.95, wait=MINUTE,
    ),
    Measure(
        "untouched_30", "Untouched after 30 minutes",
        "Leads for sales without a call, mail, message or meeting by a person in the 30 minutes after they arrived.",
        ~Q(_within(Fact.Kind.TOUCHED, 30 * MINUTE)), FOR_SALES, "leads for sales", target=0.10, wait=30 * MINUTE,
    ),
    Measure(
        "demos_unworked_60", "Demo requests unworked after 60 minutes",
        "Demo requests without a call, mail, message or meeting by a person in the 60 minutes after they arrived.",
        ~Q(_within(Fact.Kind.TOUCHED, 60 * MINUTE)), FOR_SALES & DEMO, "demo requests", wait=60 * MINUTE,
    ),
    Measure(
        "review", "Sent to manual review",
        "New leads for which no rule named an owner, so that they waited in the queue.",
        Q(detail="review"), NEW, "new leads", target=0.05,
    ),
    Measure(
        "duplicates", "Duplicates",
        "Valid inquiries that joined the open lead of a person who was known already.",
        Q(detail="appended"), VALID, "valid inquiries", target=0.05,
    ),
    Measure(
        "demos_booked", "Demo requests with a meeting",
        "Demo requests for which a meeting was booked, whenever that was.",
        Q(Exists(Fact.objects.filter(lead=OuterRef("lead"), kind=Fact.Kind.BOOKED))), FOR_SALES & DEMO,
        "demo requests", low=False,
    ),
)  # fmt: skip
BY_KEY = {measure.key: measure for measure in MEASURES}


@dataclass(frozen=True)
class Number:
    """What was counted of `measure`: `count` of `base` arrivals."""

    measure: Measure
    count: int
    base: int

    @property
    def share(self) -> float | None:
        """Between 0 and 1; None where there is nothing to take a share of."""
        return self.count / self.base if self.base else None

    @property
    def on_target(self) -> bool | None:
        """None without a target or without a share."""
        if self.share is None or self.measure.target is None:
            return None
        return self.share <= self.measure.target if self.measure.low else self.share >= self.measure.target


@dataclass(frozen=True)
class Day:
    """Arrivals of one day of the zone that was asked for."""

    day: date
    leads: int
    demos: int
    numbers: dict[str, Number]


@dataclass(frozen=True)
class Overview:
    """A period: new leads that arrived in it, demo requests among them, the measures by key, and its days."""

    since: datetime
    until: datetime
    leads: int
    demos: int
    numbers: dict[str, Number]
    days: tuple[Day, ...]


def overview(
    visible: QuerySet[Lead], since: datetime, until: datetime, zone: tzinfo = UTC, now: datetime | None = None
) -> Overview:
    """The numbers of what arrived from `since` up to, not including, `until`; one statement.

    `visible`: the leads to count. `zone`: whose midnights divide the days. `now`: where the period still runs;
    what arrived too recently to be judged is then left out of the measures that judge it.
    """
    counts: dict[str, Count] = {"leads": Count("pk", filter=NEW), "demos": Count("pk", filter=NEW & DEMO)}
    for measure in MEASURES:
        among = _judged(measure, now)
        counts[f"{measure.key}_count"] = Count("pk", filter=among & measure.counted)
        counts[f"{measure.key}_base"] = Count("pk", filter=among)
    by_day = _arrivals(visible, since, until).annotate(day=TruncDate("at", tzinfo=zone)).order_by("day").values("day")
    rows = list(by_day.annotate(**counts))
    days = tuple(Day(row["day"], row["leads"], row["demos"], _numbers([row])) for row in rows)
    leads, demos = (sum(row[key] for row in rows) for key in ("leads", "demos"))
    return Overview(since, until, leads, demos, _numbers(rows), days)


@dataclass(frozen=True)
class Median:
    """Seconds from the arrival to the first touch by a person, of `base` high-intent leads for sales; a lead without
    a touch counts as longer than any. None: there was no such lead, or half of them have no touch.
    """

    seconds: float | None
    base: int

    @property
    def on_target(self) -> bool | None:
        return None if not self.base else self.seconds is not None and self.seconds <= TOUCH_TARGET


TOUCH_TARGET = 15 * 60
"""Seconds: what the median should stay at or below."""


def first_touch(visible: QuerySet[Lead], since: datetime, until: datetime, now: datetime | None = None) -> Median:
    """The median over what arrived in the period; one statement. What arrived less than 15 minutes before `now` is
    left out unless somebody touched it already.
    """
    touches = Fact.objects.filter(lead=OuterRef("lead"), kind=Fact.Kind.TOUCHED).order_by().values("lead")
    rows = _arrivals(visible, since, until).filter(FOR_SALES, lead__high_intent=True).order_by()
    waits = []
    for at, touched in rows.annotate(first=Subquery(touches.annotate(m=Min("at")).values("m"))).values_list(
        "at", "first"
    ):
        if touched is not None:
            waits.append((touched - at).total_seconds())
        elif now is None or now - at >= timedelta(seconds=TOUCH_TARGET):
            waits.append(inf)
    middle = median(waits) if waits else inf
    return Median(None if middle == inf else middle, len(waits))


def leads_behind(
    visible: QuerySet[Lead], key: str, since: datetime, until: datetime, now: datetime | None = None,
    others: bool = False,
) -> QuerySet[Lead]:  # fmt: skip
    """The leads that the number `key` counts; a lead that two inquiries joined is counted twice and listed once.

    `others`: those of its base that it does not count. Raises KeyError for a key that is not in BY_KEY.
    """
    measure = BY_KEY[key]
    counted = ~Q(measure.counted) if others else measure.counted
    found = _arrivals(visible, since, until).filter(_judged(measure, now) & counted)
    return visible.filter(pk__in=found.order_by().values("lead"))


def arrived(visible: QuerySet[Lead], since: datetime, until: datetime) -> QuerySet[Lead]:
    """The new leads of the period."""
    return visible.filter(pk__in=_arrivals(visible, since, until).filter(NEW).order_by().values("lead"))


def _arrivals(visible: QuerySet[Lead], since: datetime, until: datetime) -> QuerySet[Fact]:
    return Fact.objects.filter(
        kind=Fact.Kind.ARRIVED, at__gte=since, at__lt=until, lead__is_test=False,
        lead__in=visible.order_by().values("pk"),
    )  # fmt: skip


def _judged(measure: Measure, now: datetime | None) -> Q:
    return measure.among if now is None else measure.among & Q(at__lte=now - measure.wait)


def _numbers(rows: Sequence[dict[str, Any]]) -> dict[str, Number]:
    return {
        measure.key: Number(
            measure, sum(r[f"{measure.key}_count"] for r in rows), sum(r[f"{measure.key}_base"] for r in rows)
        )
        for measure in MEASURES
    }
