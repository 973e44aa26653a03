"""Admin of teams and owners with their hours, special days, absences and covers."""

import pycountry
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from owners import cover, week
from owners.admin.base import LimitedInlines, LockedAdmin, PlainForm, ScopedInline, link_to_list
from owners.admin.hours import DayInline, HoursInline, RecordedMixin
from owners.admin.later import objections
from owners.models import Absence, Owner, Team
from owners.models import Membership as TeamMembership

CHANNELS = ("in_app", "email")


class OwnerHoursInline(HoursInline):
    verbose_name_plural = "weekly hours and breaks, in the owner's time zone; without any, those of the calendar"


class AbsenceForm(PlainForm):
    sentences = {"absence_ends_after_it_starts": "The absence has to end after it starts."}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:  # shown only, to whoever may not change it
            self.fields["kind"].required = False  # away, unless it is said


class AbsenceInline(ScopedInline):
    model = Absence
    fields = ["kind", "starts_at", "ends_at", "reason", "recorded_by"]
    readonly_fields = ["recorded_by"]
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
        return [language(word) for word in self.cleaned_data["languages"]]

    def clean_alert_channels(self):
        channels = self.cleaned_data["alert_channels"]
        if unknown := [channel for channel in channels if channel not in CHANNELS]:
            raise ValidationError(f"There is no channel “{unknown[0]}”; there are {' and '.join(CHANNELS)}.")
        return channels

    def clean(self):
        cleaned = super().clean()
        if self.instance.pk:
            for field, sentence in objections(Owner.objects.get(pk=self.instance.pk), cleaned):
                self.add_error(field, sentence)
        chosen, until, now = cleaned.get("cover"), cleaned.get("cover_until"), timezone.now()
        if not self.instance.pk or chosen is None:
            return cleaned
        if chosen == self.instance:
            self.add_error("cover", self.sentences["owner_does_not_cover_themselves"])
        elif (until is None or until > now) and (refused := cover.refusal(self.instance.pk, chosen.pk, now)):
            self.add_error("cover", refused)
        return cleaned


def language(word: str) -> str:
    """A two-letter language code. Raises ValidationError."""
    code = word.lower()
    if len(code) != 2 or pycountry.languages.get(alpha_2=code) is None:
        raise ValidationError(f"“{word}” is not a language code. Use two letters, such as en or de.")
    return code


@admin.register(Owner)
class OwnerAdmin(RecordedMixin, LimitedInlines, LockedAdmin):
    form = OwnerForm
    inlines = [MembershipInline, OwnerHoursInline, DayInline, AbsenceInline]
    list_display = [
        "name",
        "key",
        "state",
        "accepts_leads",
        "time_zone",
        "calendar",
        "cover",
        "cap_open",
        "cap_day",
        "cap_week",
    ]
    list_filter = ["state", "accepts_leads", "teams"]
    list_select_related = ["cover", "calendar"]
    search_fields = ["name", "key", "email"]
    autocomplete_fields = ["user", "cover", "calendar"]
    prepopulated_fields = {"key": ["name"]}
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    readonly_fields = ["working_week", "all_absences"]
    fieldsets = [
        (None, {"fields": ["name", "key", "user", "email", "state", "accepts_leads"]}),
        ("When", {"fields": ["working_week", "time_zone", "calendar", "cover", "cover_until", "all_absences"]}),
        ("What", {"fields": ["languages", "service_lines", "skills", "source_keys"]}),
        ("How much", {"fields": ["cap_open", "cap_day", "cap_week"]}),
        ("Reached by", {"fields": ["alert_channels", "booking_url"]}),
    ]

    @admin.display(description="Working week")
    def working_week(self, owner):
        if not owner.pk:
            return "said here once the owner is saved"
        now, held = timezone.now(), week.week_of(owner)
        absences = list(owner.absences.filter(ends_at__gt=now).values_list("starts_at", "ends_at"))
        return format_html(
            "{}<br><strong>{}</strong>", week.in_words(held, now), week.now_in_words(held, absences, now)
        )

    def get_object(self, request, object_id, from_field=None):
        owner = super().get_object(request, object_id, from_field)
        if owner is not None:
            owner.may_be_entered_away = request.user.has_perm("owners.add_absence")
        return owner

    @admin.display(description="Absences")
    def all_absences(self, owner):
        if not owner.pk:
            return "none yet"
        links = [link_to_list(Absence, "All absences", owner__id__exact=owner.pk)]
        if getattr(owner, "may_be_entered_away", False):
            address = f"{reverse('admin:owners_absence_add')}?owner={owner.pk}"
            links.append(format_html('<a href="{}">Enter an absence</a>', address))
        return format_html_join(" · ", "{}", ((link,) for link in links))


@admin.register(Absence)
class AbsenceAdmin(RecordedMixin, LockedAdmin):
    form = AbsenceForm
    fields = ["owner", "kind", "starts_at", "ends_at", "reason", "recorded_by"]
    readonly_fields = ["recorded_by"]
    list_display = ["owner", "kind", "starts_at", "ends_at", "reason", "recorded_by"]
    list_select_related = ["owner", "recorded_by"]
    list_filter = ["kind", "starts_at"]
    search_fields = ["owner__name", "owner__key", "reason"]
    autocomplete_fields = ["owner"]
    date_hierarchy = "starts_at"


@admin.register(Team)
class TeamAdmin(LimitedInlines, LockedAdmin):
    inlines = [TeamMembersInline]
    list_display = ["name", "key", "lead", "fallback_owner", "default_pool", "calendar"]
    list_select_related = ["lead", "fallback_owner", "default_pool", "calendar"]
    search_fields = ["name", "key"]
    autocomplete_fields = ["lead", "fallback_owner", "default_pool", "calendar"]
    prepopulated_fields = {"key": ["name"]}
