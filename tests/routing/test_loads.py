"""What owners and places in pools carry: counted with every lead, anew where what counts changes, and checked."""

import pytest
from django.core.management import call_command
from django.urls import reverse

from leads.models import Lead, LeadType
from owners.models import Installation, Owner, PoolMember
from routing import acts, touch
from routing.doctor import findings
from routing.loads import drift, owner_in_words, places_in_words, recount
from routing.models import MemberLoad, OwnerLoad
from routing.moving import By
from routing.pipeline import drain
from routing.refused import Refused
from tests.builders import NOW, make_owner, make_pool, make_source, publish_pool_rule
from tests.routing.batches import buyers, waiting

pytestmark = pytest.mark.django_db
RITA = By(None, None, "Rita")


@pytest.fixture
def emea():
    """Elena may have 9 leads, 2 of them from EMEA, and Marco any number; nine leads came, one of them a test."""
    elena, marco = make_owner("elena", cap_open=9, time_zone="Europe/Berlin"), make_owner("marco")
    pool = make_pool("emea", [elena, marco], name="EMEA")
    PoolMember.objects.filter(owner=elena).update(cap_open=2, cap_day=3)
    publish_pool_rule(elena, pool)
    waiting(make_source("web", elena), *buyers(4), *buyers(1, 50, is_test=True), *buyers(4, 4))
    drain(lambda: NOW)
    return elena, marco


def open_of(model):
    return [row.open_leads for row in model.objects.order_by("pk")]


def held(owner):
    return Lead.objects.filter(owner=owner, state="assigned", is_test=False).order_by("id").first()


def as_by(owner):
    return By(None, owner.pk, owner.name)


def test_places_fill_empty_and_fill_again(emea):
    elena, marco = emea
    assert (open_of(OwnerLoad), open_of(MemberLoad)) == ([2, 6], [2])
    assert "from EMEA" in Lead.objects.order_by("-id").first().decisions.get().trace
    lead = held(elena)
    with pytest.raises(Refused) as refused:
        acts.reassign(held(marco).pk, elena.pk, RITA, "knows them", NOW)
    assert "2 of 2 open leads from EMEA" in refused.value.sentence
    acts.close(lead.pk, "lost", RITA, NOW)
    assert (open_of(OwnerLoad), open_of(MemberLoad)) == ([1, 6], [1])
    acts.reassign(held(elena).pk, marco.pk, RITA, "knows them", NOW)
    assert (open_of(OwnerLoad), open_of(MemberLoad)) == ([0, 7], [0])
    assert owner_in_words(elena, NOW) == "0 of 9 open leads"
    assert places_in_words(elena, NOW) == ["0 of 2 open leads from EMEA, 2 of 3 leads from EMEA today (Europe/Berlin)"]
    assert owner_in_words(marco, NOW) == "7 open leads, 7 today (UTC), 7 this week; no caps"
    acts.nurture(held(marco).pk, RITA, "early", NOW)
    assert (open_of(OwnerLoad), drift()) == ([0, 6], [])


def test_where_leads_count_until_they_are_touched_two_touches_count_once(emea):
    elena, _ = emea
    touched = held(elena)
    touch.record(touched.pk, "call", as_by(elena), NOW)
    assert (open_of(OwnerLoad), open_of(MemberLoad)) == ([2, 6], [2])
    Installation.objects.update_or_create(id=1, defaults={"open_until": "touched"})
    assert (open_of(OwnerLoad), open_of(MemberLoad)) == ([1, 6], [1])
    for kind in ("view", "call", "email"):
        touch.record(Lead.objects.filter(owner=elena).exclude(pk=touched.pk).earliest("id").pk, kind, as_by(elena), NOW)
    assert (open_of(OwnerLoad), open_of(MemberLoad)) == ([0, 6], [0])
    acts.close(touched.pk, "converted", RITA, NOW)
    assert (open_of(OwnerLoad), drift()) == ([0, 6], [])
    Installation.objects.update(open_until="closed")
    assert (open_of(OwnerLoad), open_of(MemberLoad)) == ([1, 6], [1])


def test_a_type_that_fills_no_caps_a_place_and_a_zone_are_counted_anew_when_they_change(emea):
    elena, marco = emea
    kind = LeadType.objects.get(key="contact")
    kind.fills_caps = False
    kind.save()
    assert (open_of(OwnerLoad), open_of(MemberLoad), drift()) == ([0, 0], [0], [])
    waiting(make_source("chat", elena), *buyers(2, 90))
    drain(lambda: NOW)
    assert (open_of(OwnerLoad), [row.day_count for row in OwnerLoad.objects.all()]) == ([0, 0], [0, 0])
    LeadType.objects.filter(key="contact").update(fills_caps=True)
    assert (open_of(OwnerLoad), open_of(MemberLoad)) == ([3, 7], [3])
    PoolMember.objects.update(cap_open=None, cap_day=None, cap_week=5)
    assert (open_of(MemberLoad), drift()) == ([3, 7], [])
    PoolMember.objects.filter(owner=marco).update(active=False)
    assert open_of(MemberLoad) == [3]
    Owner.objects.update(time_zone="Pacific/Auckland")
    assert drift() == []


def test_wrong_counts_are_found_named_and_set_right(emea, capsys):
    OwnerLoad.objects.filter(owner=emea[0]).update(open_leads=7, week_count=0)
    MemberLoad.objects.all().delete()
    found = [finding for finding in findings(NOW, thorough=True) if finding.code == "loads_drifted"]
    assert [finding.sentence for finding in found] == [
        "Caps go by wrong counts: Elena has 2 open, 2 of the day and 2 of the week and is counted with 7 open, 2 of the"
        " day and 0 of the week, and 1 other. Run: manage.py recount"
    ]
    call_command("recount")
    call_command("recount")
    assert capsys.readouterr().out == "Set right: 2.\nAll counts are right.\n"
    assert (open_of(OwnerLoad), open_of(MemberLoad), recount()) == ([2, 6], [2], 0)


def test_what_counts_is_said_in_the_admin(emea, admin_client):
    touch.record(held(emea[0]).pk, "call", as_by(emea[0]), NOW)
    add = reverse("admin:owners_installation_add")
    assert admin_client.get(add).status_code == 200
    posted = {"company_name": "Acme", "time_zone": "UTC", "open_until": "touched"}
    assert admin_client.post(add, posted).status_code == 302
    assert (open_of(OwnerLoad), admin_client.get(add).status_code) == ([1, 6], 403)
    admin_client.post(reverse("admin:owners_installation_change", args=[1]), {**posted, "open_until": "closed"})
    assert open_of(OwnerLoad) == [2, 6]
    page = admin_client.get(reverse("admin:owners_owner_change", args=[emea[0].pk])).content.decode()
    assert "2 of 9 open leads" in page
    assert "2 of 2 open leads from EMEA" in page
