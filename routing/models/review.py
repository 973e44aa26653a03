"""What needs a person, as rows: each with a reason, a named owner and a due time."""

from django.db import models
from django.db.models import Q

from leads.models import Lead, RawEvent, Source
from owners.models import Owner, Pool, User
from routing.models.decisions import ClockState, Decision


class ReviewItem(models.Model):
    class Reason(models.TextChoices):
        MISSING_CONTACT_DATA = "missing_contact_data", "no e-mail and no phone"
        AMBIGUOUS_DUPLICATE = "ambiguous_duplicate", "two people it could be"
        NO_VALID_OWNER = "no_valid_owner", "nobody could take it"
        PIPELINE_STAGE_MISMATCH = "pipeline_stage_mismatch", "pipeline or stage is missing"
        INVALID_TERRITORY = "invalid_territory", "territory unknown or without an owner"
        LOW_CONFIDENCE_CLASSIFICATION = "low_confidence_classification", "type not certain"
        WEBHOOK_RETRY_CONFLICT = "webhook_retry_conflict", "sent again with another content"
        CRM_ERROR = "crm_error", "the CRM refused"
        OWNERSHIP_CONFLICT = "ownership_conflict", "two owners with the same right"
        CRITICAL_SEVERITY = "critical_severity", "critical"
        PARTNER_OR_MULTI_TOUCH = "partner_or_multi_touch", "partner or several touches"
        UNCLEAR_PRODUCT_FIT = "unclear_product_fit", "product fit unclear"
        UNREADABLE_PAYLOAD = "unreadable_payload", "could not be read"
        UNRESOLVED = "unresolved", "no rule decided"
        WAITING_TO_BE_CLAIMED = "waiting_to_be_claimed", "waits to be claimed"
        ON_HOLD = "on_hold", "on hold until somebody is available"

    class State(models.TextChoices):
        OPEN = "open", "open"
        CLOSED = "closed", "closed"

    WAITS = (Reason.ON_HOLD, Reason.WAITING_TO_BE_CLAIMED)
    """Reasons for which a lead waits for people of a pool, and not for a decision."""

    reason = models.CharField(max_length=40, choices=Reason.choices)
    detail = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    owner = models.ForeignKey(Owner, models.PROTECT, related_name="review_items", help_text="Named; answers for it.")
    source = models.ForeignKey(Source, models.PROTECT, related_name="review_items")
    event = models.ForeignKey(RawEvent, models.PROTECT, related_name="review_items", help_text="The latest.")
    lead = models.ForeignKey(Lead, models.PROTECT, null=True, blank=True, related_name="review_items")
    decision = models.ForeignKey(Decision, models.PROTECT, null=True, blank=True, related_name="review_items")
    pool = models.ForeignKey(
        Pool, models.SET_NULL, null=True, blank=True, db_index=False, related_name="+", help_text="That it waits for."
    )
    occurrences = models.PositiveIntegerField(default=1)
    opened_at = models.DateTimeField()
    last_at = models.DateTimeField()
    due_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, db_index=False, related_name="+")
    resolution = models.CharField(max_length=200, blank=True)
    clock = models.PositiveSmallIntegerField(
        choices=ClockState.choices, default=ClockState.OWED, editable=False, help_text="What became of its clock."
    )

    class Meta:
        ordering = ["due_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "reason"], condition=Q(state="open"), name="one_open_item_per_lead_and_reason"
            ),
            models.UniqueConstraint(
                fields=["source", "reason"],
                condition=Q(state="open", lead__isnull=True, reason="unreadable_payload"),
                name="one_open_unreadable_item_per_source",
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True)
                | (Q(state="closed", closed_at__isnull=False) & ~Q(resolution="")),
                name="review_closes_with_a_resolution",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="open"), name="review_due"),
            models.Index(
                fields=["pool", "opened_at"],
                condition=Q(state="open", pool__isnull=False),
                name="review_waits_for_pool",
            ),
            models.Index(fields=["id"], condition=Q(clock=0), name="review_clock_owed"),
            models.Index(fields=["id"], condition=Q(clock=1, state="closed"), name="review_clock_to_stop"),
        ]

    def __str__(self):
        return f"{self.get_reason_display()} ({self.state})"

    @property
    def why(self) -> str:
        """The reason in words; of a lead that waits for a pool with the pool's name."""
        if self.pool is None or self.reason not in self.WAITS:
            return self.get_reason_display()
        if self.reason == self.Reason.ON_HOLD:
            return f"on hold until somebody of {self.pool} is available"
        return f"waits to be claimed by somebody of {self.pool}"
