"""Addresses of the pages, below `/`; their names begin with `pages:`."""

from django.urls import path

from routing.pages import help, item, queue, setup
from routing.queue import Wish

app_name = "pages"

urlpatterns = [
    path("help/", help.contents, name="help"),
    path("help/<slug:topic>/", help.topic, name="help-topic"),
    path("queue/", queue.queue, name="queue"),
    path("queue/export.csv", queue.queue_export, name="queue-export"),
    path("queue/hands/", queue.queue_hands, name="queue-hands"),
    path("queue/<int:item>/", item.item, name="queue-item"),
    path("queue/<int:item>/payload/", item.payload, name="queue-payload"),
    *(path(f"queue/<int:item>/{wish}/", item.act, {"wish": wish}, name=f"queue-{wish}") for wish in Wish),
    path("setup/", setup.setup, name="setup"),
]
