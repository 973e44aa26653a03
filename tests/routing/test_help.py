"""In-app help: each topic has its page, and what it names exists."""

import re

import pytest
from django.core.management import get_commands
from django.test import Client
from django.urls import reverse

from owners.models import User
from revroute.frame import HELP, NAVIGATION
from routing.pages.help import TOPICS

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(admin_user):
    signed_in = Client()
    signed_in.force_login(admin_user)
    return signed_in


@pytest.fixture
def pages(client):
    """The text of every page of help by address."""
    addresses = [reverse("pages:help"), *(reverse("pages:help-topic", args=[topic]) for topic in TOPICS)]
    answers = {address: client.get(address) for address in addresses}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {address: answer.content.decode() for address, answer in answers.items()}


def test_each_link_in_help_leads_somewhere(client, pages):
    links = {link for text in pages.values() for link in re.findall(r'href="(/[^"#?]*)', text)}
    missing = {link for link in links if not link.startswith("/static/") and client.get(link).status_code >= 400}
    assert (len(links) > len(TOPICS), missing) == (True, set())


def test_each_command_that_help_names_exists(pages):
    named = {name for text in pages.values() for name in re.findall(r"manage\.py ([a-z_]+)", text)}
    assert named - {"serve"} - get_commands().keys() == set()
    assert {"doctor", "explain", "replay"} <= named


def test_each_entry_of_the_navigation_with_help_has_its_topic():
    keys = {entry.key for section in NAVIGATION for entry in section.entries}
    assert (HELP.keys() - keys, set(HELP.values()) - TOPICS.keys()) == (set(), set())
    assert {topic.screen for topic in TOPICS.values() if topic.screen} <= keys


def test_question_mark_opens_the_topic_of_the_screen(client):
    page = client.get(reverse("pages:help-topic", args=["rules"])).content.decode()
    assert f'href="{reverse("admin:routing_rulesetversion_changelist")}">Open Rules' in page
    assert HELP["pools"] == "pools"


def test_unknown_topic_and_strangers_are_turned_away(client):
    assert client.get(reverse("pages:help-topic", args=["nonsense"])).status_code == 404
    assert Client().get(reverse("pages:help")).status_code == 302


def test_somebody_without_any_role_reads_help_too():
    nobody = Client()
    nobody.force_login(User.objects.create(username="new"))
    assert nobody.get(reverse("pages:help-topic", args=["roles"])).status_code == 200
