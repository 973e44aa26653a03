"""Admin of teams and owners with their hours and absences."""

from itertools import combinations

import pycountry
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.models import BaseInlineFormSet

from owners.admin.base import LimitedInlines, LockedAdmin, PlainForm, ScopedInline, link_to_list
from owners.admin.words import ClockField
from owners.business_time import Hours, HoursError
from owners.models import Absence, Owner, Team, WeeklyHours
from owners.models import Membership as TeamMembership

CHANNELS = ("in_app", "email")


class HoursForm(PlainForm):
    sentences = {
        "hours_not_empty": "A block of hours has to end at another time than it starts.",
        "hours_within_a_day": "A block starts before 24:00 and ends at 24:00 at the latest.",
        "hours_on_a_weekday": "Choose a day of the week.",
    }
    start_minute = ClockField(label="From")
    end_minute = ClockField(label="To", help_text="24:00 is midnight; before the start: on the next day.")


class HoursFormSet(BaseInlineFormSet):
    """Blocks that together are a week: routing refuses hours that overlap, and their owner would get nothing."""

    def clean(self):
        staying = [form for form in self.forms if not self._should_delete_form(form)]
        if all(form.is_valid() for form in staying):
            _refuse_overlap([form.instance for form in staying if form.cleaned_data] + self._unseen())
        super().clean()

    def _unseen(self) -> list[WeeklyHours]:
        """Blocks that somebody else added while this page was open."""
        if not self.instance.pk:
            return []
        posted = [form.instance.pk for form in self.forms if form.instance.pk]
        return list(WeeklyHours.objects.filter(owner=self.instance).exclude(pk__in=posted))


def _refuse_overlap(blocks: list[WeeklyHours]) -> None:
    """Raises ValidationError that names the first two blocks of which no week can be made."""
    if not blocks or _make_a_week(*blocks):
        return
    for one, other in combinations(sorted(blocks, key=_place), 2):
        if _place(one) == _place(other):
            raise ValidationError(f"{one} is there twice. Remove one of the two.", code="overlapping_blocks")
        if not _make_a_week(one, other):
            raise ValidationError(
                f"{one} and {other} overlap. Change or remove one of the two.", code="overlapping_blocks"
            )


def _make_a_week(*blocks: WeeklyHours) -> bool:
    try:
        # Whether blocks overlap is the same in every zone; the owner's own has its own check.
        Hours("UTC", [_place(block) for block in blocks])
    except HoursError:
        return False
    return True


def _place(block: WeeklyHours) -> tuple[int, int, int]:
    return block.weekday, block.start_minute, block.end_minute


class HoursInline(ScopedInline):
    model = WeeklyHours
    fields = ["weekday", "start_minute", "end_minute"]
    form = HoursForm
    formset = HoursFormSet
    verbose_name = "block of weekly hours"
    verbose_name_plural = "weekly hours, in the owner's time zone; without any, every hour is a working hour"


class AbsenceForm(PlainForm):
    sentences = {"absence_ends_after_it_starts": "The absence has to end after it starts."}


class AbsenceInline(ScopedInline):
    model = Absence
    fields = ["starts_at", "ends_at", "reason"]
    form = AbsenceForm


class MembershipInline(ScopedInline):
    model = TeamMembership
    autocomplete_fields = ["team", "owner"]
    verbose_name = "membership"
    verbose_name_plural = "teams"


class TeamMembersInline(MembershipInline):
    verbose_name_plural = "members"


class OwnerForm(PlainForm):
    sentences = {"owner_does_not_cover_themselves": "Somebody else has to cover for this owner."}

    def clean_languages(self):
        return [_language(word) for word in self.cleaned_data["languages"]]

    def clean_alert_channels(self):
        channels = self.cleaned_data["alert_channels"]
        if unknown := [channel for channel in channels if channel not in CHANNELS]:
            raise ValidationError(f"There is no channel “{unknown[0]}”; there are {' and '.join(CHANNELS)}.")
        return channels

    def clean(self):
        cleaned = super().clean()
        if self.instance.pk and cleaned.get("cover") == self.instance:
            self.add_error("cover", self.sentences["owner_does_not_cover_themselves"])
        return cleaned


def _language(word: str) -> str:
    """A two-letter language code. Raises ValidationError."""
    code = word.lower()
    if len(code) != 2 or pycountry.languages.get(alpha_2=code) is None:
        raise ValidationError(f"“{word}” is not a language code. Use two letters, such as en or de.")
    return code


@admin.register(Owner)
class OwnerAdmin(LimitedInlines, LockedAdmin):
    form = OwnerForm
    inlines = [MembershipInline, HoursInline, AbsenceInline]
    list_display = [
        "name",
        "key",
        "state",
        "accepts_leads",
        "time_zone",
        "cover",
        "cap_open",
        "cap_day",
        "cap_week",
    ]
    list_filter = ["state", "accepts_leads", "teams"]
    list_select_related = ["cover"]
    search_fields = ["name", "key", "email"]
    autocomplete_fields = ["user", "cover"]
    prepopulated_fields = {"key": ["name"]}
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    readonly_fields = ["all_absences"]
    fieldsets = [
        (None, {"fields": ["name", "key", "user", "email", "state", "accepts_leads"]}),
        ("When", {"fields": ["time_zone", "cover", "all_absences"]}),
        ("What", {"fields": ["languages", "service_lines", "source_keys"]}),
        ("How much", {"fields": ["cap_open", "cap_day", "cap_week"]}),
        ("Reached by", {"fields": ["alert_channels", "booking_url"]}),
    ]

    @admin.display(description="Absences")
    def all_absences(self, owner):
        return link_to_list(Absence, "All absences", owner__id__exact=owner.pk) if owner.pk else "none yet"


@admin.register(Absence)
class AbsenceAdmin(LockedAdmin):
    form = AbsenceForm
    fields = ["owner", "starts_at", "ends_at", "reason"]
    list_display = ["owner", "starts_at", "ends_at", "reason"]
    list_select_related = ["owner"]
    list_filter = ["starts_at"]
    search_fields = ["owner__name", "owner__key", "reason"]
    autocomplete_fields = ["owner"]
    date_hierarchy = "starts_at"


@admin.register(Team)
class TeamAdmin(LimitedInlines, LockedAdmin):
    inlines = [TeamMembersInline]
    list_display = ["name", "key", "lead", "fallback_owner", "default_pool"]
    list_select_related = ["lead", "fallback_owner", "default_pool"]
    search_fields = ["name", "key"]
    autocomplete_fields = ["lead", "fallback_owner", "default_pool"]
    prepopulated_fields = {"key": ["name"]}
