"""What strangers post to the pages is bounded; leads are measured by the intake alone."""

import pytest
from django.conf import settings
from django.urls import reverse

from tests.builders import TOKEN, make_owner, make_source

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"


def test_a_sign_in_form_beyond_the_bound_is_refused(client):
    body = b"username=" + b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert client.post(reverse("admin:login"), body, content_type=FORM).status_code == 400


def test_a_sign_in_form_within_the_bound_is_answered(client):
    body = b"username=" + b"x" * 1000 + b"&password=y"
    assert client.post(reverse("admin:login"), body, content_type=FORM).status_code == 200


def test_an_answer_that_leaves_the_body_unread_says_that_the_connection_ends(client):
    """The web server ends it then, and a sender that keeps connections would find the next one dead."""
    large = b"x" * (settings.MAX_BODY_BYTES + 1)
    make_source("web", make_owner("elena"))
    known = {"Authorization": f"Bearer {TOKEN}"}

    def posted(address, body, headers=None):
        answer = client.post(address, body, content_type="application/json", headers=headers or {})
        return answer.status_code, answer.headers.get("Connection")

    assert posted("/api/v1/intake/nothing", b"{}") == (404, "close")
    assert posted("/api/v1/intake/web", b"{}") == (401, "close")
    assert posted("/api/v1/intake/web", large, known) == (413, "close")
    assert posted("/api/v1/leads/1/reassign", large) == (401, "close")
    assert posted("/api/v1/intake/web", b"{", known) == (400, None)
    assert posted("/api/v1/intake/web", b'{"email": "ann@buyer.example"}', known) == (201, None)
    assert client.get("/api/v1/nothing").headers.get("Connection") is None
