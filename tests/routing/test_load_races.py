"""People who touch and close, rules of counting that change, and routing in the same instant: counts stay exact."""

import json
import random

import pytest
from django.db import connection

from leads.models import Lead, LeadType
from owners.models import Installation, PoolMember
from routing import acts, touch
from routing.loads import drift
from routing.models import Decision, MemberLoad
from routing.moving import By
from routing.pipeline import drain
from routing.refused import Refused
from routing.replay import verify
from tests.builders import NOW, make_owner, make_pool, make_source, publish_pool_rule
from tests.routing.batches import buyers, waiting
from tests.routing.test_escalation_races import at_once

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
CAP = 12


@pytest.fixture(autouse=True)
def several_connections():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's test database is in memory and has one connection")


def test_counts_are_exact_and_no_place_is_overfilled_whoever_is_first():
    people = [make_owner(f"rep{number}", cap_open=3 * CAP) for number in range(4)]
    publish_pool_rule(people[0], make_pool("inbound", people))
    PoolMember.objects.filter(owner__in=people[:2]).update(cap_open=CAP)
    source = make_source("web", people[0])
    waiting(source, *buyers(60))
    drain(lambda: NOW)
    waiting(source, *buyers(60, 60))
    leads = list(Lead.objects.order_by("id").values_list("id", "owner"))

    def works(seed):
        def job():
            chance = random.Random(seed)
            for lead, owner in chance.sample(leads, 40):
                try:
                    touch.record(lead, "call", By(None, owner, "Rep"), NOW)
                    if seed % 2 and chance.random() < 0.5:
                        acts.close(lead, "lost", By(None, owner, "Rep"), NOW)
                except Refused:
                    pass  # somebody closed it

        return job

    def decides_what_counts():
        for number in range(8):
            Installation.objects.update_or_create(id=1, defaults={"open_until": "touched" if number % 3 else "closed"})
            LeadType.objects.filter(key="contact").update(fills_caps=number % 4 != 2)

    at_once(works(1), works(2), works(3), decides_what_counts, lambda: drain(lambda: NOW, limit=3))
    drain(lambda: NOW)
    assert drift() == []
    assert Decision.objects.filter(origin="routing").count() == 120
    assert verify().differences == []
    assert MemberLoad.objects.count() == 2
    for snapshot, member in Decision.objects.filter(ledger__kind="charge").values_list("snapshot", "ledger__member"):
        open_then = json.loads(snapshot).get("member_loads", {}).get(str(member), [0])[0]
        assert open_then < CAP
