"""The doctor: each problem is one sentence with the row that mends it; the number of queries never grows."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import RawEvent, Source
from owners.models import Absence, Calendar, Owner, Pool, PoolMember, SpecialDay, Team, User, WeeklyHours
from routing.doctor import ERROR, WARNING, Finding, findings, installation
from routing.models import SlaClock
from tests.builders import (
    NOW,
    make_lead_type,
    make_owner,
    make_pool,
    make_rule,
    make_source,
    make_team,
    make_territory,
    make_version,
    publish,
    publish_pool_rule,
)
from tests.routing.rows import make_story

pytestmark = pytest.mark.django_db


@pytest.fixture
def healthy():
    """Elena and Marco, who need nothing from a doctor."""
    elena = make_owner("elena")
    team = make_team("europe", lead=elena, fallback_owner=elena)
    marco = make_owner("marco", team, cover=elena)
    pool = make_pool("emea", [elena, marco], team=team)
    make_territory("dach", elena, ["DE"], team=team)
    make_source("web", elena)
    version = publish_pool_rule(elena, pool)
    return {"elena": elena, "marco": marco, "team": team, "pool": pool, "version": version}


def problems():
    """All but those of this machine's settings, as (severity, code, sentence, row)."""
    of_settings = {finding.code for finding in installation.problems()}
    return [
        (finding.severity, finding.code, finding.sentence, (finding.app, finding.model, finding.pk))
        for finding in findings(NOW)
        if finding.code not in of_settings | {"background_late"}
    ]


def codes():
    return {code: severity for severity, code, _, _ in problems()}


def test_healthy_installation_has_no_problems(healthy):
    assert problems() == []


def test_empty_installation_is_told_what_it_lacks():
    assert codes() == {"no_published_rules": ERROR, "no_active_source": WARNING}


def test_rep_who_left_is_found_wherever_they_are_named(healthy):
    elena, team, pool = healthy["elena"], healthy["team"], healthy["pool"]
    version = make_version(elena)
    for step, target, fields in (
        ("campaign_source_owner", "owner", {"owner": healthy["marco"]}),
        ("critical_severity_founder_review", "owner", {"owner": healthy["marco"], "fallback_owner": elena}),
        ("round_robin_pool", "team", {"team": make_team("empty", lead=elena, fallback_owner=elena, default_pool=pool)}),
        ("manual_review", "review", {"owner": healthy["marco"]}),
    ):
        make_rule(version, step, target, **fields)
    published = publish(version, None, NOW)
    draft = make_version(elena)
    make_rule(draft, "round_robin_pool", "owner", owner=healthy["marco"], fallback_owner=healthy["marco"])
    Team.objects.filter(key="empty").update(default_pool=None)
    Owner.objects.filter(key="marco").update(state="departed", cover=None)
    Owner.objects.filter(key="elena").update(cover=healthy["marco"])
    Team.objects.filter(key="europe").update(lead=healthy["marco"])
    row = ("routing", "rulesetversion", published.pk)
    assert problems() == [
        (ERROR, "rule_owner_gone", "Rule “campaign_source_owner to owner” leads to Marco, who has left, and nobody"
         " stands in: its leads go to review.", row),
        (ERROR, "rule_team_without_pool", "Rule “round_robin_pool to team” leads to team Empty, which has no default"
         " pool. Choose one.", row),
        (WARNING, "rule_owner_stood_in", "Rule “critical_severity_founder_review to owner” leads to Marco, who has"
         " left; others stand in. Name somebody who is here.", row),
        (WARNING, "reviewer_gone", "Rule “manual_review to review” names Marco for its reviews, who has left. Name"
         " somebody who is here.", row),
        (WARNING, "draft_names_gone_owner", f"Draft {draft.pk} names Marco, who does not take leads any more, in 1"
         " rule.", ("routing", "rulesetversion", draft.pk)),
        (WARNING, "pool_member_gone", "Pool Emea still has Marco as a member, who left.", ("owners", "pool", pool.pk)),
        (WARNING, "cover_gone", "Marco, who covers for Elena, has left. Name another cover person.",
         ("owners", "owner", elena.pk)),
        (WARNING, "team_lead_gone", "Marco, the lead of team Europe, has left.", ("owners", "team", team.pk)),
    ]  # fmt: skip


def test_rule_that_asks_for_a_key_of_nothing_can_never_hold(healthy):
    version = make_version(healthy["elena"])
    conditions = (("territory", "is", "dach"), ("source_key", "one_of", ["web", "gone"]), ("lead_type", "is", "fair"))
    make_rule(version, "round_robin_pool", "pool", *conditions, pool=healthy["pool"], name="Odd")
    publish(version, None, NOW)
    found = [sentence for _, code, sentence, _ in problems() if code == "rule_asks_for_nothing"]
    assert found == [
        "Rule “Odd” asks for source gone, which does not exist.",
        "Rule “Odd” asks for lead type fair, which does not exist.",
    ]


def test_people_who_can_get_nothing_are_named(healthy):
    elena, marco = healthy["elena"], healthy["marco"]
    PoolMember.objects.filter(owner=elena).update(active=False)
    Owner.objects.filter(pk=marco.pk).update(accepts_leads=False, email="", alert_channels=["email"])
    Owner.objects.filter(pk=elena.pk).update(cover=marco)
    WeeklyHours.objects.create(owner=marco, weekday=0, start_minute=540, end_minute=720)
    WeeklyHours.objects.create(owner=marco, weekday=0, start_minute=600, end_minute=900)
    Absence.objects.create(owner=elena, starts_at=NOW - timedelta(days=1), ends_at=NOW + timedelta(days=1))
    late = make_pool("late", [elena], when_empty="fallback", fallback_owner=elena)
    make_territory("north", None, ["NO"])
    User.objects.create(username="rob").groups.add(Group.objects.get_or_create(name="Rep")[0])
    Source.objects.filter(key="web").update(token_hash="", previous_token_hash="")
    assert codes() == {
        "pool_empty": WARNING,  # the team's fallback owner stands in
        "pool_fallback_away": WARNING,
        "coverage_gap": WARNING,  # nobody but Elena is in the pool, and she is away
        "territory_unowned": ERROR,
        "hours_unreadable": ERROR,
        "owner_without_email": ERROR,
        "cover_loop": WARNING,
        "source_without_token": ERROR,
        "rep_without_owner": WARNING,
    }
    sentences = {code: sentence for _, code, sentence, _ in problems()}
    assert sentences["cover_loop"] == (
        "Covers go round in a circle: Elena → Marco → Elena. When they are all away, nobody stands in."
    )
    assert sentences["pool_fallback_away"].endswith("who is away until 2026-11-24 10:00 UTC.")
    assert late.name in sentences["pool_fallback_away"]


def test_covers_that_ended_and_holidays_that_nobody_accepted_are_named(healthy):
    elena, marco = healthy["elena"], healthy["marco"]
    office = Calendar.objects.create(key="berlin", name="Berlin", holiday_country="DE")
    Calendar.objects.create(key="unused", name="Unused", holiday_country="DE")
    SpecialDay.objects.create(calendar=office, day=NOW.date(), name="Old", proposed=True)
    Owner.objects.filter(pk=marco.pk).update(calendar=office, cover=elena, cover_until=NOW - timedelta(hours=1))
    Absence.objects.create(owner=marco, starts_at=NOW - timedelta(days=1), ends_at=NOW + timedelta(days=1))
    sentences = {code: sentence for _, code, sentence, _ in problems()}
    assert sentences["cover_ended"] == (
        "Marco is away until 2026-11-24 10:00 UTC, and Elena covers no longer: the cover ended at 2026-11-23 09:00 UTC."
        " Set a later end, or empty it."
    )
    assert sentences["holidays_missing"] == (
        "The list of public holidays of calendar Berlin ends with 23 Nov 2026: leads go to people on holidays of 2027."
        " Choose “Propose holidays” on its page and accept them."
    )
    SpecialDay.objects.create(calendar=office, day=NOW.date() + timedelta(days=60), name="New", proposed=True)
    assert "holidays_missing" not in codes()


def test_work_that_stands_still_is_an_error(healthy):
    story = make_story("2", country="FR")
    RawEvent.objects.filter(pk=story.event.pk).update(received_at=NOW - timedelta(hours=2))
    SlaClock.objects.filter(pk=story.clock.pk).update(
        state="running", ended_at=None, started_at=NOW - timedelta(days=3), due_at=NOW - timedelta(days=3)
    )
    found = {code: sentence for severity, code, sentence, _ in problems() if severity == ERROR}
    late = [(each.severity, each.sentence) for each in findings(NOW) if each.code == "background_late"]
    assert (late[0], late[-1]) == (
        (ERROR, "The oldest lead has waited 2 hours for its decision."),
        (WARNING, "No background worker is running; start one with manage.py worker."),
    )
    assert found["clocks_not_swept"] == "1 clock ran out up to 3 days ago, and nothing followed. Is the worker running?"


def test_of_a_thousand_like_each_other_ten_are_told_and_the_rest_counted(healthy):
    Owner.objects.bulk_create(Owner(key=f"rep{n}", name=f"Rep {n}") for n in range(25))
    reps = list(Owner.objects.filter(key__startswith="rep").order_by("id"))
    for rep, cover in zip(reps, [*reps[1:], reps[0]], strict=True):
        rep.cover = cover
    Owner.objects.bulk_update(reps, ["cover"])
    found = [sentence for _, code, sentence, _ in problems() if code == "owner_without_email"]
    assert (len(found), found[-1]) == (11, "15 more like the last one.")
    [loop] = [sentence for _, code, sentence, _ in problems() if code == "cover_loop"]
    assert "Rep 0 → Rep 1 → Rep 2 → Rep 3 → Rep 4 → 20 more → Rep 0." in loop


def test_number_of_queries_stays_the_same(healthy, django_assert_num_queries):
    findings(NOW)  # what is asked once for each process
    with CaptureQueriesContext(connection) as few:
        findings(NOW)
    for number in range(5):
        owner = make_owner(f"rep{number}", healthy["team"], state="departed")
        make_pool(f"pool{number}", [owner])
        make_source(f"source{number}", owner)
        make_rule(make_version(owner), "round_robin_pool", "owner", owner=owner)
    findings(NOW)  # reads the people anew, once for each change of them
    with django_assert_num_queries(len(few)):
        findings(NOW)


def test_settings_that_harm_are_named(settings):
    settings.SECRET_KEY, settings.DEBUG, settings.ALLOWED_HOSTS = "short", True, ["*"]
    settings.BASE_URL, settings.EMAIL_BACKEND = (
        "http://localhost:8000",
        "django.core.mail.backends.filebased.EmailBackend",
    )
    found = [(finding.severity, finding.code) for finding in installation.problems() if finding.code.islower()]
    assert found[:4] == [
        (ERROR, "secret_key_weak"), (ERROR, "debug_in_public"), (WARNING, "base_url_local"), (WARNING, "mail_to_files"),
    ]  # fmt: skip


def test_missing_migration_is_all_that_is_said(monkeypatch):
    monkeypatch.setattr(installation, "_up_to_date", False)
    monkeypatch.setattr(installation.MigrationExecutor, "migration_plan", lambda *_: [None, None])
    sentence = "2 migrations not applied to the database yet. Run: manage.py migrate"
    assert findings(NOW) == [Finding(ERROR, "migrations_pending", sentence)]


def test_command_ends_with_status_1_on_errors_only(healthy, capsys):
    call_command("doctor")
    assert capsys.readouterr().out.strip().endswith(("No problems found.", "warning.", "warnings."))
    make_territory("north", None, ["NO"])
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--json")
    first = json.loads(capsys.readouterr().out)[0]
    assert (ended.value.code, first["code"], first["model"]) == (1, "territory_unowned", "territory")


def test_pools_whose_leads_wait_are_answered_for_in_time_and_end_somewhere(healthy):
    elena, pool = healthy["elena"], healthy["pool"]
    make_lead_type("demo")  # a test that commits empties the table
    desk = make_pool("desk", [elena], method="claim", named_owner=elena, wait_minutes=60, next_pool=pool)
    version = make_version(elena)
    make_rule(version, "round_robin_pool", "pool", ("lead_type", "is", "demo"), pool=desk, name="Demos")
    publish(version, None, NOW)
    assert codes()["claim_waits_too_long"] == ERROR
    desk.wait_minutes, pool.next_pool, pool.method, pool.named_owner = 5, desk, "claim", healthy["marco"]
    desk.save()
    pool.save()
    Owner.objects.filter(pk=healthy["marco"].pk).update(state="inactive")
    Team.objects.update(lead=elena)
    found = {code: sentence for _, code, sentence, _ in problems()}
    assert "claim_waits_too_long" not in found
    assert found["claim_round"].startswith("Leads that nobody claims would go round: ")
    assert found["waiting_unanswered"] == (
        "Leads of pool Emea may wait, and Marco, who answers for them, is inactive. Name somebody."
    )


def test_a_query_that_outlived_its_team_and_members_whose_time_is_over(healthy):
    make_pool("german", [], member_query={"teams": ["gone"]})
    PoolMember.objects.filter(pool=healthy["pool"]).update(ends_at=NOW - timedelta(days=1))
    found = codes()
    assert (found["query_without_team"], found["pool_members_over"]) == (ERROR, WARNING)


def test_a_query_that_finds_nobody_and_leads_on_hold_for_nobody(healthy):
    pool = make_pool("german", [], member_query={"languages": ["de", "fr"], "teams": ["europe"]})
    Pool.objects.filter(pk=healthy["pool"].pk).update(when_empty="hold", named_owner=healthy["elena"])
    for owner in (healthy["elena"], healthy["marco"]):
        Absence.objects.create(owner=owner, starts_at=NOW, ends_at=NOW + timedelta(days=20))
    found = {code: (severity, sentence) for severity, code, sentence, _ in problems()}
    assert found["query_finds_nobody"] == (
        WARNING,
        "Pool German looks for members by what they are and finds nobody: languages de, fr; teams europe.",
    )
    assert found["held_for_nobody"] == (
        WARNING,
        "Pool Emea holds leads until somebody is there, and nobody works in it within 14 days. Add somebody, or let"
        " them go to review.",
    )
    Owner.objects.filter(key="marco").update(languages=["fr", "de"])
    Absence.objects.filter(owner=healthy["marco"]).delete()
    assert {"query_finds_nobody", "held_for_nobody"}.isdisjoint(codes())
    assert pool.members.get().owner == healthy["marco"]
