"""What forms of ladders and policies refuse may become true later: the doctor finds it."""

import pytest

from owners.models import Calendar, Owner, PoolMember, WeeklyHours
from routing.doctor import ERROR, WARNING, findings
from routing.models import SlaLadder, SlaPolicy, SlaRung
from routing.rulebook import publish
from tests.builders import NOW, make_owner, make_pool, make_rule, make_version

pytestmark = pytest.mark.django_db


def found():
    codes = ("ladder_", "policy_")
    return [
        (finding.severity, finding.code, finding.sentence, finding.model, finding.pk)
        for finding in findings(NOW)
        if finding.code.startswith(codes)
    ]


def test_ladders_and_policies_that_lead_nowhere_are_found():
    ada, marco = make_owner("ada"), make_owner("marco")
    desk = make_pool("desk", [marco])
    used, spare = (SlaLadder.objects.create(key=key, name=key.title(), named_owner=ada) for key in ("used", "spare"))
    SlaRung.objects.create(ladder=used, percent=100, move="pool", pool=desk)
    office = Calendar.objects.create(key="office", name="Office", time_zone="UTC")
    WeeklyHours.objects.create(calendar=office, weekday=0, start_minute=540, end_minute=1020)
    SlaPolicy.objects.create(key="wide", name="Wide", lead_types=["demo", "quote"], position=1)
    SlaPolicy.objects.create(
        key="hours", name="Hours", position=2, review_ladder=used, hours_of="policy", calendar=office, sources=["web"]
    )
    assert found() == [
        (WARNING, "ladder_unused", "No SLA policy uses ladder Spare. Choose it on the page of a policy, or delete it.",
         "slaladder", spare.pk),
    ]  # fmt: skip
    spare.delete()
    narrow = SlaPolicy.objects.create(
        key="narrow", name="Narrow", lead_types=["demo"], tiers=["gold"], position=3, sources=["web"]
    )
    SlaPolicy.objects.create(key="other", name="Other", lead_types=["demo", "trial"], position=4)
    shadowed = (
        WARNING, "policy_shadowed", "SLA policy Narrow is never chosen: Wide and Hours before it fit every lead that it"
        " fits. Move it up, or let a rule name it.", "slapolicy", narrow.pk,
    )  # fmt: skip
    assert found() == [shadowed]
    version = make_version(marco)
    make_rule(version, "campaign_source_owner", "owner", owner=marco, sla_policy=narrow)
    publish(version, None, NOW)
    assert found() == []
    PoolMember.objects.all().update(active=False)
    Owner.objects.filter(pk=ada.pk).update(state="departed")
    WeeklyHours.objects.all().delete()
    assert found() == [
        (ERROR, "ladder_end_gone", "SLA ladder Used ends with Ada, who has left. Name somebody else.", "slaladder",
         used.pk),
        (ERROR, "ladder_pool_empty", "SLA ladder Used moves leads to pool Desk, in which nobody is active. Add"
         " somebody.",
         "slaladder", used.pk),
        (ERROR, "policy_never_counts", "SLA policy Hours counts by calendar Office, which never opens; each owner’s own"
         " hours are counted instead. Give the calendar a time zone and hours.", "slapolicy",
         SlaPolicy.objects.get(key="hours").pk),
    ]  # fmt: skip
