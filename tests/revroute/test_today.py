"""Today's numbers are those of the lists that its tiles link to, in a fixed number of queries, within the scope."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leads.models import Lead
from owners.models import User
from owners.roles import Role, give_role
from routing.models import Decision, Fact, ReviewItem, SlaClock
from tests.routing.rows import make_event, make_people, make_story

pytestmark = pytest.mark.django_db


def lead(people, story, now, owned_after=None, due=None):
    """A lead that came just now: owned after so many seconds with a clock due in so many minutes, or in review."""
    event = make_event(people.source, received_at=now)
    owner = people.elena if owned_after is not None else None
    row = Lead.objects.create(
        id=event.pk, source=people.source, lead_type="demo", received_at=now, email=f"a{event.pk}@a.example",
        state="assigned" if owner else "review", owner=owner, owned_at=now if owner else None, reason="Elena’s turn.",
    )  # fmt: skip
    Fact.objects.create(lead=row, kind=Fact.Kind.ARRIVED, at=now, detail="assigned" if owner else "review")
    if owner is None:
        ReviewItem.objects.create(
            reason="no_valid_owner", owner=people.marco, source=people.source, event=event, lead=row,
            opened_at=now, last_at=now, due_at=now + timedelta(minutes=5),
        )  # fmt: skip
        return row
    Fact.objects.create(lead=row, kind=Fact.Kind.OWNED, at=now + timedelta(seconds=owned_after), owner=owner)
    fields = ("version_id", "revision_id", "status", "owner_id", "lead_type", "high_intent", "route_flag")
    decision = Decision.objects.create(
        event=event, lead=row, reason="Elena’s turn.", decided_at=now, digest="d", snapshot="{}", trace="{}",
        **{name: getattr(story.decision, name) for name in fields},
    )  # fmt: skip
    SlaClock.objects.create(
        lead=row, decision=decision, owner=owner, kind="first_touch", policy_key="demo", budget_seconds=900,
        started_at=now - timedelta(hours=1), due_at=now + timedelta(minutes=due),
    )  # fmt: skip
    return row


def tiles(page):
    return {tile.label: (tile.number, href) for tile, href in page.context["tiles"]}


def listed(client, href):
    page = client.get(href)
    return page.context["cl"].result_count


def test_tiles_and_lists_agree_and_the_most_urgent_stands_first():
    story = make_story()
    people = make_people("-today", "AT")
    now = timezone.now()
    SlaClock.objects.update(state="cancelled", ended_at=now)
    ReviewItem.objects.update(state="closed", closed_at=now, resolution="done")
    late = lead(people, story, now, owned_after=2, due=-3)
    soon = lead(people, story, now, owned_after=90, due=7)
    lead(people, story, now, owned_after=1, due=60)
    review = lead(people, story, now)
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    page = client.get("/admin/")
    numbers = tiles(page)
    assert {label: number for label, (number, _) in numbers.items()} == {
        "Waiting for a first touch": "3",
        "In review": "1",
        "Overdue": "1",
        "Owned within a minute": "50 %",
    }
    assert {label: listed(client, href) for label, (_, href) in numbers.items()} == {
        "Waiting for a first touch": 3,
        "In review": 1,
        "Overdue": 1,
        "Owned within a minute": 2,
    }
    assert [(row.lead, row.late) for row, _ in page.context["waiting"]] == [
        (late.pk, True),
        (review.pk, False),
        (soon.pk, False),
    ]
    shown = {question: listed(client, f"/admin/leads/lead/?show={question}") for question in ("no_owner", "due")}
    assert shown == {"no_owner": 1, "due": 1}
    assert listed(client, "/admin/leads/lead/?show=overdue") == 1


def test_queries_are_as_many_for_one_row_as_for_many_and_nothing_waits_when_nothing_does():
    admin = User.objects.create_superuser("ada")
    client = Client()
    client.force_login(admin)
    assert "Nothing waits." in client.get("/admin/").content.decode()
    story = make_story()
    people = make_people("-today", "AT")
    now = timezone.now()
    spent = []
    for rows in (1, 3):
        for number in range(rows):
            lead(people, story, now, owned_after=number, due=-1)
            lead(people, story, now)
        client.get("/admin/")  # what a process reads once after each change of the configuration
        with CaptureQueriesContext(connection) as queries:
            page = client.get("/admin/")
        spent.append(len(queries))
    assert len(page.context["waiting"]) >= 8
    assert spent[0] == spent[1]


def test_a_manager_sees_only_the_managed_teams_and_no_problems_of_the_company():
    story = make_story()
    people = make_people("-today", "AT")
    lead(people, story, timezone.now(), owned_after=1, due=-1)
    user = User.objects.create(username="mia")
    give_role(user, Role.MANAGER)
    client = Client()
    client.force_login(user)
    page = client.get("/admin/")
    assert tiles(page)["Overdue"][0] == "0"
    assert page.context["problems"] is None
    assert not re.search("Elena", page.content.decode())
