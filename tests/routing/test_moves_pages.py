"""The pages of leaving and of routing again, as RevOps uses them without JavaScript; and what forms and doctor say."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from leads.models import Lead
from owners.models import Owner, User
from owners.roles import Role, give_role
from routing import bulk
from routing.doctor import findings
from routing.models import BulkMove, Decision
from routing.worker import PARTS
from tests.builders import NOW
from tests.routing.ladders import change, owned
from tests.routing.test_leaving import company as company_of_marco
from tests.routing.test_rerouting import company

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita():
    user = User.objects.create_user("rita", first_name="Rita")
    give_role(user, Role.REVOPS)
    client = Client()
    client.force_login(user)
    return client


def text_of(answer):
    return " ".join(answer.content.decode().split())


def hidden(answer):
    """The confirming form of a page, as its browser would post it."""
    form = answer.context["form"]
    return {field.html_name: field.value() for field in form if field.value()}


def test_somebody_leaves_by_form_preview_and_one_confirmed_post(rita, monkeypatch):
    people = company_of_marco(leads=102)
    address = f"/people/{people.marco.pk}/leave/"
    form = f"/admin/owners/owner/{people.marco.pk}/change/"
    refused = rita.post(form, _saved(rita, form, state="departed"))
    assert f'<a href="{address}?state=departed">Say where they go</a>' in text_of(refused)
    assert "102 open leads, 2 rules in force, 2 rules of drafts and more hang on Marco." in text_of(refused)
    assert Owner.objects.get(pk=people.marco.pk).state == "active"

    first = text_of(rita.get(f"{address}?state=inactive"))
    assert "What hangs on Marco" in first
    assert "102 open leads" in first
    assert "and 97 more" in first
    short = text_of(rita.get(address, {"state": "departed", "leads": "person", "why": "new job"}))
    assert "Choose the person who gets all open leads." in short
    assert "Choose the person who takes over." in short
    chosen = {"state": "departed", "leads": "rules", "heir": people.elena.pk, "why": "new job", "switch_off": "on"}
    preview = rita.get(address, chosen)
    for said in (
        "The rules decide about each again, without Marco.",
        "A copy of the version in force is published with Elena instead",
        "Elena is named instead, and manages the teams that Marco led.",
        "They stop working with the user.",
    ):
        assert said in text_of(preview)
    assert not BulkMove.objects.exists()

    monkeypatch.setattr(bulk, "begin", lambda *_: None)  # the request dies after its first transaction
    done = rita.post(address, hidden(preview))
    move = BulkMove.objects.get()
    assert done.headers["Location"] == f"/moves/{move.pk}/"
    page = text_of(rita.get(done.headers["Location"]))
    assert "100 of 102 leads done: 100 moved" in page
    assert "Their leads are on their way already." in text_of(rita.get(address))
    assert (move.actor.username, LogEntry.objects.latest("pk").change_message[:30]) == (
        "rita",
        "Left by the page of leaving: h",
    )
    assert {sentence.code for sentence in findings(move.created_at)} & {"leads_of_the_gone", "move_unfinished"} == set()
    PARTS["moves"](lambda: move.created_at)
    move.refresh_from_db()
    assert (move.state, move.moved, Lead.objects.filter(owner=people.marco).count()) == ("finished", 102, 0)
    assert set(Decision.objects.filter(origin="again").values_list("actor__username", flat=True)) == {"rita"}
    assert "Finished" in text_of(rita.get(f"/moves/{move.pk}/"))
    assert "Marco leaves" in text_of(rita.get("/moves/"))
    back = rita.post(form, _saved(rita, form, state="active"))
    assert back.status_code == 302, back.context["errors"]  # coming back is a plain save


def _saved(client, address, **fields):
    """What a browser posts that opened the form and changed these fields."""
    context = client.get(address).context
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.initial_forms]
    values = {field.html_name: field.value() for form in forms for field in form}
    return {name: value for name, value in values.items() if value is not None and value is not False} | fields


def test_leads_are_previewed_and_routed_again_after_a_change(rita):
    people = company()
    leads = owned(52, country="DE")
    owned(2, first=70, country="FR")
    form = f"/admin/owners/territory/{people.german.pk}/change/"
    areas = {"areas-TOTAL_FORMS": 0, "areas-INITIAL_FORMS": 0}
    saved = {"name": "German", "key": "german", "owner": people.elena.pk, **areas}
    told = text_of(rita.post(form, saved, follow=True))
    assert "52 open leads that nobody worked on may now belong to somebody else." in told
    address = f"/moves/new/?territory={people.german.pk}"
    assert f'href="{address}"' in told
    shown = rita.get(address)
    assert "52 leads fit" in text_of(shown)
    begun = rita.post("/moves/new/", hidden(shown))
    move = BulkMove.objects.get()
    page = text_of(rita.get(begun.headers["Location"]))
    assert "52 leads looked at; 52 would change." in page
    assert "Marco → Elena" in page
    assert "Page 1 of 2" in page
    assert not Decision.objects.filter(origin="again").exists()
    lines = b"".join(rita.get(f"/moves/{move.pk}/export.csv").streaming_content).decode().splitlines()
    assert (len(lines), lines[1].split(",")[:5]) == (
        53, [str(leads[0].pk), leads[0].email, "Marco", "Elena", "assigned"],
    )  # fmt: skip
    assert "Say why, in a few words" in text_of(rita.post(f"/moves/{move.pk}/run/", follow=True))
    after = text_of(rita.post(f"/moves/{move.pk}/run/", {"why": "=Germany moved"}, follow=True))
    assert "52 of 52 leads done: 52 moved." in after
    assert "=Germany moved" in after
    assert "it is over already" in text_of(rita.post(f"/moves/{move.pk}/drop/", follow=True))
    again = text_of(rita.post("/moves/new/", {"territory": people.german.pk}, follow=True))
    assert "none would change" in again
    assert "Dropped" in text_of(rita.post(f"/moves/{BulkMove.objects.latest('pk').pk}/drop/", follow=True))
    assert "No open lead fits" in text_of(rita.post("/moves/new/", {"owner": people.ada.pk}, follow=True))
    assert "Select a valid choice" in text_of(rita.get("/moves/new/?pool=none"))


def test_doctor_names_leads_of_the_gone_and_a_move_that_stands_still():
    people = company()
    owned(3, country="DE")
    change(people.marco, state="departed")
    BulkMove.objects.create(
        kind="leaver", state="running", owner=people.ada, why="Ada left: x", created_at=NOW, started_at=NOW, total=9
    )
    told = {one.code: one.sentence for one in findings(NOW + 20 * (NOW - NOW.replace(minute=59, hour=9)))}
    assert told["leads_of_the_gone"] == (
        "Marco has left, and 3 open leads stay with them. Hand them over from their page."
    )
    assert told["move_unfinished"] == (
        "A move of many leads is not over yet: Ada leaves (0 of 9 leads). The worker finishes it. Is it running?"
    )
