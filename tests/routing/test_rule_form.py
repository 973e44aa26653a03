"""The form of one rule: what is typed is saved whole or not at all, in words, with what it would have met."""

from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Company, Pipeline, Source, Stage
from owners.models import Owner, Territory
from routing.current import people_now
from routing.lists import replace_entries
from routing.models import Condition, NamedList, Rule
from routing.pipeline import drain
from routing.publish_checks import check
from routing.rule_suggest import forget, suggestions
from routing.rulebook import freeze, publish
from tests.builders import make_source
from tests.routing.batches import waiting
from tests.routing.forms import rule_address, rule_form
from tests.routing.people import sign_in, sign_up
from tests.routing.rows import NOW, make_crm, make_draft, make_owner, make_people, make_rule

pytestmark = pytest.mark.django_db
STEP = "territory_owner"


@pytest.fixture
def people():
    people = make_people()
    make_crm(people)
    return people


@pytest.fixture
def draft(people):
    return make_draft(people.elena, time_zone="Europe/Berlin")


@pytest.fixture
def rita():
    return sign_in("rita", "RevOps")


address = rule_address


def typed(*rows, **fields):
    return rule_form(fields.pop("step", STEP), fields.pop("target", "nurture"), *rows, **{"name": "Rule", **fields})


def test_what_is_typed_is_what_the_rule_says(people, draft, rita):
    pipeline, stage = Pipeline.objects.get(), Stage.objects.get()
    form = typed(
        ("0", "country", "one_of", "Germany, at"), ("0", "lead_score", "between", "10, 90"),
        ("1", "company_is_customer", "is_true", ""), ("1", "received_at", "after", "2026-03-02"),
        name="DACH", target="owner", owner=people.elena.pk, team=people.team.pk, pool=people.pool.pk,
        fallback_owner=make_owner("zoe").pk, on_nobody="next_step", tier="priority", pipeline=pipeline.pk,
        stage=stage.pk, sequence="speed", alert_channels=["email"],
        high_intent="no", require_language="on", require_skills="a, b",
        starts_at="2026-03-29T09:00", ends_at="2026-03-30T09:00", weekdays=["0", "4"], from_minute="09:00",
        until_minute="17:30",
    )  # fmt: skip
    answer = rita.post(address(draft), form)
    rule = Rule.objects.get()
    assert (answer.status_code, answer.url) == (302, f"/admin/routing/rulesetversion/{draft.pk}/rules/#rule-{rule.pk}")
    (frozen,) = freeze(draft)["rules"]
    assert frozen["groups"] == [
        [
            {"field": "country", "operator": "one_of", "value": ["DE", "AT"]},
            {"field": "lead_score", "operator": "between", "value": [10, 90]},
        ],
        [
            {"field": "company_is_customer", "operator": "is_true", "value": None},
            {"field": "received_at", "operator": "after", "value": "2026-03-02"},
        ],
    ]
    # The pool does not belong to a rule that names an owner.
    assert frozen["target"] == {"kind": "owner", "owner": people.elena.pk, "pool": None, "team": people.team.pk}
    assert (rule.starts_at, rule.ends_at) == (
        datetime(2026, 3, 29, 7, tzinfo=UTC),
        datetime(2026, 3, 30, 7, tzinfo=UTC),
    )
    assert (frozen["weekdays"], frozen["from_minute"], frozen["until_minute"]) == ([0, 4], 540, 1050)
    assert (rule.high_intent, rule.alert_channels, rule.require_skills) == (False, ["email"], ["a", "b"])
    page = rita.get(address(draft, rule.pk)).content.decode()
    assert 'value="2026-03-29T09:00"' in page
    assert 'value="DE, AT"' in page


@pytest.mark.parametrize(
    ("rows", "fields", "said"),
    [
        ([("0", "country", "is", "Atlantis")], {}, "“Atlantis” is not a country."),
        ([("0", "lead_score", "at_least", "many")], {}, "“lead score” is a number; “many” is not."),
        ([("0", "lead_score", "contains", "7")], {}, "“contains” does not fit the field “lead score”"),
        ([("0", "shoe_size", "is", "7")], {}, "There is no field called “shoe_size”."),
        ([("0", "lead_score", "between", "9, 1")], {}, "No “lead score” can be between 9 and 1."),
        ([("0", "country", "in_list", "nobody")], {}, "There is no list “nobody”. Lists that fit: none yet."),
        ([("0", "received_at", "after", "soon")], {}, "“arrival” is a time; “soon” is not: write 2026-01-31."),
        (
            [("0", "country", "is", "DE"), ("0", "country", "is", "FR")], {},
            "No lead can satisfy this: country is DE and country is FR.",
        ),
        ([], {"target": "pool"}, "Name the pool that the rule sends leads to."),
        ([], {"target": "gift"}, "Select a valid choice."),
        ([], {"name": ""}, "This field is required."),
        ([], {"ends_at": "2026-03-01T09:00", "starts_at": "2026-03-02T09:00"}, "The rule has to end after it starts."),
        ([], {"from_minute": "09:00"}, "Hours need a beginning and an end."),
        ([], {"from_minute": "25:00", "until_minute": "26:00"}, "“25:00” is not a time of day."),
        ([], {"starts_at": "2026-03-29T02:30"}, "A change of clocks in Europe/Berlin skips this time or has it twice."),
        ([], {"fallback_owner": "1"}, "Nobody gives way where no owner is chosen."),
    ],
)  # fmt: skip
def test_bad_input_is_said_beside_its_field_and_nothing_is_saved(draft, rita, rows, fields, said):
    named = NamedList.objects.create(key="partners", name="Partners", field="company_domain")
    replace_entries(named, ["acme.example"], None, NOW)
    if "fallback_owner" in fields:
        fields = {"fallback_owner": draft.owner_id}
    answer = rita.post(address(draft), typed(*rows, **fields))
    assert answer.status_code == 422
    assert said in answer.content.decode().replace("&#x27;", "’")
    assert (Rule.objects.count(), Condition.objects.count()) == (0, 0)


def test_the_second_of_two_is_told_what_the_first_changed_and_keeps_what_was_typed(people, draft, rita):
    rule = make_rule(draft, STEP, (1, "country", "is", "DE"), name="DACH", target="owner", owner=people.elena)
    other = sign_in("omar", "RevOps")
    mine = typed(("0", "country", "is", "AT"), name="Mine", target="owner", owner=people.elena.pk, seen="1")
    assert other.post(address(draft, rule.pk), {**mine, "name": "Theirs"}).status_code == 302
    answer = rita.post(address(draft, rule.pk), mine)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Not saved, because this rule changed since you opened it. omar, just now:" in page
    assert "Asks that country is AT instead of country is DE." in page
    assert ('value="Mine"' in page, 'name="seen" value="2"' in page) == (True, True)
    assert Rule.objects.get().name == "Theirs"
    assert rita.post(address(draft, rule.pk), {**mine, "seen": "2"}).status_code == 302
    assert (Rule.objects.get().name, Rule.objects.get().edition) == ("Mine", 3)


def test_a_rule_that_was_deleted_or_published_meanwhile_is_not_saved(people, draft, rita):
    rule = make_rule(draft, STEP, name="DACH", target="owner", owner=people.elena)
    form = typed(target="owner", owner=people.elena.pk, seen="1", name="Mine")
    gone = make_rule(make_draft(people.elena), STEP, name="Gone", target="owner", owner=people.elena)
    later, _ = gone.version, gone.delete()
    there = address(later, 10**6)
    answer = rita.post(there, form)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "This rule was deleted meanwhile. Nothing of yours was saved; add it as a new rule." in page
    assert ('value="Mine"' in page, f'action="{address(later)}"' in page) == (True, True)
    assert (rita.get(there).status_code, rita.post(there, {}).status_code) == (404, 404)

    publish(draft, None, NOW)
    answer = rita.post(address(draft, rule.pk), form)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert f"Version {draft.pk} is published by now and does not change any more." in page
    assert ('value="Mine"' in page, 'name="do" value="save"' in page) == (True, False)
    assert list(Rule.objects.values_list("name", "edition")) == [("DACH", 1)]


def test_a_form_that_says_nothing_of_what_it_saw_puts_nothing_in_its_place(people, draft, rita):
    rule = make_rule(draft, STEP, name="DACH", target="owner", owner=people.elena)
    for seen in ("", "x", "9" * 40, "0"):
        assert rita.post(address(draft, rule.pk), typed(seen=seen)).status_code == 409
    assert Rule.objects.get().name == "DACH"


def test_a_value_that_is_too_long_is_refused_and_never_cut(draft, rita):
    words = ", ".join(f"campaign {number}" for number in range(200))
    answer = rita.post(address(draft), typed(("0", "campaign", "one_of", words)))
    assert (answer.status_code, Rule.objects.count()) == (422, 0)
    assert "A value has at most 2,000 characters, so this one was cut off here." in answer.content.decode()


def test_all_that_is_wrong_is_said_at_once(draft, rita):
    rows = [("0", "lead_score", "is", "many"), ("0", "country", "is", "Atlantis")]
    answer = rita.post(address(draft), typed(*rows, name="", target="pool", from_minute="25:00", until_minute="26:00"))
    form, (group,) = answer.context["form"], answer.context["rows"]
    assert [row.errors for row in group] == [
        ["“lead score” is a number; “many” is not."],
        ["“Atlantis” is not a country. Write its name or its ISO 3166-1 code, such as DE."],
    ]
    assert {name: len(errors) for name, errors in form.errors.items()} == {
        "name": 1, "pool": 1, "from_minute": 1, "until_minute": 1,
    }  # fmt: skip


NOT_POSTED = [
    {"do": "row-²"}, {"do": "row-" + "9" * 5000}, {"do": "row--1"}, {"owner": "9" * 5000}, {"owner": "9" * 18},
    {"owner": "²"}, {"fallback_owner": "-1"}, {"pool": "9" * 30}, {"stage": "x\0"}, {"name": "a\0b"},
    {"require_skills": "a\0b"}, {"sequence": "\0"}, {"target": ""}, {"step": "\0"}, {"alert_channels": ["fax"]},
    {"weekdays": ["9", "x"]}, {"starts_at": "2026-13-45T99:99"}, {"seen": "²"}, {"c-value": "a\0b"},
    {"c-operator": "\0"}, {"c-field": "\0"}, {"c-group": ["\0", "2"]}, {"starts_at": "0001-01-01T00:00"},
    {"ends_at": "9999-12-31T23:59"},
]  # fmt: skip


def test_what_no_form_posts_is_refused_or_read_and_never_breaks_the_page(draft, rita):
    sound = typed(("0", "city", "is", "Bern"))
    for fields in NOT_POSTED:
        assert (fields, rita.post(address(draft), {**sound, **fields}).status_code in (200, 302, 422)) == (fields, True)
        assert rita.post(f"{address(draft, 0)}say/", {**sound, **fields}).status_code == 200


def test_a_day_of_an_impossible_pair_is_one_of_the_versions_zone(people, rita):
    rows = [("0", "received_at", "before", "2026-01-01"), ("0", "received_at", "after", "2026-01-01T02:00:00+00:00")]
    there = make_draft(people.elena, time_zone="America/New_York")
    assert rita.post(address(there), typed(*rows)).status_code == 302
    assert list(check(freeze(there), people_now(), {})) == []
    here = make_draft(people.elena, time_zone="Europe/Berlin")
    assert rita.post(address(here), typed(*rows)).status_code == 422


def test_who_left_is_shown_and_has_to_be_replaced_not_dropped_in_silence(people, draft, rita):
    rule = make_rule(draft, STEP, name="DACH", target="owner", owner=people.elena, fallback_owner=people.marco)
    Owner.objects.filter(pk=people.marco.pk).update(state=Owner.State.DEPARTED)
    page = rita.get(address(draft, rule.pk)).content.decode()
    assert f'<option value="{people.marco.pk}" selected>Marco (left)</option>' in page
    form = typed(target="owner", owner=people.elena.pk, fallback_owner=people.marco.pk, seen="1")
    answer = rita.post(address(draft, rule.pk), form)
    assert answer.status_code == 422
    assert "Marco left and takes no leads any more. Choose somebody else." in answer.content.decode()


def test_a_fallback_whose_covers_lead_back_to_the_target_is_refused_with_the_circle(people, draft, rita):
    elena, marco = people.elena, people.marco
    zoe = make_owner("zoe", cover=elena)
    Owner.objects.filter(pk=marco.pk).update(cover=zoe)
    form = typed(target="owner", owner=elena.pk, fallback_owner=marco.pk)
    answer = rita.post(address(draft), form)
    assert answer.status_code == 422
    assert (
        "Marco as fallback leads back to Elena, who has just given way: who covers for whom goes Marco → Zoe → Elena."
        " Name another fallback owner, or change the cover."
    ) in answer.content.decode()
    Owner.objects.filter(pk=zoe.pk).update(cover_until=NOW)
    assert rita.post(address(draft), form).status_code == 302


def test_rows_and_alternatives_are_added_and_removed_without_a_script(draft, rita):
    form = typed(("0", "country", "is", "DE"), ("7", "city", "is", "Bern"))
    page = rita.post(address(draft), {**form, "do": "row-0"}).content.decode()
    assert page.count('name="c-field"') == 3 + 1  # and the template of the script
    page = rita.post(address(draft), {**form, "do": "group"}).content.decode()
    assert [page.count(f'name="c-group" value="{number}"') for number in (0, 1, 2)] == [1, 1, 1]
    two = typed(
        ("0", "", "is", ""), ("0", "country", "is", "DE"), ("0", "city", "is", "Bern"), ("1", "city", "is", "Ulm")
    )
    left = [
        [
            [(row.field, row.value) for row in group]
            for group in rita.post(address(draft), {**two, "do": do}).context["rows"]
        ]
        for do in ("drop-0-1", "drop-1-0", "drop-7-7")
    ]
    country, bern, ulm = ("country", "DE"), ("city", "Bern"), ("city", "Ulm")
    assert left == [[[bern], [ulm]], [[country, bern]], [[country, bern], [ulm]]]
    assert Rule.objects.count() == 0


@pytest.fixture
def leads(people):
    """Three leads that were decided, two of them from Germany."""
    version = make_draft(people.elena)
    make_rule(version, "round_robin_pool", name="All", target="pool", pool=people.pool)
    publish(version, None, NOW)
    source = make_source("forms", people.elena)
    for number, country in enumerate(("Germany", "DE", "FR")):
        waiting(source, {"email": f"jo{number}@buyer{number}.example", "country": country, "company_size": 10})
    drain()


def test_the_rule_is_told_in_words_with_what_it_would_have_met(people, draft, rita, leads):
    form = typed(("0", "country", "is", "DE"), target="owner", owner=people.elena.pk, do="say")
    page = " ".join(rita.post(address(draft), form).content.decode().split())
    assert "Country is DE → Elena" in page
    assert "<strong>2</strong> of the last 3 leads meet its conditions." in page
    part = rita.post(f"/admin/routing/rulesetversion/{draft.pk}/rules/0/say/", form).content.decode()
    assert "Country is DE → Elena" in part
    wrong = rita.post(f"/admin/routing/rulesetversion/{draft.pk}/rules/0/say/", {**form, "target": "pool"})
    assert "Name the pool that the rule sends leads to." in wrong.content.decode()


def test_leads_that_rules_before_it_meet_are_counted_by_place_and_step(people, draft, rita, leads):
    def said(rule="new", **fields):
        form = typed(("0", "country", "one_of", "DE, FR"), **{"do": "say", "seen": "1", **fields})
        return rita.post(address(draft, rule), form).context["says"]["met"]

    first = make_rule(draft, STEP, (1, "country", "is", "DE"), name="First", target="nurture", position=1)
    make_rule(draft, STEP, (1, "country", "is", "FR"), name="Off", target="nurture", position=2, enabled=False)
    own = make_rule(draft, STEP, name="Own", target="nurture", position=3)
    make_rule(draft, STEP, name="After", target="nurture", position=4)
    make_rule(draft, "round_robin_pool", name="Later", target="nurture")
    assert [(met.matched, met.earlier) for met in (said(own.pk), said(first.pk), said())] == [(3, 2), (3, 0), (3, 3)]
    # In an earlier step nothing is asked before it.
    moved = said(own.pk, step="existing_customer_owner")
    assert (moved.matched, moved.earlier) == (3, 0)


def test_rules_for_owners_of_customers_and_deals_and_territories_are_not_met_by_a_lead_without_one(
    people, draft, rita, leads
):
    make_rule(draft, "existing_customer_owner", name="Customers", target="customer_owner")
    make_rule(draft, "open_deal_owner", name="Deals", target="deal_owner")
    make_rule(draft, "territory_owner", name="Areas", target="territory_owner")
    form = typed(("0", "country", "is", "FR"), do="say")
    met = rita.post(address(draft), form).context["says"]["met"]
    assert (met.matched, met.earlier) == (1, 0)
    Company.objects.create(name="Buyer", domain="buyer0.example", is_customer=True, owner=people.elena, created_at=NOW)
    waiting(Source.objects.get(key="forms"), {"email": "ann@buyer0.example", "country": "FR"})
    drain()
    met = rita.post(address(draft), form).context["says"]["met"]
    assert (met.matched, met.earlier) == (2, 1)


def test_what_is_said_takes_as_many_statements_for_twenty_rules_as_for_two(people, draft, rita, leads):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            rita.post(f"{address(draft, 0)}say/", typed(("0", "country", "is", "DE")))
        return len(queries)

    make_rule(draft, STEP, (1, "country", "is", "DE"), target="nurture")
    asked()
    few = asked()
    for number in range(20):
        make_rule(draft, STEP, (1, "city", "is", f"City {number}"), target="nurture")
    assert asked() == few


def test_values_of_the_latest_leads_are_offered_most_frequent_first(people, draft, rita, leads):
    forget()
    Territory.objects.create(key="empty", name="Empty")
    assert suggestions("country", datetime.now(UTC)) == [("DE", 2), ("FR", 1)]
    asked = rita.get(f"/admin/routing/rulesetversion/{draft.pk}/rules/values/?field=territory").json()
    assert asked["values"] == [{"value": "dach", "count": 2}, {"value": "empty", "count": 0}]
    assert rita.get(f"/admin/routing/rulesetversion/{draft.pk}/rules/values/?field=email").json() == {"values": []}
    assert rita.get(f"/admin/routing/rulesetversion/{draft.pk}/rules/values/?field=x").json() == {"values": []}


def test_an_auditor_reads_a_rule_and_changes_nothing(people, draft):
    rule = make_rule(draft, STEP, name="DACH", target="owner", owner=people.elena)
    client = sign_in("ada", "Auditor")
    page = client.get(address(draft, rule.pk)).content.decode()
    assert 'name="do" value="save"' not in page
    assert ("your role reads it, RevOps changes it" in page, "does not change any more" in page) == (True, False)
    assert client.post(address(draft, rule.pk), typed()).status_code == 403


def test_each_change_is_in_the_history_of_rule_and_draft(people, draft, rita):
    sign_up("else", "RevOps")
    rita.post(address(draft), typed(target="owner", owner=people.elena.pk, name="New one"))
    said = LogEntry.objects.order_by("id").values_list("content_type__model", "change_message", "user__username")
    assert list(said) == [
        ("rule", "Added the rule “New one”.", "rita"),
        ("rulesetversion", "Added the rule “New one”.", "rita"),
    ]
