"""A connector's name in, the connector out; leaves alone what it does.

A name is one of `NAMED`, or the dotted path of a class that satisfies `routing.connectors.base.Connector`.
"""

from functools import cache

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from routing.connectors.base import Connector

NAMED: dict[str, str] = {}
"""Short names of connectors that come with RevRoute, and where their classes are."""


@cache
def connector(name: str) -> Connector:
    """The connector called `name`, one per process. Raises ImproperlyConfigured where there is none."""
    path = NAMED.get(name, name)
    if "." not in path:
        known = ", ".join(sorted(NAMED)) or "none comes with this version"
        raise ImproperlyConfigured(f"There is no CRM connector {name!r} ({known}).")
    try:
        made = import_string(path)()
    except ImportError as error:
        raise ImproperlyConfigured(f"The CRM connector {name!r} cannot be imported: {error}") from error
    except ImproperlyConfigured:
        raise
    except Exception as error:
        raise ImproperlyConfigured(f"The CRM connector {name!r} cannot be made: {error}") from error
    if not callable(getattr(made, "perform", None)):
        raise ImproperlyConfigured(f"{path} is no CRM connector: it has no perform(action, context).")
    return made
