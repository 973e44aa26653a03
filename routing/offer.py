"""A choice of leads after a change in, the sentence that offers to look who would get them now, out."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from owners.roles import Act, may
from routing.rerouting import Choice, chosen

MANY = 1000
"""Counted no further: the preview says how many would change."""


def offered(user: Any, choice: Choice, now: datetime) -> str:
    """How many open leads nobody has worked on, with the way to the preview, as HTML; empty where there are none, and
    for those who may not move them."""
    if not may(user, Act.REASSIGN_ANY):
        return ""
    count = chosen(choice, now)[: MANY + 1].count()
    if not count:
        return ""
    many = f"More than {MANY:,}" if count > MANY else f"{count:,}"
    leads = "open lead that nobody worked on may" if count == 1 else "open leads that nobody worked on may"
    asked = urlencode({name: value for name, value in asdict(choice).items() if value})
    address = f"{reverse('pages:reroute')}?{asked}" if asked else reverse("pages:reroute")
    sentence = '{} {} now belong to somebody else. <a href="{}">Look who would get them</a>.'
    return format_html(sentence, many, leads, address)
