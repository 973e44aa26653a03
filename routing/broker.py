"""Packages of the queue's table in, each handed out a few times at most, out. Runs nothing.

django-q's own broker with its edges covered. A package carries in its `key` how often it was taken, written by
the same statement that leases it: one whose work kills the process comes back a few times and is then set
aside, which the queue itself never does, because a crash leaves no result to count. One that cannot be read
(signed with an earlier secret key, or damaged) is dropped: the rows it was about are found by the ticks. Each
cluster has a line of its own besides, which comes first: heartbeats are for one cluster and no other.
"""

import logging
import os
import socket
import time

from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import SignedPackage

logger = logging.getLogger(__name__)

MAX_TAKES = 5
HOST = socket.gethostname()[:60]


def line_of(cluster_pid: int) -> str:
    """The key of the line that only this cluster takes from: its process group on this host."""
    return f"{Conf.CLUSTER_NAME}@{HOST}:{cluster_pid}"


def given_up_key() -> str:
    """The key of packages that were taken too often; they stay for an operator to see."""
    return f"{Conf.CLUSTER_NAME}!"


def stages(line: str) -> list[str]:
    """The keys of a line's packages by how often they were taken: never first."""
    return [line, *(f"{line}#{takes}" for takes in range(1, MAX_TAKES + 1))]


def waits_untaken(line: str) -> bool:
    """Whether a package of the line waits that nobody has taken: its `lock` lies ahead only once it is taken."""
    return OrmQ.objects.filter(key__in=stages(line), lock__lte=timezone.now()).exists()


def forget_line(cluster_pid: int) -> None:
    """Drop what is left for a cluster that is gone."""
    OrmQ.objects.filter(key__in=stages(line_of(cluster_pid))).delete()


class Broker(ORM):
    """What Q_CLUSTER names as `broker_class`."""

    def dequeue(self) -> list[tuple[int, str]] | None:
        own, common = stages(line_of(os.getpgid(0))), stages(self.list_key)
        waiting = self.get_connection().filter(lock__lt=timezone.now()).order_by("id")
        for keys in (own, common):
            if package := waiting.filter(key__in=keys).first():
                taken = self._take(package, keys)
                return [taken] if taken else []
        time.sleep(Conf.POLL)  # an empty queue spares the processor
        return None

    def _take(self, package: OrmQ, keys: list[str]) -> tuple[int, str] | None:
        """Lease the package. None: another cluster was faster, it was taken too often, or it cannot be read."""
        takes = keys.index(package.key)
        as_read = self.get_connection().filter(id=package.pk, lock=package.lock, key=package.key)
        if takes == MAX_TAKES:
            if as_read.update(key=given_up_key()):
                logger.error("Task %s was begun %s times and never ended; it is set aside", package.pk, takes)
            return None
        if not is_readable(package.payload):
            logger.warning("Task %s cannot be read with this secret key and is dropped", package.pk)
            as_read.delete()
            return None
        if not as_read.update(lock=self.timeout(package), key=keys[takes + 1]):
            return None
        return package.pk, package.payload

    def queue_size(self) -> int:
        return self.get_connection().filter(key__in=stages(self.list_key), lock__lte=timezone.now()).count()

    def lock_size(self) -> int:
        return self.get_connection().filter(key__in=stages(self.list_key), lock__gt=timezone.now()).count()

    def purge_queue(self):
        return self.get_connection().filter(key__in=stages(self.list_key)).delete()


def is_readable(payload: str) -> bool:
    """Whether the package was signed by us and names a task. What it says does not matter here."""
    try:
        return "func" in SignedPackage.loads(payload)
    except Exception:  # whatever a damaged package raises would end the process that hands packages out
        return False
