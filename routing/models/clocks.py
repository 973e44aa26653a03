"""What was promised and until when, as rows: SLA policies and running clocks."""

from django.db import models
from django.db.models import Q

from leads.models import Lead
from owners.configuration import ConfigModel
from owners.models import LONGEST_MINUTES, Owner, WordsField


class SlaPolicy(ConfigModel):
    """How quickly which leads are worked. Minutes of working time unless `real_time`."""

    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=120)
    lead_types = WordsField(help_text="Lead types it is for; empty: any.")
    tiers = WordsField(help_text="Tiers it is for; empty: any.")
    position = models.PositiveIntegerField(default=0, help_text="The first policy that fits is taken.")
    accept_minutes = models.PositiveIntegerField(null=True, blank=True)
    first_touch_minutes = models.PositiveIntegerField(default=15)
    no_activity_minutes = models.PositiveIntegerField(default=30)
    review_minutes = models.PositiveIntegerField(default=60, help_text="For items in manual review.")
    real_time = models.BooleanField(default=False, help_text="Count nights and weekends too.")

    class Meta:
        ordering = ["position", "id"]
        verbose_name = "SLA policy"
        verbose_name_plural = "SLA policies"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="sla_policy_key_once"),
            models.CheckConstraint(
                condition=Q(accept_minutes__range=(1, LONGEST_MINUTES))
                & Q(first_touch_minutes__range=(1, LONGEST_MINUTES))
                & Q(no_activity_minutes__range=(1, LONGEST_MINUTES))
                & Q(review_minutes__range=(1, LONGEST_MINUTES)),
                name="sla_minutes_from_one_to_a_year",
            ),
        ]

    def __str__(self):
        return self.name


class SlaClock(models.Model):
    """A promise that runs. `due_at` is an indexed hint; the truth is recomputed when it arrives."""

    class Kind(models.TextChoices):
        ACCEPTED = "accepted", "accepted"
        FIRST_TOUCH = "first_touch", "first human touch"
        NO_ACTIVITY = "no_activity", "30 minutes without activity"

    class State(models.TextChoices):
        RUNNING = "running", "running"
        MET = "met", "met"
        BREACHED = "breached", "breached"
        CANCELLED = "cancelled", "cancelled"

    lead = models.ForeignKey(Lead, models.PROTECT, related_name="clocks")
    decision = models.ForeignKey(
        "routing.Decision", models.PROTECT, related_name="clocks", db_index=False, help_text="That started it."
    )
    owner = models.ForeignKey(Owner, models.PROTECT, db_index=False, related_name="clocks")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    policy_key = models.CharField(max_length=40)
    budget_seconds = models.PositiveIntegerField()
    real_time = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    due_at = models.DateTimeField()
    next_rung_at = models.DateTimeField(
        null=True, help_text="When the ladder has something to do next: a hint for the sweep; empty: nothing more."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    ended_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True, help_text="When somebody acted after all, once it was breached.")

    class Meta:
        ordering = ["due_at"]
        verbose_name = "SLA clock"
        constraints = [
            models.UniqueConstraint(fields=["decision", "kind"], name="one_clock_per_decision_and_kind"),
            models.CheckConstraint(condition=Q(due_at__gte=models.F("started_at")), name="clock_due_after_start"),
            models.CheckConstraint(
                condition=Q(state="running", ended_at__isnull=True) | (~Q(state="running") & Q(ended_at__isnull=False)),
                name="clock_ends_when_it_stops",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="running"), name="clock_due"),
            models.Index(fields=["next_rung_at"], condition=Q(state="running"), name="clock_next_rung"),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} of lead {self.lead_id}"


class Escalation(models.Model):
    """A rung of the ladder that was climbed for a clock: what was done, and how late. Append-only."""

    class Action(models.TextChoices):
        REMIND = "remind", "owner reminded"
        MOVE = "move", "team lead told, lead moved"
        REVIEW = "review", "put into review with a named person"
        BREACH = "breach", "breach noted"

    clock = models.ForeignKey(SlaClock, models.PROTECT, db_index=False, related_name="escalations")
    rung = models.PositiveSmallIntegerField(help_text="Share of the budget in percent.")
    action = models.CharField(max_length=10, choices=Action.choices)
    due_at = models.DateTimeField()
    fired_at = models.DateTimeField()
    late_seconds = models.PositiveIntegerField(help_text="Between due and fired.")
    decision = models.ForeignKey(
        "routing.Decision",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="+",
        help_text="That moved the lead.",
    )
    note = models.CharField(max_length=120, blank=True, help_text="Why nobody was told, where nobody was.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["clock", "rung"], name="each_rung_once"),
            models.CheckConstraint(condition=Q(fired_at__gte=models.F("due_at")), name="no_rung_early"),
        ]

    def __str__(self):
        return f"{self.get_action_display()} for clock {self.clock_id}"
