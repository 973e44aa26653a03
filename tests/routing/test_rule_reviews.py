"""Whether the rules are still right: by the date, and when what they rest on changed."""

import re
from datetime import timedelta

import pytest
from django.core import mail

from owners.models import Owner, PoolMember
from routing import rule_reviews
from routing.models import RuleReview, RuleSetVersion
from routing.rulebook import copy_to_draft, publish
from tests.routing.people import sign_in
from tests.routing.publishes import address, words
from tests.routing.rows import NOW, make_draft, make_owner, make_people, make_pool, make_rule

pytestmark = pytest.mark.django_db
STEP = "round_robin_pool"


@pytest.fixture
def elena():
    return make_owner("elena", email="elena@revroute.example")


@pytest.fixture
def draft(elena):
    version = make_draft(elena, time_zone="Europe/Berlin")
    make_rule(version, STEP, name="All", target="owner", owner=elena)
    return version


@pytest.fixture
def rita():
    return sign_in("rita", "RevOps")


def test_publishing_owes_the_next_look_and_the_date_reminds_once(draft):
    publish(draft, None, NOW)
    review = RuleReview.objects.get()
    assert (review.due_on.isoformat(), review.causes) == ("2026-04-01", [])
    rule_reviews.forget()
    assert rule_reviews.look(NOW + timedelta(days=29)) == 0
    later = NOW + timedelta(days=30)
    assert (rule_reviews.look(later), rule_reviews.look(later)) == (1, 0)
    assert [letter.subject for letter in mail.outbox] == [f"Version {draft.pk} of the rules is due for review"]
    assert rule_reviews.due_review(later).pk == review.pk
    assert rule_reviews.due_review(later - timedelta(days=2)) is None


def test_changes_of_what_rules_rest_on_make_a_look_due_and_absences_do_not():
    people = make_people()
    version = make_draft(people.elena)
    publish(version, None, NOW)
    rule_reviews.forget()
    people.absence.delete()
    Owner.objects.filter(pk=people.elena.pk).update(cap_open=9)
    assert rule_reviews.look(NOW + timedelta(days=1)) == 0
    PoolMember.objects.filter(owner=people.marco).update(weight=3)
    Owner.objects.filter(pk=people.marco.pk).update(languages=["fr"])
    people.area.delete()
    assert rule_reviews.look(NOW + timedelta(days=2)) == 4  # three causes and one mail
    review = RuleReview.objects.get()
    assert [cause["section"] for cause in review.causes] == ["territories", "staff", "pools"]
    assert review.due_on.isoformat() == "2026-03-04"
    assert rule_reviews.look(NOW + timedelta(days=3)) == 0


def test_somebody_looks_and_the_next_look_is_owed(draft, rita):
    publish(draft, None, NOW)
    make_pool("other", draft.owner)
    rule_reviews.forget()
    assert rule_reviews.look(NOW + timedelta(days=1)) == 2  # a cause and a mail
    answer = rita.post(address(draft, "reviewed"), {"note": "Still right"}, follow=True)
    assert "Reviewed. The next look is owed in 30 days, or when something changes." in words(answer)
    closed, opened = RuleReview.objects.order_by("id")
    assert (closed.note, closed.done_by.username, opened.causes) == ("Still right", "rita", [])
    rule_reviews.forget()
    assert rule_reviews.look(NOW + timedelta(days=1)) == 0


def test_two_who_look_at_once_look_once_and_what_changed_meanwhile_is_looked_at_again(draft, rita):
    publish(draft, None, NOW)
    rule_reviews.forget()
    page = rita.get(address(draft, "rules")).content.decode()
    seen = {"review": re.search(r'name="review" value="([^"]+)"', page)[1]}
    make_pool("other", draft.owner)
    rule_reviews.look(NOW + timedelta(days=1))
    changed = "Nothing was done, because something changed since you opened this page. Look again."
    assert changed in words(rita.post(address(draft, "reviewed"), seen, follow=True))
    page = rita.get(address(draft, "rules")).content.decode()
    seen = {"review": re.search(r'name="review" value="([^"]+)"', page)[1]}
    assert "Reviewed. The next look" in words(rita.post(address(draft, "reviewed"), seen, follow=True))
    assert changed in words(rita.post(address(draft, "reviewed"), seen, follow=True))
    assert RuleReview.objects.count() == 2


def test_another_version_ends_the_look_at_the_one_before(draft):
    publish(draft, None, NOW)
    copy = copy_to_draft(draft)
    RuleSetVersion.objects.filter(pk=copy.pk).update(purpose="More")
    copy.refresh_from_db()
    publish(copy, None, NOW + timedelta(days=1))
    reviews = RuleReview.objects.order_by("id")
    assert [(row.version_id, row.done_at is None) for row in reviews] == [(draft.pk, False), (copy.pk, True)]
