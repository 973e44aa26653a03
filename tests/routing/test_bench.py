"""The benchmarks run from end to end, on a small database of their own; no figure is asserted."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from leads.models import Contact, Deal, Lead, RawEvent
from owners.models import PoolMember
from routing.bench import data, load, statements
from routing.bench.rules import COUNTRIES, LEAD_TYPES
from routing.models import Decision, OwnerLoad, RuleSetVersion
from tests import kept
from tests.builders import make_contact, make_owner, make_source
from tests.once import on_postgres_only, on_sqlite_only

LEADS = 200
Bench = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def address(tmp_path) -> Iterator[str]:
    """An empty database that is gone afterwards: a file, or a database on the server that the tests run on."""
    made = kept.copy(None, tmp_path / "bench.sqlite3")
    yield made
    if kept.ON_POSTGRES:
        kept.drop(made)


@pytest.fixture
def bench(address, tmp_path) -> Bench:
    """Run `manage.py bench` with these arguments on the empty database."""
    return bench_on(address, tmp_path)


@pytest.fixture
def bench_with_tables(tmp_path) -> Iterator[Bench]:
    """The same, where somebody has migrated already, which takes five seconds."""
    made = kept.copy(kept.migrated(), tmp_path / "bench.sqlite3")
    yield bench_on(made, tmp_path)
    if kept.ON_POSTGRES:
        kept.drop(made)


def bench_on(address: str, tmp_path: Path) -> Bench:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", "bench", *arguments],
            cwd=settings.BASE_DIR,
            env={**os.environ, "DATABASE_URL": address, "VAR_DIR": str(tmp_path), "LOG_LEVEL": "ERROR"},
            capture_output=True,
            text=True,
            timeout=240,
        )

    return run


def figures_of(done: "subprocess.CompletedProcess[str]") -> dict:
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1, done.stdout
    return json.loads(lines[0])


@on_postgres_only
@pytest.mark.server
def test_route_prints_one_line_and_counts_the_same_statements_for_any_number_of_rules(bench_with_tables):
    arguments = ("--leads", str(LEADS), "--seconds", "0.2", "--repeats", "1", "--profile")
    figures = figures_of(bench_with_tables("route", *arguments))
    assert (figures["bench"], figures["database"], figures["leads"]) == ("route", connection.vendor, LEADS)
    assert figures["leads_per_s"] > 0
    counted = figures["statements_per_batch"]
    assert counted["10"].keys() == counted["1000"].keys() == {"1", "10", "100"}
    if connection.vendor == "postgresql":  # SQLite leaves out tables without rows
        assert counted["10"]["100"] == counted["1000"]["100"] == counted["1000"]["1"]
    assert figures["decision"]["by_rules"].keys() == {"10", "1000", "10000"}


@on_postgres_only
@pytest.mark.server
def test_intake_answers_every_post_and_leaves_nothing_waiting(bench_with_tables):
    figures = figures_of(bench_with_tables("intake", "--leads", str(LEADS), "--seconds", "1", "--repeats", "1"))
    assert figures["statuses"].keys() <= {"201", "202"}
    assert (figures["unanswered"], figures["left_waiting"]) == (0, 0)
    assert figures["arrivals"].keys() == {"20", "100"}
    assert {row["alerts_early"] for row in figures["arrivals"].values()} == {0}


@on_sqlite_only
def test_territories_are_imported_and_looked_up(bench_with_tables):
    figures = figures_of(bench_with_tables("territories", "--leads", str(LEADS), "--areas", "300", "--repeats", "1"))
    assert (figures["bench"], figures["areas"]) == ("territories", 300)
    assert figures["look_up_us"] > 0


@on_sqlite_only
def test_a_missing_folder_of_floors_is_one_sentence(bench_with_tables, tmp_path):
    done = bench_with_tables("route", "--leads", str(LEADS), "--floors", str(tmp_path / "nowhere"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no floor_" in done.stderr.splitlines()[-1]


@pytest.mark.django_db
@pytest.mark.parametrize("rows", ["a contact", "an owner and a source"])
def test_a_database_that_no_benchmark_made_is_refused_and_left_alone(rows):
    if rows == "a contact":
        make_contact("ann@example.com")
    else:
        make_source("bench", make_owner("bench-1"))
    with pytest.raises(data.Refused, match="no benchmark made"):
        data.ensure(LEADS, print)
    assert (Lead.objects.count(), PoolMember.objects.count(), RuleSetVersion.objects.count()) == (0, 0, 0)


@pytest.fixture
def filled(transactional_db) -> int:
    return data.ensure(LEADS, lambda text: None)


def test_filling_stores_what_a_company_has(filled):
    assert filled == LEADS
    counted = {
        Contact: LEADS,
        Lead: LEADS,
        Deal: LEADS // 4,
        RawEvent: LEADS // 20,
        Decision: LEADS // 20,
        PoolMember: 400,
    }
    assert {model: model.objects.count() for model in counted} == counted
    assert len(RuleSetVersion.objects.get().content["rules"]) == data.RULES
    loads = dict(OwnerLoad.objects.values_list("owner", "open_leads"))
    assert sum(loads.values()) == Lead.objects.filter(state="assigned").count() == LEADS // 20


def test_filling_again_uses_what_is_there(filled):
    assert data.ensure(LEADS * 2, print) == LEADS
    assert Lead.objects.count() == LEADS


def test_stored_events_are_routed_in_a_statement_count_that_does_not_depend_on_their_number(filled):
    few, many = (statements.statements_per_batch(size, filled) for size in (10, 100))
    assert many <= few + (4 if connection.vendor == "sqlite" else 0)  # SQLite leaves out tables without rows
    assert not RawEvent.objects.filter(state=RawEvent.State.WAITING).exists()
    fresh = Decision.objects.filter(id__gt=filled)
    assert {*fresh.values_list("status", flat=True)} <= {"assigned", "appended"}


def test_payload_of_the_generator_carries_what_the_rules_ask_for():
    payload = load.lead_payload(load.random.Random(1), LEADS, hot=True)
    assert payload["campaign"].startswith("line-1-")
    assert payload["country"] in COUNTRIES
    assert payload["lead_type"] in LEAD_TYPES


def test_percentile_is_a_value_that_was_seen():
    assert [load.percentile([3.0, 1.0, 2.0], share) for share in (0.0, 0.5, 0.99)] == [1.0, 2.0, 3.0]
    assert load.percentile([], 0.5) == 0.0


def test_an_unknown_name_is_refused_before_anything_is_made(bench, tmp_path):
    done = bench("nonsense")
    assert done.returncode == 2
    assert "invalid choice" in done.stderr
    assert not (tmp_path / "bench.sqlite3").exists()


@on_sqlite_only
def test_rungs_are_climbed_at_once_in_a_stream_and_moving_leads(bench_with_tables):
    options = ("--leads", str(LEADS), "--clocks", "150", "--repeats", "1", "--seconds", "1")
    figures = figures_of(bench_with_tables("sweep", *options))
    assert (figures["bench"], figures["clocks"], figures["stream"]["rungs"]) == ("sweep", 150, 150)
    for burst in ("reminders", "breaches"):
        assert figures[burst]["per_s"] > 0
        assert figures[burst]["floor_per_s"] > 0
    assert figures["moves_to_cover"]["moved"] > 75
    assert figures["moves_to_members"]["moved"] > 75


def test_the_ledger_of_the_pools_adds_up(bench_with_tables):
    figures = figures_of(bench_with_tables("ledger", "--leads", str(LEADS), "--entries", "12000", "--repeats", "1"))
    assert figures["bench"] == "ledger"
    assert figures["entries"] >= 12_000
