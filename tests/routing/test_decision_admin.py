"""A decision's page in the admin tells every rule that was asked, as the decision document does."""

import html
import json

import pytest

from leads.models import Lead
from routing.drawing import draw
from routing.models import Decision
from routing.rulebook import publish
from tests.builders import NOW, make_owner, make_pool, make_rule, make_source, make_version
from tests.flows.test_nine_steps import post
from tests.routing.forms import address
from tests.routing.rows import make_story


@pytest.fixture
def elena(db):
    elena = make_owner("elena")
    make_source("web", elena, "demo")
    version = make_version(elena)
    austria = ("country", "is", "AT")
    make_rule(version, "territory_owner", "owner", austria, name="Austria", owner=elena)
    pool = make_pool("inbound", [elena, make_owner("ben")])
    make_rule(version, "round_robin_pool", "pool", name="Everybody", pool=pool)
    publish(version, None, NOW)
    return elena


def blocks(page):
    """The JSON of the page's blocks."""
    text = page.content.decode()
    return [json.loads(html.unescape(part.split("</pre>")[0])) for part in text.split("<pre>")[1:]]


@pytest.mark.django_db(transaction=True)
def test_the_page_shows_the_documents_trace_with_the_rules_that_did_not_hold(elena, admin_client):
    answered = post({"email": "ada@acme.example", "country": "DE", "first_name": "<script>alert(1)</script>"}).json()
    decision = Decision.objects.get()
    page = admin_client.get(address(Decision, "change", decision.pk))
    trace, candidates, snapshot = blocks(page)
    assert trace == answered["decision"]["routing_trace"]
    assert candidates == answered["decision"]["candidates"]
    assert snapshot == json.loads(decision.snapshot)
    (austria,) = next(step["rules"] for step in trace["steps"] if step["step"] == "territory_owner")
    assert (austria["name"], austria["result"]) == ("Austria", "no_match")
    assert {candidate["name"] for candidate in candidates} == {"Elena", "Ben"}
    assert "<script>alert(1)" not in page.content.decode()
    story = draw(page.context["told"])
    assert [(step["name"], step["decided"], step["summary"]) for step in story["steps"] if step["rules"]] == [
        ("Territory owner", False, "1 rule, which did not lead anywhere"),
        ("Round robin pool", True, "Everybody: whose turn it is"),
    ]
    assert story["steps"][4]["rules"][0]["groups"] == [
        [{"icon": "x", "tone": "bad", "word": "does not hold", "asked": "country is AT", "saw": "DE"}]
    ]
    assert [(person["name"], person["chosen"]) for person in story["candidates"]] == [("Ben", False), ("Elena", True)]
    assert "decided here" in page.content.decode()
    assert Lead.objects.count() == 1


@pytest.mark.django_db
def test_the_snapshot_is_folded_away(admin_client):
    story = make_story()
    page = admin_client.get(address(Decision, "change", story.decision.pk))
    before, folded = page.content.decode().rsplit("<details>", 1)
    assert ("91" in folded.split("</details>")[0], "&quot;score&quot;" in before) == (True, False)
    assert page.context["adminform"].fieldsets[-1][1]["classes"] == ["collapse"]


@pytest.mark.django_db
def test_a_decision_that_cannot_be_told_in_full_shows_its_trace_as_stored(admin_client):
    story = make_story()
    page = admin_client.get(address(Decision, "change", story.decision.pk))
    assert blocks(page)[0] == json.loads(story.decision.trace)
    assert "This decision cannot be told in full; the trace is as stored." in page.content.decode()
