"""The page where a visitor of the demo sends a lead: the real intake, its decision told, nobody else's shown."""

import pytest
from django.core.signing import dumps

from leads.models import Lead, RawEvent
from routing import demo
from routing.demo.trying import PRESETS
from routing.pages import try_it
from tests.builders import NOW

pytestmark = pytest.mark.django_db
ADA = {
    "source": "diagnostics", "name": "Ada Berg", "email": "ada.berg@nordwind-works.example", "country": "Germany",
    "company": "Nordwind <b>Works</b>", "service": "crm_workflow_repair", "urgency": "high", "score": "91",
}  # fmt: skip


@pytest.fixture
def company():
    try_it._sent.clear()
    demo.load(NOW, history=False)


def test_there_is_no_such_page_without_the_demo(client):
    assert client.get("/try/").status_code == 404
    assert client.post("/try/", ADA).status_code == 404
    assert client.get(f"/try/{dumps(1, salt=try_it.SALT)}/").status_code == 404


def test_a_sent_lead_is_decided_and_its_page_tells_why(client, company):
    assert "Hot diagnostic from Europe" in client.get("/try/").content.decode()
    answer = client.post("/try/", ADA)
    lead = Lead.objects.get()
    assert (lead.owner.key, lead.email, lead.source.key) == ("elena", ADA["email"], "diagnostics")
    assert answer.status_code == 302
    page = client.get(answer["Location"])
    text = page.content.decode()
    assert page.context["decision"]["hierarchy_step"] == "territory_owner"
    assert page.context["owner"] == "Elena"
    assert "because lead score is 91" in text
    assert "<b>Works</b>" not in text


def test_each_example_is_a_new_buyer_and_goes_where_it_says(client, company):
    where = {
        "diagnostic": "territory_owner", "customer": "existing_customer_owner", "deal": "open_deal_owner",
        "turn": "round_robin_pool", "critical": "critical_severity_founder_review", "webinar": "manual_review",
        "spam": "reject_invalid_or_spam",
    }  # fmt: skip
    assert [preset.key for preset in PRESETS] == list(where)
    for attempt in range(2):  # the second buyer is no repeat of the first
        try_it._sent.clear()
        for key, step in where.items():
            form = client.get(f"/try/?preset={key}").context["form"]
            told = client.get(client.post("/try/", form.initial)["Location"])
            assert told.context["decision"]["hierarchy_step"] == step, (key, attempt)


def test_a_result_is_addressed_by_a_value_that_nobody_can_make_up(client, company):
    address = client.post("/try/", ADA)["Location"]
    event = RawEvent.objects.get().pk
    for guess in (f"/try/{event}/", address[:-3] + "xx/", f"/try/{dumps(event, salt='another')}/"):
        assert client.get(guess).status_code == 404


def test_what_cannot_be_sent_is_said_beside_the_field_and_nothing_is_stored(client, company):
    answer = client.post("/try/", {**ADA, "score": "a lot", "source": "nowhere"})
    assert answer.status_code == 200
    assert sorted(answer.context["form"].errors) == ["score", "source"]
    assert RawEvent.objects.count() == 0


def test_one_address_sends_so_many_a_minute_and_no_more(client, company):
    codes = [client.post("/try/", {**ADA, "email": f"b{n}@b{n}.example"}).status_code for n in range(try_it.MOST + 1)]
    assert codes == [302] * try_it.MOST + [429]
    assert RawEvent.objects.count() == try_it.MOST
