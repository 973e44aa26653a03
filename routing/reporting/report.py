"""A scope, a period and filters in, the SLA report out, and the leads and breached clocks behind each number."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, QuerySet

from leads.models import Lead, LeadType, RawEvent, Source
from leads.scopes import NARROW
from owners.models import Owner, Team
from owners.roles import Act, may, reach_of
from owners.scopes import people_of
from routing.engine.reason import words
from routing.models import Fact, SlaClock
from routing.reporting.arrivals import Arrival, arrivals_of
from routing.reporting.measures import AT_ONCE, BY_KEY, MEDIANS
from routing.reporting.tally import Tally
from routing.reporting.values import DIMENSIONS, Filters, Key, Period, Point, Row, Scope, SlaReport, named

EXACT_DAYS = 30
DAILY = 92
"""Up to so many days the trend has days, beyond it weeks."""


def scope_of(user: Any) -> Scope:
    """Whose leads the user's numbers are about, as `leads.scopes.reported_leads` has it."""
    if not may(user, Act.SEE_REPORTS):
        return Scope(frozenset())
    return Scope(frozenset(people_of(user)) if reach_of(user) in NARROW else None)


def sla_report(scope: Scope, period: Period, filters: Filters, now: datetime) -> SlaReport:
    """Everything the report shows, of what arrived in the period, as it is at `now`. Changes nothing."""
    mine, earlier = Tally(), Tally()
    tables: dict[str, dict[Key, Tally]] = {name: {} for name in DIMENSIONS}
    days: dict[date, Tally] = {}
    for arrival in _arrivals(scope, period, filters, now):
        mine.add(arrival)
        for name, table in tables.items():
            table.setdefault(getattr(arrival, name), Tally()).add(arrival)
        days.setdefault(arrival.at.astimezone(period.zone).date(), Tally()).add(arrival)
    for arrival in _arrivals(scope, period.before, filters, now):
        earlier.add(arrival)
    unrouted, unrouted_before = (_unrouted(scope, part, filters, now) for part in (period, period.before))
    grain, parts = _parts(period)
    return SlaReport(
        period, mine.sample, mine.figures(unrouted), earlier.figures(unrouted_before), earlier.sample,
        _rows(tables),
        tuple(_point(part, days) for part in parts), grain,
        mine.breaches(), earlier.breaches(), unrouted=unrouted,
    )  # fmt: skip


def leads_of(
    scope: Scope, measure: str, period: Period, filters: Filters, now: datetime, others: bool = False
) -> QuerySet[Lead]:
    """The leads that the figure of `measure` counts: of a share those above the line, with `others` the rest of its
    base; of a median all that were judged; of "sample" the new leads. Narrow period and filters to those of a row or a
    point for the leads behind one. Of duplicates an inquiry is counted, and the lead that it joined listed once.

    Raises KeyError for a measure that there is not.
    """
    counts = _counting(measure, others)
    return Lead.objects.filter(pk__in={a.lead for a in _arrivals(scope, period, filters, now) if counts(a)})


def breaches(scope: Scope, period: Period, filters: Filters, now: datetime) -> QuerySet[SlaClock]:
    """Clocks that ran out, of the leads that arrived in the period, the newest first; as many as the report's breaches
    say. `late`: from due to answered; None while nobody has.
    """
    leads = {arrival.lead for arrival in _arrivals(scope, period, filters, now) if arrival.breached}
    late = ExpressionWrapper(F("answered_at") - F("due_at"), output_field=DurationField())
    rows = SlaClock.objects.filter(lead__in=leads, state=SlaClock.State.BREACHED).annotate(late=late)
    return rows.select_related("lead", "owner").order_by("-due_at", "-id")


def _counting(measure: str, others: bool) -> Callable[[Arrival], bool]:
    if measure == "sample":
        return lambda arrival: arrival.new
    if BY_KEY[measure] in MEDIANS:
        high = measure == "touch_high"
        return lambda arrival: arrival.wait is not None and (arrival.high or not high)
    wanted = 0 if others else 1
    return lambda arrival: getattr(arrival, measure) == wanted


def _arrivals(scope: Scope, period: Period, filters: Filters, now: datetime) -> Iterable[Arrival]:
    rows = Fact.objects.filter(kind=Fact.Kind.ARRIVED, at__gte=period.since, at__lt=period.until)
    if scope.people is not None:
        rows = rows.filter(lead__owner__in=scope.people)
    wanted = [(name, filters.of(name)) for name in DIMENSIONS if filters.of(name)]
    for arrival in arrivals_of(rows.order_by().values("lead"), now):
        if period.since <= arrival.at < period.until and all(getattr(arrival, name) in keys for name, keys in wanted):
            yield arrival


def _unrouted(scope: Scope, period: Period, filters: Filters, now: datetime) -> int:
    """Events of more than a minute that nobody has routed; for whoever counts all leads."""
    if scope.people is not None or filters.lead_types or filters.paths or filters.teams or filters.owners:
        return 0
    until = min(period.until, now - AT_ONCE)
    rows = RawEvent.objects.filter(state=RawEvent.State.WAITING, received_at__gte=period.since, received_at__lt=until)
    return (rows.filter(source__in=filters.sources) if filters.sources else rows).count()


def _parts(period: Period) -> tuple[Any, list[Period]]:
    """The days of the trend, or its weeks from Monday to Sunday."""
    dates = period.dates
    if len(dates) <= DAILY:
        return "day", [period.part(day, day) for day in dates]
    mondays = sorted({day - timedelta(days=day.weekday()) for day in dates})
    return "week", [period.part(day, day + timedelta(days=6)) for day in mondays]


def _point(part: Period, days: dict[date, Tally]) -> Point:
    counted = Tally()
    for day in part.dates:
        if day in days:
            counted.merge(days[day])
    return Point(part, counted.sample, counted.figures())


def _rows(tables: dict[str, dict[Key, Tally]]) -> dict[str, tuple[Row, ...]]:
    names = {
        "lead_type": dict(LeadType.objects.values_list("key", "name")),
        "source": dict(Source.objects.values_list("pk", "name")),
        "path": {key: words(key).capitalize() for key in tables["path"] if key},
        "team": dict(Team.objects.values_list("pk", "name")),
        "rep": dict(Owner.objects.filter(pk__in=[key for key in tables["rep"] if key]).values_list("pk", "name")),
    }
    nobody = {"team": "No team", "rep": "Nobody"}
    found = {}
    for name, table in tables.items():
        labels = named(table, names[name], nobody.get(name, "None"))
        rows = [Row(labels[key], key, one.sample, one.figures()) for key, one in table.items()]
        found[name] = tuple(sorted(rows, key=lambda row: (-row.sample, row.label)))
    return found
