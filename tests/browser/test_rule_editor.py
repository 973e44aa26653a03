"""The form of a rule and the path in a real browser, with and without a script, on a desk and on a phone."""

import pytest

from owners.models import Team
from routing.models import Condition, NamedList, Rule
from routing.rulebook import copy_to_draft
from tests.browser.test_frame import DESK, PHONE, found
from tests.browser.test_revops_morning import CHROMIUM, browser, company, pytestmark  # noqa: F401 - fixtures by name

STEP = "territory_owner"


@pytest.fixture
def draft(company):  # noqa: F811
    return copy_to_draft(company)


def new_rule(page, draft, name):
    page.goto(f"/admin/routing/rulesetversion/{draft.pk}/rules/new/?step={STEP}")
    page.fill("[name=name]", name)
    page.select_option("[name=target]", "nurture")


def asks(page, field, operator, row=0):
    page.locator("[name=c-field]").nth(row).select_option(field)
    page.locator("[name=c-operator]").nth(row).select_option(operator)


def kept(name):
    return list(Condition.objects.filter(rule__name=name).order_by("id").values_list("field", "operator", "value"))


def test_a_row_shows_what_its_operator_takes(browser, draft):  # noqa: F811
    page = browser
    NamedList.objects.create(key="strategic", name="Strategic", field="company_domain")
    new_rule(page, draft, "Rows")
    assert page.inner_text("[data-add-group]") == "Add a condition"
    page.click("[data-add-group]")
    assert page.inner_text("[data-add-group]") == "Add an alternative"
    asks(page, "lead_score", "between")
    page.get_by_label("From", exact=True).fill("10")
    page.get_by_label("To", exact=True).fill("90")
    page.click("[data-add-row]")
    asks(page, "company_domain", "in_list", row=1)
    page.locator("[data-value]").nth(1).fill("strategic")
    assert page.locator("[data-value]").nth(1).get_attribute("list") == "lists-company_domain"
    page.click("[data-add-row]")
    asks(page, "city", "is", row=2)
    page.locator("[data-value]").nth(2).fill("Bern")
    asks(page, "city", "is_blank", row=2)  # the value goes out of sight, and must not be refused unseen
    assert not page.locator("[data-value]").nth(2).is_visible()
    page.click("button:has-text('Add the rule')")
    page.wait_for_selector("text=Rows")
    assert kept("Rows") == [
        ("lead_score", "between", [10, 90]), ("company_domain", "in_list", "strategic"), ("city", "is_blank", None),
    ]  # fmt: skip


def test_without_a_script_a_range_is_typed_with_a_comma_and_comes_back_in_two_inputs(browser, draft):  # noqa: F811
    page = browser.context.browser.new_context(
        base_url=browser.url.split("/admin")[0], java_script_enabled=False,
        storage_state=browser.context.storage_state(),
    ).new_page()  # fmt: skip
    new_rule(page, draft, "Plain")
    page.click("button:has-text('Add a condition')")
    asks(page, "lead_score", "between")
    page.fill("[name=c-value]", "10, 90")
    page.click("button:has-text('Add the rule')")
    assert kept("Plain") == [("lead_score", "between", [10, 90])]
    page.click(".path-name a:has-text('Plain')")
    assert (page.input_value("[name=c-value]"), page.input_value("[name=c-upto]")) == ("10", "90")
    page.fill("[name=c-upto]", "95")
    page.click("button:has-text('Save the rule')")
    assert kept("Plain") == [("lead_score", "between", [10, 95])]


def test_what_is_out_of_sight_is_not_sent_and_no_alternative_stays_empty(browser, draft):  # noqa: F811
    page = browser
    page.goto(f"/admin/routing/rulesetversion/{draft.pk}/rules/{Rule.objects.get(version=draft, name='Germany').pk}/")
    page.select_option("[name=fallback_owner]", label="Marco")
    page.select_option("[name=target]", "nurture")
    page.click("[data-add-group]")
    assert page.locator(".rule-group legend").all_inner_texts() == ["If", "or if"]
    page.locator("[data-remove]").first.click()
    assert page.locator(".rule-group legend").all_inner_texts() == ["If"]
    page.locator("[data-remove]").first.click()
    assert page.is_visible("text=Every lead that comes to this step.")
    assert page.inner_text("[data-add-group]") == "Add a condition"
    assert page.evaluate("document.activeElement.matches('[data-add-group]')")
    page.click("button:has-text('Save the rule')")
    page.wait_for_selector("text=Changed the rule “Germany”.")
    rule = Rule.objects.get(version=draft, name="Germany")
    assert (rule.target, rule.fallback_owner, rule.conditions.count()) == ("nurture", None, 0)


def test_a_team_is_asked_for_wherever_it_counts_and_stays(browser, draft):  # noqa: F811
    page = browser
    team = Team.objects.create(key="emea", name="EMEA")
    rule = Rule.objects.get(version=draft, name="Germany")
    Rule.objects.filter(pk=rule.pk).update(team=team)
    page.goto(f"/admin/routing/rulesetversion/{draft.pk}/rules/{rule.pk}/")
    assert page.get_by_label("Has to be in the team").input_value() == str(team.pk)
    page.fill("[name=tier]", "gold")
    page.click("button:has-text('Save the rule')")
    page.wait_for_selector("text=Changed the rule “Germany”.")
    assert page.is_visible("text=who is in team EMEA")
    assert Rule.objects.get(pk=rule.pk).team == team


@pytest.mark.parametrize(("theme", "size"), [("light", DESK), ("dark", PHONE)])
def test_pages_that_say_what_is_wrong_are_sound(browser, draft, theme, size):  # noqa: F811
    page = browser.context.browser.new_context(
        base_url=browser.url.split("/admin")[0], color_scheme=theme, viewport=size,
        storage_state=browser.context.storage_state(),
    ).new_page()  # fmt: skip
    rule, path = Rule.objects.get(version=draft, name="Germany"), f"/admin/routing/rulesetversion/{draft.pk}/rules/"
    named = NamedList.objects.create(key="dach", name="DACH", field="country")
    Condition.objects.create(rule=rule, field="territory", operator="is", value="mars")
    page.goto(path)
    assert page.locator(".path-problem").count() == 1
    findings = [found(page)]
    new_rule(page, draft, "Wrong")
    page.click("[data-add-group]")
    asks(page, "lead_score", "between")
    page.fill("[data-value]", "9")
    page.fill("[name=c-upto]", "1")
    page.click("button:has-text('Add the rule')")
    page.wait_for_selector(".errorlist")
    findings.append(found(page))
    page.goto(f"{path}{rule.pk}/table/")
    page.fill("textarea", "Country\tShoe\nDE\tx")
    page.click("button:has-text('Save the table')")
    page.wait_for_selector("text=is no field and nothing that a row can say")
    findings.append(found(page))
    page.goto(f"/admin/routing/namedlist/{named.pk}/values/")
    page.fill("textarea", "Germany\n" + "Atlantis" * 20)
    page.click("button:has-text('See what would change')")
    page.wait_for_selector(".errorlist")
    findings.append(found(page))
    page.fill("textarea", "Germany\nAT")
    page.click("button:has-text('See what would change')")
    page.wait_for_selector("text=would come")
    findings.append(found(page))
    assert findings == [[]] * 5


def test_what_is_refused_is_in_sight(browser, draft):  # noqa: F811
    page = browser
    page.set_viewport_size({"width": 1280, "height": 500})
    page.goto(f"/admin/routing/rulesetversion/{draft.pk}/rules/")
    Rule.objects.filter(version=draft, name="Everybody").delete()
    page.click("summary:has-text('More about “Everybody”')")
    page.click("details[open] button:has-text('Duplicate')")
    said = page.locator("text=This rule was deleted meanwhile. Look again.")
    assert said.bounding_box()["y"] > page.evaluate("document.querySelector('.topbar').getBoundingClientRect().bottom")
    assert page.evaluate("scrollY") == 0


def test_the_menu_of_a_rule_holds_its_buttons_on_a_phone(browser, draft):  # noqa: F811
    page = browser
    page.set_viewport_size(PHONE)
    page.goto(f"/admin/routing/rulesetversion/{draft.pk}/rules/")
    page.click("summary:has-text('More about “Germany”')")
    panel = page.locator("details[open] .menu-panel")
    inside = panel.bounding_box()
    for part in panel.locator("button, select, input:visible").all():
        box = part.bounding_box()
        assert inside["x"] <= box["x"]
        assert box["x"] + box["width"] <= inside["x"] + inside["width"], part.inner_text()
        assert part.evaluate("one => one.scrollWidth <= one.clientWidth + 1"), part.inner_text()
