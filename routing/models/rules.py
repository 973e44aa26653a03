"""What RevOps wrote, as rows: rule-set versions, rules, conditions. What routing obeys is `RuleSetContent`."""

import secrets
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from leads.models import Pipeline, Stage
from owners.models import Installation, Owner, Pool, Team, User, WordsField, validate_zone
from routing.engine.rules import DEFAULT_ORDER, FIELDS, OPERATORS, STEPS
from routing.models.sla import SlaPolicy


def default_order() -> list[str]:
    return list(DEFAULT_ORDER)


def company_zone() -> str:
    """The zone of the company, where one is set up; else the one of the settings."""
    return Installation.objects.filter(pk=1).values_list("time_zone", flat=True).first() or settings.TIME_ZONE


def new_key() -> str:
    """Twelve hex digits by which a rule is the same one in every version that it is copied into."""
    return secrets.token_hex(6)


def validate_weekdays(value: object) -> None:
    """Refuse what is no list of different days from 0, Monday, to 6."""
    if (
        not isinstance(value, list)
        or len(set(map(str, value))) != len(value)
        or any(day not in range(7) for day in value)
    ):
        raise ValidationError("Name each weekday once, from 0 for Monday to 6.", code="weekdays_wrong")


def validate_order(value: object) -> None:
    """Refuse an order of steps that leaves one out, names one twice or does not end with the catch-all."""
    if not isinstance(value, list) or sorted(map(str, value)) != sorted(STEPS):
        raise ValidationError("Name each of the nine steps exactly once.", code="steps_incomplete")
    if value[-1] != "manual_review":
        raise ValidationError(
            "manual_review catches what no other step took, so it stays last.", code="catch_all_not_last"
        )


class RuleSetVersion(models.Model):
    """A version of the rules. A published one is immutable: routing reads its frozen content, never the rows."""

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
    digest = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, editable=False)
    published_by = models.ForeignKey(User, models.PROTECT, null=True, editable=False, related_name="+")
    time_zone = models.CharField(
        max_length=64,
        default=company_zone,
        validators=[validate_zone],
        help_text="Where dates and hours of its rules are read, such as Europe/Berlin.",
    )
    edition = models.PositiveIntegerField(default=1, editable=False)
    based_on = models.ForeignKey("self", models.SET_NULL, null=True, editable=False, related_name="+")
    restores = models.ForeignKey(
        "self", models.PROTECT, null=True, editable=False, related_name="+",
        help_text="The version whose content this one puts in force again.",
    )  # fmt: skip
    publish_at = models.DateTimeField(null=True, editable=False)
    publish_asked_by = models.ForeignKey(User, models.PROTECT, null=True, editable=False, related_name="+")
    publish_refused = models.TextField(blank=True, editable=False)
    approved_by = models.ForeignKey(User, models.PROTECT, null=True, editable=False, related_name="+")
    approved_at = models.DateTimeField(null=True, editable=False)
    approved_digest = models.CharField(max_length=64, blank=True, editable=False)
    review_days = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(366)],
        help_text="How many days after publishing somebody looks whether the rules are still right.",
    )  # fmt: skip

    class Meta:
        ordering = ["-id"]
        verbose_name = "rule-set version"
        constraints = [
            models.CheckConstraint(
                condition=Q(publish_at__isnull=True) | (Q(state="draft") & Q(publish_asked_by__isnull=False)),
                name="scheduled_publish_is_of_a_draft",
            ),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True) | (Q(approved_by__isnull=False) & ~Q(approved_digest="")),
                name="approval_says_who_and_what",
            ),
            models.CheckConstraint(condition=Q(review_days__range=(1, 366)), name="rules_are_reviewed_within_a_year"),
            models.UniqueConstraint(fields=["state"], condition=Q(state="published"), name="one_published_version"),
            models.CheckConstraint(
                condition=Q(state="draft") | (~Q(digest="") & Q(published_at__isnull=False)),
                name="published_version_is_frozen",
            ),
        ]

    def __str__(self):
        return f"version {self.pk} ({self.state})"

    @property
    def content(self) -> dict[str, Any] | None:
        """What was frozen of it, as `engine.rules.compile_rules` reads it; None of a draft. One query each time."""
        return RuleSetContent.objects.filter(pk=self.pk).values_list("content", flat=True).first()


class RuleSetContent(models.Model):
    """What a version's rules said when they were frozen: megabytes, so whoever asks about a version does not read it,
    and no change of a version's state writes it again."""

    version = models.OneToOneField(RuleSetVersion, models.CASCADE, primary_key=True, related_name="frozen")
    content = models.JSONField()

    def __str__(self):
        return f"content of version {self.pk}"


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
    key = models.CharField(max_length=12, default=new_key, editable=False)
    edition = models.PositiveIntegerField(default=1, editable=False)
    edited_at = models.DateTimeField(null=True, editable=False)
    edited_by = models.ForeignKey(User, models.SET_NULL, null=True, editable=False, related_name="+")
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
    weekdays = models.JSONField(
        default=list, blank=True, validators=[validate_weekdays], help_text="0 is Monday; empty: every day."
    )
    from_minute = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Minute of the day, from 0.")
    until_minute = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The rule holds before this minute; earlier than the first: past midnight."
    )
    table = models.JSONField(null=True, blank=True, editable=False)
    """A decision table, as `routing.engine.tables` describes it; people by key."""

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
            models.UniqueConstraint(fields=["version", "key"], name="rule_key_once_in_a_version"),
            models.CheckConstraint(
                condition=Q(from_minute__isnull=True, until_minute__isnull=True)
                | (Q(from_minute__lt=1440, until_minute__range=(1, 1440)) & ~Q(from_minute=models.F("until_minute"))),
                name="rule_hours_have_both_ends",
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


class RuleReview(models.Model):
    """A look at the rules in force that is owed: by its date, or because what they rest on has changed since."""

    version = models.ForeignKey(RuleSetVersion, models.CASCADE, related_name="reviews")
    opened_at = models.DateTimeField()
    due_on = models.DateField()
    causes = models.JSONField(default=list, blank=True)
    """Sentences: what changed since the rules were published or looked at."""
    seen = models.JSONField(default=dict, blank=True)
    """Section of the configuration -> its digest when this review was opened."""
    reminded_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "review of the rules"
        verbose_name_plural = "reviews of the rules"
        constraints = [
            models.UniqueConstraint(
                fields=["version"], condition=Q(done_at__isnull=True), name="one_open_review_of_a_version"
            ),
        ]

    def __str__(self):
        return f"review of version {self.version_id}, due {self.due_on}"


class RulesReady(models.Model):
    """A routing process that compiles what is about to be published; whoever publishes waits for it."""

    version = models.ForeignKey(RuleSetVersion, models.CASCADE, related_name="readers")
    digest = models.CharField(max_length=64)
    process = models.CharField(max_length=64)
    seen_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "digest", "process"], name="process_is_ready_once"),
        ]

    def __str__(self):
        return f"{self.process} {'is ready' if self.ready_at else 'compiles'}"
