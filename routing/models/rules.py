"""What RevOps wrote, as rows: rule-set versions, rules, conditions. What routing obeys is `RuleSetVersion.content`."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from leads.models import Pipeline, Stage
from owners.models import Owner, Pool, Team, User, WordsField
from routing.engine.rules import DEFAULT_ORDER, FIELDS, OPERATORS, STEPS
from routing.models.sla import SlaPolicy


def default_order() -> list[str]:
    return list(DEFAULT_ORDER)


def validate_order(value: object) -> None:
    """Refuse an order of steps that leaves one out, names one twice or does not end with the catch-all."""
    if not isinstance(value, list) or sorted(map(str, value)) != sorted(STEPS):
        raise ValidationError("Name each of the nine steps exactly once.", code="steps_incomplete")
    if value[-1] != "manual_review":
        raise ValidationError(
            "manual_review catches what no other step took, so it stays last.", code="catch_all_not_last"
        )


class RuleSetVersion(models.Model):
    """A version of the rules. A published one is immutable: routing reads its frozen `content`, never the rows."""

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        PUBLISHED = "published", "published"
        RETIRED = "retired", "retired"

    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT, editable=False)
    owner = models.ForeignKey(
        Owner,
        models.PROTECT,
        related_name="+",
        help_text="Answers for the rules; named in review items that nobody else is named in.",
    )
    purpose = models.CharField(max_length=300, blank=True, help_text="What this version changes, and why.")
    step_order = models.JSONField(default=default_order, validators=[validate_order])
    content = models.JSONField(null=True, editable=False)
    digest = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, editable=False)
    published_by = models.ForeignKey(User, models.PROTECT, null=True, editable=False, related_name="+")

    class Meta:
        ordering = ["-id"]
        verbose_name = "rule-set version"
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="published"), name="one_published_version"),
            models.CheckConstraint(
                condition=Q(state="draft") | (Q(content__isnull=False) & ~Q(digest="") & Q(published_at__isnull=False)),
                name="published_version_is_frozen",
            ),
        ]

    def __str__(self):
        return f"version {self.pk} ({self.state})"


class Rule(models.Model):
    """Within its step, by position: the first rule whose conditions hold names the target."""

    class Target(models.TextChoices):
        OWNER = "owner", "an owner"
        POOL = "pool", "a pool"
        TEAM = "team", "a team's default pool"
        TERRITORY_OWNER = "territory_owner", "the owner of the lead's territory"
        CUSTOMER_OWNER = "customer_owner", "the owner of the known customer or named account"
        DEAL_OWNER = "deal_owner", "the owner of the open deal"
        REVIEW = "review", "manual review"
        NURTURE = "nurture", "nurture"
        REJECT = "reject", "reject"

    class OnNobody(models.TextChoices):
        POOL_POLICY = "", "as the pool says, else manual review"
        REVIEW = "review", "manual review"
        NEXT_STEP = "next_step", "go on to the next rule"
        HOLD = "hold", "hold the lead until somebody of the pool is available"

    version = models.ForeignKey(RuleSetVersion, models.CASCADE, related_name="rules")
    step = models.CharField(max_length=40, choices=[(step, step) for step in STEPS])
    position = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=160)
    enabled = models.BooleanField(default=True)
    target = models.CharField(max_length=20, choices=Target.choices)
    owner = models.ForeignKey(
        Owner,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The target, or who is named in the review item.",
    )
    pool = models.ForeignKey(Pool, models.PROTECT, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="+")
    fallback_owner = models.ForeignKey(Owner, models.PROTECT, null=True, blank=True, related_name="+")
    on_nobody = models.CharField(max_length=10, choices=OnNobody.choices, blank=True, default=OnNobody.POOL_POLICY)
    tier = models.CharField(max_length=40, blank=True, help_text="Such as priority; empty: standard.")
    sla_policy = models.ForeignKey(SlaPolicy, models.SET_NULL, null=True, blank=True, related_name="+")
    pipeline = models.ForeignKey(Pipeline, models.SET_NULL, null=True, blank=True, related_name="+")
    stage = models.ForeignKey(Stage, models.SET_NULL, null=True, blank=True, related_name="+")
    sequence = models.CharField(max_length=80, blank=True, help_text="Follow-up sequence.")
    alert_channels = WordsField(help_text="in_app, email; empty: as the owner wants.")
    review_reason = models.CharField(
        max_length=40, blank=True, help_text="Reason shown when the target is manual review."
    )
    high_intent = models.BooleanField(null=True, blank=True, help_text="Overrides the lead type's flag.")
    require_language = models.BooleanField(default=False, help_text="The owner has to speak the lead's language.")
    require_service = models.BooleanField(default=False, help_text="The owner has to cover the requested service.")
    require_skills = WordsField(help_text="Skills that the owner has to have, all of them.")
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True, help_text="The rule holds before this instant.")

    class Meta:
        ordering = ["version", "step", "position", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(target="owner") | Q(owner__isnull=False), name="owner_rule_names_an_owner"
            ),
            models.CheckConstraint(condition=~Q(target="pool") | Q(pool__isnull=False), name="pool_rule_names_a_pool"),
            models.CheckConstraint(condition=~Q(target="team") | Q(team__isnull=False), name="team_rule_names_a_team"),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(ends_at__gt=models.F("starts_at")),
                name="rule_ends_after_it_starts",
            ),
        ]

    def __str__(self):
        return self.name


class Condition(models.Model):
    """Field, operator, value. Rows of one group are all required; groups are alternatives."""

    rule = models.ForeignKey(Rule, models.CASCADE, related_name="conditions")
    group = models.PositiveSmallIntegerField(default=1)
    field = models.CharField(max_length=60, choices=[(name, label) for name, label in FIELDS.items()])
    operator = models.CharField(max_length=20, choices=[(name, label) for name, label in OPERATORS.items()])
    value = models.JSONField(null=True, blank=True, help_text="A text, a number, true or false, or a list of them.")

    class Meta:
        ordering = ["rule", "group", "id"]

    def __str__(self):
        return f"{self.field} {self.get_operator_display()} {self.value if self.value is not None else ''}".strip()
