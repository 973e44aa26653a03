"""Task names that the queue stores, in; one call each. Safe to run twice: rows remember what is done."""

from django.utils import timezone
from django_q.conf import Conf
from django_q.tasks import async_task

from routing import background, heartbeat
from routing.ahead import get_ready
from routing.broker import waits_untaken
from routing.lease import budget

BEAT_SECONDS = 5.0


def wake_router() -> None:
    """Queue the routing of what waits, in the caller's transaction: it commits or vanishes with the event.

    One wake-up that nobody took yet is enough, because it drains all that waits: one for each event would ask
    for the writer lock as often, for nothing. The worker's tick is the net under the moment between.
    """
    if not (Conf.ORM and waits_untaken(Conf.CLUSTER_NAME)):
        async_task("routing.tasks.route_waiting", save=False)


def route_waiting() -> int:
    """Route what waits, for 20 seconds at most (the queue ends a task after 60); how many events.

    It says every few seconds that it gets on, so that a heartbeat which waits behind it is not missed.
    """
    get_ready()  # before anything is locked
    has_time, quiet = budget(), budget(BEAT_SECONDS)

    def tell() -> None:
        nonlocal quiet
        if not quiet():
            heartbeat.beat_here(timezone.now())
            quiet = budget(BEAT_SECONDS)

    count = background.route_waiting(timezone.now, has_time, tell)
    if not has_time():
        async_task("routing.tasks.route_waiting", save=False)
    return count


def beat(worker: str) -> None:
    """A heartbeat of the worker came through its queue."""
    heartbeat.beat(worker, timezone.now())
