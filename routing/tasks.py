"""Task names that the queue stores, in; one call each. Safe to run twice: rows remember what is done."""

from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task

from routing import pipeline
from routing.lease import budget


def wake_router() -> None:
    """Queue the routing of what waits, in the caller's transaction: it commits or vanishes with the event.

    One wake-up that nobody took yet is enough, because it drains all that waits: one for each event would ask
    for the writer lock as often, for nothing. The worker's tick is the net under the moment between.
    """
    if not _is_queued():
        async_task("routing.tasks.route_waiting")


def _is_queued() -> bool:
    """Whether a task waits untaken in the database's queue: its `lock` lies ahead only once it is taken."""
    return bool(Conf.ORM) and OrmQ.objects.filter(lock__lte=timezone.now()).exists()


def route_waiting() -> int:
    """Route what waits, for 20 seconds at most (the queue ends a task after 60); how many events."""
    has_time = budget()
    count = 0
    while results := pipeline.route():
        count += len(results)
        if not has_time():
            async_task("routing.tasks.route_waiting")
            break
    return count
