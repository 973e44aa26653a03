"""A sign-in that failed too often in, the page that says until when it is held back out; changes nothing."""

import logging
from datetime import timedelta
from math import ceil

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from owners.sign_in import held_until, name_of
from owners.visitors import visitor_of

logger = logging.getLogger(__name__)


def held_back(request: HttpRequest, response: HttpResponse, credentials: dict[str, str] | None) -> HttpResponse:
    """429 with Retry-After in the place of `response`. Neither page nor log names the user or the address."""
    now = timezone.now()
    until = held_until(name_of(request, credentials), visitor_of(request), now)
    seconds = max(1, ceil((until - now).total_seconds())) if until else 1
    logger.warning("A sign-in is held back for %s s: its user name failed too often from one address", seconds)
    # The page shows minutes: rounded up, so that whoever comes back at that time is let in.
    shown = (now + timedelta(seconds=seconds + 59)).replace(second=0, microsecond=0)
    context = {"until": shown, "failures": settings.AXES_FAILURE_LIMIT, "minutes": ceil(seconds / 60)}
    answer = render(request, "held_back.html", context, status=429)
    answer["Retry-After"] = str(seconds)
    answer["Cache-Control"] = "no-store"
    return answer
