"""Publishing as people do it: with a purpose, at an instant, by a second person, and back again."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from owners.models import Owner, PoolMember, User
from owners.roles import Role, give_role
from routing import bulk, publishing, rule_reviews
from routing.models import BulkMove, BulkMoveLead, Decision, Rule, RuleReview, RuleSetVersion
from routing.pipeline import drain
from routing.refused import Refused
from routing.replay import verify
from routing.rulebook import RulebookError, copy_to_draft, publish
from routing.version_history import history_of
from routing.worker import PARTS
from tests.builders import make_source
from tests.routing.batches import waiting
from tests.routing.people import sign_in, sign_up
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


def address(version, page="publish"):
    return f"/admin/routing/rulesetversion/{version.pk}/{page}/"


def state(version):
    return RuleSetVersion.objects.values_list("state", flat=True).get(pk=version.pk)


def words(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_publishing_asks_for_a_purpose_and_keeps_who_and_when(draft, rita):
    nothing = rita.post(address(draft), {"purpose": "  ", "do": "publish"})
    assert (nothing.status_code, "Write down what this version changes, and why." in words(nothing)) == (422, True)
    assert state(draft) == "draft"
    answer = rita.post(address(draft), {"purpose": "All to Elena", "do": "publish"}, follow=True)
    assert f"Version {draft.pk} is published: it decides from the next lead on." in words(answer)
    row = RuleSetVersion.objects.get()
    assert (row.state, row.purpose, row.published_by.username) == ("published", "All to Elena", "rita")
    again = rita.post(address(draft), {"purpose": "Again", "do": "publish"})
    assert (again.status_code, "only a draft can be published" in words(again)) == (409, True)
    assert RuleSetVersion.objects.get().purpose == "All to Elena"


def test_the_page_says_what_changes_and_what_stands_in_the_way(draft, elena, rita):
    publish(draft, None, NOW)
    copy = copy_to_draft(draft)
    Rule.objects.filter(version=copy).update(tier="priority")
    make_rule(copy, STEP, (1, "lead_score", "contains", 7), name="Wrong")
    page = rita.get(address(copy))
    assert "Tier: priority instead of nothing." in words(page)
    assert "Rule “Wrong”: “contains” does not fit the field “lead score”" in words(page)
    assert rita.post(address(copy), {"purpose": "Try", "do": "publish"}).status_code == 409
    assert state(copy) == "draft"


# --- a second person ---------------------------------------------------------------------------------------


def test_a_second_person_approves_exactly_what_is_published(draft, elena, rita, settings):
    settings.FOUR_EYES_PUBLISH = True
    omar = sign_in("omar", "RevOps")
    asked = {"purpose": "All to Elena", "do": "publish"}
    assert "A second person has to approve this draft" in words(rita.post(address(draft), asked))
    assert rita.post(address(draft), {"do": "approve", "seen": 1}).status_code == 302
    assert "A second person has to approve this draft" in words(rita.post(address(draft), asked))
    assert omar.post(address(draft), {"do": "approve", "seen": 1}).status_code == 409  # rita's approval was a change
    draft.refresh_from_db()
    assert omar.post(address(draft), {"do": "approve", "seen": draft.edition}).status_code == 302
    Rule.objects.update(tier="priority")
    assert "The draft was changed since it was approved." in words(rita.post(address(draft), asked))
    Rule.objects.update(tier="")
    assert rita.post(address(draft), asked).status_code == 302
    assert state(draft) == "published"


def test_who_edited_last_cannot_be_the_second_person(draft):
    rita = sign_up("rita", "RevOps")
    Rule.objects.update(edited_by=rita, edited_at=NOW)
    with pytest.raises(Refused) as refused:
        publishing.approve(draft.pk, None, rita, NOW)
    assert refused.value.code == "not_yours"


# --- later -------------------------------------------------------------------------------------------------


def test_a_scheduled_draft_is_published_when_its_instant_comes_and_once(draft, rita):
    asked = {"purpose": "In the night", "do": "schedule", "at": "2027-01-10T03:00"}
    assert rita.post(address(draft), asked).status_code == 302
    row = RuleSetVersion.objects.get()
    assert row.publish_at == datetime(2027, 1, 10, 2, tzinfo=UTC)
    assert publishing.publish_due(row.publish_at - timedelta(seconds=1)) == 0
    PARTS["rules"](lambda: row.publish_at)
    row.refresh_from_db()
    assert (row.state, row.published_by.username, row.publish_at) == ("published", "rita", None)
    assert publishing.publish_due(datetime(2027, 2, 1, tzinfo=UTC)) == 0


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2020-01-01T03:00", "This instant is past. Choose a later one, or publish now."),
        ("", "Say when: choose the date and the time at which it is to be published."),
        ("soon", "Enter a valid date/time."),
        ("2027-03-28T02:30", "A change of clocks in Europe/Berlin skips this time or has it twice."),
        ("2027-10-31T02:30", "A change of clocks in Europe/Berlin skips this time or has it twice."),
        ("9999-12-31T23:59", "Choose a year from 1970 to 2200."),
    ],
)
def test_an_instant_that_cannot_be_meant_is_refused_beside_its_field(draft, rita, at, said):
    answer = rita.post(address(draft), {"purpose": "Later", "do": "schedule", "at": at})
    beside = answer.content.decode().partition('name="at"')[2].partition("</fieldset>")[0]
    assert (answer.status_code, said in beside, "Not published." in words(answer)) == (422, True, False)
    assert RuleSetVersion.objects.get().publish_at is None


def test_what_is_scheduled_is_told_with_its_instant_and_on_every_page_that_publishes_before(draft, rita):
    copy = copy_to_draft(draft)
    asked = {"purpose": "In the night", "do": "schedule", "at": "2027-01-10T03:00"}
    assert (
        f"Draft {copy.pk} will be published on 10 Jan 2027, 03:00 CET, if nothing stands in its way by then."
        in words(rita.post(address(copy), asked, follow=True))
    )
    said = f"Draft {copy.pk} is scheduled for 10 Jan 2027, 03:00 CET and takes its place then."
    assert [said in words(rita.get(address(version))) for version in (draft, copy)] == [True, False]


def test_of_two_drafts_of_one_instant_the_later_made_is_in_force(draft, rita):
    copy, at = copy_to_draft(draft), NOW + timedelta(days=1)
    for version in (copy, draft):
        publishing.schedule(version.pk, "Later", at, User.objects.get(username="rita"), NOW)
    assert publishing.publish_due(at) == 2
    assert (state(draft), state(copy)) == ("retired", "published")


def test_a_draft_that_was_copied_before_the_rules_in_force_says_what_it_undoes(draft, rita):
    publish(draft, None, NOW)
    older, newer = copy_to_draft(draft), copy_to_draft(draft)
    RuleSetVersion.objects.update(purpose="More", created_at=NOW)
    newer.refresh_from_db()
    publish(newer, None, NOW + timedelta(hours=1))
    latest = copy_to_draft(newer)
    said = f"Version {newer.pk} was published after this draft was copied from version {draft.pk}."
    assert [said in words(rita.get(address(version))) for version in (older, latest)] == [True, False]


def test_what_cannot_be_published_when_its_time_comes_keeps_why_and_says_so(draft, rita):
    user = sign_up("omar", "RevOps")
    user.email = "omar@revroute.example"
    user.save()
    publishing.schedule(draft.pk, "Later", NOW + timedelta(days=1), user, NOW)
    make_rule(draft, STEP, (1, "lead_score", "contains", 7), name="Wrong")
    assert publishing.publish_due(NOW + timedelta(days=1, hours=3)) == 0
    row = RuleSetVersion.objects.get()
    assert (row.state, row.publish_at) == ("draft", None)
    assert row.publish_refused.startswith("Rule “Wrong”: “contains” does not fit")
    assert [(letter.to, letter.subject) for letter in mail.outbox] == [
        (["omar@revroute.example"], f"Draft {draft.pk} was not published")
    ]
    assert "The scheduled publish was refused" in words(rita.get(address(draft)))


def gone(user):
    user.is_active = False
    user.save()


def moved_to_sales(user):
    give_role(user, Role.REP)


def out_of_the_admin(user):
    user.is_staff = False
    user.save()


@pytest.mark.parametrize("change", [gone, moved_to_sales, out_of_the_admin])
def test_whoever_scheduled_it_has_to_have_the_right_still_when_its_time_comes(draft, rita, change):
    omar = sign_up("omar", "RevOps")
    omar.first_name, omar.last_name, omar.email = "Omar", "Haddad", "omar@revroute.example"
    omar.save()
    publishing.schedule(draft.pk, "Later", NOW + timedelta(days=1), omar, NOW)
    change(User.objects.get(pk=omar.pk))
    for _ in range(2):
        assert publishing.publish_due(NOW + timedelta(days=1)) == 0
    row = RuleSetVersion.objects.get()
    why = "Omar Haddad, who scheduled it, may not publish rules any more."
    assert (row.state, row.publish_at, row.publish_refused) == ("draft", None, why)
    assert [letter.to for letter in mail.outbox] == [["elena@revroute.example"]]
    assert f"The scheduled publish was refused: {why}" in words(rita.get(address(draft)))
    assert f"Draft {draft.pk} was to be published and was not: {why}" in words(rita.get("/admin/"))
    asked = {"purpose": "Now by Rita", "do": "publish"}
    assert (rita.post(address(draft), asked).status_code, state(draft)) == (302, "published")


def test_all_of_revops_hear_of_it_where_the_named_owner_left(draft, elena):
    Owner.objects.update(state="departed")
    for name, role in (("omar", "RevOps"), ("rita", "RevOps"), ("anna", "Auditor"), ("ada", "Administrator")):
        user = sign_up(name, role)
        user.email = f"{name}@revroute.example"
        user.save()
    omar = User.objects.get(username="omar")
    publishing.schedule(draft.pk, "Later", NOW + timedelta(days=1), omar, NOW)
    gone(omar)
    assert publishing.publish_due(NOW + timedelta(days=1)) == 0
    assert [letter.to for letter in mail.outbox] == [["ada@revroute.example"], ["rita@revroute.example"]]


def test_a_schedule_is_taken_back(draft, rita):
    user = sign_up("omar", "RevOps")
    publishing.schedule(draft.pk, "Later", NOW + timedelta(days=1), user, NOW)
    assert rita.post(address(draft), {"do": "unschedule"}).status_code == 302
    assert publishing.publish_due(NOW + timedelta(days=2)) == 0
    assert rita.post(address(draft), {"do": "unschedule"}).status_code == 409


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
    assert "left alone: somebody worked on it meanwhile" in words(rita.get(f"/moves/{move.pk}/"))
    rita.post(f"/moves/{move.pk}/run/", {"why": "The rules went back"})
    bulk.carry_on(lambda: datetime.now(UTC))
    owners = Decision.objects.order_by("lead_id", "-id")
    newest = {row.lead_id: row.owner_id for row in reversed(owners)}
    assert newest == {before[0]: elena.pk, leads[0]: marco.pk, **dict.fromkeys(leads[1:], elena.pk)}
    assert verify().differences == []


def test_only_a_retired_version_comes_back_and_nothing_is_made_when_it_cannot(history, rita):
    first, second, *_ = history
    assert rita.post(address(second, "restore"), {"purpose": "Why not"}).status_code == 409
    Rule.objects.filter(version=first).update(name="All")
    RuleSetVersion.objects.filter(pk=first.pk).update(step_order=[])
    with pytest.raises(RulebookError):
        publishing.restore(first.pk, "Back", sign_up("omar", "RevOps"), NOW)
    assert RuleSetVersion.objects.count() == 2


# --- looking again -----------------------------------------------------------------------------------------


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


def test_another_version_ends_the_look_at_the_one_before(draft):
    publish(draft, None, NOW)
    copy = copy_to_draft(draft)
    RuleSetVersion.objects.filter(pk=copy.pk).update(purpose="More")
    copy.refresh_from_db()
    publish(copy, None, NOW + timedelta(days=1))
    reviews = RuleReview.objects.order_by("id")
    assert [(row.version_id, row.done_at is None) for row in reviews] == [(draft.pk, False), (copy.pk, True)]


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


def test_where_a_draft_differs_in_much_the_rest_is_a_link(draft, elena, rita):
    publish(draft, None, NOW)
    copy = copy_to_draft(draft)
    for number in range(14):
        make_rule(copy, STEP, name=f"More {number}", target="owner", owner=elena)
    page = rita.get(address(copy)).content.decode()
    assert f'<a href="{address(copy, "compare")}?with={draft.pk}">2 more differences</a>' in page
