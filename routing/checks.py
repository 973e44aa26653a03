"""The settings in, problems that would only show when a lead is to be written out; changes nothing."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from routing.connectors import connector


@register("routing")
def crm_connector_exists(**kwargs: Any) -> list[CheckMessage]:
    """routing.E001: CRM_CONNECTOR names a connector that cannot be had."""
    name = settings.CRM_CONNECTOR
    if not name:
        return []
    try:
        connector(name)
    except ImproperlyConfigured as error:
        hint = "Set CRM_CONNECTOR to a known name or a class's dotted path, or leave it empty."
        return [Error(str(error), hint=hint, id="routing.E001")]
    return []
