"""A request in; the owner who makes it, their zone, and instants as they read them, out."""

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from owners.models import Owner
from owners.roles import Act, may

NO_OWNER = "You take no leads: no owner belongs to your user."


def reading_owner(request: HttpRequest) -> Owner | None:
    """The owner that the reader is, if they are one. Raises PermissionDenied for whoever works on no leads."""
    if not may(request.user, Act.WORK_LEADS):
        raise PermissionDenied
    return Owner.objects.select_related("cover").filter(user=request.user.pk).first()


def no_owner(request: HttpRequest) -> HttpResponse:
    """Back to the page with what is missing."""
    messages.error(request, f"{NO_OWNER} RevOps can make one.")
    return redirect("pages:my")


def zone_of(owner: Owner) -> tzinfo:
    """The owner's zone; UTC where it is unknown."""
    return zone_named(owner.time_zone)


def zone_named(name: str) -> tzinfo:
    """The zone of an IANA name; UTC where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def said(at: datetime) -> str:
    """In the zone that is active."""
    return f"{timezone.localtime(at):%a %-d %b %Y, %H:%M %Z}"
