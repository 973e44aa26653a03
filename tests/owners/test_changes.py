"""The history of a change by a person: who, when, and each field before and after; no values of people who wrote in."""

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from leads.models import Contact
from owners.models import User
from tests.routing.rows import make_story

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(client):
    boss = User.objects.create(username="boss", is_staff=True, is_superuser=True)
    client.force_login(boss)
    return make_story()


def form_of(page):
    """What a browser would send for the page as it stands."""
    data = {}
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.initial_forms]
    for form in forms:
        for bound in form:
            for key, value in _sent(bound):
                data[key] = value
    return data


def _sent(bound):
    value = bound.value()
    if hasattr(bound.field.widget, "widgets"):
        for number, part in enumerate(bound.field.widget.decompress(value)):
            yield f"{bound.html_name}_{number}", "" if part is None else part
    elif value is not None and value is not False:
        yield bound.html_name, bound.field.prepare_value(value)


def test_a_change_is_told_with_the_values_before_and_after(client, story):
    address = reverse("admin:owners_pool_change", args=[story.pool.pk])
    form = form_of(client.get(address))
    form |= {"name": "EMEA desk", "when_empty": "fallback", "fallback_owner": story.marco.pk, "members-0-weight": 3}
    form |= {"ask_skills": "enterprise, health", "ask_teams": [story.team.pk]}
    assert client.post(address, form).status_code == 302
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("boss", str(story.pool.pk))
    said = entry.get_change_message()
    assert "Name (Emea → EMEA desk)" in said
    assert "When nobody is there (manual review → the pool's fallback owner, then manual review)" in said
    assert "Fallback owner (nothing → Marco)" in said
    assert ("Skills (nothing → enterprise, health)" in said, "Teams (nothing → Europe)" in said) == (True, True)
    assert "Elena in EMEA desk" in said
    assert "Weight (1 → 3)" in said
    assert said in entry_page(client, story).replace("&#x27;", "'")


def entry_page(client, story):
    return client.get(reverse("admin:owners_pool_history", args=[story.pool.pk])).content.decode()


def test_a_contacts_values_stay_out_of_the_history(client, story):
    address = reverse("admin:leads_contact_change", args=[story.contact.pk])
    form = form_of(client.get(address)) | {"email": "secret@example.com"}
    assert client.post(address, form).status_code == 302
    assert Contact.objects.get(pk=story.contact.pk).email == "secret@example.com"
    assert LogEntry.objects.get().get_change_message() == "Changed Email."


def test_lists_of_words_are_told_too(client, story):
    address = reverse("admin:owners_owner_change", args=[story.elena.pk])
    form = form_of(client.get(address)) | {"languages": "de, fr"}
    assert client.post(address, form).status_code == 302
    assert "→ de, fr)" in LogEntry.objects.get().get_change_message()
