"""What was promised of which lead, item or CRM write, and until when, as rows: clocks, their pauses, climbed rungs."""

from django.db import models
from django.db.models import F, Q

from leads.models import Lead
from owners.models import Calendar, Owner, User
from routing.models.decisions import ConfigRevision
from routing.models.sla import SlaTerms


class SlaClock(models.Model):
    """A promise that runs. `due_at` is an indexed hint; the truth is recomputed when it arrives."""

    class Kind(models.TextChoices):
        ACCEPTED = "accepted", "accepted"
        FIRST_TOUCH = "first_touch", "first human touch"
        NO_ACTIVITY = "no_activity", "30 minutes without activity"
        ASSIGNED = "assigned", "owner assigned"
        REVIEW = "review", "review"
        HELD = "held", "on hold"
        CLAIM = "claim", "to be claimed"
        CRM = "crm", "CRM confirmed"

    OF_OWNER = (Kind.ACCEPTED, Kind.FIRST_TOUCH, Kind.NO_ACTIVITY)
    """Clocks of whoever owns the lead: human acts stop them."""
    OF_ITEM = (Kind.REVIEW, Kind.HELD, Kind.CLAIM)
    """Clocks of a review item: it is closed, and they stop."""

    class State(models.TextChoices):
        RUNNING = "running", "running"
        MET = "met", "met"
        BREACHED = "breached", "breached"
        CANCELLED = "cancelled", "cancelled"

    ANSWERED = "breached_answered"
    """How a breached clock stands that somebody answered after all: late, and not silent."""
    STANDINGS = {**dict(State.choices), ANSWERED: "breached, answered"}

    lead = models.ForeignKey(
        Lead, models.PROTECT, null=True, related_name="clocks", help_text="Empty: an item about no lead."
    )
    decision = models.ForeignKey(
        "routing.Decision", models.PROTECT, null=True, related_name="clocks", db_index=False,
        help_text="That started it.",
    )  # fmt: skip
    item = models.ForeignKey("routing.ReviewItem", models.PROTECT, null=True, db_index=False, related_name="clocks")
    action = models.ForeignKey("routing.PlanAction", models.PROTECT, null=True, db_index=False, related_name="clocks")
    owner = models.ForeignKey(Owner, models.PROTECT, db_index=False, related_name="clocks")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    policy_key = models.CharField(max_length=40)
    budget_seconds = models.PositiveIntegerField()
    real_time = models.BooleanField(default=False)
    calendar = models.ForeignKey(
        Calendar, models.DO_NOTHING, null=True, db_index=False, db_constraint=False, related_name="+",
        help_text="By whose working time it counts; empty: its owner's.",
    )  # fmt: skip
    terms = models.ForeignKey(
        SlaTerms, models.PROTECT, null=True, db_index=False, related_name="+",
        help_text="Its ladder as it was; empty: the built-in one of its kind.",
    )  # fmt: skip
    revision = models.ForeignKey(
        ConfigRevision, models.DO_NOTHING, null=True, db_index=False, db_constraint=False, related_name="+",
        help_text="By whose calendars it was promised; empty: that of its decision.",
    )  # fmt: skip
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
            models.UniqueConstraint(
                fields=["decision", "kind"], condition=Q(item=None, action=None), name="one_clock_per_decision_and_kind"
            ),
            models.UniqueConstraint(fields=["item"], condition=Q(item__isnull=False), name="one_clock_per_item"),
            models.UniqueConstraint(fields=["action"], condition=Q(action__isnull=False), name="one_clock_per_action"),
            models.CheckConstraint(
                condition=Q(kind__in=["review", "held", "claim"], item__isnull=False, action__isnull=True)
                | Q(kind="crm", item__isnull=True, action__isnull=False, lead__isnull=False)
                | Q(
                    kind__in=["accepted", "first_touch", "no_activity", "assigned"],
                    item__isnull=True,
                    action__isnull=True,
                    lead__isnull=False,
                    decision__isnull=False,
                ),
                name="clock_is_about_what_its_kind_says",
            ),
            models.CheckConstraint(condition=Q(due_at__gte=F("started_at")), name="clock_due_after_start"),
            models.CheckConstraint(
                condition=Q(next_rung_at__isnull=True) | Q(state__in=["running", "breached"]),
                name="only_an_open_clock_has_a_rung_to_come",
            ),
            models.CheckConstraint(
                condition=Q(state="running", ended_at__isnull=True) | (~Q(state="running") & Q(ended_at__isnull=False)),
                name="clock_ends_when_it_stops",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="running"), name="clock_due"),
            models.Index(fields=["next_rung_at"], condition=Q(next_rung_at__isnull=False), name="clock_next_rung"),
        ]

    def __str__(self):
        about = f"lead {self.lead_id}" if self.lead_id else f"review item {self.item_id}"
        return f"{self.get_kind_display()} of {about}"

    @property
    def standing(self) -> str:
        """A key of STANDINGS: the state, with late answers told apart from silence."""
        return self.ANSWERED if self.state == self.State.BREACHED and self.answered_at else self.state

    @property
    def stands(self) -> str:
        """The same in words."""
        return self.STANDINGS[self.standing]


class SlaPause(models.Model):
    """A time in which the buyer was waited for, so that no clock of the lead's owner counted. It has an end from the
    beginning; whoever goes on earlier ends it then."""

    lead = models.ForeignKey(Lead, models.PROTECT, related_name="pauses")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200)
    set_by = models.ForeignKey(User, models.PROTECT, null=True, db_index=False, related_name="+")
    ended_by = models.ForeignKey(
        User, models.PROTECT, null=True, db_index=False, related_name="+", help_text="Who went on before its end."
    )

    class Meta:
        ordering = ["-starts_at"]
        verbose_name = "SLA pause"
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gte=F("starts_at")), name="sla_pause_ends_after_it_starts"),
            models.UniqueConstraint(fields=["lead", "starts_at"], name="one_pause_of_a_lead_at_a_time"),
        ]

    def __str__(self):
        return f"lead {self.lead_id} waits for the buyer"


class Escalation(models.Model):
    """A rung of the ladder that was climbed for a clock: what was done, and how late. Append-only."""

    class Action(models.TextChoices):
        REMIND = "remind", "owner reminded"
        MOVE = "move", "team lead told, lead moved"
        REVIEW = "review", "put into review with a named person"
        BREACH = "breach", "breach noted"
        TELL = "tell", "others told"
        QUEUE = "queue", "put into a queue"

    clock = models.ForeignKey(SlaClock, models.PROTECT, db_index=False, related_name="escalations")
    rung = models.IntegerField(help_text="Share of the budget in percent; below zero: minutes after the start.")
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
    note = models.CharField(
        max_length=300, blank=True, help_text="What else it did, and why somebody was not told, or the lead not moved."
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["clock", "rung"], name="each_rung_once"),
            models.CheckConstraint(condition=Q(fired_at__gte=models.F("due_at")), name="no_rung_early"),
        ]

    def __str__(self):
        return f"{self.get_action_display()} for clock {self.clock_id}"
