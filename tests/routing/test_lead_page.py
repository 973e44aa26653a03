"""The list of leads and the page of one over real rows: scopes, filters, export, story, acts by form, stale tabs."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from leads.models import Activity, Lead
from owners.models import User
from owners.roles import Role, give_role
from routing import escalation, life
from routing.models import Decision, Delivery, SlaClock
from routing.pipeline import drain
from routing.plan import run_due
from routing.rulebook import publish
from tests.builders import NOW, make_owner, make_pool, make_rule, make_source, make_team, make_version
from tests.routing.batches import waiting

pytestmark = pytest.mark.django_db
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def shop():
    """Elena and Marco share a pool in Mia's team; Zoe is in nobody's. Webinars go to review, named to Marco."""
    team = make_team("sales")
    people = {name: make_owner(name, team) for name in ("elena", "marco")}
    people |= {"mia": make_owner("mia", accepts_leads=False), "zoe": make_owner("zoe")}
    team.lead = people["mia"]
    team.save()
    for name, owner in people.items():
        owner.user = User.objects.create(username=name)
        owner.save()
        give_role(owner.user, Role.MANAGER if name == "mia" else Role.REP)
    version = make_version(people["mia"])
    pool = make_pool("everybody", [people["elena"], people["marco"]], team=team)
    make_rule(version, "round_robin_pool", "pool", ("lead_type", "is_not", "webinar"), pool=pool)
    make_rule(version, "manual_review", "review", owner=people["marco"], review_reason="unclear_product_fit")
    publish(version, None, NOW)
    people["web"], people["webinars"] = (
        make_source("web", people["mia"]),
        make_source("webinars", people["mia"], "webinar"),
    )
    return people


def arrive(source, count=1, start=0, now=None, **payload):
    sent = [
        {"email": f"b{n}@firm{n}.example", "first_name": f"Buyer{n}"} | payload for n in range(start, start + count)
    ]
    leads = waiting(source, *sent)
    drain(lambda: now or timezone.now())
    return [Lead.objects.get(pk=lead) for lead in leads]


def browser(person):
    client = Client()
    client.force_login(person if isinstance(person, User) else person.user)
    return client


def somebody(role):
    user = User.objects.create(username=f"a-{role}")
    give_role(user, role)
    return user


def listed(client, query=""):
    page = client.get(f"/leads/{query}")
    return {str(row.record) for row in page.context["table"].page.object_list}


def act(client, lead, work, **said):
    answer = client.post(f"/leads/{lead.pk}/{work}/", said, follow=True)
    return [(message.level_tag, str(message)) for message in answer.context["messages"]] if answer.context else answer


def test_the_list_asks_what_the_filters_say_within_the_scope(shop):
    hot, plain = arrive(shop["web"], 2)
    Lead.objects.filter(pk=hot.pk).update(high_intent=True, phone="+491514567890")
    [waits] = arrive(shop["webinars"], start=7, company_name="Initech")
    plain.refresh_from_db()
    Lead.objects.filter(pk=plain.pk).update(touched_at=NOW)
    SlaClock.objects.filter(lead=hot).update(due_at=timezone.now() + timedelta(minutes=5))
    SlaClock.objects.filter(lead=plain).update(started_at=NOW, due_at=NOW)
    Delivery.objects.filter(decision__lead=plain).update(state="dead")
    auditor = browser(somebody(Role.AUDITOR))
    everything = {"Buyer0", "Buyer1", "Buyer7"}
    asked = {
        "": everything, "?show=no_owner": {"Buyer7"}, "?show=untouched": {"Buyer0"}, "?show=due": {"Buyer0"},
        "?show=overdue": {"Buyer1"}, "?show=undelivered": {"Buyer1"}, "?intent=true": {"Buyer0"},
        "?state=review": {"Buyer7"}, "?source=webinars": {"Buyer7"}, "?type=webinar": {"Buyer7"},
        "?owner=none": {"Buyer7"}, f"?owner={plain.owner_id}": {str(plain)}, "?state=nonsense": everything,
        "?q=buyer1": {"Buyer1"}, "?q=b1@firm": {"Buyer1"}, "?q=0151+456+7890": {"Buyer0"}, "?q=initech": {"Buyer7"},
        "?q=%00": everything, f"?q={waits.pk}+buyer7": {"Buyer7"}, "?sort=owner&page=99": everything,
    }  # fmt: skip
    assert {query: listed(auditor, query) for query in asked} == asked
    assert listed(browser(shop["mia"])) == everything
    assert listed(browser(shop["zoe"])) == {"Buyer7"}
    mine = {str(lead) for lead in (hot, plain) if lead.owner == shop["elena"]}
    assert listed(browser(shop["elena"])) == mine | {"Buyer7"}


def test_the_export_has_what_the_list_has_and_no_formula(shop):
    [lead, _] = arrive(shop["web"], 2)
    Lead.objects.filter(pk=lead.pk).update(name='=HYPERLINK("http://evil.example")')
    answer = browser(shop["mia"]).get("/leads/export.csv?q=HYPERLINK")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [(row["lead"], row["buyer"], row["state"]) for row in rows] == [
        (str(lead.pk), '\'=HYPERLINK("http://evil.example")', "assigned")
    ]


def test_one_row_and_sixty_take_the_same_queries(shop):
    def queries():
        client = browser(shop["mia"])
        with CaptureQueriesContext(connection) as caught:
            client.get("/leads/")
        return len(caught)

    arrive(shop["web"])
    arrive(shop["webinars"], start=1)
    few = queries()
    arrive(shop["web"], 40, start=2)
    arrive(shop["webinars"], 20, start=50)
    assert queries() == few
    assert few <= 16


def test_the_story_is_told_in_order_and_text_stays_text(shop):
    [lead] = arrive(shop["web"], first_name=MARKUP, country="Atlantis")
    run_due(timezone.now())
    Delivery.objects.filter(decision__lead=lead).update(state="sent", sent_at=timezone.now())
    owner, client = lead.owner, browser(lead.owner)
    assert act(client, lead, "accept") == [("success", f"Accepted by {owner.name}.")]
    assert act(client, lead, "touch", kind="call", outcome=MARKUP) == [
        ("success", f"Logged by {owner.name}: call, {MARKUP}.")
    ]
    assert act(client, lead, "touch", kind="view") == [
        ("error", "Choose what you did: call, e-mail, message, meeting, meeting booked.")
    ]
    page = client.get(f"/leads/{lead.pk}/")
    assert MARKUP not in page.content.decode()
    assert "&lt;img src=x onerror=alert(1)&gt;" in page.content.decode()
    titles = [moment.title for moment in page.context["life"].moments]
    assert titles == [
        "Arrived from Web", "Understood", "Matched", f"Assigned to {owner.name}", "Written to the CRM",
        "Carried out",
        f"{owner.name} was told of the lead by e-mail and in the app", "Accepted", f"{owner.name} called",
    ]  # fmt: skip
    [country] = [fact for fact in page.context["facts"] if fact["label"] == "Country"]
    assert (country["value"], country["raw"]) == ("", "Atlantis")
    assert {(r.kind, r.word) for r in page.context["receipts"] if r.code != "assigned"} == {
        ("First human touch", "met"), ("30 minutes without activity", "met"),
    }  # fmt: skip
    assert page.context["due"] is None
    assert act(client, lead, "close", outcome="converted") == [("success", f"Closed by {owner.name} as converted.")]
    assert act(client, lead, "close", outcome="lost") == [
        ("error", "Only a lead with an owner is closed; this one is closed.")
    ]
    assert life.life_of(Lead.objects.get(pk=lead.pk)).moments[-1][4:7] == ("Closed as converted", "", owner.name)


def test_reassigning_is_guarded_and_the_former_owner_is_told(shop):
    [lead] = arrive(shop["web"])
    had, gets = lead.owner, shop["marco" if lead.owner == shop["elena"] else "elena"]
    mia, former = browser(shop["mia"]), browser(had)
    assert [name for _, name in mia.get(f"/leads/{lead.pk}/").context["owners"]] == [gets.name, "Mia"]
    assert former.get(f"/leads/{lead.pk}/").context["works"] == {
        "accept",
        "decline",
        "touch",
        "nurture",
        "reject",
        "close",
        "pause",
    }
    said = {"to": gets.pk, "seen": had.pk, "why": "speaks Danish"}
    [(level, sentence)] = act(mia, lead, "reassign", **said)
    assert level == "success"
    assert sentence == Decision.objects.filter(lead=lead).latest("pk").reason
    [(level, sentence)] = act(mia, lead, "reassign", **said | {"to": had.pk})
    assert (level, sentence) == (
        "error", f"Nothing was done: the lead moved on meanwhile and is now with {gets.name}. Look again."
    )  # fmt: skip
    assert act(mia, lead, "reassign", to=shop["zoe"].pk, seen=gets.pk, why="x")[0][1].startswith("Choose a person")
    assert act(mia, lead, "nurture", seen=gets.pk, why=" ")[0][1].startswith("Say why")
    gone = f"This lead is not yours any more: it is with {gets.name} now."
    assert act(former, lead, "accept") == [("info", f"Nothing was done. {gone}")]
    page = former.get(f"/leads/{lead.pk}/", follow=True)
    assert (page.redirect_chain, [str(m) for m in page.context["messages"]]) == ([("/leads/", 302)], [gone])
    told = mia.get(f"/leads/{lead.pk}/").context
    assert [one["decision"].origin for one in (*told["told"], *told["older"])] == ["reassign", "routing"]
    Decision.objects.filter(lead=lead).update(decided_at=NOW)
    assert former.get(f"/leads/{lead.pk}/").status_code == 404


def test_declining_moves_it_and_a_lead_nobody_had_is_not_taken_from_whoever_was_faster(shop):
    [lead, waits] = [*arrive(shop["web"]), *arrive(shop["webinars"], start=4)]
    other = shop["marco" if lead.owner == shop["elena"] else "elena"]
    [(level, _)] = act(browser(lead.owner), lead, "decline", why="conflict of interest")
    assert level == "success"
    assert Lead.objects.get(pk=lead.pk).owner == other
    mia = browser(shop["mia"])
    page = mia.get(f"/leads/{waits.pk}/")
    assert (page.context["seen"], page.context["due"]["what"]) == (0, "review")
    assert page.context["works"] == {"touch", "reassign", "nurture", "reject"}
    assert reverse("pages:queue-item", args=[page.context["items"][0].pk]) in page.content.decode()
    said = {"seen": 0, "why": "her account"}
    assert act(mia, waits, "reassign", to=shop["elena"].pk, **said)[0][0] == "success"
    assert act(mia, waits, "reassign", to=shop["marco"].pk, **said)[0][1].startswith("Nothing was done")
    assert act(mia, waits, "nurture", seen=shop["elena"].pk, why="next year")[0][0] == "success"
    assert (Lead.objects.get(pk=waits.pk).state, Activity.objects.count()) == ("nurture", 0)


def test_who_may_not_act_has_no_buttons_and_is_refused(shop):
    [lead, waits] = [*arrive(shop["web"]), *arrive(shop["webinars"], start=4)]
    auditor, zoe = browser(somebody(Role.AUDITOR)), browser(shop["zoe"])
    page = auditor.get(f"/leads/{lead.pk}/")
    assert (page.context["works"], b"lead-act" in page.content) == (set(), False)
    assert auditor.post(f"/leads/{lead.pk}/touch/", {"kind": "call"}).status_code == 403
    assert zoe.get(f"/leads/{lead.pk}/").status_code == 404
    assert zoe.post(f"/leads/{lead.pk}/touch/", {"kind": "call"}).status_code == 404
    assert zoe.get(f"/leads/{waits.pk}/").context["works"] == set()
    assert zoe.post(f"/leads/{waits.pk}/reject/", {"why": "x"}).status_code == 403
    assert zoe.get(f"/leads/{10**25}/").status_code == 404


def test_a_silent_lead_tells_of_reminders_breach_and_move(shop):
    [lead] = arrive(shop["web"], now=NOW)
    former = lead.owner
    for minutes in range(0, 45, 5):
        escalation.sweep(NOW + timedelta(minutes=minutes))
        Delivery.objects.filter(state="owed").update(state="sent", sent_at=NOW + timedelta(minutes=minutes))
    page = browser(shop["mia"]).get(f"/leads/{lead.pk}/")
    titles = [moment.title for moment in page.context["life"].moments]
    assert titles.count(f"Time of {former.name} ran out") == 2
    assert f"{former.name} was told that time runs out by e-mail and in the app" in titles
    breached = next(r for r in page.context["receipts"] if r.word == "breached")
    assert (breached.owner, breached.runs) == (former.name, False)
