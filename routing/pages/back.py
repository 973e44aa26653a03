"""A posted form in, the address of this site that it wants to lead back to, if it names one, out."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

LONGEST = 2000
"""Bytes. Django refuses to redirect to more, and an act that was done would end as an error."""


def asked_back(request: HttpRequest) -> str:
    """The form's `next` where it is a path of this site; else nothing. Never another host's, a word, or too long."""
    back = request.POST.get("next", "")
    short = back.startswith("/") and len(back.encode()) <= LONGEST
    here = short and url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    return back if here else ""
