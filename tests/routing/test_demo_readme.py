"""The README's commands run on the demo company: each example stops at its step, at every hour of a week."""

import re
import subprocess
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.utils import timezone

from leads.intake import Incoming, store
from leads.models import RawEvent, Source
from leads.parse import canonical_digest, parse_body
from routing import demo, pipeline
from routing.models import Decision
from routing.replay import verify
from tests.routing.demo_company import FORM, STATUSES, examples, post_examples, post_worked_case, readme

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_readme_example_stops_at_its_own_step():
    demo.load(history=False)
    post_examples()


def test_readme_first_lead_is_the_worked_case():
    demo.load(history=False)
    post_worked_case()


def stored(source, body, moment):
    """One of the examples as a stored event that waits."""
    digest = canonical_digest(parse_body(body.encode(), FORM))
    return store(
        Incoming(
            source=source, body=body.encode(), content_type=FORM, headers="{}", digest=digest, received_at=moment,
            correlation_id=digest[:32], intent_class=RawEvent.IntentClass.LIVE,
        )
    ).event  # fmt: skip


def test_readme_examples_hold_at_every_hour_of_a_week():
    start = timezone.now().replace(minute=30, second=0, microsecond=0)
    demo.load(start, history=False)
    sources = dict(Source.objects.values_list("key", "id"))
    for hour in range(7 * 24):
        moment = start + timedelta(hours=hour)
        events = [stored(sources[source], body, moment) for source, body in examples(hour)]
        pipeline.route(clock=lambda moment=moment: moment)
        decided = dict(Decision.objects.filter(event__in=events).values_list("hierarchy_step", "status"))
        assert decided == STATUSES, moment
    _, differences = verify(None)
    assert differences == []


def test_readme_blocks_run_as_they_stand():
    blocks = re.findall(r"```sh\n(.*?)```", readme(), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        assert not re.search(r"localhost:\d+(?!\})|\b[A-Z]+_(TOKEN|ID)\b", re.sub(r"\$\{BASE:-[^}]*\}", "", block)), (
            block
        )
        done = subprocess.run(["sh", "-n"], input=block, text=True, capture_output=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_readme_names_only_files_and_commands_that_exist():
    text = readme()
    for path in re.findall(r"`((?:owners|leads|routing|revroute|tests|templates|static)/[\w./]*)`", text):
        assert (settings.BASE_DIR / path).exists(), path
    assert set(re.findall(r"manage\.py (\w+)", text)) - set(get_commands()) == set()
