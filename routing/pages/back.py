"""A posted form in, the address of this site that it wants to lead back to, if it names one, out."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def asked_back(request: HttpRequest) -> str:
    """The form's `next` where it is a path of this site; else nothing. Never another host's, never a word."""
    back = request.POST.get("next", "")
    here = back.startswith("/") and url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    return back if here else ""
