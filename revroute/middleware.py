"""Requests in; posted leads go straight to the intake, everything else through the rest of the chain.

A posted lead carries its own token: sessions, users, messages and cookies are nothing to it, and walking
through them would cost a fifth of its time.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from routing.api.intake import intake

PREFIX = "/api/v1/intake/"


def intake_first(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """The outermost middleware."""

    def answer(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return get_response(request)
        response = intake(request, request.path_info.removeprefix(PREFIX).strip("/"))
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return answer
