"""Task names that the queue stores, in; one call each. Safe to run twice: rows remember what is done."""

from django_q.tasks import async_task

from routing import pipeline


def wake_router() -> None:
    """Queue the routing of what waits, in the caller's transaction: it commits or vanishes with the event."""
    async_task("routing.tasks.route_waiting")


def route_waiting() -> int:
    """Route what waits; how many events."""
    return pipeline.drain()
