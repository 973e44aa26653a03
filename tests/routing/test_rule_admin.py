"""The list of rules in the admin: each in words, and every way to change one leads to the page that does."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from routing.models import Rule
from routing.rulebook import publish
from tests.routing.forms import address
from tests.routing.people import sign_in
from tests.routing.rows import NOW, make_draft, make_owner, make_pool, make_rule

pytestmark = pytest.mark.django_db


def page_of(version, rule):
    return f"/admin/routing/rulesetversion/{version.pk}/rules/{rule}/"


@pytest.fixture
def elena():
    return make_owner("elena")


@pytest.fixture
def draft(elena):
    return make_draft(elena)


@pytest.fixture
def rita():
    return sign_in("rita", "RevOps")


def test_a_rule_is_told_in_words_and_its_row_leads_to_its_page(rita, elena, draft):
    rule = make_rule(
        draft, "territory_owner", (2, "lead_score", "at_least", 70), (1, "country", "one_of", ["DE", "AT"]),
        (1, "email", "is_not_blank", None), target="pool", pool=make_pool("emea", elena),
    )  # fmt: skip
    make_rule(draft, "manual_review", target="review")
    page = rita.get(address(Rule, "changelist")).content.decode()
    assert "country is DE or AT and e-mail is not blank; or lead score is at least 70" in page
    assert (">Emea</td>" in page, "every lead" in page) == (True, True)
    assert (f'href="{page_of(draft, rule.pk)}"' in page, address(Rule, "change", rule.pk) in page) == (True, False)


def test_the_list_asks_the_same_number_of_queries_for_one_rule_and_for_forty(rita, draft):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert rita.get(address(Rule, "changelist")).status_code == 200
        return len(queries)

    make_rule(draft, "territory_owner", (1, "country", "is", "DE"))
    one = asked()
    for number in range(40):
        make_rule(draft, "territory_owner", (1, "city", "is", f"City {number}"))
    assert asked() == one


@pytest.mark.parametrize("method", ["get", "post"])
def test_changing_and_deleting_lead_to_the_page_of_the_rule_and_change_nothing(rita, draft, method):
    rule = make_rule(draft, "territory_owner")
    for page in ("change", "delete"):
        answer = getattr(rita, method)(address(Rule, page, rule.pk), {"post": "yes"} if method == "post" else None)
        assert (answer.status_code, answer.url) == (302, page_of(draft, rule.pk))
    assert Rule.objects.get().edition == 1


def test_a_rule_is_added_to_the_draft_that_is_named_else_to_the_latest(rita, elena, draft):
    latest = make_draft(elena)
    add = address(Rule, "add")
    for asked, there in (
        (f"?version={draft.pk}&step=territory_owner", f"{page_of(draft, 'new')}?step=territory_owner"),
        ("", page_of(latest, "new")),
        ("?version=x&step=shoe_size", page_of(latest, "new")),
        (f"?version={10**30}", page_of(latest, "new")),
    ):
        answer = rita.get(add + asked)
        assert (answer.status_code, answer.url) == (302, there)
    publish(draft, None, NOW)
    latest.delete()
    answer = rita.get(add, follow=True)
    assert [str(one) for one in answer.context["messages"]] == [
        "Rules are added to a draft, and there is none. Copy a version to a new draft."
    ]


def test_a_rule_that_is_not_there_is_not_found_and_an_auditor_only_reads(rita, draft):
    rule = make_rule(draft, "territory_owner")
    assert rita.get(address(Rule, "change", 10**6)).status_code == 404
    ada = sign_in("ada", "Auditor")
    assert ada.get(address(Rule, "change", rule.pk)).url == page_of(draft, rule.pk)
    assert [ada.post(address(Rule, page, rule.pk)).status_code for page in ("change", "delete")] == [403, 403]
    assert ada.get(address(Rule, "add")).status_code == 403
