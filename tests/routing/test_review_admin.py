"""The queue in the admin: questions, links to each item, and acts on several items at once."""

import pytest

from leads.models import Lead
from owners.roles import Role
from routing.models import ReviewItem
from tests.routing.test_queue import arrive, browser, shop, somebody  # noqa: F401 - the fixture is used by its name

pytestmark = pytest.mark.django_db
LIST = "/admin/routing/reviewitem/"


def test_several_items_are_rejected_with_one_reason_and_what_cannot_be_done_is_told(shop):  # noqa: F811
    first, second, gone = arrive(shop["source"], 3)
    revops = browser(somebody(Role.REVOPS))
    chosen = {"action": "reject_selected", "_selected_action": [first.pk, second.pk, gone.pk]}
    asked = revops.post(LIST, chosen).content.decode()
    assert ('name="why"' in asked, f'value="{second.pk}"' in asked) == (True, True)
    browser(shop["marco"]).post(f"/queue/{gone.pk}/claim/")
    answer = revops.post(LIST, chosen | {"confirm": "yes", "why": "a test of ours"}, follow=True)
    told = [str(message) for message in answer.context["messages"]]
    assert (told[0].startswith(f"Item {gone.pk}: Somebody was faster"), told[1:]) == (True, ["2 items done."])
    assert list(Lead.objects.order_by("pk").values_list("state", flat=True)) == ["rejected", "rejected", "assigned"]


def test_several_items_are_named_to_somebody_and_questions_find_them(shop):  # noqa: F811
    items = arrive(shop["source"], 2)
    mia, ids = browser(shop["mia"]), [item.pk for item in items]
    chosen = {"action": "name_selected", "_selected_action": ids, "confirm": "yes"}
    mia.post(LIST, chosen | {"to": shop["mia"].pk})
    assert set(ReviewItem.objects.values_list("owner__name", flat=True)) == {"Mia"}
    page = mia.get(f"{LIST}?show=mine")
    assert {row.pk for row in page.context["cl"].result_list} == set(ids)
    assert f'href="/queue/{ids[0]}/"' in page.content.decode()
    assert mia.get(f"{LIST}?show=leadless").context["cl"].result_count == 0
    browser(somebody(Role.AUDITOR)).post(LIST, chosen | {"to": shop["marco"].pk})
    assert set(ReviewItem.objects.values_list("owner__name", flat=True)) == {"Mia"}
