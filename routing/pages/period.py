"""What the address asks of a report in; a period, its zone and the one to compare it with, or errors, out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.http import urlencode

from owners.models import Installation, validate_zone

DAY = timedelta(days=1)
USUAL, CHOICES = 30, (7, 30, 90)
LONGEST = 400
"""Days. A trend of more has bars that nobody can tell apart."""
OLDEST = date(2000, 1, 1)
"""No lead is older, and what came before the first year has no date."""


class Compare(forms.ChoiceField):
    """With what the period is compared."""

    PREVIOUS, YEAR, NOTHING = "previous", "year", "nothing"
    NAMES = ((PREVIOUS, "the days before"), (YEAR, "52 weeks earlier"), (NOTHING, "nothing"))


def days_said(since: datetime, until: datetime, zone: ZoneInfo) -> str:
    """“25 Oct – 23 Nov 2026”, with both years where there are two; `until` is not included."""
    first, last = since.astimezone(zone), (until - timedelta(microseconds=1)).astimezone(zone)
    if first.date() == last.date():
        return f"{last:%-d %b %Y}"
    return f"{first:%-d %b}{'' if first.year == last.year else f' {first.year}'} – {last:%-d %b %Y}"


@dataclass(frozen=True)
class Period:
    """From `since` up to, not including, `until`. `earlier`: the same of the other period, or None. `asked`: what
    the address of a page about the same period ends with. `days`: of a period up to now, else 0.
    """

    since: datetime
    until: datetime
    zone: ZoneInfo
    earlier: tuple[datetime, datetime] | None
    asked: str
    days: int = 0

    @property
    def words(self) -> str:
        return days_said(self.since, self.until, self.zone)

    def dates(self) -> list[date]:
        """Every day of it, in its zone."""
        first = self.since.astimezone(self.zone).date()
        last = (self.until - timedelta(microseconds=1)).astimezone(self.zone).date()
        return [first + n * DAY for n in range((last - first).days + 1)]


class PeriodForm(forms.Form):
    """`from` and `to` are whole days in `tz`; without them it is the last `days` up to now."""

    days = forms.TypedChoiceField(coerce=int, required=False, empty_value=USUAL, choices=[(n, n) for n in CHOICES])
    tz = forms.CharField(
        label="Time zone", max_length=64, validators=[validate_zone],
        widget=forms.TextInput({"list": "zones", "autocomplete": "off"}),
    )  # fmt: skip
    compare = Compare(label="Compared with", required=False, choices=Compare.NAMES)

    def __init__(self, given: Mapping[str, Any], now: datetime) -> None:
        asked = {name: given.get(name, "") for name in ("from", "to", *self.base_fields)}
        super().__init__({**asked, "tz": asked["tz"] or company_zone()}, auto_id="period-%s")
        self.now = now
        for name, label in (("from", "From"), ("to", "To")):  # the one is a word of Python's
            self.fields[name] = forms.DateField(label=label, required=False, widget=_Day())
        self.order_fields(["from", "to", "tz", "compare"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        first, last = given.get("from"), given.get("to")
        if "tz" not in given or self.errors.keys() & {"from", "to"}:
            return given
        today = self.now.astimezone(ZoneInfo(given["tz"])).date()
        if first and first < OLDEST:
            self.add_error("from", f"{_said(first)} is too long ago. Give a day from {_said(OLDEST)} on.")
        elif first and first > today:
            self.add_error("from", f"{_said(first)} is still to come. Give a day up to {_said(today)}.")
        elif last and not first:
            self.add_error("from", "Give the first day, too.")
        elif first and last and last < first:
            self.add_error("to", f"{_said(last)} is before {_said(first)}: there is no day in between. Swap the two.")
        elif first and ((last or today) - first).days >= LONGEST:
            self.add_error("to", ValidationError(f"These are more than {LONGEST} days. Choose a shorter period."))
        return given

    def period(self) -> Period:
        """What was asked for. Only of a valid form."""
        given = self.cleaned_data
        zone = ZoneInfo(given["tz"])
        compare = given["compare"] or Compare.PREVIOUS
        asked = {"tz": given["tz"], "compare": compare}
        if first := given["from"]:
            last = given["to"] or self.now.astimezone(zone).date()
            since, until = _midnight(first, zone), _midnight(last + DAY, zone)
            back = 364 * DAY if compare == Compare.YEAR else (last - first) + DAY
            earlier = (_midnight(first - back, zone), _midnight(last + DAY - back, zone))
            asked |= {"from": first.isoformat(), "to": last.isoformat()}
            days = 0
        else:
            days = given["days"] or USUAL
            since, until = self.now - days * DAY, self.now
            back = 364 * DAY if compare == Compare.YEAR else days * DAY
            earlier = (since - back, until - back)
            asked |= {"days": str(days)}
        return Period(since, until, zone, None if compare == Compare.NOTHING else earlier, urlencode(asked), days)


class _Day(forms.DateInput):
    input_type = "date"

    def format_value(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value


def company_zone() -> str:
    """Where the company is; the server's zone until it said so."""
    zone = Installation.objects.values_list("time_zone", flat=True).first()
    return zone or timezone.get_default_timezone_name()


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


def _said(day: date) -> str:
    return f"{day:%-d %b %Y}"
