"""The SLA report over leads that came and were worked on through the real pipeline and acts, recounted by SQL."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.utils.dateparse import parse_datetime

from leads.models import Lead, RawEvent
from leads.scopes import reported_leads
from owners.models import Installation, User, WeeklyHours
from owners.roles import Role
from routing import touch
from routing.bench import reports as bench
from routing.models import Fact, ReportArrival, ReportBlock, ReportSpan, ReportState
from routing.moving import By
from routing.pipeline import drain
from routing.reporting import packing
from routing.reporting.keeping import keep_up, rebuild
from routing.reporting.measures import MEASURES
from routing.reporting.report import breaches, leads_of, scope_of, sla_report
from routing.reporting.tally import Tally
from routing.reporting.values import DIMENSIONS, Filters, Period, Scope, micros
from tests.builders import NOW
from tests.routing import sla_truth
from tests.routing.batches import buyers, waiting
from tests.routing.histories import DAY, HOUR, MINUTE, History, make_company

pytestmark = pytest.mark.django_db
UTC_ZONE, BERLIN, AUCKLAND = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Auckland")
ALL, ANY = Scope(), Filters()
COLUMNS = {
    "lead_type": "CASE WHEN a.detail = 'appended' THEN d.lead_type ELSE l.lead_type END",
    "source": "e.source_id", "path": "d.hierarchy_step",
    "team": "(SELECT o.team_id FROM routing_decision o WHERE o.lead_id = l.id AND o.status = 'assigned'"
    " ORDER BY o.id LIMIT 1)",
    "rep": sla_truth.OWNER,
}  # fmt: skip


@pytest.fixture
def company():
    return make_company()


def whole(now: datetime) -> datetime:
    return now.replace(microsecond=0)


def check(
    scope: Scope, period: Period, filters: Filters, now: datetime, where: str = "TRUE", deep: bool = False
) -> None:
    """Every figure of the report is what SQL counts; if `deep`, also those of the period before, of the trend and of
    every row, and every link leads to as many leads as its figure says."""
    report = sla_report(scope, period, filters, now)
    bounds = (period.since, period.until, now)
    _same(report.figures, report.sample, bounds, where)
    assert sum(point.sample for point in report.trend) == report.sample
    for measure in MEASURES if deep else MEASURES[:3]:
        if measure.key != "duplicates":  # an inquiry is counted, and the lead that it joined is listed
            found = leads_of(scope, measure.key, period, filters, now).count()
            assert found == report.figures[measure.key].count, measure.key
    if not deep:
        return
    _same(report.before, report.before_sample, (period.before.since, period.before.until, now), where)
    assert breaches(scope, period, filters, now).count() == report.breaches.count
    for point in report.trend[:1] + report.trend[3::5]:
        _same(point.figures, point.sample, (point.part.since, point.part.until, now), where)
    for name in DIMENSIONS:
        assert sum(row.sample for row in report.by[name]) == report.sample
        for row in report.by[name]:
            key = "IS NULL" if row.key is None else f"= '{row.key}'" if isinstance(row.key, str) else f"= {row.key}"
            _same(row.figures, row.sample, bounds, f"{where} AND {COLUMNS[name]} {key}")
        listed = leads_of(scope, "owned_1", period, filters.narrow(name, row.key), now, others=True).count()
        assert listed == row.figures["owned_1"].base - row.figures["owned_1"].count


def _same(figures, sample, bounds, where):
    counted = {key: (figure.count, figure.base) for key, figure in figures.items() if figure.measure.unit == "share"}
    assert counted == sla_truth.counted(*bounds, where)
    assert sample == sla_truth.sample(*bounds, where)
    for key, high in (("touch", "TRUE"), ("touch_high", "l.high_intent")):
        value, base = sla_truth.middle(*bounds, f"{where} AND {high}")
        assert (figures[key].value, figures[key].base) == (value, base), key


@pytest.mark.parametrize("seed", [1, 2])
def test_every_number_is_what_sql_counts_with_and_without_the_worker(company, seed):
    history = History(company, seed)
    history.run(12, 6 * HOUR)
    period = Period(NOW + DAY, NOW + 3 * DAY, BERLIN)
    check(ALL, period, ANY, history.at)  # nothing is cached yet
    keep_up(lambda: history.at, seconds=60)
    history.run(8, 12 * HOUR)  # the worker has not seen what happened since
    now = history.at
    period = Period(NOW - DAY, now + MINUTE, UTC_ZONE)
    check(ALL, period, ANY, now)
    keep_up(lambda: now, seconds=60)
    check(ALL, period, ANY, now, deep=seed == 1)
    later = whole(now + 9 * DAY)  # nothing new happens but that time passes
    check(ALL, Period(NOW, later, AUCKLAND), ANY, later)
    keep_up(lambda: later, seconds=60)
    assert ReportSpan.objects.filter(stale=False, grain=1).count() > 10
    period = Period(NOW - DAY, NOW + 8 * DAY, UTC_ZONE)
    check(ALL, period, ANY, later, deep=True)
    people = frozenset([company.elena.pk, company.nina.pk])
    mine = f"l.owner_id IN ({company.elena.pk}, {company.nina.pk})"
    check(Scope(people), period, ANY, later, mine)
    web, team = company.sources[1].pk, company.north.pk
    check(ALL, period, Filters(sources=frozenset([web])), later, f"e.source_id = {web}")
    both = Filters(sources=frozenset([web]), teams=frozenset([team, None]))
    told = f"{mine} AND e.source_id = {web} AND ({COLUMNS['team']} = {team} OR {COLUMNS['team']} IS NULL)"
    check(Scope(people), period, both, later, told)
    _is_what_a_rebuild_makes(later)


def _is_what_a_rebuild_makes(now):
    def cached():
        blocks = ReportBlock.objects.order_by("grain", "start", "kind", "key")
        columns = ("grain", "start", "kind", "key", "total")
        return list(ReportArrival.objects.values()), [(*row[:4], bytes(row[4])) for row in blocks.values_list(*columns)]

    kept = cached()
    rebuild(lambda: now)
    assert cached() == kept


def test_breaches_say_how_late_they_were_answered(company):
    history = History(company, 5)
    history.run(10, 2 * HOUR)
    history.until(history.at + 5 * DAY)
    period = Period(NOW, history.at, BERLIN)
    found = sla_report(ALL, period, ANY, history.at).breaches
    rows = sla_truth.late(period.since, period.until, history.at)
    late = sorted(int((_at(answered) - _at(due)).total_seconds()) for due, answered in rows if answered)
    assert len(late) > 5
    assert (found.count, found.unanswered, found.median) == (len(rows), len(rows) - len(late), median(late))
    assert found.p90 == late[-(-len(late) * 9 // 10) - 1]
    listed = breaches(ALL, period, ANY, history.at)
    assert sorted(int(row.late.total_seconds()) for row in listed if row.late is not None) == late


def _at(value):
    """SQLite gives text."""
    if isinstance(value, str):
        value = parse_datetime(value)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def test_touches_are_measured_in_the_working_time_of_the_owner(company):
    for weekday in range(5):
        for owner in (company.elena, company.marco):
            WeeklyHours.objects.create(owner=owner, weekday=weekday, start_minute=540, end_minute=1020)
    friday = datetime(2026, 11, 27, 16, 50, tzinfo=UTC)
    ids = waiting(company.sources[0], *buyers(2))
    RawEvent.objects.update(received_at=friday)
    drain(lambda: friday)
    lead = Lead.objects.get(pk=ids[0])
    monday = friday + timedelta(days=2, hours=16, minutes=30)  # 09:20 on Monday
    touch.record(lead.pk, "call", By(None, lead.owner_id, "x"), monday)
    touch.record(lead.pk, "call", By(None, lead.owner_id, "x"), monday + DAY)
    touches = Fact.objects.filter(kind="touched").order_by("id").values_list("working_seconds", flat=True)
    assert list(touches) == [30 * 60, None]
    period = Period(friday - DAY, friday + DAY, BERLIN)
    weekend = sla_report(ALL, period, ANY, friday + DAY)
    assert (weekend.figures["touch"].base, weekend.figures["unworked_60"].count) == (0, 2)  # nobody could work yet
    found = sla_report(ALL, period, ANY, monday + DAY).figures["touch_high"]
    assert (found.value, found.base) == (None, 2)  # half of the leads has no touch
    assert (found.is_small, found.on_target) == (True, None)


def test_an_event_that_nobody_routed_is_late_too(company):
    ids = waiting(company.sources[0], *buyers(3))
    drain(lambda: NOW)
    waiting(company.sources[0], *buyers(2, first=3))
    period = Period(NOW - DAY, NOW + DAY, BERLIN)
    early = sla_report(ALL, period, ANY, NOW + 30 * timedelta(seconds=1))
    assert (early.figures["owned_1"].base, early.unrouted) == (0, 0)
    now = NOW + 2 * MINUTE
    figure = sla_report(ALL, period, ANY, now).figures["owned_1"]
    assert (figure.count, figure.base, figure.unrouted, figure.value) == (len(ids), 5, 2, 0.6)
    here, other = (Filters(sources=frozenset([source.pk])) for source in company.sources[:2])
    assert [sla_report(ALL, period, asked, now).unrouted for asked in (here, other)] == [2, 0]
    assert sla_report(Scope(frozenset([company.elena.pk])), period, ANY, now).unrouted == 0


def test_a_range_without_leads_says_so_and_divides_by_nothing():
    period = Period(NOW - 60 * DAY, NOW, BERLIN)
    report = sla_report(ALL, period, ANY, NOW)
    assert (report.sample, report.breaches.count, report.breaches.median) == (0, 0, None)
    figures = [*report.figures.values(), *report.before.values()]
    assert {(f.value, f.count, f.base, f.on_target) for f in figures} == {(None, 0, 0, None)}
    assert all(rows == () for rows in report.by.values())
    assert len(report.trend) == 61
    assert sla_report(ALL, Period(NOW, NOW, BERLIN), ANY, NOW).trend == ()


def test_days_are_those_of_the_zone_when_the_clocks_change(company):
    Installation.objects.update_or_create(id=1, defaults={"time_zone": "Europe/Berlin"})
    instants = [
        datetime(2026, 10, day, hour, 30, tzinfo=BERLIN) for day, hour in ((24, 23), (25, 0), (25, 23), (26, 0))
    ]
    for number, at in enumerate(instants):
        waiting(company.sources[0], *buyers(1, first=number))
        RawEvent.objects.filter(state=RawEvent.State.WAITING).update(received_at=at)
        drain(lambda at=at: at)
    period = Period(datetime(2026, 10, 24, tzinfo=BERLIN), datetime(2026, 10, 27, tzinfo=BERLIN), BERLIN)
    assert period.before.since == datetime(2026, 10, 21, tzinfo=BERLIN)
    for keep in (False, True):
        if keep:
            keep_up(lambda: NOW, seconds=60)
        report = sla_report(ALL, period, ANY, NOW)
        days = [(point.part.since.astimezone(BERLIN).date(), point.sample) for point in report.trend]
        assert days == [(date(2026, 10, 24), 1), (date(2026, 10, 25), 2), (date(2026, 10, 26), 1)]
    assert report.trend[1].part.until.timestamp() - report.trend[1].part.since.timestamp() == 25 * 3600


def test_long_periods_are_counted_exactly_and_their_medians_within_the_stated_error(company):
    dice = Random(3)
    first, days = NOW - 190 * DAY, 180
    kept = [_invented(number, first + dice.random() * days * DAY, company, dice) for number in range(3000)]
    ReportArrival.objects.bulk_create(kept)
    ReportState.objects.create(pk=1)
    keep_up(lambda: NOW, seconds=60)
    assert set(ReportSpan.objects.values_list("grain", flat=True)) == {1, 7, 28, 84}
    since = NOW - 170 * DAY
    long = sla_report(ALL, Period(since, NOW, UTC_ZONE), ANY, NOW)
    exact = sla_report(ALL, Period(since, NOW, BERLIN), ANY, NOW)  # another zone is counted from rows
    assert (long.stated_error, exact.stated_error, long.grain) == (0.025, 0.0, "week")
    assert long.figures["touch"].error == 0.025
    assert sla_report(ALL, Period(NOW - 40 * DAY, NOW - 10 * DAY, UTC_ZONE), ANY, NOW).stated_error == 0
    pairs = [(long.figures, exact.figures), (long.before, exact.before)]
    for name in DIMENSIONS:
        assert [row.key for row in long.by[name]] == [row.key for row in exact.by[name]]
        pairs += [(a.figures, b.figures) for a, b in zip(long.by[name], exact.by[name], strict=True)]
    for rough, true in pairs:
        for key, figure in rough.items():
            assert (figure.count, figure.base) == (true[key].count, true[key].base)
            assert figure.value == (true[key].value and pytest.approx(true[key].value, rel=0.025))
    assert long.breaches.median == pytest.approx(exact.breaches.median, rel=0.025)
    assert long.breaches.p90 == pytest.approx(exact.breaches.p90, rel=0.025)
    half = Scope(frozenset([company.elena.pk]))
    both = [sla_report(half, Period(since, NOW, zone), ANY, NOW).figures["within"] for zone in (UTC_ZONE, BERLIN)]
    assert both[0] == both[1]


def _invented(number, at, company, dice):
    owner = dice.choice((company.elena, company.marco)).pk
    flag = lambda share: int(dice.random() < share)  # noqa: E731
    broken = flag(0.2)
    return ReportArrival(
        id=10_000 + number, lead=10_000 + number, at=micros(at), new=True, high=flag(0.5), lead_type="demo",
        source=company.sources[flag(0.5)].pk, path="round_robin_pool", team=company.sales.pk, rep=owner, owner=owner,
        wait=-1 if flag(0.1) else int(dice.lognormvariate(7, 1.5)), within=flag(0.8), unworked_60=flag(0.2),
        owned_1=flag(0.9), inactive_30=flag(0.1), exceptions=flag(0.05), duplicates=0, accepted=flag(0.8),
        booked=flag(0.1), reassigned=flag(0.1), reassigned_touched=0, first_right=flag(0.9), breached=broken,
        late=str(dice.randint(1, 90_000)) if broken else "", unanswered=0,
    )  # fmt: skip


def test_no_value_is_further_from_the_middle_of_its_bucket_than_stated():
    edges = [start for start in packing.STARTS if start] + [start - 1 for start in packing.STARTS[2:]]
    for value in edges:
        counted = Tally()
        counted.hists[0] = packing.histogram([value])
        assert counted.figures()["touch_high"].value == pytest.approx(value, rel=packing.STATED_ERROR)


def test_it_takes_as_many_statements_for_one_lead_as_for_many(company, django_assert_num_queries):
    def asked(count):
        for scope, filters in (
            (ALL, ANY),
            (Scope(frozenset([company.elena.pk])), Filters(lead_types=frozenset(["demo"]))),
        ):
            with django_assert_num_queries(count[scope == ALL]):
                sla_report(scope, period, filters, now)

    now, period = NOW + 20 * DAY, Period(NOW - DAY, NOW + 19 * DAY, UTC_ZONE)
    waiting(company.sources[0], *buyers(1))
    drain(lambda: NOW)
    keep_up(lambda: now, seconds=60)
    asked({True: 15, False: 9})
    waiting(company.sources[0], *buyers(30, first=1))
    drain(lambda: NOW)
    keep_up(lambda: now, seconds=60)
    ReportSpan.objects.update(built_at=NOW)
    ReportState.objects.update(looked_at=None)
    keep_up(lambda: now, seconds=60)
    asked({True: 15, False: 9})


def test_a_fact_that_commits_after_a_later_one_is_read_all_the_same(company):
    ids = waiting(company.sources[0], *buyers(1))
    drain(lambda: NOW)
    last = Fact.objects.order_by("-id").values_list("id", flat=True)[0]
    fact = {"lead_id": ids[0], "at": NOW + MINUTE, "owner_id": company.elena.pk}
    Fact.objects.create(id=last + 5, kind="alerted", **fact)
    now = NOW + 2 * HOUR
    keep_up(lambda: now, seconds=60)
    assert ReportArrival.objects.get().booked == 0
    Fact.objects.create(id=last + 3, kind="booked", **fact)
    keep_up(lambda: now + MINUTE)
    assert ReportArrival.objects.get().booked == 1
    gaps = [gap[:2] for gap in ReportState.objects.get().gaps]
    assert gaps == [[last + 1, last + 2], [last + 4, last + 4]]
    keep_up(lambda: now + HOUR)
    assert ReportState.objects.get().gaps == []


def test_the_command_makes_the_cache_anew(company, capsys):
    waiting(company.sources[0], *buyers(3))
    drain(lambda: NOW)
    call_command("recount", "--reports")
    assert capsys.readouterr().out == "The reports are made anew: 3 inquiries.\n"


def test_the_benchmark_runs_from_end_to_end(company):
    figures = bench.run(400, 1, lambda text: None)
    assert figures["inquiries"] == 400
    assert figures["blocks"] > 400
    assert {f"{name}_{days}_ms" for name in ("report", "manager", "floor") for days in bench.DAYS} < figures.keys()


def test_the_scope_is_that_of_all_numbers(company):
    boss, rep = (User.objects.create(username=name) for name in ("boss", "rep"))
    boss.groups.add(Group.objects.get_or_create(name=Role.MANAGER)[0])
    rep.groups.add(Group.objects.get_or_create(name=Role.REP)[0])
    revops = User.objects.create(username="revops")
    revops.groups.add(Group.objects.get_or_create(name=Role.REVOPS)[0])
    company.rita.user = boss
    company.rita.save()
    company.sales.lead = company.rita
    company.sales.save()
    waiting(company.sources[0], *buyers(4), *buyers(3, first=4, country="GB"))
    drain(lambda: NOW)
    period, now = Period(NOW - DAY, NOW + DAY, UTC_ZONE), NOW + DAY
    for user, leads in ((boss, 4), (rep, 0), (revops, 7)):
        scope = scope_of(user)
        assert sla_report(scope, period, ANY, now).sample == leads == reported_leads(user).count()
        assert set(leads_of(scope, "sample", period, ANY, now)) == set(reported_leads(user))
