"""The queue's pages over real rows: who sees and may do what, acts by form, filters, export, fixed queries."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leads.models import Lead, Note
from owners.models import Pool, User
from owners.roles import Role, give_role
from routing.models import LedgerEntry, ReviewItem
from routing.pages.lists import plain_cell
from routing.pipeline import drain
from routing.review import note_unreadable
from routing.rulebook import publish
from routing.today import today
from tests.builders import NOW, make_owner, make_pool, make_rule, make_source, make_team, make_version
from tests.routing.batches import waiting
from tests.routing.rows import make_event

pytestmark = pytest.mark.django_db
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def shop():
    """Elena and Marco are reps of Mia's team; all that comes from `web` goes to review, named to Marco."""
    team = make_team("sales")
    people = {name: make_owner(name, team) for name in ("elena", "marco")}
    people["mia"] = make_owner("mia")
    team.lead = people["mia"]
    team.save()
    for name, role in (("elena", Role.REP), ("marco", Role.REP), ("mia", Role.MANAGER)):
        user = User.objects.create(username=name)
        give_role(user, role)
        people[name].user = user
        people[name].save()
    version = make_version(people["mia"])
    pool = make_pool("everybody", [people["elena"], people["marco"]], team=team)
    make_rule(version, "round_robin_pool", "pool", ("country", "is", "DE"), pool=pool)
    make_rule(version, "manual_review", "review", owner=people["marco"], review_reason="unclear_product_fit")
    publish(version, None, NOW)
    people["source"] = make_source("web", people["mia"], "demo")
    return people


def arrive(source, count=1, start=0, **payload):
    sent = [
        {"email": f"buyer{n}@firm{n}.example", "first_name": f"Buyer{n}"} | payload for n in range(start, start + count)
    ]
    leads = waiting(source, *sent)
    drain(timezone.now)
    return [ReviewItem.objects.get(lead=lead) for lead in leads]


def browser(person):
    client = Client()
    client.force_login(User.objects.get(owner=person) if not isinstance(person, User) else person)
    return client


def somebody(role):
    user = User.objects.create(username=f"a-{role}")
    give_role(user, role)
    return user


def said(response):
    return [str(message) for message in response.context["messages"]]


def test_claim_by_form_gives_the_lead_and_the_second_is_told_who_was_faster(shop):
    [item] = arrive(shop["source"])
    marco, elena = browser(shop["marco"]), browser(shop["elena"])
    assert "Buyer0" in elena.get("/queue/").content.decode()
    assert marco.get(f"/queue/{item.pk}/claim/").status_code == 405
    assert said(marco.post(f"/queue/{item.pk}/claim/", follow=True))[0].startswith("Claimed by Marco")
    assert said(marco.post(f"/queue/{item.pk}/claim/", follow=True)) == ["This lead is yours already."]
    refused = elena.post(f"/queue/{item.pk}/claim/", headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (409, "taken")
    assert "Claimed by Marco" in refused.json()["detail"]
    assert said(elena.get(f"/queue/{item.pk}/", follow=True))[0].startswith("Somebody was faster: Claimed by Marco")
    hands = elena.get("/queue/hands/").content.decode()
    assert "<strong>Marco</strong> claimed a demo from Web" in " ".join(hands.split())
    assert "Buyer0" not in hands
    ReviewItem.objects.update(closed_at=timezone.now() - timedelta(days=2))
    assert elena.post(f"/queue/{item.pk}/claim/").status_code == 404
    assert LedgerEntry.objects.count() == 0  # it came from no pool


def test_acts_follow_the_role_on_the_page_and_by_address(shop):
    [item] = arrive(shop["source"])
    named = {"claim", "fix", "again", "nurture", "reject"}
    expected = {
        "elena": {"claim"}, "marco": named, "mia": named | {"assign", "name"},
        Role.REVOPS: (named | {"assign", "name"}) - {"claim"}, Role.AUDITOR: set(),
    }  # fmt: skip
    every = named | {"assign", "name", "replay"}
    for who, acts in expected.items():
        client = browser(shop[who] if who in shop else somebody(who))
        page = client.get(f"/queue/{item.pk}/").content.decode()
        assert {act for act in every if f"/queue/{item.pk}/{act}/" in page} == acts, who
    for who in (Role.MARKETING, Role.INTEGRATOR):
        client = browser(somebody(who))
        for address in ("", f"{item.pk}/", f"{item.pk}/payload/", "hands/", "export.csv"):
            assert client.get(f"/queue/{address}").status_code == 403
    elena = browser(shop["elena"])
    assert [elena.post(f"/queue/{item.pk}/{act}/").status_code for act in ("fix", "reject", "assign")] == [403] * 3
    assert ReviewItem.objects.get().state == "open"


def test_data_is_fixed_routed_again_and_shown_before_and_after(shop):
    [item] = arrive(shop["source"], email="", phone="")
    assert item.reason == "missing_contact_data"
    mia = browser(shop["mia"])
    form = {"email": "ada@acme.example", "was-email": "", "country": "DE", "was-country": "", "phone": "",
            "first_name": "Buyer0", "was-first_name": "Buyer0"}  # fmt: skip
    assert "Nothing was changed" in said(mia.post(f"/queue/{item.pk}/fix/", {}, follow=True))[0]
    mia.post(f"/queue/{item.pk}/fix/", form)
    lead = Lead.objects.get()
    assert (lead.state, lead.email) == ("assigned", "ada@acme.example")
    page = mia.get(f"/queue/{item.pk}/")
    assert page.context["changes"] == [
        {"label": "E-mail", "before": "", "after": "ada@acme.example"},
        {"label": "Company domain", "before": "", "after": "acme.example"},
        {"label": "Country", "before": "", "after": "DE"},
    ]
    assert said(mia.post(f"/queue/{item.pk}/fix/", form, follow=True))[0].startswith("Somebody was faster")


def test_assigning_naming_nurturing_and_rejecting_need_a_person_or_a_reason(shop):
    first, second, third = arrive(shop["source"], 3)
    mia = browser(shop["mia"])
    outsider = make_owner("otto")
    elena, marco = shop["elena"], shop["marco"]
    post = lambda item, act, **data: said(mia.post(f"/queue/{item.pk}/{act}/", data, follow=True))[0]  # noqa: E731
    assert post(first, "assign", to=outsider.pk, why="x").startswith("Choose a person")
    assert post(first, "assign", to=elena.pk).startswith("Say why")
    assert "Elena" in post(first, "assign", to=elena.pk, why="knows them")
    assert post(second, "name", to=elena.pk, seen=marco.pk) == "Elena answers for this item now."
    assert post(second, "name", to=marco.pk, seen=marco.pk).startswith("Somebody was faster: Elena")
    assert Note.objects.filter(text__startswith="Mia named Elena").count() == 1
    post(second, "nurture", why="next year")
    post(third, "reject", why="a student")
    assert list(Lead.objects.order_by("pk").values_list("state", flat=True)) == ["assigned", "nurture", "rejected"]
    assert ReviewItem.objects.filter(state="open").count() == 0


def test_payload_is_shown_as_text_and_goes_out_as_a_file_only(shop):
    body = b"\xff\xfe<script>alert(1)</script>"
    event = make_event(shop["source"], body, state=2, error="bad_encoding")
    for _ in range(2):
        note_unreadable(event.pk, type("S", (), {"id": shop["source"].pk, "owner": shop["mia"].pk})(), "bad", NOW)
    item = ReviewItem.objects.get()
    assert browser(shop["elena"]).get(f"/queue/{item.pk}/").status_code == 404
    mia = browser(shop["mia"])
    page = mia.get(f"/queue/{item.pk}/")
    assert "ff fe 3c 73" in page.content.decode()
    assert page.context["wishes"] == {"name", "replay", "reject"}
    file = mia.get(f"/queue/{item.pk}/payload/")
    assert (file.content, file.headers["X-Content-Type-Options"]) == (body, "nosniff")
    assert file.headers["Content-Disposition"].startswith("attachment;")
    assert "could not be read" in said(mia.post(f"/queue/{item.pk}/replay/", follow=True))[0]
    mia.post(f"/queue/{item.pk}/reject/", {"why": "noise"})
    assert ReviewItem.objects.get().resolution == "Rejected by Mia: noise"


def test_name_made_of_markup_stays_text_and_formulas_stay_words(shop):
    [item] = arrive(shop["source"], first_name=MARKUP, company_name="=1+1")
    Lead.objects.update(name=MARKUP)
    ReviewItem.objects.update(detail=MARKUP)
    mia = browser(shop["mia"])
    for address in ("", f"{item.pk}/"):
        assert MARKUP not in mia.get(f"/queue/{address}").content.decode()
    lines = list(csv.reader(io.StringIO(b"".join(mia.get("/queue/export.csv").streaming_content).decode())))
    assert (len(lines), lines[1][2]) == (2, MARKUP)
    assert [plain_cell(text) for text in ("=1+1", "+49", "@a", "plain")] == ["'=1+1", "'+49", "'@a", "plain"]


def test_filters_search_and_order(shop):
    first, second, third = arrive(shop["source"], 3)
    now = timezone.now()
    for item, minutes in ((first, 30), (second, -5), (third, 10)):
        ReviewItem.objects.filter(pk=item.pk).update(
            opened_at=now - timedelta(hours=1), due_at=now + timedelta(minutes=minutes)
        )
    Lead.objects.filter(pk=first.lead_id).update(high_intent=False)
    ReviewItem.objects.filter(pk=third.pk).update(owner=shop["elena"], reason="critical_severity")
    client = browser(shop["mia"])

    def found(query=""):
        return [row.record.pk for row in client.get(f"/queue/?{query}").context["table"].paginated_rows]

    assert found() == [second.pk, third.pk, first.pk]
    assert found("sort=-due") == [first.pk, third.pk, second.pk]
    assert found("overdue=true") == [second.pk]
    assert found("intent=true") == [second.pk, third.pk]
    assert found("reason=critical_severity") == [third.pk]
    assert found("source=web&q=Buyer1") == [second.pk]
    assert found("source=other") == []
    assert found("mine=true") == []
    assert found("page=999&sort=nothing") == [second.pk, third.pk, first.pk]


@pytest.mark.parametrize("who", ["mia", "marco"])
def test_the_list_asks_as_often_for_one_item_as_for_sixty(shop, who, django_assert_num_queries):
    arrive(shop["source"])
    client = browser(shop[who])
    client.get("/queue/")
    with CaptureQueriesContext(connection) as one:
        client.get("/queue/")
    arrive(shop["source"], 60, start=1)
    with django_assert_num_queries(len(one)):
        assert len(client.get("/queue/").context["table"].paginated_rows) == 50


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("on_hold", "On hold until somebody of Everybody is available"),
        ("waiting_to_be_claimed", "Waits to be claimed by somebody of Everybody"),
    ],
)
def test_a_lead_that_waits_for_a_pool_says_for_which_and_is_not_in_review(shop, client, reason, words):
    root = User.objects.create_superuser("root")
    arrive(shop["source"])
    item = ReviewItem.objects.get()
    ReviewItem.objects.update(reason=reason, pool=Pool.objects.get(key="everybody"))
    Lead.objects.update(state="held")
    client.force_login(root)
    for address in ("/queue/", f"/queue/{item.pk}/", f"/leads/{item.lead_id}/"):
        page = client.get(address).content.decode()
        assert words.lower() in page.lower(), address
        assert "In review" not in page, address
    tile = next(tile for tile in today(root, timezone.now()).tiles if tile.label == "In review")
    assert (tile.number, "1 more waits for a pool" in tile.note) == ("0", True)
