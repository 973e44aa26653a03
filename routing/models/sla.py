"""What is promised to buyers, as configuration rows: SLA policies, the ladders of what is done when nobody acts, and
the terms that were in force, which never change."""

from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from leads.models import Lead
from owners.configuration import ConfigModel
from owners.models import LONGEST_MINUTES, Calendar, Owner, Pool, WordsField


class SlaLadder(ConfigModel):
    """What is done, rung by rung, while nobody acts; it ends with a named person."""

    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=120)
    named_owner = models.ForeignKey(
        Owner, models.PROTECT, related_name="+", help_text="Who answers for the lead when every rung was in vain."
    )

    class Meta:
        ordering = ["name", "id"]
        verbose_name = "SLA ladder"
        constraints = [models.UniqueConstraint(fields=["key"], name="sla_ladder_key_once")]

    def __str__(self):
        return self.name


class SlaRung(ConfigModel):
    """One rung: when, as a share of the budget or after minutes, and what is done then."""

    class Move(models.TextChoices):
        STAY = "", "leave it where it is"
        COVER = "cover", "to the cover person"
        MEMBER = "member", "to the next member of its pool not yet tried"
        POOL = "pool", "to another pool"
        QUEUE = "queue", "into the queue of the team"
        NAMED = "named", "to the person named by the ladder, for review"

    ladder = models.ForeignKey(SlaLadder, models.CASCADE, related_name="rungs")
    percent = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Share of the budget; 100 is its end, more is after it."
    )
    minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Or minutes after the start, counted like the budget."
    )
    remind = models.BooleanField(default=False, verbose_name="remind the owner")
    tell_lead = models.BooleanField(default=False, verbose_name="tell the team lead")
    move = models.CharField(max_length=8, choices=Move.choices, blank=True, default=Move.STAY)
    pool = models.ForeignKey(
        Pool, models.PROTECT, null=True, blank=True, related_name="+", help_text="Of a rung that moves to another pool."
    )
    priority = models.PositiveSmallIntegerField(
        choices=Lead.Priority.choices, null=True, blank=True, help_text="The lead gets it, unless it has a higher one."
    )
    webhook = models.CharField(
        max_length=500, blank=True, validators=[URLValidator(["https", "http"])],
        help_text="Address that is told, as JSON.",
    )  # fmt: skip

    class Meta:
        ordering = ["ladder", Coalesce("percent", 0), Coalesce("minutes", 0), "id"]
        verbose_name = "rung"
        constraints = [
            models.CheckConstraint(
                condition=Q(percent__isnull=False, minutes__isnull=True)
                | Q(percent__isnull=True, minutes__isnull=False),
                name="rung_has_a_share_or_minutes",
            ),
            models.CheckConstraint(condition=Q(percent__range=(1, 1000)), name="rung_share_1_to_1000_percent"),
            models.CheckConstraint(
                condition=Q(minutes__range=(1, LONGEST_MINUTES)), name="rung_minutes_from_one_to_a_year"
            ),
            models.UniqueConstraint(fields=["ladder", "percent"], name="one_rung_per_share"),
            models.UniqueConstraint(fields=["ladder", "minutes"], name="one_rung_per_minutes"),
            models.CheckConstraint(
                condition=Q(move="pool", pool__isnull=False) | (~Q(move="pool") & Q(pool__isnull=True)),
                name="rung_names_the_pool_it_moves_to",
            ),
            models.CheckConstraint(
                condition=Q(remind=True) | Q(tell_lead=True) | ~Q(move="") | Q(priority__isnull=False) | ~Q(webhook=""),
                name="rung_does_something",
            ),
        ]

    def __str__(self):
        return f"at {self.percent} %" if self.percent else f"after {self.minutes or 0} min"


class SlaPolicy(ConfigModel):
    """How quickly which leads are worked. Minutes of working time unless `real_time`."""

    class HoursOf(models.TextChoices):
        OWNER = "owner", "the owner"
        TEAM = "team", "the lead's team"
        POLICY = "policy", "the calendar named here"

    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=120)
    lead_types = WordsField(help_text="Lead types it is for; empty: any.")
    sources = WordsField(help_text="Keys of the sources it is for; empty: any.")
    tiers = WordsField(help_text="Tiers it is for; empty: any.")
    position = models.PositiveIntegerField(default=0, help_text="The first policy that fits is taken.")
    assign_minutes = models.PositiveIntegerField(
        default=1, help_text="From the arrival until somebody owns it; nights and weekends always count."
    )
    accept_minutes = models.PositiveIntegerField(null=True, blank=True)
    first_touch_minutes = models.PositiveIntegerField(default=15)
    no_activity_minutes = models.PositiveIntegerField(default=30)
    review_minutes = models.PositiveIntegerField(default=60, help_text="For items in manual review.")
    crm_minutes = models.PositiveIntegerField(
        default=15, help_text="For the CRM to confirm what it was sent; nights and weekends always count."
    )
    real_time = models.BooleanField(default=False, help_text="Count nights and weekends too.")
    hours_of = models.CharField(
        max_length=8, choices=HoursOf.choices, default=HoursOf.OWNER, verbose_name="working time of"
    )
    calendar = models.ForeignKey(Calendar, models.PROTECT, null=True, blank=True, related_name="+")
    accept_ladder = models.ForeignKey(SlaLadder, models.PROTECT, null=True, blank=True, related_name="+")
    first_touch_ladder = models.ForeignKey(SlaLadder, models.PROTECT, null=True, blank=True, related_name="+")
    no_activity_ladder = models.ForeignKey(SlaLadder, models.PROTECT, null=True, blank=True, related_name="+")
    review_ladder = models.ForeignKey(
        SlaLadder, models.PROTECT, null=True, blank=True, related_name="+",
        help_text="For items in review, leads on hold and leads that wait to be claimed.",
    )  # fmt: skip
    crm_ladder = models.ForeignKey(SlaLadder, models.PROTECT, null=True, blank=True, related_name="+")

    LADDERS = {
        "accept_ladder": "accepted", "first_touch_ladder": "first_touch", "no_activity_ladder": "no_activity",
        "review_ladder": "review", "crm_ladder": "crm",
    }  # fmt: skip
    """Columns, and the kind of clock each is for. Without one, the built-in ladder of `routing.engine.ladder`."""

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
                & Q(review_minutes__range=(1, LONGEST_MINUTES))
                & Q(assign_minutes__range=(1, LONGEST_MINUTES))
                & Q(crm_minutes__range=(1, LONGEST_MINUTES)),
                name="sla_minutes_from_one_to_a_year",
            ),
            models.CheckConstraint(
                condition=Q(hours_of="policy", calendar__isnull=False)
                | (~Q(hours_of="policy") & Q(calendar__isnull=True)),
                name="sla_policy_names_the_calendar_it_counts_by",
            ),
        ]

    def __str__(self):
        return self.name


class SlaTerms(models.Model):
    """A ladder as it was when clocks started by it. Written with the configuration revision; never changes."""

    digest = models.CharField(primary_key=True, max_length=16, help_text="Of the content: SHA-256, first digits.")
    content = models.TextField(help_text="Name, named owner and rungs, as `routing.engine.ladder` reads them.")

    class Meta:
        verbose_name = "SLA terms"
        verbose_name_plural = "SLA terms"

    def __str__(self):
        return self.digest
