"""What somebody typed about their time off in, two instants in their own zone or an error beside the field out.

Read inside `timezone.override(zone)`: what is typed is local time there.
"""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from leads.clean import clean_text
from owners.models import Absence

LONGEST = timedelta(days=2 * 366)


def _instant(label: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, widget=widget)


class AwayForm(forms.Form):
    """Both ends are needed; `now` is the instant at which it is asked."""

    kind = forms.ChoiceField(
        label="Why",
        required=False,
        choices=[(Absence.Kind.AWAY.value, "Away: holiday, training, leave"), (Absence.Kind.SICK.value, "Sick")],
    )
    starts_at = _instant("Away from")
    ends_at = _instant("Back at")
    reason = forms.CharField(
        label="Note", max_length=120, required=False, help_text="Your manager sees it. Leave it empty if you like."
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or Absence.Kind.AWAY.value

    def clean_reason(self) -> str:
        return clean_text(self.cleaned_data["reason"], 120)

    def clean_ends_at(self) -> datetime:
        start, end = self.cleaned_data.get("starts_at"), self.cleaned_data["ends_at"]
        if start is not None and end <= start:
            raise ValidationError(
                f"{_said(end)} is not after the start, {_said(start)}. Give a later date or time.", code="not_after"
            )
        if end <= self.now:
            raise ValidationError(f"{_said(end)} is past. Give a time that is still to come.", code="past")
        if start is not None and end - start > LONGEST:
            raise ValidationError("This is longer than two years. Ask RevOps to end your work here instead.")
        return end


def _said(at: datetime) -> str:
    return f"{timezone.localtime(at):%-d %b %Y, %H:%M}"
