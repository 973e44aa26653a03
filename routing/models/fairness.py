"""Whose turn it is and what everybody carries, as rows. Hot and small; configuration stays in owners."""

from django.db import models

from owners.models import Owner, PoolMember, User
from routing.models.decisions import Decision


class RotationState(models.Model):
    """A member's standing in its pool's rotation: the exact sum of its ledger rows."""

    member = models.OneToOneField(PoolMember, models.CASCADE, primary_key=True, related_name="rotation")
    v = models.TextField(help_text="Virtual time, an exact fraction such as 7/3.")
    last = models.BigIntegerField(default=0, help_text="The pool's turn counter at the last turn; 0 is never.")
    away = models.BooleanField(default=False, help_text="Was not to be had when the pool last gave a lead.")

    class Meta:
        ordering = ["member"]

    def __str__(self):
        return f"{self.member}: {self.v}"


class LedgerEntry(models.Model):
    """One change of a member's virtual time. Append-only."""

    class Kind(models.TextChoices):
        JOIN = "join", "joined the pool"
        RETURN = "return", "came back"
        CHARGE = "charge", "got a lead"
        CLAIM = "claim", "got one out of turn"
        CREDIT = "credit", "got a turn back"
        LEAVE = "leave", "left the pool"
        WEIGHT = "weight", "weight changed"
        ADJUST = "adjust", "adjusted by hand"

    member = models.ForeignKey(PoolMember, models.PROTECT, db_index=False, related_name="ledger")
    decision = models.ForeignKey(Decision, models.PROTECT, null=True, related_name="ledger")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    amount = models.TextField()
    v_before = models.TextField()
    v_after = models.TextField()
    reason = models.CharField(max_length=200, blank=True, help_text="Why, where a lead alone does not say it.")
    actor = models.ForeignKey(User, models.PROTECT, null=True, db_index=False, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "ledger entries"
        indexes = [models.Index(fields=["member", "-id"], name="ledger_by_member")]
        constraints = [
            models.UniqueConstraint(
                fields=["decision", "member"], condition=models.Q(kind="credit"), name="one_credit_for_a_charge"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind__in=["charge", "claim", "credit"]) | models.Q(decision__isnull=False),
                name="turn_has_its_decision",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind__in=["leave", "weight"]) | models.Q(amount="0"),
                name="edit_moves_nobody",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind__in=["credit", "adjust"]) | ~models.Q(reason=""),
                name="given_with_a_reason",
            ),
        ]

    def __str__(self):
        return f"{self.member}: {self.get_kind_display()} {self.amount}"


class LedgerCheck(models.Model):
    """The one row that says when the ledger was last added up, up to which entry, and what was wrong.

    `sums`: v by member id, of the entries up to `mark`, so that a look in between adds only the new ones.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    checked_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True, help_text="When a process set about it.")
    mark = models.BigIntegerField(default=0)
    sums = models.JSONField(default=dict)
    problems = models.JSONField(default=list, help_text="Sentences; empty: it adds up, and the bound held.")
    told_at = models.DateTimeField(null=True, help_text="When operators were told of the problems.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_ledger_check")]

    def __str__(self):
        return f"checked {self.checked_at}" if self.checked_at else "never checked"


class MemberLoad(models.Model):
    """How many open leads came to a member by this pool, and how many on `day` and in the week of `week`."""

    member = models.OneToOneField(PoolMember, models.CASCADE, primary_key=True, related_name="load")
    open_leads = models.IntegerField(default=0)
    day = models.DateField()
    day_count = models.IntegerField(default=0)
    week = models.DateField(help_text="Its Monday.")
    week_count = models.IntegerField(default=0)

    class Meta:
        ordering = ["member"]
        constraints = [
            models.CheckConstraint(condition=models.Q(open_leads__gte=0), name="open_leads_of_member_not_negative"),
        ]

    def __str__(self):
        return f"{self.member}: {self.open_leads} open"


class OwnerLoad(models.Model):
    """How many open leads an owner has, and how many they got on `day` and in the week of `week` (their zone)."""

    owner = models.OneToOneField(Owner, models.CASCADE, primary_key=True, related_name="load")
    open_leads = models.IntegerField(default=0)
    day = models.DateField()
    day_count = models.IntegerField(default=0)
    week = models.DateField(help_text="Its Monday.")
    week_count = models.IntegerField(default=0)

    class Meta:
        ordering = ["owner"]
        constraints = [
            models.CheckConstraint(condition=models.Q(open_leads__gte=0), name="open_leads_not_negative"),
        ]

    def __str__(self):
        return f"{self.owner}: {self.open_leads} open"
