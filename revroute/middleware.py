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
PREFIX = f"{API}intake/"


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
