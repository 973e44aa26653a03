"""What the address asks of the SLA report in; period and filters for it, or errors by field, and the addresses of the
pages behind it out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import django_filters
from django import forms
from django.forms.utils import ErrorDict
from django.utils.http import urlencode

from leads.models import Lead
from routing.pages.period import DAY, USUAL, PeriodForm, days_said
from routing.reporting.choices import LABELS, Choice, Choices, choices_of, filters_of, find
from routing.reporting.report import scope_of
from routing.reporting.values import DIMENSIONS, Filters, Period, Scope, midnight

DAYS = (7, 30, 90, 365)
"""Usual periods: today and the days before it, whole days in the zone."""
ANY = {"lead_type": "Any lead type", "source": "Any source", "path": "Any path", "team": "Any team", "rep": "Anybody"}


class SlaForm(PeriodForm):
    """`from` and `to`, or the last `days`; always compared with as many days before."""

    compare = None
    days = forms.TypedChoiceField(coerce=int, required=False, empty_value=USUAL, choices=[(n, n) for n in DAYS])

    def whole_days(self) -> Period:
        """What was asked for. Only of a valid form."""
        given = self.cleaned_data
        zone = ZoneInfo(given["tz"])
        last: date = given["to"] or self.now.astimezone(zone).date()
        first: date = given["from"] or last - (given["days"] - 1) * DAY
        return Period(midnight(first, zone), midnight(last + DAY, zone), zone)


class SlaFilter(django_filters.FilterSet):
    """The form with the choices of the reader. What it filters is counted by the report, so there are no rows here."""

    lead_type = django_filters.ChoiceFilter(label=LABELS["lead_type"], empty_label=ANY["lead_type"])
    source = django_filters.ChoiceFilter(label=LABELS["source"], empty_label=ANY["source"])
    path = django_filters.ChoiceFilter(label=LABELS["path"], empty_label=ANY["path"])
    team = django_filters.ChoiceFilter(label=LABELS["team"], empty_label=ANY["team"])
    rep = django_filters.ChoiceFilter(label=LABELS["rep"], empty_label=ANY["rep"])

    class Meta:
        model = Lead
        fields: tuple[str, ...] = ()
        form = SlaForm

    def __init__(self, given: Mapping[str, Any], user: Any, now: datetime) -> None:
        super().__init__(given, Lead.objects.none())
        self.now, self.scope, self.choices = now, scope_of(user), choices_of(user)
        self.chosen: dict[str, Choice] = {}
        for name in DIMENSIONS:
            self._offer(name, given.get(name, ""))

    def _offer(self, name: str, word: str) -> None:
        offered = list(self.choices[name])
        found = find(self.choices, name, word, self.scope) if word else None
        if found:
            self.chosen[name] = found
            offered += [] if found in offered else [found]
        told = f"“%(value)s” is no {LABELS[name].lower()} that you see. Choose one of the list."
        extra = self.filters[name].extra
        extra["choices"] = [(choice.word, choice.name) for choice in offered]
        extra["error_messages"] = {"invalid_choice": told}

    @cached_property
    def form(self) -> SlaForm:
        """Bound to the address."""
        return self.get_form_class()(self.data, self.now)


@dataclass(frozen=True)
class Asked:
    """A valid question: whose leads, when, and which of them. `days`: of a usual period, else 0."""

    scope: Scope
    period: Period
    filters: Filters
    chosen: Mapping[str, Choice]
    choices: Choices
    now: datetime
    days: int

    @property
    def words(self) -> str:
        """“23 Oct – 21 Nov 2026, Europe/Berlin; source Web form, team EMEA”."""
        told = f"{days_said(self.period.since, self.period.until, self.period.zone)}, {self.period.zone}"
        parts = [f"{LABELS[name].lower()} {choice.name}" for name, choice in self.chosen.items()]
        return f"{told}; {', '.join(parts)}" if parts else told

    @property
    def before_words(self) -> str:
        """Of the period before."""
        before = self.period.before
        return days_said(before.since, before.until, before.zone)

    def address(self, part: Period | None = None, **also: str) -> str:
        """What the address of a page about the same ends with; `part`: a shorter period of it; `also`: other
        parameters, which come instead of the filters of their name.
        """
        period = part or self.period
        # Whole days: the last one ends with the period. A page has hundreds of addresses; none lists all its days.
        last = period.until.astimezone(period.zone).date() - DAY
        first = period.since.astimezone(period.zone).date()
        asked = {"from": first.isoformat(), "to": last.isoformat(), "tz": str(period.zone)}
        asked |= {name: choice.word for name, choice in self.chosen.items()} | also
        return urlencode({name: value for name, value in asked.items() if value})

    @property
    def picked(self) -> Iterator[tuple[str, str, str]]:
        """Each filter: its label, what was chosen, and the address without it."""
        for name, choice in self.chosen.items():
            yield LABELS[name], choice.name, self.address(**{name: ""})

    def usual(self, days: int) -> str:
        """The same for the last `days`."""
        asked = {"days": str(days), "tz": str(self.period.zone)}
        return urlencode(asked | {name: choice.word for name, choice in self.chosen.items()})


def asked_of(found: SlaFilter) -> Asked | None:
    """The question; None where the form has errors."""
    form = found.form
    if not form.is_valid():
        return None
    days = 0 if form.cleaned_data["from"] else form.cleaned_data["days"]
    return Asked(
        found.scope, form.whole_days(), filters_of(found.chosen), found.chosen, found.choices, found.now, days
    )  # fmt: skip


def told(errors: ErrorDict) -> str:
    """The errors as lines, for answers that are no page."""
    return "\n".join(f"{name}: {' '.join(lines)}" for name, lines in errors.items())
