"""The map: each address and the room that answers it."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from revroute.frame import set_theme
from revroute.start import start
from routing.api import health
from routing.api.site import api

handler400 = "revroute.too_much.bad_request"

urlpatterns = [
    path("", start, name="start"),
    path("favicon.ico", RedirectView.as_view(url=static("img/favicon.svg"))),
    path("theme/", set_theme, name="theme"),
    path("", include("routing.pages.urls")),  # some pages stand beneath an admin screen, so they are asked first
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("healthz/worker", health.worker, name="healthz-worker"),
    path("metrics", health.numbers, name="metrics"),
]
