"""What is asked of the SLA report and what it answers, as plain values; reads no rows, no time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Unit = Literal["share", "seconds", "count"]
Key = str | int | None
"""Of a table's row: a lead type, a path, or the id of a source, team or owner. None: it has none."""

DIMENSIONS = ("lead_type", "source", "path", "team", "rep")
"""Whose tables a report has, in their order."""
SMALL = 20
"""Below this many leads a number is not judged by its target."""


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Microseconds since 1970: instants of many rows are compared as whole numbers."""
    return (at - EPOCH) // MICROSECOND


def instant(at: int) -> datetime:
    """The same back."""
    return EPOCH + at * MICROSECOND


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins there."""
    return datetime.combine(day, time.min, tzinfo=zone)


@dataclass(frozen=True)
class Period:
    """From `since` up to, not including, `until`; both aware. `zone`: whose midnights divide its days."""

    since: datetime
    until: datetime
    zone: ZoneInfo

    @property
    def before(self) -> "Period":
        """The period of the same length by the clock on the wall that ends where this one begins."""
        since, until = (at.astimezone(self.zone).replace(tzinfo=None) for at in (self.since, self.until))
        return Period((since - (until - since)).replace(tzinfo=self.zone), self.since, self.zone)

    @property
    def dates(self) -> list[date]:
        """Every day of it, in its zone; none of an empty period."""
        if self.until <= self.since:
            return []
        first = self.since.astimezone(self.zone).date()
        last = (self.until.astimezone(self.zone) - timedelta(microseconds=1)).date()
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]

    def part(self, first: date, last: date) -> "Period":
        """What of it lies from `first` to `last`, both included."""
        since, until = midnight(first, self.zone), midnight(last + timedelta(days=1), self.zone)
        return Period(max(since, self.since), min(until, self.until), self.zone)


@dataclass(frozen=True)
class Filters:
    """What leads are asked for; an empty set asks for all. None among teams or owners: leads without one."""

    lead_types: frozenset[str] = frozenset()
    sources: frozenset[int] = frozenset()
    paths: frozenset[str] = frozenset()
    teams: frozenset[int | None] = frozenset()
    owners: frozenset[int | None] = frozenset()

    def of(self, dimension: str) -> frozenset:
        """What is asked for of one of DIMENSIONS."""
        return getattr(self, FIELDS[dimension])

    def narrow(self, dimension: str, key: Key) -> "Filters":
        """The same for one row of the table of `dimension`."""
        return replace(self, **{FIELDS[dimension]: frozenset([key])})


FIELDS = {"lead_type": "lead_types", "source": "sources", "path": "paths", "team": "teams", "rep": "owners"}


@dataclass(frozen=True)
class Scope:
    """Whose leads are counted: those that these people own at present; None: all leads there are."""

    people: frozenset[int] | None = None


@dataclass(frozen=True)
class Measure:
    """What is counted, and of what. `wait`: when a lead can be judged, in words; earlier it is left out.

    `target`: of the unit; the number should stay at or below it (`low`) or reach it. None: only to compare.
    `of`: what the base is, in words.
    """

    key: str
    label: str
    definition: str
    of: str
    wait: str = ""
    unit: Unit = "share"
    low: bool = True
    target: float | None = None
    ideal: float | None = None
    min_sample: int = SMALL


@dataclass(frozen=True)
class Figure:
    """`value`: a share between 0 and 1, seconds, or a count; None where there is nothing to say. `count` leads of
    `base` judged ones; of a median both are the judged ones. `error`: by how much of itself the value may be off.

    A median is None with a base where half of the leads have no touch: it is longer than any.
    `unrouted`: how many of the base are events that nobody has routed yet; there is no lead to show for them.
    """

    measure: Measure
    value: float | None
    count: int
    base: int
    error: float = 0.0
    unrouted: int = 0

    @property
    def is_small(self) -> bool:
        """Whether there are too few leads to judge."""
        return self.base < self.measure.min_sample

    @property
    def on_target(self) -> bool | None:
        """None without a target or with too few leads."""
        if self.measure.target is None or self.is_small:
            return None
        if self.value is None:
            return False
        return self.value <= self.measure.target if self.measure.low else self.value >= self.measure.target


Figures = Mapping[str, Figure]


@dataclass(frozen=True)
class Row:
    """A row of a table: `key` is what `Filters.narrow` takes. `sample`: its new leads."""

    label: str
    key: Key
    sample: int
    figures: Figures


@dataclass(frozen=True)
class Point:
    """A day of the trend, or a week. `part`: the period that it stands for, cut to the report's."""

    part: Period
    sample: int
    figures: Figures


@dataclass(frozen=True)
class Breaches:
    """Clocks of the period's leads that ran out. `median` and `p90`: seconds by the clock on the wall between due and
    answered, of those that were answered; None where none was."""

    count: int
    unanswered: int
    median: float | None
    p90: float | None
    error: float = 0.0


@dataclass(frozen=True)
class SlaReport:
    """`sample`: new leads that arrived in the period. `before`: the figures of the period before; `by`: the tables, by
    DIMENSIONS, the row with the most leads first; `grain`: of the trend, day or week. `stated_error`: by how much of
    itself a median may be off. `unrouted`: events that nobody has routed yet. `behind`: leads with news that the
    worker has not counted yet and that this report leaves out, 0 but for a backlog of many thousands.
    """

    period: Period
    sample: int
    figures: Figures
    before: Figures
    before_sample: int
    by: Mapping[str, tuple[Row, ...]]
    trend: tuple[Point, ...]
    grain: Literal["day", "week"]
    breaches: Breaches
    breaches_before: Breaches
    stated_error: float = 0.0
    unrouted: int = 0
    behind: int = 0


def named(keys: Iterable[Key], names: Mapping[Key, str], nobody: str) -> dict[Key, str]:
    """A name for each key; what has none any more is called by its key."""
    return {key: nobody if key is None or key == "" else names.get(key) or str(key) for key in keys}
