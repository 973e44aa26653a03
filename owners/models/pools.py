"""Owners who share leads, as rows: pools and their members."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from owners.configuration import ToldModel
from owners.models.people import Owner, Team


class Pool(ToldModel):
    """Owners who share leads in turn."""

    told_fields: ClassVar[frozenset[str]] = frozenset({"method"})

    class WhenEmpty(models.TextChoices):
        REVIEW = "review", "manual review"
        FALLBACK = "fallback", "the pool's fallback owner, then manual review"
        HOLD = "hold", "hold the lead until somebody is available"

    class Method(models.TextChoices):
        ROTATION = "rotation", "weighted rotation"
        LEAST_LOADED = "least_loaded", "least loaded"
        FIXED_ORDER = "fixed_order", "fixed order"
        CLAIM = "claim", "claimed by hand"

    key = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="pools")
    method = models.CharField(max_length=12, choices=Method.choices, default=Method.ROTATION)
    keeps_hours = models.BooleanField(default=True, help_text="Members get leads only in their working hours.")
    when_empty = models.CharField(max_length=10, choices=WhenEmpty.choices, default=WhenEmpty.REVIEW)
    fallback_owner = models.ForeignKey(Owner, models.PROTECT, null=True, blank=True, related_name="+")
    wait_minutes = models.PositiveIntegerField(
        default=60,
        help_text="How long a lead is held or waits to be claimed; then the next pool or the named person is asked.",
    )
    next_pool = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="previous_pools",
        help_text="Asked when nobody claimed in time; empty: the named person.",
    )
    named_owner = models.ForeignKey(
        Owner,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Answers for leads that are held or wait to be claimed.",
    )
    catch_up = models.PositiveSmallIntegerField(
        default=0, help_text="Turns that somebody who was away may catch up at most; 0: none."
    )
    member_query = models.JSONField(
        default=dict,
        blank=True,
        help_text="Members by attribute: languages, service_lines, skills, teams. All that is named has to hold.",
    )
    owners = models.ManyToManyField(Owner, through="PoolMember", related_name="pools")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="pool_key_once"),
            models.CheckConstraint(
                condition=~Q(when_empty="fallback") | Q(fallback_owner__isnull=False),
                name="pool_fallback_is_named",
            ),
            models.CheckConstraint(condition=~Q(next_pool=F("id")), name="pool_is_not_its_own_next"),
            models.CheckConstraint(condition=Q(wait_minutes__gte=1), name="pool_wait_positive"),
            models.CheckConstraint(
                condition=~(Q(method="claim") | Q(when_empty="hold")) | Q(named_owner__isnull=False),
                name="waiting_lead_has_a_named_person",
            ),
            models.CheckConstraint(
                condition=Q(method__in=["rotation", "least_loaded", "fixed_order", "claim"]),
                name="pool_method_is_known",
            ),
        ]

    def __str__(self):
        return self.name


class PoolMember(ToldModel):
    """An owner in a pool. Leaving is `active = False`: the row stays, because its ledger does."""

    told_fields: ClassVar[frozenset[str]] = frozenset({"active", "weight", "owner", "cap_open", "cap_day", "cap_week"})

    pool = models.ForeignKey(Pool, models.CASCADE, related_name="members")
    owner = models.ForeignKey(Owner, models.PROTECT, related_name="pool_memberships")
    weight = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="Two gets twice as many leads as one.",
    )
    position = models.PositiveIntegerField(default=0)
    active = models.BooleanField(default=True)
    starts_at = models.DateTimeField(null=True, blank=True, help_text="Takes part from then on; empty: at once.")
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Leaves then; empty: stays.")
    cap_open = models.PositiveIntegerField(null=True, blank=True, help_text="Open leads from this pool at most.")
    cap_day = models.PositiveIntegerField(null=True, blank=True, help_text="New leads a day from this pool at most.")
    cap_week = models.PositiveIntegerField(null=True, blank=True, help_text="New leads a week from this pool at most.")
    by_query = models.BooleanField(
        default=False, editable=False, help_text="In the pool because its query finds them; follows it."
    )

    class Meta:
        ordering = ["pool", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["pool", "owner"], name="owner_in_pool_once"),
            models.CheckConstraint(condition=Q(weight__gte=1) & Q(weight__lte=1000), name="member_weight_positive"),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="member_leaves_after_joining",
            ),
        ]

    def __str__(self):
        return f"{self.owner} in {self.pool}"
