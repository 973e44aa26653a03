"""Publishing in several processes at once: a schedule happens once, and an edit is before a publish or after it."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from owners.models import User
from owners.roles import Role, give_role
from routing import drafts, publishing, rulebook
from routing.models import Rule, RuleSetVersion
from routing.refused import Refused
from routing.rulebook import RulebookError
from tests.builders import make_owner, make_rule, make_version
from tests.flows.server import FULL, database

pytestmark = pytest.mark.server

DRAFTS = 200 if FULL else 12
STEP = "campaign_source_owner"


def seed_drafts(count):
    """As many drafts with a purpose, each asked for by Rita to be published an instant ago."""
    rita = User.objects.create_user("rita")
    give_role(rita, Role.REVOPS)
    elena = make_owner("elena")
    past = timezone.now() - timedelta(minutes=1)
    for number in range(count):
        version = make_version(elena)
        make_rule(version, STEP, "owner", owner=elena)
        RuleSetVersion.objects.filter(pk=version.pk).update(
            purpose=f"draft {number}", publish_at=past, publish_asked_by=rita
        )
    return list(RuleSetVersion.objects.order_by("pk").values_list("pk", flat=True))


def publish_what_is_due(start):
    """What a worker's tick does, from the agreed instant on."""
    time.sleep(max(start - time.time(), 0))
    while RuleSetVersion.objects.filter(publish_at__isnull=False).exists():
        publishing.publish_due(timezone.now())


def edit_each(versions, start, step):
    """Switch the rule of one draft after the other off and on, again and again, each in its own span."""
    rita = User.objects.get()
    for number, version in enumerate(versions):
        rule = Rule.objects.get(version=version)
        begin, on = start + number * step, True
        time.sleep(max(begin - time.time(), 0))
        try:
            while time.time() < begin + 0.9 * step:
                on = not on
                drafts.switch_rule(version, rule.pk, on, None, rita, timezone.now())
        except Refused as refused:
            if refused.code != "not_a_draft":
                raise


def publish_each(versions, start, step):
    """Publish one draft after the other: the first ones before their edits begin, the last ones amid them."""
    rita = User.objects.get()
    for number, version in enumerate(versions):
        ahead = (len(versions) / 2 - number) / len(versions) * step
        time.sleep(max(start + number * step - ahead - time.time(), 0))
        try:
            publishing.publish_draft(version, "a race", rita, timezone.now())
        except RulebookError as error:
            if error.code != "changed":
                raise


def untrue_versions():
    """Versions that were published with another content than their rows have, or under another content's digest."""
    published = RuleSetVersion.objects.exclude(state="draft")
    return [
        version.pk
        for version in published
        if version.content != rulebook.freeze(version) or version.digest != rulebook.digest(version.content)
    ]


def test_two_workers_publish_each_scheduled_draft_once():
    with database(seed_drafts, DRAFTS) as db:
        workers = [db.start(publish_what_is_due, time.time() + 3) for _ in range(2)]
        assert [worker.wait(60) for worker in workers] == [0, 0]
        states = db.rows("SELECT state, COUNT(*) FROM routing_rulesetversion GROUP BY state ORDER BY state")
        assert states == [("published", 1), ("retired", DRAFTS - 1)]
        lines = "SELECT object_id, COUNT(*) FROM django_admin_log WHERE change_message LIKE 'Published %' GROUP BY 1"
        assert sorted((int(version), count) for version, count in db.rows(lines)) == [(pk, 1) for pk in db.seeded]
        assert db.value("SELECT COUNT(*) FROM routing_rulereview") == DRAFTS
        assert db.value("SELECT COUNT(*) FROM routing_rulesetversion WHERE publish_refused <> ''") == 0
        assert db.run(untrue_versions) == []


def test_an_edit_in_the_instant_of_a_publish_is_before_it_or_after_it():
    with database(seed_drafts, DRAFTS) as db:
        start = time.time() + 3
        racers = [db.start(race, db.seeded, start, 0.2) for race in (edit_each, publish_each)]
        assert [racer.wait(60) for racer in racers] == [0, 0]
        assert db.run(untrue_versions) == []
        published = db.value("SELECT COUNT(*) FROM routing_rulesetversion WHERE state <> 'draft'")
        edited = db.value("SELECT COUNT(*) FROM django_admin_log WHERE change_message LIKE 'Switched %'")
        print(f"\n{published} of {DRAFTS} drafts were published amid {edited} edits, each with the content of its rows")
