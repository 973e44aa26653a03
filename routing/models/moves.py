"""Many leads that move in one go, as rows: what was asked for, how far it is, and what becomes of each lead."""

from django.db import models
from django.db.models import Q

from leads.models import Lead
from owners.models import Owner, User


class BulkMove(models.Model):
    """One confirmed act about many leads, done in batches of transactions of their own. Its row outlives the request:
    the worker carries on what a request left."""

    class Kind(models.TextChoices):
        LEAVER = "leaver", "somebody leaves"
        REROUTE = "reroute", "routed again"
        RETIME = "retime", "clocks moved to new terms"

    class State(models.TextChoices):
        LOOKING = "looking", "being worked out"
        READY = "ready", "to be looked at"
        RUNNING = "running", "under way"
        FINISHED = "finished", "finished"
        DROPPED = "dropped", "dropped"

    UNDER_WAY = (State.LOOKING, State.RUNNING)
    """States in which it goes on without a person."""

    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(max_length=8, choices=State.choices)
    owner = models.ForeignKey(
        Owner, models.PROTECT, null=True, blank=True, db_index=False, related_name="+", help_text="Who leaves."
    )
    leads_to = models.ForeignKey(
        Owner, models.PROTECT, null=True, blank=True, db_index=False, related_name="+",
        help_text="Gets all open leads; empty: the rules decide.",
    )  # fmt: skip
    heir = models.ForeignKey(
        Owner, models.PROTECT, null=True, blank=True, db_index=False, related_name="+",
        help_text="Gets everything else.",
    )  # fmt: skip
    choice = models.JSONField(default=dict, blank=True, help_text="Which leads, as filters.")
    why = models.CharField(max_length=200, blank=True)
    actor = models.ForeignKey(User, models.PROTECT, null=True, db_index=False, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, help_text="When it was confirmed.")
    finished_at = models.DateTimeField(null=True)
    after = models.BigIntegerField(default=0, help_text="The last lead that was looked at.")
    total = models.PositiveIntegerField(default=0, help_text="Leads that it is about.")
    done = models.PositiveIntegerField(default=0, help_text="Leads looked at so far.")
    moved = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0, help_text="Touched or moved by somebody meanwhile: left alone.")
    failed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, state__in=["looking", "ready", "running"])
                | Q(finished_at__isnull=False, state__in=["finished", "dropped"]),
                name="bulk_move_ends_when_it_is_over",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["looking", "ready", "dropped"]) | Q(started_at__isnull=False) & ~Q(why=""),
                name="bulk_move_runs_for_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(kind="leaver") | Q(owner__isnull=False), name="leaver_move_names_who_leaves"
            ),
            models.UniqueConstraint(
                fields=["owner"], condition=Q(kind="leaver", state="running"), name="one_running_move_per_leaver"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state__in=["looking", "running"]), name="bulk_move_under_way"),
        ]

    def __str__(self):
        if self.kind == self.Kind.LEAVER:
            return f"{self.owner} leaves"
        if self.kind == self.Kind.RETIME:
            return f"Clocks of policy {self.choice.get('name')}, {self.created_at:%Y-%m-%d %H:%M} UTC"
        return f"Routed again, {self.created_at:%Y-%m-%d %H:%M} UTC"


class BulkMoveLead(models.Model):
    """A lead that the rules as they were at the preview would give to somebody else, and what became of it."""

    class State(models.TextChoices):
        WAITING = "waiting", "to be moved"
        MOVED = "moved", "moved"
        SAME = "same", "stays: the rules do not say otherwise any more"
        TOUCHED = "touched", "left alone: somebody worked on it meanwhile"
        CHANGED = "changed", "left alone: it moved on meanwhile"
        FAILED = "failed", "left alone: it could not be decided"

    move = models.ForeignKey(BulkMove, models.CASCADE, related_name="leads")
    lead = models.ForeignKey(Lead, models.PROTECT, db_index=False, related_name="+")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    before = models.ForeignKey(Owner, models.PROTECT, null=True, db_index=False, related_name="+")
    would = models.CharField(max_length=10, help_text="Status that the rules would decide.")
    to = models.ForeignKey(Owner, models.PROTECT, null=True, db_index=False, related_name="+")
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["move_id", "lead_id"]
        constraints = [models.UniqueConstraint(fields=["move", "lead"], name="lead_once_in_a_bulk_move")]

    def __str__(self):
        return f"lead {self.lead_id} in move {self.move_id}"
