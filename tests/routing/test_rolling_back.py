"""An older version put back in force: its rules, the leads that were decided meanwhile, what is told."""

from datetime import UTC, datetime, timedelta

import pytest

from owners.models import Owner
from routing import bulk, publishing, rulebook
from routing.models import BulkMove, BulkMoveLead, Decision, Rule, RuleSetVersion
from routing.pipeline import drain
from routing.replay import verify
from routing.rulebook import RulebookError, copy_to_draft, publish
from routing.version_history import history_of
from tests.builders import make_source
from tests.routing.batches import waiting
from tests.routing.people import sign_in, sign_up
from tests.routing.publishes import address, hidden, state, words
from tests.routing.rows import NOW, make_draft, make_owner, make_rule

pytestmark = pytest.mark.django_db
STEP = "round_robin_pool"


@pytest.fixture
def elena():
    return make_owner("elena", email="elena@revroute.example")


@pytest.fixture
def rita():
    return sign_in("rita", "RevOps")


# --- back --------------------------------------------------------------------------------------------------


@pytest.fixture
def history(elena, rita):
    """Version 1 gives all to Elena; version 2 gave four leads to Marco, one of which he called."""
    source, marco = make_source("forms", elena), make_owner("marco")
    first = make_draft(elena)
    make_rule(first, STEP, name="All", target="owner", owner=elena)
    publish(first, None, NOW)
    before = waiting(source, {"email": "zero@a.example"})
    drain()
    second = copy_to_draft(first)
    RuleSetVersion.objects.filter(pk=second.pk).update(purpose="Marco")
    Rule.objects.filter(version=second).update(owner=marco)
    second.refresh_from_db()
    publish(second, None, NOW + timedelta(hours=1))
    leads = waiting(source, *({"email": f"n{number}@b{number}.example"} for number in range(4)))
    drain()
    Decision.objects.filter(lead__in=leads).first().lead.__class__.objects.filter(pk=leads[0]).update(
        touched_at=NOW + timedelta(hours=2)
    )
    first.refresh_from_db()
    return first, second, before, leads, marco


def test_rolling_back_publishes_older_content_and_moves_only_what_nobody_touched(history, elena, rita):
    first, second, before, leads, marco = history
    page = rita.get(address(first, "restore"))
    assert f"Version {second.pk} decided 4 leads." in words(page)
    assert rita.post(address(first, "restore"), {"purpose": ""}).status_code == 409
    answer = rita.post(address(first, "restore"), {"purpose": "Marco was a mistake"})
    made = RuleSetVersion.objects.get(state="published")
    assert (made.restores_id, made.purpose, made.published_by.username) == (first.pk, "Marco was a mistake", "rita")
    assert [rule["key"] for rule in made.content["rules"]] == [rule["key"] for rule in first.content["rules"]]
    move = BulkMove.objects.get()
    assert answer.url == f"/moves/{move.pk}/"
    bulk.carry_on(lambda: datetime.now(UTC))
    lines = dict(BulkMoveLead.objects.values_list("lead_id", "state"))
    assert lines == {leads[0]: "touched", **dict.fromkeys(leads[1:], "waiting")}
    page = words(rita.get(f"/moves/{move.pk}/"))
    assert "left alone: somebody worked on it meanwhile" in page
    assert "4 leads looked at; 3 would change, 1 would if nobody had worked on it." in page
    assert ("Move 3 leads" in page, "Marco → Elena 3 leads" in page) == (True, True)
    rita.post(f"/moves/{move.pk}/run/", {"why": "The rules went back"})
    bulk.carry_on(lambda: datetime.now(UTC))
    owners = Decision.objects.order_by("lead_id", "-id")
    newest = {row.lead_id: row.owner_id for row in reversed(owners)}
    assert newest == {before[0]: elena.pk, leads[0]: marco.pk, **dict.fromkeys(leads[1:], elena.pk)}
    assert verify().differences == []


def test_a_roll_back_from_two_tabs_happens_once(history, rita):
    first, *_ = history
    opened = hidden(rita.get(address(first, "restore")))
    tabs = [{"purpose": purpose, **opened} for purpose in ("Back", "Back, too")]
    assert rita.post(address(first, "restore"), tabs[0]).status_code == 302
    answer = rita.post(address(first, "restore"), tabs[1])
    made = RuleSetVersion.objects.get(state="published")
    assert answer.status_code == 409
    assert f"Nothing was done, because version {made.pk} was published meanwhile." in words(answer)
    assert RuleSetVersion.objects.count() == 3


def test_of_two_clicks_of_one_instant_one_rolls_back(history, rita, monkeypatch):
    first, *_ = history
    asked = {"purpose": "Back", **hidden(rita.get(address(first, "restore")))}
    prepare = rulebook._prepare

    def clicked_again(draft, by):
        monkeypatch.setattr(rulebook, "_prepare", prepare)
        assert rita.post(address(first, "restore"), asked).status_code == 302
        return prepare(draft, by)

    monkeypatch.setattr(rulebook, "_prepare", clicked_again)
    answer = rita.post(address(first, "restore"), asked, follow=True)
    made = RuleSetVersion.objects.get(state="published")
    assert (RuleSetVersion.objects.count(), made.restores_id) == (3, first.pk)
    assert answer.redirect_chain[-1][0] == address(made, "rules")
    assert f"The rules of version {first.pk} are in force again, as version {made.pk}." in words(answer)


def test_of_two_people_of_one_instant_the_second_is_told(history, rita):
    first, *_ = history
    asked = {"purpose": "Back", **hidden(rita.get(address(first, "restore")))}
    assert sign_in("omar", "RevOps").post(address(first, "restore"), asked).status_code == 302
    assert rita.post(address(first, "restore"), asked).status_code == 409


def test_only_a_retired_version_comes_back_and_nothing_is_made_when_it_cannot(history, rita):
    first, second, *_ = history
    assert rita.post(address(second, "restore"), {"purpose": "Why not"}).status_code == 409
    Rule.objects.filter(version=first).update(name="All")
    RuleSetVersion.objects.filter(pk=first.pk).update(step_order=[])
    with pytest.raises(RulebookError):
        publishing.restore(first.pk, "Back", sign_up("omar", "RevOps"), NOW)
    assert RuleSetVersion.objects.count() == 2


# --- what is told --------------------------------------------------------------------------------------


def test_a_version_tells_what_happened_to_it(history, elena, rita):
    first, second, *_ = history
    omar = sign_up("omar", "RevOps")
    made = publishing.restore(first.pk, "Marco was a mistake", omar, NOW + timedelta(hours=3))
    lines = {pk: [(line.who, line.said) for line in history_of(row(pk)).lines] for pk in (first.pk, made.pk)}
    assert lines == {
        first.pk: [
            ("omar", f"Its rules were put back in force, as version {made.pk}."),
            ("", f"Version {second.pk} took its place."),
            ("", f"Published: {first.purpose}"),
            ("", "Made."),
        ],
        made.pk: [
            ("omar", "Published: Marco was a mistake"),
            ("omar", f"Copied version {first.pk}, to put its rules back in force: Marco was a mistake"),
        ],
    }
    page = words(rita.get(address(made, "rules")))
    assert f"omar Copied version {first.pk}, to put its rules back in force: Marco was a mistake" in page
    assert "Put back in force" not in page
    assert "Put back in force" in words(rita.get(address(first, "rules")))


def row(pk):
    return RuleSetVersion.objects.get(pk=pk)


def test_going_back_to_rules_of_somebody_who_left_says_so_before_it_is_tried(history, elena, rita):
    first, *_ = history
    Owner.objects.filter(pk=elena.pk).update(state="departed")
    page = words(rita.get(address(first, "restore")))
    assert "Make a draft of it, mend these 2 places there, and publish the draft." in page
    assert "Rule “All” leads to Elena, who has left" in page
    assert f"Put version {first.pk} back in force</button>" not in page
    answer = rita.post(address(first, "restore"), {"purpose": "Back"})
    assert (answer.status_code, RuleSetVersion.objects.count()) == (409, 2)


def test_older_rules_that_have_to_be_mended_first_come_back_as_a_draft_and_move_what_they_would(history, elena, rita):
    first, _, _, leads, _ = history
    Owner.objects.filter(pk=elena.pk).update(state="departed")
    assert rita.post(address(first, "restore"), {"purpose": "", "do": "mend"}).status_code == 409
    answer = rita.post(address(first, "restore"), {"purpose": "Marco was a mistake", "do": "mend"}, follow=True)
    draft = RuleSetVersion.objects.get(state="draft")
    assert answer.redirect_chain[-1][0] == address(draft)
    page = words(answer)
    assert f"Draft {draft.pk} holds the rules of version {first.pk}; mend what stands in the way" in page
    assert (draft.restores_id, draft.purpose, state(history[1])) == (first.pk, "Marco was a mistake", "published")
    greta = make_owner("greta")
    Rule.objects.filter(version=draft).update(owner=greta)
    RuleSetVersion.objects.filter(pk=draft.pk).update(owner=greta)
    answer = rita.post(address(draft), {"purpose": draft.purpose, "do": "publish"})
    assert answer.url == f"/moves/{BulkMove.objects.get().pk}/"
    bulk.carry_on(lambda: datetime.now(UTC))
    lines = dict(BulkMoveLead.objects.values_list("lead_id", "state"))
    assert lines == {leads[0]: "touched", **dict.fromkeys(leads[1:], "waiting")}


def test_a_roll_back_by_two_people_lists_the_leads_when_the_second_one_agreed(history, rita, settings):
    settings.FOUR_EYES_PUBLISH = True
    first, *_ = history
    rita.post(address(first, "restore"), {"purpose": "Marco was a mistake"})
    draft = RuleSetVersion.objects.get(state="draft")
    omar = sign_in("omar", "RevOps")
    omar.post(address(draft), {"do": "approve", "seen": draft.edition})
    answer = rita.post(address(draft), {"purpose": draft.purpose, "do": "publish"})
    assert answer.url == f"/moves/{BulkMove.objects.get().pk}/"
