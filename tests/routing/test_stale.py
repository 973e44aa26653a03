"""Messages about silence that are owed for long: looked at before each attempt, and dropped when they are untrue."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Lead
from owners.models import User
from owners.roles import Role, give_role
from routing import acts, delivery, stale
from routing.delivery import deliver_due
from routing.escalation import sweep
from routing.life import life_of
from routing.models import Delivery
from tests.builders import NOW, make_team
from tests.routing.ladders import MINUTE, by, change, make_company, owned

pytestmark = pytest.mark.django_db
LATE = NOW + timedelta(hours=3)


@pytest.fixture
def people():
    return make_company()


def ends(*kinds):
    """(kind, who, state, error) of the e-mails of these kinds, reminders first."""
    rows = Delivery.objects.filter(kind__in=kinds, channel="email").order_by("-kind", "id")
    return list(rows.values_list("kind", "owner__key", "state", "error"))


def late_first_touch():
    """A lead whose first touch is late: its owner was reminded, and told with the team's lead; nothing is sent yet."""
    [lead] = owned()
    Delivery.objects.all().delete()
    sweep(NOW + 12 * MINUTE)
    sweep(NOW + 15 * MINUTE)
    assert ends("reminder", "escalation") == [
        ("reminder", "elena", "owed", ""),
        ("reminder", "elena", "owed", ""),
        ("escalation", "elena", "owed", ""),
        ("escalation", "lena", "owed", ""),
    ]
    return lead


def test_what_still_concerns_its_receivers_is_sent(people):
    late_first_touch()
    deliver_due(NOW + 15 * MINUTE)
    assert [state for *_, state, _ in ends("reminder", "escalation")] == ["sent"] * 4


def test_a_lead_that_moved_away_is_told_of_to_nobody_it_left(people):
    lead = late_first_touch()
    acts.reassign(lead.pk, people.marco.pk, by(people.lena), "speaks German", NOW + 16 * MINUTE)
    deliver_due(LATE)
    assert ends("reminder", "escalation") == [
        ("reminder", "elena", "dropped", ""),  # by the move
        ("reminder", "elena", "dropped", ""),
        ("escalation", "elena", "dropped", stale.MOVED_ON),
        ("escalation", "lena", "dropped", stale.MOVED_ON),
    ]
    assert [message.to for message in mail.outbox if "marco" not in message.to[0]] == []
    titles = [moment.title for moment in life_of(Lead.objects.get(pk=lead.pk)).moments]
    assert [title for title in titles if "ran out" in title and "told" in title] == []


def test_a_lead_that_was_closed_is_late_no_more(people):
    lead = late_first_touch()
    acts.close(lead.pk, "converted", by(people.elena), NOW + 16 * MINUTE)
    assert deliver_due(LATE) == 0
    assert {state for *_, state, _ in ends("reminder", "escalation")} == {"dropped"}


def test_what_was_being_sent_when_the_lead_moved_is_not_tried_again(people):
    lead = late_first_touch()
    Delivery.objects.filter(kind="reminder", channel="email").update(
        state="sending", attempts=1, next_try_at=NOW + 16 * MINUTE
    )
    acts.reassign(lead.pk, people.marco.pk, by(people.lena), "speaks German", NOW + 15 * MINUTE)
    deliver_due(LATE)
    assert ends("reminder") == [("reminder", "elena", "dropped", stale.NOT_THEIRS)] * 2


def test_an_alert_that_failed_before_the_lead_moved_is_not_tried_again(people):
    [lead] = owned()
    Delivery.objects.filter(kind="assignment").update(state="owed", attempts=1, next_try_at=LATE)
    Lead.objects.filter(pk=lead.pk).update(owner=people.marco)
    assert deliver_due(LATE) == 0
    assert ends("assignment") == [("assignment", "elena", "dropped", stale.NOT_THEIRS)]


def test_who_leads_the_team_no_more_is_not_told_unless_they_see_the_lead(people):
    late_first_touch()
    change(people.lena, user=User.objects.create_user("lena"))
    give_role(people.lena.user, Role.MANAGER)
    change(people.team, lead=people.rita)
    deliver_due(LATE)
    assert ends("escalation") == [
        ("escalation", "elena", "sent", ""), ("escalation", "lena", "dropped", stale.NO_CONCERN),
    ]  # fmt: skip


def test_who_leads_another_team_of_the_owner_or_sees_everything_is_told(people):
    late_first_touch()
    change(people.lena, user=User.objects.create_user("lena"))
    give_role(people.lena.user, Role.MANAGER)
    other = make_team("service")
    people.elena.teams.add(other)
    change(other, lead=people.lena)
    change(people.team, lead=None)
    deliver_due(LATE)
    assert ends("escalation")[1] == ("escalation", "lena", "sent", "")
    Delivery.objects.filter(kind="escalation").update(state="owed", next_try_at=LATE, sent_at=None)
    change(other, lead=None)
    give_role(people.lena.user, Role.REVOPS)
    deliver_due(LATE)
    assert ends("escalation")[1] == ("escalation", "lena", "sent", "")


def test_looking_costs_the_same_for_one_and_for_many(people):
    counts = []
    for first, size in ((0, 1), (10, 20)):
        Delivery.objects.all().delete()
        owned(size, first=first)
        Delivery.objects.all().delete()
        sweep(NOW + 15 * MINUTE)
        due = delivery._due("email", LATE)
        with CaptureQueriesContext(connection) as queries:
            assert stale.drop_stale(due) == 0
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 5
