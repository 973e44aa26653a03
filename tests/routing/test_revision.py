"""The configuration as routing sees it: its keys, its text, when a new revision is stored."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import LeadType, Source, Stage
from owners.models import Absence, Membership, Owner, PoolMember, Team, TerritoryArea, WeeklyHours
from owners.writer import writing
from routing.current import people_of
from routing.engine.people import compile_people
from routing.lists import replace_entries
from routing.maps import areas, map_now, map_number
from routing.models import ConfigRevision, NamedList, SlaPolicy
from routing.revision import canonical_json, current_content, current_revision
from tests.routing.rows import NOW, make_crm, make_owner, make_people, make_pool

pytestmark = pytest.mark.django_db


def test_the_content_names_everything_that_routing_reads():
    people = make_people()
    make_crm(people)
    LeadType.objects.exclude(key="demo").delete()
    SlaPolicy.objects.create(key="fast", name="Fast", tiers=["priority", "gold"], accept_minutes=5)
    partners = NamedList.objects.create(key="partners", name="Partners", field="company_domain")
    partners = replace_entries(partners, ["acme.example"], None, NOW)
    stage = Stage.objects.get()
    elena, marco, team, pool = people.elena.pk, people.marco.pk, people.team.pk, people.pool.pk
    seats = list(PoolMember.objects.order_by("id").values_list("id", flat=True))
    person = {
        "state": "active", "accepts": True, "services": [], "sources": [], "cap_day": None, "cap_week": None,
        "booking_url": "", "channels": [], "teams": [team], "skills": [], "calendar": None, "cover_until": None,
        "breaks": [], "days": [],
    }  # fmt: skip
    assert current_content() == {
        "owners": [
            {
                **person, "id": elena, "key": "elena", "name": "Elena", "cover": None,
                "zone": "Europe/Berlin", "languages": ["de", "en"], "cap_open": 5, "hours": [[0, 540, 1020]],
                "absences": [],
            },
            {
                **person, "id": marco, "key": "marco", "name": "Marco", "cover": elena, "zone": "UTC",
                "languages": [], "cap_open": None, "hours": [],
                "absences": [["2026-03-02T09:00:00+00:00", "2026-03-04T09:00:00+00:00"]],
            },
        ],
        "teams": [
            {
                "id": team, "key": "europe", "name": "Europe", "lead": elena, "fallback": marco, "pool": None,
                "calendar": None,
            }
        ],
        "calendars": [
            {"id": people.calendar.pk, "zone": "", "hours": [[0, 540, 1020]], "breaks": [], "days": []}
        ],
        "pools": [
            {
                "method": "rotation", "when_empty": "review", "wait": 60, "next": None, "named": None, "catch_up": 0,
                "id": pool, "key": "emea", "name": "Emea", "team": team, "keeps_hours": True,
                "fallback": None, "former": [],
                "members": [[seats[0], elena, 1, 0, *[None] * 5], [seats[1], marco, 1, 1, *[None] * 5]],
            }
        ],
        "territories": [
            {"id": people.territory.pk, "key": "dach", "name": "DACH", "owner": elena, "team": team}
        ],
        "map": "",
        "policies": [
            {
                "key": "fast", "lead_types": [], "tiers": ["gold", "priority"], "accept_minutes": 5,
                "first_touch_minutes": 15, "no_activity_minutes": 30, "review_minutes": 60,
                "real_time": False, "sources": [], "assign_minutes": 1, "crm_minutes": 15, "hours_of": "owner",
                "calendar": None, "ladders": {},
            }
        ],
        "lead_types": [{"key": "demo", "high_intent": True, "fills_caps": True}],
        "open_until": "closed",
        "pipelines": [{"id": stage.pipeline_id, "key": "sales", "stages": [["new", stage.pk]]}],
        "sources": [{"id": people.source.pk, "key": "web", "owner": elena}],
        "lists": {"partners": partners.digest},
    }  # fmt: skip


def test_the_content_compiles():
    people = make_people()
    make_crm(people)
    SlaPolicy.objects.create(key="fast", name="Fast")
    compiled = compile_people(7, current_content(), map_now())
    elena = compiled.owners[people.elena.pk]
    assert (compiled.revision, elena.teams, elena.languages) == (7, (people.team.pk,), {"de", "en"})
    assert compiled.owners[people.marco.pk].absent_until(NOW) == NOW + timedelta(days=2)
    assert [member.owner for member in compiled.pools[people.pool.pk].members] == [
        people.elena.pk,
        people.marco.pk,
    ]
    assert compiled.territory_of("DE", "", "10115").key == "dach"
    stage = Stage.objects.get()
    assert compiled.pipelines == {"sales": {"new": (stage.pipeline_id, stage.pk)}}


def test_members_come_by_position_and_former_ones_apart():
    anna, bert, carl = make_owner("anna"), make_owner("bert"), make_owner("carl")
    pool = make_pool("all", anna, bert, carl)
    first, second, third = PoolMember.objects.order_by("id")
    PoolMember.objects.filter(pk=first.pk).update(position=9)
    PoolMember.objects.filter(pk=second.pk).update(active=False)
    (content,) = current_content()["pools"]
    assert content["members"] == [[third.pk, carl.pk, 1, 2, *[None] * 5], [first.pk, anna.pk, 1, 9, *[None] * 5]]
    assert (content["id"], content["former"]) == (pool.pk, [second.pk])


def test_a_pools_fallback_counts_only_when_its_policy_asks_for_it():
    anna = make_owner("anna")
    make_pool("a", fallback_owner=anna, when_empty="review")
    make_pool("b", fallback_owner=anna, when_empty="fallback")
    assert [pool["fallback"] for pool in current_content()["pools"]] == [None, anna.pk]


def test_equal_configuration_made_in_another_order_gives_equal_text():
    owner, team = make_owner("anna", languages=["en", "de"]), Team.objects.create(key="t", name="T")
    other = Team.objects.create(key="u", name="U")
    texts = []
    for first, second in ((team, other), (other, team)):
        Membership.objects.all().delete()
        WeeklyHours.objects.all().delete()
        Absence.objects.all().delete()
        Owner.objects.update(languages=list(reversed(Owner.objects.get().languages)))
        for number, which in enumerate((first, second)):
            day = number if first is team else 1 - number
            Membership.objects.create(owner=owner, team=which)
            WeeklyHours.objects.create(owner=owner, weekday=day, start_minute=60, end_minute=120)
            start = NOW + timedelta(days=day)
            Absence.objects.create(owner=owner, starts_at=start, ends_at=start + timedelta(hours=1))
        texts.append(canonical_json(current_content()))
    assert texts[0] == texts[1]


def test_the_number_of_queries_does_not_depend_on_the_number_of_rows():
    with CaptureQueriesContext(connection) as few:
        current_content()
    people = make_people()
    make_crm(people)
    for number in range(20):
        make_pool(f"pool{number}", make_owner(f"owner{number}"), people.elena)
    with CaptureQueriesContext(connection) as many:
        current_content()
    assert (len(few), len(many)) == (21, 21)


def test_a_revision_is_stored_once_per_configuration():
    make_people()
    with writing():
        first, content = current_revision(NOW)
        again, _ = current_revision(NOW + timedelta(hours=1))
        Source.objects.update(key="other")
        changed, _ = current_revision(NOW)
        Source.objects.update(key="web")
        back, _ = current_revision(NOW)
    assert (first == again == back, changed != first) == (True, True)
    assert ConfigRevision.objects.count() == 3  # the map is one of them
    stored = ConfigRevision.objects.get(pk=first)
    assert (stored.content, stored.created_at) == (canonical_json(content), NOW)


def test_stages_stand_with_their_own_pipeline_by_key():
    crm = make_crm(make_people())
    first = Stage.objects.create(pipeline=crm.pipeline, key="a", name="A", position=5)
    new = Stage.objects.get(key="new")
    assert current_content()["pipelines"] == [
        {"id": crm.pipeline.pk, "key": "sales", "stages": [["a", first.pk], ["new", new.pk]]}
    ]


def test_an_absence_neither_reads_nor_stores_the_map_again():
    people = make_people()
    TerritoryArea.objects.create(territory=people.territory, country="DE", city="berlin")
    with writing():
        before, held = current_revision(NOW)
        Absence.objects.create(owner=people.elena, starts_at=NOW, ends_at=NOW + timedelta(days=1))
        with CaptureQueriesContext(connection) as queries:
            after, content = current_revision(NOW)
    assert not [query for query in queries if "territoryarea" in query["sql"]]
    assert (before != after, held["map"]) == (True, content["map"])
    stored = ConfigRevision.objects.get(digest=content["map"])
    assert json.loads(stored.content) == {
        "areas": [
            ["DE", "", "", "", "", "", people.territory.pk],
            ["DE", "", "berlin", "", "", "", people.territory.pk],
        ]
    }
    assert people_of(after).territory_of("DE", "", "", "Berlin").key == "dach"


def test_the_map_is_another_one_after_each_change_of_its_areas():
    people = make_people()
    numbers = [map_number()]
    for change in (
        lambda: people.area.save(),
        lambda: TerritoryArea.objects.update(country="AT"),
        lambda: TerritoryArea.objects.bulk_create([TerritoryArea(territory=people.territory, country="FR")]),
        lambda: TerritoryArea.objects.filter(country="FR").delete(),
        lambda: people.territory.delete(),
    ):
        change()
        numbers.append(map_number())
    assert numbers == [numbers[0] + step for step in range(6)]
    people.elena.save()
    assert (map_number(), areas()) == (numbers[-1], [])


def test_a_revision_that_holds_its_areas_itself_still_compiles():
    make_people()
    content = current_content()
    del content["map"]
    content["areas"] = [
        {"country": "GB", "region": "", "postal_prefix": "E1", "territory": "dach"},
        {"country": "US", "region": "US-CA", "postal_prefix": "", "territory": "dach"},
    ]
    compiled = compile_people(7, content)
    places = (("GB", "", "E10 6AN"), ("US", "US-CA", ""), ("US", "", ""))
    assert [(found := compiled.territory_of(*place)) and found.key for place in places] == ["dach", "dach", None]
