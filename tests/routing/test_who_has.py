"""“Who has SW1A 1AA?”: the area that decides, those that would be next, and whether the owner is there."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from owners.models import Absence, TerritoryArea, User
from owners.roles import Role, give_role
from tests.builders import make_owner, make_team, make_territory

pytestmark = pytest.mark.django_db


def asked(client, **place):
    return client.get(reverse("pages:territory-who"), place)


@pytest.fixture
def ada(client):
    client.force_login(User.objects.create_superuser("ada"))
    return client


@pytest.fixture
def britain():
    elena, nadia = make_owner("elena"), make_owner("nadia")
    elena.cover = nadia
    elena.save()
    team = make_team("uk", lead=nadia)
    westminster = make_territory("westminster", elena, [], team=team)
    TerritoryArea.objects.create(territory=westminster, country="GB", postal_prefix="SW1A")
    make_territory("britain", None, ["GB"], name="Britain", team=team)
    return westminster


def test_the_most_specific_area_decides_and_the_others_are_named(ada, britain):
    page = asked(ada, postal="sw1a1aa")
    holder, mine = page.context["first"]
    assert (str(page.context["place"]), holder.territory.key, holder.words, mine) == (
        "SW1A 1AA, GB", "westminster", "Postal prefix SW1A", True,
    )  # fmt: skip
    assert page.context["able"].sentence == "Elena could take a lead now."
    assert [other.words for other, _ in page.context["others"]] == ["All of GB"]
    now = timezone.now()
    Absence.objects.create(owner=britain.owner, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1))
    able = asked(ada, postal="SW1A 1AA").context["able"]
    assert (able.able, able.sentence.startswith("Elena is away until"), able.stands_in) == (
        False, True, "Nadia covers and could take it.",
    )  # fmt: skip
    unowned = asked(ada, country="England", postal="E1 6AN").context["able"]
    assert (unowned.sentence, unowned.stands_in) == ("Britain has no owner.", "Its leads go to review.")


def test_what_cannot_be_looked_up_is_said_at_its_field(ada, britain):
    assert asked(ada, postal="10115").context["form"].errors["country"][0].startswith("Name the country")
    assert asked(ada, country="Narnia").context["form"].errors["country"] == [
        "“Narnia” is no country. Write its code, such as DE, or its name."
    ]
    assert "Nobody has FR." in asked(ada, country="FR").content.decode()


def test_a_manager_hears_of_other_teams_territories_only_that_somebody_has_the_place(client, britain):
    mia = User.objects.create(username="mia")
    give_role(mia, Role.MANAGER)
    team = make_team("here", lead=make_owner("mia", user=mia))
    client.force_login(mia)
    page = asked(client, postal="SW1A 1AA").content.decode()
    assert "A territory outside your teams" in page
    assert not [name for name in ("Westminster", "Elena", "SW1A<", "Britain") if name in page]
    britain.team = team
    britain.save()
    page = asked(client, postal="SW1A 1AA").content.decode()
    assert "Westminster" in page
    assert "Britain" not in page
