"""WSGI requests in, the site's responses out."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revroute.settings")

application = get_wsgi_application()

from leads.normalise import warm_up  # noqa: E402 - after the apps are loaded
from routing.memory import settle  # noqa: E402
from routing.warming import start_warming  # noqa: E402
from routing.watch import start_watching  # noqa: E402

warm_up()  # the first lead must not wait for phone and country tables
settle()
start_warming()  # so that no lead waits for rules to be compiled
start_watching()  # of the background worker, which cannot say itself that it is dead
