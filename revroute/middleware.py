"""Requests in; posted leads and questions of health answered at once, the rest by the chain, within a strict policy.

A posted lead carries its own token: sessions, users, messages and cookies are nothing to it, and walking
through them would cost a fifth of its time. Who asks whether the process lives has none of them either, and
names the host by any address it has.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from routing.api.health import PATHS as HEALTH
from routing.api.intake import intake
from routing.api.problems import Problem

API = "/api/v1/"
REFUSED = 400
"""From this status on."""
TOO_LARGE = 413
PREFIX = f"{API}intake/"


def say_when_closing(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Say that the connection ends where a body was refused unread: the web server then ends it without a word, and
    whoever keeps connections for the next request would find that one dead.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code >= REFUSED and _has_unread_body(request, response.status_code):
            response.headers["Connection"] = "close"
        return response

    return answer


def _has_unread_body(request: HttpRequest, status: int) -> bool:
    """Whether the server has to throw bytes away. Of a body that is too large, the beginning may have been read."""
    chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    has_body = chunked or request.META.get("CONTENT_LENGTH", "") not in ("", "0")
    return has_body and (chunked or status == TOO_LARGE or not request._read_started)


def intake_first(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """The outermost middleware."""

    def answer(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            if health := HEALTH.get(request.path_info):
                return health(request)
            return _as_problem(request, get_response(request))
        response = intake(request, request.path_info.removeprefix(PREFIX).strip("/"))
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return answer


def _as_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Errors of API addresses that no handler saw (no such address, no such method) as problem documents."""
    known = {404: "not_found", 405: "method_not_allowed"}
    code = known.get(response.status_code)
    if code is None or not request.path_info.startswith(API) or "json" in response.headers.get("Content-Type", ""):
        return response
    headers = {"Allow": response.headers["Allow"]} if "Allow" in response.headers else {}
    return Problem(response.status_code, code, headers=headers).response()


DEVICES = [
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "microphone",
    "midi",
    "payment",
    "usb",
]
NO_DEVICES = ", ".join(f"{name}=()" for name in DEVICES)


def refuse_devices(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Tell browsers that no page of ours uses a camera, a position or the like: an injected script shall not."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers["Permissions-Policy"] = NO_DEVICES
        return response

    return answer
