"""WSGI requests in, the site's responses out."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revroute.settings")

application = get_wsgi_application()
