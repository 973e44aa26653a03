"""Policies and ladders in the admin: what is refused where, in which words, and what a ladder says of itself."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from leads.models import LeadType
from owners.models import Calendar, PoolMember, Team, User, WeeklyHours
from owners.roles import Role, give_role
from routing.ladder_words import built_in_words, row_in_words
from routing.models import SlaLadder, SlaPolicy, SlaRung
from tests.builders import make_lead_type, make_owner, make_pool, make_source
from tests.once import on_sqlite_only
from tests.routing.forms import address, said

pytestmark = pytest.mark.django_db


def ladder_form(named, *rungs, key="usual", standing=()):
    """`rungs`: fields of each as text; `standing`: their ids, of the first ones."""
    form = {"name": key.title(), "key": key, "named_owner": named.pk}
    form |= {"rungs-TOTAL_FORMS": str(len(rungs)), "rungs-INITIAL_FORMS": str(len(standing))}
    for place, rung in enumerate(rungs):
        form |= {f"rungs-{place}-{name}": value for name, value in rung.items()}
    for place, id in enumerate(standing):
        form |= {f"rungs-{place}-id": str(id), f"rungs-{place}-ladder": str(SlaRung.objects.get(pk=id).ladder_id)}
    return form


def policy_form(**fields):
    form = {
        "key": "fast", "name": "Fast", "lead_types": "", "sources": "", "tiers": "", "position": "0",
        "assign_minutes": "1", "accept_minutes": "", "first_touch_minutes": "5", "no_activity_minutes": "30",
        "review_minutes": "60", "crm_minutes": "15", "hours_of": "owner",
    }  # fmt: skip
    return form | {name: str(value) for name, value in fields.items()}


def make_ladder(named, *rungs, key="usual"):
    ladder = SlaLadder.objects.create(key=key, name=key.title(), named_owner=named)
    for rung in rungs:
        SlaRung.objects.create(ladder=ladder, **rung)
    return ladder


def errors(answer):
    """(place of the rung or field, sentences) of what a form refused; {} when it was saved."""
    if answer.status_code == 302:
        return {}
    found = dict(answer.context["adminform"].form.errors)
    for inline in answer.context["inline_admin_formsets"]:
        found |= {
            (place, name): list(told)
            for place, form in enumerate(inline.formset.forms)
            for name, told in form.errors.items()
        }
        if whole := inline.formset.non_form_errors():
            found["rungs"] = list(whole)
    return found


REMIND = {"percent": "50", "remind": "on"}


WRONG_LADDERS = [
    ([], "rungs", "A ladder without a rung does nothing. Add the first one."),
    ([{"percent": "0", "remind": "on"}], (0, "percent"), "Not 0: a rung is due after the start. Give percent from 1"),
    ([{"minutes": "0", "remind": "on"}], (0, "minutes"), "Not 0: a rung is due after the start. Give minutes from 1"),
    ([{"percent": "1001", "remind": "on"}], (0, "percent"), "1 to 1,000 % of the budget, not at 1,001 %"),
    ([{"minutes": "527041", "remind": "on"}], (0, "minutes"), "within 527,040 minutes, a year, not after 527,041"),
    ([{"minutes": "9" * 30, "remind": "on"}], (0, "minutes"), "Ensure this value is less than or equal to"),
    ([{"percent": "x", "remind": "on"}], (0, "percent"), "Enter a whole number."),
    ([{"percent": "50"}], (0, "move"), "This rung does nothing."),
    ([{"percent": "50", "minutes": "5", "remind": "on"}], (0, "minutes"), "Give 50 % or 5 minutes, not both"),
    ([{"remind": "on"}], (0, "percent"), "Say when the rung is due"),
    ([{"percent": "50", "move": "pool"}], (0, "pool"), "Name the pool that the lead moves to."),
    ([{"percent": "50", "move": "pool", "pool": "empty"}], (0, "pool"), "Pool Empty has no members"),
    ([{"percent": "50", "move": "pool", "pool": "gone"}], (0, "pool"), "All members of pool Gone have left"),
    ([{"percent": "50", "move": "cover", "pool": "desk"}], (0, "pool"), "Only a rung that moves the lead to another"),
    ([{"percent": "50", "webhook": "ftp://x"}], (0, "webhook"), "Enter a valid URL."),
    ([{"percent": "100", "remind": "on"}, REMIND], (1, "percent"), "This rung, at 50 %, comes before the one above"),
    ([{"minutes": "9", "remind": "on"}, {"minutes": "8", "remind": "on"}], (1, "minutes"), "after 8 min, comes before"),
    ([{"percent": "90", "remind": "on"}, REMIND, {"percent": "95", "remind": "on"}], (1, "percent"), "before the one"),
    ([REMIND, REMIND], (1, "percent"), "There are two rungs at 50 %."),
]  # fmt: skip
"""Rungs, where it is said, and what."""


@on_sqlite_only
def test_a_ladder_that_cannot_be_climbed_is_refused_beside_the_field(admin_client):
    elena = make_owner("elena")
    pools = {"empty": make_pool("empty", []), "gone": make_pool("gone", [make_owner("kim", state="departed")])}
    pools["desk"] = make_pool("desk", [elena])
    for rungs, where, sentence in WRONG_LADDERS:
        rungs = [rung | ({"pool": pools[rung["pool"]].pk} if "pool" in rung else {}) for rung in rungs]
        found = errors(admin_client.post(address(SlaLadder, "add"), ladder_form(elena, *rungs)))
        assert list(found) == [where], sentence
        assert sentence in " ".join(found[where])
    assert not SlaLadder.objects.exists()


def test_a_ladder_ends_with_somebody_who_is_there(admin_client):
    kim = make_owner("kim", state="departed")
    found = errors(admin_client.post(address(SlaLadder, "add"), ladder_form(kim, REMIND)))
    assert list(found["named_owner"]) == [
        "Kim is departed, so nobody would answer in the end. Name somebody active."
    ]  # fmt: skip
    form = ladder_form(kim, REMIND) | {"named_owner": ""}
    assert list(errors(admin_client.post(address(SlaLadder, "add"), form))) == ["named_owner"]
    assert not SlaLadder.objects.exists()


def test_rungs_are_added_between_those_that_stand_and_said_in_one_sentence(admin_client):
    ada, desk = make_owner("ada"), make_pool("desk", [make_owner("marco")])
    first = [REMIND, {"percent": "100", "tell_lead": "on", "move": "cover"}]
    assert errors(admin_client.post(address(SlaLadder, "add"), ladder_form(ada, *first))) == {}
    ladder = SlaLadder.objects.get()
    standing = [rung.pk for rung in ladder.rungs.all()]
    more = {"percent": "80", "remind": "on", "priority": "2", "webhook": "https://hooks.example/t/secret"}
    late = {"minutes": "60", "move": "pool", "pool": desk.pk}
    form = ladder_form(ada, *first, more, late, standing=standing)
    assert errors(admin_client.post(address(SlaLadder, "change", ladder.pk), form)) == {}
    sentence = (
        "At 50 % the owner is reminded; at 80 % the owner is reminded, its priority is urgent or higher and"
        " hooks.example is told by webhook; at 100 % the team lead is told and the lead goes to the cover person; after"
        " 60 min the lead goes to pool Desk; in the end Ada answers for it."
    )
    assert row_in_words(ladder) == sentence
    assert sentence in admin_client.get(address(SlaLadder, "changelist")).content.decode()
    standing = [SlaRung.objects.get(ladder=ladder, **time).pk for time in ({"percent": 50}, {"percent": 100})]
    taken = {"percent": "100", "remind": "on"}
    found = errors(
        admin_client.post(address(SlaLadder, "change", ladder.pk), ladder_form(ada, *first, taken, standing=standing))
    )
    assert found == {(2, "percent"): ["There is a rung at this time already."]}
    moved = ladder_form(ada, REMIND | {"percent": "60"}, first[1], REMIND, standing=standing)
    assert errors(admin_client.post(address(SlaLadder, "change", ladder.pk), moved)) == {}
    turned = ladder_form(ada, REMIND | {"percent": "120"}, first[1], standing=standing)
    found = errors(admin_client.post(address(SlaLadder, "change", ladder.pk), turned))
    assert list(found) == [(1, "percent")]


def test_built_in_ladders_have_words_too():
    assert built_in_words("no_activity") == (
        "At 50 % the owner is reminded; at 100 % the team lead is told and the lead goes to the cover person; in the"
        " end the team lead, or whoever answers for the rules, answers for it."
    )
    assert built_in_words("assigned") == "The breach is noted."


def test_shares_and_minutes_keep_one_order_for_every_budget_whichever_is_saved(admin_client):
    ada = make_owner("ada")
    ladder = make_ladder(ada, {"percent": 50, "remind": True}, {"minutes": 20, "remind": True})
    add = address(SlaPolicy, "add")
    assert errors(admin_client.post(add, policy_form(no_activity_ladder=ladder.pk))) == {}
    slow = policy_form(key="slow", name="Slow", no_activity_minutes=60, no_activity_ladder=ladder.pk)
    assert list(errors(admin_client.post(add, slow))["no_activity_ladder"]) == [
        "By policy Slow (no activity in 60 min) the rung after 20 min comes before the one at 50 %, by policy Fast (no"
        " activity in 30 min) after it. Use shares alone or minutes alone, or make a ladder for each."
    ]
    even = slow | {"no_activity_minutes": "40"}
    assert "fall on one instant" in str(errors(admin_client.post(add, even)))
    assert errors(admin_client.post(add, slow | {"no_activity_minutes": "35"})) == {}
    # From the other side: the rung moves to between what the two budgets make of the share.
    rows = list(ladder.rungs.order_by("-percent"))
    rungs = [{"percent": "50", "remind": "on"}, {"minutes": "16", "remind": "on"}]
    form = ladder_form(ada, *rungs, standing=[row.pk for row in sorted(rows, key=lambda row: row.percent is None)])
    found = errors(admin_client.post(address(SlaLadder, "change", ladder.pk), form))
    assert list(found) == ["rungs"]
    assert "at 50 % comes before the one after 16 min, by policy Slow" in found["rungs"][0]


WRONG_POLICIES = [
    ({"assign_minutes": 0}, "assign_minutes", "A promise has at least one minute."),
    ({"hours_of": "policy"}, "calendar", "Name the calendar that the policy counts by."),
    ({"calendar": "office"}, "calendar", "This calendar would not be used."),
    ({"hours_of": "policy", "calendar": "never"}, "calendar", "Calendar never never opens"),
    ({"hours_of": "policy", "calendar": "gaps"}, "calendar", "Calendar gaps never opens"),
    ({"hours_of": "policy", "calendar": "anywhere"}, "calendar", "has no time zone of its own"),
    ({"sources": "web, fax"}, "sources", "There is no source “fax”. There are web."),
    ({"lead_types": "Demo call"}, "lead_types", "There is no lead type “Demo call”. Did you mean demo?"),
    ({"hours_of": "moon"}, "hours_of", "Select a valid choice."),
]  # fmt: skip
"""Fields, where it is said, and what."""


@on_sqlite_only
def test_a_policy_that_promises_nothing_is_refused_beside_the_field(admin_client):
    make_source("web", make_owner("ada"))
    make_lead_type("demo")
    LeadType.objects.filter(key="demo").update(name="Demo call")
    calendars = {key: Calendar.objects.create(key=key, name=key) for key in ("office", "never", "gaps", "anywhere")}
    Calendar.objects.exclude(key="anywhere").update(time_zone="Europe/Berlin")
    for key in ("office", "gaps", "anywhere"):
        WeeklyHours.objects.create(calendar=calendars[key], weekday=0, start_minute=540, end_minute=1020)
    WeeklyHours.objects.create(calendar=calendars["gaps"], weekday=0, start_minute=500, end_minute=1100, kind="break")
    for fields, where, sentence in WRONG_POLICIES:
        if "calendar" in fields:
            fields = fields | {"calendar": calendars[fields["calendar"]].pk}
        found = errors(admin_client.post(address(SlaPolicy, "add"), policy_form(**fields)))
        assert list(found) == [where], sentence
        assert sentence in found[where][0]
    assert not SlaPolicy.objects.exists()


def test_a_policy_says_what_it_would_not_find_and_is_saved(admin_client):
    form = policy_form(tiers="gold", hours_of="team", lead_types="")
    assert said(admin_client.post(address(SlaPolicy, "add"), form, follow=True))[:2] == [
        "No team has a calendar, so this policy counts each owner’s own hours. Give teams calendars.",
        "No rule gives the tier “gold”, so no lead is found by it. Set it on a rule, or correct it.",
    ]
    office = Calendar.objects.create(key="office", name="Office", time_zone="UTC")
    WeeklyHours.objects.create(calendar=office, weekday=0, start_minute=540, end_minute=1020)
    Team.objects.create(key="sales", name="Sales", calendar=office)
    changed = policy_form(hours_of="policy", calendar=office.pk)
    pk = SlaPolicy.objects.get().pk
    assert len(said(admin_client.post(address(SlaPolicy, "change", pk), changed, follow=True))) == 1
    assert SlaPolicy.objects.values_list("hours_of", "calendar", "tiers").get() == ("policy", office.pk, [])
    page = admin_client.get(address(SlaPolicy, "changelist")).content.decode()
    assert "hours of Office" in page


def test_what_is_in_use_is_not_deleted_and_the_page_says_by_what(admin_client):
    ada = make_owner("ada")
    desk = make_pool("desk", [ada])
    ladder = make_ladder(ada, {"percent": 50, "move": "pool", "pool": desk})
    office = Calendar.objects.create(key="office", name="Office", time_zone="UTC")
    SlaPolicy.objects.create(key="fast", name="Fast", review_ladder=ladder, hours_of="policy", calendar=office)
    PoolMember.objects.all().delete()
    for row, by in ((ladder, "Fast"), (office, "Fast"), (ada, "Usual"), (desk, "at 50 %")):
        page = admin_client.post(address(type(row), "delete", row.pk), {"post": "yes"}).content.decode()
        assert "These still point to it" in page
        assert by in page
        assert type(row).objects.filter(pk=row.pk).exists()


NO_RUNGS = (
    {}, {"percent": 0}, {"minutes": 0}, {"percent": 1001}, {"percent": 5, "minutes": 5}, {"minutes": 527_041},
    {"percent": 5, "remind": False}, {"percent": 5, "move": "pool"}, {"percent": 50},
)  # fmt: skip


def test_the_database_has_the_last_word_about_rungs():
    ladder = make_ladder(make_owner("ada"), {"percent": 50, "remind": True})
    for fields in NO_RUNGS:
        with pytest.raises(IntegrityError), transaction.atomic():
            SlaRung.objects.create(**{"ladder": ladder, "remind": True, **fields})


def test_lists_ask_as_much_for_many_rows_as_for_one(admin_client):
    ada = make_owner("ada")

    def asked(model):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert admin_client.get(address(model, "changelist")).status_code == 200
        return len(queries)

    def make(count):
        for number in range(count):
            desk = make_pool(f"desk{SlaLadder.objects.count()}", [ada])
            rungs = {"percent": 50 + number, "move": "pool", "pool": desk}, {"percent": 150, "remind": True}
            ladder = make_ladder(ada, *rungs, key=f"l{SlaLadder.objects.count()}")
            SlaPolicy.objects.create(key=ladder.key, name=ladder.name, review_ladder=ladder, crm_ladder=ladder)

    make(1)
    asked(SlaLadder)
    once = [asked(SlaLadder), asked(SlaPolicy)]
    make(6)
    assert [asked(SlaLadder), asked(SlaPolicy)] == once


def test_whoever_only_looks_sees_the_host_of_a_webhook_and_not_its_address(client):
    ladder = make_ladder(make_owner("ada"), {"percent": 50, "webhook": "https://hooks.example/t/secret"})
    for role, shown in ((Role.REVOPS, True), (Role.MANAGER, False), (Role.AUDITOR, False)):
        user = User.objects.create(username=role)
        give_role(user, role)
        client.force_login(user)
        page = client.get(address(SlaLadder, "change", ladder.pk)).content.decode()
        assert ("hooks.example" in page, "t/secret" in page) == (True, shown)
