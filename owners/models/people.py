"""Who takes leads, as rows: users, owners, teams, who stands in for whom."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q

from owners.configuration import ConfigModel, ToldModel
from owners.models.fields import WordsField, validate_zone


class User(AbstractUser):
    """Somebody who signs in. An owner is a user who takes leads."""


class Installation(ToldModel):
    """One row: whose RevRoute this is, what fills a cap, and the hash of the token that opens its first set-up."""

    told_fields: ClassVar[frozenset[str]] = frozenset({"open_until"})

    class OpenUntil(models.TextChoices):
        CLOSED = "closed", "until it is closed or leaves the owner"
        TOUCHED = "touched", "until its first human touch"

    company_name = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    open_until = models.CharField(
        max_length=10,
        choices=OpenUntil.choices,
        default=OpenUntil.CLOSED,
        help_text="How long a lead counts as open where caps and least-loaded pools look.",
    )
    setup_token_hash = models.CharField(max_length=64, blank=True, editable=False)
    used_token_hash = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Opens nothing; tells who was too late that they were."
    )

    class Meta:
        verbose_name = verbose_name_plural = "company"
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="installation_is_one_row"),
            models.CheckConstraint(condition=Q(open_until__in=["closed", "touched"]), name="open_until_is_known"),
        ]

    def __str__(self):
        return self.company_name or "RevRoute"


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
    calendar = models.ForeignKey(
        "Calendar",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="teams",
        help_text="Hours and holidays of members who have none of their own.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["key"], name="team_key_once")]

    def __str__(self):
        return self.name


class Owner(ToldModel):
    """Somebody who takes leads."""

    told_fields: ClassVar[frozenset[str]] = frozenset({"time_zone"})

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
    cover_until = models.DateTimeField(
        null=True, blank=True, help_text="The cover ends then; empty: until it is changed."
    )
    calendar = models.ForeignKey(
        "Calendar",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="owners",
        help_text="Hours and holidays; empty: the team's. Weekly hours below outrank its hours.",
    )
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    languages = WordsField(help_text="ISO 639-1 codes, such as en, de.")
    service_lines = WordsField(help_text="Services this owner covers; empty covers all.")
    skills = WordsField(help_text="What rules and pools may ask for, such as enterprise or healthcare.")
    source_keys = WordsField(help_text="Sources this owner may get leads from; empty allows all.")
    cap_open = models.PositiveIntegerField(null=True, blank=True, help_text="Open leads at most.")
    cap_day = models.PositiveIntegerField(null=True, blank=True, help_text="New leads a day at most.")
    cap_week = models.PositiveIntegerField(null=True, blank=True, help_text="New leads a week at most.")
    feed_hash = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Of the secret in the address of the absence feed."
    )
    booking_url = models.URLField(blank=True)
    alert_channels = WordsField(help_text="in_app, email; empty means both.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="owner_key_once"),
            models.CheckConstraint(condition=~Q(cover=F("id")), name="owner_does_not_cover_themselves"),
            models.UniqueConstraint(fields=["feed_hash"], condition=~Q(feed_hash=""), name="absence_feed_of_one_owner"),
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
