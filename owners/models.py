"""Who can take work and when, as rows: users, teams, owners, hours, absences, territories, pools."""

import zoneinfo

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from owners.configuration import ConfigModel, ConfigStamp

__all__ = [
    "Absence",
    "ConfigStamp",
    "Delegation",
    "Installation",
    "Owner",
    "Pool",
    "PoolMember",
    "Team",
    "Territory",
    "TerritoryArea",
    "User",
    "WeeklyHours",
]


class User(AbstractUser):
    """Somebody who signs in. An owner is a user who takes leads."""


def validate_zone(value: str) -> None:
    """Refuse a time zone that the IANA data base does not know."""
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValidationError(
            "“%(zone)s” is not a time zone. Use a name such as Europe/Berlin.",
            code="unknown_zone",
            params={"zone": value},
        ) from error


def validate_words(value: object) -> None:
    """Refuse anything but a list of short texts."""
    if not isinstance(value, list) or not all(isinstance(word, str) and 0 < len(word) <= 80 for word in value):
        raise ValidationError("Give a list of short texts.", code="not_words")


class Installation(models.Model):
    """One row: whose RevRoute this is, and the hash of the token that opens its first set-up."""

    company_name = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    setup_token_hash = models.CharField(max_length=64, blank=True, editable=False)
    used_token_hash = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Opens nothing; tells who was too late that they were."
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="installation_is_one_row")]

    def __str__(self):
        return self.company_name or "RevRoute"


class WordsField(models.JSONField):
    """A list of short texts, such as language codes; empty means no restriction."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("default", list)
        kwargs.setdefault("blank", True)
        kwargs.setdefault("validators", [validate_words])
        super().__init__(*args, **kwargs)


class Team(ConfigModel):
    key = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    lead = models.ForeignKey(
        "Owner", models.PROTECT, null=True, blank=True, related_name="+", help_text="Told about escalations."
    )
    fallback_owner = models.ForeignKey(
        "Owner",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Takes a lead when its owner, the cover person and the rule's fallback cannot.",
    )
    default_pool = models.ForeignKey(
        "Pool",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Where a rule that names the team sends its leads.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["key"], name="team_key_once")]

    def __str__(self):
        return self.name


class Owner(ConfigModel):
    """Somebody who takes leads."""

    class State(models.TextChoices):
        ACTIVE = "active", "active"
        INACTIVE = "inactive", "inactive"
        DEPARTED = "departed", "departed"

    user = models.OneToOneField("User", models.PROTECT, null=True, blank=True, related_name="owner")
    key = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    email = models.EmailField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    accepts_leads = models.BooleanField(default=True)
    teams = models.ManyToManyField(Team, blank=True, related_name="owners", through="Membership")
    cover = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="covers_for",
        help_text="Takes this owner's leads when they cannot.",
    )
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    languages = WordsField(help_text="ISO 639-1 codes, such as en, de.")
    service_lines = WordsField(help_text="Services this owner covers; empty covers all.")
    source_keys = WordsField(help_text="Sources this owner may get leads from; empty allows all.")
    cap_open = models.PositiveIntegerField(null=True, blank=True, help_text="Open leads at most.")
    cap_day = models.PositiveIntegerField(null=True, blank=True, help_text="New leads a day at most.")
    cap_week = models.PositiveIntegerField(null=True, blank=True, help_text="New leads a week at most.")
    booking_url = models.URLField(blank=True)
    alert_channels = WordsField(help_text="in_app, email; empty means both.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="owner_key_once"),
            models.CheckConstraint(condition=~Q(cover=F("id")), name="owner_does_not_cover_themselves"),
        ]

    def __str__(self):
        return self.name


class Membership(ConfigModel):
    """An owner in a team."""

    owner = models.ForeignKey(Owner, models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["owner", "team"], name="owner_in_team_once")]

    def __str__(self):
        return f"{self.owner} in {self.team}"


class Delegation(models.Model):
    """A team that somebody besides its lead manages, for ever or until an instant. It moves no lead."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="delegations")
    to = models.ForeignKey(
        Owner, models.CASCADE, related_name="delegations", help_text="Manages the team as its lead does."
    )
    until = models.DateTimeField(null=True, blank=True, help_text="Ends then; empty: until it is deleted.")

    class Meta:
        ordering = ["team", "to"]
        constraints = [models.UniqueConstraint(fields=["team", "to"], name="team_delegated_once_to_each")]

    def __str__(self):
        return f"{self.team} to {self.to}"


class WeeklyHours(ConfigModel):
    """One block of working time a week, in the owner's zone. An owner without blocks works at any time."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0, "Monday"
        TUESDAY = 1, "Tuesday"
        WEDNESDAY = 2, "Wednesday"
        THURSDAY = 3, "Thursday"
        FRIDAY = 4, "Friday"
        SATURDAY = 5, "Saturday"
        SUNDAY = 6, "Sunday"

    owner = models.ForeignKey(Owner, models.CASCADE, related_name="hours")
    weekday = models.PositiveSmallIntegerField(choices=Weekday.choices)
    start_minute = models.PositiveSmallIntegerField(help_text="Minutes after midnight: 540 is 09:00.")
    end_minute = models.PositiveSmallIntegerField(
        help_text="Minutes after midnight: 1440 is 24:00; before the start: the next day."
    )

    class Meta:
        ordering = ["owner", "weekday", "start_minute"]
        verbose_name_plural = "weekly hours"
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="hours_on_a_weekday"),
            models.CheckConstraint(
                condition=Q(start_minute__lt=1440) & Q(end_minute__lte=1440), name="hours_within_a_day"
            ),
            models.CheckConstraint(condition=~Q(start_minute=F("end_minute")), name="hours_not_empty"),
            models.UniqueConstraint(fields=["owner", "weekday", "start_minute"], name="hours_block_once"),
        ]

    def __str__(self):
        return f"{self.get_weekday_display()} {_clock(self.start_minute)} to {_clock(self.end_minute)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


class Absence(ConfigModel):
    """A time in which an owner takes nothing: from `starts_at` up to, not including, `ends_at`."""

    owner = models.ForeignKey(Owner, models.CASCADE, related_name="absences")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="absence_ends_after_it_starts")
        ]

    def __str__(self):
        return f"{self.owner} away {self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M} UTC"


class Territory(ConfigModel):
    key = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    owner = models.ForeignKey(Owner, models.PROTECT, null=True, blank=True, related_name="territories")
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="territories")

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "territories"
        constraints = [models.UniqueConstraint(fields=["key"], name="territory_key_once")]

    def __str__(self):
        return self.name


class TerritoryArea(ConfigModel):
    """A country, a region of it or a postal-code prefix in it that belongs to a territory; the most specific wins."""

    territory = models.ForeignKey(Territory, models.CASCADE, related_name="areas")
    country = models.CharField(max_length=2, help_text="ISO 3166-1 alpha-2, such as DE.")
    region = models.CharField(
        max_length=10, blank=True, help_text="ISO 3166-2, such as US-CA; empty is the whole country."
    )
    postal_prefix = models.CharField(
        max_length=12, blank=True, help_text="First letters of the postal code, without spaces."
    )

    class Meta:
        ordering = ["territory", "country", "region", "postal_prefix"]
        constraints = [
            models.UniqueConstraint(fields=["country", "region", "postal_prefix"], name="area_in_one_territory"),
            models.CheckConstraint(condition=Q(region="") | Q(postal_prefix=""), name="area_by_region_or_postal_code"),
        ]

    def __str__(self):
        return " ".join(part for part in (self.country, self.region, self.postal_prefix) if part)


class Pool(ConfigModel):
    """Owners who share leads in turn."""

    class WhenEmpty(models.TextChoices):
        REVIEW = "review", "manual review"
        FALLBACK = "fallback", "the pool's fallback owner, then manual review"

    key = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="pools")
    keeps_hours = models.BooleanField(default=True, help_text="Members get leads only in their working hours.")
    when_empty = models.CharField(max_length=10, choices=WhenEmpty.choices, default=WhenEmpty.REVIEW)
    fallback_owner = models.ForeignKey(Owner, models.PROTECT, null=True, blank=True, related_name="+")
    owners = models.ManyToManyField(Owner, through="PoolMember", related_name="pools")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="pool_key_once"),
            models.CheckConstraint(
                condition=~Q(when_empty="fallback") | Q(fallback_owner__isnull=False),
                name="pool_fallback_is_named",
            ),
        ]

    def __str__(self):
        return self.name


class PoolMember(ConfigModel):
    """An owner in a pool. Leaving is `active = False`: the row stays, because its ledger does."""

    pool = models.ForeignKey(Pool, models.CASCADE, related_name="members")
    owner = models.ForeignKey(Owner, models.PROTECT, related_name="pool_memberships")
    weight = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="Two gets twice as many leads as one.",
    )
    position = models.PositiveIntegerField(default=0)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["pool", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["pool", "owner"], name="owner_in_pool_once"),
            models.CheckConstraint(condition=Q(weight__gte=1) & Q(weight__lte=1000), name="member_weight_positive"),
        ]

    def __str__(self):
        return f"{self.owner} in {self.pool}"
