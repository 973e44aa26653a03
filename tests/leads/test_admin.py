"""The admin of sources, the CRM and raw events: tokens shown once, values as matching compares them."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from leads.admin.records import SHOWN_BYTES, SHOWN_CHARACTERS, readable_body
from leads.models import Company, Contact, Deal, LeadType, Pipeline, RawEvent, Source, Stage
from leads.tokens import hash_token, new_token, rotate
from owners.models import ConfigStamp, Owner, User
from tests.routing.rows import NOW, make_crm, make_event, make_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin_user(db):
    return User.objects.create(username="admin", is_staff=True, is_superuser=True)


def address(model, page, *args):
    return reverse(f"admin:leads_{model._meta.model_name}_{page}", args=args)


def errors_of(page):
    return page.context["adminform"].form.errors


def token_in(answer):
    """The token that the page's message shows."""
    (text,) = [str(message) for message in answer.context["messages"] if "<code>" in str(message)]
    return text.split("<code>")[1].split("</code>")[0]


# --- lead types ---


def test_the_usual_lead_types_are_there_from_the_start():
    assert dict(LeadType.objects.values_list("key", "high_intent")) == {
        "demo": True, "quote": True, "trial": True, "diagnostic": True, "contact": False, "webinar": False,
        "content": False, "chat": False, "referral": False, "partner": False, "import": False,
    }  # fmt: skip


# --- tokens and sources ---


def test_tokens_are_long_different_and_kept_as_hashes():
    tokens = {new_token() for _ in range(100)}
    assert {len(token) for token in tokens} == {43}
    assert len(tokens) == 100
    assert hash_token("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(hash_token("\ud800")) == 64


def test_two_tokens_of_a_source_are_valid_at_a_time():
    source = make_people().source
    stale = Source.objects.get(pk=source.pk)
    first = rotate(source)
    second = rotate(stale)
    source.refresh_from_db()
    assert (source.token_hash, source.previous_token_hash) == (hash_token(second), hash_token(first))


def source_form(owner, **more):
    demo = LeadType.objects.get(key="demo")
    return {
        "name": "Web", "key": "web", "kind": "demo_form", "owner": owner.pk, "lead_type": demo.pk,
        "active": "on", **more,
    }  # fmt: skip


@pytest.fixture
def elena():
    return Owner.objects.create(key="elena", name="Elena")


def test_a_new_sources_token_is_shown_once(admin_client, elena):
    form = source_form(
        elena, defaults='{"country": "DE"}', field_mapping='{"mail": "email"}', blocked_patterns="casino*, seo",
    )  # fmt: skip
    answer = admin_client.post(address(Source, "add"), form, follow=True)
    token, source = token_in(answer), Source.objects.get()
    assert (source.token_hash, source.previous_token_hash) == (hash_token(token), "")
    assert (source.defaults, source.field_mapping) == ({"country": "DE"}, {"mail": "email"})
    assert source.blocked_patterns == ["casino*", "seo"]
    for page in (address(Source, "changelist"), address(Source, "change", source.pk)):
        shown = admin_client.get(page).content.decode()
        assert token not in shown
        assert source.token_hash not in shown


def test_a_second_token_leaves_the_first_one_valid_and_raises_the_stamp(admin_client, elena):
    first = token_in(admin_client.post(address(Source, "add"), source_form(elena), follow=True))
    source, before = Source.objects.get(), ConfigStamp.objects.get().number
    action = {"action": "make_token", "_selected_action": [source.pk]}
    second = token_in(admin_client.post(address(Source, "changelist"), action, follow=True))
    source.refresh_from_db()
    assert (source.token_hash, source.previous_token_hash) == (hash_token(second), hash_token(first))
    assert ConfigStamp.objects.get().number > before


def test_the_previous_token_is_said_to_be_valid_until_it_is_revoked(admin_client, elena):
    answer = admin_client.post(address(Source, "add"), source_form(elena), follow=True)
    assert not any("previous token" in str(message) for message in answer.context["messages"])
    source = Source.objects.get()
    page = address(Source, "change", source.pk)
    assert "this one then stays valid beside it" in admin_client.get(page).content.decode()
    chosen = {"action": "make_token", "_selected_action": [source.pk]}
    answer = admin_client.post(address(Source, "changelist"), chosen, follow=True)
    sentence = (
        "The previous token is still accepted, until a new token is made again or the action “Revoke the previous"
        " token” in the list ends it."
    )
    assert f"Web: {sentence}" in [str(message) for message in answer.context["messages"]]
    assert sentence in admin_client.get(page).content.decode()


def test_revoking_the_previous_token_keeps_the_newest_and_raises_the_stamp(admin_client, elena):
    admin_client.post(address(Source, "add"), source_form(elena), follow=True)
    source = Source.objects.get()
    newest = rotate(source)
    before = ConfigStamp.objects.get().number
    said = []
    for _ in range(2):
        chosen = {"action": "revoke_previous_token", "_selected_action": [source.pk]}
        answer = admin_client.post(address(Source, "changelist"), chosen, follow=True)
        said.append([str(message) for message in answer.context["messages"]])
    source.refresh_from_db()
    assert (source.token_hash, source.previous_token_hash) == (hash_token(newest), "")
    assert said == [
        ["The previous token of Web is revoked; the newest stays valid."],
        ["Web has no previous token; nothing was revoked."],
    ]
    assert ConfigStamp.objects.get().number > before
    assert list(LogEntry.objects.order_by("id").values_list("change_message", flat=True))[1:] == [
        "Revoked the previous token."
    ]


def test_revoking_needs_the_permission_to_change_sources(client):
    source = make_people().source
    rotate(source)
    rotate(source)
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_source"))
    client.force_login(reader)
    client.post(address(Source, "changelist"), {"action": "revoke_previous_token", "_selected_action": [source.pk]})
    source.refresh_from_db()
    assert source.previous_token_hash


def test_saving_a_source_leaves_its_tokens_alone(admin_client, elena):
    admin_client.post(address(Source, "add"), source_form(elena))
    before = Source.objects.get().token_hash
    admin_client.post(address(Source, "change", Source.objects.get().pk), source_form(elena, name="Website"))
    source = Source.objects.get()
    assert (source.name, source.token_hash, source.previous_token_hash) == ("Website", before, "")


@pytest.mark.parametrize(
    "text", ["[1]", "{", "NaN", '{"a": NaN}', "[" * 50_000, '{"a":' * 80 + "1" + "}" * 80, "9" * 5000]
)
def test_what_is_no_json_object_is_refused(admin_client, elena, text):
    page = admin_client.post(address(Source, "add"), source_form(elena, defaults=text))
    assert errors_of(page) == {"defaults": ['Write a JSON object, such as {"country": "DE"}.']}


def test_what_a_database_cannot_hold_is_cleaned_out_of_an_object(admin_client, elena):
    admin_client.post(address(Source, "add"), source_form(elena, defaults='{"a\\u0000": "b\\ud800"}'))
    assert Source.objects.get().defaults == {"a": "b"}


# --- the built-in CRM ---


def test_contacts_are_kept_as_matching_compares_them(admin_client):
    form = {"email": "Ada@ACME.example.com", "phone": "+49 30 901820", "first_name": "Ada"}
    admin_client.post(address(Contact, "add"), form)
    contact = Contact.objects.get()
    assert (contact.email, contact.phone) == ("ada@acme.example.com", "+4930901820")
    assert contact.created_at is not None


@pytest.mark.parametrize(
    ("form", "errors"),
    [
        ({"email": "ada"}, {"email": ["“ada” is not an e-mail address."]}),
        (
            {"phone": "12"},
            {"phone": ["“12” is not a phone number. Begin with the country, as in +49 30 123456."]},
        ),
    ],
)
def test_a_contact_that_cannot_be_reached_so_is_refused(admin_client, form, errors):
    assert errors_of(admin_client.post(address(Contact, "add"), form)) == errors


def test_a_company_is_kept_under_its_registrable_domain(admin_client):
    admin_client.post(address(Company, "add"), {"name": "Acme", "domain": "https://www.Acme.co.uk/about"})
    assert Company.objects.get().domain == "acme.co.uk"


@pytest.mark.parametrize(
    ("domain", "sentence"),
    [
        ("gmail.com", "Strangers share gmail.com: it names no company."),
        ("nothing", "“nothing” is not a domain. Write it as example.com."),
    ],
)
def test_a_domain_that_names_no_company_is_refused(admin_client, domain, sentence):
    page = admin_client.post(address(Company, "add"), {"name": "Acme", "domain": domain})
    assert errors_of(page) == {"domain": [sentence]}


@pytest.mark.parametrize(("model", "form"), [(Company, {"name": "B"}), (Contact, {"first_name": "B"})])
def test_an_external_id_names_one_row(admin_client, model, form):
    model.objects.create(external_id="x1", created_at=NOW)
    page = admin_client.post(address(model, "add"), {**form, "external_id": "x1"})
    assert errors_of(page) == {"__all__": ["Another row carries this external id already."]}


def test_a_deals_stage_has_to_belong_to_its_pipeline(admin_client):
    crm = make_crm(make_people())
    other = Pipeline.objects.create(key="other", name="Other")
    form = {"name": "D", "pipeline": other.pk, "stage": crm.stage.pk, "state": "open"}
    assert errors_of(admin_client.post(address(Deal, "add"), form)) == {"stage": ["New is not a stage of Other."]}


def test_a_second_open_routed_deal_is_refused_in_a_sentence(admin_client):
    crm = make_crm(make_people())
    given = {"contact": crm.contact, "pipeline": crm.pipeline, "stage": crm.stage, "routed": True}
    Deal.objects.create(state="open", created_at=NOW, **given)
    lost = Deal.objects.create(state="lost", created_at=NOW, **given)
    form = {
        "name": "D", "contact": crm.contact.pk, "pipeline": crm.pipeline.pk, "stage": crm.stage.pk,
        "state": "open",
    }  # fmt: skip
    assert errors_of(admin_client.post(address(Deal, "change", lost.pk), form)) == {
        "__all__": ["The contact has an open deal in this pipeline already, made by RevRoute."]
    }


def test_a_pipeline_is_added_with_its_stages(admin_client):
    form = {
        "name": "Sales", "key": "sales", "stages-TOTAL_FORMS": "1", "stages-INITIAL_FORMS": "0",
        "stages-0-key": "new", "stages-0-name": "New", "stages-0-position": "1",
    }  # fmt: skip
    admin_client.post(address(Pipeline, "add"), form)
    assert list(Stage.objects.values_list("pipeline__key", "key", "position")) == [("sales", "new", 1)]


# --- raw events ---


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"name": "<b>J\xc3\xb6rg</b>"}', '{"name": "<b>Jörg</b>"}'),
        (b"a=1\r\nb=2", "a=1\r\nb=2"),
        (b"", ""),
        (b"\xff\xfe", "ff fe"),
        (b"a\x00b", "61 00 62"),
        (b"\x1b[31m", "1b 5b 33 31 6d"),
        (
            bytes(range(64))[::-1],
            bytes(range(32, 64))[::-1].hex(" ") + "\n" + bytes(range(32))[::-1].hex(" "),
        ),
        (b"x" * 30_000, "x" * SHOWN_CHARACTERS + "\n… 30000 bytes in all"),
    ],
)
def test_a_body_is_readable_as_text_or_as_hex_digits(body, shown):
    assert readable_body(body) == shown


def test_a_long_binary_body_is_cut_and_says_so():
    lines = readable_body(b"\xff" * 10_000).splitlines()
    assert (len(lines), lines[-1]) == (SHOWN_BYTES // 32 + 1, "… 10000 bytes in all")


def test_an_events_page_shows_its_body_escaped(admin_client):
    event = make_event(make_people().source, b'{"name": "<script>alert(1)</script>"}')
    page = admin_client.get(address(RawEvent, "change", event.pk)).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page
    assert "&quot;Content-Type&quot;: &quot;application/json&quot;" in page
