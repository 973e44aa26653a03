"""The lead, as a row: one inquiry of one person, in one visible state."""

from django.db import models
from django.db.models import Q

from leads.models.crm import Company, Contact, Deal
from leads.models.sources import Source
from owners.models import Owner, PoolMember


class Lead(models.Model):
    """One inquiry. Its id is the id of the event that brought it. Owner and state are written by routing only."""

    class State(models.TextChoices):
        ASSIGNED = "assigned", "assigned"
        REVIEW = "review", "in review"
        HELD = "held", "on hold"
        NURTURE = "nurture", "nurture"
        REJECTED = "rejected", "rejected"
        CLOSED = "closed", "closed"

    class Priority(models.IntegerChoices):
        NORMAL = 0, "normal"
        HIGH = 1, "high"
        URGENT = 2, "urgent"

    OPEN = (State.ASSIGNED, State.REVIEW, State.HELD)
    UNPLACED = (State.REVIEW, State.HELD)
    """Open without an owner: a review item stands for each."""

    id = models.BigIntegerField(primary_key=True, editable=False)
    source = models.ForeignKey(Source, models.PROTECT, db_index=False, related_name="leads")
    contact = models.ForeignKey(Contact, models.PROTECT, null=True, blank=True, related_name="leads")
    company = models.ForeignKey(Company, models.PROTECT, null=True, blank=True, related_name="leads")
    deal = models.ForeignKey(Deal, models.SET_NULL, db_index=False, null=True, blank=True, related_name="leads")
    state = models.CharField(max_length=10, choices=State.choices)
    owner = models.ForeignKey(Owner, models.PROTECT, db_index=False, null=True, blank=True, related_name="leads")
    member = models.ForeignKey(
        PoolMember,
        models.SET_NULL,
        db_index=False,
        null=True,
        blank=True,
        related_name="leads",
        help_text="Whose turn in which pool brought it to its owner.",
    )
    lead_type = models.CharField(max_length=40)
    high_intent = models.BooleanField(default=False)
    priority = models.PositiveSmallIntegerField(
        choices=Priority.choices, default=Priority.NORMAL, db_default=Priority.NORMAL
    )
    lead_score = models.PositiveSmallIntegerField(null=True, blank=True)
    email = models.CharField(max_length=320, blank=True)
    phone = models.CharField(max_length=20, blank=True)
    name = models.CharField(max_length=400, blank=True)
    country = models.CharField(max_length=2, blank=True)
    consent_to_contact = models.BooleanField(null=True, blank=True)
    is_test = models.BooleanField(default=False)
    received_at = models.DateTimeField()
    owned_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True, help_text="By the present owner.")
    touched_at = models.DateTimeField(null=True, blank=True, help_text="First human touch, by whoever it was.")
    reason = models.TextField(blank=True, help_text="Of the decision in force.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="assigned") | Q(owner__isnull=False), name="assigned_lead_has_an_owner"
            ),
            models.CheckConstraint(condition=Q(owner__isnull=True) | ~Q(reason=""), name="owned_lead_has_a_reason"),
            models.CheckConstraint(
                condition=Q(owner__isnull=True) | Q(owned_at__isnull=False),
                name="owned_lead_knows_since_when",
            ),
        ]
        indexes = [
            models.Index(
                fields=["contact"], condition=Q(state__in=["assigned", "review", "held"]), name="lead_open_contact"
            ),
            models.Index(fields=["owner", "-id"], name="lead_by_owner"),
        ]

    def __str__(self):
        return self.name or self.email or self.phone or f"lead {self.pk}"
