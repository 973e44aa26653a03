"""Sign-ins that failed, as django-axes counts them, in; who is held back until when out. Forgets what is over.

Counted is by user name and network address together: whoever guesses locks out nobody but themselves.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.models import AccessAttempt
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest


class HoldBack(AxesStandaloneBackend):
    """Asked before the password is: refuses who is held back. Code that signs in without a request is not counted."""

    def authenticate(self, request: HttpRequest | None, username: str | None = None, **given: Any) -> None:
        """None lets the next backend ask for the password. Raises PermissionDenied."""
        if request is not None:
            super().authenticate(request, username, **given)


def name_of(request: HttpRequest | None, credentials: Mapping[str, Any] | None) -> str:
    """The user name under which a failure is counted, as the column takes it: whoever signs in writes what they like.

    Django's sign-in form refuses neither length nor, with another form, NUL; no user's own name is so long.
    """
    given = (credentials or {}).get("username") or (request.POST.get("username", "") if request else "")
    longest = AccessAttempt._meta.get_field("username").max_length
    return str(given).replace("\0", "\N{REPLACEMENT CHARACTER}")[:longest]


def held_until(username: str, address: str | None, now: datetime) -> datetime | None:
    """When this user name may be tried again from this address; None: at once. One statement.

    Each row counts the failures of one browser and is over a while after the last of them.
    """
    rows = AccessAttempt.objects.filter(
        username=username, ip_address=address, attempt_time__gte=now - settings.AXES_COOLOFF_TIME
    )
    counted = list(rows.order_by("attempt_time").values_list("attempt_time", "failures_since_start"))
    left = sum(failures for _, failures in counted)
    until = None
    for at, failures in counted:
        if left < settings.AXES_FAILURE_LIMIT:
            break
        left -= failures
        until = at + settings.AXES_COOLOFF_TIME
    return until


def forget_failures(now: datetime) -> int:
    """Delete the attempts that hold nobody back any more, with the names and addresses in them; how many.

    A read first, so that an idle tick never asks for the writer lock.
    """
    over = AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME)
    if not over.exists():
        return 0
    with transaction.atomic():
        return over.delete()[0]
