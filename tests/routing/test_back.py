"""Where a form leads back to: a path of this site, or nowhere."""

import pytest
from django.test import RequestFactory

from routing.pages.back import asked_back


@pytest.mark.parametrize(
    ("asked", "back"),
    [
        ("/queue/?page=2", "/queue/?page=2"), ("", ""), ("abc", ""), ("pages:queue", ""), ("//evil.example/", ""),
        ("https://evil.example/", ""), ("/\\evil.example", ""), ("javascript:alert(1)", ""), ("\x00/queue/", ""),
        ("/" + "x" * 2000, ""),
    ],
)  # fmt: skip
def test_only_a_path_of_this_site_is_followed(asked, back):
    assert asked_back(RequestFactory().post("/", {"next": asked})) == back
