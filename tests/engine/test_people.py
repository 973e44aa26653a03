"""One person's unreadable hours must not stop everybody else's routing."""

import pytest

from routing.engine.eligibility import Ask, check
from routing.engine.values import NO_LOAD
from tests.engine.cases import ELENA, MARCO, NOW, people, person


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("Mars/Olympus", []), ("UTC", [[0, 540, 1020], [0, 600, 660]]), ("Mars/Olympus", [[0, 540, 1020]])],
)
def test_unreadable_hours_keep_only_their_owner_from_leads(zone, hours):
    all_of_them = people(person(ELENA, zone=zone, hours=hours), person(MARCO))
    checked = check(all_of_them.owners[ELENA], Ask(NOW, "web"), NO_LOAD)
    assert checked.failed == {"present": "has working hours that cannot be read"}
    assert check(all_of_them.owners[MARCO], Ask(NOW, "web"), NO_LOAD).passed
