"""The first-run wizard: the printed token and answers in, a company and a signed-in administrator out."""

import time
import zoneinfo
from collections import deque

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from routing.pages.setup_form import SetupForm
from routing.setup import Closed, WrongToken, first_run, opens, waits, was_opened_with

MOST_WRONG, WRONG_SECONDS = 10, 60
_wrong: deque[float] = deque(maxlen=MOST_WRONG)
"""When the last wrong tokens came, on this process's monotonic clock."""


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """One page with every question. While nobody can administer, and with the token, only."""
    token = request.POST.get("token") or request.GET.get("token", "")
    if not waits():
        if request.method == "POST" and was_opened_with(token):
            return _turned_away(request, 409)
        raise Http404
    if len(_wrong) == MOST_WRONG and time.monotonic() - _wrong[0] < WRONG_SECONDS:
        return _turned_away(request, 429)
    if not opens(token):
        _wrong.append(time.monotonic())
        return _turned_away(request, 403)
    form = SetupForm(request.POST or None, initial={"time_zone": settings.TIME_ZONE})
    if form.is_valid():
        return _finish(request, form, token)
    context = {"form": form, "token": token, "zones": sorted(zoneinfo.available_timezones())}
    return render(request, "pages/setup.html", context)


def _finish(request: HttpRequest, form: SetupForm, token: str) -> HttpResponse:
    answers = form.answers()
    try:
        made = first_run(answers, token, timezone.now())
    except Closed:
        return _turned_away(request, 409)
    except WrongToken:
        return _turned_away(request, 403)
    login(request, made.user, settings.AUTHENTICATION_BACKENDS[-1])  # the one that asks for passwords
    files = settings.EMAIL_BACKEND.endswith("filebased.EmailBackend")
    context = {"made": made, "answers": answers, "mail_to_files": files, "server_zone": settings.TIME_ZONE}
    return render(request, "pages/setup_done.html", context)


def _turned_away(request: HttpRequest, status: int) -> HttpResponse:
    context = {"faster": status == 409, "too_many": status == 429}
    response = render(request, "pages/setup_closed.html", context, status=status)
    if status == 429:
        response["Retry-After"] = str(WRONG_SECONDS)
    return response
