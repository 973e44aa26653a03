"""An instant in, calendars whose list of public holidays ends soon out: only a person makes it longer."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Max, Q

from owners.models import Calendar
from routing.doctor.finding import WARNING, Finding

CALENDAR = ("owners", "calendar")
AHEAD = timedelta(days=45)
"""How long before the new year its holidays are asked for."""


def problems(now: datetime) -> Iterator[Finding]:
    """One query. Calendars without a country have their days entered by hand, and those that nobody uses none."""
    used = Q(teams__isnull=False) | Q(owners__isnull=False)
    rows = Calendar.objects.filter(used).exclude(holiday_country="").order_by("name", "pk")
    last = Max("special_days__day", filter=Q(special_days__proposed=True))
    for pk, name, day in rows.annotate(last=last).values_list("pk", "name", "last"):
        year = (now + AHEAD).year
        if day is None or day.year < year:
            known = f"ends with {day:%-d %b %Y}" if day else "is empty"
            sentence = (
                f"The list of public holidays of calendar {name} {known}: leads go to people on holidays of {year}."
                " Choose “Propose holidays” on its page and accept them."
            )
            yield Finding(WARNING, "holidays_missing", sentence, *CALENDAR, pk)
