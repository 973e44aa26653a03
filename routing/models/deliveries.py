"""What is owed to people and programs, as rows: alerts and notices with attempts, backoff and a dead-letter state."""

from django.db import models
from django.db.models import Q

from owners.models import Owner
from routing.models.decisions import Decision


class Delivery(models.Model):
    """One message owed to one person over one channel, or to a program about what that person let lie. `blocked` until
    the CRM write is confirmed."""

    class Kind(models.TextChoices):
        ASSIGNMENT = "assignment", "lead assigned"
        NOTICE = "notice", "new inquiry of a known person"
        REVIEW = "review", "review item opened"
        OPERATOR = "operator", "something needs an operator"
        REMINDER = "reminder", "a clock is about to run out"
        ESCALATION = "escalation", "a clock ran out"
        MOVED = "moved", "lead went to somebody else"
        RUNG = "rung", "a rung of a ladder was climbed"

    class Channel(models.TextChoices):
        IN_APP = "in_app", "in the app"
        EMAIL = "email", "e-mail"
        WEBHOOK = "webhook", "webhook"

    PERSONAL = (Channel.IN_APP, Channel.EMAIL)
    """How people are told; a webhook tells another program."""

    class State(models.TextChoices):
        BLOCKED = "blocked", "waits for the CRM"
        OWED = "owed", "owed"
        SENDING = "sending", "being sent"
        SENT = "sent", "sent"
        DEAD = "dead", "given up"
        DROPPED = "dropped", "dropped: the lead moved on"

    decision = models.ForeignKey(Decision, models.PROTECT, db_index=False, related_name="deliveries")
    owner = models.ForeignKey(Owner, models.PROTECT, db_index=False, related_name="deliveries")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    state = models.CharField(max_length=10, choices=State.choices)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, help_text="When owed: not before; when being sent: lost after.")
    created_at = models.DateTimeField()
    attempted_at = models.DateTimeField(null=True, help_text="First attempt.")
    sent_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    occasion = models.CharField(
        max_length=40,
        blank=True,
        help_text="Tells apart messages of one kind about one decision, such as two reminders.",
    )
    address = models.CharField(max_length=500, blank=True, help_text="Of a webhook; people are told by their own.")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["decision", "kind", "channel", "owner", "occasion"], name="one_delivery_per_occasion"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["owed", "sending"]) | Q(next_try_at__isnull=False),
                name="owed_delivery_has_a_next_try",
            ),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False), name="sent_delivery_knows_when"
            ),
            models.CheckConstraint(
                condition=Q(channel="webhook") & ~Q(address="") | ~Q(channel="webhook") & Q(address=""),
                name="webhook_knows_its_address",
            ),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(state__in=["owed", "sending"]), name="delivery_due"),
            models.Index(fields=["owner", "-id"], name="delivery_by_owner"),
            models.Index(fields=["id"], condition=Q(state="dead"), name="delivery_dead"),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} by {self.get_channel_display()}"
