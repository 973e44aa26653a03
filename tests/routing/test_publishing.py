"""Publishing as people do it: with a purpose, at an instant, by a second person."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from owners.models import Owner, User
from owners.roles import Role, give_role
from routing import publishing
from routing.drafts import delete_rule, place_step, switch_rule
from routing.models import Rule, RuleSetVersion
from routing.refused import Refused
from routing.rulebook import copy_to_draft, publish
from routing.version_files import bring_in, export
from routing.worker import PARTS
from tests.routing.people import sign_in, sign_up
from tests.routing.publishes import address, hidden, state, words
from tests.routing.rows import NOW, make_draft, make_owner, make_rule

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
    assert f"Version {draft.pk} is in force Only a draft can be published." in words(rita.get(address(draft)))
    twice = rita.post(address(draft), {"purpose": "All to Elena", "do": "publish"})  # a second click
    assert (twice.status_code, twice.url) == (302, address(draft, "rules"))
    assert RuleSetVersion.objects.get().purpose == "All to Elena"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"do": "unpublish", "purpose": "x"}, 409),
        ({"do": "publish", "purpose": "a\0b"}, 422),
        ({"do": "publish", "purpose": "x" * 301}, 422),
        ({"do": "publish", "purpose": "\u200b \u2028"}, 409),
        ({"do": "publish", "purpose": "x", "seen": "9" * 30, "live": "0"}, 302),
        ({"do": "publish", "purpose": "x", "seen": "-1", "live": "one"}, 302),
        ({"do": "publish", "purpose": "x", "seen": "7"}, 409),
    ],
)
def test_odd_forms_are_refused_in_words_and_publish_nothing(draft, rita, sent, status):
    answer = rita.post(address(draft), sent)
    assert (answer.status_code, state(draft)) == (status, "published" if status == 302 else "draft")


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


def test_a_draft_that_somebody_changed_since_the_page_was_opened_is_not_published_unseen(draft, rita):
    opened = hidden(rita.get(address(draft)))
    switch_rule(draft.pk, Rule.objects.get().pk, False, None, sign_up("omar", "RevOps"), datetime.now(UTC))
    for do in ({"do": "publish"}, {"do": "schedule", "at": "2027-01-10T03:00"}):
        answer = rita.post(address(draft), {"purpose": "All to Elena", **do, **opened})
        assert answer.status_code == 409
        assert "omar, just now: Switched the rule “All” off. Look again." in words(answer)
    assert (state(draft), RuleSetVersion.objects.get().publish_at) == ("draft", None)
    asked = {"purpose": "Nothing to Elena", "do": "publish", **hidden(answer)}
    assert (rita.post(address(draft), asked).status_code, state(draft)) == (302, "published")


def test_what_takes_the_place_of_another_version_than_was_shown_is_looked_at_again(draft, rita):
    one, two = copy_to_draft(draft), copy_to_draft(draft)
    asked = {"purpose": "First", "do": "publish"}
    pages = [hidden(rita.get(address(version))) for version in (one, two)]
    assert rita.post(address(one), {**asked, **pages[0]}).status_code == 302
    answer = rita.post(address(two), {**asked, **pages[1]})
    assert answer.status_code == 409
    assert f"Nothing was done, because version {one.pk} was published meanwhile. Look again." in words(answer)
    assert state(two) == "draft"


def test_where_a_draft_differs_in_much_the_rest_is_a_link(draft, elena, rita):
    publish(draft, None, NOW)
    copy = copy_to_draft(draft)
    for number in range(14):
        make_rule(copy, STEP, name=f"More {number}", target="owner", owner=elena)
    page = rita.get(address(copy)).content.decode()
    assert f'<a href="{address(copy, "compare")}?with={draft.pk}">2 more differences</a>' in page


# --- a second person ---------------------------------------------------------------------------------------


def test_a_second_person_approves_exactly_what_is_published(draft, elena, rita, settings):
    settings.FOUR_EYES_PUBLISH = True
    omar = sign_in("omar", "RevOps")
    asked = {"purpose": "All to Elena", "do": "publish"}
    assert "A second person has to approve this draft" in words(rita.post(address(draft), asked))
    assert rita.post(address(draft), {"do": "approve", "seen": 1}).status_code == 302
    said = "rita approved this draft, so somebody else has to publish it."
    assert said in words(rita.post(address(draft), asked))
    publishing.schedule(draft.pk, "Later", NOW + timedelta(days=1), User.objects.get(username="rita"), NOW)
    assert publishing.publish_due(NOW + timedelta(days=1)) == 0
    draft.refresh_from_db()
    assert draft.publish_refused == said
    assert omar.post(address(draft), {"do": "approve", "seen": 1}).status_code == 409  # rita's approval was a change
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


def test_whoever_approved_has_to_have_the_right_still(draft, rita, settings):
    settings.FOUR_EYES_PUBLISH = True
    omar = sign_up("omar", "RevOps")
    publishing.approve(draft.pk, None, omar, NOW)
    give_role(omar, Role.AUDITOR)
    said = "omar, who approved it, may not publish rules any more. Ask somebody else."
    assert said in words(rita.get(address(draft)))
    assert said in words(rita.post(address(draft), {"purpose": "All to Elena", "do": "publish"}))
    assert state(draft) == "draft"


def deleted(draft, by):
    delete_rule(draft.pk, draft.rules.get(name="More").pk, None, by, NOW)


def turned(draft, by):
    place_step(draft.pk, "territory_owner", 2, None, by, NOW)


def brought(draft, by):
    made, _ = bring_in(export(draft).encode(), by, NOW)
    return made


@pytest.mark.parametrize("act", [deleted, turned, brought])
def test_who_removed_ordered_or_brought_its_rules_last_cannot_be_the_second_person(draft, elena, act):
    make_rule(draft, STEP, name="More", target="reject")
    rita, omar = sign_up("rita", "RevOps"), sign_up("omar", "RevOps")
    made = act(draft, rita) or draft
    publishing.schedule(made.pk, "Later", NOW + timedelta(days=1), omar, NOW)  # which is no edit
    with pytest.raises(Refused) as refused:
        publishing.approve(made.pk, None, rita, NOW)
    assert refused.value.code == "not_yours"
    assert (
        publishing.approve(made.pk, None, omar, NOW)
        == f"Draft {made.pk} is approved as it is now. A change voids that."
    )


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
    assert (answer.status_code, said in beside) == (422, True)
    assert "Nothing was done. See the marked field ." in words(answer)
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


def test_of_many_problems_the_first_are_told_and_how_many_more_there_are(draft, elena, rita):
    for number in range(59):
        make_rule(draft, STEP, name=f"Rule {number}", target="owner", owner=elena)
    Owner.objects.update(state="departed")
    page = words(rita.get(address(draft)))
    assert (page.count("who has left, and nobody stands in"), "And 11 more like these." in page) == (49, True)
    assert "Settings of the draft" in page
    refused = words(rita.post(address(draft), {"purpose": "Now"}))
    assert "And 41 more." in refused
    omar = sign_up("omar", "RevOps")
    publishing.schedule(draft.pk, "Later", NOW + timedelta(days=1), omar, NOW)
    publishing.publish_due(NOW + timedelta(days=1))
    assert RuleSetVersion.objects.get().publish_refused.endswith("And 41 more.")


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
    assert "Scheduled refused" in words(rita.get(address(draft, "rules")))


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
