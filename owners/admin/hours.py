"""Blocks, breaks and special days of an owner or a calendar, as rows of its form; refused when they make no week."""

from collections import defaultdict
from datetime import timedelta
from itertools import combinations

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.utils import timezone

from owners.admin.base import PlainForm, ScopedInline
from owners.business_time import Hours, HoursError
from owners.inputs import ClockField
from owners.models import Absence, Calendar, SpecialDay, WeeklyHours


class HoursForm(PlainForm):
    sentences = {
        "hours_not_empty": "A block of hours has to end at another time than it starts.",
        "hours_within_a_day": "A block starts before 24:00 and ends at 24:00 at the latest.",
        "hours_on_a_weekday": "Choose a day of the week.",
    }
    start_minute = ClockField(label="From")
    end_minute = ClockField(label="To", help_text="24:00 is midnight; before the start: on the next day.")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["kind"].required = False  # work, unless it is said


class _WholeFormSet(BaseInlineFormSet):
    """Rows that have to fit together: those on the page, and those that somebody else added while it was open."""

    def clean(self):
        staying = [form for form in self.forms if not self._should_delete_form(form)]
        if all(form.is_valid() for form in staying):
            rows = [form.instance for form in staying if form.cleaned_data]
            self.check_together(rows + self._unseen())
        super().clean()

    def _unseen(self) -> list:
        if not self.instance.pk:
            return []
        posted = [form.instance.pk for form in self.forms if form.instance.pk]
        return list(self.model.objects.filter(**{self.fk.name: self.instance}).exclude(pk__in=posted))

    def check_together(self, rows: list) -> None:
        """Raises ValidationError."""


class HoursFormSet(_WholeFormSet):
    """Blocks that together are a week: routing refuses hours that overlap, and their owner would get nothing."""

    def check_together(self, rows: list[WeeklyHours]) -> None:
        work = [row for row in rows if row.kind != WeeklyHours.Kind.BREAK]
        breaks = [row for row in rows if row.kind == WeeklyHours.Kind.BREAK]
        _refuse_overlap(work)
        if isinstance(self.instance, Calendar) and not work:
            raise ValidationError(
                "A calendar needs at least one open hour. Add a block, such as Monday 09:00 to 17:00.",
                code="no_open_hour",
            )
        if breaks and not work:
            raise ValidationError(f"{breaks[0]} interrupts no hours. Add a block of work or remove it.", code="break")
        _refuse_same_start(breaks)
        if work and not _make_a_week(work, breaks):
            raise ValidationError(
                "The breaks leave nothing of the working hours. Shorten or remove one of them.", code="no_open_hour"
            )


def _refuse_overlap(blocks: list[WeeklyHours]) -> None:
    """Raises ValidationError that names the first two blocks of which no week can be made."""
    if not blocks or _make_a_week(blocks):
        return
    for one, other in combinations(sorted(blocks, key=_place), 2):
        if _place(one) == _place(other):
            raise ValidationError(f"{one} is there twice. Remove one of the two.", code="overlapping_blocks")
        if not _make_a_week([one, other]):
            raise ValidationError(
                f"{one} and {other} overlap. Change or remove one of the two.", code="overlapping_blocks"
            )


def _refuse_same_start(breaks: list[WeeklyHours]) -> None:
    """Breaks may overlap, but no two of a day begin at once."""
    seen: dict[tuple[int, int], WeeklyHours] = {}
    for row in breaks:
        other = seen.setdefault(_place(row)[:2], row)
        if other is not row:
            raise ValidationError(f"{other} and {row} begin at once. Remove one of the two.", code="repeated_break")


def _make_a_week(blocks: list[WeeklyHours], breaks: list[WeeklyHours] | tuple = ()) -> bool:
    try:
        # Whether blocks overlap is the same in every zone; the owner's own has its own check.
        Hours("UTC", [_place(block) for block in blocks], (), [_place(row) for row in breaks])
    except HoursError:
        return False
    return True


def _place(block: WeeklyHours) -> tuple[int, int, int]:
    return block.weekday, block.start_minute, block.end_minute


class HoursInline(ScopedInline):
    model = WeeklyHours
    fields = ["weekday", "kind", "start_minute", "end_minute"]
    form = HoursForm
    formset = HoursFormSet
    verbose_name = "block of weekly hours"
    verbose_name_plural = "weekly hours and breaks"


def _clock_or(nothing: str) -> forms.TextInput:
    """A time of day, which an example would make look filled in."""
    return forms.TextInput(attrs={"size": 5, "placeholder": nothing})


class DayForm(PlainForm):
    sentences = {
        "special_day_closed_or_a_block": "Give both a beginning and an end, or neither: then the day is closed.",
    }
    start_minute = ClockField(
        label="Open from", required=False, widget=_clock_or("closed"), help_text="Empty: closed all day."
    )
    end_minute = ClockField(label="To", required=False, widget=_clock_or(""))


class DayFormSet(_WholeFormSet):
    """Special days of which each date is closed or has blocks that do not overlap."""

    def check_together(self, rows: list[SpecialDay]) -> None:
        by_day: dict = defaultdict(list)
        for row in rows:
            by_day[row.day].append(row)
        for day, blocks in by_day.items():
            closed = sum(row.start_minute is None for row in blocks)
            if len(blocks) > 1 and closed == len(blocks):
                raise ValidationError(f"{day:%Y-%m-%d} is there twice. Remove one of the two.", code="repeated_day")
            if closed and len(blocks) > 1:
                raise ValidationError(
                    f"{day:%Y-%m-%d} is closed in one row and open in another. Keep one of the two.",
                    code="closed_and_open",
                )
            if not closed:
                _refuse_day(day, blocks)


def _refuse_day(day, blocks: list[SpecialDay]) -> None:
    try:
        Hours("UTC", [(0, 0, 1440)], (), (), [(day, tuple((row.start_minute, row.end_minute) for row in blocks))])
    except HoursError as error:
        raise ValidationError(f"{error} Change or remove one of the two.", code=error.code) from error


class DayInline(ScopedInline):
    model = SpecialDay
    fields = ["day", "name", "start_minute", "end_minute"]
    form = DayForm
    formset = DayFormSet
    verbose_name = "special day"
    verbose_name_plural = "special days: closed, or with hours of their own instead of the week's; past ones are kept"

    def get_queryset(self, request):
        return self.shown(super().get_queryset(request))

    @staticmethod
    def shown(rows):
        """Those of the last month and to come: the others would fill the page, year by year."""
        return rows.filter(day__gte=timezone.localdate() - timedelta(days=31))


class RecordedMixin:
    """For a model admin: rows that keep who entered them are entered by whoever saves."""

    def save_model(self, request, obj, form, change):
        _record(obj, request.user)
        super().save_model(request, obj, form, change)

    def save_formset(self, request, form, formset, change):
        for row in formset.forms:
            _record(row.instance, request.user)
        super().save_formset(request, form, formset, change)


def _record(row, user) -> None:
    if row.pk is None and isinstance(row, (Absence, SpecialDay)):
        row.recorded_by = user
