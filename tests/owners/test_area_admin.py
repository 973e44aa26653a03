"""The admin of territories and their areas: the form they are kept in, what is refused, thousands of them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from owners.admin.base import INLINE_LIMIT
from owners.areas import Area
from owners.models import Territory, TerritoryArea, User
from tests.owners.test_admin import address, errors_of, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin_user(db):
    return User.objects.create(username="admin", is_staff=True, is_superuser=True)


def test_areas_are_kept_in_the_form_in_which_places_are_compared(admin_client):
    areas = rows(
        "areas",
        {"country": "de", "postal_prefix": "10 1"},
        {"country": "us", "region": "us-ca"},
        {"country": "fr", "city": "Saint-Étienne"},
        {"country": "de", "postal_from": "1067", "postal_to": "01 099"},
        {"country": "de", "postal_from": "10115", "postal_to": "10115"},
        {"country": "gb", "postal_prefix": "sw1a1"},
    )
    admin_client.post(address(Territory, "add"), {"name": "Mix", "key": "mix", **areas})
    assert list(TerritoryArea.objects.order_by("id").values_list(*Area._fields)) == [
        ("DE", "", "", "101", "", ""),
        ("US", "US-CA", "", "", "", ""),
        ("FR", "", "saint etienne", "", "", ""),
        ("DE", "", "", "", "01067", "01099"),
        ("DE", "", "", "10115", "", ""),
        ("GB", "", "", "SW1A 1", "", ""),
    ]


def test_two_areas_of_one_post_may_not_overlap(admin_client):
    spans = [{"country": "DE", "postal_from": f"10{n}00", "postal_to": f"10{n + 1}50"} for n in (1, 2)]
    page = admin_client.post(address(Territory, "add"), {"name": "Mix", "key": "mix", **rows("areas", *spans)})
    assert "DE 10200 to 10350 overlaps DE 10100 to 10250 of this territory" in page.content.decode()
    assert not TerritoryArea.objects.exists()


def test_the_list_of_areas_pages_and_filters_in_a_fixed_number_of_queries(admin_client):
    territory = Territory.objects.create(key="de", name="Germany")
    counted = []
    for number in range(0, 300, 150):
        TerritoryArea.objects.bulk_create(
            TerritoryArea(territory=territory, country="DE", postal_prefix=f"{number + more:05}") for more in range(150)
        )
        with CaptureQueriesContext(connection) as queries:
            page = admin_client.get(address(TerritoryArea, "changelist"), {"kind": "postal_prefix", "q": "DE", "p": 2})
        counted.append(len(queries))
        assert page.context["cl"].result_list[0].postal_prefix == "00050"
    assert counted[0] == counted[1]


@pytest.mark.parametrize(
    ("area", "errors"),
    [
        (
            {"country": "XX"},
            {"country": ["“XX” is not a country code. Use its ISO 3166-1 code, such as DE."]},
        ),
        (
            {"country": "DE", "region": "bavaria"},
            {"region": ["“BAVARIA” is not a region. Use its ISO 3166-2 code, such as US-CA."]},
        ),
        ({"country": "DE", "region": "US-CA"}, {"region": ["US-CA is not a region of DE."]}),
        (
            {"country": "US", "region": "US-CA", "postal_prefix": "9"},
            {
                "__all__": [
                    "Give a region, a city, the beginning of a postal code or a range, one of them;"
                    " none is the whole country."
                ]
            },
        ),
        (
            {"country": "US", "postal_from": "10000"},
            {"postal_to": ["A range needs its first and its last postal code."]},
        ),
        (
            {"country": "US", "postal_from": "94000", "postal_to": "95000"},
            {
                "__all__": [
                    "US 94000 to 95000 overlaps US 94500 to 96000 of territory France, and neither lies within the"
                    " other. Let one end before the other begins."
                ]
            },
        ),
        (
            {"country": "FR"},
            {"__all__": ["FR belongs to territory France already. Take it out there first, or leave it out here."]},
        ),
    ],
)
def test_an_area_that_cannot_be_is_refused(admin_client, area, errors):
    taken = Territory.objects.create(key="fr", name="France")
    TerritoryArea.objects.create(territory=taken, country="FR")
    TerritoryArea.objects.create(territory=taken, country="US", postal_from="94500", postal_to="96000")
    page = admin_client.post(address(Territory, "add"), {"name": "Mix", "key": "mix", **rows("areas", area)})
    assert errors_of(page, "areas") == errors


def test_a_territory_with_thousands_of_areas_is_edited_without_them(admin_client):
    territory = Territory.objects.create(key="de", name="Germany")
    TerritoryArea.objects.bulk_create(
        TerritoryArea(territory=territory, country="DE", postal_prefix=str(number))
        for number in range(INLINE_LIMIT + 1)
    )
    page = admin_client.get(address(Territory, "change", territory.pk))
    assert page.context["inline_admin_formsets"] == []
    assert f"{address(TerritoryArea, 'changelist')}?territory__id__exact={territory.pk}" in page.content.decode()
    admin_client.post(address(Territory, "change", territory.pk), {"name": "Deutschland", "key": "de"})
    territory.refresh_from_db()
    assert (territory.name, territory.areas.count()) == ("Deutschland", INLINE_LIMIT + 1)
