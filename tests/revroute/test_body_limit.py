"""What strangers post to the pages is bounded; leads are measured by the intake alone."""

import pytest
from django.conf import settings
from django.urls import reverse

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"


def test_a_sign_in_form_beyond_the_bound_is_refused(client):
    body = b"username=" + b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert client.post(reverse("admin:login"), body, content_type=FORM).status_code == 400


def test_a_sign_in_form_within_the_bound_is_answered(client):
    body = b"username=" + b"x" * 1000 + b"&password=y"
    assert client.post(reverse("admin:login"), body, content_type=FORM).status_code == 200
