"""What happened to leads and when, for reports: instants as rows, appended by whoever makes them happen."""

from django.db import models

from leads.models import Lead
from owners.models import Owner, User


class Fact(models.Model):
    """One instant of a lead's life. Append-only: a report of a past month reads the same today as it did then.

    Owner, decision and actor have no key in the database: facts are written with every lead and point only at
    rows that nobody may delete.
    """

    class Kind(models.TextChoices):
        ARRIVED = "arrived", "arrived"
        DECIDED = "decided", "decided"
        OWNED = "owned", "owned"
        CONFIRMED = "confirmed", "CRM confirmed"
        ALERTED = "alerted", "owner alerted"
        ACCEPTED = "accepted", "accepted"
        DECLINED = "declined", "declined"
        TOUCHED = "touched", "touched"
        MET = "met", "clock met"
        BREACHED = "breached", "clock breached"
        ANSWERED = "answered", "breached clock answered"
        REASSIGNED = "reassigned", "reassigned"
        BOOKED = "booked", "meeting booked"
        CLOSED = "closed", "closed"
        REOPENED = "reopened", "reopened"

    lead = models.ForeignKey(Lead, models.PROTECT, related_name="facts")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    at = models.DateTimeField()
    decision = models.ForeignKey(
        "routing.Decision", models.DO_NOTHING, null=True, db_index=False, db_constraint=False, related_name="facts",
        help_text="In force at that instant.",
    )  # fmt: skip
    owner = models.ForeignKey(
        Owner, models.DO_NOTHING, null=True, db_index=False, db_constraint=False, related_name="+",
        help_text="Whom it concerns: the owner at that instant, the former one of a reassignment.",
    )  # fmt: skip
    actor = models.ForeignKey(
        User, models.DO_NOTHING, null=True, db_index=False, db_constraint=False, related_name="+",
        help_text="Who did it; empty: RevRoute.",
    )  # fmt: skip
    detail = models.CharField(
        max_length=40, blank=True, help_text="Status decided, kind of touch, clock, or cause, as a stable code."
    )
    working_seconds = models.PositiveIntegerField(
        null=True, help_text="Of the first touch: how much of the owner's working time had passed since the arrival."
    )

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["kind", "at"], name="fact_by_kind")]

    def __str__(self):
        return f"lead {self.lead_id} {self.get_kind_display()}"
