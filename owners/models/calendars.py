"""When somebody works, as rows: weekly hours, special days, absences; a calendar shares them among many."""

from django.db import models
from django.db.models import F, Q

from owners.configuration import ConfigModel
from owners.models.fields import validate_zone
from owners.models.people import Owner, User


class Calendar(ConfigModel):
    """Weekly hours and special days that several people share: those of an office, say."""

    key = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        validators=[validate_zone],
        help_text="Of the hours below; empty: each person's own zone.",
    )
    holiday_country = models.CharField(
        max_length=2, blank=True, help_text="ISO 3166-1 code of the country whose holidays are proposed, such as DE."
    )
    holiday_region = models.CharField(
        max_length=10, blank=True, help_text="Region of it with holidays of its own, such as BE for Berlin."
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="calendar_key_once"),
            models.CheckConstraint(
                condition=Q(holiday_region="") | ~Q(holiday_country=""), name="holiday_region_of_a_country"
            ),
        ]

    def __str__(self):
        return self.name


def _of_one(name: str) -> models.CheckConstraint:
    """A row belongs to an owner or to a calendar, never to both."""
    one, other = Q(owner__isnull=False, calendar__isnull=True), Q(owner__isnull=True, calendar__isnull=False)
    return models.CheckConstraint(condition=one | other, name=name)


class WeeklyHours(ConfigModel):
    """A block of working time a week, or of a break in it: of one owner, in their zone, or of a calendar.

    An owner without work blocks has those of their calendar, else of their team's; without any they work always.
    """

    class Weekday(models.IntegerChoices):
        MONDAY = 0, "Monday"
        TUESDAY = 1, "Tuesday"
        WEDNESDAY = 2, "Wednesday"
        THURSDAY = 3, "Thursday"
        FRIDAY = 4, "Friday"
        SATURDAY = 5, "Saturday"
        SUNDAY = 6, "Sunday"

    class Kind(models.TextChoices):
        WORK = "work", "work"
        BREAK = "break", "break"

    owner = models.ForeignKey(Owner, models.CASCADE, null=True, blank=True, related_name="hours")
    calendar = models.ForeignKey(Calendar, models.CASCADE, null=True, blank=True, related_name="hours")
    kind = models.CharField(max_length=5, choices=Kind.choices, default=Kind.WORK)
    weekday = models.PositiveSmallIntegerField(choices=Weekday.choices)
    start_minute = models.PositiveSmallIntegerField(help_text="Minutes after midnight: 540 is 09:00.")
    end_minute = models.PositiveSmallIntegerField(
        help_text="Minutes after midnight: 1440 is 24:00; before the start: the next day."
    )

    class Meta:
        ordering = ["owner", "calendar", "weekday", "start_minute"]
        verbose_name_plural = "weekly hours"
        constraints = [
            _of_one("hours_of_an_owner_or_a_calendar"),
            models.CheckConstraint(condition=Q(kind__in=["work", "break"]), name="hours_are_work_or_break"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="hours_on_a_weekday"),
            models.CheckConstraint(
                condition=Q(start_minute__lt=1440) & Q(end_minute__lte=1440), name="hours_within_a_day"
            ),
            models.CheckConstraint(condition=~Q(start_minute=F("end_minute")), name="hours_not_empty"),
            models.UniqueConstraint(fields=["owner", "weekday", "start_minute", "kind"], name="hours_block_once"),
            models.UniqueConstraint(
                fields=["calendar", "weekday", "start_minute", "kind"], name="hours_block_of_calendar_once"
            ),
        ]

    def __str__(self):
        block = f"{self.get_weekday_display()} {_clock(self.start_minute)} to {_clock(self.end_minute)}"
        return f"{block} (break)" if self.kind == self.Kind.BREAK else block


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


class SpecialDay(ConfigModel):
    """A date that is not as its week says: closed, as a holiday is, or with hours of its own (a row for each block)."""

    owner = models.ForeignKey(Owner, models.CASCADE, null=True, blank=True, related_name="special_days")
    calendar = models.ForeignKey(Calendar, models.CASCADE, null=True, blank=True, related_name="special_days")
    day = models.DateField()
    name = models.CharField(max_length=120)
    start_minute = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: closed all day.")
    end_minute = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="1440 is 24:00; before the start: the next day."
    )
    proposed = models.BooleanField(default=False, editable=False, help_text="Came from the list of public holidays.")
    recorded_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, editable=False, related_name="+", help_text="Who accepted it."
    )

    class Meta:
        ordering = ["day", "start_minute"]
        constraints = [
            _of_one("special_day_of_an_owner_or_a_calendar"),
            models.CheckConstraint(
                condition=Q(start_minute__isnull=True, end_minute__isnull=True)
                | Q(start_minute__isnull=False, end_minute__isnull=False)
                & Q(start_minute__lt=1440)
                & Q(end_minute__lte=1440)
                & ~Q(start_minute=F("end_minute")),
                name="special_day_closed_or_a_block",
            ),
            models.UniqueConstraint(fields=["owner", "day", "start_minute"], name="special_day_block_once"),
            models.UniqueConstraint(
                fields=["calendar", "day", "start_minute"], name="special_day_block_of_calendar_once"
            ),
            models.UniqueConstraint(
                fields=["owner", "day"], condition=Q(start_minute__isnull=True), name="special_day_closed_once"
            ),
            models.UniqueConstraint(
                fields=["calendar", "day"],
                condition=Q(start_minute__isnull=True),
                name="special_day_of_calendar_closed_once",
            ),
        ]

    def __str__(self):
        if self.start_minute is None or self.end_minute is None:
            return f"{self.day:%Y-%m-%d} {self.name}, closed"
        return f"{self.day:%Y-%m-%d} {self.name}, {_clock(self.start_minute)} to {_clock(self.end_minute)}"


class Absence(ConfigModel):
    """A time in which an owner takes nothing: from `starts_at` up to, not including, `ends_at`."""

    class Kind(models.TextChoices):
        AWAY = "away", "away"
        SICK = "sick", "sick"
        PAUSE = "pause", "paused"

    owner = models.ForeignKey(Owner, models.CASCADE, related_name="absences")
    kind = models.CharField(max_length=6, choices=Kind.choices, default=Kind.AWAY)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=120, blank=True)
    recorded_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, editable=False, related_name="+", help_text="Who entered it."
    )
    uid = models.CharField(
        max_length=255, blank=True, editable=False, help_text="Of the calendar entry that it was imported from."
    )

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="absence_ends_after_it_starts"),
            models.CheckConstraint(condition=Q(kind__in=["away", "sick", "pause"]), name="absence_kind_is_known"),
            models.UniqueConstraint(
                fields=["owner", "uid", "starts_at"], condition=~Q(uid=""), name="imported_absence_once"
            ),
        ]

    def __str__(self):
        span = f"{self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M} UTC"
        return f"{self.owner} {self.get_kind_display()} {span}"
