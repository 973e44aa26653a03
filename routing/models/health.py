"""How the background work is doing, as rows: workers with their heartbeats, batches under way, incidents told."""

from django.db import models
from django.db.models import Q


class WorkerHeartbeat(models.Model):
    """One running `manage.py worker`. It writes its row itself; `beats` are written by tasks of its queue.

    Counters say that something moved, instants say when. Whoever watches goes by the counters (routing.pulse),
    because a machine's clock may jump.
    """

    name = models.CharField(max_length=100, help_text="Host and process.")
    host = models.CharField(max_length=80)
    pid = models.PositiveIntegerField()
    cluster_pid = models.PositiveIntegerField(null=True, help_text="Process group of the queue's cluster.")
    started_at = models.DateTimeField()
    reports = models.PositiveBigIntegerField(default=0, help_text="How often the worker wrote this row.")
    reported_at = models.DateTimeField()
    beats = models.PositiveBigIntegerField(default=0, help_text="Heartbeats that came through the queue.")
    beat_at = models.DateTimeField(null=True)
    renewals = models.PositiveIntegerField(default=0, help_text="How often the queue's processes were renewed.")
    renewed_at = models.DateTimeField(null=True)
    parts = models.JSONField(default=dict, help_text="By part: how often it ran, and when it last ended.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["name"], name="one_heartbeat_row_per_worker"),
            models.CheckConstraint(condition=Q(beats=0) | Q(beat_at__isnull=False), name="heartbeat_knows_when"),
            models.CheckConstraint(condition=Q(renewals=0) | Q(renewed_at__isnull=False), name="renewal_knows_when"),
        ]

    def __str__(self):
        return self.name


class BatchUnderWay(models.Model):
    """The events that a background process has begun to route. Left behind only by a process that died doing it."""

    holder = models.CharField(max_length=100, help_text="Host and process.")
    events = models.JSONField(help_text="Ids.")
    begun_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "batches under way"
        constraints = [models.UniqueConstraint(fields=["holder"], name="one_batch_per_process")]

    def __str__(self):
        return f"batch of {self.holder}"


class WorkerIncident(models.Model):
    """The one row that says whether background work is late and whether operators were told: once for all hosts."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    since = models.DateTimeField(null=True, help_text="Empty: background work is on time.")
    claimed_at = models.DateTimeField(null=True, help_text="When a process set about telling.")
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="one_incident_row"),
            models.CheckConstraint(
                condition=Q(since__isnull=False) | Q(claimed_at__isnull=True, told_at__isnull=True),
                name="nothing_told_without_an_incident",
            ),
        ]

    def __str__(self):
        return f"late since {self.since}" if self.since else "on time"
