"""Row scopes: what each role sees of two teams' rows, a lead that waits for anybody, and nothing of the rest."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from leads.models import Activity, Contact, Deal, Lead, Note, RawEvent, Source
from owners.models import Absence, Delegation, Owner, Pool, PoolMember, Team, Territory, User
from owners.roles import MACHINE, Role, give_role
from owners.scopes import may_change_team, visible
from routing.models import ApiToken, Decision, Delivery, LedgerEntry, OwnerLoad, ReviewItem, RuleSetVersion, SlaClock
from tests.routing.rows import NOW, make_event, make_owner, make_story

pytestmark = pytest.mark.django_db


@pytest.fixture
def here():
    """Elena's and Marco's team, which the manager leads, with a story; the manager is Mia."""
    story = make_story()
    story.manager = make_owner("mia", user=person("mia", Role.MANAGER))
    story.team.lead = story.manager
    story.team.save()
    story.elena.user = person("elena", Role.REP)
    story.elena.save()
    return story


@pytest.fixture
def there(here):
    """The same for another team, which somebody else leads."""
    return make_story("-there", "FR")


def person(name, role):
    user = User.objects.create(username=name)
    give_role(user, role)
    return user


def fresh(owner):
    return User.objects.get(owner=owner)


def waiting(source, owner, state="open"):
    """A lead in review that nobody owns, with its open item."""
    event = make_event(source)
    lead = Lead.objects.create(
        id=event.pk, source=source, state="review", lead_type="demo", received_at=NOW, email="bo@b.example"
    )
    closed = {"closed_at": NOW, "resolution": "done"} if state == "closed" else {}
    return ReviewItem.objects.create(
        reason="no_valid_owner", owner=owner, source=source, event=event, lead=lead, opened_at=NOW, last_at=NOW,
        due_at=NOW, state=state, **closed,
    )  # fmt: skip


LED = (Absence, Activity, Contact, Decision, Deal, Delivery, Lead, LedgerEntry, Note, OwnerLoad, Pool, RawEvent,
       ReviewItem, SlaClock, Team, Territory)  # fmt: skip


@pytest.mark.parametrize("model", LED)
def test_a_manager_sees_rows_of_managed_teams_only(here, there, model):
    mine, other = rows_of(here, model), rows_of(there, model)
    seen = set(visible(model, fresh(here.manager)))
    assert mine <= seen
    assert other & seen == set()


def rows_of(story, model):
    return {row for row in vars(story).values() if type(row) is model} - {None} - _unled(story, model)


def _unled(story, model):
    """The deal is nobody's and no lead's here."""
    return {story.deal} if model is Deal else set()


def test_a_rep_sees_own_rows_and_none_of_a_colleague(here, there):
    user = fresh(here.elena)
    Lead.objects.create(
        id=99, source=here.source, state="assigned", owner=here.marco, lead_type="demo", received_at=NOW, owned_at=NOW,
        reason="His.",
    )  # fmt: skip
    assert set(visible(Lead, user)) == {here.lead}
    assert set(visible(Owner, user)) == {here.elena}
    assert set(visible(Absence, user)) == set()  # Marco's
    assert set(visible(Delivery, user)) == {here.delivery}
    assert set(visible(LedgerEntry, user)) == {here.entry}
    assert set(visible(Pool, user)) == {here.pool}
    assert set(visible(PoolMember, user)) == set(here.pool.members.all())
    assert set(visible(RawEvent, user)) == {here.event}
    assert set(visible(RuleSetVersion, user)) == set()
    assert set(visible(ApiToken, user)) == set()


def test_what_waits_for_anybody_is_seen_by_every_rep_until_it_is_owned_or_closed(here, there):
    item = waiting(there.source, there.elena)
    user = fresh(here.elena)
    assert item in visible(ReviewItem, user)
    assert item.lead in visible(Lead, user)
    assert item.event in visible(RawEvent, user)
    Lead.objects.filter(pk=item.lead_id).update(state="assigned", owner=there.elena, owned_at=NOW, reason="Claimed.")
    assert item not in visible(ReviewItem, user)
    assert item.lead not in visible(Lead, user)
    assert waiting(there.source, there.elena, state="closed") not in visible(ReviewItem, user)


def test_who_is_named_in_an_open_item_sees_its_lead_and_its_event(here, there):
    item = ReviewItem.objects.create(
        reason="crm_error", owner=here.elena, source=there.source, event=there.event, lead=there.lead, opened_at=NOW,
        last_at=NOW, due_at=NOW,
    )  # fmt: skip
    for owner in (here.elena, here.manager):
        assert item in visible(ReviewItem, fresh(owner))
        assert there.lead in visible(Lead, fresh(owner))
        assert there.event in visible(RawEvent, fresh(owner))


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.REVOPS, Role.AUDITOR])
def test_those_who_see_everything(here, there, role):
    user = person("all", role)
    for model in (*LED, RuleSetVersion, ApiToken, User):
        assert visible(model, user).count() == model.objects.count(), model


def test_marketing_sees_the_shape_of_the_company_but_nobody_who_wrote_in(here):
    user = person("marketing", Role.MARKETING)
    seen = {model for model in (*LED, Source, Owner, RuleSetVersion, ApiToken) if visible(model, user).exists()}
    assert seen == {Source, Owner, Team, Pool, Territory}


def test_an_integrator_and_a_visitor_see_nothing_and_a_machine_all(here):
    for user in (person("integrator", Role.INTEGRATOR), AnonymousUser(), User.objects.create(username="no-role")):
        assert [model for model in (*LED, Source, Owner) if visible(model, user).exists()] == []
    assert [model for model in (*LED, Source, Owner) if not visible(model, MACHINE).exists()] == []


def test_a_rep_or_manager_without_an_owner_sees_no_row_without_one(here):
    Territory.objects.create(key="nobodys", name="Nobody's")
    Lead.objects.create(id=98, source=here.source, state="nurture", lead_type="demo", received_at=NOW)
    for role in (Role.REP, Role.MANAGER):
        user = person(f"new-{role}", role)
        assert [model for model in (Lead, Territory, Owner, Contact, ReviewItem) if visible(model, user).exists()] == []


def test_a_delegated_team_is_seen_until_it_ends(here, there):
    now = timezone.now()
    delegation = Delegation.objects.create(team=there.team, to=here.manager, until=now + timedelta(hours=1))
    user = fresh(here.manager)
    assert set(visible(Lead, user)) == {here.lead, there.lead}
    assert may_change_team(user, there.team.pk)
    Delegation.objects.filter(pk=delegation.pk).update(until=now - timedelta(hours=1))
    user = fresh(here.manager)
    assert set(visible(Lead, user)) == {here.lead}
    assert not may_change_team(user, there.team.pk)


def test_a_scope_costs_four_small_queries_and_then_none(here, django_assert_num_queries):
    user = fresh(here.manager)
    with django_assert_num_queries(4):  # role, owner, teams, and the rows
        list(visible(Lead, user))
    with django_assert_num_queries(2):
        list(visible(Lead, user))
        list(visible(Decision, user))
