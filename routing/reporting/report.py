"""A scope, a period and filters in, the SLA report out, and the leads and breached clocks behind each number."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import BooleanField, DurationField, ExpressionWrapper, F, QuerySet
from django.db.models.expressions import RawSQL

from leads.models import Lead, LeadType, RawEvent, Source
from leads.scopes import NARROW
from owners.models import Owner, Team
from owners.roles import Act, may, reach_of
from owners.scopes import people_of
from routing.engine.reason import words
from routing.models import SlaClock
from routing.reporting.blocks import Block, start_of
from routing.reporting.measures import AT_ONCE, BY_KEY, MEDIANS
from routing.reporting.reading import DAILY, asked, counted_at_once, leads_where
from routing.reporting.tally import Tally
from routing.reporting.values import DIMENSIONS, Filters, Key, Period, Point, Row, Scope, SlaReport, named

NUMBERED = frozenset({"source", "team", "rep"})
"""Dimensions whose keys are ids."""
# SQLite uses the partial index of waiting events only for a condition that is written like the index's own.
WAITING = RawSQL("leads_rawevent.state = 0", (), output_field=BooleanField())
NOBODY = {"team": "No team", "rep": "Nobody"}


def scope_of(user: Any) -> Scope:
    """Whose leads the user's numbers are about, as `leads.scopes.reported_leads` has it."""
    if not may(user, Act.SEE_REPORTS):
        return Scope(frozenset())
    return Scope(frozenset(people_of(user)) if reach_of(user) in NARROW else None)


def sla_report(scope: Scope, period: Period, filters: Filters, now: datetime) -> SlaReport:
    """Everything the report shows, of what arrived in the period, as it is at `now`. Changes nothing."""
    found = counted_at_once(scope, filters, period, now)
    unrouted, unrouted_before = (_unrouted(scope, part, filters, now) for part in (period, period.before))
    mine = found.block.total
    breaches, breaches_before = mine.breaches(), found.before.breaches()
    figures, before = mine.figures(unrouted), found.before.figures(unrouted_before)
    grain, parts = _parts(period)
    return SlaReport(
        period, mine.sample, figures, before, found.before.sample, _rows(found.block),
        tuple(Point(part, one.sample, one.figures()) for part, one in _trend(parts, found.days, period)), grain,
        breaches, breaches_before, max(figures["touch"].error, breaches.error, before["touch"].error),
        unrouted, found.behind,
    )  # fmt: skip


def leads_of(
    scope: Scope, measure: str, period: Period, filters: Filters, now: datetime, others: bool = False
) -> QuerySet[Lead]:
    """The leads that the figure of `measure` counts: of a share those above the line, with `others` the rest of its
    base; of a median all that were judged; of "sample" the new leads. Narrow period and filters to those of a row or a
    point for the leads behind one. Of duplicates an inquiry is counted, and the lead that it joined listed once.

    Raises KeyError for a measure that there is not.
    """
    if measure == "sample":
        rows = {"new": True}
    elif BY_KEY[measure] in MEDIANS:
        rows = {"wait__isnull": False} | ({"high": True} if measure == "touch_high" else {})
    else:
        rows = {measure: 0 if others else 1}
    return Lead.objects.filter(leads_where(asked(scope, filters, now), period, rows))


def breaches(scope: Scope, period: Period, filters: Filters, now: datetime) -> QuerySet[SlaClock]:
    """Clocks that ran out, of the leads that arrived in the period, the newest first; as many as the report's breaches
    say. `late`: from due to answered; None while nobody has.
    """
    leads = Lead.objects.filter(leads_where(asked(scope, filters, now), period, {"breached": 1}))
    late = ExpressionWrapper(F("answered_at") - F("due_at"), output_field=DurationField())
    rows = SlaClock.objects.filter(lead__in=leads.order_by().values("pk"), state=SlaClock.State.BREACHED)
    return rows.annotate(late=late).select_related("lead", "owner").order_by("-due_at", "-id")


def _unrouted(scope: Scope, period: Period, filters: Filters, now: datetime) -> int:
    """Events of more than a minute that nobody has routed; for whoever counts all leads."""
    if scope.people is not None or filters.lead_types or filters.paths or filters.teams or filters.owners:
        return 0
    until = min(period.until, now - AT_ONCE)
    rows = RawEvent.objects.filter(WAITING, received_at__gte=period.since, received_at__lt=until)
    return (rows.filter(source__in=filters.sources) if filters.sources else rows).count()


def _parts(period: Period) -> tuple[Any, list[Period]]:
    """The days of the trend, or its weeks from Monday to Sunday."""
    dates = period.dates
    if len(dates) <= DAILY:
        return "day", [period.part(day, day) for day in dates]
    mondays = sorted({day - timedelta(days=day.weekday()) for day in dates})
    return "week", [period.part(day, day + timedelta(days=6)) for day in mondays]


def _trend(parts: list[Period], days: dict[date, Tally], period: Period) -> Iterator[tuple[Period, Tally]]:
    """Each part with what was counted of it; a week's first day may lie before the period."""
    found = dict(sorted(days.items()))
    weekly = len(period.dates) > DAILY
    for part in parts:
        day = part.since.astimezone(period.zone).date()
        yield part, found.get(start_of(day, 7) if weekly else day) or Tally()


def _rows(block: Block) -> dict[str, tuple[Row, ...]]:
    tables: dict[str, dict[Key, Tally]] = {name: {} for name in DIMENSIONS}
    for (name, key), one in block.tables.items():
        tables[name][(int(key) if key else None) if name in NUMBERED else key] = one
    people = [key for key in tables["rep"] if key is not None]
    names: dict[str, dict[Key, str]] = {
        "lead_type": dict(LeadType.objects.values_list("key", "name")),
        "source": dict(Source.objects.values_list("pk", "name")),
        "path": {key: words(str(key)).capitalize() for key in tables["path"] if key},
        "team": dict(Team.objects.values_list("pk", "name")),
        "rep": dict(Owner.objects.filter(pk__in=people).values_list("pk", "name")),
    }
    found = {}
    for name, table in tables.items():
        labels = named(table, names[name], NOBODY.get(name, "None"))
        rows = [Row(labels[key], key, one.sample, one.figures()) for key, one in table.items()]
        found[name] = tuple(sorted(rows, key=lambda row: (-row.sample, row.label)))
    return found
