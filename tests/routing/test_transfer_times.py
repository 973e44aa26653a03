"""Calendars, absences and covers in a configuration file: what is refused, and what stays as it was entered."""

from datetime import timedelta

import pytest

from owners.models import Absence, User
from routing.transfer import bring_in, export
from tests.builders import NOW
from tests.routing.test_transfer import changed, company, problems

pytestmark = pytest.mark.django_db
__all__ = ["company"]


def test_calendars_and_covers_that_cannot_be_are_refused_and_absences_keep_who_entered_them(company):
    before = export()
    block = {"weekday": 2, "from": "09:00", "to": "17:00"}
    day = {"day": "2026-12-25", "from": None, "to": None, "name": "Christmas"}
    data = changed(
        calendars=[
            {"key": "none", "name": "N"},
            {"key": "eaten", "name": "E", "hours": [block], "breaks": [block]},
            {"key": "berlin", "special_days": [day, day | {"from": "09:00", "to": "12:00"}]},
            {"key": "soon", "name": "S", "hours": [block], "special_days": [day | {"day": "soon"}]},
        ],
        owners=[{"key": "elena", "cover": "marco"}],
    )  # fmt: skip
    assert problems(data) == [
        "owners[0].cover: Covers would go round in a circle: elena → marco → elena. When they are all away, nobody"
        " stands in. Choose somebody else, or change one of the other covers first.",
        "calendars[0].hours: a calendar needs at least one open hour.",
        "calendars[1].breaks: The breaks leave nothing of the working hours.",
        "calendars[2].special_days: 2026-12-25 is closed, and there is another row for it.",
        "calendars[3].special_days: “soon” is no date; write it as 2026-12-25.",
    ]
    assert problems(changed(calendars=[{"key": "x", "name": "X", "holiday_country": "XX", "hours": [block]}])) == [
        "calendars[0]: No holidays are known of a country “XX”. Use its ISO 3166-1 code, such as DE."
    ]
    assert export() == before
    mia = User.objects.create(username="mia")
    Absence.objects.update(recorded_by=mia, uid="entry-1")
    flu = {"from": NOW.isoformat(), "to": (NOW + timedelta(days=2)).isoformat(), "reason": "flu", "kind": "sick"}
    old = {"from": NOW.isoformat(), "to": (NOW + timedelta(days=1)).isoformat(), "reason": "a file without kinds"}
    bring_in(changed(owners=[{"key": "marco", "absences": [old, flu]}]), NOW)
    assert set(Absence.objects.values_list("kind", "uid", "recorded_by__username")) == {
        ("sick", "entry-1", "mia"), ("away", "", None),
    }  # fmt: skip
    assert bring_in(changed(calendars=[]), NOW, prune=True).notes == ["calendar berlin is still used, so it stays."]
