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


@register("routing")
def queue_is_safe(**kwargs: Any) -> list[CheckMessage]:
    """routing.E002: Q_CLUSTER says something that loses, repeats or delays background work."""
    queue, hint = settings.Q_CLUSTER, "Set Q_CLUSTER as revroute/settings.py does; routing/checks.py says why."
    return [Error(f"Q_CLUSTER: {fault}", hint=hint, id="routing.E002") for fault in _queue_faults(queue)]


def _queue_faults(queue: dict[str, Any]) -> list[str]:
    timeout, retry = queue.get("timeout") or 0, queue.get("retry") or 0
    wanted = (
        (timeout > 0, "timeout has to be set: a task that hangs would block its worker process for good"),
        (retry >= 2 * timeout, "retry has to be at least twice the timeout: a task would run again while it runs"),
        (queue.get("max_attempts", 0) > 0, "max_attempts has to be set: a task that fails would come back for ever"),
        (queue.get("catch_up", True) is False, "catch_up has to be False: downtime would end in a flood of tasks"),
        (queue.get("scheduler", True) is False, "scheduler has to be False: who adds a schedule could run any code"),
        (queue.get("bulk", 1) == 1, "bulk has to be 1: tasks taken together are lost together"),
        (0 < queue.get("queue_limit", 0) <= 16, "queue_limit has to be 1 to 16: what is taken early waits twice"),
        (
            "orm" not in queue or queue.get("broker_class") == "routing.broker.Broker",
            "broker_class has to be routing.broker.Broker: a task that kills its process would come back for ever",
        ),
        (settings.USE_TZ, "USE_TZ has to be on: the queue's instants are UTC"),
    )
    return [sentence for holds, sentence in wanted if not holds]
