"""Admin of calendars that many share: their hours, special days, who uses them, and holidays to be accepted."""

from datetime import date

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from owners import holidays, week
from owners.admin.base import LimitedInlines, LockedAdmin, PlainForm
from owners.admin.hours import DayInline, HoursInline, RecordedMixin
from owners.models import Calendar, Owner, Team
from owners.scopes import visible

SHOWN_USERS = 20


class CalendarForm(PlainForm):
    sentences = {"holiday_region_of_a_country": "Give the country of this region, too."}

    def clean_holiday_country(self):
        return self.cleaned_data["holiday_country"].upper()

    def clean_holiday_region(self):
        return self.cleaned_data["holiday_region"].upper()

    def clean(self):
        cleaned = super().clean()
        country, region = cleaned.get("holiday_country"), cleaned.get("holiday_region", "")
        if country:
            try:
                holidays.check_place(country, "")
            except holidays.NoHolidays as refused:
                self.add_error("holiday_country", str(refused))
                return cleaned
            try:
                holidays.check_place(country, region)
            except holidays.NoHolidays as refused:
                self.add_error("holiday_region", str(refused))
        return cleaned


class CalendarHoursInline(HoursInline):
    verbose_name_plural = "weekly hours and breaks"


@admin.register(Calendar)
class CalendarAdmin(RecordedMixin, LimitedInlines, LockedAdmin):
    form = CalendarForm
    change_form_template = "admin/owners/calendar/change_form.html"
    inlines = [CalendarHoursInline, DayInline]
    list_display = ["name", "key", "zone", "holidays_of", "team_count", "owner_count"]
    ordering = ["name"]
    search_fields = ["name", "key"]
    prepopulated_fields = {"key": ["name"]}
    readonly_fields = ["working_week", "used_by"]
    fieldsets = [
        (None, {"fields": ["name", "key", "time_zone", "working_week", "used_by"]}),
        (
            "Holidays",
            {
                "fields": ["holiday_country", "holiday_region"],
                "description": "Save the country, then choose “Propose holidays”: only what you accept is closed.",
            },
        ),
    ]

    def get_queryset(self, request):
        counts = {"teams_using": Count("teams", distinct=True), "owners_using": Count("owners", distinct=True)}
        return super().get_queryset(request).annotate(**counts)

    def get_object(self, request, object_id, from_field=None):
        calendar = super().get_object(request, object_id, from_field)
        if calendar is not None:
            calendar.reader = request.user  # whose scope “used by” keeps to
        return calendar

    @admin.display(description="time zone", ordering="time_zone")
    def zone(self, calendar):
        return calendar.time_zone or "each person’s own"

    @admin.display(description="holidays", ordering="holiday_country")
    def holidays_of(self, calendar):
        return "-".join(filter(None, [calendar.holiday_country, calendar.holiday_region])) or "by hand"

    @admin.display(description="teams", ordering="teams_using")
    def team_count(self, calendar):
        return calendar.teams_using

    @admin.display(description="owners", ordering="owners_using")
    def owner_count(self, calendar):
        return calendar.owners_using

    @admin.display(description="Working week")
    def working_week(self, calendar):
        if not calendar.pk:
            return "said here once the calendar is saved"
        now, held = timezone.now(), week.week_of_calendar(calendar)
        said = week.in_words(held, now)
        if not calendar.time_zone:
            return said.replace(held.zone, "in each person’s own zone", 1)
        return format_html("{}<br><strong>{}</strong>", said, week.now_in_words(held, (), now))

    @admin.display(description="Used by")
    def used_by(self, calendar):
        if not calendar.pk:
            return "nobody yet"
        teams, owners = self._users_of(Team, calendar), self._users_of(Owner, calendar)
        return format_html_join(", ", '<a href="{}">{}</a>', teams + owners) or (
            "nobody yet: choose it on the page of a team, for all its members, or of an owner"
        )

    def _users_of(self, model, calendar) -> list[tuple[str, str]]:
        rows = visible(model, calendar.reader).filter(calendar=calendar).order_by("name").values_list("pk", "name")
        address = f"admin:owners_{model._meta.model_name}_change"
        word = "team " if model is Team else ""
        return [(reverse(address, args=[pk]), f"{word}{name}") for pk, name in rows[:SHOWN_USERS]]

    def get_urls(self):
        view = self.admin_site.admin_view(self.holidays_view)
        return [path("<path:object_id>/holidays/", view, name="owners_calendar_holidays"), *super().get_urls()]

    def holidays_view(self, request, object_id):
        """GET proposes the holidays of this year and the next; POST makes those that are ticked special days."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        calendar = self.get_object(request, unquote(object_id))
        if calendar is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        back = reverse("admin:owners_calendar_change", args=[calendar.pk])
        years = _years(timezone.localdate())
        try:
            if request.method == "POST":
                self._accept(request, calendar)
                return HttpResponseRedirect(back)
            found = holidays.proposed(calendar, years)
        except holidays.NoHolidays as refused:
            messages.error(request, str(refused))
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "calendar": calendar, "years": years,
            "title": f"Holidays for {calendar}", "holidays": found, "today": timezone.localdate(),
            "fresh": sum(not each.there for each in found),
        }  # fmt: skip
        return TemplateResponse(request, "admin/owners/calendar/holidays.html", context)

    def _accept(self, request, calendar) -> None:
        chosen = [day for text in request.POST.getlist("day") if (day := _day(text))]
        made = holidays.accept(calendar, chosen, request.user)
        if not made:
            messages.warning(request, "No holiday was chosen that the calendar does not have, so nothing was changed.")
            return
        names = ", ".join(f"{row.day:%Y-%m-%d} {row.name}" for row in made)
        self.log_change(request, calendar, f"Accepted holidays: {names}.")
        count = f"{len(made)} holiday{'' if len(made) == 1 else 's'}"
        messages.success(request, f"{count} of {calendar} accepted: closed on these days from the next lead on.")


def _years(today: date) -> tuple[int, int]:
    return today.year, today.year + 1


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
