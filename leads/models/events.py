"""What was posted, as it came: raw events and the keys that make a repeat recognisable."""

from django.db import models
from django.db.models import Q

from leads.models.sources import Source


class RawEvent(models.Model):
    """One submission, committed before anything else is tried. `waiting` rows are the durable queue."""

    class State(models.IntegerChoices):
        WAITING = 0, "waiting"
        DONE = 1, "done"
        UNREADABLE = 2, "unreadable"

    class IntentClass(models.IntegerChoices):
        """Order in which waiting events are taken; then by id."""

        LIVE_HIGH = 0, "live, high intent"
        LIVE = 1, "live"
        IMPORT = 2, "import"

    source = models.ForeignKey(Source, models.PROTECT, related_name="events")
    state = models.PositiveSmallIntegerField(choices=State.choices, default=State.WAITING)
    intent_class = models.PositiveSmallIntegerField(choices=IntentClass.choices, default=IntentClass.LIVE)
    received_at = models.DateTimeField()
    content_type = models.CharField(max_length=200, blank=True)
    headers = models.TextField(blank=True, help_text="JSON; credentials are left out.")
    body = models.BinaryField()
    body_digest = models.CharField(
        max_length=64, help_text="SHA-256 of the canonical body, of the bytes where it is unreadable."
    )
    submission_id = models.CharField(max_length=200, blank=True)
    idempotency_key = models.CharField(max_length=200, blank=True, help_text="As the sender gave it.")
    correlation_id = models.CharField(max_length=64)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Failed tries to route it.")
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=[0, 1, 2]), name="event_state_known"),
            models.CheckConstraint(condition=Q(intent_class__in=[0, 1, 2]), name="event_intent_class_known"),
        ]
        indexes = [
            models.Index(fields=["intent_class", "id"], condition=Q(state=0), name="event_waiting"),
        ]

    def __str__(self):
        return f"event {self.pk}"


class IdempotencyKey(models.Model):
    """The right of one event to a submission's name, for ever or until `expires_at`.

    `sub:` keys come from the source's own submission id, `key:` keys from the Idempotency-Key header, `body:`
    keys are the hash of the canonical body of a sender that gives neither; only these expire.
    """

    source = models.ForeignKey(Source, models.CASCADE, db_index=False, related_name="+")
    key = models.CharField(max_length=210)
    event = models.ForeignKey(RawEvent, models.CASCADE, related_name="keys")
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="submission_once_per_source")]

    def __str__(self):
        return self.key
