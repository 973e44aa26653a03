"""Addresses of the pages, below `/`; their names begin with `pages:`."""

from django.urls import path

from routing.pages import help, setup

app_name = "pages"

urlpatterns = [
    path("help/", help.contents, name="help"),
    path("help/<slug:topic>/", help.topic, name="help-topic"),
    path("setup/", setup.setup, name="setup"),
]
