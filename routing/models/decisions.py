"""What was decided, what it saw, and what is to be done for it, as rows. Decisions are append-only."""

from django.db import models
from django.db.models import Q

from leads.ids import new_id
from leads.models import Lead, RawEvent
from owners.models import Owner, Team, User
from routing.models.rules import RuleSetVersion


class ConfigRevision(models.Model):
    """People, pools, territories and policies as routing saw them: immutable, kept while a decision cites it."""

    digest = models.CharField(max_length=64)
    content = models.TextField(help_text="Canonical JSON.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["digest"], name="config_revision_once")]

    def __str__(self):
        return f"revision {self.pk}"


class Decision(models.Model):
    """One decision. `snapshot` and `trace` are the exact texts that the digest was made from."""

    class Status(models.TextChoices):
        ASSIGNED = "assigned", "assigned"
        REVIEW = "review", "manual review"
        HELD = "held", "on hold"
        NURTURE = "nurture", "nurture"
        REJECTED = "rejected", "rejected"
        APPENDED = "appended", "appended to an open lead"

    class Flag(models.TextChoices):
        OK = "ok", "ok"
        FALLBACK = "fallback", "fallback used"
        EXCEPTION = "exception", "exception"

    class Origin(models.TextChoices):
        """What asked for it: the event itself, or somebody about a lead that was there already."""

        ROUTING = "routing", "routed"
        AGAIN = "again", "routed again"
        CLAIM = "claim", "claimed"
        ASSIGN = "assign", "assigned by hand"
        REASSIGN = "reassign", "reassigned"
        DECLINE = "decline", "declined"
        ESCALATE = "escalate", "escalated"
        NURTURE = "nurture", "sent to nurture"
        REJECT = "reject", "rejected by hand"

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(RawEvent, models.PROTECT, db_index=False, related_name="decisions")
    lead = models.ForeignKey(Lead, models.PROTECT, db_index=False, related_name="decisions")
    version = models.ForeignKey(RuleSetVersion, models.PROTECT, db_index=False, null=True, related_name="decisions")
    revision = models.ForeignKey(ConfigRevision, models.PROTECT, db_index=False, related_name="decisions")
    status = models.CharField(max_length=10, choices=Status.choices)
    hierarchy_step = models.CharField(max_length=40, blank=True)
    rule_id = models.BigIntegerField(null=True)
    rule_row = models.PositiveIntegerField(default=0, db_default=0)
    """From 1: the row of the rule's table that decided; 0 where no table did."""
    owner = models.ForeignKey(Owner, models.PROTECT, db_index=False, null=True, related_name="decisions")
    team = models.ForeignKey(Team, models.PROTECT, db_index=False, null=True, related_name="+")
    tier = models.CharField(max_length=40, blank=True)
    pipeline_key = models.CharField(max_length=80, blank=True)
    stage_key = models.CharField(max_length=80, blank=True)
    sequence = models.CharField(max_length=80, blank=True)
    review_reason = models.CharField(max_length=40, blank=True)
    reason = models.TextField()
    route_flag = models.CharField(max_length=10, choices=Flag.choices)
    lead_type = models.CharField(max_length=40)
    high_intent = models.BooleanField()
    sla_policy = models.CharField(max_length=40, blank=True)
    due_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField()
    digest = models.CharField(max_length=64)
    snapshot = models.TextField()
    trace = models.TextField()
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.ROUTING)
    actor = models.ForeignKey(
        User,
        models.PROTECT,
        db_index=False,
        null=True,
        related_name="+",
        help_text="Who asked for it; empty: RevRoute.",
    )
    previous_owner = models.ForeignKey(Owner, models.PROTECT, db_index=False, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["event"], condition=Q(origin="routing"), name="one_routing_decision_per_event"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="decision_has_a_reason"),
            models.CheckConstraint(
                condition=~Q(status="assigned") | Q(owner__isnull=False),
                name="assigning_decision_names_an_owner",
            ),
        ]
        indexes = [
            models.Index(fields=["lead", "-id"], name="decision_by_lead"),
            # What fired of late, and what was decided since a version was published: asked over any time span.
            models.Index(fields=["decided_at", "rule_id"], name="decision_by_time"),
        ]

    def __str__(self):
        return f"decision {self.pk}"


class ClockState(models.IntegerChoices):
    """What became of the clock of a review item or of a CRM write, which the worker starts and stops: marks by which
    it finds the few that it has to look at. Of a test lead nothing is promised: it is over from the beginning."""

    OWED = 0, "not started yet"
    KEPT = 1, "kept"
    OVER = 2, "over"


class PlanAction(models.Model):
    """An action of a decision's plan that has a state of its own.

    What the built-in CRM does inside the ownership transaction has none: the commit is its confirmation, and
    the decision's document says so. Rows are for what comes after the commit, in `position` order.
    """

    class State(models.TextChoices):
        PENDING = "pending", "pending"
        CONFIRMED = "confirmed", "confirmed"
        STOPPED = "stopped", "stopped"
        DEAD = "dead", "given up"
        DROPPED = "dropped", "dropped: the lead moved on"

    decision = models.ForeignKey(Decision, models.PROTECT, db_index=False, related_name="actions")
    position = models.PositiveSmallIntegerField()
    action = models.CharField(max_length=60)
    connector = models.CharField(max_length=120, blank=True, help_text="Empty: RevRoute itself.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    external_id = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=300, blank=True)
    clock = models.PositiveSmallIntegerField(
        choices=ClockState.choices, default=ClockState.OWED, editable=False, help_text="What became of its clock."
    )

    class Meta:
        ordering = ["decision", "position"]
        constraints = [
            models.UniqueConstraint(fields=["decision", "position"], name="plan_position_once"),
            models.CheckConstraint(
                condition=~Q(state="pending") | Q(next_try_at__isnull=False),
                name="pending_action_has_a_next_try",
            ),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(state="pending"), name="plan_action_due"),
            models.Index(
                fields=["decision"], condition=Q(clock=0, state="pending") & ~Q(connector=""), name="action_clock_owed"
            ),
            models.Index(fields=["decision"], condition=Q(clock=1) & ~Q(state="pending"), name="action_clock_to_stop"),
        ]

    def __str__(self):
        return f"{self.position}. {self.action}"
