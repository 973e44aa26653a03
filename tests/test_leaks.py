"""Rows outside a manager's scope never show in the admin: not in lists, counts, searches, filters, choices, exports.

Every page is drawn here, and read for a word that only the other team's rows carry. That each list can be searched
on every database is shown in tests/routing/test_admin.py.
"""

import json

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse

from leads.models import Contact, Lead
from owners.models import Absence, Delegation, Owner, PoolMember, Team, Territory, TerritoryArea, User
from owners.roles import Role, give_role
from tests.once import on_sqlite_only
from tests.routing.rows import make_owner, make_story

pytestmark = [pytest.mark.django_db, on_sqlite_only]

WORD = "zanzibar"
"""In every name of the other team's rows."""


@pytest.fixture
def company():
    here = make_story()
    here.manager = _manager("mia")
    here.team.lead = here.manager
    here.team.save()
    there = make_story("-there", "FR")
    for row in (there.elena, there.marco, there.team, there.pool, there.territory, there.company):
        type(row).objects.filter(pk=row.pk).update(name=f"{WORD} {row.pk}")
    Contact.objects.filter(pk=there.contact.pk).update(email=f"{WORD}@b.example", first_name=WORD)
    Lead.objects.filter(pk=there.lead.pk).update(email=f"{WORD}@b.example", name=WORD, contact=there.contact)
    Lead.objects.filter(pk=here.lead.pk).update(deal=here.deal)
    here.there = there
    return here


def _manager(key):
    owner = make_owner(key, user=User.objects.create(username=key))
    give_role(owner.user, Role.MANAGER)
    return owner


@pytest.fixture
def mia(client, company):
    client.force_login(User.objects.get(username="mia"))
    return client


def lists():
    for name in [
        "owners_owner",
        "owners_team",
        "owners_pool",
        "owners_poolmember",
        "owners_territory",
        "owners_territoryarea",
        "owners_absence",
        "owners_delegation",
        "leads_lead",
        "leads_rawevent",
        "leads_contact",
        "leads_company",
        "leads_deal",
        "leads_activity",
        "leads_note",
        "leads_task",
        "routing_decision",
        "routing_planaction",
        "routing_delivery",
        "routing_slaclock",
        "routing_escalation",
        "routing_fact",
        "routing_reviewitem",
        "routing_rotationstate",
        "routing_ledgerentry",
        "routing_ownerload",
    ]:
        yield pytest.param(reverse(f"admin:{name}_changelist"), id=name)


@pytest.mark.parametrize("address", list(lists()))
def test_a_list_its_filters_counts_and_search_know_nothing_of_the_others(mia, company, address):
    everything = mia.get(address, {"_facets": "True"})
    assert WORD not in everything.content.decode().lower()
    seen = everything.context["cl"]
    assert seen.result_count == len(seen.result_list) > 0
    everybody = set(seen.queryset)
    for query in ({"q": WORD}, {"q": str(company.there.lead.pk)}, {"o": "-2.1"}, {"q": "e"}):
        assert set(mia.get(address, query).context["cl"].queryset) <= everybody, query


FORMS = {
    Absence: ("owner",), PoolMember: ("pool", "owner"), Territory: ("owner", "team"), TerritoryArea: ("territory",),
    Owner: ("cover",),
}  # fmt: skip


@pytest.mark.parametrize("model", FORMS)
def test_autocompletes_offer_ones_own_rows_only(mia, company, model):
    for field in FORMS[model]:
        asked = {"app_label": "owners", "model_name": model._meta.model_name, "field_name": field}
        for term in ("", WORD):
            found = json.loads(mia.get(reverse("admin:autocomplete"), {**asked, "term": term}).content)
            assert WORD not in json.dumps(found), (field, term)
            assert bool(found["results"]) is (term == "")


def test_a_form_takes_no_row_of_the_others(mia, company):
    there = company.there
    times = {"starts_at_0": "2027-01-01", "starts_at_1": "00:00", "ends_at_0": "2027-01-02", "ends_at_1": "00:00"}
    absence = mia.post(reverse("admin:owners_absence_add"), {"owner": there.elena.pk, **times})
    assert list(absence.context["adminform"].form.errors) == ["owner"]
    member = {"pool": there.pool.pk, "owner": company.elena.pk, "weight": 1, "position": 0}
    refused = mia.post(reverse("admin:owners_poolmember_add"), member)
    assert list(refused.context["adminform"].form.errors) == ["pool"]
    territory = {"name": "DACH", "key": "dach", "team": there.team.pk, "owner": there.elena.pk}
    changed = reverse("admin:owners_territory_change", args=[company.territory.pk])
    management = {"areas-TOTAL_FORMS": 0, "areas-INITIAL_FORMS": 0}
    refused = mia.post(changed, {**territory, **management})
    assert set(refused.context["adminform"].form.errors) == {"team", "owner"}
    assert mia.post(reverse("admin:owners_absence_add"), {"owner": company.elena.pk, **times}).status_code == 302


def test_a_member_from_another_team_is_shown_and_stays(mia, company):
    """A pool may be shared: its manager changes the weight, never whom it is about."""
    member = PoolMember.objects.create(pool=company.pool, owner=company.there.elena, position=9)
    address = reverse("admin:owners_poolmember_change", args=[member.pk])
    page = mia.get(address)
    assert "owner" not in page.context["adminform"].form.fields
    form = {"pool": company.pool.pk, "owner": company.elena.pk, "weight": 7, "position": 9, "active": "on"}
    assert mia.post(address, form).status_code == 302
    member.refresh_from_db()
    assert (member.weight, member.owner) == (7, company.there.elena)


def test_actions_reach_ones_own_rows_only(mia, company):
    there = company.there
    chosen = [company.absence.pk, there.absence.pk]
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes", "select_across": "1"}
    mia.post(reverse("admin:owners_absence_changelist"), form)
    assert set(Absence.objects.values_list("pk", flat=True)) == {there.absence.pk}


def test_history_is_told_of_visible_rows_only(mia, company):
    for team in (company.team, company.there.team):
        LogEntry.objects.create(
            user=company.manager.user, content_type=ContentType.objects.get_for_model(Team), object_id=team.pk,
            object_repr=team.name, action_flag=CHANGE, change_message="Renamed.",
        )  # fmt: skip
    assert "Renamed." in mia.get(reverse("admin:owners_team_history", args=[company.team.pk])).content.decode()
    for pk in (company.there.team.pk, 10**6):
        assert mia.get(reverse("admin:owners_team_history", args=[pk])).status_code == 404


@pytest.mark.parametrize(
    ("address", "query"),
    [
        ("leads_lead", {"owner__user__password__startswith": "p"}),
        ("leads_lead", {"contact__email__startswith": WORD}),
        ("owners_owner", {"user__password__startswith": "p"}),
        ("leads_source", {"token_hash__startswith": "a"}),
        ("leads_source", {"previous_token_hash__startswith": "a"}),
    ],
)
def test_no_address_asks_by_what_it_does_not_show(mia, address, query):
    assert mia.get(reverse(f"admin:{address}_changelist"), query).status_code == 400


def test_filters_by_the_others_ids_find_none_of_them(mia, company):
    there = company.there
    for name, query in (
        ("owners_owner", {"teams__id__exact": there.team.pk}), ("owners_pool", {"team__id__exact": there.team.pk}),
        ("owners_poolmember", {"pool__id__exact": there.pool.pk}),
        ("owners_absence", {"owner__id__exact": there.marco.pk}),
        ("routing_ledgerentry", {"member__pool__id__exact": there.pool.pk}), ("leads_lead", {"id": there.lead.pk}),
        ("leads_lead", {"owner": there.elena.pk}), ("leads_lead", {"email__startswith": WORD}),
    ):  # fmt: skip
        page = mia.get(reverse(f"admin:{name}_changelist"), query)
        theirs = {row for row in vars(there).values() if isinstance(row, page.context["cl"].model)}
        assert theirs & set(page.context["cl"].queryset) == set(), query


# Delegation ---------------------------------------------------------------------------------------------------------


def test_a_lead_delegates_their_team_and_who_holds_it_does_not_hand_it_on(client, company):
    max_ = _manager("max")
    client.force_login(company.manager.user)
    add = reverse("admin:owners_delegation_add")
    assert client.post(add, {"team": company.team.pk, "to": max_.pk}).status_code == 302
    refused = client.post(add, {"team": company.there.team.pk, "to": max_.pk})
    assert list(refused.context["adminform"].form.errors) == ["team"]
    client.force_login(max_.user)
    assert client.get(reverse("admin:leads_lead_change", args=[company.lead.pk])).status_code == 200
    third = _manager("third")
    refused = client.post(add, {"team": company.team.pk, "to": third.pk})
    assert list(refused.context["adminform"].form.errors) == ["team"]
    delegation = Delegation.objects.get(to=max_)
    assert (
        client.post(reverse("admin:owners_delegation_delete", args=[delegation.pk]), {"post": "yes"}).status_code == 403
    )


# Users --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def administrator(client):
    user = User.objects.create(username="ada")
    give_role(user, Role.ADMINISTRATOR)
    client.force_login(user)
    return client


def user_form(**fields):
    return {"username": "new", "is_active": "on", "role": Role.MANAGER, **fields}


def test_an_administrator_makes_a_user_with_role_and_owner(administrator):
    owner = make_owner("elena")
    secret = {"usable_password": "true", "password1": "Qx7-lamp-river", "password2": "Qx7-lamp-river"}
    made = administrator.post(reverse("admin:owners_user_add"), user_form(owner=owner.pk, **secret))
    assert made.status_code == 302
    user = User.objects.get(username="new")
    owner.refresh_from_db()
    assert (list(user.groups.values_list("name", flat=True)), user.is_staff, owner.user) == (["Manager"], True, user)
    change = reverse("admin:owners_user_change", args=[user.pk])
    assert administrator.post(change, user_form(role=Role.REP)).status_code == 302
    user.refresh_from_db()
    owner.refresh_from_db()
    assert (list(user.groups.values_list("name", flat=True)), user.is_staff, owner.user) == (["Rep"], False, None)
    assert "role (Manager → Rep)" in LogEntry.objects.latest("pk").get_change_message()


def test_an_administrator_becomes_no_superuser_and_does_not_lock_themselves_out(administrator):
    boss = User.objects.create(username="boss", is_superuser=True, is_staff=True)
    for name in ("admin:owners_user_change", "admin:auth_user_password_change"):
        assert administrator.post(reverse(name, args=[boss.pk]), user_form()).status_code == 403
    ada = User.objects.get(username="ada")
    change = reverse("admin:owners_user_change", args=[ada.pk])
    administrator.post(change, user_form(username="ada", is_superuser="on", role=Role.ADMINISTRATOR))
    for form in (user_form(username="ada", role=Role.REP), user_form(username="ada", is_active="")):
        assert administrator.post(change, form).status_code == 200
    ada.refresh_from_db()
    assert (ada.is_superuser, ada.is_active, ada.groups.get().name) == (False, True, "Administrator")


def test_a_role_can_be_read_on_the_page_of_someone_who_may_not_be_changed(client):
    auditor = User.objects.create(username="auditor")
    give_role(auditor, Role.AUDITOR)
    client.force_login(auditor)
    page = client.get(reverse("admin:owners_user_change", args=[auditor.pk]))
    assert (page.status_code, "Auditor" in page.content.decode()) == (200, True)
